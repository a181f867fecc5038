"""Plucked strings: a period of noise that runs round a loop and loses its edge.

The algorithm of Karplus and Strong with the pluck position, the dynamics filter and the fractional tuning of Jaffe and
Smith ("Extensions of the Karplus-Strong plucked-string algorithm", Computer Music Journal 7(2), 1983).

Dimension letters: S samples, P samples of a period.
"""

import numpy as np
from scipy.signal import lfilter

from phonofilm.data.simulate.modal import DoubleArray, Hit

SMALL_HZ, LARGE_HZ = 880.0, 65.0
FALL_S = 1.8
"""How long a middle string takes to fall by 60 dB; higher ones are faster."""
LOWPASS = 0.5


def string_hz(size: float) -> float:
    """Pitch of a string of size 0 to 1, on the tempered scale, so that several strings agree with each other."""
    return float(440 * 2 ** (round(12 * np.log2(SMALL_HZ * (LARGE_HZ / SMALL_HZ) ** size / 440)) / 12))


def plucked(size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A string of its own pitch and brightness; each pluck is at about the same place."""
    hz = string_hz(size)
    where = chance.uniform(0.12, 0.3)
    # A finger rounds off what is shorter than itself: a string keeps its first few tones.
    bright = 1 - np.exp(-2 * np.pi * min(0.3, hz * chance.uniform(2.5, 7) / rate_hz))
    fall_s = FALL_S * (220 / hz) ** 0.35 * 2 ** chance.uniform(-0.4, 0.4)
    # The loop's two-point average delays by half a sample.
    delay = rate_hz / hz - 0.5
    whole = int(delay - 0.3)
    between = delay - whole
    keep = 10 ** (-3 / (hz * fall_s))
    taps = keep * np.convolve([1 - between, between], [LOWPASS, 1 - LOWPASS])
    shape = chance.standard_normal(whole)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        spot = max(1, int(whole * (where + 0.01 * chance.standard_normal())))
        edge = bright * (0.5 + 0.5 * strength)
        push = lfilter([edge**2], [1, 2 * (edge - 1), (1 - edge) ** 2], shape + 0.1 * chance.standard_normal(whole))
        push = push - push.mean()
        # The part of the wave that runs to the bridge comes back turned over: every whole/spot-th tone is missing.
        push = push - np.roll(push, spot)
        return _rung(push / np.abs(push).max(), taps, int(min(3.0, 1.1 * fall_s) * rate_hz))

    return hit


def _rung(push: DoubleArray, taps: DoubleArray, count: int) -> DoubleArray:
    """(P,) → (S,) y[n] = push[n] + sum over j of taps[j] y[n - P - j], a period at a time."""
    period, reach = len(push), len(taps)
    out = np.zeros(reach + 2 * period + count)
    first = reach + period
    out[first : first + period] = push
    for start in range(first + period, first + count, period):
        before = out[start - period - reach + 1 : start]
        out[start : start + period] = np.convolve(before, taps, "valid")
    out = out[first : first + count]
    out[-period:] *= np.linspace(1, 0, min(period, count))
    return np.asarray(out, np.float64)
