"""Melody: one motif of two bars, stated, answered, varied, taken apart, and brought back.

Phrases have four bars: the motif, its answer on the next chords, and a close on a long chord tone; of two phrases the
first stays open and the second comes home. Strong beats have chord tones, weak ones steps between them. In contrast
the motif is turned upside down and cut short; in the return it comes back as it was, ornamented where it is loud.
"""

from dataclasses import dataclass

import numpy as np

from phonofilm.score.form import BarPlan
from phonofilm.score.ground import Event, Ground, Seat
from phonofilm.score.theory import fitted_scale, ladder, nearest

Cell = tuple[float, ...]
"""Lengths of notes in beats; rests are negative."""

CELLS: dict[str, tuple[Cell, ...]] = {
    "lyrical": ((2, 1, 1), (1.5, 0.5, 2), (3, 1), (1, 1, 2), (2, 1.5, 0.5), (1, 3), (-1, 1, 2)),
    "sparse": ((3, -1), (-1, 3), (2, -2), (-2, 2), (1, 2, -1)),
    "playful": (
        (0.5, 0.5, 1, 0.5, 0.5, 1),
        (1, 0.5, 0.5, 1, -1),
        (0.75, 0.25, 0.75, 0.25, 1, -1),
        (0.5, -0.5, 0.5, -0.5, 0.5, 0.5, 1),
        (-0.5, 0.5, 0.5, 0.5, 1, 1),
    ),
    "heroic": ((1.5, 0.5, 2), (1, 0.5, 0.5, 2), (3, 0.5, 0.5), (2, 2), (1.5, 0.5, 1, 1)),
    "riff": (
        (0.75, 0.75, 0.5, 1, -1),
        (0.5, 0.5, -0.5, 0.5, 1, 1),
        (-0.5, 0.5, 0.75, 0.75, 0.5, 1),
        (1, 0.5, 1, 0.5, -1),
        (1.5, 0.5, -0.5, 0.5, 1),
    ),
}
WALTZ_CELLS: dict[str, tuple[Cell, ...]] = {
    "lyrical": ((2, 1), (1, 1, 1), (1.5, 0.5, 1), (3,)),
    "sparse": ((3,), (-1, 2), (2, -1)),
    "playful": ((0.5, 0.5, 1, 1), (1, 0.5, 0.5, 1), (-1, 1, 1)),
    "heroic": ((2, 1), (1.5, 0.5, 1), (3,)),
    "riff": ((0.75, 0.75, 1.5), (1, 0.5, 0.5, 1), (-0.5, 0.5, 1, 1)),
}
STEPS, CHANCES = (-2, -1, 0, 1, 2), (0.13, 0.3, 0.09, 0.33, 0.15)
LEAPS = (3, 4, 5, -3, -4)
REACH = (-4, 6)
"""Scale steps that a motif may go below and above its first note."""
LOUD = 0.55
HIGHER = 4
"""Semitones that a loud return lies higher."""


@dataclass(frozen=True)
class Motif:
    """Two bars: for each the lengths, and for each note its place in scale steps from the first note of the motif."""

    cells: tuple[Cell, Cell]
    contour: tuple[int, ...]

    def bar(self, number: int) -> list[tuple[float, float, int]]:
        """(beat, beats, step) of the notes of one of the two bars."""
        skipped = sum(1 for length in self.cells[0] if length > 0) if number else 0
        notes: list[tuple[float, float, int]] = []
        beat = 0.0
        for length in self.cells[number]:
            if length > 0:
                notes.append((beat, length, self.contour[skipped + len(notes)]))
            beat += abs(length)
        return notes


def make_motif(kind: str, beats: int, rng: np.random.Generator) -> Motif:
    """A motif: two rhythms of the kind, mostly steps, one leap that is answered by a step the other way."""
    cells = (WALTZ_CELLS if beats == 3 else CELLS)[kind]
    first, second = (cells[number] for number in rng.choice(len(cells), 2, replace=False))
    count = sum(1 for length in (*first, *second) if length > 0)
    contour = [0]
    leap_at = int(rng.integers(1, max(2, count)))
    back = 0
    for number in range(1, count):
        if back:
            step, back = back, 0
        elif number == leap_at:
            step = int(rng.choice(LEAPS, p=(0.3, 0.2, 0.15, 0.2, 0.15)))
            back = -1 if step > 0 else 1
        else:
            step = int(rng.choice(STEPS, p=CHANCES))
        contour.append(int(np.clip(contour[-1] + step, *REACH)))
    return Motif((first, second), tuple(contour))


def tune(ground: Ground, seat: Seat, motif: Motif) -> list[Event]:
    """The melody of the whole piece for one seat."""
    events: list[Event] = []
    centre = (seat.low + seat.high) / 2
    last = anchor = centre
    for bar in range(ground.count):
        if not seat.active[bar]:
            last = anchor = 0.5 * (last + centre)
            continue
        plan = ground.plans[bar]
        loud_return = plan.section == "return" and plan.intensity > LOUD
        near = 0.6 * last + 0.4 * (centre + (HIGHER if loud_return else 0))
        if _closes(plan):
            home = plan.in_section % 8 == 7 or plan.material == "end"
            placed = _close(ground, seat, bar, near, home)
        else:
            if plan.in_section % 2 == 0:
                anchor = nearest(ground.tones(bar, seat.low, seat.high), near)
            notes = _notes(motif, plan)
            placed = _placed(ground, seat, bar, _ornamented(notes) if loud_return else notes, anchor)
        events += placed
        last = placed[-1].pitch if placed else last
    if seat.active[-1] and events:
        home_tones = ladder((ground.tonic,), seat.low, seat.high) or [events[-1].pitch]
        events.append(Event(ground.count, 0, ground.final_beats, nearest(home_tones, events[-1].pitch), 0.7))
    return events


def _closes(plan: BarPlan) -> bool:
    """Whether a bar is the close of a phrase; the way home is one long close."""
    return plan.material == "end" or plan.in_section % 4 == 3 or plan.in_section == plan.section_bars - 1


def _notes(motif: Motif, plan: BarPlan) -> list[tuple[float, float, int]]:
    """(beat, beats, step) of what the motif becomes in a bar."""
    if plan.material == "B":
        # Taken apart: its second half alone, upside down.
        return [(beat, beats, -step) for beat, beats, step in motif.bar(1)]
    notes = motif.bar(plan.in_section % 2)
    if plan.in_section % 8 == 5:
        # The answering phrase reaches higher where the first one turned.
        notes = [(beat, beats, step + (number + 1) // 2) for number, (beat, beats, step) in enumerate(notes)]
    return notes


def _placed(ground: Ground, seat: Seat, bar: int, notes: list[tuple[float, float, int]], anchor: float) -> list[Event]:
    """A bar of the motif on the scale of its chord: step 0 at the anchor, strong notes moved to chord tones."""
    steps = ladder(fitted_scale(ground.tonic, ground.mode, ground.harmonies[bar].chord), seat.low, seat.high)
    chord_tones = ground.tones(bar, seat.low, seat.high)
    notes = [
        (beat, min(beats, ground.beats(bar) - beat), step) for beat, beats, step in notes if beat < ground.beats(bar)
    ]
    if not notes:
        return []
    # Moved as a whole where it would leave the range.
    top, bottom = max(step for _, _, step in notes), min(step for _, _, step in notes)
    origin = min(max(steps.index(nearest(steps, anchor)), -bottom), len(steps) - 1 - top)
    events = []
    for beat, beats, step in notes:
        pitch = steps[min(max(0, origin + step), len(steps) - 1)]
        strong = beat % 2 == 0 or beats >= 1.5
        if strong and pitch not in chord_tones:
            pitch = nearest(chord_tones, pitch + 0.25)
        events.append(Event(bar, beat, beats, pitch, 0.75 if beat == 0 else 0.68 if beat % 1 == 0 else 0.58))
    return events


def _close(ground: Ground, seat: Seat, bar: int, near: float, home: bool) -> list[Event]:
    """The end of a phrase: a long chord tone, the keynote where it comes home and the chord has it."""
    tones = ground.tones(bar, seat.low, seat.high)
    wanted = [pitch for pitch in tones if pitch % 12 == ground.tonic] if home else []
    beats = ground.beats(bar)
    pitch = nearest(wanted or tones, near)
    if beats < 3:
        return [Event(bar, 0, beats, pitch, 0.65)]
    # A note above it first: the sigh that phrases of all ages end with.
    steps = ladder(fitted_scale(ground.tonic, ground.mode, ground.harmonies[bar].chord), seat.low, seat.high)
    above = steps[min(len(steps) - 1, steps.index(pitch) + 1)]
    if above - pitch > 2:
        return [Event(bar, 0, beats - 1, pitch, 0.66)]
    return [Event(bar, 0, 1, above, 0.7), Event(bar, 1, beats - 1.5, pitch, 0.6)]


def _ornamented(notes: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Long notes get a turn to the upper neighbour in their second half."""
    found = []
    for beat, beats, step in notes:
        if beats >= 2:
            found += [(beat, beats - 1, step), (beat + beats - 1, 0.5, step + 1), (beat + beats - 0.5, 0.5, step)]
        else:
            found.append((beat, beats, step))
    return found
