"""How much a sound swells, and holding it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.codec.swell import MOST_RAISED_DB, held, swell_db
from phonofilm.types import FloatArray

RATE_HZ = 16_000


def swelling(seconds: float, deviation_db: float, seed: int = 0) -> FloatArray:
    """Noise whose level goes up and down every four seconds with that standard deviation."""
    count = round(seconds * RATE_HZ)
    wave = 0.1 * np.random.default_rng(seed).standard_normal(count)
    level_db = np.sqrt(2) * deviation_db * np.sin(2 * np.pi * np.arange(count) / RATE_HZ / 4)
    return np.asarray(wave * 10 ** (level_db / 20), np.float32)


@given(st.floats(0, 3), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_the_deviation_is_measured(deviation_db: float, seed: int) -> None:
    found = swell_db(swelling(8, deviation_db, seed), RATE_HZ)
    assert found is not None
    assert found == pytest.approx(deviation_db, abs=0.3)


@given(st.floats(0.5, 7), st.floats(1, 4), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_what_swells_more_is_held_and_the_rest_stays(deviation_db: float, most_db: float, seed: int) -> None:
    wave = swelling(8, deviation_db, seed)
    out = held(wave, RATE_HZ, most_db)
    assert out.shape == wave.shape
    assert out.dtype == np.float32
    before, after = swell_db(wave, RATE_HZ), swell_db(out, RATE_HZ)
    assert before is not None
    assert after is not None
    if before <= most_db - 0.2:
        assert out is wave
    assert after <= max(most_db, 0.2) + 0.4


@given(st.floats(2, 7), st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_a_part_is_held_and_meets_what_stands_beside_it(deviation_db: float, seed: int) -> None:
    wave = swelling(8, deviation_db, seed)
    out = held(wave, RATE_HZ, 1.0, part=True)
    before, after = swell_db(wave, RATE_HZ), swell_db(out, RATE_HZ)
    assert before is not None
    assert after is not None
    assert after < 0.8 * before
    gain = out / np.where(wave == 0, 1, wave)
    assert gain[0] == pytest.approx(1, abs=0.01)
    assert gain[-1] == pytest.approx(1, abs=0.01)


def test_strokes_stay_as_they_are_beside_what_goes_on() -> None:
    wave = swelling(8, 0)
    wave[4 * RATE_HZ : 4 * RATE_HZ + 800] += np.float32(0.5)
    out = held(wave, RATE_HZ, 1.0)
    gain = np.abs(out[wave != 0] / wave[wave != 0])
    assert np.abs(np.diff(gain)).max() < 1e-3, "the level moves slowly"


def test_what_has_died_away_is_not_brought_back() -> None:
    wave = swelling(8, 0)
    wave[4 * RATE_HZ :] *= np.float32(1e-3)
    out = held(wave, RATE_HZ, 1.0)
    raised_db = 20 * np.log10(np.abs(out[6 * RATE_HZ :]).max() / np.abs(wave[6 * RATE_HZ :]).max())
    assert raised_db <= MOST_RAISED_DB + 1e-3


@pytest.mark.parametrize("count", [0, 1, 1599, 20_000])
def test_what_is_short_or_silent_stays(count: int) -> None:
    for wave in (np.zeros(count, np.float32), swelling(count / RATE_HZ, 3)):
        assert swell_db(wave, RATE_HZ) is None
        assert held(wave, RATE_HZ, 1.0) is wave
    silence = np.zeros(5 * RATE_HZ, np.float32)
    assert held(silence, RATE_HZ, 1.0) is silence


def test_how_it_begins_and_ends_is_no_swell() -> None:
    wave = np.concatenate([np.zeros(RATE_HZ, np.float32), swelling(6, 0.5), np.zeros(2 * RATE_HZ, np.float32)])
    found = swell_db(wave, RATE_HZ)
    assert found is not None
    assert found < 1.6
