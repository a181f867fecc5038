"""Which seconds of a piece carry the mark.

B bands, N slots, R rows, T columns of the piece, K seconds of the piece, W windows that hold a second
"""

from itertools import pairwise
from math import ceil, log, sqrt

import numpy as np
import numpy.typing as npt

from phonofilm.mark.code import encode
from phonofilm.mark.grid import (
    BANDS,
    CENTRE_COLUMN,
    COLUMN_S,
    COLUMNS_PER_SLOT,
    PERIOD_COLUMNS,
    PERIOD_SLOTS,
)
from phonofilm.mark.judge import Sighting
from phonofilm.mark.key import pattern
from phonofilm.mark.payload import to_bits
from phonofilm.mark.piece import PITCH_ROWS, Piece
from phonofilm.mark.read import score
from phonofilm.mark.search import bands_at, fold
from phonofilm.types import FloatArray

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

WINDOW_SECONDS = 3
"""A second is judged with its neighbours: fewer than three seconds of quiet sound hold too little evidence."""
SECOND_CHANCE = 1e-4
"""Chance, at most, that a window far from any mark is said to carry it."""
WINDOW_SCORE = sqrt(2 * log(PERIOD_COLUMNS / SECOND_CHANCE))
EDGE_SHARE = 0.5
"""Share of the usual second's score that a second at an edge must reach alone."""
LEAST_ALONE = 3.0
"""What a second between two that carry the mark must reach alone, where there is anything to be heard in it. Of seconds
of other sound 0.4 % do; the weakest marked second of 27 takes had 5.5."""
SILENT_SHARE = 0.05
"""A second with less than this share of the usual second's evidence is silent: it says nothing, either way."""


def second_scores(piece: Piece, sighting: Sighting) -> FloatArray:
    """(K,) score of each second that carries the sighting's mark, 0 for the others; the last may be a part of one."""
    evidence = bands_at(piece.evidence, sighting.place.rows, PITCH_ROWS)  # (B, T)
    chips, stretch = chips_of(sighting), sighting.place.stretch
    edges = second_edges(piece)
    seconds = len(edges) - 1
    alone = np.zeros((seconds, WINDOW_SECONDS), np.float32)  # (K, W)
    covered = np.zeros(seconds, bool)
    width = min(WINDOW_SECONDS, seconds)
    for start in range(seconds - width + 1):
        window = evidence[:, edges[start] : edges[start + width]]
        offset, best = _best_offset(window, chips, stretch)
        if best < WINDOW_SCORE:
            continue
        for place in range(width):
            inside = slice(*(edges[start + place : start + place + 2] - edges[start]))
            alone[start + place, place] = score_within(window, inside, chips, stretch, offset)
        covered[start : start + width] = True
    power = np.array([(evidence[:, first:end] ** 2).sum() for first, end in pairwise(edges)])
    return _kept(alone.max(1), covered, power)


def second_edges(piece: Piece) -> IntArray:
    """(K + 1,) first column of each second, and the end of the last, which may be a part of one."""
    seconds = max(1, ceil(piece.columns * COLUMN_S - 0.5))
    edges: IntArray = np.minimum(np.round(np.arange(seconds + 1) / COLUMN_S).astype(np.int64), piece.columns)
    return edges


def score_within(evidence: FloatArray, inside: slice, chips: FloatArray, stretch: float, offset: int) -> float:
    """The score of some columns alone, at the place that the whole evidence (B, t) has."""
    part = np.zeros_like(evidence)
    part[:, inside] = evidence[:, inside]
    return _score_at(part, chips, stretch, offset)


def chips_of(sighting: Sighting) -> FloatArray:
    """(B, N) the signs to look for: all of them where the payload is known, else those of presence."""
    drawn = pattern(sighting.key)
    return drawn.chips(encode(to_bits(sighting.payload))) if sighting.payload else drawn.presence


def _kept(best: FloatArray, covered: BoolArray, power: FloatArray) -> FloatArray:
    """(K,) the scores of seconds that are strong enough alone, or weak or silent ones between two that are."""
    if not covered.any():
        return np.zeros_like(best)
    strong = covered & (best >= EDGE_SHARE * np.median(best[covered]))
    between = np.zeros_like(strong)
    likely = (best >= LEAST_ALONE) | (power <= SILENT_SHARE * np.median(power[covered]))
    between[1:-1] = strong[:-2] & strong[2:] & (covered & likely)[1:-1]
    return np.where(strong | between, np.maximum(best, np.float32(1e-3)), np.float32(0))


def _best_offset(evidence: FloatArray, chips: FloatArray, stretch: float) -> tuple[int, float]:
    """The offset (columns) at which chips (B, N) fit evidence (B, t) best, and the score there."""
    by_phase = fold(evidence, stretch).reshape(BANDS, PERIOD_SLOTS, COLUMNS_PER_SLOT)
    spectra = np.fft.rfft(by_phase, axis=1) * np.conj(np.fft.rfft(chips, axis=1))[:, :, None]
    sums = np.fft.irfft(spectra.sum(0), PERIOD_SLOTS, axis=0).reshape(-1)
    offset = (int(sums.argmax()) - CENTRE_COLUMN) % PERIOD_COLUMNS
    return offset, _score_at(evidence, chips, stretch, offset)


def _score_at(evidence: FloatArray, chips: FloatArray, stretch: float, offset: int) -> float:
    columns = (np.arange(PERIOD_SLOTS) * COLUMNS_PER_SLOT + CENTRE_COLUMN + offset) % PERIOD_COLUMNS
    return score(fold(evidence, stretch)[:, columns], chips)
