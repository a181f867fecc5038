"""Turning the gains of cells up and down: the change of a sound, to be added to it.

Every slot makes its own change and neighbouring slots overlap a little, so a long sound can be changed piece by piece
and the pieces added up.

    C channels, S samples, B bands, L slots, K frames, F bins
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from phonofilm.mark.grid import BANDS, BANDS_PER_OCTAVE, HIGHEST_SHARE, LOWEST_HZ, SLOT_S
from phonofilm.types import FloatArray

FRAME_S = 0.0116
"""Wanted length of the windows that the change is made in (512 samples at 44.1 kHz): no echo reaches further."""
OVERLAP = 4
FADE_SLOTS = 0.30
"""Share of a slot over which one gain turns into the next."""
FADE_BANDS = 0.25
"""Share of a band over which the gains of neighbouring bands blend."""
_BATCH = 2048


@lru_cache(maxsize=16)
def frame_size(rate_hz: int) -> int:
    """Samples of a window: the power of two nearest to 11.6 ms."""
    return int(1 << round(np.log2(FRAME_S * rate_hz)))


def reach(rate_hz: int) -> int:
    """Samples by which the change of a slot reaches beyond it."""
    return frame_size(rate_hz) + round(FADE_SLOTS * SLOT_S * rate_hz)


def _fade(place: FloatArray) -> FloatArray:
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0, 1)), np.float32)


@lru_cache(maxsize=16)
def _band_shares(rate_hz: int) -> FloatArray:
    """(B, F) how much each band's gain counts in each bin; the bands of a bin add up to 1 inside the grid."""
    frequency = np.maximum(scipy.fft.rfftfreq(frame_size(rate_hz), 1 / rate_hz), 1.0)
    place = np.log2(frequency / LOWEST_HZ) * BANDS_PER_OCTAVE
    edge = (np.arange(BANDS + 1))[:, None]
    risen = _fade((place[None, :] - edge) / FADE_BANDS + 0.5)  # (B + 1, F)
    inside = (frequency <= HIGHEST_SHARE * rate_hz)[None, :]
    return np.asarray((risen[:-1] - risen[1:]) * inside, np.float32)


def change(samples: FloatArray, rate_hz: int, gains_db: FloatArray, start: int, first_slot: int) -> FloatArray:
    """(C, S) what to add to `samples` so that slot first_slot + l of band b is gains_db[b, l] louder.

    samples: (C, S), whose first sample is number `start` of the sound; they should reach `reach` beyond the slots.
    Frames stand at whole steps from the sound's beginning, wherever the piece begins.
    """
    size = frame_size(rate_hz)
    hop = size // OVERLAP
    window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
    count = samples.shape[1]
    slot = SLOT_S * rate_hz
    margin = FADE_SLOTS / 2 * slot
    low = int(np.ceil((first_slot * slot - margin) / hop))
    high = int((first_slot + gains_db.shape[1]) * slot + margin) // hop + 1
    left = size + max(0, start - low * hop)
    right = 2 * size + max(0, high * hop - start - count)
    padded = np.pad(samples, ((0, 0), (left, right)))
    out = np.zeros_like(padded)
    for begin in range(low, high, _BATCH):
        frames = np.arange(begin, min(high, begin + _BATCH))
        added = _added_gain((frames * hop / slot - first_slot).astype(np.float32), gains_db) @ _band_shares(
            rate_hz
        )  # (K, F)
        at = int(frames[0]) * hop - start + left - size // 2
        for channel in range(len(samples)):
            pieces = sliding_window_view(padded[channel, at : at + (len(frames) - 1) * hop + size], size)[::hop]
            spectra = scipy.fft.rfft(pieces * window, axis=1) * added
            _overlap_add(out[channel], scipy.fft.irfft(spectra, size, axis=1) * window, at, hop)
    return np.ascontiguousarray(out[:, left : left + count]) * np.float32(2 / OVERLAP)


def _added_gain(place: FloatArray, gains_db: FloatArray) -> FloatArray:
    """(K, B) gain minus one of each band at frames that stand at `place`, in slots from the first one."""
    added = (10.0 ** (gains_db / 20) - 1).astype(np.float32)  # (B, L)
    slot = np.floor(place).astype(np.int64)
    inside = place - slot
    total = np.zeros((len(place), len(added)), np.float32)
    before = 0.5 * _fade_half(1 - inside / (FADE_SLOTS / 2))
    after = 0.5 * _fade_half(1 - (1 - inside) / (FADE_SLOTS / 2))
    for shift, share in ((0, 1 - before - after), (-1, before), (1, after)):
        index = slot + shift
        valid = (index >= 0) & (index < added.shape[1])
        total += (share * valid)[:, None].astype(np.float32) * added.T[np.clip(index, 0, added.shape[1] - 1)]
    return total


def _fade_half(place: FloatArray) -> FloatArray:
    """A rise from 0 to 1 whose mirror image adds up to a smooth cross-fade."""
    return np.asarray(1 - np.cos(np.pi / 2 * np.clip(place, 0, 1)), np.float32)


def _overlap_add(out: FloatArray, pieces: FloatArray, at: int, hop: int) -> None:
    for phase in range(OVERLAP):
        block = pieces[phase::OVERLAP]
        begin = at + phase * hop
        out[begin : begin + block.size] += block.ravel()
