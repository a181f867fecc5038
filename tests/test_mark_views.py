"""Views of a sound, and what attacks are taken to leave of it: what was added counts less."""

import numpy as np
import pytest

from phonofilm.mark.grid import BAND_ROWS, BANDS, Rows
from phonofilm.mark.host import Host, host
from phonofilm.mark.need import LEAN_SCORES, PUSH_RANGE, left_by_noise, left_by_room, need
from phonofilm.mark.views import above_floor, before_the_room, lying_low, room_share, standing_out
from phonofilm.types import FloatArray

ROWS = Rows(beyond=3)
COLUMNS = 900
BURST = slice(400, 500)


def powers(level: float, burst: float) -> FloatArray:
    """(R, T) powers of noise of a level, and of another level in the burst."""
    seen = np.random.default_rng(2).gamma(2.0, 0.5, (ROWS.count, COLUMNS)) * level
    seen[:, BURST] *= burst / level
    return seen.astype(np.float32)


def seen(energy: FloatArray) -> Host:
    """Evidence of one everywhere, so that a view shows its weights."""
    return Host(np.ones_like(energy), np.ones_like(energy), np.asarray(10 * np.log10(energy + 1e-12), np.float32))


def test_noise_in_gaps_counts_little_beside_what_stands_out() -> None:
    weight = standing_out(seen(powers(1e-6, 1e-3)))
    assert weight[:, 420:480].min() == 1
    assert weight[:, 550:].mean() < 0.3


def test_a_loud_moment_counts_little_where_the_steady_sound_is_the_own() -> None:
    energy = powers(1e-6, 1e-3)
    weight = lying_low(seen(energy), energy)
    assert weight[:, 420:480].max() < 0.05
    assert weight[:, 550:].mean() > 0.9


def test_what_is_above_a_floor_of_noise_counts() -> None:
    low, high = ROWS.edges_hz
    energy = powers(1e-6, 1e-6) * (high - low)[:, None] / 1000  # white
    energy[: ROWS.count // 2, BURST] *= 1000
    above, plain = (np.abs(view) for view in (above_floor(energy, ROWS), host(energy, ROWS).residue))
    assert above[:40, 420:480].mean() > 5 * above[:40, 550:].mean()
    assert above[60:].mean() < 0.2 * plain[60:].mean()


def test_what_begins_stands_before_its_room() -> None:
    energy = powers(1e-6, 1e-2)
    share = room_share(energy)
    assert share[:, 403].mean() > 0.8
    assert share[:, 503:508].max() < 0.05
    assert share[:, 880].mean() == pytest.approx(0.5, abs=0.1)
    assert before_the_room(seen(energy), energy) == pytest.approx(share)
    assert left_by_room(energy).max() == 1


def test_silence_says_nothing() -> None:
    silent = np.zeros((ROWS.count, 50), np.float32)
    quiet = host(silent, ROWS)
    for view in (
        standing_out(quiet),
        lying_low(quiet, silent),
        above_floor(silent, ROWS),
        before_the_room(quiet, silent),
    ):
        assert not view.any()


def test_noise_leaves_loud_cells() -> None:
    energy = np.full((BAND_ROWS.count, 50), 1e-9, np.float32)
    energy[:10] = 1e-2
    left = left_by_noise(energy, np.full((1, 50), 0.1, np.float32), 44_100)
    assert left[2:8].min() > 0.95
    assert left[20:].max() < 0.01


def test_sound_that_attacks_spoil_is_marked_more_and_where_it_lasts() -> None:
    random = np.random.default_rng(1)
    agreement = (0.3 + random.standard_normal((BANDS, 555))).astype(np.float32)
    whole, half = np.ones_like(agreement), np.ones_like(agreement)
    half[BANDS // 2 :] = 0.01
    rich, poor = (
        need(agreement, whole, whole),
        need(agreement / 3 + 0.66 * random.standard_normal(agreement.shape), half, whole),
    )
    assert PUSH_RANGE[0] <= rich.push < 1 < poor.push <= PUSH_RANGE[1]
    assert rich.lean == pytest.approx(1)
    assert (poor.lean**2).mean() == pytest.approx(1, rel=1e-3)
    assert poor.lean[0, 0] > 1.2 > 0.8 > poor.lean[-1, 0]
    assert LEAN_SCORES[0] < LEAN_SCORES[1]
