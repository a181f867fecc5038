"""From what is written to what is played: seconds, velocities, small unevenness, phrasing, the expression pedal.

Nothing here changes a note; it says when exactly and how loud. Unevenness is smaller where machines play, larger where
one person plays alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phonofilm.score.ground import Event, Ground
from phonofilm.score.instruments import Instrument
from phonofilm.score.orchestrate import Desk
from phonofilm.score.piece import Note, Part

SPREAD_S = {"beat": 0.003, "struck": 0.006, "held": 0.010}
"""Standard deviation of onsets: good ensembles keep within 10 to 20 ms (Rasch 1979 measured 30 to 50 ms in trios)."""
STRUM_S = 0.014
ROLL_S = 0.007
OVERLAP_S = 0.06
"""Held notes reach a little into the next, as bows and breath do."""
PEDAL = (
    "piano",
    "upright piano",
    "electric piano",
    "harp",
    "vibraphone",
    "celesta",
    "music box",
    "nylon guitar",
    "steel guitar",
    "dulcimer",
    "crystal",
    "kalimba",
    "koto",
)
STRUMMED = ("nylon guitar", "steel guitar", "jazz guitar", "electric guitar", "harp", "banjo", "koto")
SOFTEST, RANGE = 0.34, 0.5
LONGEST_PEDAL_S = 4.0
UNBROKEN = ("drone", "clusters")
"""Textures that go on through the silences of the form."""


@dataclass(frozen=True)
class Manner:
    """How a style is played. swing: how late off-beats are, in beats; looseness: of time and loudness."""

    swing: float
    looseness: float
    energy: float


def perform(
    ground: Ground, desk: Desk, events: Sequence[Event], manner: Manner, duration_s: float, rng: np.random.Generator
) -> Part | None:
    """The part of one desk; None for one who has nothing to play."""
    if not events:
        return None
    player = desk.seat.instrument
    chords: dict[tuple[int, float], list[Event]] = defaultdict(list)
    for event in events:
        chords[(event.bar, event.beat)].append(event)
    played = []
    for (bar, beat), together in sorted(chords.items()):
        late_s = _late_s(player, manner, rng)
        for number, event in enumerate(sorted(together, key=lambda each: each.pitch)):
            apart_s = number * _roll_s(player, len(together))
            start_s = _time_s(ground, bar, beat, manner) + late_s + apart_s
            if not _silent(ground, desk, event):
                played.append(_note(ground, desk, event, start_s, manner, duration_s, rng))
    notes = _without_overlap([note for note in played if note is not None and note.end_s > note.start_s])
    if not notes:
        return None
    gain = float(10 ** (desk.layer.level_db / 20))
    return Part(
        player.name,
        player.programme,
        player.drums,
        tuple(notes),
        player.place,
        player.distance,
        gain,
        _swell(ground, player, duration_s),
    )


def _silent(ground: Ground, desk: Desk, event: Event) -> bool:
    """Whether an event falls into a silence of the form. Drones ring on through it: a held breath and no hole."""
    if event.bar >= ground.count or desk.layer.texture in UNBROKEN:
        return False
    rest_from = ground.plans[event.bar].rest_from
    return rest_from is not None and event.beat >= rest_from


def _silence_after_s(ground: Ground, desk: Desk, bar: int) -> float:
    """When the next silence of the form begins, counted from a bar; for ever after where there is none."""
    if desk.layer.texture not in UNBROKEN:
        for number in range(bar, min(bar + 4, ground.count)):
            rest_from = ground.plans[number].rest_from
            if rest_from is not None:
                return ground.tempo.seconds(number, rest_from)
    return float("inf")


def _late_s(player: Instrument, manner: Manner, rng: np.random.Generator) -> float:
    kind = "beat" if "beat" in player.roles else "held" if player.held else "struck"
    spread_s = SPREAD_S[kind] * manner.looseness
    return float(np.clip(rng.normal(0, spread_s), -2.5 * spread_s, 2.5 * spread_s))


def _roll_s(player: Instrument, count: int) -> float:
    if count < 3 or player.held or player.drums:
        return 0.0
    return STRUM_S if player.name in STRUMMED else ROLL_S if player.name in PEDAL else 0.0


def _time_s(ground: Ground, bar: int, beat: float, manner: Manner) -> float:
    """When a beat sounds; eighths off the beat are late by the swing, sixteenths between by half of it."""
    place = beat % 1
    if abs(place - 0.5) < 0.01:
        beat += manner.swing
    elif abs(place - 0.25) < 0.01 or abs(place - 0.75) < 0.01:
        beat += manner.swing / 2
    return ground.tempo.seconds(bar, beat)


def _note(
    ground: Ground,
    desk: Desk,
    event: Event,
    start_s: float,
    manner: Manner,
    duration_s: float,
    rng: np.random.Generator,
) -> Note | None:
    player = desk.seat.instrument
    start_s = max(0.0, start_s)
    end_s = ground.tempo.seconds(event.bar, event.beat + event.beats)
    if event.bar >= ground.count:
        end_s = duration_s
    elif player.name in PEDAL and desk.layer.role in ("motion", "inner", "colour"):
        end_s = max(end_s, min(ground.tempo.seconds(event.bar, ground.beats(event.bar)), start_s + LONGEST_PEDAL_S))
    elif player.held and event.beats >= 1:
        end_s += OVERLAP_S
    end_s = min(end_s, max(_silence_after_s(ground, desk, event.bar), start_s + 0.1))
    if start_s >= duration_s - 0.02:
        return None
    plan = ground.plans[min(event.bar, ground.count - 1)] if ground.count else None
    intensity = plan.intensity if plan else 0.4
    arch = 0.05 * np.sin(np.pi * (plan.in_section % 4 + 0.5) / 4) if plan and desk.layer.role == "melody" else 0.0
    level = (SOFTEST + RANGE * (0.75 * intensity + 0.25 * manner.energy) + arch) * (0.6 + 0.6 * event.weight)
    level += rng.normal(0, 0.02 * manner.looseness)
    low, high = player.low, player.high
    pitch = event.pitch
    while not player.drums and pitch > high:
        pitch -= 12
    while not player.drums and pitch < low:
        pitch += 12
    return Note(start_s, min(end_s, duration_s), pitch, int(np.clip(round(127 * level), 18, 124)))


def _without_overlap(notes: list[Note]) -> list[Note]:
    """A key that is struck again while it sounds is let go first; of two struck at once the louder stays."""
    by_pitch: dict[int, list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda each: (each.start_s, -each.velocity)):
        row = by_pitch[note.pitch]
        if row and note.start_s - row[-1].start_s < 0.015:
            continue
        if row and row[-1].end_s > note.start_s:
            row[-1] = Note(row[-1].start_s, note.start_s, note.pitch, row[-1].velocity)
        row.append(note)
    return sorted((note for row in by_pitch.values() for note in row), key=lambda each: (each.start_s, each.pitch))


def _swell(ground: Ground, player: Instrument, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Expression of held instruments: with the intensity, growing into new sections, fading under the last chord."""
    if not player.held:
        return ()
    points = []
    for bar, plan in enumerate(ground.plans):
        level = 0.45 + 0.5 * plan.intensity
        start_s = ground.tempo.bars[bar].start_s
        points.append((start_s, level))
        if plan.lift:
            points.append((ground.tempo.bars[bar].end_s - 0.05, min(1.0, level + 0.2)))
    last = points[-1][1] if points else 0.7
    points.append((ground.tempo.final_s + 0.01, max(last, 0.6)))
    points.append((ground.tempo.final_s + 0.4 * (duration_s - ground.tempo.final_s) + 0.02, max(last, 0.6) * 0.85))
    points.append((duration_s, 0.25))
    return tuple(points)
