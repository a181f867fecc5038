"""What is delivered beside the film: Broadcast WAV in its place, timecode, a timeline that finds its files."""

from fractions import Fraction
from pathlib import Path

import av
import opentimelineio as otio
import pytest
from wavinfo import WavInfoReader

from clips import make_clip, tiny_film
from phonofilm.errors import OutputError
from phonofilm.media.probe import probe
from phonofilm.media.timecode import start_timecode
from phonofilm.mix.loudness import integrated_lufs
from phonofilm.pipeline import Phonofilm

START = "10:00:01:12"


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A film as an editing program exports it: with a timecode track."""
    plain, timed = make_clip(tmp_path / "plain.mp4", rate_hz=Fraction(25)), tmp_path / "clip.mov"
    with av.open(plain) as source, av.open(timed, "w") as target:
        target.metadata["timecode"] = START
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.codec_context.framerate = Fraction(25)
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return timed


def test_stems_stand_at_the_timecode_of_the_clip(film: Phonofilm, clip: Path) -> None:
    (take,) = film.add_sound(clip, stems=True)
    start = start_timecode(probe(clip))
    assert start is not None
    assert str(start) == START
    assert str(start_timecode(probe(take.path))) == START, "the film keeps its timecode"
    for path in take.stems.values():
        told = WavInfoReader(str(path)).bext
        assert told is not None
        assert told.time_reference == start.samples(take.sound.rate_hz)
        assert (told.version, told.originator) == (2, "phonofilm")
        assert take.take_id in told.originator_ref
    told = WavInfoReader(str(take.stems["mix"])).bext
    assert told is not None
    assert told.loudness_value == pytest.approx(integrated_lufs(take.sound), abs=0.02)


def test_a_timeline_finds_its_files_and_is_as_long_as_the_picture(film: Phonofilm, clip: Path) -> None:
    takes = film.add_sound(clip, takes=2, timeline=clip.with_name("cut.otio"))
    info = probe(clip)
    for number, take in enumerate(takes, 1):
        assert take.timeline == clip.with_name(f"cut.{number}.otio")
        timeline = otio.adapters.read_from_file(str(take.timeline))
        assert [track.name for track in timeline.tracks] == ["picture", *(set(take.stems) - {"mix"})]
        for track in timeline.tracks:
            (item,) = track
            assert (clip.parent / item.media_reference.target_url).exists()
            assert item.source_range.duration.to_seconds() == pytest.approx(float(info.duration_s))
        assert otio.opentime.to_timecode(timeline.global_start_time) == START


def test_a_clip_without_timecode_begins_at_midnight(film: Phonofilm, tmp_path: Path) -> None:
    (take,) = film.add_sound(make_clip(tmp_path / "clip.mp4"), tmp_path / "take.wav", audio_only=True)
    told = WavInfoReader(str(take.path)).bext
    assert told is not None
    assert told.time_reference == 0


def test_a_timeline_of_another_name_is_refused_before_anything_is_made(film: Phonofilm, clip: Path) -> None:
    before = sorted(clip.parent.iterdir())
    with pytest.raises(OutputError, match="otio"):
        film.add_sound(clip, timeline="cut.xml")
    assert sorted(clip.parent.iterdir()) == before
