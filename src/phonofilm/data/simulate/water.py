"""Water: drips, splashes, rain, a stream, waves on a shore, and the sea from below.

Most of what water sounds like is bubbles: each rings at the frequency of Minnaert (1933), which rises while it comes to
the surface (van den Doel, "Physically based models for liquid sounds", ACM Trans. Applied Perception 2(4), 2005).

Dimension letters: S samples.
"""

import numpy as np

from phonofilm.data.simulate.air import coloured, wander
from phonofilm.data.simulate.modal import DoubleArray, Hit, burst, layered, scattered

_TEMPLATES = 40


def bubble(hz: float, rise: float, rate_hz: int) -> DoubleArray:
    """(S,) a bubble that rings at `hz` (its radius is 3 m/s / hz). rise: van den Doel's xi, 0 to 0.1."""
    decay = 0.043 * hz + 0.0014 * hz**1.5
    time_s = np.arange(int(6.9 / decay * rate_hz) + 2) / rate_hz
    phase = hz * (time_s + 0.5 * rise * decay * time_s**2)
    return np.asarray(np.sin(2 * np.pi * phase) * np.exp(-decay * time_s), np.float64)


def dripping(size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """Drops that fall to the same spot: the tick of the surface and the bubble that it shuts in."""
    hz = 2600 * (380 / 2600) ** size * 2 ** chance.uniform(-0.2, 0.2)
    rise = chance.uniform(0.05, 0.12)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        main = bubble(hz * 2 ** (0.04 * chance.standard_normal()), rise, rate_hz)
        second = bubble(hz * 1.6 * 2 ** (0.1 * chance.standard_normal()), rise, rate_hz)
        later = int(chance.uniform(0.01, 0.03) * rate_hz)
        tick = burst(5000, 0.0008, chance, rate_hz)
        return layered(main, (0, 0.25, tick), (later, 0.3 * strength, second))

    return hit


def splashing(size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """Something falls or steps into water: spray, then bubbles of many sizes."""
    templates = _bubbles(250 + 500 * (1 - size), 3500, chance, rate_hz)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        long_s = (0.05 + 0.12 * size) * (0.6 + 0.6 * strength)
        spray = burst(3000 - 1500 * size, long_s, chance, rate_hz)
        slap = burst(600 - 300 * size, 0.012, chance, rate_hz)
        grains = int(30 + 60 * strength)
        times_s = chance.exponential(1.2 * long_s, grains)
        cloud = scattered(
            int(8 * long_s * rate_hz),
            np.minimum(times_s * rate_hz, 8 * long_s * rate_hz - 1).astype(np.int64),
            0.25 * np.abs(chance.standard_normal(grains)) * np.exp(-times_s / (1.5 * long_s)),
            templates,
            chance.integers(len(templates), size=grains),
        )
        return layered(spray, (0, 1.4, slap), (0, 1.0, cloud))

    return hit


def rain(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) drops near by and the hiss of many far away; more drops where it rains harder."""
    count = len(levels)
    hiss = coloured(count, ((31, -14), (125, -8), (1000, -4), (3000, 0), (8000, -3), (16000, -18)), chance, rate_hz)
    near = _poisson(levels, 260, _drops(chance, rate_hz), chance, rate_hz, spread=1.0)
    far = _poisson(levels, 1400, _drops(chance, rate_hz), chance, rate_hz, spread=0.6)
    return np.asarray(0.8 * levels * hiss + 0.4 * near + 0.3 * far, np.float64)


def stream(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) bubbles over bubbles, in gushes, with a little hiss."""
    count = len(levels)
    gush = levels * (0.6 + 0.8 * wander(count, 2.5, chance, rate_hz))
    low = _poisson(gush, 160, _bubbles(280, 900, chance, rate_hz), chance, rate_hz, spread=0.8)
    high = _poisson(gush, 420, _bubbles(900, 3800, chance, rate_hz), chance, rate_hz, spread=0.8)
    hiss = coloured(count, ((31, -18), (250, -10), (1000, -4), (3000, 0), (8000, -4), (16000, -16)), chance, rate_hz)
    return np.asarray(0.8 * low + 0.6 * high + 0.3 * gush * hiss, np.float64)


def waves(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) surf: the higher the wave the brighter; foam goes on fizzing when the roar has gone."""
    count = len(levels)
    roar = coloured(count, ((40, -12), (150, -2), (350, 0), (900, -8), (2500, -22)), chance, rate_hz)
    wash = coloured(count, ((150, -24), (500, -6), (1200, 0), (3000, -1), (8000, -10), (16000, -22)), chance, rate_hz)
    fizz = coloured(count, ((800, -36), (2500, -10), (5000, 0), (10000, 0), (16000, -10)), chance, rate_hz)
    return np.asarray(0.55 * levels**0.8 * roar + 0.8 * levels**1.3 * wash + 0.35 * levels**1.8 * fizz, np.float64)


def underwater(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) a dull rumble with slow swells and now and then a few large bubbles."""
    count = len(levels)
    rumble = coloured(count, ((25, -12), (70, -4), (200, 0), (500, -6), (1500, -24), (6000, -55)), chance, rate_hz)
    swell = 0.6 + 0.8 * wander(count, 0.5, chance, rate_hz)
    flock = levels * (wander(count, 1.2, chance, rate_hz) > 0.72)
    bubbles = _poisson(flock, 22, _bubbles(180, 800, chance, rate_hz), chance, rate_hz, spread=0.6)
    return np.asarray(levels * swell * rumble + 0.35 * bubbles, np.float64)


def _bubbles(low_hz: float, high_hz: float, chance: np.random.Generator, rate_hz: int) -> list[DoubleArray]:
    """Bubbles of sizes between two pitches."""
    hz = np.exp(chance.uniform(np.log(low_hz), np.log(high_hz), _TEMPLATES))
    return [bubble(float(each), float(chance.uniform(0, 0.1)), rate_hz) for each in hz]


def _drops(chance: np.random.Generator, rate_hz: int) -> list[DoubleArray]:
    """Drops on a wet ground: ticks, every third with a small bubble."""
    rows = []
    for number in range(_TEMPLATES):
        tick = burst(float(chance.uniform(2500, 9000)), float(chance.uniform(0.0004, 0.0016)), chance, rate_hz)
        ring = bubble(float(np.exp(chance.uniform(np.log(1200), np.log(7000)))), 0.05, rate_hz)
        rows.append(layered(0.5 * tick, (0, 0.8, ring)) if number % 3 == 0 else 0.5 * tick)
    return rows


def _poisson(
    levels: DoubleArray,
    per_s: float,
    templates: list[DoubleArray],
    chance: np.random.Generator,
    rate_hz: int,
    spread: float,
) -> DoubleArray:
    """(S,) grains at random times, `per_s` where the level is 1; spread: of the logarithm of their loudness."""
    count = len(levels)
    starts = chance.integers(0, count, chance.poisson(per_s * count / rate_hz))
    starts = np.sort(starts[chance.random(len(starts)) < levels[starts]])
    gains = np.exp(spread * chance.standard_normal(len(starts))) * (0.5 + 0.5 * levels[starts])
    return scattered(count, starts, 0.3 * gains, templates, chance.integers(len(templates), size=len(starts)))
