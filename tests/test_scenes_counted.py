"""What words have counted is not heard more often."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.scenes.counted import DIED_DB, EARLY_S, FADE_S, only_counted
from phonofilm.types import FloatArray

RATE_HZ = 44_100


def shots(length_s: float, times_s: list[float], decay_s: float = 0.05) -> FloatArray:
    """Bursts of noise that die away."""
    wave = np.zeros(round(length_s * RATE_HZ))
    noise = np.random.default_rng(0).normal(0, 0.3, RATE_HZ)
    for time_s in times_s:
        first = round(time_s * RATE_HZ)
        part = wave[first : first + RATE_HZ]
        part += (noise * np.exp(-np.arange(RATE_HZ) / (decay_s * RATE_HZ)))[: len(part)]
    return wave.astype(np.float32)


def heard(wave: FloatArray, first_s: float, end_s: float) -> float:
    return float(np.abs(wave[round(first_s * RATE_HZ) : round(end_s * RATE_HZ)]).max(initial=0))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 2.0), st.floats(1.2, 3.0), st.floats(0.02, 0.08))
def test_the_shot_that_was_asked_for_is_whole_and_the_next_is_gone(
    hit_s: float, later_s: float, decay_s: float
) -> None:
    alone = shots(6.0, [hit_s], decay_s)
    both = shots(6.0, [hit_s, hit_s + later_s], decay_s)
    left = only_counted(both, RATE_HZ, np.asarray([hit_s], np.float32))
    assert len(left) == len(both)
    assert heard(left, hit_s + later_s - FADE_S, 6.0) == 0
    loss = np.abs(
        left[: round((hit_s + later_s - FADE_S) * RATE_HZ)] - alone[: round((hit_s + later_s - FADE_S) * RATE_HZ)]
    )
    assert loss.max() < 2 * np.abs(alone).max() * 10 ** (DIED_DB / 20), "only what has died away may be lost"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.3, 0.9), min_size=1, max_size=5))
def test_every_counted_hit_stays(gaps_s: list[float]) -> None:
    times_s = np.cumsum(gaps_s).tolist()
    wave = shots(6.0, times_s)
    left = only_counted(wave, RATE_HZ, np.asarray(times_s, np.float32))
    for time_s in times_s:
        near = slice(round(time_s * RATE_HZ), round((time_s + 0.1) * RATE_HZ))
        assert np.array_equal(left[near], wave[near])


def test_what_comes_long_before_the_hit_is_gone_and_what_goes_on_stays() -> None:
    early = shots(4.0, [0.2, 2.0])
    assert heard(only_counted(early, RATE_HZ, np.asarray([2.0], np.float32)), 0, 2.0 - EARLY_S - FADE_S) == 0
    steady = np.random.default_rng(1).normal(0, 0.1, 4 * RATE_HZ).astype(np.float32)
    assert np.array_equal(only_counted(steady, RATE_HZ, np.asarray([0.0], np.float32)), steady)


def test_nothing_is_done_without_hits_or_sound() -> None:
    nothing = np.zeros(0, np.float32)
    assert len(only_counted(nothing, RATE_HZ, np.asarray([1.0], np.float32))) == 0
    wave = shots(1.0, [0.2])
    assert only_counted(wave, RATE_HZ, nothing) is wave
