"""Takes do not click where they begin and end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.drawing import FADE_IN_S, FADE_OUT_S, edged


@given(st.integers(0, 9000), st.sampled_from([16_000, 44_100]))
def test_edges_fade_and_the_middle_stays(length: int, rate_hz: int) -> None:
    wave = np.ones(length, np.float32)
    out = edged(wave, rate_hz)
    assert (wave == 1).all(), "what is handed in is not changed"
    assert len(out) == length
    assert not out[[0, -1]].any() if length > 1 else True
    assert (out[round(FADE_IN_S * rate_hz) : max(0, length - round(FADE_OUT_S * rate_hz))] == 1).all() or length < 1600
    assert (np.diff(out[: length // 2]) >= 0).all()
