"""The weigher of events: what it is told, mirror images, stretches of long films, files, and that it learns."""

import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders.cue_features import CLOCK_HZ
from phonofilm.encoders.cue_finder import CueFinder
from phonofilm.encoders.cue_network import CueFinderConfig, CueNetwork
from phonofilm.encoders.cue_weigher import (
    MARGIN_S,
    SPAN_S,
    Candidates,
    Weigher,
    WeigherConfig,
    between,
    candidates_of,
    feature_count,
    read_weigher,
    save_weigher,
    stretches,
)
from phonofilm.encoders.motion import Motion
from phonofilm.errors import InputError, ModelError
from phonofilm.train.cue_weigher import WeighedFilm, fit, mini_weigher, train_weigher, wanted_of
from phonofilm.types import FloatArray

CPU = torch.device("cpu")
KINDS = 3
RECIPE = replace(mini_weigher(), width=16, layers=1, heads=2, steps=300, batch=8)


def motion(length_s: float, rate_hz: float = 25.0, seed: int = 0) -> Motion:
    """Random motion in a picture of 6 x 4 blocks."""
    random = np.random.default_rng(seed)
    frames = max(3, round(length_s * rate_hz))
    blocks = [np.abs(random.normal(size=(frames - 1, 4, 6))).astype(np.float32) * 0.2 for _ in range(6)]
    camera = (0.1 * random.normal(size=(frames - 1, 4))).astype(np.float32)
    level, cut = np.full(frames, 100, np.float32), np.zeros(frames - 1, bool)
    pictures = random.integers(0, 256, (frames, 16, 24), np.uint8)
    return Motion(np.arange(frames) / rate_hz, *blocks, camera=camera, level=level, cut=cut, pictures=pictures)


def candidates(count: int, seed: int = 0, networks: int = 2) -> Candidates:
    """So many of them at random instants of eight seconds."""
    random = np.random.default_rng(seed)
    points = np.sort(random.choice(400, count, replace=False))
    curves = random.uniform(-1, 1, (5 + KINDS + 1, 401)).astype(np.float32)
    curves[0] = random.uniform(0.05, 0.95, 401)
    logits = random.normal(size=(networks, 401)).astype(np.float32)
    hand = np.sort(random.uniform(0, 8, 5)).astype(np.float32), random.uniform(0, 1, 5).astype(np.float32)
    return candidates_of(curves, logits, points, points / CLOCK_HZ, motion(8), hand, 8.0)


def weigher(features: int, seed: int = 0) -> Weigher:
    torch.manual_seed(seed)
    made = Weigher(WeigherConfig(features, 16, 2, 2))
    torch.nn.init.normal_(made.raised.weight)
    return made.eval()


@given(st.integers(0, 30), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_candidates_have_the_features_that_are_counted_on(count: int, networks: int, seed: int) -> None:
    told = candidates(count, seed, networks)
    assert told.features.shape == (count, feature_count(networks, KINDS))
    assert np.isfinite(told.features).all()
    assert between(told).shape == (count, count, 3)
    assert weigher(told.features.shape[1]).weigh(told).shape == (count,)


def test_a_weigher_that_has_learnt_nothing_changes_nothing() -> None:
    told = candidates(9)
    fresh = Weigher(WeigherConfig(told.features.shape[1], 16, 2, 2)).eval()
    np.testing.assert_allclose(fresh.weigh(told), told.odds, rtol=1e-6)


@given(st.integers(2, 12), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_mirror_image_weighs_the_same(count: int, seed: int) -> None:
    told = candidates(count, seed)
    made = weigher(told.features.shape[1])
    mirrored = replace(told, places=-told.places)
    np.testing.assert_allclose(made.weigh(mirrored), made.weigh(told), atol=1e-5)


@given(st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_films_in_a_batch_do_not_see_each_other(short: int, long: int) -> None:
    one, other = candidates(short, 1), candidates(long, 2)
    made = weigher(one.features.shape[1])
    most = max(short, long)
    rows = []
    for told in (one, other):
        count = len(told.odds)
        features, odds = torch.zeros(most, told.features.shape[1]), torch.zeros(most)
        apart, there = torch.zeros(most, most, 3), torch.zeros(most, dtype=torch.bool)
        features[:count], odds[:count] = torch.from_numpy(told.features), torch.from_numpy(told.odds)
        apart[:count, :count], there[:count] = torch.from_numpy(between(told)), True
        rows.append((features, odds, apart, there))
    together = made(*(torch.stack(parts) for parts in zip(*rows, strict=True))).detach().numpy()
    np.testing.assert_allclose(together[0, :short], made.weigh(one), atol=1e-5)
    np.testing.assert_allclose(together[1, :long], made.weigh(other), atol=1e-5)


@given(st.integers(1, 6000))
def test_every_point_of_a_long_film_is_kept_once(count: int) -> None:
    parts = stretches(count)
    assert [parts[0].first, parts[-1].end] == [0, count]
    assert all(one.end == other.first for one, other in pairwise(parts))
    most = round((SPAN_S + 2 * MARGIN_S) * CLOCK_HZ)
    for part in parts:
        assert 0 <= part.low <= part.first < part.end <= part.high <= count
        assert part.high - part.low <= most


def test_a_long_film_has_every_peak_once() -> None:
    config = CueFinderConfig(("a", "b"), 0, 0, 4, 4, 6, 2, 3, 16, (1, 2), 0.4)
    torch.manual_seed(0)
    network = CueNetwork(config)
    torch.nn.init.constant_(network.curves.bias, 0.0)
    finder = CueFinder(network)
    film, hand = motion(25.0), (np.array([3.0, 14.0], np.float32), np.ones(2, np.float32))
    heat = finder.heat(film, hand, 25 * CLOCK_HZ + 1)
    told = finder.candidates(heat, film, hand, 25.0)
    assert len(told) > 1
    times_s = np.concatenate([row.times_s[kept] for row, kept in told])
    assert len(times_s) > 20
    assert (np.diff(times_s) > 0).all()
    assert len(finder.find(film, 25.0).times_s)
    strict = weigher(feature_count(1, 2))
    torch.nn.init.constant_(strict.raised.bias, -99.0)
    assert not len(CueFinder(network, weigher=strict).find(film, 25.0).times_s)


def test_weights_come_back_from_a_file(tmp_path: Path) -> None:
    told = candidates(9)
    made = weigher(told.features.shape[1])
    save_weigher(made, tmp_path / "w.safetensors")
    np.testing.assert_allclose(read_weigher(tmp_path / "w.safetensors").weigh(told), made.weigh(told), atol=2e-2)
    with pytest.raises(ModelError, match="cannot be read"):
        read_weigher(tmp_path / "none.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read"):
        read_weigher(tmp_path / "w.safetensors")


def test_networks_and_a_weigher_that_do_not_go_together_are_refused() -> None:
    network = CueNetwork(CueFinderConfig(("a", "b"), 0, 0, 4, 4, 6, 2, 3, 16, (1, 2), 0.4))
    with pytest.raises(ModelError, match="1 cue networks give"):
        CueFinder(network, weigher=weigher(feature_count(2, 2)))


@given(
    st.lists(st.floats(0, 8), max_size=12), st.lists(st.floats(0, 8), max_size=6), st.lists(st.floats(0, 8), max_size=3)
)
@settings(max_examples=50, deadline=None)
def test_each_event_is_one_candidate_at_most(found: list[float], asked: list[float], free: list[float]) -> None:
    times_s = np.sort(np.asarray(found, np.float64))
    asked_s, free_s = (np.asarray(rows, np.float32) for rows in (asked, free))
    wanted, counted = wanted_of(times_s, asked_s, free_s, RECIPE)
    assert wanted.sum() <= len(asked_s)
    assert ((counted >= 0) & (counted <= 1)).all()
    for time_s, is_event, weight in zip(times_s, wanted, counted, strict=True):
        near = np.abs(asked_s - time_s).min(initial=np.inf)
        if is_event:
            assert near <= RECIPE.tolerance_s + 1e-6
            assert weight == 1
        if near > 1.3 * RECIPE.tolerance_s + 1e-6 and np.abs(free_s - time_s).min(initial=np.inf) > 0.08:
            assert weight == 1


def lesson(seed: int) -> WeighedFilm:
    """In films with one hot candidate all others are events; in films without, none is."""
    told = candidates(8, seed)
    odds = np.full(8, -0.3, np.float32)
    hot = seed % 2
    odds[0] = 3.0 * hot
    told.features[:, 0] = odds
    wanted: FloatArray = np.full(8, float(hot), np.float32)
    return WeighedFilm(replace(told, odds=odds), wanted, np.ones(8, np.float32))


def test_it_learns_what_only_the_others_tell(tmp_path: Path) -> None:
    films = [lesson(seed) for seed in range(60)]
    config = WeigherConfig(films[0].candidates.features.shape[1], RECIPE.width, RECIPE.layers, RECIPE.heads)
    made = fit(tmp_path, CPU, RECIPE, config, films)
    right = [((made.weigh(lesson(seed).candidates) > 0) == bool(seed % 2)).mean() for seed in range(100, 140)]
    assert np.mean(right) > 0.9


def test_without_films_it_says_what_to_do_and_without_candidates_it_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finder = CueFinder(CueNetwork(CueFinderConfig(("a", "b"), 0, 0, 4, 4, 6, 2, 3, 16, (1, 2), 0.4)))
    with pytest.raises(InputError, match="run the stage 'scenes' first"):
        train_weigher(tmp_path, CPU, RECIPE, finder)
    with caplog.at_level(logging.WARNING):
        made = fit(tmp_path, CPU, RECIPE, WeigherConfig(feature_count(2, KINDS), 16, 1, 2), [])
    assert "see nothing" in caplog.text
    np.testing.assert_allclose(made.weigh(candidates(5)), candidates(5).odds, rtol=1e-6)
