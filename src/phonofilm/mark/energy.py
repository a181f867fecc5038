"""How strong a sound is in every row and column of the grid.

C channels, S samples, R rows, T columns, F bins of a spectrum, K columns of one batch
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from phonofilm.mark.grid import COLUMN_S, Rows
from phonofilm.types import FloatArray

WINDOW_S = 0.032
"""Hann window of the analysis: long enough for the narrow low bands, short enough for slots of 18 ms."""
_BATCH = 128
"""Columns transformed at once; their spectra stay in a processor's cache (1,024 take half as long again)."""


def column_count(samples: int, rate_hz: int) -> int:
    """How many columns `samples` samples fill; column t looks at (t + 1/2) * 6 ms."""
    return max(1, int(np.ceil(samples / (COLUMN_S * rate_hz))))


@lru_cache(maxsize=16)
def _window(rate_hz: int) -> tuple[FloatArray, int]:
    """The window, scaled so that the squares of a spectrum are powers, and the length of the transform."""
    length = round(WINDOW_S * rate_hz / 2) * 2
    size = 1 << (length - 1).bit_length()
    window = np.hanning(length + 1)[:-1]
    return (window * np.sqrt(2 / (size * np.sum(window**2)))).astype(np.float32), size


@lru_cache(maxsize=16)
def _row_sums(rate_hz: int, rows: Rows, size: int) -> FloatArray:
    """(F, R) share of each bin that belongs to each row; rows beyond the sampling rate's reach are empty."""
    low, high = (edge[None, :] for edge in rows.edges_hz)
    bin_hz = rate_hz / size
    below = ((np.arange(size // 2 + 1) - 0.5) * bin_hz)[:, None]
    share = np.clip(np.minimum(high, below + bin_hz) - np.maximum(low, below), 0, None) / bin_hz
    return np.asarray(share * rows.heard(rate_hz), np.float32)


def energy_map(samples: FloatArray, rate_hz: int, rows: Rows) -> FloatArray:
    """(R, T) mean power of each cell, summed over the channels; a sine at full scale makes 0.5 in each channel.

    samples: (C, S). What lies outside of them counts as silence.
    """
    window, size = _window(rate_hz)
    sums = _row_sums(rate_hz, rows, size)
    columns = column_count(samples.shape[1], rate_hz)
    centres = np.round((np.arange(columns) + 0.5) * COLUMN_S * rate_hz).astype(np.int64)
    padded = np.pad(samples, ((0, 0), (len(window) // 2, len(window))))
    channels = [sliding_window_view(channel, len(window)) for channel in padded]
    energy = np.empty((columns, rows.count), np.float32)
    for start in range(0, columns, _BATCH):
        power = np.zeros((len(centres[start : start + _BATCH]), len(sums)), np.float32)  # (K, F)
        for frames in channels:
            spectra = scipy.fft.rfft(frames[centres[start : start + _BATCH]] * window, size, axis=1)  # (K, F)
            power += spectra.real**2 + spectra.imag**2
        energy[start : start + _BATCH] = power @ sums  # (K, R)
    return np.ascontiguousarray(energy.T)
