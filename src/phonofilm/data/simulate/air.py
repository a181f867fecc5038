"""Air in motion: blasts, wind, fire, a crowd far away, and one surface rubbed on another.

Wind is noise with a few resonances that wander with its strength (Farnell, "Designing Sound", 2010); fire is a roar, a
hiss and crackles at random times (the same); friction sticks and slips (Serafin, "The sound of friction", 2004).

Dimension letters: S samples, B blocks.
"""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfftfreq

from phonofilm.data.simulate.modal import MATERIALS, DoubleArray, Hit, body, burst, layered, scattered, swept

_BLOCK = 441


def coloured(
    count: int, points: Sequence[tuple[float, float]], chance: np.random.Generator, rate_hz: int
) -> DoubleArray:
    """(S,) steady noise of power 1 whose levels in octave bands run through (Hz, dB) points; it falls off outside."""
    long = next_fast_len(max(count, 64), real=True)
    hz = np.maximum(rfftfreq(long, 1 / rate_hz), 1.0)
    edges = [(points[0][0] / 8, points[0][1] - 36), *points, (points[-1][0] * 4, points[-1][1] - 40)]
    level_db = np.interp(np.log(hz), [np.log(each) for each, _ in edges], [db for _, db in edges])
    weight = 10 ** (level_db / 20) / np.sqrt(hz)  # an octave holds twice as many bins as the one below
    spectrum = weight * (chance.standard_normal(len(hz)) + 1j * chance.standard_normal(len(hz)))
    noise = irfft(spectrum, long)[:count]
    return np.asarray(noise / np.sqrt((weight**2).sum() * 4 / long**2), np.float64)


def wander(count: int, hz: float, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) a random curve between 0 and 1 that turns about `hz` times a second."""
    knots = chance.random(int(count / rate_hz * 2 * hz) + 4)
    at = np.arange(count) * (2 * hz / rate_hz)
    first = at.astype(np.int64)
    ease = 0.5 - 0.5 * np.cos(np.pi * (at - first))
    return np.asarray(knots[first] + (knots[first + 1] - knots[first]) * ease, np.float64)


def bursting(size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A shot or a firework: a blast that darkens as it dies, the thump of the air, and sparks where it is large."""
    low_hz, long_s = 180 - 110 * size, 0.05 + 0.3 * size
    thump = body(MATERIALS["air"], size, chance, rate_hz)
    sparks = _crackles(chance, rate_hz)
    late_s = chance.uniform(0.05, 0.3)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        layers = [
            (0, 0.8, burst(4000.0, 0.01 + 0.02 * size, chance, rate_hz)),
            (0, 0.9, burst(900.0, 0.4 * long_s, chance, rate_hz)),
            (0, 1.0, burst(low_hz, long_s, chance, rate_hz)),
        ]
        if size > 0.4:
            grains = int(180 * size * strength)
            times = ((late_s + chance.gamma(2.0, 0.25, grains)) * rate_hz).astype(np.int64)
            times = times[times < int(2.2 * rate_hz)]
            gains = 0.07 * np.abs(chance.standard_normal(len(times)))
            choice = chance.integers(len(sparks), size=len(times))
            layers.append((0, 1.0, scattered(int(2.4 * rate_hz), times, gains, sparks, choice)))
        return layered(thump(strength, chance), *layers)

    return hit


def wind(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) the stronger it blows the higher it howls; gusts of its own on top of the level."""
    count = len(levels)
    gust = levels * (0.55 + 0.9 * wander(count, 0.5, chance, rate_hz))
    noise = coloured(count, ((60, -10), (250, -2), (1000, -1), (4000, -6), (12000, -16)), chance, rate_hz)
    pull = gust[::_BLOCK]  # (B,)
    out = 0.5 * noise
    for base_hz in chance.uniform((240, 480, 900), (380, 750, 1500)):
        turn = wander(count, 0.7, chance, rate_hz)[::_BLOCK]
        centres = base_hz * (0.6 + 0.7 * pull + 0.3 * turn)
        out = out + 1.5 * swept(noise, centres, 0.2 * centres, rate_hz, _BLOCK)
    return np.asarray(out * gust**1.3, np.float64)


def fire(levels: DoubleArray, chance: np.random.Generator, rate_hz: int, loudest: float = 12.0) -> DoubleArray:
    """(S,) crackles, most of them faint and a few up to `loudest`, in flurries over a low flickering roar."""
    count = len(levels)
    flicker = 0.5 + wander(count, 6.0, chance, rate_hz)
    roar = coloured(count, ((40, -2), (90, 0), (200, -3), (600, -12), (2000, -24)), chance, rate_hz)
    hiss = coloured(count, ((500, -18), (2000, -6), (6000, 0), (14000, -2)), chance, rate_hz)
    flurry = levels * (0.25 + 1.2 * wander(count, 1.0, chance, rate_hz) ** 2)
    starts = chance.integers(0, count, chance.poisson(90 * count / rate_hz))
    starts = np.sort(starts[chance.random(len(starts)) < flurry[starts]])
    gains = 0.12 * np.minimum(chance.pareto(1.3, len(starts)) + 0.3, loudest)
    templates = _crackles(chance, rate_hz)
    snaps = scattered(count, starts, gains, templates, chance.integers(len(templates), size=len(starts)))
    return np.asarray(0.22 * levels * flicker * roar + 0.04 * levels * hiss + snaps, np.float64)


def friction(levels: DoubleArray, beat_hz: float, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) scraping. The level is the speed: it raises brightness and the rate at which the surfaces stick and slip.

    beat_hz: strokes a second where it is below 15, else the rate of slips; 0 for a steady pull.
    """
    count = len(levels)
    time_s = np.arange(count) / rate_hz
    strokes = np.abs(np.sin(np.pi * beat_hz * time_s)) if 0 < beat_hz < 15 else np.ones(count)
    speed = levels * strokes
    slips_hz = (beat_hz if beat_hz >= 15 else chance.uniform(45, 110)) * (0.5 + speed)
    phase = np.cumsum(slips_hz * (1 + 0.3 * (wander(count, 20.0, chance, rate_hz) - 0.5))) / rate_hz
    slip = (1 - phase % 1) ** 3
    noise = coloured(count, ((100, -18), (300, -9), (900, -3), (2500, 0), (6000, -2), (14000, -12)), chance, rate_hz)
    out = 0.3 * noise * (0.4 + slip)
    for base_hz in np.exp(chance.uniform(np.log(500), np.log(4500), 3)):
        centres = base_hz * (0.9 + 0.15 * speed[::_BLOCK])
        out = out + swept(noise * (0.2 + slip), centres, 0.06 * centres, rate_hz, _BLOCK)
    return np.asarray(out * speed, np.float64)


def _crackles(chance: np.random.Generator, rate_hz: int) -> list[DoubleArray]:
    """Snaps of burning wood: a third of a millisecond to two and a half, most of them high."""
    hz = np.exp(chance.uniform(np.log(900), np.log(8000), 32))
    return [burst(float(centre), float(chance.uniform(0.0003, 0.0025)), chance, rate_hz) for centre in hz]
