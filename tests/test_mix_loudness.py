"""Loudness meets its target, peaks keep under the ceiling, and quiet things are left alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.mix.loudness import (
    LARGEST_GAIN_DB,
    LARGEST_LIMITING_DB,
    TRUE_PEAK_DB,
    integrated_lufs,
    limit,
    normalise,
    true_peak,
    without_offset,
)
from phonofilm.types import Waveform

RATE_HZ = 44_100


def noise(length_s: float, level_db: float, channels: int = 2, seed: int = 0, rate_hz: int = RATE_HZ) -> Waveform:
    samples = np.random.default_rng(seed).normal(size=(channels, round(length_s * rate_hz)))
    return Waveform((samples * 10 ** (level_db / 20)).astype(np.float32), rate_hz)


def clicks(length_s: float, every_s: float, level: float = 0.5, burst_s: float = 0.03) -> Waveform:
    """Short bursts of noise that die away, as of hits."""
    count, burst = round(length_s * RATE_HZ), round(burst_s * RATE_HZ)
    samples = np.zeros((1, count), np.float32)
    generator = np.random.default_rng(1)
    for first in range(0, count - burst, round(every_s * RATE_HZ)):
        decay = np.exp(-5 * np.arange(burst) / burst)
        samples[0, first : first + burst] = level * generator.uniform(-1, 1, burst) * decay
    return Waveform(samples, RATE_HZ)


def db(value: float) -> float:
    return 20 * math.log10(max(value, 1e-12))


def tone(frequency_hz: float, level: float, phase: float = 0.0, length_s: float = 1.0) -> Waveform:
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return Waveform((level * np.sin(2 * np.pi * frequency_hz * time_s + phase)).astype(np.float32)[None], RATE_HZ)


def test_the_meter_reads_the_tone_of_the_standard() -> None:
    # BS.1770-4: a full-scale sine of 997 Hz in one channel reads -3.01 LUFS.
    assert integrated_lufs(tone(997, 1.0, length_s=3)) == pytest.approx(-3.01, abs=0.05)


def test_peaks_between_samples_are_seen() -> None:
    # A quarter of the rate, phase 45°: every sample is 0.707 of the crest.
    assert true_peak(tone(RATE_HZ / 4, 0.9, math.pi / 4)) == pytest.approx(0.9, rel=0.03)
    assert true_peak(Waveform(np.zeros((2, 0), np.float32), RATE_HZ)) == 0


@pytest.mark.parametrize("target", [-16.0, -23.0, -30.0])
@pytest.mark.parametrize("level_db", [-60.0, -40.0, -20.0, -6.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_noise_meets_its_target(target: float, level_db: float, channels: int) -> None:
    before = noise(3, level_db, channels)
    after = normalise(before, target)
    gain_db = target - integrated_lufs(before)
    wanted = target if gain_db <= LARGEST_GAIN_DB else integrated_lufs(before) + LARGEST_GAIN_DB
    assert integrated_lufs(after) == pytest.approx(wanted, abs=0.5)
    assert db(true_peak(after)) <= TRUE_PEAK_DB


@pytest.mark.parametrize("every_s", [0.05, 0.1, 0.25, 1.0])
def test_hits_meet_it_or_stay_below_for_their_peaks(every_s: float) -> None:
    before = clicks(4, every_s)
    after = normalise(before, -16.0)
    assert db(true_peak(after)) <= TRUE_PEAK_DB
    loudness = integrated_lufs(after)
    assert loudness <= -15.5
    if loudness < -16.5:
        # Then the peaks are at the ceiling: louder was not allowed.
        assert db(true_peak(after)) >= TRUE_PEAK_DB - 1
        gained_db = loudness - integrated_lufs(before)
        assert gained_db <= TRUE_PEAK_DB - db(true_peak(before)) + LARGEST_LIMITING_DB + 0.1


def test_a_busy_click_train_meets_it() -> None:
    assert integrated_lufs(normalise(clicks(4, 0.04), -20.0)) == pytest.approx(-20, abs=0.5)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    level_db=st.floats(-40, 20),
    target=st.floats(-40, -6),
    kind=st.sampled_from(["noise", "clicks", "square", "low", "spikes"]),
    length_s=st.floats(0.02, 0.7),
)
def test_the_true_peak_is_never_passed(seed: int, level_db: float, target: float, kind: str, length_s: float) -> None:
    samples = noise(length_s, level_db, 2, seed).samples
    if kind == "clicks":
        samples = samples * (np.random.default_rng(seed).uniform(size=samples.shape) > 0.999)
    elif kind == "square":
        samples = np.sign(samples) * np.float32(10 ** (level_db / 20))
    elif kind == "low":
        samples = np.cumsum(samples, axis=1) / 30
    elif kind == "spikes":
        samples = np.float32(1e-3) * samples
        samples[:, [0, -1, samples.shape[1] // 2]] = np.float32(10 ** (level_db / 20))
    sound = Waveform(samples.astype(np.float32), RATE_HZ)
    assert db(true_peak(limit(sound))) <= TRUE_PEAK_DB
    assert db(true_peak(normalise(sound, target))) <= TRUE_PEAK_DB


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 100, 50_000])
def test_silence_stays_silent(count: int, channels: int) -> None:
    silence = Waveform(np.zeros((channels, count), np.float32), RATE_HZ)
    assert integrated_lufs(silence) == -math.inf
    after = normalise(silence, -16.0)
    assert after.samples.shape == (channels, count)
    assert not after.samples.any()


@pytest.mark.parametrize("level_db", [-120.0, -90.0, -75.0, -65.0, -55.0])
def test_near_silence_is_raised_by_no_more_than_the_limit(level_db: float) -> None:
    before = noise(1, level_db)
    gained_db = db(float(np.abs(normalise(before, -16.0).samples).max())) - db(float(np.abs(before.samples).max()))
    assert 0 <= gained_db <= LARGEST_GAIN_DB + 0.01


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), level_db=st.floats(-80, -15))
def test_the_limiter_leaves_low_sound_untouched(seed: int, level_db: float) -> None:
    sound = noise(0.2, level_db, 2, seed)
    if db(true_peak(sound)) <= TRUE_PEAK_DB:
        assert np.array_equal(limit(sound).samples, sound.samples)


def test_the_limiter_acts_near_the_peak_alone_and_keeps_places() -> None:
    sound = noise(1, -30, 2)
    middle = RATE_HZ // 2
    sound.samples[:, middle] = (2.0, 1.0)
    after = limit(sound)
    near = slice(middle - round(0.007 * RATE_HZ), middle + round(0.5 * RATE_HZ))
    changed = np.flatnonzero(np.abs(after.samples - sound.samples).max(axis=0) > 1e-4)
    assert changed.min() >= near.start
    assert changed.max() <= near.stop
    gain = after.samples / sound.samples
    assert np.allclose(gain[0], gain[1], rtol=1e-3)  # the channels are linked
    assert after.samples[0, middle] > 0.7


@pytest.mark.parametrize("length_s", [0.01, 0.1, 0.39, 0.4, 0.41])
def test_short_sounds_are_measured_too(length_s: float) -> None:
    after = normalise(noise(length_s, -30), -30.0)
    assert math.isfinite(integrated_lufs(after))
    assert db(true_peak(after)) <= TRUE_PEAK_DB


def test_an_offset_goes_and_what_is_heard_stays() -> None:
    time_s = np.arange(2 * 44100) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 100 * time_s)
    result = without_offset((tone + 0.4 + 0.2 * np.sin(2 * np.pi * 2 * time_s)).astype(np.float32), 44100)
    settled = result[44100:]
    assert abs(float(settled.mean())) < 1e-3
    assert float(np.sqrt((settled**2).mean())) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
    assert result.dtype == np.float32
    assert not without_offset(np.zeros(100, np.float32), 44100).any()
