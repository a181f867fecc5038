"""Loops: as long as asked for, and their last sample is followed by their first."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm import Phonofilm
from phonofilm.errors import OutputError
from phonofilm.evaluate.seams import seams
from phonofilm.mix.loop import MARGIN_S, looped, samples_wanted, with_margins
from phonofilm.timeline import samples
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 16_000


def noise(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32) * np.float32(0.1)


def in_a_circle(loop: FloatArray) -> Waveform:
    return Waveform(np.tile(loop, 2)[None], RATE_HZ)


@given(st.integers(0, 60_000), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_a_loop_has_its_length_and_goes_over_into_itself(count: int, seed: int) -> None:
    # A slow wave: between two neighbours it moves by 0.01 at most.
    wanted = samples_wanted(count, RATE_HZ)
    wave = np.sin(np.arange(wanted) * 0.01 + seed).astype(np.float32)
    loop = looped(wave, count, RATE_HZ)
    assert len(loop) == count
    if count > 1000:
        steps = np.abs(np.diff(np.append(loop, loop[0])))
        assert steps.max() < 0.02, "it jumps nowhere, nor from its end to its beginning"


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_fade_keeps_the_power_of_noise(seed: int) -> None:
    count = 4 * RATE_HZ
    loop = looped(noise(samples_wanted(count, RATE_HZ), seed), count, RATE_HZ)
    faded, rest = loop[:RATE_HZ], loop[RATE_HZ:]
    assert abs(10 * np.log10(np.square(faded).mean() / np.square(rest).mean())) < 0.5


@pytest.mark.parametrize(("tone_hz", "seed"), [(50.0, 0), (61.3, 1), (97.0, 2), (120.4, 3), (180.0, 4)])
def test_a_hum_does_not_sink_where_it_is_faded(tone_hz: float, seed: int) -> None:
    count = 3 * RATE_HZ + 77
    time_s = np.arange(samples_wanted(count, RATE_HZ)) / RATE_HZ
    # Its pitch wavers by one part in a hundred, so that there are places where both ends are in phase.
    waver = 0.01 * tone_hz * np.sin(2 * np.pi * 0.7 * time_s + seed)
    wave = np.sin(2 * np.pi * (tone_hz * time_s + np.cumsum(waver) / RATE_HZ)).astype(np.float32)
    loop = looped(wave, count, RATE_HZ)
    power = np.square(loop[: len(loop) // 800 * 800].reshape(-1, 800)).mean(1)
    assert 10 * np.log10(power.min() / np.median(power)) > -9, "faded without choosing, it may go out altogether"


def test_no_seam_is_measured_where_a_loop_begins_again() -> None:
    count = 4 * RATE_HZ
    wave = noise(samples_wanted(count, RATE_HZ), 5)
    joint = [count / RATE_HZ]
    good = seams(in_a_circle(looped(wave, count, RATE_HZ)), joint)
    assert good.mean < 1.1
    assert good.largest < 1.2


@given(st.integers(0, 30_000))
@settings(max_examples=20, deadline=None)
def test_margins_are_what_comes_before_and_after(count: int) -> None:
    loop = noise(count, 1)
    wide, margin_s = with_margins(loop, RATE_HZ)
    margin = min(count, round(MARGIN_S * RATE_HZ))
    assert samples(margin_s, RATE_HZ) == margin
    assert np.array_equal(wide[margin : margin + count], loop)
    assert np.array_equal(wide[:margin], loop[count - margin :])
    assert np.array_equal(wide[len(wide) - margin :], loop[:margin])


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return Phonofilm.load("tiny", "cpu")


def test_make_writes_a_loop(tmp_path: Path, film: Phonofilm) -> None:
    (take,) = film.make("rain", tmp_path / "rain.flac", seconds=2.5, loop=True)
    samples, rate_hz = soundfile.read(take.path, dtype="float32")
    assert samples.shape == (round(2.5 * rate_hz), 2)
    (plain,) = film.make("rain", tmp_path / "plain.flac", seconds=2.5)
    assert not np.array_equal(plain.sound.samples, take.sound.samples)
    # It neither fades in nor out: its ends are as loud as the rest.
    edge = round(0.01 * rate_hz)
    both = np.concatenate([samples[-edge:], samples[:edge]])
    assert np.square(both).mean() > 0.05 * np.square(samples).mean()


@pytest.mark.parametrize("seconds", [0.5, 2.3456])
def test_a_loop_at_another_rate_is_as_long_and_has_no_seam(tmp_path: Path, film: Phonofilm, seconds: float) -> None:
    (take,) = film.make("rain", tmp_path / "rain.wav", seconds=seconds, loop=True, rate=48_000, mono=True)
    assert take.sound.rate_hz == 48_000
    wave = take.sound.samples[0]
    assert len(wave) == round(seconds * 48_000)
    # The second difference is what a click stands out in.
    bend = np.abs(np.diff(np.concatenate([wave[-3:], wave[:3]]), 2)).max()
    assert bend <= np.abs(np.diff(wave, 2)).max()


@pytest.mark.parametrize("name", ["rain.mp3", "rain.m4a"])
def test_sound_with_silence_at_its_ends_is_no_loop(tmp_path: Path, film: Phonofilm, name: str) -> None:
    with pytest.raises(OutputError, match="write wav, flac or ogg"):
        film.make("rain", tmp_path / name, loop=True)
    assert not list(tmp_path.iterdir())
