"""The tempo map: bars whose downbeats fall on the cuts of the picture, as a film composer would lay them.

A steady tempo is chosen from the range of the style; then a chain of anchors (start, cuts, strong cues, last chord) is
chosen such that between two of them a whole number of beats fits at a tempo within 8 % of it. Bars of two or three
beats are put in where that catches a cut, as scores for pictures do. Inside each span the tempo bends from bar to
bar as smoothly as the anchors allow.

Dimension letters: A anchors, K bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from phonofilm.score.piece import Bar, Hit, TempoMap

LARGEST_BEND = 0.08
"""How far the tempo of a bar may lie from the steady one. Players do this for expression; more is heard as a jolt."""
SAME_S = 0.02
"""Anchors nearer than this are one."""
LATEST_START_S = 0.4
STEP_S = 0.1
NEAREST_BEATS = 3
"""How many beats around the nearest whole number are looked at for a span."""
STRONG = 0.6
"""Cues from this strength on may be anchors."""
CUT_WORTH, HIT_WORTH = 1.0, 0.35
BEND_COST, METRE_COST, WAIT_COST, TAIL_COST, TEMPO_COST = 0.25, 0.4, 0.5, 0.35, 0.6
TEMPO_STEP_BPM = 2.0
SHORTEST_TAIL_S = 1.2


Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TempoRange:
    """Beats a minute from `low` to `high`, beats of a full bar, how willing the style is to change metre (0..1), and
    for how many beats at most its last chord rings."""

    low_bpm: float
    high_bpm: float
    beats: int
    flexible: float
    tail_beats: float = 4.0


@dataclass(frozen=True)
class _Anchors:
    """Times (A,) in order with their worth; `starts` of them at the front and `ends` at the back are alternatives."""

    times_s: Matrix
    worth: Matrix
    starts: int
    ends: int


def fit_tempo(
    duration_s: float, cuts_s: Sequence[float], hits: Sequence[Hit], wanted: TempoRange, rng: np.random.Generator
) -> TempoMap:
    """The tempo map of a picture. Too short a picture gets no bars, only the last chord at its beginning."""
    favourite = rng.uniform(wanted.low_bpm, wanted.high_bpm)
    spread = max(1.0, wanted.high_bpm - wanted.low_bpm)
    count = max(1, round(spread / TEMPO_STEP_BPM))
    best: tuple[float, TempoMap] | None = None
    grid = np.linspace(wanted.low_bpm, wanted.high_bpm, count, endpoint=False) + rng.uniform(0, spread / count)
    for bpm in (favourite, *grid.tolist()):
        beat_s = 60 / bpm
        anchors = _anchors(duration_s, cuts_s, hits, beat_s, wanted)
        found = _chain(anchors, beat_s, wanted)
        if found is None:
            continue
        score = found[0] - TEMPO_COST * ((bpm - favourite) / spread) ** 2
        if best is None or score > best[0]:
            best = score, _map(anchors.times_s[found[1]], found[2], beat_s, wanted.beats)
    return best[1] if best else TempoMap((), 0.0, 60 / favourite)


def tail_range_s(duration_s: float, longest_s: float) -> tuple[float, float]:
    """How long the last chord may ring before the picture ends: shortest, longest. Fast music ends sooner."""
    shortest_s = min(SHORTEST_TAIL_S, 0.3 * duration_s)
    return shortest_s, max(shortest_s, min(longest_s, 0.45 * duration_s))


def _anchors(
    duration_s: float, cuts_s: Sequence[float], hits: Sequence[Hit], beat_s: float, wanted: TempoRange
) -> _Anchors:
    shortest_s, longest_s = tail_range_s(duration_s, wanted.tail_beats * beat_s)
    starts = np.arange(0, LATEST_START_S + 1e-9, STEP_S)
    inside = {
        round(cut, 4): CUT_WORTH for cut in cuts_s if LATEST_START_S + beat_s < cut < duration_s - shortest_s - SAME_S
    }
    for hit in hits:
        near = any(abs(hit.time_s - time_s) < 2 * beat_s for time_s in inside)
        if (
            hit.strength >= STRONG
            and not near
            and LATEST_START_S + beat_s < hit.time_s < duration_s - shortest_s - SAME_S
        ):
            inside[round(hit.time_s, 4)] = HIT_WORTH * hit.strength
    middle = sorted(inside)
    ideal_s = (shortest_s + longest_s) / 2
    tails = np.arange(shortest_s, longest_s + 1e-9, STEP_S / 2)
    ends = np.sort(duration_s - tails)
    end_worth = -TAIL_COST * np.abs(duration_s - ends - ideal_s) / max(0.1, longest_s - shortest_s)
    for time_s, value in inside.items():
        # A cut near the end is a good place for the last chord.
        end_worth += value * (np.abs(ends - time_s) < STEP_S / 2)
    times = np.concatenate([starts, middle, ends])
    worth = np.concatenate([-WAIT_COST * starts, [inside[time_s] for time_s in middle], end_worth])
    return _Anchors(times, worth, len(starts), len(ends))


def _chain(anchors: _Anchors, beat_s: float, wanted: TempoRange) -> tuple[float, list[int], list[int]] | None:
    """The best chain of anchors: its score, the anchors, and the beats between them. None where nothing fits."""
    cost, beats = _spans(anchors.times_s, beat_s, wanted)  # (A, A) each
    total = len(anchors.times_s)
    first_end = total - anchors.ends
    score = np.full(total, -np.inf)
    before = np.full(total, -1)
    score[: anchors.starts] = anchors.worth[: anchors.starts]
    for here in range(anchors.starts, total):
        reach = min(here, first_end)
        sums = score[:reach] - cost[:reach, here]
        best = int(np.argmax(sums))
        if np.isfinite(sums[best]):
            score[here], before[here] = sums[best] + anchors.worth[here], best
    last = first_end + int(np.argmax(score[first_end:]))
    if not np.isfinite(score[last]):
        return None
    path = [last]
    while before[path[0]] >= 0:
        path.insert(0, int(before[path[0]]))
    return float(score[last]), path, [int(beats[a, b]) for a, b in pairwise(path)]


def _spans(times_s: Matrix, beat_s: float, wanted: TempoRange) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """For each pair of anchors: what going straight from one to the other costs, and in how many beats."""
    gap = times_s[None, :] - times_s[:, None]  # (A, A)
    nearest = np.round(gap / beat_s).astype(np.int64)
    cost, beats = np.full(gap.shape, np.inf), np.zeros(gap.shape, np.int64)
    for offset in range(-NEAREST_BEATS, NEAREST_BEATS + 1):
        count = np.maximum(nearest + offset, 1)
        bend = np.abs(gap / (count * beat_s) - 1) / LARGEST_BEND
        odd = count % wanted.beats
        # A bar of half length is common; an odd one less so.
        metre = METRE_COST * (2 - wanted.flexible) * np.where(odd == 0, 0, np.where(2 * odd == wanted.beats, 0.5, 1))
        here = np.where((bend <= 0.98) & (nearest + offset >= 2), BEND_COST * bend**2 + metre, np.inf)
        beats = np.where(here < cost, count, beats)
        cost = np.minimum(cost, here)
    return cost, beats


def _metres(beats: int, full: int) -> list[int]:
    """Bars of a span: full ones, and what is left over as a short bar or two at its end."""
    bars, left = divmod(beats, full)
    if left == 1 and bars:
        short = [2, full - 1] if full > 2 else [2, 1]
        return [full] * (bars - 1) + short[::-1]
    return [full] * bars + ([left] if left else [])


def _map(times_s: Matrix, beats: list[int], beat_s: float, full: int) -> TempoMap:
    spans = [_metres(count, full) for count in beats]
    lengths = _bent(spans, np.diff(times_s), beat_s)
    bars, at, start_s = [], 0, float(times_s[0])
    for span, end_s in zip(spans, times_s[1:], strict=True):
        for number in span:
            bars.append(Bar(start_s, number, float(lengths[at])))
            start_s, at = bars[-1].end_s, at + 1
        start_s = float(end_s)
    return TempoMap(tuple(bars), start_s, beat_s)


def _bent(spans: list[list[int]], gaps_s: Matrix, beat_s: float) -> Matrix:
    """Seconds of a beat in each bar (K,): as even as can be from bar to bar, each span as long as it must be."""
    counts = np.asarray([count for span in spans for count in span], np.float64)
    even = np.concatenate([np.full(len(s), gap / sum(s)) for s, gap in zip(spans, gaps_s, strict=True)])
    size, rows = len(counts), len(spans)
    change = np.diff(np.eye(size), axis=0)
    weight = 2 * change.T @ change + 0.02 * np.eye(size)
    ties = np.zeros((rows, size))
    at = 0
    for row, span in enumerate(spans):
        ties[row, at : at + len(span)] = counts[at : at + len(span)]
        at += len(span)
    # Minimise the sum of squared changes under the ties: the usual system with one multiplier for each span.
    system = np.block([[weight, ties.T], [ties, np.zeros((rows, rows))]])
    solved: Matrix = np.linalg.solve(system, np.concatenate([0.02 * np.full(size, beat_s), gaps_s]))[:size]
    fits = bool(np.all(np.abs(solved / beat_s - 1) <= LARGEST_BEND))
    return solved if fits else even


def bars_on(tempo: TempoMap, times_s: Sequence[float], within_s: float) -> list[bool]:
    """For each instant, whether a downbeat lies within some seconds of it."""
    downbeats = np.asarray(tempo.downbeats_s)
    return [bool(np.min(np.abs(downbeats - time_s)) <= within_s) for time_s in times_s]


def bar_at(tempo: TempoMap, time_s: float) -> int:
    """The bar in which an instant lies; the number of bars for one after the last of them."""
    starts = [bar.start_s for bar in tempo.bars]
    if not starts or time_s >= tempo.final_s:
        return len(starts)
    return max(0, int(np.searchsorted(starts, time_s + 1e-6, side="right")) - 1)
