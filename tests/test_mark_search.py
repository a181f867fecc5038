"""The search for the mark's pattern: what folds to where, and that a planted pattern is found at its place."""

from math import exp, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.mark.grid import (
    BANDS,
    CENTRE_COLUMN,
    COLUMNS_PER_SLOT,
    PERIOD_COLUMNS,
    PERIOD_SLOTS,
    ROWS_PER_BAND,
)
from phonofilm.mark.key import PUBLIC_KEY, pattern
from phonofilm.mark.piece import PITCH_ROWS, rows_log
from phonofilm.mark.read import score
from phonofilm.mark.search import FOLDED_TEMPI, Search, cells, fold
from phonofilm.types import FloatArray

BEYOND = 7
ROWS = BANDS * ROWS_PER_BAND + 2 * BEYOND
PRESENCE = pattern(PUBLIC_KEY).presence


def planted(stretch: float, rows: int, offset: int, columns: int, seed: int) -> FloatArray:
    """(R, T) noise, and the presence cells at a place."""
    evidence = np.random.default_rng(seed).standard_normal((ROWS, columns)).astype(np.float32)
    clock = np.round(np.arange(columns) / stretch).astype(int)
    slot, within = np.divmod((clock - offset) % PERIOD_COLUMNS, COLUMNS_PER_SLOT)
    for band in range(BANDS):
        row = BEYOND + rows + band * ROWS_PER_BAND
        evidence[row] += np.where(within == CENTRE_COLUMN, 2 * PRESENCE[band, slot % PERIOD_SLOTS], 0)
    return evidence


@settings(max_examples=30)
@given(columns=st.integers(2, 1500), stretch=st.one_of(st.just(1.0), st.floats(0.7, 1.4)), seed=st.integers(0, 2**31))
def test_folding_adds_up_the_periods_of_stretched_time(columns: int, stretch: float, seed: int) -> None:
    evidence = np.random.default_rng(seed).standard_normal((3, columns)).astype(np.float32)
    count = columns if stretch == 1.0 else max(1, int((columns - 1) / stretch))
    wanted = np.zeros((3, PERIOD_COLUMNS))
    for row, line in enumerate(evidence):
        even = np.interp(np.arange(count) * stretch, np.arange(columns), line)
        np.add.at(wanted[row], np.arange(count) % PERIOD_COLUMNS, even)
    assert fold(evidence, stretch) == pytest.approx(wanted, abs=1e-3)


@settings(max_examples=20)
@given(
    stretch=st.floats(0.8, 1.25),
    rows=st.integers(-BEYOND, BEYOND),
    offset=st.integers(0, PERIOD_COLUMNS - 1),
    seed=st.integers(0, 2**31),
)
def test_a_planted_pattern_is_found_among_many_tempi(stretch: float, rows: int, offset: int, seed: int) -> None:
    evidence = planted(stretch, rows, offset, 750, seed)
    tempi = [0.83 * stretch, stretch, 0.95 * stretch, 1.07 * stretch]
    found = Search(PUBLIC_KEY, BEYOND).places(evidence, tempi, BEYOND, 3)
    assert len(found) == 3 * len(tempi)
    assert (found[0].stretch, found[0].rows) == (stretch, rows)
    assert abs((found[0].offset - offset + 3) % PERIOD_COLUMNS - 3) <= 1
    assert found[0].score > 8
    assert [place.score for place in found] == sorted((place.score for place in found), reverse=True)
    for place in found:
        seen = cells(fold(evidence, place.stretch), place.rows, place.offset, BEYOND)
        assert place.score == pytest.approx(score(seen, PRESENCE), abs=1e-3)


def test_a_place_does_not_depend_on_the_tempi_beside_it() -> None:
    evidence = np.random.default_rng(4).standard_normal((ROWS, 700)).astype(np.float32)
    search = Search(PUBLIC_KEY, BEYOND)
    tempi = np.linspace(0.8, 1.25, FOLDED_TEMPI).tolist()
    together = search.places(evidence, tempi, BEYOND, 2)
    alone = [place for tempo in tempi for place in search.places(evidence, [tempo], BEYOND, 2)]

    def by_place(found: list) -> list:
        return sorted((place.stretch, place.rows, place.offset, round(place.score, 3)) for place in found)

    assert by_place(together) == by_place(alone)


@settings(max_examples=10)
@given(
    stretch=st.floats(0.8, 1.25),
    rows=st.integers(-BEYOND, BEYOND),
    offset=st.integers(0, PERIOD_COLUMNS - 1),
    columns=st.integers(500, 1800),
    seed=st.integers(0, 2**31),
)
def test_one_long_transform_sees_what_folding_at_each_tempo_sees(
    stretch: float, rows: int, offset: int, columns: int, seed: int
) -> None:
    evidence = planted(stretch, rows, offset, columns, seed)
    tempi = [stretch, *np.linspace(0.8, 1.25, FOLDED_TEMPI).tolist()]
    search = Search(PUBLIC_KEY, BEYOND)
    (best,) = search.places(evidence, tempi, BEYOND, 1, 1)
    (folded,) = search.places(evidence, [stretch], BEYOND, 1)
    assert best.score >= folded.score - 1e-3
    assert abs(best.stretch / stretch - 1) < 0.015
    assert best.rows == rows
    if best.stretch == stretch:
        assert abs((best.offset - folded.offset + 3) % PERIOD_COLUMNS - 3) <= 1


def test_few_places_are_the_best_of_all() -> None:
    evidence = np.random.default_rng(6).standard_normal((ROWS, 700)).astype(np.float32)
    tempi = np.linspace(0.8, 1.25, 30).tolist()
    search = Search(PUBLIC_KEY, BEYOND)
    everywhere = search.places(evidence, tempi, BEYOND, 3)
    assert search.places(evidence, tempi, BEYOND, 3, 5) == everywhere[:5]


def test_without_other_pitches_only_the_own_one_is_looked_at() -> None:
    evidence = np.random.default_rng(5).standard_normal((ROWS, 700)).astype(np.float32)
    found = Search(PUBLIC_KEY, BEYOND).places(evidence, [1.0], 0, 12)
    assert {place.rows for place in found} == {0}
    assert len({place.offset for place in found}) == 12


@given(st.floats(0.8, 1.25))
def test_the_pitches_of_a_tempo_share_one_budget(stretch: float) -> None:
    shares = [exp(-rows_log(stretch, rows)) for rows in range(-PITCH_ROWS, PITCH_ROWS + 1)]
    assert sum(shares) <= 1 + 1e-9
    assert rows_log(stretch, 0) == min(rows_log(stretch, rows) for rows in range(-PITCH_ROWS, PITCH_ROWS + 1))
    along = round(-18 * log2(stretch))
    if abs(along) <= PITCH_ROWS:
        assert rows_log(stretch, along) == rows_log(stretch, 0)
