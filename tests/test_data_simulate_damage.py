"""Damages of films: times are kept, sizes are kept, each level is worse than the one before.

Dimension letters: H height, W width.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.data.simulate.damage import (
    DAMAGES,
    LEVELS,
    LONGEST_GAP_S,
    LOW_RATE_HZ,
    ORDER,
    REPEATED_HZ,
    SHAKE_HZ,
    Sway,
    apply_damages,
    draw_damages,
)
from phonofilm.media.encode import TimedPicture, squeeze

pytestmark = pytest.mark.thorough

FEWER = {"dropped", "low_rate"}
SAME_PIXELS = {*FEWER, "repeated"}


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def film(count: int = 24, rate_hz: Fraction = Fraction(30), width: int = 160, height: int = 90) -> list[TimedPicture]:
    """A bright square moves over a smooth ground."""
    y, x = np.mgrid[0:height, 0:width]
    ground = np.stack([60 + 120 * x / width, 60 + 120 * y / height, np.full((height, width), 100)], -1)
    pictures = []
    for index in range(count):
        picture = ground.astype(np.uint8)  # (H, W, 3)
        left = 5 + index * (width - 40) // count
        picture[10:40, left : left + 30] = 230
        pictures.append((picture, index / rate_hz))
    return pictures


def harm(clean: list[TimedPicture], bad: list[TimedPicture]) -> float:
    """Mean difference to what was on screen at each instant of the clean film, 0 to 255."""
    shown, index, total = bad[0][0], 0, 0.0
    for picture, time_s in clean:
        while index < len(bad) and bad[index][1] <= time_s:
            shown, index = bad[index][0], index + 1
        total += float(np.abs(picture.astype(np.int16) - shown).mean())
    return total / len(clean)


@pytest.mark.parametrize("name", DAMAGES)
def test_times_and_sizes_are_kept_and_the_film_is_not_written_on(name: str) -> None:
    clean = film(20)
    copies = [picture.copy() for picture, _ in clean]
    for level in LEVELS:
        bad = list(DAMAGES[name](iter(clean), level, chance()))
        times_s = [time_s for _, time_s in bad]
        assert all(isinstance(time_s, Fraction) for time_s in times_s)
        assert times_s == [time_s for _, time_s in clean if time_s in times_s]
        assert times_s[0] == 0
        assert name in FEWER or len(bad) == len(clean)
        assert all(picture.shape == (90, 160, 3) and picture.dtype == np.uint8 for picture, _ in bad)
    assert all(np.array_equal(before, after) for before, (after, _) in zip(copies, clean, strict=True))


@pytest.mark.parametrize("name", DAMAGES)
def test_the_same_generator_gives_the_same_film(name: str) -> None:
    once, again = (list(DAMAGES[name](film(12), 2, chance(5))) for _ in range(2))
    assert [time_s for _, time_s in once] == [time_s for _, time_s in again]
    assert all(np.array_equal(one, two) for (one, _), (two, _) in zip(once, again, strict=True))


@pytest.mark.parametrize("name", DAMAGES)
def test_each_level_is_worse(name: str) -> None:
    clean = film(60)
    harms = [np.mean([harm(clean, list(DAMAGES[name](clean, level, chance(s)))) for s in (0, 1)]) for level in LEVELS]
    assert 0 < harms[0] < harms[1] < harms[2]


@pytest.mark.parametrize("name", DAMAGES)
def test_any_size_and_number_of_pictures_will_do(name: str) -> None:
    for count, width, height in ((0, 64, 48), (1, 63, 47), (3, 37, 80)):
        bad = list(DAMAGES[name](film(count, width=width, height=height)[:count], 3, chance()))
        assert len(bad) <= count
        assert all(picture.shape == (height, width, 3) for picture, _ in bad)


def test_films_are_taken_picture_by_picture() -> None:
    asked = 0

    def endless() -> Iterator[TimedPicture]:
        nonlocal asked
        (picture, _), *_ = film(1)
        while True:
            asked += 1
            yield picture, asked / 25

    for name in DAMAGES:
        asked = 0
        next(iter(DAMAGES[name](endless(), 1, chance())))
        assert asked <= 4, name


@settings(max_examples=30)
@given(st.integers(5, 60), st.integers(1, 3), st.integers(0, 1000))
def test_a_repeated_picture_is_never_early_and_as_new_as_the_rate_says(rate: int, level: int, seed: int) -> None:
    clean = [(np.full((2, 2, 3), index, np.uint8), index / rate) for index in range(2 * rate)]
    bad = list(DAMAGES["repeated"](clean, level, chance(seed)))
    shown = np.array([picture[0, 0, 0] for picture, _ in bad], np.int64)
    late_s = (np.arange(len(clean)) - shown) / rate
    assert late_s.min() >= 0
    assert late_s.max() <= 1 / REPEATED_HZ[level - 1] + 1e-9
    if rate <= REPEATED_HZ[level - 1]:
        assert late_s.max() == 0
    else:
        assert len(set(shown)) <= 2 * REPEATED_HZ[level - 1] + 1


@settings(max_examples=30)
@given(st.integers(5, 60), st.integers(1, 3), st.integers(0, 1000))
def test_a_low_rate_keeps_no_more_frames_than_it_says(rate: int, level: int, seed: int) -> None:
    clean = [(np.zeros((2, 2, 3), np.uint8), index / rate) for index in range(2 * rate)]
    kept = list(DAMAGES["low_rate"](clean, level, chance(seed)))
    wanted = 2 * min(rate, LOW_RATE_HZ[level - 1])
    assert wanted - 1 <= len(kept) <= wanted + 1


@settings(max_examples=30)
@given(st.integers(8, 60), st.integers(1, 3), st.integers(0, 1000))
def test_dropped_frames_leave_no_long_gaps(rate: int, level: int, seed: int) -> None:
    clean = [(np.zeros((2, 2, 3), np.uint8), index / rate) for index in range(5 * rate)]
    times_s = [float(time_s) for _, time_s in DAMAGES["dropped"](clean, level, chance(seed))]
    assert np.diff(times_s).max() <= LONGEST_GAP_S + 1 / rate + 1e-9


def test_as_many_frames_are_dropped_as_it_says() -> None:
    clean = [(np.zeros((2, 2, 3), np.uint8), index / 60) for index in range(6000)]
    shares = [1 - len(list(DAMAGES["dropped"](clean, level, chance(3)))) / len(clean) for level in LEVELS]
    assert shares == pytest.approx([0.05, 0.12, 0.25], rel=0.2)


def test_noise_is_as_strong_as_it_says_and_new_on_every_picture() -> None:
    grey = [(np.full((90, 160, 3), 128, np.uint8), index / 25) for index in range(8)]
    for level, sigma in zip(LEVELS, (5, 10, 20), strict=True):
        noisy = np.stack([picture for picture, _ in DAMAGES["noise"](grey, level, chance(level))]).astype(np.float64)
        assert noisy.std() == pytest.approx(sigma, rel=0.1)
        assert noisy.mean() == pytest.approx(128, abs=1)
        assert np.abs(np.corrcoef(noisy.reshape(8, -1)) - np.eye(8)).max() < 0.1


def test_darkness_takes_light_by_the_stop() -> None:
    grey = [(np.full((90, 160, 3), 200, np.uint8), 0.0)]
    for level, stops in zip(LEVELS, (2, 3, 4), strict=True):
        ((picture, _),) = DAMAGES["darkness"](grey, level, chance())
        assert 2.2 * np.log2(200 / picture.mean()) == pytest.approx(stops, abs=0.1)


def test_an_old_film_has_no_colour() -> None:
    for picture, _ in DAMAGES["old_film"](film(5), 2, chance()):
        assert np.array_equal(picture[..., 0], picture[..., 1])
        assert np.array_equal(picture[..., 0], picture[..., 2])


def test_letterbox_keeps_the_whole_picture_in_black() -> None:
    white = [(np.full((90, 160, 3), 255, np.uint8), 0.0)]
    for level, shown in zip(LEVELS, (0.85, 0.72**2, 0.58**2), strict=True):
        ((picture, _),) = DAMAGES["letterbox"](white, level, chance(level))
        assert (picture > 250).mean() == pytest.approx(shown, abs=0.02)
        assert (picture < 5).mean() == pytest.approx(1 - shown, abs=0.02)


def test_blur_and_low_resolution_leave_an_even_picture_alone() -> None:
    even = [(np.full((47, 63, 3), 77, np.uint8), 0.0)]
    for name in ("blur", "low_resolution", "hand_shake"):
        for level in LEVELS:
            ((picture, _),) = DAMAGES[name](even, level, chance())
            assert np.abs(picture.astype(int) - 77).max() <= 1


def test_the_hand_sways_as_far_as_it_says() -> None:
    times_s = np.arange(0, 200, 0.1)
    path = np.array([Sway.drawn(chance(seed), SHAKE_HZ, 0.008).at(t) for seed in (1, 2) for t in times_s])
    assert path.std(0) == pytest.approx([0.008, 0.008], rel=0.2)


def test_squeezed_films_come_back_picture_for_picture() -> None:
    clean = film(30, rate_hz=Fraction(24000, 1001))
    for codec in ("h264", "mpeg4"):
        back = list(squeeze(clean, 4.0, codec))
        assert [time_s for _, time_s in back] == [time_s for _, time_s in clean]
        # Each picture is nearer to its own than to its neighbours: none is late.
        for index in range(1, 29):
            distances = [np.abs(back[index][0].astype(int) - clean[index + off][0]).mean() for off in (-1, 0, 1)]
            assert np.argmin(distances) == 1


def test_chained_damages_have_their_own_chance() -> None:
    alone = list(apply_damages(film(10), [("noise", 1)], chance(4)))
    chained = list(apply_damages(film(10), [("noise", 1), ("letterbox", 1)], chance(4)))
    boxed = list(DAMAGES["letterbox"](alone, 1, chance(4).spawn(2)[1]))
    assert all(np.array_equal(one, two) for (one, _), (two, _) in zip(boxed, chained, strict=True))


def test_damages_are_drawn_in_the_order_in_which_they_happen() -> None:
    assert set(ORDER) == set(DAMAGES)
    drawn = [draw_damages(chance(seed), 0.5) for seed in range(400)]
    assert np.mean([bool(damages) for damages in drawn]) == pytest.approx(0.5, abs=0.08)
    assert {name for damages in drawn for name, _ in damages} == set(DAMAGES)
    for damages in drawn:
        places = [ORDER.index(name) for name, _ in damages]
        assert places == sorted(set(places))
    assert draw_damages(chance(), 0.0) == ()
