"""Looking for the pattern at every place, pitch and tempo at once.

The evidence is folded by the pattern's period, so that all repetitions add up, and correlated with the presence cells:
by Fourier transform over time, by sums over the bands for each pitch.

    R rows, T columns, B bands, N slots of a period, H = 3 columns of a slot, P pitch shifts, Q = N * H places
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from phonofilm.mark.grid import BANDS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_COLUMNS, PERIOD_SLOTS, ROWS_PER_BAND
from phonofilm.mark.key import Key, pattern
from phonofilm.types import FloatArray


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


def fold(evidence: FloatArray, stretch: float) -> FloatArray:
    """(R, Q) sum over the periods of evidence (R, T) whose time runs `stretch` times as slow as the pattern's."""
    columns = evidence.shape[1]
    if stretch == 1.0:
        even = evidence
    else:
        count = max(1, int((columns - 1) / stretch))
        at = np.arange(count) * stretch
        below = at.astype(np.int64)
        share = (at - below).astype(np.float32)
        even = evidence[:, below]
        even = even + (evidence[:, np.minimum(below + 1, columns - 1)] - even) * share
    whole = even.shape[1] // PERIOD_COLUMNS * PERIOD_COLUMNS
    folded = np.asarray(even[:, :whole].reshape(len(even), -1, PERIOD_COLUMNS).sum(1), np.float32)
    folded[:, : even.shape[1] - whole] += even[:, whole:]
    return folded


def cells(folded: FloatArray, rows: int, offset: int, centre_row: int) -> FloatArray:
    """(B, N) the evidence of every cell of the pattern at a place."""
    columns = (np.arange(PERIOD_SLOTS) * COLUMNS_PER_SLOT + CENTRE_COLUMN + offset) % PERIOD_COLUMNS
    first = centre_row + rows
    return folded[first : first + BANDS * ROWS_PER_BAND : ROWS_PER_BAND][:, columns]


class Search:
    """Looks for one key's pattern. beyond: rows that the evidence has on either side of the bands."""

    def __init__(self, key: Key, beyond: int) -> None:
        presence = pattern(key).presence
        self._beyond = beyond
        self._presence = presence
        self._spectrum = np.conj(scipy.fft.rfft(presence, axis=1))  # (B, N / 2 + 1)
        self._share = float((presence != 0).mean())

    def places(self, evidence: FloatArray, stretch: float, pitches: int, count: int) -> list[Place]:
        """The `count` best places, best first; pitches: how many rows to look up and down."""
        folded = fold(evidence, stretch)
        shifts = np.arange(-pitches, pitches + 1)
        scores = self._scores(folded, shifts).reshape(-1)  # (P * Q)
        count = min(count, len(scores))
        best = np.argpartition(scores, -count)[-count:]
        found = [self._place(folded, stretch, int(shifts[i // PERIOD_COLUMNS]), int(i % PERIOD_COLUMNS)) for i in best]
        return sorted(found, key=lambda place: -place.score)

    def _scores(self, folded: FloatArray, shifts: np.ndarray) -> FloatArray:
        """(P, Q) scores, with the power of the presence cells taken from that of all cells."""
        by_phase = folded.reshape(len(folded), PERIOD_SLOTS, COLUMNS_PER_SLOT).transpose(0, 2, 1)  # (R, H, N)
        spectra = scipy.fft.rfft(by_phase, axis=2)
        power = (by_phase**2).sum(2) * np.float32(self._share)  # (R, H)
        products = np.empty((len(shifts), COLUMNS_PER_SLOT, spectra.shape[2]), np.complex64)
        powers = np.empty((len(shifts), COLUMNS_PER_SLOT), np.float32)
        for index, shift in enumerate(shifts):
            first = self._beyond + int(shift)
            bands = slice(first, first + BANDS * ROWS_PER_BAND, ROWS_PER_BAND)
            products[index] = np.einsum("bhn,bn->hn", spectra[bands], self._spectrum)
            powers[index] = power[bands].sum(0)
        sums = scipy.fft.irfft(products, PERIOD_SLOTS, axis=2)  # (P, H, N)
        scores = sums / np.sqrt(np.maximum(powers, 1e-4 * powers.max() + 1e-9))[:, :, None]
        placed = np.roll(scores.transpose(0, 2, 1).reshape(len(shifts), PERIOD_COLUMNS), -CENTRE_COLUMN, axis=1)
        return np.asarray(placed, np.float32)

    def _place(self, folded: FloatArray, stretch: float, rows: int, offset: int) -> Place:
        seen = cells(folded, rows, offset, self._beyond)
        power = float((seen[self._presence != 0] ** 2).sum())
        score = float((seen * self._presence).sum()) / np.sqrt(power + 1e-9)
        return Place(float(score), stretch, rows, offset)
