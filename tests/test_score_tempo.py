"""The tempo map: bars without gaps, within 8 % of the tempo, downbeats on cuts, the last chord in time to ring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.score.piece import Hit, TempoMap
from phonofilm.score.styles import STYLES
from phonofilm.score.tempo import LARGEST_BEND, TempoRange, bar_at, bars_on, fit_tempo, tail_range_s

times = st.lists(st.floats(0, 60), max_size=14)
ranges = st.sampled_from([style.tempo for style in STYLES])


def fitted(
    duration_s: float, cuts_s: list[float], wanted: TempoRange, seed: int, hits: tuple[Hit, ...] = ()
) -> TempoMap:
    return fit_tempo(duration_s, sorted(cuts_s), hits, wanted, np.random.default_rng(seed))


@settings(max_examples=60)
@given(duration_s=st.floats(0.5, 60), cuts_s=times, wanted=ranges, seed=st.integers(0, 99))
def test_bars_follow_each_other_near_the_tempo(
    duration_s: float, cuts_s: list[float], wanted: TempoRange, seed: int
) -> None:
    tempo = fitted(duration_s, cuts_s, wanted, seed)
    assert wanted.low_bpm - 1e-6 <= 60 / tempo.beat_s <= wanted.high_bpm + 1e-6
    for bar, following in zip(tempo.bars, tempo.downbeats_s[1:], strict=True):
        assert bar.end_s == pytest.approx(following, abs=1e-6)
        assert abs(bar.beat_s / tempo.beat_s - 1) <= LARGEST_BEND + 1e-9
        assert 2 <= bar.beats <= wanted.beats
    assert 0 <= tempo.final_s < duration_s
    if tempo.bars:
        shortest_s, longest_s = tail_range_s(duration_s, wanted.tail_beats * tempo.beat_s)
        assert shortest_s - 1e-6 <= duration_s - tempo.final_s <= longest_s + 0.051


@settings(max_examples=40)
@given(cuts_s=times, wanted=ranges, seed=st.integers(0, 99), bar=st.integers(0, 5), beat=st.floats(0, 12))
def test_seconds_of_beats_grow_and_are_found_again(
    cuts_s: list[float], wanted: TempoRange, seed: int, bar: int, beat: float
) -> None:
    tempo = fitted(40, cuts_s, wanted, seed)
    time_s = tempo.seconds(bar, beat)
    assert tempo.seconds(bar, beat + 0.25) > time_s
    found = bar_at(tempo, time_s + 1e-4)
    assert tempo.downbeats_s[found] <= time_s + 2e-4
    assert found == len(tempo.bars) or time_s < tempo.downbeats_s[found + 1]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_downbeats_fall_on_most_cuts(style: object) -> None:
    found: list[bool] = []
    for seed in range(6):
        gaps = np.random.default_rng(seed).uniform(2.5, 6.5, 20)
        cuts_s = [float(time_s) for time_s in np.cumsum(gaps) if time_s < 38]
        found += bars_on(fitted(40, cuts_s, style.tempo, seed), cuts_s, 0.08)  # type: ignore[attr-defined]
    assert np.mean(found) >= 0.7


def test_even_cuts_are_all_met_by_full_bars() -> None:
    wanted = TempoRange(110, 130, 4, 0.5)
    cuts_s = [2.0 * number for number in range(1, 14)]
    tempo = fitted(30, cuts_s, wanted, 1)
    assert all(bars_on(tempo, cuts_s, 0.02))
    assert np.mean([bar.beats == 4 for bar in tempo.bars]) > 0.9


def test_a_strong_hit_draws_a_downbeat_where_there_is_no_cut() -> None:
    hits = (Hit(11.3, 1.0),)
    met = [bars_on(fitted(30, [], TempoRange(90, 110, 4, 1.0), seed, hits), [11.3], 0.03)[0] for seed in range(6)]
    assert np.mean(met) > 0.5


def test_the_same_seed_gives_the_same_map_and_another_seed_another() -> None:
    wanted = TempoRange(80, 120, 4, 0.5)
    one, again, other = (fitted(30, [7.0, 15.5], wanted, seed) for seed in (3, 3, 4))
    assert one == again
    assert one.beat_s != other.beat_s
