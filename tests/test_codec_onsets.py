"""Onsets of sound: found where something begins, nowhere else, and on the clock of the mel frames."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.codec.onsets import MEL_CLOCK_HZ, activity_curve, detect_onsets, onset_curve, sound_curves
from phonofilm.cues import PEAK_DISTANCE_S, peaks
from phonofilm.timeline import grid_count
from phonofilm.types import FloatArray

RATE_HZ = 44_100
COUNT = 4 * RATE_HZ
TIME_S = np.arange(COUNT) / RATE_HZ
EVENTS_S = np.array([0.4, 0.9, 1.337, 2.0, 2.611, 3.5])


def noise(seed: int = 0, count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


def click(rate_hz: int) -> np.ndarray:
    return np.array([1.0, -0.8, 0.5, -0.3, 0.1])


def hit(rate_hz: int) -> np.ndarray:
    time_s = np.arange(rate_hz // 5) / rate_hz
    return np.random.default_rng(5).normal(size=len(time_s)) * np.exp(-time_s / 0.04) * 0.3


def bark(rate_hz: int) -> np.ndarray:
    """A harsh tone that swells for 15 ms and falls in pitch."""
    time_s = np.arange(rate_hz // 5) / rate_hz
    tone = np.sin(2 * np.pi * 600 * time_s - 800 * time_s**2 + 3 * np.sin(2 * np.pi * 150 * time_s))
    return 0.5 * tone * np.minimum(time_s / 0.015, 1) * np.exp(-time_s / 0.08)


def scene(
    make: Callable[[int], np.ndarray], times_s: np.ndarray, background: float, rate_hz: int = RATE_HZ
) -> FloatArray:
    samples = background * noise(1, 4 * rate_hz)
    sound = make(rate_hz)
    for time_s in times_s:
        first = round(time_s * rate_hz)
        part = samples[first : first + len(sound)]
        part += sound[: len(part)]
    return samples.astype(np.float32)


STEADY = {
    "silence": np.zeros(COUNT),
    "noise": 0.1 * noise(),
    "faint noise": 1e-4 * noise(),
    "brown noise": 0.02 * np.cumsum(noise() - noise().mean()) / 10,
    "tone": 0.3 * np.sin(2 * np.pi * 440 * TIME_S),
    "chord": 0.1 * sum(np.sin(2 * np.pi * hz * TIME_S) for hz in (220, 277, 330)),
    "buzz": 0.1 * np.sign(np.sin(2 * np.pi * 120 * TIME_S)),
    "vibrato": 0.3 * np.sin(2 * np.pi * 440 * TIME_S + 8 * np.sin(2 * np.pi * 6 * TIME_S)),
    "tremolo": 0.3 * np.sin(2 * np.pi * 440 * TIME_S) * (1 + 0.2 * np.sin(2 * np.pi * 5 * TIME_S)),
    "waves": 0.1 * noise() * (1 + 0.6 * np.sin(2 * np.pi * TIME_S)),
    "tone fading in": 0.3 * np.sin(2 * np.pi * 440 * TIME_S) * TIME_S / 4,
    "noise fading in": 0.1 * noise() * np.minimum(TIME_S / 2, 1),
    "noise fading out": 0.1 * noise() * (1 - TIME_S / 4),
}


@pytest.mark.parametrize("name", STEADY)
def test_nothing_begins_in_what_goes_on(name: str) -> None:
    times_s, strengths = detect_onsets(STEADY[name].astype(np.float32), RATE_HZ)
    assert len(times_s) == len(strengths) == 0


@pytest.mark.parametrize("background", [0.0, 1e-4, 3e-3])
@pytest.mark.parametrize(("make", "late_s"), [(click, 0.004), (hit, 0.004), (bark, 0.02)])
def test_events_are_found_where_they_are(make: Callable[[int], np.ndarray], late_s: float, background: float) -> None:
    times_s, strengths = detect_onsets(scene(make, EVENTS_S, background), RATE_HZ)
    assert len(times_s) == len(EVENTS_S)
    assert (np.abs(times_s - EVENTS_S) < late_s).all()
    assert (strengths > 0.9).all()
    assert times_s.dtype == strengths.dtype == np.float32


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
def test_the_rate_does_not_matter(rate_hz: int) -> None:
    times_s, _ = detect_onsets(scene(hit, EVENTS_S, 1e-3, rate_hz), rate_hz)
    assert times_s == pytest.approx(EVENTS_S, abs=0.005)
    assert len(onset_curve(np.zeros(3 * rate_hz, np.float32), rate_hz)) == grid_count(Fraction(3), MEL_CLOCK_HZ)


@settings(max_examples=25)
@given(time_s=st.floats(0.1, 3.8))
def test_the_curve_peaks_at_the_click(time_s: float) -> None:
    curve = onset_curve(scene(click, np.array([time_s]), 1e-4), RATE_HZ)
    assert abs(int(np.argmax(curve)) / float(MEL_CLOCK_HZ) - time_s) < 0.006
    assert 0 <= curve.min() <= curve.max() <= 1


@settings(max_examples=10)
@given(gain_db=st.floats(-30, 12), late_s=st.floats(0, 0.3))
def test_louder_is_the_same_and_later_is_later(gain_db: float, late_s: float) -> None:
    before, strength_before = detect_onsets(scene(hit, EVENTS_S, 1e-3), RATE_HZ)
    sound = scene(hit, EVENTS_S + late_s, 1e-3) * np.float32(10 ** (gain_db / 20))
    after, strength_after = detect_onsets(sound, RATE_HZ)
    assert after == pytest.approx(before + late_s, abs=0.005)
    assert strength_after == pytest.approx(strength_before, abs=0.05)


def test_strength_falls_with_level_and_a_tick_beside_hits_is_no_onset() -> None:
    sound = scene(hit, EVENTS_S, 0.0)
    sound[round(1.9 * RATE_HZ) : round(2.5 * RATE_HZ)] *= np.float32(0.1)  # the hit at 2.0 s, 20 dB down
    sound[round(2.55 * RATE_HZ) : round(3.2 * RATE_HZ)] *= np.float32(0.001)  # the one at 2.6 s, 60 dB down
    times_s, strengths = detect_onsets(sound, RATE_HZ)
    assert times_s == pytest.approx(np.delete(EVENTS_S, 4), abs=0.005)
    assert strengths[3] == pytest.approx(0.5, abs=0.05)


def test_a_rattle_is_one_event_and_so_is_an_approach() -> None:
    rattle_s = np.arange(1.0, 2.0, 0.03)
    assert detect_onsets(scene(click, rattle_s, 0.0), RATE_HZ)[0] == pytest.approx([1.0], abs=0.005)
    sound = scene(hit, np.array([1.0, 1.1]), 0.0)
    sound[: round(1.09 * RATE_HZ)] *= np.float32(0.2)
    assert detect_onsets(sound, RATE_HZ)[0] == pytest.approx([1.1], abs=0.005)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), count=st.integers(1, 30))
def test_onsets_rise_and_keep_their_distance(seed: int, count: int) -> None:
    times_s, strengths = detect_onsets(scene(hit, np.random.default_rng(seed).uniform(0, 3.9, count), 1e-3), RATE_HZ)
    assert (np.diff(times_s) >= PEAK_DISTANCE_S - 1e-5).all()
    assert ((strengths >= 0.3) & (strengths <= 1)).all()


def test_activity_follows_the_level() -> None:
    level_db = np.where(TIME_S < 1, 0.0, np.where(TIME_S < 2, -37.5, np.where(TIME_S < 3, -80.0, -5.0)))
    sound = (0.5 * noise() * 10 ** (level_db / 20)).astype(np.float32)
    curve = activity_curve(sound, RATE_HZ)
    middles = [curve[round((second + 0.5) * float(MEL_CLOCK_HZ))] for second in range(4)]
    assert middles == pytest.approx([1, 0.5, 0, 1], abs=0.05)
    assert np.allclose(activity_curve(sound * np.float32(0.6), RATE_HZ), curve, atol=0.01)
    assert activity_curve(sound * np.float32(0.01), RATE_HZ).max() < 0.8
    assert not activity_curve(np.zeros(COUNT, np.float32), RATE_HZ).any()


def test_the_curves_say_what_was_detected() -> None:
    sound = scene(hit, EVENTS_S, 1e-3)
    curves = sound_curves(sound, RATE_HZ)
    assert curves.rate_hz == MEL_CLOCK_HZ
    assert len(curves.onset) == grid_count(Fraction(COUNT, RATE_HZ), MEL_CLOCK_HZ)
    times_s, strengths = detect_onsets(sound, RATE_HZ)
    found_s, found = peaks(curves.onset, curves.rate_hz)
    assert found_s == pytest.approx(times_s, abs=0.003)
    assert found == pytest.approx(strengths, abs=0.13)
    assert not curves.place.any()


@pytest.mark.parametrize("count", [0, 1, 2, 511, 512, 513, 1500])
def test_very_short_sounds(count: int) -> None:
    sound = (0.1 * noise(0, count)).astype(np.float32)
    points = -(-count // 512)
    assert len(onset_curve(sound, RATE_HZ)) == len(activity_curve(sound, RATE_HZ)) == points
    assert len(sound_curves(sound, RATE_HZ).onset) == points
    assert np.isfinite(onset_curve(sound, RATE_HZ)).all()
