"""Places and layers: left is left, the power stays, mono loses nothing."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.cues import CueCurves
from phonofilm.mix.spatial import SIDE_DB, WIDTH, place_effects

RATE_HZ = 44_100
CURVE_HZ = Fraction(44_100, 512)
COUNT = RATE_HZ


def noise(seed: int = 0, count: int = COUNT) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=count)).astype(np.float32)


def curves(place: float | np.ndarray, onset: float = 0.0, points: int = 87) -> CueCurves:
    place = np.full(points, place, np.float32) if isinstance(place, float) else place.astype(np.float32)
    return CueCurves(CURVE_HZ, np.full(len(place), onset, np.float32), np.full(len(place), 0.5, np.float32), place)


def power_db(samples: np.ndarray) -> float:
    return 10 * math.log10(float((samples.astype(np.float64) ** 2).sum()) + 1e-20)


@settings(max_examples=15)
@given(place=st.floats(-1, 1), onset=st.floats(0, 1), seed=st.integers(0, 99))
def test_power_stays_and_mono_is_the_sound_itself(place: float, onset: float, seed: int) -> None:
    sound = noise(seed)
    placed = place_effects(sound, curves(place, onset), RATE_HZ).samples
    assert placed.shape == (2, COUNT)
    assert power_db(placed) == pytest.approx(power_db(sound), abs=0.5)
    # The side signal cancels: the sum is the input times cos + sin of the pan angle.
    angle = (1 + WIDTH * place) * math.pi / 4
    assert np.abs(placed.sum(axis=0) - sound * (math.cos(angle) + math.sin(angle))).max() < 1e-4
    assert power_db(placed.sum(axis=0)) >= power_db(sound) + 3.01 - 2.6


@pytest.mark.parametrize("onset", [0.0, 1.0])
def test_left_is_louder_left(onset: float) -> None:
    sound = noise()
    placed = [place_effects(sound, curves(place, onset), RATE_HZ).samples for place in (-1.0, -0.3, 0.3, 1.0)]
    levels = [power_db(left) - power_db(right) for left, right in placed]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 6
    assert levels[1] > 1
    assert levels[0] == pytest.approx(-levels[3], abs=1.0)


def test_the_middle_is_the_middle() -> None:
    left, right = place_effects(noise(), curves(0.0), RATE_HZ).samples
    assert power_db(left) == pytest.approx(power_db(right), abs=0.3)


def test_hits_are_not_spread_and_ambience_is() -> None:
    sound = noise()
    hits = place_effects(sound, curves(0.0, onset=1.0), RATE_HZ).samples
    ambience = place_effects(sound, curves(0.0, onset=0.0), RATE_HZ).samples
    assert np.abs(hits[0] - hits[1]).max() < 1e-6
    side_db = power_db(ambience[0] - ambience[1]) - power_db(ambience[0] + ambience[1])
    assert SIDE_DB - 3 < side_db < SIDE_DB + 6


def test_bass_stays_in_the_middle() -> None:
    bass = np.sin(2 * np.pi * 40 * np.arange(COUNT) / RATE_HZ).astype(np.float32)
    left, right = place_effects(bass, curves(0.0), RATE_HZ).samples
    assert power_db(left - right) < power_db(left + right) - 25


def test_a_place_that_moves_is_heard_moving() -> None:
    sound = noise()
    left, right = place_effects(sound, curves(np.linspace(-1, 1, 87), onset=1.0), RATE_HZ).samples
    half = COUNT // 2
    assert power_db(left[:half]) > power_db(right[:half]) + 2
    assert power_db(right[half:]) > power_db(left[half:]) + 2


@pytest.mark.parametrize("count", [0, 1, 500, 1400])
@pytest.mark.parametrize("points", [0, 1, 2])
def test_very_short_sounds(count: int, points: int) -> None:
    placed = place_effects(noise(count=count), curves(0.0, points=points), RATE_HZ)
    assert placed.samples.shape == (2, count)
    assert np.isfinite(placed.samples).all()
