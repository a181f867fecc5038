"""How loud a change may be before it is heard: a ceiling from the sound's own masking, and a guard for gaps and peaks.

The masking is a simplified form of the model of ITU-R BS.1387 (PEAQ): powers in quarter-Bark bands, spread to their
neighbours (27 dB/Bark downwards, 15 dB/Bark upwards), less an offset.

    C channels, S samples, B bands, L slots, K frames, F bins, Z quarter-Bark bands
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import convolve1d, maximum_filter1d, minimum_filter1d

from phonofilm.mark.grid import BAND_ROWS, BANDS, ROWS_PER_BAND, SLOT_S
from phonofilm.types import FloatArray

FRAME_S = 0.0464
"""Wanted length of the ear's frames (2048 samples at 44.1 kHz)."""
BANDS_PER_BARK = 4
BARK_SCALE_HZ = 650.0
DOWNWARD_DB, UPWARD_DB = 27.0, 15.0
"""Slopes of masking, dB per Bark."""
LOW_OFFSET_DB, OFFSET_PER_BARK_DB, LOW_OFFSET_BARK = 3.0, 0.25, 12.0
"""The threshold lies so far below what masks it: 3 dB up to 12 Bark, a quarter decibel per Bark above."""
CEILING_DB = -12.0
"""Loudest change of a cell, against what would just be masked."""
LEAKING_BANDS = 5
"""The lowest bands also answer for what their windows leak below the grid."""
QUIETEST = 1e-9
"""Share of the loudest band's power that is taken as the threshold of hearing."""
BLOCK_S = 0.0015
"""Step of the guard."""
CHANGE_SHARE = 0.30
"""Largest change within a block, as a share of the sound there: no window leaves an echo in the gap before an onset."""
CUT_SHARE = 0.004
"""Largest part of a change that is cut off at full scale, within a block, as a share of the sound there."""
EASE = np.hanning(19)[1:-1] / np.hanning(19)[1:-1].sum()
"""Over 17 blocks, 26 ms, the change is turned down before a peak and up after it, lest the turning itself be heard."""
GUARD_REACH = len(EASE) + 3
"""Blocks on either side that the guard of a block depends on, with one to spare."""
FULL_SCALE = 1.0


def _bark(frequency_hz: FloatArray) -> FloatArray:
    return np.asarray(7 * np.arcsinh(frequency_hz / BARK_SCALE_HZ))


@lru_cache(maxsize=16)
def _frame_size(rate_hz: int) -> int:
    return int(1 << round(np.log2(FRAME_S * rate_hz)))


@lru_cache(maxsize=16)
def _ear(rate_hz: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums of bins (F, Z), spreading (Z, Z) and the place of each band of the grid (B,) in quarter Barks."""
    size = _frame_size(rate_hz)
    place = (_bark(scipy.fft.rfftfreq(size, 1 / rate_hz)) * BANDS_PER_BARK).astype(np.int64)
    count = int(place[-1]) + 1
    sums = (place[:, None] == np.arange(count)[None, :]).astype(np.float32)
    centres = (np.arange(count) + 0.5) / BANDS_PER_BARK
    up = centres[None, :] - centres[:, None]
    spread = 10 ** (np.where(up >= 0, -UPWARD_DB, DOWNWARD_DB) * up / 10)
    spread /= spread.sum(1, keepdims=True)
    offset_db = np.where(centres <= LOW_OFFSET_BARK, LOW_OFFSET_DB, OFFSET_PER_BARK_DB * centres)
    bands = (_bark(BAND_ROWS.centres_hz[::ROWS_PER_BAND]) * BANDS_PER_BARK).astype(np.int64)
    return sums, (spread * 10 ** (-offset_db / 10)).astype(np.float32), np.clip(bands, 2, max(2, count - 4))


def _bark_powers(samples: FloatArray, rate_hz: int, starts: np.ndarray) -> FloatArray:
    """(C, K, Z) power in quarter-Bark bands of frames that begin at `starts` of the padded sound."""
    size = _frame_size(rate_hz)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, ((0, 0), (size, 2 * size)))
    sums = _ear(rate_hz)[0]
    powers = []
    for channel in padded:
        spectra = scipy.fft.rfft(sliding_window_view(channel, size)[starts] * window, axis=1)
        powers.append((spectra.real**2 + spectra.imag**2) @ sums)
    return np.stack(powers)


def ceiling(
    samples: FloatArray, changed: FloatArray, rate_hz: int, start: int, first_slot: int, slots: int, ceiling_db: float
) -> FloatArray:
    """(B, L) factors that bring a change (C, S) of a sound (C, S) to the ceiling; above 1 where there is room.

    start: number of the first sample in the whole sound; first_slot, slots: which slots are asked for.
    """
    size = _frame_size(rate_hz)
    centres = (first_slot + np.arange(slots) + 0.5) * SLOT_S * rate_hz - start
    starts = np.clip(np.round(centres).astype(np.int64) - size // 2 + size, 0, samples.shape[1] + size)
    _, spread, bands = _ear(rate_hz)
    host = _bark_powers(samples, rate_hz, starts)
    threshold = host @ spread + QUIETEST * host.max() + 1e-12
    ratio = (_bark_powers(changed, rate_hz, starts) / threshold).max(0)  # (L, Z)
    near = np.max([ratio[:, np.minimum(bands + step, ratio.shape[1] - 1)] for step in range(-2, 4)], 0)  # (L, B)
    below = ratio[:, : int(bands[0])].max(1, keepdims=True)
    near[:, :LEAKING_BANDS] = np.maximum(near[:, :LEAKING_BANDS], below)
    worst = maximum_filter1d(near, 3, axis=0, mode="nearest")
    assert worst.shape == (slots, BANDS)
    return np.asarray(np.sqrt(10 ** (ceiling_db / 10) / (worst.T + 1e-12)), np.float32)


def guard_block(rate_hz: int) -> int:
    """Samples of a block of the guard."""
    return max(8, round(BLOCK_S * rate_hz))


def guard(samples: FloatArray, changed: FloatArray, rate_hz: int, start: int) -> FloatArray:
    """(C, S) the change, turned down where it would fill a gap or much of it pass full scale; what passes is cut off.

    Full scale, or the sound's own peak where that is higher. Exact silence stays exact. Blocks stand at whole steps
    from the sound's beginning.
    """
    block = guard_block(rate_hz)
    lead = start % block
    count = samples.shape[1]
    room = np.maximum(FULL_SCALE, np.abs(samples)) - np.abs(samples)
    pad = ((0, 0), (lead, -(lead + count) % block))
    shape = (len(samples), -1, block)
    sound, move, space = (np.pad(part, pad).reshape(shape) for part in (samples, changed, room))  # (C, blocks, block)
    passing = np.maximum(np.maximum(move * np.sign(sound), 0) - space, 0)
    # Less each block's mean: a bass that rings on hides nothing of a change far above it.
    loudness, moved = (np.sqrt(part.var(axis=2).mean(0)) for part in (sound, move))
    gaps = np.minimum(1, CHANGE_SHARE * loudness / np.maximum(moved, 1e-20))
    peaks = np.minimum(1, CUT_SHARE * loudness / np.maximum(np.sqrt((passing**2).mean((0, 2))), 1e-20))
    eased = convolve1d(minimum_filter1d(peaks, len(EASE) + 2, mode="nearest"), EASE, mode="nearest")
    factor = np.minimum(eased, minimum_filter1d(gaps, 3, mode="nearest")).astype(np.float32)
    if factor.min() < 1:
        at = np.arange(lead, lead + count, dtype=np.float32)
        changed = changed * np.interp(at, (np.arange(len(factor)) + 0.5) * block, factor).astype(np.float32)
    return np.asarray(np.clip(changed, np.where(samples < 0, -room, -np.inf), np.where(samples < 0, np.inf, room)))
