"""Sound in and out: where the click is, how long it lasts, and nothing half-written."""

import math
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clips import click_time, click_track, even_times, make_clip
from phonofilm.disk import writer
from phonofilm.errors import MediaError, OutputError
from phonofilm.media.audio import STEP_24_BIT, read_audio, read_clip_audio, resample, to_stereo, write_audio
from phonofilm.media.files import replacing, write_text
from phonofilm.media.probe import probe
from phonofilm.types import Waveform

RATE_HZ = 44_100
SECOND = 48_000
"""Samples of one second of the sound that the clips carry."""


def tone(length_s: float, channels: int = 2, rate_hz: int = RATE_HZ) -> Waveform:
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    waves = [0.4 * np.sin(2 * np.pi * (440 + 220 * channel) * time_s) for channel in range(channels)]
    return Waveform(np.stack(waves).astype(np.float32), rate_hz)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("libx264", ".mp4"),
        ("libx264", ".mov"),
        ("libx264", ".mkv"),
        ("libvpx-vp9", ".webm"),
        ("mpeg1video", ".mpg"),
    ],
)
@pytest.mark.parametrize("click_s", [0.25, 0.6])
def test_a_click_is_read_where_it_was_put(tmp_path: Path, codec: str, suffix: str, click_s: float) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", codec=codec, sound="click", click_s=click_s))
    sound = read_clip_audio(clip, RATE_HZ)
    assert sound is not None
    assert sound.samples.shape == (1, round(clip.duration_s * RATE_HZ))
    assert click_time(sound.samples, RATE_HZ) == pytest.approx(click_s, abs=0.002)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("picture_s", "sound_s"), [(0.0, 0.3), (0.3, 0.0), (1.4, 1.4), (0.5, 0.8)])
def test_late_and_early_tracks_keep_their_place(tmp_path: Path, suffix: str, picture_s: float, sound_s: float) -> None:
    times_s = even_times(25, Fraction(25), Fraction(repr(picture_s)))
    path = make_clip(tmp_path / f"clip{suffix}", times_s, sound="click", click_s=0.6, sound_first_s=sound_s)
    sound = read_clip_audio(probe(path), RATE_HZ)
    assert sound is not None
    assert sound.samples.shape[1] == RATE_HZ
    assert click_time(sound.samples, RATE_HZ) == pytest.approx(0.6 + sound_s - picture_s, abs=0.002)


def without_sound(path: Path, from_ms: int, to_ms: int) -> Path:
    """The same Matroska clip, its packets of sound in [from, to) lost."""
    holed = path.with_name("holed.mkv")
    with av.open(str(path)) as source, av.open(str(holed), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream, opaque=True) for stream in source.streams}
        for packet in source.demux():
            lost = packet.stream.type == "audio" and packet.pts is not None and from_ms <= packet.pts < to_ms
            if packet.size and not lost:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    return holed


@pytest.mark.parametrize(("from_ms", "to_ms"), [(0, 300), (400, 900), (1700, 2000)])
def test_a_hole_in_the_sound_stays_a_hole(tmp_path: Path, from_ms: int, to_ms: int) -> None:
    times_s = even_times(50, Fraction(25))
    whole = make_clip(tmp_path / "whole.mkv", times_s, codec="libvpx-vp9", sound="click", click_s=1.5)
    sound = read_clip_audio(probe(without_sound(whole, from_ms, to_ms)), RATE_HZ)
    assert sound is not None
    assert sound.samples.shape == (1, 2 * RATE_HZ)
    assert click_time(sound.samples, RATE_HZ) == pytest.approx(1.5, abs=0.002)


def test_six_channels_become_two(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", sound="5.1"))
    assert read_audio(clip.path).channels == 6
    sound = read_clip_audio(clip, RATE_HZ)
    assert sound is not None
    assert sound.channels == 2
    assert click_time(sound.samples, RATE_HZ) == pytest.approx(0.5, abs=0.002)


def test_downmix_of_each_channel() -> None:
    half = math.sqrt(0.5)
    wanted = [(1, 0), (0, 1), (half, half), (0, 0), (half, 0), (0, half)]  # L R C LFE Ls Rs, ITU-R BS.775
    for channel, (left, right) in enumerate(wanted):
        samples = np.zeros((6, 4), np.float32)
        samples[channel] = 0.5
        assert to_stereo(Waveform(samples, RATE_HZ)).samples[:, 0] == pytest.approx([left / 2, right / 2], abs=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
def test_downmix_never_clips(channels: int) -> None:
    loud = Waveform(np.ones((channels, 8), np.float32), RATE_HZ)
    assert to_stereo(loud).channels == min(2, channels)
    assert np.abs(to_stereo(loud).samples).max() <= 1


def test_no_sound_and_silent_sound(tmp_path: Path) -> None:
    mute = probe(make_clip(tmp_path / "mute.mp4"))
    assert read_clip_audio(mute, RATE_HZ) is None
    with pytest.raises(MediaError, match="has no sound"):
        read_audio(mute.path)
    silent = read_clip_audio(probe(make_clip(tmp_path / "silent.mp4", sound="silent")), RATE_HZ)
    assert silent is not None
    assert not silent.samples.any()


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_s16le_planar"])
def test_sample_formats(tmp_path: Path, codec: str) -> None:
    sound = tone(0.2)
    path = tmp_path / "sound.nut"
    with av.open(str(path), "w") as file:
        track = file.add_stream(codec, rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(sound.samples, "fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for piece in av.AudioResampler(format=track.format.name, layout="stereo", rate=RATE_HZ).resample(frame):
            file.mux(track.encode(piece))
        file.mux(track.encode(None))
    read = read_audio(path)
    assert read.samples.shape == sound.samples.shape
    assert np.abs(read.samples - sound.samples).max() < (0.01 if codec == "pcm_u8" else 1e-4)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "error"), [(".wav", 1e-6), (".flac", 1e-6), (".WAV", 1e-6), (".ogg", 0.05)])
def test_written_sound_reads_back(tmp_path: Path, suffix: str, error: float, channels: int) -> None:
    sound = tone(0.5, channels)
    write_audio(sound, tmp_path / f"sound{suffix}")
    read = read_audio(tmp_path / f"sound{suffix}")
    assert read.rate_hz == RATE_HZ
    count = read.samples.shape[1]
    assert 0 <= sound.samples.shape[1] - count <= (128 if suffix == ".ogg" else 0)  # FFmpeg ends Vorbis 3 ms early
    assert np.abs(read.samples - sound.samples[:, :count]).max() < error


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_written_sound_keeps_its_length_and_its_click(tmp_path: Path, suffix: str, channels: int) -> None:
    sound = Waveform(click_track(1.0, 0.4, channels, RATE_HZ), RATE_HZ)
    write_audio(sound, tmp_path / f"sound{suffix}")
    read = read_audio(tmp_path / f"sound{suffix}")
    assert read.channels == channels
    assert click_time(read.samples, read.rate_hz) == pytest.approx(0.4, abs=0.002)
    assert abs(read.duration_s - 1) < Fraction(1, 20)


def test_minutes_of_vorbis_do_not_overflow(tmp_path: Path) -> None:
    write_audio(Waveform(np.zeros((1, 60 * 8000), np.float32), 8000), tmp_path / "long.ogg")
    assert soundfile.info(str(tmp_path / "long.ogg")).frames == 60 * 8000


def test_resampling_keeps_the_click_and_the_length() -> None:
    sound = Waveform(click_track(1.0, 0.4, 2, 48_000), 48_000)
    there = resample(sound, RATE_HZ)
    assert there.samples.shape == (2, RATE_HZ)
    assert click_time(there.samples, RATE_HZ) == pytest.approx(0.4, abs=0.001)
    assert resample(sound, 48_000) is sound


@pytest.mark.parametrize("name", ["sound.mp4", "sound.txt", "sound"])
def test_names_that_are_no_sound(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot write sound as"):
        write_audio(tone(0.1), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_audio(tone(0.1), tmp_path / "folder.wav")
    with pytest.raises(OutputError, match="does not exist"):
        write_audio(tone(0.1), tmp_path / "nowhere" / "sound.wav")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="does not exist"):
        write_audio(tone(0.1), tmp_path / "file" / "sound.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="may not be written"):
        write_audio(tone(0.1), tmp_path / "sound.wav")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_a_full_disk(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The partial file is a link to the device that is always full.
    path = tmp_path / f"sound{suffix}"
    (tmp_path / f".sound.{writer()}.partial{suffix}").symlink_to("/dev/full")
    noise = Waveform(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 200_000)).astype(np.float32), RATE_HZ)
    with pytest.raises(OutputError, match="cannot write"):
        write_audio(noise, path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("suffix", [".wav", ".m4a"])
def test_nothing_is_left_after_a_failure(
    tmp_path: Path, suffix: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("phonofilm.media.audio.av.AudioFrame.from_ndarray" if suffix == ".m4a" else "os.replace", fail)
    path = tmp_path / f"sound{suffix}"
    path.write_text("what was there before")
    with pytest.raises(error):
        write_audio(tone(0.1), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "what was there before"


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=50))
def test_text_is_written_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.json"
    write_text(text.replace("\r", ""), path)
    assert path.read_text(encoding="utf-8") == text.replace("\r", "")
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_survives_a_folder_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OutputError, match="cannot write"), replacing(folder / "file.txt"):
        folder.rmdir()


HALF = math.sqrt(0.5)
SIDES = {"FL": (1, 0), "FR": (0, 1), "FC": (HALF, HALF), "LFE": (0, 0), "BC": (0.5, 0.5)}
SIDES |= {"FLC": (0.92388, 0.38268), "FRC": (0.38268, 0.92388)}  # cosine and sine of an eighth of pi
SIDES |= {"BL": (HALF, 0), "BR": (0, HALF), "SL": (HALF, 0), "SR": (0, HALF), "TFL": (HALF, 0), "TFR": (0, HALF)}


@pytest.mark.parametrize(
    "layout", ["2.1", "3.0", "4.0", "quad", "5.0", "5.1", "5.1(side)", "6.1", "7.1", "5.1.2", "7.1(wide)"]
)
def test_each_channel_goes_to_its_side(layout: str) -> None:
    channels = av.AudioLayout(layout).channels
    for place, channel in enumerate(channels):
        samples = np.zeros((len(channels), 4), np.float32)
        samples[place] = 0.5
        mixed = to_stereo(Waveform(samples, RATE_HZ), layout).samples
        assert mixed[:, 0] == pytest.approx(np.asarray(SIDES[channel.name]) / 2, abs=1e-5), channel.name


@pytest.mark.parametrize(("layout", "place"), [("3.0", 2), ("7.1", 2), ("5.0", 2)])
def test_the_centre_of_a_file_stays_in_the_centre(tmp_path: Path, layout: str, place: int) -> None:
    channels = av.AudioLayout(layout).nb_channels
    picture = make_clip(tmp_path / "picture.mp4")
    path = tmp_path / "clip.mkv"
    sound = np.zeros((channels, SECOND), np.float32)
    sound[place] = click_track(1, 0.5, 1)[0]
    with av.open(str(picture)) as source, av.open(str(path), "w") as file:
        copied = file.add_stream_from_template(source.streams.video[0], opaque=True)
        track = file.add_stream("pcm_f32le", rate=SECOND, layout=layout)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copied
                file.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), "flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = SECOND, 0, Fraction(1, SECOND)
        file.mux(track.encode(frame))
        file.mux(track.encode(None))
    heard = read_clip_audio(probe(path), RATE_HZ)
    assert heard is not None
    assert heard.channels == 2
    assert np.abs(heard.samples).max() > 0.4
    assert np.allclose(heard.samples[0], heard.samples[1], atol=1e-6)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_is_written_without_loss_is_written_again_as_it_is(tmp_path: Path, suffix: str) -> None:
    steps = np.random.default_rng(1).integers(-(2**23), 2**23, (2, 5000))
    steps[0, :2] = -(2**23), 2**23 - 1
    sound = Waveform((steps / 2**23).astype(np.float32), 48_000)
    write_audio(sound, tmp_path / f"a{suffix}")
    read = read_audio(tmp_path / f"a{suffix}")
    assert np.array_equal(read.samples, sound.samples)
    between = Waveform(np.float32(0.3) * sound.samples, 48_000)
    write_audio(between, tmp_path / f"b{suffix}")
    assert np.abs(read_audio(tmp_path / f"b{suffix}").samples - between.samples).max() <= 0.51 * STEP_24_BIT
    write_audio(Waveform(3 * sound.samples, 48_000), tmp_path / f"c{suffix}")
    loud = read_audio(tmp_path / f"c{suffix}").samples
    assert np.array_equal(np.sign(loud), np.sign(sound.samples))
