"""The list of recordings that may be trained on, and their samples in one flat file.

The folder of recordings holds `index.tsv` (one row a recording: path, label, caption, category, ...). Decoding it once
into a single int16 file lets every training step read random pieces without decoding, and two processes share the
pages.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from phonofilm.errors import InputError
from phonofilm.media.audio import read_audio
from phonofilm.types import FloatArray

RATE_HZ = 44100
HELD_OUT_TENTHS = 1
"""One source recording in ten is kept out of training, for the figures in the log."""


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
        """Whether this recording is for measuring only; all takes of one source agree."""
        return hashlib.sha256(self.group.encode()).digest()[0] * 10 // 256 < HELD_OUT_TENTHS


def read_index(folder: Path) -> list[Recording]:
    """The rows of `folder/index.tsv`. Raises InputError when it is missing or lacks a column."""
    index = folder / "index.tsv"
    if not index.is_file():
        raise InputError(f"no index.tsv in {folder}; give the folder that holds the recordings and their index")
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    missing = {"path", "label", "caption", "category", "tier", "source_repo", "source_ref"} - set(
        rows[0] if rows else ()
    )
    if missing:
        raise InputError(f"{index} has no column {', '.join(sorted(missing))}; it must be the index of recordings")
    return [
        Recording(folder / row["path"], row["label"], row["caption"], row["category"], int(row["tier"]), _group(row))
        for row in rows
    ]


def _group(row: dict[str, str]) -> str:
    """Freesound and similar references name one recording; elsewhere the label of one collection does."""
    reference = row["source_ref"].split("|")[0].strip()
    if any(part in reference for part in ("/sounds/", "/s/", "freesound ", "watch?v=", "node/")):
        return reference
    if row["category"] == "speech":
        return row["path"]
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
        self.spans = [Span(*row) for row in json.loads((folder / "spans.json").read_text())]
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


def build_store(recordings: list[Recording], folder: Path) -> SampleStore:
    """Decode all recordings into `folder` (about 320 MB an hour), unless that is done already."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "spans.json"
    if not done.exists():
        spans, offset = [], 0
        with (folder / "pcm.i16").open("wb") as file:
            for recording in recordings:
                samples = read_audio(recording.path, RATE_HZ).samples.mean(axis=0)  # (S,)
                pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
                file.write(pcm.tobytes())
                loudest = int(np.abs(samples).argmax()) if len(samples) else 0
                spans.append((offset, len(pcm), float(abs(samples[loudest])) if len(samples) else 0.0, loudest))
                offset += len(pcm)
        done.write_text(json.dumps(spans))
    store = SampleStore(folder)
    if len(store) != len(recordings):
        raise InputError(
            f"{folder} holds {len(store)} recordings, the index {len(recordings)}; delete the folder to decode again"
        )
    return store


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
    return crops(build_store(recordings, store), indices, length, batch, np.random.default_rng(seed))
