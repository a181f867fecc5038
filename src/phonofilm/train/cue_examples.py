"""What the cue finder learns from: the motion in simulated films with their truth, a few dozen films to a file.

Films are painted once; what is kept of them is what the network is told. A shard is a safetensors file in which the
films lie one after the other; all of them have pictures of one shape. Seeds decide everything, so shards can be made
in any order, by several processes, while training runs on those that are there.

Dimension letters: N films, P pairs of frames of all films, h w picture, Y X blocks, K events, H hand-made events,
T clock points.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from phonofilm.data.simulate.clips import EventTable, SmallClip, event_table, going_on, small_clips, whole_clips
from phonofilm.disk import writer
from phonofilm.encoders.cue_features import CLOCK_HZ, FIELDS, hand_events
from phonofilm.encoders.motion import Motion, MotionWatcher
from phonofilm.types import FloatArray

logger = logging.getLogger(__name__)

SHARDS = 240
SCENES_A_SHARD = 16
SHORT_EVERY = 4
"""One shard in so many holds short films, mostly of arms, heads and blows close by; the others hold whole ones."""
SHAPES = ((160, 90), (160, 90), (138, 104), (160, 90), (184, 78), (90, 160))
"""Widths and heights of equal area, in turn: most films are 16:9."""
DAMAGED_SHARE = 0.7
"""So many scenes of short films are there twice, once damaged: two films in five."""


@dataclass(frozen=True)
class CueExample:
    """One film. hand: times and strengths of the hand-made events (H,); activity and place (T,) at CLOCK_HZ. shown:
    whether its pictures show what its motion says."""

    motion: Motion
    hand: tuple[FloatArray, FloatArray]
    events: EventTable
    activity: FloatArray
    place: FloatArray
    shown: bool = True


def make_cue_examples(run: Path, shards: int = SHARDS, scenes: int = SCENES_A_SHARD) -> None:
    """Paint the films that are not there yet into run/cue_examples. Raises MissingExtraError without OpenCV."""
    folder = run / "cue_examples"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(shards):
        path = folder / f"{number:04d}.safetensors"
        if not path.exists():
            seeds = range(number * scenes, (number + 1) * scenes)
            width, height = SHAPES[number % len(SHAPES)]
            clips = (clip for seed in seeds for clip in _clips(seed, width, height, short=number % SHORT_EVERY == 0))
            write_examples(path, of_one_grid([example_of(clip) for clip in clips]))
            logger.info("cue examples %d of %d", number + 1, shards)


def _clips(seed: int, width: int, height: int, *, short: bool) -> Iterable[SmallClip]:
    return small_clips(seed, width, height, DAMAGED_SHARE) if short else whole_clips(seed, width, height)


def example_of(clip: SmallClip) -> CueExample:
    """The motion in a film, and what it should be heard as."""
    watcher = MotionWatcher()
    for picture, time_s in clip.film:
        watcher.add(picture, Fraction(time_s))
    motion = watcher.motion()
    activity, place = going_on(clip.truth, CLOCK_HZ, round(clip.end_s * CLOCK_HZ) + 1)
    return CueExample(motion, hand_events(motion), event_table(clip.truth), activity, place)


def of_one_grid(examples: list[CueExample]) -> list[CueExample]:
    """Those whose pictures are of the size that most have: black bars are cut off before motion is measured."""
    grids = [example.motion.pictures.shape[1:] for example in examples]
    usual = max(grids, key=grids.count)
    return [example for example, grid in zip(examples, grids, strict=True) if grid == usual]


def write_examples(path: Path, examples: list[CueExample]) -> None:
    """Write films with one grid of blocks atomically."""
    motions = [example.motion for example in examples]
    tables = [example.events for example in examples]
    fields = np.stack([np.concatenate([getattr(motion, name) for motion in motions]) for name in FIELDS], 1)
    columns = [(t.times_s, t.strengths, t.places, t.contacts, t.asked) for t in tables]
    counts = [(len(e.motion.right), len(e.hand[0]), len(e.events.times_s), len(e.activity)) for e in examples]
    arrays = {
        "counts": np.array(counts, np.int64),  # (N, 4): pairs, hand-made events, events, clock points
        "fields": fields.clip(-60000, 60000).astype(np.float16),  # (P, 6, Y, X)
        "camera": np.concatenate([motion.camera for motion in motions]),
        "cut": np.concatenate([motion.cut for motion in motions]),
        "times_s": np.concatenate([motion.times_s for motion in motions]),  # (P + N,)
        "level": np.concatenate([motion.level for motion in motions]).astype(np.float32),
        "pictures": np.concatenate([motion.pictures for motion in motions]),  # (P + N, h, w)
        "hand": np.concatenate([np.stack(example.hand, 1) for example in examples]),  # (H, 2)
        "events": np.concatenate([np.stack(rows, 1).astype(np.float32) for rows in columns]),  # (K, 5)
        "going_on": np.concatenate([np.stack([e.activity, e.place], 1) for e in examples]).astype(np.float16),
    }
    partial = path.with_suffix(f".{writer()}.partial")
    save_file({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}, partial)
    os.replace(partial, path)


class CueShard:
    """The films of one file, read one by one."""

    def __init__(self, path: Path) -> None:
        with safe_open(path, "pt") as file:
            self._arrays = {name: file.get_tensor(name).numpy() for name in file.keys()}  # noqa: SIM118 (not a dict)
        counts: npt.NDArray[np.int64] = self._arrays["counts"]
        self._ends = np.concatenate([np.zeros((1, 4), np.int64), counts.cumsum(0)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def example(self, index: int) -> CueExample:
        """Film `index`."""
        pairs, hand, events, points = (slice(*self._ends[index : index + 2, part]) for part in range(4))
        frames = slice(pairs.start + index, pairs.stop + index + 1)
        arrays = self._arrays
        fields = arrays["fields"][pairs].astype(np.float32)  # (P, 6, Y, X)
        right, down, fastest, change, lighter, unexplained = fields.transpose(1, 0, 2, 3)
        times_s, camera = arrays["times_s"][frames], arrays["camera"][pairs]
        level, cut, pictures = arrays["level"][frames], arrays["cut"][pairs], arrays["pictures"][frames]
        motion = Motion(times_s, right, down, fastest, change, lighter, unexplained, camera, level, cut, pictures)
        told, rows, tracks = arrays["hand"][hand], arrays["events"][events], arrays["going_on"][points]
        table = EventTable(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3].astype(np.int64), rows[:, 4] > 0.5)
        activity, place = tracks.T.astype(np.float32)
        return CueExample(motion, (told[:, 0], told[:, 1]), table, activity, place)
