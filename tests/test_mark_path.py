"""Following the pattern through cuts: a planted pattern is gathered piece by piece, and each jump is paid for."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.mark.chance import log_chance
from phonofilm.mark.grid import BANDS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_COLUMNS, PERIOD_SLOTS
from phonofilm.mark.key import PUBLIC_KEY, pattern, secret_key
from phonofilm.mark.path import follow
from phonofilm.mark.read import score
from phonofilm.mark.search import cells, fold
from phonofilm.types import FloatArray

PRESENCE = pattern(PUBLIC_KEY).presence
COLUMNS = 1500


def planted(clock: np.ndarray, strength: float, seed: int) -> FloatArray:
    """(B, T) noise, and the presence cells where the pattern's clock (T,) passes their middle."""
    slot, within = np.divmod(clock % PERIOD_COLUMNS, COLUMNS_PER_SLOT)
    noise = np.random.default_rng(seed).standard_normal((BANDS, len(clock)))
    return np.asarray(noise + np.where(within == CENTRE_COLUMN, strength * PRESENCE[:, slot], 0), np.float32)


@settings(max_examples=15)
@given(offset=st.integers(0, PERIOD_COLUMNS - 1), seed=st.integers(0, 2**31))
def test_without_cuts_the_path_is_one_place(offset: int, seed: int) -> None:
    evidence = planted(np.arange(COLUMNS) - offset, 0.5, seed)
    evidence[:, :COLUMNS_PER_SLOT] = evidence[:, -3 * COLUMNS_PER_SLOT :] = 0  # slots that only one of them counts
    path = follow(evidence, PRESENCE)
    assert (path.jumps, path.begin) == (0, offset)
    rows = np.repeat(evidence, COLUMNS_PER_SLOT, 0)
    assert path.seen == pytest.approx(cells(fold(rows, 1.0), 0, offset, 0), abs=1e-4)
    assert path.trials_log == pytest.approx(log(2))


@pytest.mark.thorough
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_a_pattern_is_gathered_over_its_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    clock = np.arange(COLUMNS) + 100
    for at in (300, 700, 1150):
        clock[at:] += random.integers(2, 20)
    evidence = planted(clock, 0.5, seed)
    path = follow(evidence, PRESENCE)
    assert 2 <= path.jumps <= 5
    best = max(
        score(cells(fold(np.repeat(evidence, 3, 0), 1.0), 0, place, 0), PRESENCE) for place in range(PERIOD_COLUMNS)
    )
    assert score(path.seen, PRESENCE) > 1.2 * best
    trials = log(PERIOD_COLUMNS) + path.trials_log
    assert log_chance(score(path.seen, PRESENCE), trials) < log_chance(best, log(PERIOD_COLUMNS))


def test_what_paths_see_in_noise_stays_under_its_bound() -> None:
    """One noise under many keys: a bound of a tenth is not passed more often than once in ten."""
    evidence = np.random.default_rng(3).laplace(size=(BANDS, 600)).astype(np.float32)
    bounds = []
    for number in range(100):
        presence = pattern(secret_key(b"a secret of some length" + bytes([number]))).presence
        path = follow(evidence, presence)
        bounds.append(log_chance(score(path.seen, presence), log(PERIOD_COLUMNS) + path.trials_log))
    assert np.mean(np.array(bounds) <= log(0.1)) <= 0.1


def test_short_sound_has_one_block() -> None:
    path = follow(planted(np.arange(40), 0.5, 1), PRESENCE)
    assert path.jumps == 0
    assert path.seen.shape == (BANDS, PERIOD_SLOTS)
