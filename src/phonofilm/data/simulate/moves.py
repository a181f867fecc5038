"""How things move in time: pieces of motion, strokes of hands and tools, bounces, rhythms.

Everything here is a function of continuous time, so that a scene can be drawn at any instant.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GRAVITY = 9.81
"""Metres per second squared."""
_POWERS = {"throw": 1.6, "fall": 2.3, "snap": 3.5}
"""A tool's way grows with this power of time on its way down: 2 is free fall, more where a hand pushes at the end."""


class Track:
    """A number over time, in pieces. Each piece is (end_s, value there, way); way: how it goes from the piece before.

    Ways: "smooth" starts and stops gently, "throw", "fall" and "snap" get ever faster and are fastest at their end,
    "stop" starts fast and comes to rest, "line" is even, "jump" holds the old value until the end.
    """

    def __init__(self, start: float, pieces: Sequence[tuple[float, float, str]]) -> None:
        self._times = [0.0, *(piece[0] for piece in pieces)]
        self._values = [start, *(piece[1] for piece in pieces)]
        self._ways = [piece[2] for piece in pieces]

    def __call__(self, time_s: float) -> float:
        last = bisect_right(self._times, time_s)
        if last == 0 or last == len(self._times):
            return self._values[min(last, len(self._times) - 1)]
        begin, end = self._times[last - 1], self._times[last]
        share = (time_s - begin) / max(1e-9, end - begin)
        first, second = self._values[last - 1], self._values[last]
        return first + (second - first) * _eased(share, self._ways[last - 1])


def _eased(share: float, way: str) -> float:
    if way == "smooth":
        return share * share * share * (10 - 15 * share + 6 * share * share)
    if way in _POWERS:
        return float(share ** _POWERS[way])
    if way == "stop":
        return 1 - (1 - share) ** 2
    return share if way == "line" else 0.0


@dataclass(frozen=True)
class Stroke:
    """One movement against something. speed: 0 to 1, of the contact; miss: it stops in the air before."""

    time_s: float
    strength: float
    miss: bool = False


@dataclass(frozen=True)
class Tool:
    """lift: height of the strongest blow (m or radians); down_s: time of the way down; bounce: rebound as a share of
    the height; rests: the tool stays on the struck thing between blows rather than above it."""

    lift: float
    down_s: float
    bounce: float
    rests: bool


def strike_track(strokes: Sequence[Stroke], tool: Tool, rng: np.random.Generator) -> Track:
    """Height of a tool above what it strikes; it is 0 at each stroke's instant, and some way above at a miss."""
    pieces: list[tuple[float, float, str]] = []
    now_s, height = 0.0, tool.lift * (0.02 if tool.rests else 0.3)
    start = height
    for number, stroke in enumerate(strokes):
        free_s = stroke.time_s - now_s
        down_s = min(tool.down_s * float(rng.uniform(0.85, 1.2)), 0.5 * free_s)
        top = tool.lift * (0.25 + 0.75 * stroke.strength)
        up_s = min(float(rng.uniform(0.18, 0.5)), 0.75 * (free_s - down_s))
        pause_s = min(float(rng.choice([0.0, 0.0, 0.08, 0.2])), 0.5 * (free_s - down_s - up_s))
        begin = stroke.time_s - down_s - pause_s - up_s
        pieces += [(begin, height, "smooth"), (begin + up_s, top, "smooth"), (begin + up_s + pause_s, top, "line")]
        low = top * float(rng.uniform(0.12, 0.3)) if stroke.miss else 0.0
        pieces.append((stroke.time_s, low, "smooth" if stroke.miss else "fall"))
        after_s = strokes[number + 1].time_s - stroke.time_s if number + 1 < len(strokes) else 1.0
        back_s = min(float(rng.uniform(0.05, 0.11)), 0.25 * after_s)
        height = low + tool.bounce * top
        now_s = stroke.time_s + back_s
        pieces.append((now_s, height, "stop"))
        if tool.rests and after_s > 3 * back_s and not stroke.miss:
            now_s += back_s
            height = 0.01 * tool.lift
            pieces.append((now_s, height, "smooth"))
    return Track(start, [*pieces, (now_s + 0.4, max(height, 0.1 * tool.lift), "smooth")])


def rhythm(
    rng: np.random.Generator, duration_s: float, gap_s: tuple[float, float], misses: float = 0.0
) -> list[Stroke]:
    """Blows at human times: even with jitter, loose, in bursts with pauses, single, or hurrying.

    gap_s: shortest and longest usual gap. misses: share of movements that stop before the contact; all do at 1 or more.
    """
    style = str(rng.choice(["even", "loose", "bursts", "single", "hurrying"], p=[0.3, 0.25, 0.22, 0.1, 0.13]))
    base = float(np.exp(rng.uniform(np.log(gap_s[0]), np.log(gap_s[1]))))
    now_s = float(rng.uniform(0.35, 1.1))
    mean = float(rng.uniform(0.45, 0.85))
    left = int(rng.integers(2, 6))
    strokes: list[Stroke] = []
    while now_s < duration_s - 0.25:
        strength = float(np.clip(rng.normal(mean, 0.16), 0.12, 1.0))
        # The first movement strikes, so that something is heard, unless none shall.
        miss = bool(rng.random() < misses) and (misses >= 1 or bool(strokes))
        strokes.append(Stroke(now_s, strength, miss))
        gap = base * float(np.exp(rng.normal(0, 0.05)))
        if style == "loose":
            gap = base * float(np.exp(rng.normal(0.1, 0.4)))
        elif style == "single":
            gap = base + float(rng.uniform(0.8, 2.5))
        elif style == "hurrying":
            base *= float(rng.uniform(0.85, 0.97))
        elif style == "bursts":
            left -= 1
            if left == 0:
                gap, left = base + float(rng.uniform(0.6, 1.8)), int(rng.integers(2, 6))
        now_s += max(gap, 0.85 * gap_s[0])
    return strokes


def tremble(time_s: float, strokes: Sequence[Stroke], rate_hz: float, decay_s: float) -> float:
    """How a struck thing recoils: swings that start at each blow and die away, about 1 at the strongest."""
    total = 0.0
    for stroke in strokes:
        since = time_s - stroke.time_s
        if stroke.time_s <= time_s and since < 8 * decay_s and not stroke.miss:
            total += stroke.strength * math.exp(-since / decay_s) * math.sin(2 * math.pi * rate_hz * since)
    return total


@dataclass(frozen=True)
class Hop:
    """A piece of a thrown body's way: from (x, y, z) at start_s with velocity (vx, vy, vz); pulled: gravity acts."""

    start_s: float
    at: tuple[float, float, float]
    velocity: tuple[float, float, float]
    pulled: bool


def hop_position(hops: Sequence[Hop], time_s: float) -> tuple[float, float, float]:
    """Where the body is; before the first hop it rests, on a hop that is not pulled it slides to rest."""
    index = bisect_right([hop.start_s for hop in hops], time_s) - 1
    if index < 0:
        return hops[0].at
    hop = hops[index]
    since = time_s - hop.start_s
    if hop.pulled:
        (x, y, z), (vx, vy, vz) = hop.at, hop.velocity
        return x + vx * since, y + vy * since - 0.5 * GRAVITY * since * since, z + vz * since
    slide = (1 - math.exp(-1.2 * since)) / 1.2
    x, y, z = (hop.at[i] + hop.velocity[i] * slide for i in range(3))
    return x, y, z


def wobble(rng: np.random.Generator, size: float, rates_hz: tuple[float, float], count: int = 4) -> "Wobble":
    """Slow irregular motion about 0, reaching about `size`."""
    rates = rng.uniform(*rates_hz, count)
    waves = [(float(r), float(p)) for r, p in zip(rates, rng.uniform(0, 2 * np.pi, count), strict=True)]
    return Wobble(size / math.sqrt(count), tuple(waves))


@dataclass(frozen=True)
class Wobble:
    """A sum of sines. waves: (rate_hz, phase)."""

    size: float
    waves: tuple[tuple[float, float], ...]

    def __call__(self, time_s: float) -> float:
        return self.size * sum(math.sin(2 * math.pi * rate * time_s + phase) for rate, phase in self.waves)
