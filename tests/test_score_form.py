"""The form: sections cover all bars once, intensity follows arc and picture, borders like cuts, silences are few."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.score.form import plan_bars, sections_of
from phonofilm.score.piece import Bar, Hit, TempoMap, per_bar
from score_requests import request


def even_map(count: int) -> TempoMap:
    return TempoMap(tuple(Bar(2.0 * number, 4, 0.5) for number in range(count)), 2.0 * count, 0.5)


@settings(max_examples=80)
@given(count=st.integers(0, 120), cuts=st.lists(st.integers(0, 120), max_size=10), seed=st.integers(0, 50))
def test_sections_cover_every_bar_once(count: int, cuts: list[int], seed: int) -> None:
    tempo = even_map(count)
    sections = sections_of(tempo, [2.0 * cut for cut in cuts], np.random.default_rng(seed))
    covered = [bar for section in sections for bar in range(section.first, section.end)]
    assert covered == list(range(count))
    if count >= 6:
        assert [sections[0].name, sections[-1].name] == ["intro", "close"]
    if count >= 24:
        assert [section.name for section in sections] == ["intro", "statement", "contrast", "return", "close"]


@settings(max_examples=40)
@given(
    count=st.integers(1, 60),
    arc=st.sampled_from(["build", "arch", "even", "waves"]),
    silences=st.floats(0, 1),
    seed=st.integers(0, 20),
)
def test_plans_have_intensities_between_0_and_1_and_few_silences(
    count: int, arc: str, silences: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    tempo = even_map(count)
    hits = [Hit(float(time_s), 0.9) for time_s in rng.uniform(0, 2 * count, 8)]
    activity = rng.random(count).astype(np.float32)
    plans = plan_bars(tempo, sections_of(tempo, [], rng), activity, hits, arc, silences, rng)  # type: ignore[arg-type]
    assert len(plans) == count
    assert all(0 <= plan.intensity <= 1 for plan in plans)
    assert sum(plan.rest_from is not None for plan in plans) <= max(2, count // 8 + 1)
    assert all(plan.in_section < plan.section_bars for plan in plans)


def test_a_build_grows_and_a_lively_picture_raises_it() -> None:
    tempo, rng = even_map(32), np.random.default_rng(0)
    sections = sections_of(tempo, [], rng)
    calm, lively = (np.full(32, level, np.float32) for level in (0.1, 0.9))
    low, high = (plan_bars(tempo, sections, each, [], "build", 0, rng) for each in (calm, lively))
    thirds = [np.mean([plan.intensity for plan in low[first : first + 8]]) for first in (0, 10, 20)]
    assert thirds == sorted(thirds)
    assert all(one.intensity < other.intensity for one, other in zip(low, high, strict=True))


def test_a_border_moves_to_a_cut_that_is_near() -> None:
    tempo = even_map(32)
    plain = sections_of(tempo, [], np.random.default_rng(1))
    border = plain[2].first
    moved = sections_of(tempo, [2.0 * (border + 1)], np.random.default_rng(1))
    assert moved[2].first == border + 1


def test_activity_of_bars_follows_the_picture() -> None:
    levels = per_bar(request(64.0), even_map(30))
    assert levels.shape == (30,)
    assert (np.diff(levels) >= 0).all()
    assert levels[0] < 0.1
    assert levels[-1] > 0.9
