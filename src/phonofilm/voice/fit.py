"""The words of one line fitted to the opening of one mouth, by stretching each speech sound within bounds.

The speech sounds of a line are a row of units, each with an opening (`visemes`) and a natural length. Dynamic
programming picks when each begins, on an even grid, so that the openings come nearest to those seen (squared
difference, closures counting more), while lengths stay near their natural share (squared logarithm) and the ends
near those of the mouth's movement.

Dimension letters: F frames, N grid points, U units.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phonofilm.voice.lips import Mouth
from phonofilm.voice.speak import Spoken
from phonofilm.voice.visemes import REST, is_shut, is_vowel, opening

Floats = npt.NDArray[np.float64]
GRID_S = 0.005
SLOWEST, QUICKEST = 1.35, 0.75
"""Lengths of vowels over their natural ones; beyond, speech sounds drunk or clipped."""
CONSONANT_SLOWEST, CONSONANT_QUICKEST = 1.2, 0.85
"""Bursts and hisses are stretched less: ears know their lengths."""
PAUSE_SLOWEST, PAUSE_QUICKEST = 3.0, 0.3
"""Silence has no pitch and may give most."""
SHORTEST_S = 0.03
"""Units shorter than this lie between two grid points of their bounds; they join their neighbour."""
CLOSURE_S = 0.05
"""The lips of p and b are shut for about this long before the release that voices count as their beginning."""
STIFFNESS = 30.0
"""What a length costs: a unit off by a fifth costs as much as a mouth that is shut where it should be wide."""
EDGE_S, EDGE_COST = 0.05, 20.0
"""How surely the ends are seen in the mouth: being this far off costs as much as 100 ms of wide for shut."""
SHUT_WEIGHT = 2.0
SHOWN_S = 0.04
"""How long a frame is shown, in the clips that the openings were learned from."""
MARGIN_S = 0.15
"""How far the ends may be moved from those asked for."""
LEAST_FIT = 0.2
"""Correlation of what is spoken with what is seen below which a mouth is taken to say something else."""


@dataclass(frozen=True)
class Unit:
    """A stretch of sound that is lengthened or shortened as one.

    quickest, slowest: bounds of its length over the natural one. weight: how much its opening counts.
    """

    natural_s: float
    opening: float
    quickest: float
    slowest: float
    weight: float


@dataclass(frozen=True)
class Fitted:
    """When the instants `from_s` of a spoken line are heard: `to_s`, in seconds of the clip.

    fit: correlation, -1 to 1, of the openings spoken with those seen; None where no mouth was there to compare.
    stretched: whether it was fitted to a mouth; otherwise it keeps its natural lengths.
    """

    from_s: tuple[float, ...]
    to_s: tuple[float, ...]
    fit: float | None
    stretched: bool

    @property
    def begin_s(self) -> float:
        return self.to_s[0]

    @property
    def end_s(self) -> float:
        return self.to_s[-1]


def units_of(spoken: Spoken) -> list[Unit]:
    """The units of a spoken line (U,), which together last as long as it does."""
    edges: list[tuple[float, float, str]] = []
    clock_s = 0.0
    for mark in spoken.phonemes:
        begin_s = mark.start_s
        if is_shut(mark.text) and mark.text[:1] in "pb":
            room_s = (begin_s - edges[-1][0]) / 2 if edges else begin_s
            begin_s -= min(CLOSURE_S, max(0.0, room_s))
        if edges:
            edges[-1] = (edges[-1][0], min(edges[-1][1], begin_s), edges[-1][2])
            clock_s = edges[-1][1]
        if begin_s - clock_s > SHORTEST_S:
            edges.append((clock_s, begin_s, ""))
        elif edges:
            edges[-1] = (edges[-1][0], begin_s, edges[-1][2])
        else:
            begin_s = 0.0
        edges.append((begin_s, mark.end_s, mark.text))
    if not edges:
        edges = [(0.0, spoken.duration_s, "")]
    edges[-1] = (edges[-1][0], spoken.duration_s, edges[-1][2])
    return _joined([_unit(end - begin, symbol) for begin, end, symbol in edges])


def _unit(natural_s: float, symbol: str) -> Unit:
    if not symbol:
        return Unit(natural_s, REST, PAUSE_QUICKEST, PAUSE_SLOWEST, 1.0)
    if is_vowel(symbol):
        return Unit(natural_s, opening(symbol), QUICKEST, SLOWEST, 1.0)
    weight = SHUT_WEIGHT if is_shut(symbol) else 1.0
    return Unit(natural_s, opening(symbol), CONSONANT_QUICKEST, CONSONANT_SLOWEST, weight)


def _joined(units: list[Unit]) -> list[Unit]:
    """Units that are too short joined to the one before, whose bounds and opening they take."""
    joined: list[Unit] = []
    for unit in units:
        if joined and min(unit.natural_s, joined[-1].natural_s) < SHORTEST_S:
            longer = unit if unit.natural_s > joined[-1].natural_s else joined[-1]
            joined[-1] = replace(longer, natural_s=unit.natural_s + joined[-1].natural_s)
        elif unit.natural_s > 0:
            joined.append(unit)
    return joined


def fit_line(spoken: Spoken, mouth: Mouth, begin_s: float, end_s: float, low_s: float, high_s: float) -> Fitted:
    """Fit a spoken line to a mouth that moves from `begin_s` to `end_s`, staying within [low_s, high_s].

    Where the mouth says something else than the text, or the line cannot be brought to the length wanted, it keeps its
    natural lengths and begins where the mouth does.
    """
    units = units_of(spoken)
    natural = place_line(spoken, begin_s, low_s, high_s)
    edges = np.concatenate([[0.0], np.cumsum([unit.natural_s for unit in units])])  # (U + 1,)
    seen = _window(mouth, begin_s, end_s)
    natural = replace(natural, fit=_correlation(units, edges + natural.begin_s, *seen))
    first_s, last_s = max(low_s, begin_s - MARGIN_S), min(high_s, end_s + MARGIN_S)
    if natural.fit is None or last_s - first_s < GRID_S:
        return natural
    points = math.floor((last_s - first_s) / GRID_S)
    track = _levelled(np.interp(first_s + np.arange(points) * GRID_S, *seen))  # (N,)
    lengths = _best_lengths(units, track, (begin_s - first_s) / GRID_S, (end_s - first_s) / GRID_S)
    if lengths is None:
        return natural
    to_s: Floats = np.asarray(first_s + np.cumsum(lengths) * GRID_S, np.float64)  # (U + 1,)
    fit = _correlation(units, to_s, *seen)
    if fit is None or fit < LEAST_FIT:
        return replace(natural, fit=fit)
    edges[-1] = spoken.duration_s
    return Fitted(tuple(edges.tolist()), tuple(np.minimum(to_s, high_s).tolist()), fit, True)


def place_line(spoken: Spoken, begin_s: float, low_s: float, high_s: float) -> Fitted:
    """The line in its natural lengths, begun at `begin_s` or as near as it lies within [low_s, high_s].

    Where it is longer than that span it is pressed into it, pauses and all alike.
    """
    length_s = min(spoken.duration_s, high_s - low_s)
    start_s = min(max(begin_s, low_s), high_s - length_s)
    return Fitted((0.0, spoken.duration_s), (start_s, start_s + length_s), None, False)


def _window(mouth: Mouth, begin_s: float, end_s: float) -> tuple[Floats, Floats]:
    """Times and openings (F,) around a span; a frame stands for the middle of the time it is shown."""
    times = np.array([float(time) for time in mouth.times_s])
    near = (times >= begin_s - MARGIN_S) & (times <= end_s + MARGIN_S)
    return times[near] + SHOWN_S / 2, mouth.opening.astype(float)[near]


def _levelled(track: Floats) -> Floats:
    """A track whose quiet and wide openings lie at 0 and 1, whatever the face and the light."""
    low, high = np.percentile(track, [5, 95])
    return np.asarray(np.clip((track - low) / max(high - low, 1e-6), 0.0, 1.0))


def _correlation(units: Sequence[Unit], edges_s: Floats, times: Floats, openings: Floats) -> float | None:
    """How well the openings of units between edges (U + 1,) go with those seen; None with too few frames to tell."""
    targets = np.array([REST, *(unit.opening for unit in units), REST])
    if len(times) < 5 or np.std(openings) < 1e-6:
        return None
    fine = np.arange(times[0], times[-1], GRID_S)
    spoken = targets[np.searchsorted(edges_s, fine, side="right")]  # (N,)
    width = max(1, round(float(np.median(np.diff(times))) / GRID_S))
    spoken = np.convolve(spoken, np.ones(width) / width, mode="same")  # as long as a frame is shown
    heard = np.interp(times, fine, spoken)  # (F,)
    if np.std(heard) < 1e-6:
        return None
    return float(np.corrcoef(heard, openings)[0, 1])


def _best_lengths(units: Sequence[Unit], track: Floats, begin: float, end: float) -> npt.NDArray[np.int64] | None:
    """The start and the lengths of the units in grid steps (U + 1,), or None where the bounds do not let them fit."""
    points = len(track)
    outside = np.concatenate([[0.0], np.cumsum((track - REST) ** 2)])  # (N + 1,)
    edge = EDGE_S / GRID_S
    at = np.arange(points + 1)
    cost = outside + EDGE_COST * ((at - begin) / edge) ** 2  # (N + 1,): of beginning at each point
    share = (end - begin) * GRID_S / sum(unit.natural_s for unit in units)
    chosen: list[npt.NDArray[np.int64]] = []
    for unit in units:
        own = np.concatenate([[0.0], np.cumsum(unit.weight * (track - unit.opening) ** 2)])  # (N + 1,)
        low, high = (
            math.ceil(unit.quickest * unit.natural_s / GRID_S),
            math.floor(unit.slowest * unit.natural_s / GRID_S),
        )
        wanted = min(max(share, unit.quickest), unit.slowest) * unit.natural_s / GRID_S
        best, length = np.full(points + 1, np.inf), np.zeros(points + 1, np.int64)
        for steps in range(max(1, low), min(high, points) + 1):
            price = STIFFNESS * wanted * math.log(steps / wanted) ** 2
            through = cost[: points + 1 - steps] + own[steps:] - own[: points + 1 - steps] + price
            better = through < best[steps:]
            best[steps:][better], length[steps:][better] = through[better], steps
        cost = best
        chosen.append(length)
    cost = cost + (outside[-1] - outside) + EDGE_COST * ((at - end) / edge) ** 2
    if not np.isfinite(cost.min()):
        return None
    place, lengths = int(np.argmin(cost)), [0] * len(units)
    for index in range(len(units) - 1, -1, -1):
        lengths[index] = int(chosen[index][place])
        place -= lengths[index]
    return np.array([place, *lengths])
