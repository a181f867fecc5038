"""The arithmetic of the field's measures: closed forms and ends of their ranges."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from phonofilm.errors import InputError
from phonofilm.evaluate.official_scores import SPLITS, desync, inception_score, kl_divergence, likeness
from phonofilm.evaluate.quality import frechet
from phonofilm.judges.synchformer import OFFSETS_S


def logits(count: int, classes: int, seed: int = 0, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(2, 20))
@settings(max_examples=30)
def test_kl_is_none_for_equal_sounds_and_never_negative(seed: int, count: int, classes: int) -> None:
    made, real = logits(count, classes, seed), logits(count, classes, seed + 1)
    assert kl_divergence(made, made) == pytest.approx(0.0, abs=1e-9)
    assert kl_divergence(made, real) >= 0
    # A softmax does not see what is added to all classes.
    assert kl_divergence(made + 3, real - 5) == pytest.approx(kl_divergence(made, real), abs=1e-5)


def test_kl_is_of_the_made_from_the_real() -> None:
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    wanted = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert kl_divergence(q.log()[None], p.log()[None]) == pytest.approx(wanted, abs=1e-6)
    assert kl_divergence(p.log()[None], q.log()[None]) == pytest.approx(
        0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5), abs=1e-6
    )


@given(st.permutations(range(6)))
@settings(max_examples=10)
def test_kl_is_a_mean_over_pairs_in_any_order(order: list[int]) -> None:
    made, real = logits(6, 5, 1), logits(6, 5, 2)
    each = [kl_divergence(made[i : i + 1], real[i : i + 1]) for i in range(6)]
    assert kl_divergence(made[order], real[order]) == pytest.approx(np.mean(each))


@given(st.integers(0, 1000), st.integers(2, 9), st.floats(0.1, 20))
@settings(max_examples=30)
def test_inception_score_lies_between_one_and_the_number_of_classes(seed: int, classes: int, scale: float) -> None:
    mean, spread = inception_score(logits(60, classes, seed, scale))
    assert 1 - 1e-9 <= mean <= classes + 1e-6
    assert spread >= 0


def test_inception_score_at_its_ends() -> None:
    alike = logits(1, 7).expand(40, -1)
    assert inception_score(alike)[0] == pytest.approx(1.0)
    # Every split of ten times seven sounds holds each class equally often only when classes repeat often enough.
    sure = 60.0 * torch.eye(4)[torch.arange(40_000) % 4]
    assert inception_score(sure)[0] == pytest.approx(4.0, rel=1e-2)


def test_inception_score_wants_two_sounds_a_split() -> None:
    with pytest.raises(InputError, match="19 sounds are too few"):
        inception_score(logits(2 * SPLITS - 1, 5))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9))
def test_desync_is_the_mean_size_of_the_chosen_offsets(chosen: list[int]) -> None:
    rows = torch.eye(21)[chosen]
    value = desync(rows, OFFSETS_S)
    assert 0 <= value <= 2
    assert value == pytest.approx(np.mean([abs(-2 + 0.2 * index) for index in chosen]), abs=1e-6)
    assert desync(rows.flip(1), OFFSETS_S) == pytest.approx(value)


def test_likeness_is_a_cosine() -> None:
    one, other = logits(5, 8, 1), logits(5, 8, 2)
    assert likeness(one, one) == pytest.approx(1.0)
    assert likeness(one, -one) == pytest.approx(-1.0)
    assert likeness(3 * one, 0.1 * other) == pytest.approx(likeness(one, other))
    assert likeness(torch.eye(2), torch.eye(2).flip(0)) == pytest.approx(0.0)


@pytest.mark.parametrize(("count", "others"), [(5, 40), (40, 5), (40, 50)])
def test_frechet_of_many_points_is_what_it_is_of_few(count: int, others: int) -> None:
    """More points than dimensions are reduced first; the definition by covariances must come out on either side."""
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(count, 12)), generator.normal(1.0, 2.0, size=(others, 12))
    one_cov, other_cov = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    values = np.linalg.eigvals(one_cov @ other_cov)
    root = np.sqrt(np.clip(values.real, 0, None)).sum()
    gap = ((one.mean(0) - other.mean(0)) ** 2).sum()
    assert frechet(one, other) == pytest.approx(gap + np.trace(one_cov) + np.trace(other_cov) - 2 * root, abs=1e-6)
    assert frechet(one, one[::-1]) == pytest.approx(0.0, abs=1e-9)
