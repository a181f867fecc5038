"""Real recordings to compare with: pieces of the folder that training reads, by class.

Dimension letters: S samples.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonofilm.data.manifest import RATE_HZ, Recording, read_index
from phonofilm.data.sound_classes import classes_of
from phonofilm.media.audio import read_audio
from phonofilm.types import Waveform

LEAD_S = 1.0


@dataclass(frozen=True)
class Recorded:
    """Recordings of one kind: sounds, mono at 44.1 kHz, the source of each, and whether training has left it out."""

    sounds: tuple[Waveform, ...]
    groups: tuple[str, ...]
    held_out: tuple[bool, ...]


class Archive:
    """A folder of recordings with its index. Raises InputError when there is no index."""

    def __init__(self, folder: Path) -> None:
        self._rows = [(recording, classes_of(recording)) for recording in read_index(folder)]

    def of_class(self, name: str, most: int, longest_s: float, seed: int = 0) -> Recorded:
        """At most `most` recordings of a class of the listener, drawn by source, each `longest_s` at most."""
        return _read([row for row, classes in self._rows if name in classes], most, longest_s, seed)

    def without(self, names: Iterable[str], most: int, longest_s: float, seed: int = 0, *, held_out: bool) -> Recorded:
        """As `of_class`, of recordings that have classes but none of `names`; only held-out ones when asked."""
        unwanted = set(names)
        rows = [
            row
            for row, classes in self._rows
            if classes and not unwanted & set(classes) and (row.held_out or not held_out)
        ]
        return _read(rows, most, longest_s, seed)


def _read(rows: list[Recording], most: int, longest_s: float, seed: int) -> Recorded:
    """One recording of every source in turn, in random order, until there are `most`."""
    generator = np.random.default_rng(seed)
    shuffled = [rows[i] for i in generator.permutation(len(rows))]
    seen: dict[str, int] = {}
    turns = []
    for row in shuffled:
        turns.append(seen.get(row.group, 0))
        seen[row.group] = turns[-1] + 1
    chosen = [shuffled[i] for i in np.argsort(turns, kind="stable")[:most]]
    sounds = tuple(piece(read_audio(row.path, RATE_HZ), longest_s) for row in chosen)
    return Recorded(sounds, tuple(row.group for row in chosen), tuple(row.held_out for row in chosen))


def piece(sound: Waveform, longest_s: float) -> Waveform:
    """The sound, mono, cut to `longest_s` from a second before its loudest sample on."""
    mono = sound.samples.mean(axis=0, keepdims=True).astype(np.float32)  # (1, S)
    length = round(longest_s * sound.rate_hz)
    loudest = int(np.abs(mono[0]).argmax()) if mono.shape[1] else 0
    first = max(0, min(loudest - round(LEAD_S * sound.rate_hz), mono.shape[1] - length))
    return Waveform(np.ascontiguousarray(mono[:, first : first + length]), sound.rate_hz)
