"""What a clip says about itself, and the one line that comes of everything that is no clip."""

import os
import shutil
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest

from clips import click_track, cut_by_edit_list, even_times, make_clip
from phonofilm.errors import MediaError
from phonofilm.media.audio import sound_frames, write_audio
from phonofilm.media.frames import decode_frames
from phonofilm.media.mux import mux
from phonofilm.media.probe import probe
from phonofilm.types import FrameRequest, Waveform

KINDS = [
    ("libx264", ".mp4", "h264"),
    ("libx264", ".mkv", "h264"),
    ("libx265", ".mov", "hevc"),
    ("libvpx", ".webm", "vp8"),
    ("libvpx-vp9", ".webm", "vp9"),
    ("libsvtav1", ".mp4", "libdav1d"),
    ("mpeg1video", ".mpg", "mpeg1video"),
    ("mpeg4", ".mp4", "mpeg4"),
    ("prores_ks", ".mov", "prores"),
    ("gif", ".gif", "gif"),
]


@pytest.mark.parametrize(("codec", "suffix", "name"), KINDS)
def test_length_size_and_rate(tmp_path: Path, codec: str, suffix: str, name: str) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", codec=codec))
    assert clip.video.codec == name
    assert clip.duration_s == 1
    assert (clip.video.width, clip.video.height) == (64, 48)
    assert clip.video.average_rate_hz == 25
    assert clip.audio is None


@pytest.mark.parametrize("first_s", [Fraction(0), Fraction(7, 5), Fraction(1, 3)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_first_timestamp_that_is_not_zero(tmp_path: Path, suffix: str, first_s: Fraction) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", even_times(25, Fraction(25), first_s)))
    assert abs(clip.start_s - first_s) <= Fraction(1, 1000)
    assert abs(clip.duration_s - 1) <= Fraction(1, 1000)


def test_what_an_edit_list_hides_does_not_count(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(50, Fraction(25)))
    cut_by_edit_list(path, 0.4)
    assert probe(path).duration_s == Fraction(8, 5)


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_rotation_and_shown_size(tmp_path: Path, suffix: str, rotation: int) -> None:
    video = probe(make_clip(tmp_path / f"clip{suffix}", rotation=rotation, size=(48, 80))).video
    assert (video.width, video.height) == (48, 80)
    assert video.rotation_degrees == 360 - rotation  # counterclockwise, as FFmpeg counts


@pytest.mark.parametrize(("sound", "channels"), [("silent", 1), ("stereo", 2), ("5.1", 6)])
def test_sound_track(tmp_path: Path, sound: str, channels: int) -> None:
    audio = probe(make_clip(tmp_path / "clip.mp4", sound=sound)).audio
    assert audio is not None
    assert (audio.codec, audio.rate_hz, audio.channels) == ("aac", 48_000, channels)


def test_fingerprint_survives_renaming_and_new_sound_and_tells_clips_apart(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", sound="click")
    clip = probe(path)
    renamed = Path(shutil.copy(path, tmp_path / "other name.mp4"))
    assert probe(renamed).fingerprint == clip.fingerprint
    silence = Waveform(click_track(1, 0.5, 2), 48_000)
    for suffix in (".mp4", ".mov", ".mkv"):
        assert probe(mux(clip, silence, tmp_path / f"new{suffix}", metadata={})).fingerprint == clip.fingerprint
    other = make_clip(tmp_path / "other.mp4", number_mask=127, times_s=even_times(24, Fraction(24)))
    assert probe(other).fingerprint != clip.fingerprint


@pytest.mark.parametrize("name", ["talk 10:30.mp4", "50%.mp4", "a?b#c.mp4", "-o.mp4", "ünï.mp4", "http:x.mp4"])
def test_names_that_look_like_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.move(make_clip(tmp_path / "plain.mp4"), path)
    clip = probe(path)
    written = mux(clip, Waveform(click_track(1, 0.5, 1), 48_000), path.with_name(f"new {name}"), metadata={})
    assert probe(written).duration_s == 1


def test_timestamps_that_last_for_days(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", [Fraction(0), Fraction(1, 25), Fraction(200_000)], codec="libvpx-vp9")
    with pytest.raises(MediaError, match="says it lasts 56 hours"):
        probe(path)


def _text(path: Path) -> Path:
    path.write_text("this is no film\n" * 50)
    return path


def _sound(path: Path) -> Path:
    write_audio(Waveform(click_track(1, 0.5, 1), 48_000), path)
    return path


def _still(path: Path) -> Path:
    make_clip(path.with_suffix(".mkv"), even_times(1, Fraction(25)), codec="mjpeg")
    data = path.with_suffix(".mkv").read_bytes()
    path.write_bytes(data[data.index(b"\xff\xd8") : data.rindex(b"\xff\xd9") + 2])
    return path


def _animated_webp(path: Path) -> Path:
    # An extended header that says so, as far as it goes: no encoder of such files is at hand.
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes([0x02, 0, 0, 0, 63, 0, 0, 47, 0, 0])
    chunk += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)
    return path


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _without_index(path: Path) -> Path:
    data = make_clip(path).read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    return path


def _without_frames(path: Path) -> Path:
    # The table that says how many frames there are, and where, is set to zero.
    data = bytearray(make_clip(path).read_bytes())
    for name, offset in ((b"stsz", 8), (b"stts", 4), (b"stsc", 4), (b"stco", 4), (b"ctts", 4)):
        start = data.index(name) + 4 + offset
        data[start : start + 4] = bytes(4)
    path.write_bytes(data)
    return path


def _playlist(path: Path) -> Path:
    make_clip(path.with_name("hidden.ts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://localhost:9/hidden.ts\n#EXT-X-ENDLIST\n")
    return path


BAD = {
    "missing": (lambda path: path, "does not exist"),
    "folder": (lambda path: path.mkdir() or path, "is a folder"),
    "text": (_text, "no film or sound"),
    "zero bytes": (_empty, "is empty"),
    "cut before its index": (_without_index, "cut short"),
    "zero frames": (_without_frames, "no frame"),
    "playlist": (_playlist, "."),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_said_in_one_line(tmp_path: Path, kind: str) -> None:
    make, words = BAD[kind]
    path = make(tmp_path / "bad.mp4")
    with pytest.raises(MediaError, match=words) as caught:
        probe(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.wav", _sound, "sound but no picture"),
        ("a.m4a", _sound, "sound but no picture"),
        ("a.jpg", _still, "still picture"),
        ("a.mp4", _still, "still picture"),
        ("a.txt", _text, "text file"),
        ("a.webp", _animated_webp, "an animated WebP, .*convert it to mp4"),
    ],
)
def test_other_kinds_of_file(tmp_path: Path, name: str, make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MediaError, match=words):
        probe(make(tmp_path / name))


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9", "mpeg1video", "mpeg4"])
def test_truncated_anywhere_it_is_a_shorter_clip_or_one_line(tmp_path: Path, codec: str) -> None:
    suffix = {"libvpx-vp9": ".webm", "mpeg1video": ".mpg"}.get(codec, ".mp4")
    whole = make_clip(tmp_path / f"whole{suffix}", codec=codec, sound="click").read_bytes()
    for share in (0.03, 0.3, 0.6, 0.9, 0.99):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole[: int(share * len(whole))])
        # Anything but a MediaError fails the test by itself.
        with suppress(MediaError):
            clip = probe(path)
            frames = decode_frames(clip, [FrameRequest(None, 16, 16)])[0]
            assert clip.duration_s <= Fraction(11, 10)
            assert len(frames.times_s) <= 25


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    path.chmod(0)
    with pytest.raises(MediaError, match="Permission denied"):
        probe(path)


def test_cover_art_is_no_picture(tmp_path: Path) -> None:
    still = _still(tmp_path / "cover.jpg").read_bytes()
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as file:
        track = file.add_stream("aac", rate=48_000, layout="mono")
        cover = file.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for frame in sound_frames(Waveform(click_track(1, 0.5, 1), 48_000), 1024):
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
        packet = av.Packet(still)
        packet.stream, packet.pts, packet.dts = cover, 0, 0
        file.mux(packet)
    with pytest.raises(MediaError, match="sound but no picture"):
        probe(path)
