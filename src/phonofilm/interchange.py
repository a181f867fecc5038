"""A take as a timeline for editing programs: picture, stems and cues in an OpenTimelineIO file (.otio).

The picture is on a video track, each stem on an audio track of its own, all from their first frame to their last. The
timeline begins at the timecode of the clip, so that everything stands where the source says. Cues and cuts are markers
on the picture, in the time of the source: they move with it. All ranges are whole frames at the clip's exact rate, as
editing programs write them; what is finer stands in the metadata under "phonofilm".

Dimension letters: N frames.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phonofilm.cues import Cue, CueSheet
from phonofilm.errors import MissingExtraError, OutputError
from phonofilm.media.files import check_writable, write_text
from phonofilm.media.timecode import Timecode, frame_rate
from phonofilm.timeline import nearest, seconds
from phonofilm.types import ClipInfo

PACKAGE = "opentimelineio"
MISSING = "a timeline needs the package opentimelineio, which is not installed; run pip install 'phonofilm[timeline]'"
SUFFIX = ".otio"
COLOURS = {"hit": "RED", "stretch": "BLUE", "muted": "BLACK", "cut": "YELLOW"}
"""By kind of marker; OpenTimelineIO knows eleven names of colours and these are among them."""
RESERVED_IN_URLS = str.maketrans({"%": "%25", "#": "%23", "?": "%3F", ";": "%3B"})
"""Readers that take the address for a URL would cut a name at these, or read a percent sign for the start of a code."""


@dataclass(frozen=True)
class TimelineContent:
    """What a timeline is made of.

    sounds: files by the name of their track, in the order of the tracks, each as long as the clip; without the mix when
    its layers are there, because it would be heard twice. start: the clip's timecode, None where it has none; the
    timeline then begins at 0. cuts_s: when new shots begin, in seconds from the first shown frame.
    """

    clip: ClipInfo
    sounds: Mapping[str, Path]
    sheet: CueSheet | None = None
    cuts_s: Sequence[float] = ()
    start: Timecode | None = None


@dataclass(frozen=True)
class _Frames:
    """The clip in frames: N of them, the first at the number `first`."""

    rate_hz: Fraction
    first: int
    count: int

    def at(self, time_s: float) -> int:
        """0 to N-1: the frame that begins nearest to an instant."""
        return min(max(0, nearest(seconds(time_s) * self.rate_hz)), self.count - 1)


@dataclass(frozen=True)
class _Mark:
    """One marker: the frames from `first`, counted from the clip's first, and what it says; note: for people."""

    kind: str
    name: str
    note: str
    first: int
    count: int
    facts: dict[str, Any]


def check_timeline_path(path: Path) -> None:
    """Raises OutputError when no timeline can be written there, MissingExtraError when the package is missing."""
    if path.suffix.lower() != SUFFIX:
        raise OutputError(f"cannot write a timeline as {path.name}; give a name that ends in {SUFFIX}")
    if find_spec(PACKAGE) is None:
        raise MissingExtraError(MISSING)
    check_writable(path)


def write_timeline(content: TimelineContent, path: Path) -> None:
    """Write the timeline, whole or not at all. Raises OutputError or MissingExtraError.

    Files in the folder of `path` or below it are named relative to it, so that the folder can be moved; others by their
    whole path.
    """
    check_timeline_path(path)
    write_text(_timeline(content, path).to_json_string(indent=2) + "\n", path)


def media_url(file: Path, folder: Path) -> str:
    """How a timeline in `folder` names a file.

    OpenTimelineIO's own `url_from_filepath` puts "file://" before whole paths, and DaVinci Resolve 20.2 does not find
    those (OpenTimelineIO issue 1985); paths without it are found, and `filepath_from_url` reads both.
    """
    # Links stay what they are called: their names are what the user knows.
    whole, home = Path(os.path.abspath(file)), Path(os.path.abspath(folder))
    if not whole.is_relative_to(home):
        return whole.as_posix().translate(RESERVED_IN_URLS)
    name = whole.relative_to(home).as_posix().translate(RESERVED_IN_URLS)
    # RFC 3986, 4.2: a colon in the first part would make it the name of a protocol.
    return f"./{name}" if ":" in name.split("/")[0] else name


def _timeline(content: TimelineContent, path: Path) -> Any:
    import opentimelineio as otio

    frames = _frames(content)
    whole = _range(otio, frames, 0, frames.count)
    picture = _item(otio, content.clip.path, path.parent, whole)
    picture.markers.extend(_marker(otio, mark, frames) for mark in _marks(content, frames))
    timeline = otio.schema.Timeline(
        path.stem, global_start_time=whole.start_time, metadata={"phonofilm": _facts(content)}
    )
    kinds = otio.schema.TrackKind
    timeline.tracks.append(otio.schema.Track("picture", [picture], kind=kinds.Video))
    for name, file in content.sounds.items():
        sound = _item(otio, file, path.parent, whole)
        timeline.tracks.append(otio.schema.Track(name, [sound], kind=kinds.Audio))
    return timeline


def _frames(content: TimelineContent) -> _Frames:
    rate_hz = frame_rate(content.clip.video.average_rate_hz)
    first = 0 if content.start is None else nearest(content.start.time_s * rate_hz)
    return _Frames(rate_hz, first, max(1, nearest(content.clip.duration_s * rate_hz)))


def _range(otio: Any, frames: _Frames, first: int, count: int) -> Any:
    """The range of `count` frames from frame `first` of the clip, in the time of its source."""
    # A float holds 30000/1001 to 16 digits; frame numbers are whole, so nothing drifts.
    rate_hz = float(frames.rate_hz)
    start = otio.opentime.RationalTime(frames.first + first, rate_hz)
    return otio.opentime.TimeRange(start, otio.opentime.RationalTime(count, rate_hz))


def _item(otio: Any, file: Path, folder: Path, whole: Any) -> Any:
    """A file from its first frame to its last; named like the file, by which programs look for what was moved."""
    media = otio.schema.ExternalReference(media_url(file, folder), whole)
    media.name = file.name
    return otio.schema.Clip(file.name, media, whole)


def _facts(content: TimelineContent) -> dict[str, Any]:
    """What the format has no place for: it tells no drop-frame from other timecode, and rates are floats."""
    rate_hz, start = frame_rate(content.clip.video.average_rate_hz), content.start
    facts: dict[str, Any] = {
        "rate": f"{rate_hz.numerator}/{rate_hz.denominator}",
        "duration_s": float(content.clip.duration_s),
        "fingerprint": content.clip.fingerprint,
    }
    if start is not None:
        facts |= {"timecode": str(start), "drop_frame": start.drop}
    return facts


def _marks(content: TimelineContent, frames: _Frames) -> Iterator[_Mark]:
    for cue in () if content.sheet is None else content.sheet.cues:
        first = frames.at(cue.start_s)
        count = 1 if cue.is_event else max(1, nearest(seconds(cue.end_s) * frames.rate_hz) - first)
        note = f"strength {cue.strength:.2f}, place {cue.place:+.2f}{', muted' if cue.muted else ''}"
        name, count = cue.prompt or cue.label, min(count, frames.count - first)
        yield _Mark(_kind(cue), name, note, first, count, _cue_facts(cue))
    for time_s in content.cuts_s:
        yield _Mark("cut", "cut", "a new shot", frames.at(time_s), 1, {"start_s": float(time_s)})


def _kind(cue: Cue) -> str:
    if cue.muted:
        return "muted"
    return "hit" if cue.is_event else "stretch"


def _cue_facts(cue: Cue) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "start_s": cue.start_s,
        "end_s": cue.end_s,
        "label": cue.label,
        "strength": cue.strength,
        "place": cue.place,
    }
    return facts | ({"prompt": cue.prompt} if cue.prompt else {})


def _marker(otio: Any, mark: _Mark, frames: _Frames) -> Any:
    return otio.schema.Marker(
        mark.name,
        _range(otio, frames, mark.first, mark.count),
        COLOURS[mark.kind],
        {"phonofilm": {"kind": mark.kind, **mark.facts}},
        mark.note,
    )
