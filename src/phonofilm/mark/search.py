"""Looking for the pattern at every place, pitch and tempo at once.

The evidence is folded by the pattern's period, so that all repetitions add up, and correlated with the presence cells:
by Fourier transform over time, by products of matrices over the bands for each pitch, many tempi at once.

    R rows, T columns, B bands, N slots of a period, H = 3 columns of a slot, P pitch shifts, Q = N * H places, K tempi
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

from phonofilm.mark.grid import BANDS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_COLUMNS, PERIOD_SLOTS, ROWS_PER_BAND
from phonofilm.mark.key import Key, pattern
from phonofilm.types import FloatArray

AT_ONCE = 16
"""Tempi whose products are taken together: matrices wide enough to be worth it, and few megabytes."""


@dataclass(frozen=True)
class Place:
    """Where a pattern was seen.

    score: presence cells' evidence, in standard deviations at most. stretch: columns of this sound for each column of
    the pattern; below 1 the sound was sped up. rows: how many rows it was shifted up. offset: column, of the pattern's
    clock, that the first slot of the period begins at.
    """

    score: float
    stretch: float
    rows: int
    offset: int


def _between(columns: int, stretch: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """For each column (t,) of the pattern's clock the two of T columns beside it, and the share of the second."""
    count = columns if stretch == 1.0 else max(1, int((columns - 1) / stretch))
    at = np.arange(count) * stretch
    below = at.astype(np.int64)
    return below, np.minimum(below + 1, columns - 1), (at - below).astype(np.float32)


@lru_cache(512)
def _folding(columns: int, stretch: float) -> scipy.sparse.csr_array:
    """(Q, T) what each column adds to each place: straight lines between columns, then the sum over the periods."""
    below, above, share = _between(columns, stretch)
    weights = np.concatenate([1 - share, share])
    places = np.tile(np.arange(len(share)) % PERIOD_COLUMNS, 2)
    sources = np.concatenate([below, above])
    return scipy.sparse.csr_array((weights, (places, sources)), (PERIOD_COLUMNS, columns), np.float32)


def fold(evidence: FloatArray, stretch: float) -> FloatArray:
    """(R, Q) sum over the periods of evidence (R, T) whose time runs `stretch` times as slow as the pattern's."""
    folded: FloatArray = _folding(evidence.shape[1], stretch) @ np.ascontiguousarray(evidence.T)
    return folded.T


def stretched(evidence: FloatArray, stretch: float) -> FloatArray:
    """(B, t) evidence (B, T) at the columns of the pattern's clock."""
    if stretch == 1.0:
        return evidence
    below, above, share = _between(evidence.shape[1], stretch)
    return evidence[:, below] * (1 - share) + evidence[:, above] * share


def bands_at(evidence: FloatArray, rows: int, centre_row: int) -> FloatArray:
    """(B, T) the rows of evidence (R, T) in which the bands lie at a pitch."""
    first = centre_row + rows
    return evidence[first : first + BANDS * ROWS_PER_BAND : ROWS_PER_BAND]


def cells(folded: FloatArray, rows: int, offset: int, centre_row: int) -> FloatArray:
    """(B, N) the evidence of every cell of the pattern at a place."""
    columns = (np.arange(PERIOD_SLOTS) * COLUMNS_PER_SLOT + CENTRE_COLUMN + offset) % PERIOD_COLUMNS
    first = centre_row + rows
    return folded[first : first + BANDS * ROWS_PER_BAND : ROWS_PER_BAND][:, columns]


class Search:
    """Looks for one key's pattern. beyond: rows that the evidence has on either side of the bands.

    presence: (B, N) the signs of the presence cells, 0 elsewhere.
    """

    def __init__(self, key: Key, beyond: int) -> None:
        presence = pattern(key).presence
        self.presence = presence
        self._beyond = beyond
        self._bands, slots = np.nonzero(presence)  # (U,), of the presence cells
        self._columns = slots * COLUMNS_PER_SLOT + CENTRE_COLUMN
        self._signs = presence[self._bands, slots]
        self._spectrum = np.conj(scipy.fft.rfft(presence, axis=1)).astype(np.complex64)  # (B, F), F = N / 2 + 1
        self._share = np.float32((presence != 0).mean())

    def places(self, evidence: FloatArray, stretches: Sequence[float], pitches: int, count: int) -> list[Place]:
        """The `count` best places at each of the tempi, best first; pitches: how many rows to look up and down."""
        upright = np.ascontiguousarray(evidence.T)
        found: list[Place] = []
        for start in range(0, len(stretches), AT_ONCE):
            chosen = stretches[start : start + AT_ONCE]
            folded = np.stack([_folding(len(upright), stretch) @ upright for stretch in chosen])  # (K, Q, R)
            found += self._best(folded, self._scores(folded, pitches), chosen, pitches, count)
        return sorted(found, key=lambda place: -place.score)

    def _best(
        self, folded: FloatArray, scores: FloatArray, stretches: Sequence[float], pitches: int, count: int
    ) -> Iterator[Place]:
        """The best places of each tempo's folded evidence (K, Q, R) by their scores (K, P, Q), with exact scores."""
        flat = scores.reshape(len(scores), -1)
        count = min(count, flat.shape[1])
        shifts, offsets = np.divmod(np.argpartition(flat, -count, axis=1)[:, -count:], PERIOD_COLUMNS)  # (K, W)
        rows = self._beyond + shifts[..., None] - pitches + ROWS_PER_BAND * self._bands  # (K, W, U)
        columns = (offsets[..., None] + self._columns) % PERIOD_COLUMNS
        seen = folded[np.arange(len(folded))[:, None, None], columns, rows]  # (K, W, U) the presence cells
        exact = seen @ self._signs / np.sqrt((seen**2).sum(2) + 1e-9)
        for stretch, *places in zip(stretches, exact.tolist(), shifts.tolist(), offsets.tolist(), strict=True):
            for score, shift, offset in zip(*places, strict=True):
                yield Place(score, stretch, shift - pitches, offset)

    def _scores(self, folded: FloatArray, pitches: int) -> FloatArray:
        """(K, P, Q) scores, with the power of the presence cells taken from that of all cells."""
        tempi, rows = len(folded), folded.shape[2]
        by_phase = folded.reshape(tempi, PERIOD_SLOTS, COLUMNS_PER_SLOT, rows)  # (K, N, H, R)
        spectra = scipy.fft.rfft(by_phase, axis=1).transpose(1, 3, 0, 2).reshape(-1, rows, tempi * COLUMNS_PER_SLOT)
        power = (by_phase**2).sum(1).transpose(2, 0, 1).reshape(rows, -1) * self._share  # (R, K * H)
        shifts = np.arange(-pitches, pitches + 1)
        sums = np.empty((len(self._spectrum[0]), len(shifts), tempi * COLUMNS_PER_SLOT), np.complex64)  # (F, P, K * H)
        powers = np.empty((len(shifts), tempi * COLUMNS_PER_SLOT), np.float32)
        for first in range(min(ROWS_PER_BAND, len(shifts))):
            # Shifts by whole bands use the same rows.
            chosen = slice(first, len(shifts), ROWS_PER_BAND)
            across = _slid(self._spectrum.T, len(shifts[chosen]))  # (F, P, B')
            begin = self._beyond + int(shifts[first])
            used = slice(begin, begin + across.shape[2] * ROWS_PER_BAND, ROWS_PER_BAND)
            sums[:, chosen] = across @ spectra[:, used]
            powers[chosen] = _slid(np.ones((1, BANDS), np.float32), len(across[0]))[0] @ power[used]
        correlated = scipy.fft.irfft(sums, PERIOD_SLOTS, axis=0).reshape(PERIOD_SLOTS, -1, tempi, COLUMNS_PER_SLOT)
        held = powers.reshape(-1, tempi, COLUMNS_PER_SLOT)
        floor = 1e-4 * held.max((0, 2), keepdims=True) + 1e-9
        scores = (correlated / np.sqrt(np.maximum(held, floor))).transpose(2, 1, 0, 3)  # (K, P, N, H)
        placed = np.roll(scores.reshape(tempi, len(shifts), PERIOD_COLUMNS), -CENTRE_COLUMN, axis=2)
        return np.asarray(placed, np.float32)


def _slid(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """(F, count, B + count - 1) the values (F, B) moved on by one from row to row, zeros beside them."""
    bands = values.shape[1]
    slid = np.zeros((len(values), count, bands + count - 1), values.dtype)
    for index in range(count):
        slid[:, index, index : index + bands] = values
    return slid
