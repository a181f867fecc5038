"""Noise and dirt are taken out of noisy films, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders.restore import LEAST_NOISE, condition, restored, take_out_dirt
from phonofilm.types import FloatArray

HEIGHT, WIDTH = 45, 80


def scene(frames: int, seed: int = 0, speed: int = 0) -> FloatArray:
    """(F, h, w): a wall that rests, and before it a bright square that moves `speed` pixels a frame."""
    random = np.random.default_rng(seed)
    wall = 90 + 40 * np.sin(np.arange(WIDTH) / 5) + 20 * np.cos(np.arange(HEIGHT)[:, None] / 4)
    film = np.repeat((wall + random.uniform(-5, 5, wall.shape))[None], frames, 0)
    for number in range(frames if speed else 0):
        left = 4 + number * speed % (WIDTH - 16)
        film[number, 18:28, left : left + 10] = 230
    return film.astype(np.float32)


def grainy(film: FloatArray, grain: float, seed: int = 1) -> FloatArray:
    """The film with noise of `grain` grey levels."""
    return (film + np.random.default_rng(seed).normal(0, grain, film.shape)).astype(np.float32)


@given(frames=st.integers(0, 12), speed=st.integers(0, 6), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_a_clean_film_comes_back_as_it_is(frames: int, speed: int, seed: int) -> None:
    film = scene(frames, seed, speed)
    assert restored(film) is film


@given(grain=st.floats(2.5, 8), seed=st.integers(0, 99))
@settings(max_examples=15)
def test_noise_is_less_afterwards_and_what_moves_stays(grain: float, seed: int) -> None:
    clean = scene(10, seed, speed=6)
    noisy = grainy(clean, grain, seed)
    assert condition(noisy)[0] >= LEAST_NOISE
    after = restored(noisy)
    assert after.shape == noisy.shape
    assert np.abs(after - clean)[:, :16].mean() < 0.85 * np.abs(noisy - clean)[:, :16].mean()
    squares = clean == 230
    assert after[squares].mean() > 230 - 3 * grain
    assert (after[squares] > 190).mean() > 0.95


def test_more_noise_is_a_higher_level() -> None:
    film = scene(8)
    levels = [condition(grainy(film, grain))[0] for grain in (0.0, 1.0, 2.0, 4.0, 8.0)]
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(0, abs=0.01)
    assert condition(film[:1]) == condition(film[:0]) == (0, False)


def dirty(film: FloatArray, specks: int, seed: int) -> FloatArray:
    """The film with light and dark specks on every frame, on each others."""
    random = np.random.default_rng(seed)
    worn = film.copy()
    for picture in worn:
        for row, column in zip(
            random.integers(1, HEIGHT - 3, specks), random.integers(1, WIDTH - 3, specks), strict=True
        ):
            picture[row : row + 2, column : column + 2] = random.choice([0, 255])
    return worn


@given(specks=st.integers(8, 20), seed=st.integers(0, 99))
@settings(max_examples=10)
def test_a_worn_film_is_restored_though_it_has_no_grain(specks: int, seed: int) -> None:
    clean = scene(40, seed, speed=3)
    worn = dirty(clean, specks, seed)
    noise, told = condition(worn)
    assert told
    assert noise < LEAST_NOISE
    after = restored(worn)[1:-1]
    assert np.abs(after - clean[1:-1]).mean() < 0.5 * np.abs(worn - clean)[1:-1].mean()


@given(seed=st.integers(0, 99), speed=st.integers(3, 20))
@settings(max_examples=10)
def test_what_moves_fast_is_no_dirt(seed: int, speed: int) -> None:
    assert condition(scene(40, seed, speed)) == (pytest.approx(0, abs=0.05), False)


@given(seed=st.integers(0, 99), light=st.booleans())
@settings(max_examples=15)
def test_specks_of_one_frame_go(seed: int, light: bool) -> None:
    random = np.random.default_rng(seed)
    clean = scene(9, seed)
    dirty = clean.copy()
    for picture in dirty:
        for row, column in zip(random.integers(3, HEIGHT - 5, 6), random.integers(3, WIDTH - 5, 6), strict=True):
            picture[row : row + 2, column : column + 2] = 255 if light else 0
    specks = np.abs(dirty - clean) > 60
    after = dirty.copy()
    take_out_dirt(after, np.zeros((8, 4), np.float32), 2.0)
    assert (after[0] == dirty[0]).all()
    assert (after[-1] == dirty[-1]).all()
    specks[[0, -1]] = False
    assert np.abs(after - clean)[specks].mean() < 0.35 * np.abs(dirty - clean)[specks].mean()
    assert np.abs(after - clean)[~specks].max() <= np.abs(dirty - clean)[~specks].max() + 12


def test_two_frames_and_one_are_enough() -> None:
    for frames in (1, 2, 3):
        noisy = grainy(scene(frames), 5.0)
        assert np.isfinite(restored(noisy)).all()
