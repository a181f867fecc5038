from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.timeline import grid_count, grid_time, nearest, samples, seconds, timecode

TIMES = st.fractions(min_value=0, max_value=100_000)
RATES = st.sampled_from([Fraction(8), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])


@given(TIMES, st.sampled_from([8000, 44100, 48000]))
def test_samples_are_within_half_a_sample(time_s: Fraction, rate_hz: int) -> None:
    assert abs(samples(time_s, rate_hz) - time_s * rate_hz) <= Fraction(1, 2)


@given(TIMES, TIMES, st.sampled_from([8000, 44100, 48000]))
def test_neighbouring_spans_leave_no_gap(first: Fraction, length: Fraction, rate_hz: int) -> None:
    middle, end = first + length, first + 2 * length
    whole = samples(end, rate_hz) - samples(first, rate_hz)
    parts = samples(middle, rate_hz) - samples(first, rate_hz) + samples(end, rate_hz) - samples(middle, rate_hz)
    assert whole == parts


@given(TIMES, RATES)
def test_a_grid_holds_just_the_points_inside(length_s: Fraction, rate_hz: Fraction) -> None:
    count = grid_count(length_s, rate_hz)
    assert count == 0 or grid_time(count - 1, rate_hz) < length_s
    assert grid_time(count, rate_hz) >= length_s


def test_halves_go_up() -> None:
    assert [nearest(Fraction(n, 2)) for n in (-1, 1, 3, 5)] == [0, 1, 2, 3]


def test_floats_mean_the_decimal_they_print() -> None:
    assert seconds(0.1) == Fraction(1, 10)
    assert seconds("3.25") == Fraction(13, 4)


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0:00.000"), (Fraction(1, 3), "0:00.333"), (61.5, "1:01.500"), (3723.004, "1:02:03.004"), (600, "10:00.000")],
)
def test_timecode(time_s: Fraction | float, text: str) -> None:
    assert timecode(time_s) == text


@given(st.floats(0, 1e6, allow_nan=False))
def test_numbers_of_numpy_are_read_as_others(value: float) -> None:
    assert seconds(np.float64(value)) == seconds(value)
