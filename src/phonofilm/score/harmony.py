"""Harmony: one chord for each bar, and the voices that lead from chord to chord.

Voices are chosen over the whole piece at once (Viterbi), by the rules of four-part writing: little movement, common
notes kept, no parallel fifths or octaves with the bass, no crossing, thirds present, leading notes resolved.

Dimension letters: K chords, V voicings of a chord, 3 upper voices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from phonofilm.score.form import BarPlan
from phonofilm.score.theory import Chord, chord

LOWEST, HIGHEST, CENTRE = 50, 76, 62
"""Range of the three upper voices, and where they like to lie: around the tenor and alto of a choir."""
BASS_LOWEST, BASS_HIGHEST = 36, 52
WIDEST = 14
"""Semitones between neighbouring upper voices."""
MISSING_COST, DOUBLING_COST, PARALLEL_COST, CROSSING_COST, CENTRE_COST, LEAP_COST = 15.0, 3.0, 12.0, 20.0, 0.15, 2.0


@dataclass(frozen=True)
class Harmony:
    """The chord of a bar with its bass note and its upper voices from low to high."""

    chord: Chord
    bass: int
    upper: tuple[int, int, int]

    @property
    def voices(self) -> tuple[int, int, int, int]:
        return (self.bass, *self.upper)


@dataclass(frozen=True)
class Progressions:
    """Chord symbols of a style: loops for the statement and for contrast, the way home, and the last chord."""

    main: tuple[tuple[str, ...], ...]
    contrast: tuple[tuple[str, ...], ...]
    cadence: tuple[str, ...]
    last: str


def chords_of(
    plans: Sequence[BarPlan], wanted: Progressions, tonic: int, slow: int, rng: np.random.Generator
) -> list[Chord]:
    """A chord for each bar and one for the end. `slow`: bars for which a chord stays."""
    main = wanted.main[rng.integers(len(wanted.main))]
    contrast = wanted.contrast[rng.integers(len(wanted.contrast))]
    symbols: list[str] = []
    for plan in plans:
        loop = contrast if plan.material == "B" else main
        place = plan.in_section // slow
        if plan.material == "intro":
            symbols.append(loop[0] if plan.in_section < max(1, plan.section_bars // 2) else loop[place % len(loop)])
        else:
            symbols.append(loop[place % len(loop)])
    for back, symbol in enumerate(reversed(wanted.cadence)):
        # The way home takes the last bars, and never more than half of a short piece.
        if back < (len(symbols) + 1) // 2:
            symbols[-1 - back] = symbol
    return [chord(symbol, tonic) for symbol in (*symbols, wanted.last)]


def lead(chords: Sequence[Chord], tonic: int) -> list[Harmony]:
    """Voices for the chords, as one chain of least effort."""
    basses = _basses(chords)
    options = [_voicings(each) for each in chords]
    costs = [
        _inner_cost(voicings, each, tonic) + CROSSING_COST * (voicings[:, 0] <= bass)
        for voicings, each, bass in zip(options, chords, basses, strict=True)
    ]
    total = costs[0]
    came: list[npt.NDArray[np.int64]] = []
    for number in range(1, len(chords)):
        move = _move_cost(options[number - 1], options[number], basses[number - 1], basses[number])  # (V, V')
        sums = total[:, None] + move
        came.append(np.argmin(sums, axis=0))
        total = sums.min(axis=0) + costs[number]
    best = int(np.argmin(total))
    path = [best]
    for back in reversed(came):
        path.insert(0, int(back[path[0]]))
    found = []
    for each, bass, voicings, index in zip(chords, basses, options, path, strict=True):
        low, middle, high = (int(pitch) for pitch in voicings[index])
        found.append(Harmony(each, bass, (low, middle, high)))
    return found


def _basses(chords: Sequence[Chord]) -> list[int]:
    """Roots in the bass, each by the shorter way from the last."""
    basses: list[int] = []
    for each in chords:
        choices = [pitch for pitch in range(BASS_LOWEST, BASS_HIGHEST + 1) if pitch % 12 == each.root]
        near = basses[-1] if basses else 42
        basses.append(min(choices, key=lambda pitch: (abs(pitch - near) + 0.3 * abs(pitch - 43), pitch)))
    return basses


def _voicings(each: Chord) -> npt.NDArray[np.int64]:
    """All upper voicings (V, 3) in range and not too wide."""
    pitches = [pitch for pitch in range(LOWEST, HIGHEST + 1) if pitch % 12 in each.notes]
    rows = [
        row
        for row in combinations(pitches, 3)
        if row[1] - row[0] <= WIDEST and row[2] - row[1] <= WIDEST and row[1] - row[0] > 1
    ]
    return np.asarray(rows, np.int64)


def _inner_cost(voicings: npt.NDArray[np.int64], each: Chord, tonic: int) -> npt.NDArray[np.float64]:
    """What a voicing costs by itself (V,): missing notes, wrong doublings, height."""
    classes = voicings % 12
    cost = CENTRE_COST * np.abs(voicings.mean(axis=1) - CENTRE)
    # Of a chord of four or five notes the root (it is in the bass) and the fifth may be missing.
    needed = [note for note in each.notes[1:] if note != each.fifth or len(each.notes) <= 3]
    for note in needed:
        cost = cost + MISSING_COST * ~(classes == note).any(axis=1)
    leading = (tonic + 11) % 12
    for note in (leading, *each.notes[3:]):
        cost = cost + DOUBLING_COST * np.maximum((classes == note).sum(axis=1) - 1, 0)
    return np.asarray(cost, np.float64)


def _move_cost(
    before: npt.NDArray[np.int64], after: npt.NDArray[np.int64], bass_before: int, bass_after: int
) -> npt.NDArray[np.float64]:
    """What going from each voicing to each next one costs (V, V')."""
    steps = after[None, :, :] - before[:, None, :]  # (V, V', 3)
    size = np.abs(steps)
    cost = size.sum(axis=2) + LEAP_COST * (size > 4).sum(axis=2) + 0.0
    moved = bass_after - bass_before
    if moved:
        for interval in (0, 7):
            was = (before - bass_before) % 12 == interval  # (V, 3)
            now = (after - bass_after) % 12 == interval  # (V', 3)
            alike = (np.sign(steps) == np.sign(moved)) & was[:, None, :] & now[None, :, :]
            cost = cost + PARALLEL_COST * alike.sum(axis=2)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for interval in (0, 7):
            was_pair = (before[:, other] - before[:, one]) % 12 == interval
            now_pair = (after[:, other] - after[:, one]) % 12 == interval
            moving = (steps[:, :, one] != 0) & (steps[:, :, one] == steps[:, :, other])
            cost = cost + PARALLEL_COST * (moving & was_pair[:, None] & now_pair[None, :])
    return np.asarray(cost, np.float64)
