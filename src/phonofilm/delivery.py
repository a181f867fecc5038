"""What is written of a take: the film or its sound, the layers beside it, the timeline for editing programs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from phonofilm.cues import CueSheet
from phonofilm.interchange import TimelineContent, check_timeline_path, write_timeline
from phonofilm.media.audio import made_here
from phonofilm.media.files import remove, replacing
from phonofilm.media.timecode import Timecode, start_timecode
from phonofilm.mix.layer_names import LAYERS, MUSIC
from phonofilm.outlet import Outlet, Sealed
from phonofilm.outputs import MIX, NOTES, notes_made_here, numbered, stem_path
from phonofilm.remarks import SHEET, STEMS, digits_of, remark, told
from phonofilm.score.midi import write_midi
from phonofilm.score.piece import Score
from phonofilm.take_sheet import digest, sheet_path, write_sheet
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What is to be written of every take of a clip.

    start: the timecode of its first frame, None where it has none. timelines: by the path of the take; empty for none.
    """

    clip: ClipInfo
    audio_only: bool
    start: Timecode | None
    timelines: Mapping[Path, Path]


@dataclass(frozen=True)
class Timing:
    """What set the timing of a take: its cues and the cuts of the clip. told: somebody's cues are among them."""

    sheet: CueSheet
    cuts_s: Sequence[float]
    told: bool


@dataclass(frozen=True)
class Delivery:
    """Where things were written. stems: by name; beside a film the mix itself is among them."""

    path: Path
    stems: dict[str, Path] = field(default_factory=dict)
    timeline: Path | None = None


def order(clip: ClipInfo, paths: Sequence[Path], audio_only: bool, timeline: str) -> Order:
    """What is to be written to `paths`; timeline: where the timelines go, empty for none.

    Raises OutputError or MissingExtraError when they cannot be written.
    """
    timelines = numbered(Path(timeline), len(paths)) if timeline else []
    for path in timelines:
        check_timeline_path(path)
    return Order(clip, audio_only, start_timecode(clip), dict(zip(paths, timelines, strict=False)))


def deliver(
    outlet: Outlet,
    order: Order,
    sealed: Sealed,
    stems: dict[str, Sealed],
    path: Path,
    seed: int,
    timing: Timing,
) -> Delivery:
    """Write one take to `path`, and beside it its stems, its timeline, and its cue sheet where somebody told one.

    Raises OutputError.

    Layers of the take that it replaces go, so that the stems add up to the mix; nothing that we did not write does.
    Where it has none itself those stay, which is said.
    """
    clip, start = order.clip, order.start
    said_stems = remark(STEMS, digits_of(np.ascontiguousarray(sealed.sound.samples).data) if stems else "")
    said = [said_stems, remark(SHEET, digest(timing.sheet) if timing.told else "")]
    replaced_sheet = told(path, SHEET) if sheet_path(path).exists() else ""
    if order.audio_only:
        written = outlet.audio(sealed, path, seed, start, clip, said)
    else:
        written = outlet.video(sealed, clip, path, seed, start, said)
    write_sheet(timing.sheet if timing.told else None, path, replaced_sheet)
    layers = stems if order.audio_only or not stems else stems | {MIX: sealed}
    files = {
        name: outlet.audio(stem, stem_path(path, name), seed, start, clip, [said_stems])
        for name, stem in layers.items()
    }
    if not files:
        _tell_of_stems(path)
    timeline = order.timelines.get(path)
    if timeline is not None:
        sounds = {name: file for name, file in files.items() if name != MIX}
        write_timeline(TimelineContent(clip, sounds, timing.sheet, timing.cuts_s, start), timeline)
    for name in set(LAYERS) - set(files) if files else ():
        _remove_layer(stem_path(path, name))
    return Delivery(written, files, timeline)


def _tell_of_stems(path: Path) -> None:
    """Say which stems lie beside a take that has none of its own: they are of one that it replaced, or that has another
    suffix."""
    beside = [stem_path(path, name) for name in (*LAYERS, MIX)]
    left = [file.name for file in beside if file.exists() and told(file, STEMS)]
    if left:
        logger.warning("%s was made without stems; those beside it are of another take: %s", path, ", ".join(left))


def _remove_layer(path: Path) -> None:
    """Remove a layer of an earlier take and its notes, where nobody else has written them. Raises OutputError."""
    if not path.exists():
        return
    if not made_here(path):
        logger.warning("%s is not of this take, and was not made here; it is left as it is", path)
        return
    notes = path.with_suffix(NOTES)
    gone = [path]
    if notes.exists():
        if notes_made_here(path):
            gone.append(notes)
        else:
            logger.warning("%s is not of this take, and was changed since; it is left as it is", notes)
    for file in gone:
        remove(file)
    logger.warning("removed %s, of the take that this one replaces", " and ".join(map(str, gone)))


def deliver_notes(score: Score | None, earlier: Path | None, stems: dict[str, Path]) -> None:
    """Write the notes beside the music: of a new piece, or those of the earlier take. Raises OutputError."""
    if MUSIC not in stems:
        return
    path = stems[MUSIC].with_suffix(NOTES)
    if score is not None:
        write_midi(score, path)
    elif earlier is not None and earlier != path:
        with replacing(path) as partial:
            partial.write_bytes(earlier.read_bytes())
