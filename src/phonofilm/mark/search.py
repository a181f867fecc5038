"""Looking for the pattern at every place, pitch and tempo at once.

The evidence is folded by the pattern's period, so that all repetitions add up, and correlated with the presence cells:
by Fourier transform over time, by products of matrices over the bands for each pitch, many tempi at once. The harmonics
of a fold are samples of the evidence's own spectrum, at steps that tell the tempo. So where many tempi are looked at,
one transform serves them all (as in searches for pulsars), and only the best places are folded and scored exactly.

    R rows, T columns, B bands, N slots of a period, Q = 3 N places, M = Q / 2 + 1 harmonics, K tempi, P pitch shifts,
    D = 3 rows of a band, B' = B and as many more as shifts by whole bands need, F bins of a long transform
"""

from collections.abc import Iterable, Iterator, Sequence
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

FOLDED_TEMPI = 32
"""Up to so many tempi are folded each; for more, one long transform is cheaper."""
LONG_TRANSFORM = 8
"""Length of that transform, in lengths of the evidence: its nearest bin loses 0.3 % of a score on average."""
HARMONICS_AT_ONCE = 16
"""Harmonics whose samples are taken together; they stay in a processor's cache."""
CONTENDERS = 2
"""For each place that is wanted so many tempi are scored exactly, the best by their estimated scores."""

ComplexArray = npt.NDArray[np.complex64]
IntArray = npt.NDArray[np.int64]


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


def _between(columns: int, stretch: float) -> tuple[IntArray, IntArray, FloatArray]:
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
        # A pattern of one column in three has the spectrum of its slots, over and over.
        harmonics = np.arange(PERIOD_COLUMNS // 2 + 1) % PERIOD_SLOTS
        self._spectrum = np.conj(scipy.fft.fft(presence, axis=1)[:, harmonics]).astype(np.complex64)  # (B, M)
        self._share = np.float32((presence != 0).mean() / COLUMNS_PER_SLOT)

    def places(
        self, evidence: FloatArray, stretches: Sequence[float], pitches: int, count: int, most: int | None = None
    ) -> list[Place]:
        """The `count` best places at each of the tempi, best first, `most` in all.

        pitches: how many rows to look up and down, 0 or 1, 4, 7, ... (whole bands of them are looked at together).
        """
        assert pitches % ROWS_PER_BAND == 1 or pitches == 0
        scores = self._scores(evidence, np.array(stretches), pitches)  # (Q, K, P)
        likely = np.arange(len(stretches))
        if most is not None:
            likely = np.argsort(-scores.max(0).max(1), kind="stable")[: CONTENDERS * most]
        flat = scores[:, likely].transpose(1, 0, 2).reshape(len(likely), -1)  # (K, Q * P)
        count = min(count, flat.shape[1])
        columns, shifts = np.divmod(np.argpartition(flat, -count, axis=1)[:, -count:], scores.shape[2])  # (K, W)
        shifts -= pitches
        offsets = (columns - CENTRE_COLUMN) % PERIOD_COLUMNS
        found = self._exact(evidence, [stretches[tempo] for tempo in likely.tolist()], shifts, offsets)
        return sorted(found, key=lambda place: -place.score)[:most]

    def _exact(
        self, evidence: FloatArray, stretches: Sequence[float], shifts: IntArray, offsets: IntArray
    ) -> Iterator[Place]:
        """The places (K, W), with their scores by the evidence folded at each tempo."""
        upright = np.ascontiguousarray(evidence.T)
        folded = np.stack([_folding(len(upright), stretch) @ upright for stretch in stretches])  # (K, Q, R)
        rows = self._beyond + shifts[..., None] + ROWS_PER_BAND * self._bands  # (K, W, U)
        columns = (offsets[..., None] + self._columns) % PERIOD_COLUMNS
        seen = folded[np.arange(len(folded))[:, None, None], columns, rows]  # (K, W, U) the presence cells
        exact = seen @ self._signs / np.sqrt((seen**2).sum(2) + 1e-9)
        for stretch, *places in zip(stretches, exact.tolist(), shifts.tolist(), offsets.tolist(), strict=True):
            for score, shift, offset in zip(*places, strict=True):
                yield Place(score, stretch, shift, offset)

    def _scores(self, evidence: FloatArray, stretches: FloatArray, pitches: int) -> FloatArray:
        """(Q, K, P) scores at each column of a period, with the power of the presence cells taken from that of all."""
        tempi, shifts = len(stretches), 2 * pitches + 1
        within = min(ROWS_PER_BAND, shifts)  # D
        across = _slid(self._spectrum.T, shifts // within)  # (M, B', P / D)
        first = self._beyond - pitches + np.arange(within)[:, None]
        rows = first + ROWS_PER_BAND * np.arange(across.shape[1])  # (D, B')
        upright = np.ascontiguousarray(evidence[rows.ravel()].T)  # (T, D * B')
        spectra = (_folded if tempi <= FOLDED_TEMPI else _sampled)(upright, stretches)
        sums = np.empty((len(across), tempi * within, shifts // within), np.complex64)  # (M, K * D, P / D)
        for start, part in spectra.parts:
            here = slice(start, start + len(part))
            np.matmul(part.reshape(len(part), -1, across.shape[1]), across[here], out=sums[here])
        turned = sums.reshape(len(across), tempi, -1) * spectra.turn[:, :, None]
        power = spectra.power.reshape(tempi, within, -1) @ _slid(np.ones((1, BANDS), np.float32), shifts // within)[0]
        power *= self._share  # (K, D, P / D)
        floor = 1e-4 * power.max((1, 2), keepdims=True) + 1e-9
        scores = scipy.fft.irfft(turned, PERIOD_COLUMNS, axis=0)
        scores /= np.sqrt(np.maximum(power, floor)).reshape(tempi, -1)
        by_row = scores.reshape(PERIOD_COLUMNS, tempi, within, -1).transpose(0, 1, 3, 2)
        return np.asarray(by_row.reshape(PERIOD_COLUMNS, tempi, shifts), np.float32)


@dataclass(frozen=True)
class _Spectra:
    """Of evidence (T, R) folded at K tempi.

    power: (K, R). turn: (M, K) factor that is still to be applied. parts: a few harmonics at a time, the number of the
    first and (few, K, R).
    """

    power: FloatArray
    turn: ComplexArray
    parts: Iterable[tuple[int, ComplexArray]]


def _folded(upright: FloatArray, stretches: FloatArray) -> _Spectra:
    folded = np.stack([_folding(len(upright), stretch) @ upright for stretch in stretches.tolist()], 1)  # (Q, K, R)
    spectra = scipy.fft.rfft(folded, axis=0)
    return _Spectra((folded**2).sum(0), np.ones((len(spectra), len(stretches)), np.complex64), [(0, spectra)])


def _sampled(upright: FloatArray, stretches: FloatArray) -> _Spectra:
    """Harmonic m at a tempo is the evidence's spectrum at m / (Q * stretch) cycles per column."""
    columns, middle = len(upright), len(upright) // 2
    size = scipy.fft.next_fast_len(LONG_TRANSFORM * columns, real=True)
    turned = np.zeros((size, upright.shape[1]), np.float32)  # its middle lies at 0, so that its spectrum is smooth
    turned[: columns - middle], turned[size - middle :] = upright[middle:], upright[:middle]
    spectrum = scipy.fft.rfft(turned, axis=0)  # (F, R)
    cycles = np.arange(PERIOD_COLUMNS // 2 + 1)[:, None] / (PERIOD_COLUMNS * stretches)  # (M, K)
    turn = np.where(cycles < 0.5, np.exp(-2j * np.pi * cycles * middle), 0).astype(np.complex64)
    bins = np.minimum(np.round(cycles * size).astype(np.int64), len(spectrum) - 1)
    starts = range(0, len(bins), HARMONICS_AT_ONCE)
    parts = ((start, spectrum[bins[start : start + HARMONICS_AT_ONCE]]) for start in starts)
    # Slower sound has fewer slots in as many columns.
    return _Spectra(stretches.astype(np.float32)[:, None] * (upright**2).sum(0), turn, parts)


def _slid(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """(F, B + count - 1, count) the values (F, B) moved on by one from column to column, zeros beside them."""
    bands = values.shape[1]
    slid = np.zeros((len(values), bands + count - 1, count), values.dtype)
    for index in range(count):
        slid[:, index : index + bands, index] = values
    return slid
