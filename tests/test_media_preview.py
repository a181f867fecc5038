"""What a browser is shown of a clip."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from clips import click_time, even_times, make_clip, numbers
from phonofilm.errors import MediaError
from phonofilm.media import preview
from phonofilm.media.frames import decode_frames
from phonofilm.media.preview import (
    film_strip,
    plays_in_browsers,
    poster,
    write_listening_copy,
    write_own_sound,
    write_proxy,
)
from phonofilm.media.probe import probe
from phonofilm.types import FrameRequest

RATE_HZ = Fraction(12)
LATE = 0.003


def drawn(jpeg: bytes) -> np.ndarray:
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", even_times(48, RATE_HZ), rate_hz=RATE_HZ)


@pytest.mark.parametrize("most_decoded", [preview.MOST_DECODED, 0], ids=["short", "long"])
def test_frames_of_a_strip_are_those_of_their_times(
    film: Path, most_decoded: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "MOST_DECODED", most_decoded)
    clip = probe(film)
    strip = film_strip(clip)
    picture = drawn(strip.jpeg)  # (H, F W, 3)
    assert picture.shape == (strip.frame_height, strip.frame_width * len(strip.times_s), 3)
    shown = numbers(np.stack(np.split(picture, len(strip.times_s), axis=1)))
    assert shown == [int(time_s * RATE_HZ + Fraction(1, 100)) for time_s in strip.times_s]
    assert list(strip.times_s) == sorted(strip.times_s)
    assert 0 <= strip.times_s[0] < strip.times_s[-1] <= clip.duration_s or most_decoded == 0


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_strip_and_poster_stand_upright(tmp_path: Path, rotation: int) -> None:
    times_s = even_times(6, RATE_HZ)
    clip = probe(make_clip(tmp_path / "t.mp4", times_s, size=(128, 96), rate_hz=RATE_HZ, rotation=rotation))
    strip = film_strip(clip)
    assert (strip.frame_width, strip.frame_height) == (128, 96)
    assert numbers(drawn(strip.jpeg)[None, :, :128])[0] == int(strip.times_s[0] * RATE_HZ + Fraction(1, 100))
    assert drawn(poster(clip)).shape == (96, 128, 3)
    assert numbers(drawn(poster(clip))[None]) == [int(clip.duration_s / 3 * RATE_HZ)]


@pytest.mark.parametrize("suffix", [".mkv", ".mpg"])
def test_a_proxy_shows_every_frame_at_its_own_time(tmp_path: Path, suffix: str) -> None:
    uneven = [Fraction(k * (k + 5), 200) for k in range(14)]
    mpeg = suffix == ".mpg"
    times_s = even_times(14, Fraction(25)) if mpeg else uneven
    source = make_clip(tmp_path / f"a{suffix}", times_s, codec="mpeg1video" if mpeg else "libx264")
    clip = probe(source)
    assert not plays_in_browsers(clip)
    write_proxy(clip, tmp_path / "p.mp4")
    proxy = probe(tmp_path / "p.mp4")
    assert plays_in_browsers(proxy)
    request = FrameRequest(None, 128, 96)
    before, after = (decode_frames(each, [request])[0] for each in (clip, proxy))
    assert numbers(after.pixels) == numbers(before.pixels)
    assert np.allclose([float(t) for t in after.times_s], [float(t) for t in before.times_s], atol=LATE)
    assert float(proxy.duration_s) == pytest.approx(float(clip.duration_s), abs=LATE)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "plays"),
    [
        ("a.mp4", "libx264", None, True),
        ("a.mp4", "libx264", "yuv444p", False),
        ("a.webm", "libvpx-vp9", None, True),
        ("a.mkv", "libvpx-vp9", None, False),
        ("a.mp4", "libx265", None, False),
    ],
)
def test_what_browsers_play(tmp_path: Path, name: str, codec: str, pixels: str | None, plays: bool) -> None:
    path = make_clip(tmp_path / name, even_times(5, RATE_HZ), codec=codec, rate_hz=RATE_HZ, pixel_format=pixels)
    assert plays_in_browsers(probe(path)) is plays


def test_the_clips_own_sound_is_in_time(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4", even_times(24, RATE_HZ), rate_hz=RATE_HZ, sound="click", click_s=0.7))
    write_own_sound(clip, tmp_path / "own.wav")
    sound, rate_hz = soundfile.read(tmp_path / "own.wav", always_2d=True)
    assert click_time(sound.T, rate_hz) == pytest.approx(0.7, abs=LATE)
    assert len(sound) / rate_hz == pytest.approx(float(clip.duration_s), abs=LATE)


def test_a_silent_clip_has_no_sound_of_its_own(film: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no sound of its own"):
        write_own_sound(probe(film), tmp_path / "own.wav")
    assert not list(tmp_path.iterdir())


def test_a_listening_copy_is_the_same_in_sixteen_bits(tmp_path: Path) -> None:
    sound = np.random.default_rng(3).uniform(-0.9, 0.9, (200_000, 2))
    soundfile.write(tmp_path / "a.wav", sound, 44_100, subtype="PCM_24")
    write_listening_copy(tmp_path / "a.wav", tmp_path / "b.wav")
    copy, rate_hz = soundfile.read(tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").subtype == "PCM_16"
    assert rate_hz == 44_100
    assert np.abs(copy - sound).max() < 2**-14
