"""Moves of a fader."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.mix.riding import EDGE_S, ridden

RATE_HZ = 1000


@given(st.floats(0.2, 0.8), st.floats(1.2, 1.8), st.floats(-40, 0))
def test_a_span_is_so_much_quieter_and_the_rest_as_it_was(start_s: float, end_s: float, gain_db: float) -> None:
    level = ridden(np.ones(2 * RATE_HZ, np.float32), [(start_s, end_s, gain_db)], RATE_HZ)
    times_s = (np.arange(len(level)) + 0.5) / RATE_HZ
    inside = (times_s > start_s + EDGE_S) & (times_s < end_s - EDGE_S)
    outside = (times_s < start_s - EDGE_S) | (times_s > end_s + EDGE_S)
    assert np.allclose(level[inside], 10 ** (gain_db / 20), rtol=1e-3)
    assert np.allclose(level[outside], 1, rtol=1e-3)
    steps_db = np.abs(np.diff(20 * np.log10(level)))
    assert steps_db.max() <= abs(gain_db) / (EDGE_S * RATE_HZ) + 1e-3


def test_a_span_may_reach_beyond_the_end() -> None:
    level = ridden(np.ones(500, np.float32), [(0.0, math.inf, -20.0)], RATE_HZ)
    assert np.allclose(level, 0.1, rtol=1e-3)


def test_without_moves_nothing_is_touched() -> None:
    wave = np.ones(10, np.float32)
    assert ridden(wave, [], RATE_HZ) is wave
