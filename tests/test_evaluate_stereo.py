"""Stereo: places that were panned are recovered, and what mono loses is what theory says."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.cues import CueCurves
from phonofilm.errors import InputError
from phonofilm.evaluate.stereo import LARGEST_LOSS_DB, fold_down, place_at, place_error
from phonofilm.mix.spatial import place_effects
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


def noise(seconds: float = 1.0, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def hits(times_s: list[float], seconds: float, bed: float = 0.0) -> FloatArray:
    wave = bed * noise(seconds, 5)
    for index, time_s in enumerate(times_s):
        first = round(time_s * RATE_HZ)
        wave[first : first + 4000] += 3 * noise(4000 / RATE_HZ, index) * np.exp(-np.arange(4000) / 800)
    return wave.astype(np.float32)


@settings(max_examples=12)
@given(st.floats(-1, 1), st.sampled_from([0.0, 0.3]))
def test_a_place_that_was_panned_is_heard(place: float, bed: float) -> None:
    curve = np.full(200, place, np.float32)
    curves = CueCurves(Fraction(100), np.zeros(200, np.float32), np.zeros(200, np.float32), curve)
    sound = place_effects(hits([0.5, 1.2], 2.0, bed), curves, RATE_HZ)
    found = place_error(sound, [0.5, 1.2], [place, place])
    assert found.mean_error < 0.12
    assert math.isnan(found.side_share) if abs(place) < 1 / 3 else found.side_share == 1


def test_where_nothing_begins_nothing_is_placed() -> None:
    sound = Waveform(np.zeros((2, RATE_HZ), np.float32), RATE_HZ)
    assert math.isnan(place_at(sound, 0.5))
    assert math.isnan(place_at(sound, 5.0))
    found = place_error(sound, [0.2], [0.5])
    assert math.isnan(found.mean_error)
    assert math.isnan(found.heard[0])


def test_mono_loses_what_it_must() -> None:
    one, other = noise(2.0, 0), noise(2.0, 1)

    def loss(left: FloatArray, right: FloatArray) -> float:
        return fold_down(Waveform(np.stack([left, right]), RATE_HZ)).whole_db

    assert loss(one, one) == pytest.approx(0, abs=1e-6)
    assert loss(one, other) == pytest.approx(3.01, abs=0.1)
    assert loss(one, 0 * one) == pytest.approx(3.01, abs=1e-3)
    assert loss(one, -one) == LARGEST_LOSS_DB
    assert loss(0 * one, 0 * one) == 0


def test_an_octave_that_cancels_is_named() -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 1000 * time_s)
    low = np.sin(2 * np.pi * 125 * time_s)
    sound = Waveform(np.stack([low + 0.3 * tone, low - 0.3 * tone]).astype(np.float32), RATE_HZ)
    found = fold_down(sound)
    assert found.worst_hz == 1000
    assert found.worst_db > 20
    assert found.whole_db < 1


def test_our_own_placement_keeps_its_promise() -> None:
    flat = CueCurves(Fraction(10), *(np.zeros(20, np.float32) for _ in range(3)))
    found = fold_down(place_effects(noise(2.0), flat, RATE_HZ))
    assert found.whole_db < 0.7
    assert found.worst_db < 1.5


def test_mono_has_no_places() -> None:
    with pytest.raises(InputError, match="1 channels"):
        fold_down(Waveform(noise()[None], RATE_HZ))
