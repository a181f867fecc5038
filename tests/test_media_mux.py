"""The picture goes through untouched; the sound begins and ends with it."""

import errno
import logging
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import click_time, click_track, cut_by_edit_list, even_times, make_clip, numbers, shown_packets
from phonofilm.disk import writer
from phonofilm.errors import OutputError
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.frames import decode_frames
from phonofilm.media.holding import place_for
from phonofilm.media.mux import check_output, mux
from phonofilm.media.probe import probe
from phonofilm.media.stamps import decoding_order
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FrameRequest, Waveform

RATE_HZ = 44_100
CLICK_S = 0.6


def new_sound(clip: ClipInfo, channels: int = 2) -> Waveform:
    count = samples(clip.duration_s, RATE_HZ)
    return Waveform(click_track(float(clip.duration_s), CLICK_S, channels, RATE_HZ)[:, :count], RATE_HZ)


def track_end(path: Path) -> float:
    """Where the last sample of the first sound track ends, in seconds, as a decoder sees it."""
    with av.open(str(path)) as file:
        ends = [frame.pts * frame.time_base + Fraction(frame.samples, frame.rate) for frame in file.decode(audio=0)]
        shown = file.streams.audio[0].duration
        base = file.streams.audio[0].time_base
    return float(min(ends[-1], shown * base) if shown else ends[-1])


def check(clip: ClipInfo, written: Path, last_s: float = 1 / 60) -> None:
    """Everything that must hold of a muxed clip; the lengths agree to within its last frame."""
    before, after = shown_packets(clip.path), shown_packets(written)
    assert [payload for _, payload in before] == [payload for _, payload in after]
    assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= Fraction(1, 1000)
    new = probe(written)
    assert abs(new.start_s) <= Fraction(1, 1000)
    assert abs(new.duration_s - clip.duration_s) <= (last_s if last_s > 1 / 60 else Fraction(1, 500))
    assert new.fingerprint == clip.fingerprint
    assert new.video.rotation_degrees == clip.video.rotation_degrees
    assert (new.video.width, new.video.height) == (clip.video.width, clip.video.height)
    assert abs(track_end(written) - float(new.duration_s)) <= last_s
    with av.open(str(written)) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
    heard = read_clip_audio(new, RATE_HZ)
    assert heard is not None
    assert click_time(heard.samples, RATE_HZ) == pytest.approx(CLICK_S, abs=0.002)
    assert sorted(written.parent.glob("*")) == sorted({clip.path, written})
    assert not [path for path in written.parent.glob(".*") if path.is_file()]


CASES = [
    ("libx264", ".mp4", ".mp4"),
    ("libx264", ".mov", ".mov"),
    ("libx264", ".mkv", ".mkv"),
    ("libx264", ".mkv", ".mp4"),
    ("libx264", ".mp4", ".mkv"),
    ("libx264", ".flv", ".mkv"),
    ("libx265", ".mp4", ".mp4"),
    ("libx265", ".mkv", ".mov"),
    ("libvpx", ".webm", ".webm"),
    ("libvpx-vp9", ".webm", ".webm"),
    ("libvpx-vp9", ".webm", ".mp4"),
    ("libsvtav1", ".mp4", ".mp4"),
    ("libsvtav1", ".webm", ".webm"),
    ("mpeg1video", ".mpg", ".mkv"),
    ("mpeg2video", ".mpg", ".mkv"),
    ("mpeg4", ".mp4", ".mp4"),
    ("prores_ks", ".mov", ".mov"),
    ("mjpeg", ".mov", ".mov"),
    ("gif", ".gif", ".mov"),
    ("wmv1", ".wmv", ".avi"),
    ("wmv2", ".avi", ".avi"),
    ("msmpeg4", ".wmv", ".mkv"),
    ("msmpeg4v2", ".avi", ".avi"),
    ("flv", ".flv", ".avi"),
    ("h261", ".avi", ".avi"),
    ("h263", ".3gp", ".mov"),
    ("huffyuv", ".avi", ".avi"),
    ("utvideo", ".avi", ".avi"),
    ("rawvideo", ".avi", ".avi"),
    ("zmbv", ".avi", ".avi"),
    ("dvvideo", ".dv", ".mov"),
    ("dvvideo", ".avi", ".avi"),
    ("dvvideo", ".mov", ".mov"),
    ("v210", ".mov", ".mov"),
    ("cinepak", ".mov", ".mov"),
    ("svq1", ".mov", ".mov"),
    ("png", ".mov", ".mov"),
]
SIZES = {"h261": (176, 144), "h263": (176, 144), "dvvideo": (720, 576)}


@pytest.mark.parametrize(("codec", "suffix", "to"), CASES)
def test_every_codec_and_container(tmp_path: Path, codec: str, suffix: str, to: str) -> None:
    times_s = even_times(30, Fraction(25))
    clip = probe(make_clip(tmp_path / f"clip{suffix}", times_s, codec=codec, size=SIZES.get(codec, (64, 48))))
    assert place_for(clip, tmp_path / f"clip.sound{to}").path == tmp_path / f"clip.sound{to}"
    check(clip, mux(clip, new_sound(clip), tmp_path / f"clip.sound{to}", metadata={}))


@pytest.mark.parametrize("rate", ["8", "24000/1001", "30000/1001", "60"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_rate(tmp_path: Path, suffix: str, rate: str) -> None:
    rate_hz = Fraction(rate)
    clip = probe(make_clip(tmp_path / f"clip{suffix}", even_times(round(rate_hz), rate_hz), rate_hz=rate_hz))
    check(clip, mux(clip, new_sound(clip), tmp_path / f"clip.sound{suffix}", metadata={}))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("sound", ["silent", "click", "5.1"])
def test_old_sound_is_replaced(tmp_path: Path, suffix: str, sound: str) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", sound=sound, click_s=0.2))
    check(clip, mux(clip, new_sound(clip, 1), tmp_path / f"clip.sound{suffix}", metadata={}))


@pytest.mark.parametrize("to", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_rate_that_begins_late(tmp_path: Path, suffix: str, to: str) -> None:
    gaps_ms = [1400, 10, 200, 33, 33, 400, 34, 8, 100]
    times_s = [Fraction(sum(gaps_ms[: k + 1]), 1000) for k in range(len(gaps_ms))]
    clip = probe(make_clip(tmp_path / f"clip{suffix}", times_s, sound="click"))
    # mp4 keeps steps between decoding times; how long the last of reordered frames stays is lost in it.
    check(clip, mux(clip, new_sound(clip), tmp_path / f"clip.sound{to}", metadata={}), last_s=0.1)


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("to", [".mp4", ".mov", ".mkv"])
def test_rotation_goes_through(tmp_path: Path, to: str, rotation: int) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", rotation=rotation, size=(48, 80)))
    written = mux(clip, new_sound(clip), tmp_path / f"clip.sound{to}", metadata={})
    check(clip, written)
    frames = decode_frames(probe(written), [FrameRequest(None, 48, 80)])[0]
    assert numbers(frames.pixels) == list(range(25))


@pytest.mark.parametrize("to", [".mp4", ".mov"])
def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path, to: str) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(50, Fraction(25)))
    cut_by_edit_list(path, 0.4)
    clip = probe(path)
    written = mux(clip, new_sound(clip), tmp_path / f"clip.sound{to}", metadata={})
    check(clip, written)
    assert numbers(decode_frames(probe(written), [FrameRequest(None, 64, 48)])[0].pixels) == list(range(10, 50))


def test_what_matroska_cannot_hide_is_told_and_shown_in_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(50, Fraction(25)))
    cut_by_edit_list(path, 0.4)
    clip = probe(path)
    written = mux(clip, new_sound(clip), tmp_path / "clip.sound.mkv", metadata={})
    assert "0.40 s before its start are hidden, and .mkv shows them" in caplog.text
    assert numbers(decode_frames(probe(written), [FrameRequest(None, 64, 48)])[0].pixels) == list(range(50))
    with av.open(written) as file:
        sound = next(file.demux(audio=0))
        assert float(sound.pts * sound.time_base) == pytest.approx(0.4, abs=0.03), "the sound waits for its picture"


def test_transport_streams_keep_their_pictures(tmp_path: Path) -> None:
    # H.264 is framed otherwise there, so the packets differ; the pictures and the times may not.
    clip = probe(make_clip(tmp_path / "clip.ts", sound="click"))
    written = mux(clip, new_sound(clip), tmp_path / "clip.sound.mp4", metadata={})
    before, after = (decode_frames(probe(path), [FrameRequest(None, 64, 48)])[0] for path in (clip.path, written))
    assert np.array_equal(before.pixels, after.pixels)
    assert before.times_s == after.times_s


@pytest.mark.parametrize(("tag", "wanted"), [(b"hvc1", b"hvc1"), (b"hev1", b"hev1")])
def test_hevc_keeps_the_name_that_players_go_by(tmp_path: Path, tag: bytes, wanted: bytes) -> None:
    path = make_clip(tmp_path / "clip.mp4", codec="libx265")
    path.write_bytes(path.read_bytes().replace(b"hev1", tag))
    clip = probe(path)
    for suffix in (".mp4", ".mov"):
        assert wanted in mux(clip, new_sound(clip), tmp_path / f"new{suffix}", metadata={}).read_bytes()


def test_hevc_from_matroska_gets_the_name_that_apple_takes(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mkv", codec="libx265"))
    assert b"hvc1" in mux(clip, new_sound(clip), tmp_path / "new.mp4", metadata={}).read_bytes()


def test_sound_codecs_and_tags(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    for suffix, codec in ((".mp4", "aac"), (".mov", "aac"), (".mkv", "opus")):
        written = mux(probe(path), new_sound(probe(path)), tmp_path / f"new{suffix}", metadata={"comment": "by hand"})
        with av.open(str(written)) as file:
            assert file.streams.audio[0].codec_context.name == codec
            assert {key.lower(): value for key, value in file.metadata.items()}["comment"] == "by hand"


@pytest.mark.parametrize(
    ("codec", "suffix", "asked", "written"),
    [
        ("gif", ".gif", "a.gif", "a.mp4"),
        ("gif", ".gif", "a.mkv", "a.mkv"),
        ("gif", ".gif", "a.mov", "a.mov"),
        ("mpeg1video", ".mpg", "a.mpg", "a.mkv"),
        ("libx264", ".mp4", "a.webm", "a.mkv"),
        ("libx264", ".mp4", "a.MP4", "a.MP4"),
        ("libx264", ".mp4", "a", "a.mkv"),
        ("libvpx", ".webm", "a.mp4", "a.mkv"),
    ],
)
def test_the_container_follows_the_name_where_it_can(
    tmp_path: Path, codec: str, suffix: str, asked: str, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", even_times(5, Fraction(25)), codec=codec))
    with caplog.at_level(logging.WARNING):
        path = mux(clip, Waveform(np.zeros((1, 8820), np.float32), RATE_HZ), tmp_path / asked, metadata={})
    assert path == tmp_path / written == place_for(clip, tmp_path / asked).path
    assert bool(caplog.records) == (asked != written)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"clip{suffix}", written])


def test_a_sound_file_is_no_video(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4"))
    with pytest.raises(OutputError, match=r"\(audio-only\)"):
        mux(clip, new_sound(clip), tmp_path / "new.wav", metadata={})


@pytest.mark.parametrize("link", ["same", "symlink", "hard link", "roundabout"])
def test_the_clip_itself_is_never_overwritten(tmp_path: Path, link: str) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    before = path.read_bytes()
    output = tmp_path / "other.mp4"
    if link == "symlink":
        output.symlink_to(path)
    elif link == "hard link":
        os.link(path, output)
    else:
        output = path if link == "same" else tmp_path / ".." / tmp_path.name / "clip.mp4"
    clip = probe(path)
    with pytest.raises(OutputError, match="is the clip itself"):
        check_output(clip, output)
    with pytest.raises(OutputError, match="is the clip itself"):
        mux(clip, new_sound(clip), output, metadata={})
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_nothing_is_left_after_a_failure(
    tmp_path: Path, suffix: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}"))
    sound = new_sound(clip)

    def stop_half_way(*_: object):  # type: ignore[no-untyped-def]
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 960), np.float32), "fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000 if suffix == ".mkv" else RATE_HZ, 0
        yield frame
        raise error

    monkeypatch.setattr("phonofilm.media.mux.sound_frames", stop_half_way)
    with pytest.raises(OutputError if error is OSError else error):
        mux(clip, sound, tmp_path / f"new{suffix}", metadata={})
    assert [path.name for path in tmp_path.iterdir()] == [clip.path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f".new.{writer()}.partial{suffix}").symlink_to("/dev/full")
    clip = probe(make_clip(tmp_path / "clip.mp4"))
    with pytest.raises(OutputError, match="the disk is full; make room") as caught:
        mux(clip, new_sound(clip), folder / f"new{suffix}", metadata={})
    assert "convert" not in str(caught.value)
    assert not list(folder.iterdir())


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4"))
    with pytest.raises(OutputError, match="give a shorter name") as caught:
        mux(clip, new_sound(clip), tmp_path / f"{'x' * 245}.mp4", metadata={})
    assert "convert" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("error", "words", "converts"),
    [
        (av.error.PermissionError(errno.EACCES, "Permission denied"), "may not be written to; choose another", False),
        (av.error.OSError(errno.EROFS, "Read-only file system"), "can only be read; choose another", False),
        (av.error.OSError(errno.EBUSY, "Device or resource busy"), "busy.*; choose another folder", False),
        (av.error.ArgumentError(errno.EINVAL, "Invalid argument"), "Invalid argument", True),
        (ValueError("'mp4' format does not support 'x' codec"), "does not support", True),
    ],
)
def test_only_where_the_codec_is_to_blame_it_is_to_be_converted(
    tmp_path: Path, error: Exception, words: str, converts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4"))

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("phonofilm.media.mux._copy", fail)
    with pytest.raises(OutputError, match=words) as caught:
        mux(clip, new_sound(clip), tmp_path / "new.mp4", metadata={})
    assert ("convert the clip to H.264" in str(caught.value)) == converts


@given(st.permutations(range(12)), st.integers(1, 40), st.integers(-100, 100))
def test_decoding_order_from_presentation_times(order: list[int], step: int, first: int) -> None:
    pts = [first + step * number for number in order]
    found = decoding_order([(stamp, None) for stamp in pts])
    assert [stamp for stamp, _ in found] == pts
    assert all(a < b for (_, a), (_, b) in pairwise(found))
    assert all(dts <= stamp for stamp, dts in found)
    assert max(dts - stamp for stamp, dts in found) == 0  # no later than needed


def test_decoding_times_that_are_good_stay() -> None:
    good = [(2, 0), (4, 1), (3, 2), (8, 6)]
    assert decoding_order(good) == good
    assert decoding_order([]) == []
    repeated = decoding_order([(2, 0), (4, 1), (3, 1)])
    assert all(a < b for (_, a), (_, b) in pairwise(repeated))


@pytest.mark.parametrize("at_s", [0.05, 0.6, 1.9])
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("libx264", ".mkv"), ("libvpx-vp9", ".webm")])
def test_the_encoder_does_not_shift_the_sound(tmp_path: Path, codec: str, suffix: str, at_s: float) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", even_times(50, Fraction(25), Fraction(7, 5)), codec=codec))
    sound = Waveform(click_track(2, at_s, 2, RATE_HZ), RATE_HZ)
    written = mux(clip, sound, tmp_path / f"new{suffix}", metadata={})
    with av.open(str(written)) as file:
        # Straight from the decoder, on the file's own clock: no code of ours to shift it back.
        frames = list(file.decode(audio=0))
    first_s = float(frames[0].pts * frames[0].time_base)
    heard = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    assert first_s + click_time(heard, frames[0].rate) == pytest.approx(at_s, abs=0.001)


def test_the_last_picture_of_a_transport_stream_stays_as_long(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.ts"))
    for suffix in (".mp4", ".mov", ".mkv"):
        written = mux(clip, new_sound(clip), tmp_path / f"new{suffix}", metadata={})
        assert probe(written).duration_s == clip.duration_s == 1


@pytest.mark.parametrize(
    ("codec", "suffix", "to"),
    [
        ("prores_ks", ".mov", ".mov"),
        ("libvpx-vp9", ".mp4", ".mp4"),
        ("libx264", ".mp4", ".mov"),
    ],
)
def test_shape_of_pixels_colours_and_title_go_through(tmp_path: Path, codec: str, suffix: str, to: str) -> None:
    path, wide = tmp_path / f"wide{suffix}", Fraction(4, 3)
    with av.open(str(make_clip(tmp_path / f"clip{suffix}", codec=codec))) as source, av.open(str(path), "w") as file:
        file.metadata["title"] = "Grüße"
        copied = file.add_stream_from_template(source.streams.video[0], opaque=True)
        copied.codec_context.sample_aspect_ratio = wide
        copied.codec_context.color_primaries = copied.codec_context.colorspace = 9  # ITU-R BT.2020
        copied.codec_context.color_trc = 16  # SMPTE ST 2084
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copied
                packet.dts = packet.dts if packet.dts is not None else packet.pts
                file.mux(packet)
    clip = probe(path)
    written = mux(clip, new_sound(clip), tmp_path / f"new{to}", metadata={"comment": "by hand"})
    for name in (path, written):
        with av.open(str(name)) as file:
            picture = file.streams.video[0]
            colours = picture.codec_context
            assert picture.sample_aspect_ratio == wide, name
            assert (colours.color_primaries, colours.color_trc, colours.colorspace) == (9, 16, 9)
            assert file.metadata["title"] == "Grüße"


@pytest.mark.parametrize(("codec", "suffix"), [("libvpx", ".webm"), ("libvpx-vp9", ".webm"), ("libsvtav1", ".mkv")])
def test_what_mov_does_not_take_goes_into_mkv(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", codec=codec))
    written = mux(clip, new_sound(clip), tmp_path / "new.mov", metadata={})
    assert written == tmp_path / "new.mkv" == place_for(clip, tmp_path / "new.mov").path
    assert [payload for _, payload in shown_packets(clip.path)] == [payload for _, payload in shown_packets(written)]


def test_a_shape_of_pixels_that_is_lost_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "wide.mp4"
    with av.open(str(make_clip(tmp_path / "clip.mp4", codec="libvpx-vp9"))) as source, av.open(str(path), "w") as file:
        copied = file.add_stream_from_template(source.streams.video[0], opaque=True)
        copied.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copied
                file.mux(packet)
    clip = probe(path)
    mux(clip, new_sound(clip), tmp_path / "new.webm", metadata={})
    assert "shape of its pixels" in caplog.text
