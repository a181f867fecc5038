"""Stretching: lengths exact, pitch kept, nothing done where nothing is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.voice.stretch import stretch

RATE_HZ = 16_000


def _tone(hz: float, length_s: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(length_s * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def test_a_map_of_slope_one_copies() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, RATE_HZ).astype(np.float32)
    np.testing.assert_allclose(stretch(sound, RATE_HZ, [0, 1], [0, 1]), sound, atol=1e-6)


@pytest.mark.parametrize("factor", [0.75, 1.1, 1.35])
@pytest.mark.parametrize("hz", [90.0, 220.0])
def test_pitch_and_level_are_kept(factor: float, hz: float) -> None:
    out = stretch(_tone(hz, 1.0), RATE_HZ, [0, 1], [0, factor])
    assert len(out) == round(factor * RATE_HZ)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)), 4 * len(out)))
    assert np.argmax(spectrum) * RATE_HZ / (4 * len(out)) == pytest.approx(hz, rel=0.01)
    inner = slice(RATE_HZ // 20, -RATE_HZ // 20)
    assert np.sqrt(np.mean(out[inner] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@given(st.lists(st.tuples(st.floats(0.03, 0.2), st.floats(0.75, 1.35)), min_size=1, max_size=8))
@settings(max_examples=30)
def test_clicks_arrive_where_the_map_says(parts: list[tuple[float, float]]) -> None:
    from_s = np.concatenate([[0], np.cumsum([length for length, _ in parts])])
    to_s = np.concatenate([[0], np.cumsum([length * factor for length, factor in parts])])
    sound = np.zeros(round(from_s[-1] * RATE_HZ), np.float32)
    middle = len(sound) // 2
    sound[middle] = 1.0
    out = stretch(sound, RATE_HZ, from_s.tolist(), to_s.tolist())
    assert len(out) == round(to_s[-1] * RATE_HZ)
    if np.abs(out).max() > 0.2:
        expected = np.interp(middle / RATE_HZ, from_s, to_s)
        assert np.argmax(np.abs(out)) / RATE_HZ == pytest.approx(expected, abs=0.03)
