"""An instrument that is seen, played at the moments at which it is plucked or struck.

The strokes of the picture say when and how hard; harmony and hand positions are ours. What is bowed or blown shows no
strokes worth the name, and is given a piece of its own by `compose`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

import numpy as np

from phonofilm.score.drums import CLOSED, CRASH, HIGH_TOM, KICK, LOW_TOM, RIDE, SNARE
from phonofilm.score.instruments import Instrument, wanted_instruments
from phonofilm.score.mood import Mood
from phonofilm.score.piece import Bar, Note, Part, Score, Section, TempoMap
from phonofilm.score.progressions import PROGRESSIONS
from phonofilm.score.theory import NAMES, OPEN_KEYS, Chord, chord, ladder

FEWEST_STROKES_HZ = 0.4
"""Fewer are gestures; a player whose hands hardly move is heard playing all the same, see `compose`."""
CHORD_S = 1.6
"""A chord stays at least so long, and changes with the next stroke: a slow bar."""
STRUM_GAP_S = 0.45
"""A hard stroke after a rest like this is a strummed chord, not a plucked string."""
HARD = 0.75
STRUM_S = 0.016
STRINGS = 4
RING_S = 4.0
HAND = (0, 2, 1, 3, 2, 1)
"""The order of fingers over the tones of a chord, low to high: thumb, ring, index, little, ring, index."""
TOP = 76
"""What is plucked in an accompaniment lies below the E of the second octave above middle C."""
SOFTEST_VELOCITY, HARDEST_VELOCITY = 36, 114
SIDE = 0.25
"""Further from the middle of the picture than this is beside the player."""
BEAT_S = 0.5


@dataclass(frozen=True)
class Stroke:
    """When a string, key or skin is struck, how hard from 0 to 1, and where in the picture from -1 to 1."""

    time_s: float
    strength: float
    place: float


def instrument_in(label: str) -> Instrument | None:
    """The instrument that a description of what is seen names; None where it names none that we can play."""
    named = wanted_instruments(label).named
    return named[0] if named else None


def can_follow(instrument: Instrument, strokes: Sequence[Stroke], duration_s: Fraction) -> bool:
    """Whether the strokes say when it is played."""
    return not instrument.held and len(strokes) >= max(2.0, FEWEST_STROKES_HZ * float(duration_s))


def play_along(instrument: Instrument, strokes: Sequence[Stroke], duration_s: Fraction, mood: Mood, seed: int) -> Score:
    """What the instrument plays when it is struck at `strokes`: every note of it begins with one of them.

    The mood gives mode and harmony; the same seed gives the same notes.
    """
    rng = np.random.default_rng([seed, crc32(instrument.name.encode())])
    ordered = sorted(strokes, key=lambda stroke: stroke.time_s)
    mode, name = mood.modes[int(rng.integers(len(mood.modes)))]
    tonic = int(rng.choice(OPEN_KEYS))
    loops = PROGRESSIONS[name].main
    chords = [chord(symbol, tonic) for symbol in loops[int(rng.integers(len(loops)))]]
    notes, used = _drummed(ordered, float(duration_s)), list[Chord]()
    if not instrument.drums:
        notes, used = _plucked(instrument, ordered, chords, float(duration_s))
    place = float(np.clip(np.mean([stroke.place for stroke in ordered]), -0.8, 0.8))
    part = Part(instrument.name, instrument.programme, instrument.drums, tuple(notes), place, 0.2, 1.0, ())
    tempo = _clock(float(duration_s))
    sections = (Section("seen", 0, len(tempo.bars)),)
    symbols = tuple(each.symbol for each in used)
    key = NAMES[tonic]
    return Score(duration_s, "seen", key, mode, 60 / tempo.beat_s, tempo, sections, symbols, (), (part,), 0.3)


def _plucked(
    instrument: Instrument, strokes: Sequence[Stroke], chords: Sequence[Chord], duration_s: float
) -> tuple[list[Note], list[Chord]]:
    """The notes, and the chords in their order."""
    starts = _changes(strokes)
    notes, used, finger = list[Note](), list[Chord](), 0
    for number, stroke in enumerate(strokes):
        if number in starts:
            used.append(chords[len(used) % len(chords)])
            finger = 0
        later = [strokes[at].time_s for at in starts if at > number]
        end_s = min(stroke.time_s + RING_S, later[0] if later else duration_s, duration_s)
        tones = _tones(instrument, used[-1])
        alone = number == 0 or stroke.time_s - strokes[number - 1].time_s > STRUM_GAP_S
        if stroke.strength >= HARD and alone and number in starts:
            picked = tones[:STRINGS]
        else:
            picked = [tones[HAND[finger % len(HAND)] % len(tones)]]
            finger += 1
        for string, pitch in enumerate(picked):
            start_s = stroke.time_s + string * STRUM_S
            if start_s < end_s:
                notes.append(Note(start_s, end_s, pitch, _velocity(stroke.strength)))
    return _let_go(notes), used


def _changes(strokes: Sequence[Stroke]) -> list[int]:
    """Numbers of the strokes with which a new chord begins."""
    changes = [0]
    for number, stroke in enumerate(strokes):
        if stroke.time_s - strokes[changes[-1]].time_s >= CHORD_S:
            changes.append(number)
    return changes


def _tones(instrument: Instrument, here: Chord) -> list[int]:
    """The root in the lowest octave of the instrument, and the tones of the chord above it."""
    root = instrument.low + (here.root - instrument.low) % 12
    return [root, *(pitch for pitch in ladder(here.notes, root + 5, max(TOP, root + 17)) if pitch <= instrument.high)]


def _drummed(strokes: Sequence[Stroke], duration_s: float) -> list[Note]:
    """Skins and cymbals by where they are struck and how hard; in the middle kick and snare in turn."""
    notes, middle = [], 0
    for stroke in strokes:
        if stroke.place < -SIDE:
            pitch = HIGH_TOM if stroke.strength >= HARD else CLOSED
        elif stroke.place > SIDE:
            pitch = LOW_TOM if stroke.strength >= HARD else RIDE
        else:
            pitch = (KICK, SNARE)[middle % 2]
            middle += 1
        end_s = min(stroke.time_s + 0.5, duration_s)
        if end_s > stroke.time_s:
            notes.append(Note(stroke.time_s, end_s, pitch, _velocity(stroke.strength)))
    if notes and max(stroke.strength for stroke in strokes) >= HARD:
        hardest = max(strokes, key=lambda stroke: stroke.strength)
        notes.append(Note(hardest.time_s, min(hardest.time_s + 2, duration_s), CRASH, _velocity(hardest.strength)))
    return [note for note in notes if note.end_s > note.start_s]


def _velocity(strength: float) -> int:
    return round(SOFTEST_VELOCITY + (HARDEST_VELOCITY - SOFTEST_VELOCITY) * min(1.0, max(0.0, strength)))


def _let_go(notes: Sequence[Note]) -> list[Note]:
    """A string that is plucked again stops ringing first."""
    kept: list[Note] = []
    last: dict[int, int] = {}
    for note in notes:
        if note.pitch in last and kept[last[note.pitch]].end_s > note.start_s:
            before = kept[last[note.pitch]]
            kept[last[note.pitch]] = Note(before.start_s, note.start_s, before.pitch, before.velocity)
        last[note.pitch] = len(kept)
        kept.append(note)
    return [note for note in kept if note.end_s > note.start_s]


def _clock(duration_s: float) -> TempoMap:
    """Bars for the MIDI file. The playing is free; they only carry it."""
    count = max(1, int(duration_s / (4 * BEAT_S)))
    beat_s = min(BEAT_S, 0.95 * duration_s / (4 * count))
    bars = tuple(Bar(number * 4 * beat_s, 4, beat_s) for number in range(count))
    return TempoMap(bars, count * 4 * beat_s, beat_s)
