"""How much a sound that goes on swells and sinks, and how to hold it to what such sounds do.

Guidance exaggerates what noise begins with, slow changes of level too: crickets that fade out and come back, where
recordings of crickets stay as loud as they are.

Dimension letters: S samples, B blocks.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d

from phonofilm.types import FloatArray

BLOCK_S, SPAN_BLOCKS = 0.1, 5
"""Blocks whose level is taken over so many: half a second, so that single strokes and crackles do not count."""
LEAST_BLOCKS = 25
"""In less time than this a slow change cannot be told from a beginning or an end."""
FAINT_DB = 25.0
"""What lies so far below the loudest is a rest, however faint; before and after the sound it does not count."""
AT_ONCE = 1 << 20
"""Samples whose gain is worked out at a time: an hour of sound has 159 million."""
MOST_RAISED_DB = 12.0
"""What is raised by more brings up what lies beneath it."""
EDGE_S = 0.25
"""Within this time of what stands beside it, a part of a sound comes back to the level that it had."""


def swell_db(wave: FloatArray, rate_hz: int) -> float | None:
    """The standard deviation, in dB, of the level of half a second of a sound (S,); None where it is too short.

    Rests before it begins and after it has ended are left out.
    """
    level_db = _levels(wave, rate_hz)
    heard = np.flatnonzero(level_db > level_db.max(initial=-np.inf) - FAINT_DB)
    if not len(heard) or heard[-1] + 1 - heard[0] < LEAST_BLOCKS:
        return None
    return float(_floored(level_db)[heard[0] : heard[-1] + 1].std())


def held(wave: FloatArray, rate_hz: int, most_db: float, *, part: bool = False) -> FloatArray:
    """A sound that is meant to go on throughout (S,), its slow changes of level made smaller, so that they deviate by
    `most_db` at most; one too short to swell as it is. part: something else stands before and after it, so that its
    first and last sample stay as they are."""
    level_db = _levels(wave, rate_hz)  # (B,)
    if len(level_db) < LEAST_BLOCKS:
        return wave
    level_db = _floored(level_db)
    deviation_db = float(level_db.std())
    if deviation_db <= most_db:
        return wave
    gain_db = (most_db / deviation_db - 1) * (level_db - np.median(level_db))
    middles = (np.arange(len(gain_db)) + 0.5) * round(BLOCK_S * rate_hz)
    gain = 10 ** (np.minimum(gain_db, MOST_RAISED_DB) / 20)
    if part:
        last = len(wave) - 1
        edge = round(EDGE_S * rate_hz)
        points = np.union1d(middles[(middles > edge) & (middles < last - edge)], [edge, last - edge])
        gain = np.concatenate([[1], np.interp(points, middles, gain), [1]])
        middles = np.concatenate([[0], points, [last]])
    out = wave.copy()
    for first in range(0, len(wave), AT_ONCE):
        some = out[first : first + AT_ONCE]
        some *= np.interp(np.arange(first, first + len(some)), middles, gain)
    return out


def _floored(level_db: FloatArray) -> FloatArray:
    """Levels (B,), those of rests all alike."""
    return np.asarray(np.maximum(level_db, level_db.max() - FAINT_DB))


def _levels(wave: FloatArray, rate_hz: int) -> FloatArray:
    """(B,) the level of SPAN_BLOCKS around each block, dB."""
    block = round(BLOCK_S * rate_hz)
    count = len(wave) // block
    power = np.square(wave[: count * block].reshape(count, block)).mean(1, dtype=np.float64)
    levels: FloatArray = 10 * np.log10(uniform_filter1d(power, SPAN_BLOCKS, mode="nearest") + 1e-12)
    return levels
