"""Where sound stands between the loudspeakers: effects by the place curve, ambience gently wide.

Dimension letters: S samples, N curve points.
"""

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, fftconvolve, sosfilt

from phonofilm.cues import CueCurves
from phonofilm.types import FloatArray, Waveform

WIDTH = 0.7
"""Share of the way to a loudspeaker that the edge of the picture is placed at: the screen is narrower than the room."""
SMOOTHING_S = 0.2
"""A place that jumps faster is heard as a click, not as movement."""
SIDE_DB = -12.5
"""Level of the decorrelated part in each channel against the sound itself: wide, still one source, and the two
together add less than 0.5 dB to its power."""
SIDE_LENGTH_S = 0.03
SIDE_PULSES_HZ = 1500
SIDE_LOW_HZ = 200.0
"""Below this, sound stays in the middle: bass out of phase is felt as pressure and lost in mono."""
EVENT_TAIL_S = 0.15


def place_effects(sound: FloatArray, curves: CueCurves, rate_hz: int) -> Waveform:
    """Mono sound (S,) → stereo, placed by `curves.place` with constant power.

    A part without events is spread by a side signal that cancels in the mono sum (velvet noise decorrelation, Schlecht
    et al. 2018); hits stay sharp. The mono sum L + R is the input times cos + sin of the pan angle: sqrt 2 in the
    middle, at most 2.5 dB less at the edges, never combed.
    """
    count = len(sound)
    if not count:
        return Waveform(np.zeros((2, 0), np.float32), rate_hz)
    angle = (1 + WIDTH * _per_sample(_smooth(curves.place, curves), curves, count, rate_hz)) * (math.pi / 4)  # (S,)
    side = _side(sound, rate_hz) * (1 - _per_sample(_event_envelope(curves), curves, count, rate_hz))  # (S,)
    left = np.cos(angle) * sound + side
    right = np.sin(angle) * sound - side
    return Waveform(np.stack([left, right]).astype(np.float32), rate_hz)  # (2, S)


def _smooth(curve: FloatArray, curves: CueCurves) -> FloatArray:
    smooth: FloatArray = gaussian_filter1d(curve, SMOOTHING_S * float(curves.rate_hz), mode="nearest")
    return smooth


def _per_sample(curve: FloatArray, curves: CueCurves, count: int, rate_hz: int) -> FloatArray:
    """(N,) → (S,) by straight lines between the points."""
    if not len(curve):
        return np.zeros(count, np.float32)
    position = np.arange(count) * (float(curves.rate_hz) / rate_hz)
    values: FloatArray = np.interp(position, np.arange(len(curve)), curve).astype(np.float32)
    return values


def _event_envelope(curves: CueCurves) -> FloatArray:
    """(N,) 1 at events, falling to 0 over EVENT_TAIL_S."""
    envelope = np.minimum(1, 2 * curves.onset)
    keep = math.exp(-1 / (EVENT_TAIL_S / 3 * float(curves.rate_hz)))
    for index in range(1, len(envelope)):
        envelope[index] = max(envelope[index], keep * envelope[index - 1])
    return envelope.astype(np.float32)


def _side(sound: FloatArray, rate_hz: int) -> FloatArray:
    """(S,) a decorrelated copy of the sound without its bass, SIDE_DB under it."""
    generator = np.random.default_rng(0)  # always the same room
    length = round(SIDE_LENGTH_S * rate_hz)
    spacing = rate_hz / SIDE_PULSES_HZ
    starts = np.arange(int(length / spacing)) * spacing
    taps = np.zeros(length)
    places = np.minimum(length - 1, (starts + generator.uniform(0, spacing, len(starts))).astype(int))
    taps[places] = generator.choice([-1.0, 1.0], len(places)) * np.exp(-3 * places / length)
    taps *= 10 ** (SIDE_DB / 20) / np.sqrt((taps**2).sum())
    high = sosfilt(butter(2, SIDE_LOW_HZ, "highpass", fs=rate_hz, output="sos"), sound)
    side: FloatArray = fftconvolve(high, taps)[: len(sound)].astype(np.float32)
    return side
