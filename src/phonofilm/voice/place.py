"""When each line is spoken: where mouths move, in the order of the transcript.

Dynamic programming over an even grid. A line may begin anywhere and last between its shortest and longest; it is worth
the log odds that its mouth speaks there, summed, less what its length and its distance from a given time cost. Which
speaker has which mouth is tried out, as far as there are few.

Dimension letters: N grid points, K lines, M mouths.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phonofilm.errors import InputError
from phonofilm.voice.lips import Mouth
from phonofilm.voice.script import Line
from phonofilm.voice.speak import FASTEST

Floats = npt.NDArray[np.float64]
GRID_S = 0.04
QUICKEST, SLOWEST = 0.7, 1.5
"""Lengths of lines over those at the voice's own speed. Voices can speak that much faster and slower by themselves."""
LEAST_ODDS = 0.02
UNSEEN_ODDS = 0.25
"""Chance that a mouth speaks while it is not seen."""
ODDS_WEIGHT = 0.3
"""Neighbouring frames tell much the same: three count as one."""
USUAL_LENGTH, LENGTH_SPREAD = 1.09, 0.07
"""How much longer people take for a sentence than the voice at its own speed: the median of the talking faces that the
lip reader learned from (each left out in turn: 1.08 to 1.10), and how far the logarithm commonly lies from it."""
START_SPREAD_S = 0.2
"""Subtitles begin about so far from the words."""
EARLY_S, LATE_S = 0.2, 0.6
"""How far before and after a given time a line may begin to meet its mouth."""
PAUSE_S = 0.12
"""Between two lines."""
SHARED_COST = 2.0
"""Two speakers with one mouth: off-screen voices are less likely than a face for each."""
WAITING_COST = 1e-3
"""Where nothing is seen, sooner is better."""
MOST_MOUTHS, MOST_CASTINGS = 4, 64
LEAST_CHANCE = 0.3
"""Mean chance of speaking below which a mouth does not say the line."""


@dataclass(frozen=True)
class Span:
    """Where a line goes. mouth: the number of the mouth that says it, None where none does."""

    begin_s: float
    end_s: float
    mouth: int | None


@dataclass(frozen=True)
class _Task:
    """Lines that are placed together, within [low, high) grid points."""

    lines: tuple[int, ...]
    low: int
    high: int


def place_lines(
    lines: Sequence[Line], natural_s: Sequence[float], mouths: Sequence[Mouth], duration_s: float
) -> list[Span]:
    """A span for each line (K,), within the clip, in order; lines with both times may overlap those of others.

    natural_s: (K,) how long the lines take at the voice's own speed. Raises InputError where lines do not fit into the
    time they have even at the voice's quickest.
    """
    points = math.floor(duration_s / GRID_S + 1e-6)
    odds = _odds(mouths, points)  # (M, N)
    tasks = _tasks(lines, points)
    for task in tasks:
        _check_room(task, lines, natural_s)
    speakers = tuple(dict.fromkeys(line.speaker for line in lines))
    best: tuple[float, list[tuple[int, int]], Mapping[str, int]] | None = None
    for casting in _castings(speakers, len(odds)):
        score, spans = _cost_of_sharing(casting), [(0, 0)] * len(lines)
        for task in tasks:
            worth, found = _place(task, lines, natural_s, odds, casting)
            score += worth
            for index, span in zip(task.lines, found, strict=True):
                spans[index] = span
        if best is None or score > best[0]:
            best = score, spans, casting
    assert best is not None, "there is at least one casting"
    return [_span(span, best[2][line.speaker], mouths) for span, line in zip(best[1], lines, strict=True)]


def _odds(mouths: Sequence[Mouth], points: int) -> Floats:
    """(M, N) log odds that each mouth speaks; one row of zeros where there is no mouth."""
    grid = (np.arange(points) + 0.5) * GRID_S
    rows = []
    for mouth in mouths[:MOST_MOUTHS]:
        times = np.array([float(time) for time in mouth.times_s])
        chance = np.interp(grid, times, mouth.speaking, left=UNSEEN_ODDS, right=UNSEEN_ODDS)
        # The last frame is shown for a while after its time.
        chance[(grid > times[-1]) & (grid < times[-1] + 2 * GRID_S)] = mouth.speaking[-1]
        chance = np.clip(chance, LEAST_ODDS, 1 - LEAST_ODDS)
        rows.append(np.log(chance / (1 - chance)))
    return np.stack(rows) if rows else np.zeros((1, points))


def _tasks(lines: Sequence[Line], points: int) -> list[_Task]:
    """Lines with both times by themselves, and the runs of other lines between them."""
    tasks: list[_Task] = []
    run: list[int] = []
    low = 0
    for index, line in enumerate(lines):
        if line.start_s is None or line.end_s is None:
            run.append(index)
            continue
        begin = round(line.start_s / GRID_S)
        if run:
            tasks.append(_Task(tuple(run), low, max(begin, low)))
            run = []
        low = max(low, min(points, math.ceil(line.end_s / GRID_S)))
        tasks.append(_Task((index,), _room_before(lines, index), _room_after(lines, index, points)))
    if run:
        tasks.append(_Task(tuple(run), low, points))
    return tasks


def _room_before(lines: Sequence[Line], index: int) -> int:
    """From where a line with times may begin: a little earlier than given where its speaker is silent."""
    line = lines[index]
    assert line.start_s is not None, "only lines with both times come here"
    earlier = [other for other in lines[:index] if other.speaker == line.speaker]
    early_s = line.start_s - EARLY_S
    if earlier:
        end_s = earlier[-1].end_s
        early_s = line.start_s if end_s is None else min(line.start_s, max(early_s, end_s))
    return max(0, round(early_s / GRID_S))


def _room_after(lines: Sequence[Line], index: int, points: int) -> int:
    """Up to where a line with times may last: its end, or a little later where its speaker has the time."""
    line = lines[index]
    assert line.end_s is not None, "only lines with both times have an end"
    later = [other for other in lines[index + 1 :] if other.speaker == line.speaker]
    if not later:
        return points
    start_s = later[0].start_s
    return min(points, math.floor(line.end_s / GRID_S) if start_s is None else round(start_s / GRID_S))


def _check_room(task: _Task, lines: Sequence[Line], natural_s: Sequence[float]) -> None:
    """Raises InputError where the lines cannot be spoken in the time they have; one line may be hurried."""
    quickest = 1 / FASTEST if len(task.lines) == 1 else QUICKEST
    needed_s = sum(math.ceil(natural_s[i] * quickest / GRID_S) * GRID_S + PAUSE_S for i in task.lines) - PAUSE_S
    room_s = max(0, task.high - task.low) * GRID_S
    if needed_s > room_s + GRID_S / 2:
        first, last = lines[task.lines[0]].number, lines[task.lines[-1]].number
        which = f"line {first} takes" if first == last else f"lines {first} to {last} take"
        raise InputError(
            f"{which} at least {needed_s:.1f} s to speak, and there are {room_s:.1f} s; "
            f"shorten the text or give it other times"
        )


def _castings(speakers: Sequence[str], mouths: int) -> list[dict[str, int]]:
    """Ways to give speakers mouths; the first mouths speak most. With too many speakers, one way, in turn."""
    if mouths ** len(speakers) > MOST_CASTINGS:
        return [{speaker: index % mouths for index, speaker in enumerate(speakers)}]
    ways = itertools.product(range(mouths), repeat=len(speakers))
    return [dict(zip(speakers, way, strict=True)) for way in ways]


def _cost_of_sharing(casting: Mapping[str, int]) -> float:
    return -SHARED_COST * (len(casting) - len(set(casting.values())))


def _place(
    task: _Task, lines: Sequence[Line], natural_s: Sequence[float], odds: Floats, casting: Mapping[str, int]
) -> tuple[float, list[tuple[int, int]]]:
    """The worth of the best spans of a task, and the spans as grid points, first and one past the last."""
    size = task.high - task.low
    gap = round(PAUSE_S / GRID_S)
    waiting = WAITING_COST * np.arange(size + 1)
    before = np.zeros(size + 1)  # (size + 1,): the worth of being free from each point on
    steps: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for order, index in enumerate(task.lines):
        total = np.concatenate([[0.0], np.cumsum(odds[casting[lines[index].speaker], task.low : task.high])])
        start = before - waiting + _start_worth(lines[index], task.low + np.arange(size + 1))
        ends, lengths = np.full(size + 1, -np.inf), np.zeros(size + 1, np.int64)
        natural = natural_s[index] / GRID_S
        shortest = min(size, max(1, math.ceil(natural * QUICKEST)))
        for length in range(shortest, min(size, math.ceil(natural * SLOWEST)) + 1):
            worth = ODDS_WEIGHT * (total[length:] - total[:-length]) + _length_worth(lines[index], length, natural)
            worth = worth + start[: size + 1 - length]
            better = worth > ends[length:]
            ends[length:][better], lengths[length:][better] = worth[better], length
        # The next line may begin a pause after the best end so far.
        free, at = np.full(size + 1, -np.inf), np.zeros(size + 1, np.int64)
        running = np.maximum.accumulate(ends)
        where = np.maximum.accumulate(np.where(ends == running, np.arange(size + 1), 0))
        pause = gap if order + 1 < len(task.lines) else 0
        free[pause:], at[pause:] = running[: size + 1 - pause], where[: size + 1 - pause]
        steps.append((at, lengths))
        before = free
    spans: list[tuple[int, int]] = []
    point = size
    for at, lengths in reversed(steps):
        end = int(at[point])
        point = end - int(lengths[end])
        spans.append((task.low + point, task.low + end))
    return float(before[-1]), spans[::-1]


def _start_worth(line: Line, at: npt.NDArray[np.int64]) -> Floats:
    """What beginning at each grid point is worth, by the time that the transcript gives."""
    if line.start_s is None:
        return np.zeros(len(at))
    away_s = at * GRID_S - line.start_s
    worth = -0.5 * (away_s / START_SPREAD_S) ** 2
    worth[(away_s < -EARLY_S) | (away_s > LATE_S)] -= 1e3
    return np.asarray(worth)


def _length_worth(line: Line, length: int, natural: float) -> float:
    worth = -abs(math.log(length / natural / USUAL_LENGTH)) / LENGTH_SPREAD  # some speak slowly: no square
    if line.start_s is not None and line.end_s is not None:
        over_s = length * GRID_S - (line.end_s - line.start_s)
        worth -= 0.5 * (max(0.0, over_s) / START_SPREAD_S) ** 2
    return worth


def _span(points: tuple[int, int], mouth: int, mouths: Sequence[Mouth]) -> Span:
    begin_s, end_s = points[0] * GRID_S, points[1] * GRID_S
    if mouth >= len(mouths):
        return Span(begin_s, end_s, None)
    times = np.array([float(time) for time in mouths[mouth].times_s])
    there = (times >= begin_s) & (times < end_s)
    speaks = there.any() and float(mouths[mouth].speaking[there].mean()) >= LEAST_CHANCE
    return Span(begin_s, end_s, mouth if speaks else None)
