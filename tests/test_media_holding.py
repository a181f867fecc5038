"""Which container a picture goes into, known before anything is computed; nothing is cut off a name but its ending."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import even_times, make_clip, shown_packets
from phonofilm.media.frames import decode_frames
from phonofilm.media.holding import CONTAINERS, SOUND_CODECS, place_for, warn_of_change
from phonofilm.media.mux import mux
from phonofilm.media.probe import probe
from phonofilm.media.stamps import FINEST_RATE_HZ, LARGEST_ROUNDING_S, counted_rate
from phonofilm.media.suffixes import FILM_SUFFIXES, OTHER_FILM_SUFFIXES, SOUND_SUFFIXES, parted
from phonofilm.timeline import nearest
from phonofilm.types import ClipInfo, FrameRequest, Waveform

RATES = [Fraction(8), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)]


def silence(clip: ClipInfo) -> Waveform:
    return Waveform(np.zeros((2, int(clip.duration_s * 44100)), np.float32), 44_100)


def short_clip(path: Path, codec: str, size: tuple[int, int] = (64, 48)) -> ClipInfo:
    return probe(make_clip(path, even_times(5, Fraction(25)), codec=codec, size=size))


@given(st.text(st.characters(blacklist_characters="/\0"), min_size=1), st.sampled_from(["", ".mp4", ".GIF", ".wav"]))
def test_the_parts_of_a_name_make_the_name(name: str, suffix: str) -> None:
    if name not in (".", ".."):
        stem, ending = parted(Path(name + suffix))
        assert stem + ending == Path(name + suffix).name
        assert ending.lower() in ("", *SOUND_SUFFIXES, *FILM_SUFFIXES, *OTHER_FILM_SUFFIXES)


@pytest.mark.parametrize("name", ["film", "Scene 1.5 final", "a.sound", "precious.xyz", "v2.0", ".mp4"])
def test_no_ending_is_no_ending(name: str) -> None:
    assert parted(Path(name)) == (name, "")


def test_every_container_has_a_sound_codec_and_a_known_ending() -> None:
    assert set(CONTAINERS) <= {*FILM_SUFFIXES, *OTHER_FILM_SUFFIXES}
    assert set(CONTAINERS.values()) == set(SOUND_CODECS)


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("film", "film.mkv"),
        ("Scene 1.5 final.sound", "Scene 1.5 final.sound.mkv"),
        ("precious.xyz", "precious.xyz.mkv"),
        ("a.mpg", "a.mkv"),
        ("a.MXF", "a.mkv"),
        ("a.b.m4v", "a.b.m4v"),
    ],
)
def test_an_ending_is_put_after_a_name_that_has_none(tmp_path: Path, asked: str, written: str) -> None:
    clip = short_clip(tmp_path / "clip.mp4", "libx264")
    assert place_for(clip, tmp_path / asked).path == tmp_path / written


@pytest.mark.parametrize(
    ("codec", "suffix", "asked", "written"),
    [
        ("wmv2", ".wmv", "a.wmv", "a.avi"),
        ("wmv2", ".wmv", "a.mkv", "a.avi"),
        ("wmv2", ".wmv", "a.mp4", "a.avi"),
        ("flv", ".flv", "a.flv", "a.avi"),
        ("cinepak", ".mov", "a.mp4", "a.mov"),
        ("cinepak", ".avi", "a.mkv", "a.avi"),
        ("cinepak", ".avi", "a.mov", "a.mov"),
        ("wmv2", ".wmv", "a.mov", "a.avi"),
        ("msmpeg4", ".avi", "a.mov", "a.mkv"),
        ("mpeg4", ".avi", "a.avi", "a.mkv"),  # mkv knows the times of pictures, avi does not
        ("msmpeg4", ".avi", "a.avi", "a.mkv"),
        ("utvideo", ".avi", "a", "a.avi"),
        ("png", ".avi", "a.mkv", "a.avi"),  # what came out of avi goes back before it goes into mov
    ],
)
def test_the_next_container_that_can(tmp_path: Path, codec: str, suffix: str, asked: str, written: str) -> None:
    clip = short_clip(tmp_path / f"clip{suffix}", codec)
    path = mux(clip, silence(clip), tmp_path / asked, metadata={})
    assert path == tmp_path / written == place_for(clip, tmp_path / asked).path
    assert [payload for _, payload in shown_packets(clip.path)] == [payload for _, payload in shown_packets(path)]


@pytest.mark.parametrize(("codec", "suffix"), [("rv20", ".rm"), ("apng", ".apng"), ("flashsv2", ".flv")])
@pytest.mark.parametrize(
    ("asked", "written"), [("a.mp4", "a.mp4"), ("a.mkv", "a.mkv"), ("a.avi", "a.mp4"), ("a", "a.mp4")]
)
def test_what_nothing_can_hold_is_encoded(
    tmp_path: Path, codec: str, suffix: str, asked: str, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    clip = short_clip(tmp_path / f"my clip{suffix}", codec, (176, 144))
    path = mux(clip, silence(clip), tmp_path / asked, metadata={})
    assert path == tmp_path / written == place_for(clip, tmp_path / asked).path
    caplog.clear()
    warn_of_change(clip, tmp_path / asked, place_for(clip, tmp_path / asked))
    assert "writing it as H.264" in caplog.text
    encoded_as_it_was(clip, path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([clip.path.name, written])


def encoded_as_it_was(clip: ClipInfo, written: Path) -> None:
    """The pictures of `written` come when those of the clip do, for as long, and look the same."""
    new = probe(written)
    assert new.video.codec == "h264"
    assert abs(new.duration_s - clip.duration_s) <= Fraction(1, 500)
    request = FrameRequest(None, 64, 48)
    before, after = decode_frames(clip, [request])[0], decode_frames(new, [request])[0]
    assert max(abs(a - b) for a, b in zip(before.times_s, after.times_s, strict=True)) <= Fraction(1, 1000)
    assert np.abs(before.pixels.astype(int) - after.pixels).mean() < 4


@pytest.mark.parametrize(("codec", "format_name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_raw_streams_are_encoded_with_times(tmp_path: Path, codec: str, format_name: str) -> None:
    source, path = make_clip(tmp_path / "clip.mkv", codec=codec), tmp_path / f"raw.{format_name}"
    with av.open(str(source)) as file, av.open(str(path), "w", format=format_name) as raw:
        copied = raw.add_stream_from_template(file.streams.video[0], opaque=True)
        for number, packet in enumerate(file.demux(video=0)):
            if packet.size:
                packet.pts, packet.dts, packet.stream = number + 5, number, copied
                raw.mux(packet)
    clip = probe(path)
    assert not clip.stamped
    encoded_as_it_was(clip, mux(clip, silence(clip), tmp_path / "a.mp4", metadata={}))
    assert probe(source).stamped


@pytest.mark.parametrize(("asked", "written", "codec"), [("a.gif", "a.mp4", "h264"), ("a.mov", "a.mov", "gif")])
def test_a_gif_becomes_a_film_that_players_show_but_where_its_container_is_named(
    tmp_path: Path, asked: str, written: str, codec: str
) -> None:
    clip = short_clip(tmp_path / "clip.gif", "gif", (63, 49))
    path = mux(clip, silence(clip), tmp_path / asked, metadata={})
    assert (path.name, probe(path).video.codec) == (written, codec)
    if codec == "h264":
        encoded_as_it_was(clip, path)


@given(st.sampled_from(RATES), st.integers(2, 400), st.sets(st.integers(1, 399)))
def test_an_even_rate_is_found_in_milliseconds_though_pictures_are_left_out(
    rate_hz: Fraction, count: int, left_out: set[int]
) -> None:
    kept = [number for number in range(count) if number not in left_out]
    times_s = [Fraction(nearest(number / rate_hz * 1000), 1000) for number in kept]
    assert counted_rate(times_s, rate_hz) == rate_hz


@given(st.lists(st.integers(1, 200), min_size=1, max_size=50), st.sampled_from(RATES))
def test_every_picture_has_a_frame_of_its_own(gaps_ms: list[int], rate_hz: Fraction) -> None:
    times_s = [Fraction(sum(gaps_ms[:k]), 1000) for k in range(len(gaps_ms) + 1)]
    found = counted_rate(times_s, rate_hz)
    numbers = [nearest(time_s * found) for time_s in times_s]
    assert all(a < b for a, b in pairwise(numbers))
    assert (
        max(abs(number / found - time_s) for number, time_s in zip(numbers, times_s, strict=True)) < LARGEST_ROUNDING_S
    )
    assert found in (rate_hz, FINEST_RATE_HZ)


@pytest.mark.parametrize("gaps_ms", [[40] * 20, [40, 80, 40, 120, 40, 40], [33, 200, 8, 51, 400, 17]])
def test_times_in_avi(tmp_path: Path, gaps_ms: list[int]) -> None:
    even = make_clip(tmp_path / "even.avi", even_times(len(gaps_ms), Fraction(25)), codec="wmv2")
    path = tmp_path / "clip.wmv"
    with av.open(str(even)) as file, av.open(str(path), "w", format="asf") as target:
        copied = target.add_stream_from_template(file.streams.video[0], opaque=True)
        whole = [packet for packet in file.demux(video=0) if packet.size]
        for number, packet in enumerate(whole):
            packet.pts = packet.dts = sum(gaps_ms[:number])
            packet.time_base, packet.stream = Fraction(1, 1000), copied
            target.mux(packet)
    clip = probe(path)
    written = mux(clip, silence(clip), tmp_path / "new.avi", metadata={})
    before, after = shown_packets(path), shown_packets(written)
    assert [payload for _, payload in before] == [payload for _, payload in after]
    assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= LARGEST_ROUNDING_S
