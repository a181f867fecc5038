"""When something begins in a recording: the cue curves of sound, for training and for measuring.

Onsets are sought as in SuperFlux (Boeck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx
2013): the rise of the log spectrum over a few milliseconds, each band compared with the loudest of its neighbours
before, so that a tone that wavers does not count as a new one. A candidate must then also be louder after than before,
and not far below the loudest event of the recording; last, its time is moved to the sample where the energy rises.

Dimension letters: S samples, M analysis frames, B bands, K onsets, N points on the mel clock.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

from phonofilm.cues import PEAK_DISTANCE_S, CueCurves, bumps
from phonofilm.timeline import grid_count
from phonofilm.types import FloatArray

Times = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

MEL_CLOCK_HZ = Fraction(44100, 512)
"""The clock of the curves: one point for each frame of the 44.1 kHz mel spectrogram."""
FRAME_HZ = 2 * MEL_CLOCK_HZ
WINDOW_S = 1024 / 44100
"""Four frames long, so that a click is seen by the frames up to two before it and two after it."""
LAG = 3
"""The rise is taken over this many frames. The frame centred on a click sees it best, and the frame LAG before sees
nothing of it: the rise peaks at the click itself. (With 2, the frame before the click would win on a log scale.)"""
BANDS = 40
LOW_HZ, HIGH_HZ = 60.0, 16000.0
RANGE_DB = 50.0
"""What lies further than this below the loudest band of the recording counts as silence."""
QUIET_DB = -55.0
"""A-weighted level, relative to a full-scale sine, under which nothing is heard at all, however quiet the rest."""
MIN_RISE = 0.035
"""Least peak of flux, above its surroundings, as a share of RANGE_DB: 1.75 dB in the mean over all bands."""
NOISE_FACTOR = 3.0
"""A peak must stand this many times the surrounding mean deviation above the surrounding median."""
SURROUNDING_S = 0.7
TRAIN_SHARE = 0.7
"""A peak this soon (PEAK_DISTANCE_S) after another at least this share as high belongs to the same event."""
STEP_S, MIN_STEP_DB = 0.03, 4.0
"""Least rise from the level of the time before an onset to the peak level after. Fades and noise stay below it."""
STRENGTH_RANGE_DB = 40.0
"""An onset this much weaker than the loudest has strength 0."""
MIN_STRENGTH = 0.3
LEAD_IN_S, LEAD_IN_STRENGTH = 0.15, 0.25
"""What comes this shortly before an onset and is 10 dB weaker is the approach (the hiss of the knife before it meets
the board, the hammer of a pistol); listeners hear one event."""
EVENT_BELOW_TOP_DB = 3.0
"""The loudest onset has strength 1 unless it lies further than this below the loudest moment of the recording: what
first stirs in a sound that then swells is no event."""
ACTIVITY_LOW_DB, ACTIVITY_HIGH_DB, LEAST_TOP_DB = -60.0, -15.0, -10.0


@dataclass(frozen=True)
class _Analysis:
    """loudness: (M, B), 0..1 over RANGE_DB below the recording's loudest band. power: (M,) A-weighted, 1 = full scale
    sine. flux: (M,) mean rise of loudness over the bands. Frame m is centred on m / FRAME_HZ."""

    loudness: FloatArray
    power: FloatArray
    flux: FloatArray


def onset_curve(samples: FloatArray, rate_hz: int) -> FloatArray:
    """How strongly something begins, before any decision: the spectral flux.

    samples: (S,) float32, mono, `rate_hz` samples per second. Returns (N,) float32 on the mel clock, N = points in the
    recording; point n stands for the instant n * 512/44100 s. Values are the mean rise over the bands as a share of
    50 dB: at most 1, for a click out of silence about 0.5.
    """
    count = grid_count(Fraction(len(samples), rate_hz), MEL_CLOCK_HZ)
    flux = np.pad(_analyse(samples, rate_hz).flux, (1, 2))
    # Two analysis frames a point; what peaks between points leans on both neighbours, more on the nearer one.
    even, before, after = flux[1::2][:count], flux[0::2][:count], flux[2::2][:count]  # (N,) each
    curve: FloatArray = np.maximum(even, 0.5 * (even + np.maximum(before, after))).astype(np.float32)
    return curve


def detect_onsets(samples: FloatArray, rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """The instants at which a listener hears something begin.

    samples: (S,) float32, mono. Returns times_s (K,) and strengths (K,), both float32, in order; strength is 1 for the
    loudest onset and falls by 0.1 for every 4 dB less; those below 0.3 are left out. Onsets are at least 80 ms apart.
    """
    analysis = _analyse(samples, rate_hz)
    candidates = _candidates(analysis.flux)
    levels_db = np.array([_attack_db(analysis.power, m) for m in candidates])
    heard = levels_db > QUIET_DB
    candidates, levels_db = candidates[heard], levels_db[heard]
    if not len(candidates):
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    top_db = 10 * np.log10(float(uniform_filter1d(analysis.power, 3).max()))
    loudest_db = max(levels_db.max(), top_db - EVENT_BELOW_TOP_DB)
    strengths = 1 + (levels_db - loudest_db) / STRENGTH_RANGE_DB
    times_s = np.array([_attack_time_s(samples, rate_hz, m / float(FRAME_HZ)) for m in candidates])
    kept = _select(times_s, strengths)
    return times_s[kept].astype(np.float32), strengths[kept].astype(np.float32)


def activity_curve(samples: FloatArray, rate_hz: int) -> FloatArray:
    """How much goes on: the level of 50 ms, smoothed, relative to the recording's loudest 50 ms.

    samples: (S,) float32, mono. Returns (N,) float32 0..1 on the mel clock: 0 from 60 dB below the loudest 50 ms, 1
    from 15 dB below it. In a recording that never reaches -10 dB of a full-scale sine, that level stands for the
    loudest: a quiet recording is less active.
    """
    count = grid_count(Fraction(len(samples), rate_hz), MEL_CLOCK_HZ)
    if not count:
        return np.zeros(0, np.float32)
    width = max(1, round(0.05 * rate_hz))
    power = uniform_filter1d(samples.astype(np.float64) ** 2, width, mode="constant").clip(0)  # (S,)
    centres = np.round(np.arange(count) * rate_hz / float(MEL_CLOCK_HZ)).astype(int).clip(max=len(samples) - 1)
    level_db = 10 * np.log10(2 * power[centres] + 1e-12)  # (N,)
    top_db = max(10 * np.log10(2 * power.max() + 1e-12), LEAST_TOP_DB)
    share = (level_db - top_db - ACTIVITY_LOW_DB) / (ACTIVITY_HIGH_DB - ACTIVITY_LOW_DB)
    result: FloatArray = uniform_filter1d(share.clip(0, 1), 5, mode="nearest").astype(np.float32)
    return result


def sound_curves(samples: FloatArray, rate_hz: int) -> CueCurves:
    """The cue curves of a recording, drawn as those found in pixels are: a bump per event, activity, place centre.

    samples: (S,) float32, mono.
    """
    activity = activity_curve(samples, rate_hz)
    times_s, strengths = detect_onsets(samples, rate_hz)
    onset = bumps(times_s, strengths, MEL_CLOCK_HZ, len(activity))
    return CueCurves(MEL_CLOCK_HZ, onset, activity, np.zeros_like(activity))


def _analyse(samples: FloatArray, rate_hz: int) -> _Analysis:
    assert samples.ndim == 1, f"samples must be (S,), not {samples.shape}"
    frames = grid_count(Fraction(len(samples), rate_hz), FRAME_HZ)
    if not frames:
        return _Analysis(np.zeros((0, BANDS), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    width = 2 * round(WINDOW_S * rate_hz / 2)
    window = np.hanning(width + 1)[:-1].astype(np.float32)
    starts = np.round(np.arange(frames) * rate_hz / float(FRAME_HZ)).astype(int)
    # The first and last samples are held on, lest a recording cut out of something seem to begin with a bang.
    padded = np.pad(samples, (width // 2, width), mode="reflect" if len(samples) > width else "constant")
    pieces = sliding_window_view(padded, width)[starts]  # (M, width)
    spectrum = rfft(pieces * window, axis=1)  # (M, width/2+1)
    power = (spectrum.real**2 + spectrum.imag**2) * np.float32(4 / window.sum() ** 2) * _a_weights(width, rate_hz)
    bands = power @ _band_filters(width, rate_hz)  # (M, B)
    top = max(float(bands.max()), 10 ** (QUIET_DB / 10))
    floor = top * 10 ** (-RANGE_DB / 10)
    loudness = (np.log10(1 + bands / floor) * (10 / RANGE_DB)).astype(np.float32)
    # Half-power bandwidth of the Hann window: a sine's power is spread over its 1.5 bins.
    return _Analysis(loudness, (power.sum(axis=1) / 1.5).astype(np.float32), _flux(loudness))


def _flux(loudness: FloatArray) -> FloatArray:
    """(M, B) → (M,) mean rise over LAG frames, against the loudest of each band and its two neighbours."""
    before = maximum_filter1d(loudness, 3, axis=1)
    before = np.concatenate([np.repeat(before[:1], LAG, axis=0), before[:-LAG]])[: len(loudness)]
    result: FloatArray = np.maximum(loudness - before, 0).mean(axis=1).astype(np.float32)
    return result


def _candidates(flux: FloatArray) -> Indices:
    """(K,) frames at which the flux peaks clearly above its surroundings."""
    if not len(flux):
        return np.zeros(0, np.intp)
    around = round(SURROUNDING_S * float(FRAME_HZ)) | 1
    middle = median_filter(flux, around, mode="reflect")
    spread = uniform_filter1d(np.minimum(np.abs(flux - middle), MIN_RISE), around, mode="reflect")
    highest = maximum_filter1d(flux, 7, mode="constant")
    found = np.flatnonzero((flux == highest) & (flux > middle + np.maximum(MIN_RISE, NOISE_FACTOR * spread)))
    # A train of pulses too fast to be told apart (an engine, a rattle, a roll) is one event, at its first pulse.
    reach = PEAK_DISTANCE_S * float(FRAME_HZ)
    gaps = found[:, None] - found[None, :]  # (K, K)
    follows = (gaps > 0) & (gaps < reach) & (flux[found][None, :] >= TRAIN_SHARE * flux[found][:, None])
    return found[~follows.any(axis=1)]


def _select(times_s: Times, strengths: Times) -> list[int]:
    """Which onsets to keep, in order of time: the stronger ones where they crowd, without what leads in to them."""
    kept: list[int] = []
    for k in np.argsort(-strengths, kind="stable").tolist():
        if strengths[k] < MIN_STRENGTH:
            break
        gaps_s = times_s[kept] - times_s[k]
        leads_in = (gaps_s > 0) & (gaps_s < LEAD_IN_S) & (strengths[kept] - strengths[k] > LEAD_IN_STRENGTH)
        if not (np.abs(gaps_s) < PEAK_DISTANCE_S).any() and not leads_in.any():
            kept.append(k)
    return sorted(kept, key=lambda k: float(times_s[k]))


def _attack_db(power: FloatArray, frame: int) -> float:
    """Level in dB of what came new around a frame, or -inf when it is hardly louder after than before."""
    reach = round(STEP_S * float(FRAME_HZ))
    before = float(power[max(0, frame - LAG - reach) : max(1, frame - LAG + 1)].mean())
    after = float(uniform_filter1d(power[frame : frame + reach], 2, mode="nearest").max())
    if after <= before * 10 ** (MIN_STEP_DB / 10):
        return -np.inf
    return float(10 * np.log10(after - before))


def _attack_time_s(samples: FloatArray, rate_hz: int, near_s: float) -> float:
    """The instant near `near_s` where the energy of the next 4 ms stands highest above that of the 4 ms before."""
    reach, step = round(0.015 * rate_hz), round(0.004 * rate_hz)
    first = max(0, round(near_s * rate_hz) - reach)
    last = min(len(samples), round(near_s * rate_hz) + reach)
    piece = samples[max(0, first - step) : last + step].astype(np.float64)
    piece = piece - uniform_filter1d(piece, step, mode="nearest")  # rumble hides attacks
    piece = np.pad(piece, (step - min(first, step), max(0, last + step - len(samples))))
    total = np.concatenate([[0.0], np.cumsum(piece**2)])
    sums = total[step:] - total[:-step]  # sums[i]: energy of the `step` samples from i on
    floor = 0.1 * sums.max() + 1e-15
    rise = np.log(sums[step:] + floor) - np.log(sums[:-step] + floor)  # rise[i]: at sample first + i
    # One single sample gives a plateau 4 ms long that ends at the sample itself.
    top = np.flatnonzero(rise >= 0.999 * rise.max())[-1]
    return float((first + int(top)) / rate_hz)


def _a_weights(width: int, rate_hz: int) -> FloatArray:
    """(width/2+1,) power weights of the A curve (IEC 61672-1), 1 at 1 kHz."""
    f = np.fft.rfftfreq(width, 1 / rate_hz) ** 2
    gain = 12194.0**2 * f**2 / ((f + 20.6**2) * np.sqrt((f + 107.7**2) * (f + 737.9**2)) * (f + 12194.0**2))
    return ((1.2589 * gain) ** 2).astype(np.float32)


def _band_filters(width: int, rate_hz: int) -> FloatArray:
    """(width/2+1, B) triangles, evenly spaced on the mel scale (O'Shaughnessy's) and at least two bins wide."""
    top_hz = min(HIGH_HZ, 0.45 * rate_hz)
    edges_mel = np.linspace(np.log1p(LOW_HZ / 700), np.log1p(top_hz / 700), BANDS + 2)
    edges_hz = 700 * np.expm1(edges_mel)
    bin_hz = rate_hz / width
    f = np.arange(width // 2 + 1)[:, None] * bin_hz
    centres = edges_hz[1:-1]
    rising = (f - centres) / np.maximum(centres - edges_hz[:-2], bin_hz)
    falling = (f - centres) / np.maximum(edges_hz[2:] - centres, bin_hz)
    result: FloatArray = np.maximum(0, 1 - np.where(f < centres, -rising, falling)).astype(np.float32)
    return result
