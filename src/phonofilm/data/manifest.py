"""The list of recordings that may be trained on, and their samples in one flat file.

The folder of recordings may hold `index.tsv` (one row a recording: path, label, caption, category, ...); where there
is none, every sound file in it is a recording of what its name says. Decoding them once into a single int16 file lets
every training step read random pieces without decoding, and two processes share the pages.
"""

import csv
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from phonofilm.errors import InputError
from phonofilm.media.audio import read_audio
from phonofilm.media.suffixes import SOUND_SUFFIXES
from phonofilm.types import FloatArray

logger = logging.getLogger(__name__)

RATE_HZ = 44100
HELD_OUT_TENTHS = 1
"""One source recording in ten is kept out of training, for the figures in the log."""
COLUMNS = ("path", "label")
OTHERS = {"caption": "", "category": "", "tier": "1", "source_repo": "", "source_ref": ""}
"""Columns that an index may leave out, and what stands for them."""
UNTOLD = "file "
"""How the group begins of a recording of which nobody says where it comes from."""
NOT_NAMING = re.compile(r"[\W\d_]+")
"""Numbers, lines and points in the name of a file, which count takes and part words."""
TWO_WORDS = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
LOOKED_AT_BYTES = 4096
"""Of every recording, from its middle, to tell it from another of its name and size."""


@dataclass(frozen=True)
class Recording:
    """One row of the index. `group` names the source recording: takes cut from one source are near copies."""

    path: Path
    label: str
    caption: str
    category: str
    tier: int
    group: str

    @property
    def held_out(self) -> bool:
        """Whether this recording is for measuring only; all takes of one source agree.

        Somebody's own sounds are few, and there is nothing to measure on them: all are learnt.
        """
        return (
            not self.group.startswith(UNTOLD)
            and hashlib.sha256(self.group.encode()).digest()[0] * 10 // 256 < HELD_OUT_TENTHS
        )


def check_recordings(folder: Path) -> None:
    """Raises InputError for what is no folder of recordings, without looking into it."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that holds the recordings")


def read_index(folder: Path) -> list[Recording]:
    """The rows of `folder/index.tsv`, or every sound file in the folder, called after its name.

    Raises InputError when there is neither, or the index lacks a column or holds an odd value.
    """
    check_recordings(folder)
    index = folder / "index.tsv"
    if not index.is_file():
        return _by_name(folder)
    recordings = []
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t")
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                lack = ", ".join(sorted(missing))
                raise InputError(f"{index} has no column {lack}; it must be the index of recordings")
            for row in rows:
                recordings.append(_recording(folder, row, f"{index} line {rows.line_num}"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{index} is no table of text ({error}); save it as UTF-8, columns parted by tabs") from error
    if not recordings:
        raise InputError(f"{index} names no recordings; give a row for each")
    return recordings


def _by_name(folder: Path) -> list[Recording]:
    """The sound files in a folder and the folders in it. Raises InputError when there are none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES and path.is_file())
    if not found:
        raise InputError(
            f"no index.tsv and no sound file in {folder}; give a folder of recordings, called after what is heard"
        )
    return [Recording(path, _named(path), "", "", 1, UNTOLD + path.relative_to(folder).as_posix()) for path in found]


def _named(path: Path) -> str:
    """What a file's name says: "Laser_Zap-03.wav" is a laser zap. Its folder's name where it is a number only."""
    for name in (path.stem, path.parent.name):
        words = NOT_NAMING.sub(" ", TWO_WORDS.sub(" ", name)).strip().lower()
        if words:
            return words
    return path.stem


def _recording(folder: Path, row: dict[str, str], where: str) -> Recording:
    """One row of the index as a recording. Raises InputError, which begins with `where`."""
    row = OTHERS | row
    lacking = [name for name in (*COLUMNS, *OTHERS) if row[name] is None]
    if lacking:
        raise InputError(f"{where} has no {', '.join(lacking)}; give every column, parted by tabs")
    try:
        tier = int(row["tier"])
    except ValueError:
        raise InputError(f"{where}: tier is {row['tier']!r}; give a whole number") from None
    return Recording(folder / row["path"], row["label"], row["caption"], row["category"], tier, _group(row))


def _group(row: dict[str, str]) -> str:
    """Freesound and similar references name one recording; elsewhere the label of one collection does."""
    reference = row["source_ref"].split("|")[0].strip()
    if any(part in reference for part in ("/sounds/", "/s/", "freesound ", "watch?v=", "node/")):
        return reference
    if row["category"] == "speech":
        return row["path"]
    if not reference and not row["source_repo"]:
        return UNTOLD + row["path"]
    return row["source_repo"] + ":" + row["label"]


@dataclass(frozen=True)
class Span:
    """Where one recording lies in the flat file, and its loudest sample: how high it is, and where in the recording."""

    offset: int
    count: int
    peak: float
    peak_at: int


class SampleStore:
    """Every recording's samples, mono at 44.1 kHz, in one memory-mapped int16 file."""

    def __init__(self, folder: Path) -> None:
        self.spans = [Span(*row) for row in json.loads((folder / "spans.json").read_text())["spans"]]
        self._data: npt.NDArray[np.int16] = np.memmap(folder / "pcm.i16", np.int16, mode="r")

    def __len__(self) -> int:
        return len(self.spans)

    def samples(self, index: int, first: int = 0, count: int | None = None) -> FloatArray:
        """(S,) float32 within ±1 of recording `index`: all of it, or `count` samples from `first`; zeros outside."""
        span = self.spans[index]
        count = span.count - first if count is None else count
        out = np.zeros(count, np.float32)
        start, end = max(first, 0), min(first + count, span.count)
        if end > start:
            out[start - first : end - first] = self._data[span.offset + start : span.offset + end]
        return out / np.float32(32768)


def build_store(recordings: list[Recording], sounds: Path, folder: Path) -> SampleStore:
    """Decode all recordings of `sounds` into `folder` (about 320 MB an hour), unless that is done already.

    Raises InputError when recordings are missing, or when the folder holds those of another index: what else there is
    of its run was made of them, so they are not exchanged.
    """
    identity = _identity(recordings, sounds)
    held = _held(folder)
    if held is not None and held != identity:
        raise InputError(
            f"{folder} holds other recordings than {sounds} does now, and its run was made of them; "
            f"give another --run, or remove {folder.parent} to begin anew"
        )
    if held is None:
        _decode(recordings, folder, identity)
    return SampleStore(folder)


def _decode(recordings: list[Recording], folder: Path, identity: str) -> None:
    logger.info("decoding %d recordings into %s", len(recordings), folder)
    folder.mkdir(parents=True, exist_ok=True)
    spans, offset = [], 0
    with (folder / "pcm.i16").open("wb") as file:
        for recording in recordings:
            samples = read_audio(recording.path, RATE_HZ).samples.mean(axis=0)  # (S,)
            pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
            file.write(pcm.tobytes())
            loudest = int(np.abs(samples).argmax()) if len(samples) else 0
            spans.append((offset, len(pcm), float(abs(samples[loudest])) if len(samples) else 0.0, loudest))
            offset += len(pcm)
    partial = folder / "spans.partial"
    partial.write_text(json.dumps({"identity": identity, "spans": spans}))
    os.replace(partial, folder / "spans.json")


def _identity(recordings: list[Recording], sounds: Path) -> str:
    """What tells these recordings, in this order, from others. Raises InputError when some are not there.

    A size alone does not: recordings cut to one length are alike in it. Captions do not matter to what is stored, the
    sources and labels do to what a run makes of it.
    """
    missing = [recording.path for recording in recordings if not recording.path.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(recordings)} recordings of {sounds / 'index.tsv'} are not there, the first is "
            f"{missing[0]}; put them there, or take their rows out of the index"
        )
    digest = hashlib.sha256()
    for recording in recordings:
        size = recording.path.stat().st_size
        with recording.path.open("rb") as file:
            file.seek(max(0, (size - LOOKED_AT_BYTES) // 2))
            middle = hashlib.sha256(file.read(LOOKED_AT_BYTES)).hexdigest()
        name = recording.path.relative_to(sounds).as_posix()
        row = [name, size, middle, recording.label, recording.category, recording.tier, recording.group]
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _held(folder: Path) -> str | None:
    """The identity of what `folder` holds; None while it holds nothing whole."""
    try:
        table = json.loads((folder / "spans.json").read_text())
        identity, end = str(table["identity"]), max(row[0] + row[1] for row in table["spans"])
        return identity if (folder / "pcm.i16").stat().st_size == 2 * end else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def crops(
    store: SampleStore, indices: list[int], length: int, batch: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """Endless batches (batch, length) of random pieces, drawn by duration, at random levels.

    Half of the pieces begin near a loud moment, so that attacks are seen as often as tails.
    """
    seconds = np.asarray([store.spans[i].count for i in indices], np.float64)
    # The square root keeps short strokes (a third of all recordings, 2 % of the time) from being drowned by long rain.
    weight = np.sqrt(seconds) / np.sqrt(seconds).sum()
    while True:
        out = np.zeros((batch, length), np.float32)
        for row, choice in zip(out, generator.choice(len(indices), batch, p=weight), strict=True):
            span = store.spans[indices[choice]]
            if generator.random() < 0.5:
                start = span.peak_at - int(generator.integers(length // 8, length))
            else:
                start = int(generator.integers(-length // 4, max(1, span.count - length // 2)))
            gain = 10 ** (generator.uniform(-24, -0.5) / 20) / max(span.peak, 1e-4)
            row[:] = store.samples(indices[choice], start, length) * gain
        yield out


def training_crops(sounds: Path, store: Path, length: int, batch: int, seed: int) -> Iterator[FloatArray]:
    """`crops` of every recording in the folder `sounds` that is not held out, decoded once into `store`."""
    recordings = read_index(sounds)
    indices = [i for i, recording in enumerate(recordings) if not recording.held_out]
    return crops(build_store(recordings, sounds, store), indices, length, batch, np.random.default_rng(seed))
