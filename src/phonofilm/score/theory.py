"""Keys, modes and chords: what the symbols of a progression mean in semitones.

A chord symbol is a roman numeral counted on the major scale, whatever the mode: `bVI` is the major chord on the
lowered sixth degree. Large numerals are major, small ones minor; what follows changes or adds notes.
"""

import re
from dataclasses import dataclass

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
BRIGHT_MODES = ("major", "lydian", "mixolydian")
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
OPEN_KEYS = (4, 9, 2, 7, 0)
"""Keys that lie well on a guitar, open strings in them: E, A, D, G, C."""
NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
SYMBOL = re.compile(r"^(b|#)?([iv]+|[IV]+)(.*)$")
SUFFIXES: dict[str, tuple[int, ...]] = {
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "o": (0, 3, 6),
    "o7": (0, 3, 6, 9),
    "h7": (0, 3, 6, 10),
    "+": (0, 4, 8),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "7": (0, 4, 7, 10),
    "7b9": (0, 4, 7, 10, 13),
    "add9": (0, 4, 7, 14),
    "6": (0, 4, 7, 9),
    "9": (0, 4, 7, 10, 14),
    "cluster": (0, 1, 7),
}


@dataclass(frozen=True)
class Chord:
    """A chord: its symbol, root and further notes as pitch classes 0..11 (root first, in thirds)."""

    symbol: str
    root: int
    notes: tuple[int, ...]

    @property
    def fifth(self) -> int:
        """The note of the chord next to a fifth above the root."""
        return min(self.notes[1:], key=lambda note: abs((note - self.root) % 12 - 7))


def chord(symbol: str, tonic: int) -> Chord:
    """The chord that a symbol names in the key of `tonic` (0 is C)."""
    match = SYMBOL.match(symbol)
    assert match is not None, f"{symbol!r} is no chord symbol"
    accidental, numeral, suffix = match.groups()
    root = (tonic + NUMERALS[numeral.lower()] + {"b": -1, "#": 1, None: 0}[accidental]) % 12
    steps = SUFFIXES[suffix] if suffix else (0, 4, 7)
    if numeral.islower() and "o" not in suffix and suffix != "h7":
        steps = tuple(3 if step == 4 else 10 if step == 11 else step for step in steps)
    return Chord(symbol, root, tuple((root + step) % 12 for step in steps))


def scale(tonic: int, mode: str) -> tuple[int, ...]:
    """The pitch classes of a mode, from its tonic up."""
    return tuple((tonic + step) % 12 for step in MODES[mode])


def fitted_scale(tonic: int, mode: str, over: Chord) -> tuple[int, ...]:
    """The mode, bent to a chord: a note of it that lies a semitone from a borrowed chord note gives way to that."""
    notes = list(scale(tonic, mode))
    for wanted in over.notes:
        if wanted in notes:
            continue
        near = [note for note in notes if (note - wanted) % 12 in (1, 11) and note not in over.notes]
        if near:
            notes[notes.index(near[0])] = wanted
        else:
            notes.append(wanted)
    return tuple(sorted(set(notes), key=lambda note: (note - tonic) % 12))


def ladder(classes: tuple[int, ...], low: int, high: int) -> list[int]:
    """All pitches of some pitch classes from `low` to `high`, in order."""
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def nearest(pitches: list[int], wanted: float) -> int:
    """The pitch nearest to a wanted one; of two as near, the lower."""
    return min(pitches, key=lambda pitch: (abs(pitch - wanted), pitch))
