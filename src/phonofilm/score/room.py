"""A room around the players: a stereo impulse response made of decaying noise, and what it adds to the sound.

Moorer 1979 ("About this reverberation business"): the tail of a hall is Gaussian noise under an exponential decay,
faster where frequencies are high.

Dimension letters: C = 2 channels, S samples.
"""

import math

import numpy as np
from scipy.signal import lfilter, oaconvolve

from phonofilm.types import FloatArray

SHORTEST_S, LONGEST_S = 0.5, 2.6
"""Reverberation times of the driest and of the widest room: a studio, a concert hall."""
BEFORE_S = 0.018
EARLY = ((0.011, 0.5), (0.017, -0.42), (0.023, 0.36), (0.031, -0.3), (0.041, 0.25), (0.053, -0.2))
"""Delays and strengths of the first reflections; the second channel has them 7 % later."""
DARK_SHARE = 0.45
"""How long high frequencies last, against low ones."""
ROOM_SEED = 1979
"""The room is a place, not a performance: it is the same for every take."""


def impulse_response(size: float, rate_hz: int) -> FloatArray:
    """The response (2, S) of a room of size 0..1, of energy 1 in each channel."""
    time_s = SHORTEST_S * (LONGEST_S / SHORTEST_S) ** size
    count = round(time_s * rate_hz)
    rng = np.random.default_rng(ROOM_SEED)
    clock = np.arange(count) / rate_hz
    noise = rng.standard_normal((2, count))
    low = lfilter([0.12], [1, -0.88], noise, axis=1)  # below about 900 Hz at 44.1 kHz
    high = noise - low
    # Sixty decibels in the reverberation time.
    tail = low * 10 ** (-3 * clock / time_s) + 0.6 * high * 10 ** (-3 * clock / (DARK_SHARE * time_s))
    response = np.zeros((2, count + round(BEFORE_S * rate_hz)))
    response[:, -count:] = 0.06 * tail
    for delay_s, strength in EARLY:
        for channel, later in ((0, 1.0), (1, 1.07)):
            response[channel, round(delay_s * later * rate_hz)] += strength
    response = response - response.mean(axis=1, keepdims=True)
    normal: FloatArray = (response / np.sqrt((response**2).sum(axis=1, keepdims=True))).astype(np.float32)
    return normal


def reverberate(sent: FloatArray, size: float, rate_hz: int) -> FloatArray:
    """What a room adds to a sound (2, S); as long as the sound, what rings beyond is cut off."""
    response = impulse_response(size, rate_hz)
    wet: FloatArray = oaconvolve(sent, response, axes=1)[:, : sent.shape[1]].astype(np.float32)
    return wet


def panned(dry: FloatArray, place: float) -> FloatArray:
    """A part (2, S) moved to a place, -1 left .. 1 right: both channels turned by constant power, width kept small."""
    angle = (place + 1) * math.pi / 4
    middle = (dry[0] + dry[1]) * np.float32(0.5)
    side = (dry[0] - dry[1]) * np.float32(0.25)
    scale = math.sqrt(2)
    return np.stack(
        [middle * np.float32(scale * math.cos(angle)) + side, middle * np.float32(scale * math.sin(angle)) - side]
    )
