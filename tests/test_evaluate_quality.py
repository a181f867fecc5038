"""Quality: the Fréchet distance against closed forms, floors that hold, and defects that are put in and found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from phonofilm.errors import InputError
from phonofilm.evaluate.quality import (
    LOWEST_DB,
    Vectors,
    clipped_share,
    compare_class,
    fit_axes,
    frechet,
    frechet_along,
    halves,
    technical,
)
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


def exact(mean: Vectors, root: Vectors, count: int, seed: int) -> Vectors:
    """(N, H) points whose mean and covariance are exactly `mean` and root' root."""
    points = np.random.default_rng(seed).normal(size=(count, len(mean)))
    points -= points.mean(axis=0)
    white = points @ np.linalg.inv(np.linalg.cholesky(points.T @ points / (count - 1))).T
    return np.asarray(white @ root + mean)


def noise(seconds: float = 2.0, level: float = 0.1, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


def mono(samples: FloatArray) -> Waveform:
    return Waveform(np.asarray(samples, np.float32)[None], RATE_HZ)


@settings(max_examples=20)
@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 1000))
def test_a_set_is_at_no_distance_from_itself(count: int, width: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, width))
    assert frechet(points, points) == pytest.approx(0, abs=1e-9)
    assert frechet_along(points, points) == pytest.approx(0, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_distance_is_that_of_the_gaussians(seed: int) -> None:
    generator = np.random.default_rng(seed)
    means, roots = generator.normal(size=(2, 4)), generator.normal(size=(2, 4, 4))
    one, other = (exact(mean, root, 30, seed + k) for k, (mean, root) in enumerate(zip(means, roots, strict=True)))
    a, b = (root.T @ root for root in roots)
    # tr (A B)^(1/2) by the eigenvalues of A B, which are those of a positive matrix.
    shared = np.sqrt(np.maximum(np.linalg.eigvals(a @ b).real, 0)).sum()
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * shared
    assert frechet(one, other) == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    assert frechet(other, one) == pytest.approx(frechet(one, other), rel=1e-9, abs=1e-9)


def test_on_common_axes_the_short_form_is_the_whole() -> None:
    one = exact(np.zeros(3), np.diag([1.0, 2.0, 0.5]), 50, 0)
    other = exact(np.ones(3), np.diag([2.0, 2.0, 1.5]), 50, 1)
    assert frechet_along(one, other) == pytest.approx(3 + 1 + 0 + 1)
    assert frechet(one, other) == pytest.approx(5)


def test_axes_are_orthogonal_and_keep_distances() -> None:
    generator = np.random.default_rng(0)
    classes = {"a": generator.normal(size=(20, 6)) + 5, "b": generator.normal(size=(30, 6))}
    axes = fit_axes(classes)
    np.testing.assert_allclose(axes.T @ axes, np.eye(6), atol=1e-10)
    turned = [points @ axes for points in classes.values()]
    assert frechet(*turned) == pytest.approx(frechet(*classes.values()))


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=30), st.integers(0, 99))
def test_halves_share_no_source_and_lose_nothing(groups: list[str], seed: int) -> None:
    first, second = halves(groups, np.random.default_rng(seed))
    assert sorted(first + second) == list(range(len(groups)))
    assert not {groups[i] for i in first} & {groups[i] for i in second}
    assert abs(len(first) - len(second)) <= max(groups.count(name) for name in groups)


def test_strangers_of_the_same_law_lie_at_the_floor_and_others_above() -> None:
    generator = np.random.default_rng(3)
    real, groups = generator.normal(size=(40, 16)), [str(i) for i in range(40)]
    like = compare_class(generator.normal(size=(16, 16)), real, groups, 32)
    moved = compare_class(generator.normal(size=(16, 16)) + 1.5, real, groups, 32)
    stuck = compare_class(0.05 * generator.normal(size=(16, 16)), real, groups, 32)
    assert like.count == 16
    assert 0.6 < like.ratio < 1.6
    assert moved.ratio > 5
    assert stuck.ratio > 1.5  # the same sound again and again is no good either
    with pytest.raises(InputError, match="two of each side"):
        compare_class(real[:1], real, groups, 2)


@pytest.mark.parametrize("cut_hz", [1_000, 4_000, 12_000])
def test_bandwidth_is_where_the_filter_ends(cut_hz: int) -> None:
    low = sosfilt(butter(24, cut_hz, fs=RATE_HZ, output="sos"), noise())
    found = technical(mono(low))
    assert cut_hz < found.rolloff_hz < 1.6 * cut_hz
    assert found.energy_hz == pytest.approx(0.95 * cut_hz, rel=0.06)


def test_clipping_is_found_and_music_is_not_clipped() -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = (0.9 * np.sin(2 * np.pi * 50 * time_s)).astype(np.float32)
    assert clipped_share(tone[None]) == 0
    assert clipped_share(noise()[None]) == 0
    cut = np.clip(1.5 * tone, -1, 1)
    true_share = float((np.abs(1.5 * tone) >= 1).mean())
    assert clipped_share(cut[None]) == pytest.approx(true_share, abs=0.01)
    assert clipped_share(0.5 * cut[None]) == pytest.approx(true_share, abs=0.01)  # turned down afterwards


def test_offset_level_and_floor() -> None:
    wave = noise(4.0)
    wave[RATE_HZ : 2 * RATE_HZ] *= 0.001  # a quarter is 60 dB lower
    found = technical(mono(wave + np.float32(0.02)))
    assert found.dc_share == pytest.approx(0.02 / math.hypot(0.02, 0.1 * math.sqrt(0.75)), rel=0.05)
    assert technical(mono(wave)).floor_db == pytest.approx(-80, abs=1)
    assert found.peak_db > -12


def test_silence_has_figures() -> None:
    for count in (0, 10, RATE_HZ):
        found = technical(mono(np.zeros(count, np.float32)))
        assert found.level_lufs == found.peak_db == found.floor_db == LOWEST_DB
        assert found.rolloff_hz == found.clipped_share == found.dc_share == 0
