"""Timelines: what OpenTimelineIO reads back is the clip, its stems and its cues, to the frame."""

import re
import string
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import opentimelineio as otio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phonofilm.cues import Cue, CueSheet
from phonofilm.errors import MissingExtraError, OutputError
from phonofilm.interchange import TimelineContent, check_timeline_path, media_url, write_timeline
from phonofilm.media.timecode import STANDARD_RATES_HZ, Timecode, parse_timecode
from phonofilm.types import ClipInfo, VideoStream

NTSC_30 = Fraction(30_000, 1001)
CUES = (
    Cue(0.5, 0.5, 0.9, -0.2, "hit"),
    Cue(1.0, 2.5, 0.4, 0.3, "water"),
    Cue(1.5, 1.5, 0.7, 0.0, "hit", prompt="a glass breaks"),
    Cue(2.0, 2.2, 0.7, 0.0, "car", muted=True),
)


def clip(folder: Path, rate_hz: Fraction = NTSC_30, count: int = 120, name: str = "a clip.mp4") -> ClipInfo:
    video = VideoStream("h264", 64, 48, 0, rate_hz)
    return ClipInfo(folder / name, "mov,mp4", Fraction(0), count / rate_hz, video, None, "9f31")


def sheet(cues: tuple[Cue, ...]) -> CueSheet:
    return CueSheet("a clip.mp4", 4.0, "9f31", cues)


def written(content: TimelineContent, path: Path) -> Any:
    write_timeline(content, path)
    return otio.adapters.read_from_file(str(path))


def items(timeline: Any) -> list[Any]:
    return [item for track in timeline.tracks for item in track]


def span(time_range: Any, rate_hz: Fraction) -> tuple[int, int]:
    """First frame and length, both of which must be whole and at the exact rate."""
    for time in (time_range.start_time, time_range.duration):
        assert time.rate == float(rate_hz)
        assert Fraction(time.rate).limit_denominator(1001) == rate_hz
        assert time.value == int(time.value)
    return int(time_range.start_time.value), int(time_range.duration.value)


instants = st.floats(0, 5, allow_nan=False)


@given(
    st.sampled_from([*STANDARD_RATES_HZ, Fraction(12), Fraction(15)]),
    st.integers(1, 200),
    st.none() | st.integers(0, 2_000_000),
    st.lists(st.tuples(instants, instants, st.floats(0, 1), st.floats(-1, 1), st.booleans()), max_size=6),
    st.lists(instants, max_size=3),
)
@settings(max_examples=60)
def test_every_range_is_whole_frames_inside_the_clip(
    tmp_path_factory: pytest.TempPathFactory,
    rate_hz: Fraction,
    count: int,
    first: int | None,
    rows: list[tuple[float, float, float, float, bool]],
    cuts_s: list[float],
) -> None:
    folder = tmp_path_factory.mktemp("otio")
    cues = tuple(Cue(min(a, b), max(a, b), strength, place, "x", muted) for a, b, strength, place, muted in rows)
    start = None if first is None else Timecode(first, rate_hz)
    sounds = {"effects": folder / "t.effects.wav", "music": folder / "t.music.wav"}
    content = TimelineContent(clip(folder, rate_hz, count), sounds, sheet(cues), cuts_s, start)
    timeline = written(content, folder / "t.otio")
    assert timeline.global_start_time == otio.opentime.RationalTime(first or 0, float(rate_hz))
    for item in items(timeline):
        assert span(item.source_range, rate_hz) == (first or 0, count)
        assert span(item.media_reference.available_range, rate_hz) == (first or 0, count)
    assert timeline.duration() == otio.opentime.RationalTime(count, float(rate_hz))
    markers = list(items(timeline)[0].markers)
    assert len(markers) == len(cues) + len(cuts_s), "none is dropped"
    for marker, begins_s in zip(markers, [*(cue.start_s for cue in cues), *cuts_s], strict=True):
        at, length = span(marker.marked_range, rate_hz)
        at -= first or 0
        assert 0 <= at < at + length <= count
        assert at == count - 1 or abs(at - begins_s * rate_hz) <= 0.5 + 1e-9


def test_a_take_is_read_back_whole(tmp_path: Path) -> None:
    start = parse_timecode("00:59:58;10", NTSC_30)
    sounds = {name: tmp_path / f"a clip.sound.{name}.wav" for name in ("effects", "music", "dialogue")}
    timeline = written(TimelineContent(clip(tmp_path), sounds, sheet(CUES), (1.2,), start), tmp_path / "out.otio")
    assert timeline.name == "out"
    assert [(track.name, track.kind) for track in timeline.tracks] == [
        ("picture", "Video"),
        ("effects", "Audio"),
        ("music", "Audio"),
        ("dialogue", "Audio"),
    ]
    assert [item.media_reference.target_url for item in items(timeline)] == [
        "a clip.mp4",
        "a clip.sound.effects.wav",
        "a clip.sound.music.wav",
        "a clip.sound.dialogue.wav",
    ]
    assert all(item.name == item.media_reference.name for item in items(timeline))
    assert timeline.global_start_time.to_timecode(float(NTSC_30), True) == "00:59:58;10"
    facts = timeline.metadata["phonofilm"]
    assert (facts["rate"], facts["timecode"], facts["drop_frame"]) == ("30000/1001", "00:59:58;10", True)
    assert facts["fingerprint"] == "9f31"


def test_markers_say_what_the_cues_say(tmp_path: Path) -> None:
    start = parse_timecode("01:00:00;00", NTSC_30)
    content = TimelineContent(clip(tmp_path), {}, sheet(CUES), (1.2,), start)
    markers = items(written(content, tmp_path / "out.otio"))[0].markers
    assert [(marker.name, marker.color, marker.metadata["phonofilm"]["kind"]) for marker in markers] == [
        ("hit", "RED", "hit"),
        ("water", "BLUE", "stretch"),
        ("a glass breaks", "RED", "hit"),
        ("car", "BLACK", "muted"),
        ("cut", "YELLOW", "cut"),
    ]
    first = start.frames
    assert [span(marker.marked_range, NTSC_30) for marker in markers] == [
        (first + 15, 1),
        (first + 30, 45),
        (first + 45, 1),
        (first + 60, 6),
        (first + 36, 1),
    ]
    assert markers[0].marked_range.start_time.to_timecode(float(NTSC_30), True) == "01:00:00;15"
    facts = dict(markers[2].metadata["phonofilm"])
    assert facts == {
        "kind": "hit",
        "start_s": 1.5,
        "end_s": 1.5,
        "label": "hit",
        "strength": 0.7,
        "place": 0.0,
        "prompt": "a glass breaks",
    }
    assert (markers[0].comment, markers[3].comment) == (
        "strength 0.90, place -0.20",
        "strength 0.70, place +0.00, muted",
    )


@pytest.mark.parametrize("rate_hz", [NTSC_30, Fraction(60_000, 1001)])
@given(number=st.integers(0, 2_589_407))
@example(number=17_982)
@example(number=1_800)
@settings(max_examples=30)
def test_drop_frame_starts_are_those_of_opentimelineio(
    tmp_path_factory: pytest.TempPathFactory, rate_hz: Fraction, number: int
) -> None:
    start = Timecode(number, rate_hz, True)
    folder = tmp_path_factory.mktemp("otio")
    timeline = written(TimelineContent(clip(folder, rate_hz), {}, start=start), folder / "t.otio")
    assert timeline.global_start_time.to_timecode(float(rate_hz), True) == str(start)
    assert otio.opentime.from_timecode(str(start), float(rate_hz)).value == number


def test_measured_rates_and_half_counted_timecode_come_out_even(tmp_path: Path) -> None:
    info = clip(tmp_path, NTSC_30)
    measured = replace(info, video=replace(info.video, average_rate_hz=NTSC_30 * Fraction(10_001, 10_000)))
    start = Timecode(1000, NTSC_30 / 2)
    timeline = written(TimelineContent(measured, {}, start=start), tmp_path / "t.otio")
    assert span(items(timeline)[0].source_range, NTSC_30) == (2000, 120)


def test_files_elsewhere_are_named_by_their_whole_path_without_a_protocol(tmp_path: Path) -> None:
    near, far = tmp_path / "edit", tmp_path / "footage"
    near.mkdir()
    (near / "stems").mkdir()
    assert media_url(far / "a clip.mp4", near) == f"{far.as_posix()}/a clip.mp4"
    assert media_url(near / "stems" / "a.wav", near) == "stems/a.wav"
    assert media_url(near / "3:2.wav", near) == "./3:2.wav"


@given(st.text(string.ascii_letters + string.digits + " #%?&+:;@!()[]'äé東.~", min_size=1, max_size=20), st.booleans())
@example("100%25 #1?", True)
@example("100% #1?", False)
@example("a:b", True)
@example("12:30;2", True)
def test_the_path_of_every_name_can_be_read(words: str, near: bool) -> None:
    name = words.strip() + ".wav"
    folder = Path("/somewhere/edit")
    file = (folder if near else Path("/elsewhere")) / name
    url = media_url(file, folder)
    assert folder / unquote(urlsplit(url).path) == file, "by RFC 3986"
    # OpenTimelineIO decodes %25 twice, and takes one letter and a colon for a drive of Windows.
    if not re.search("%[0-9a-fA-F]{2}|^[a-zA-Z]:", name):
        assert folder / otio.url_utils.filepath_from_url(url) == file


def test_what_cannot_be_written_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"ends in \.otio"):
        check_timeline_path(tmp_path / "a.xml")
    with pytest.raises(OutputError, match="does not exist"):
        check_timeline_path(tmp_path / "no" / "a.otio")
    monkeypatch.setattr("phonofilm.interchange.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'phonofilm\[timeline\]'"):
        write_timeline(TimelineContent(clip(tmp_path), {}), tmp_path / "a.otio")
    assert not list(tmp_path.iterdir())
