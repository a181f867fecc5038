"""Ways to see the same sound: which moments are likely to be the marked sound's own, and which were added later.

What was added to a sound after it was marked hides the mark where it is louder, and says nothing there. What is its own
and what was added cannot be told for sure, but a few guesses cover most of what happens to sound: noise, that fills the
gaps; rounding to few bits; a voice that speaks over it; a room that lets everything ring on. Each view weighs the
evidence by one guess and is looked at as well. None depends on the key, so the bound holds for each of them.

    R rows, T columns
"""

import numpy as np
from scipy.ndimage import uniform_filter, uniform_filter1d
from scipy.signal import lfilter

from phonofilm.mark.grid import COLUMN_S, COLUMNS_PER_SLOT, ROWS_PER_BAND, Rows
from phonofilm.mark.host import Host, host
from phonofilm.types import FloatArray

LEAST_WEIGHT = 0.05
QUIET_PERCENT = 10.0
"""Share of the time, percent, that is taken for a row's gaps."""
QUIET_DB = 60.0
"""Gaps deeper than this below the loudest cell are taken to be as deep."""
STANDING_DB = 6.0
"""So much above its gaps a moment counts in full."""
STANDING_COLUMNS = 9
"""Levels are averaged over 54 ms to tell gaps and floors."""
STEP = 3
"""Percentiles are taken of every third column: averages over 54 ms hardly change within 18."""
LOW_SIZE = (5, 15)
"""Rows and columns (90 ms) over which powers are averaged to tell how loud the gaps of an added voice are."""
LOW_RATIO = 4.0
"""Up to so many times (6 dB) the power of its row's gaps, a moment counts in full."""
FLOOR_DB = -20.0
"""Power of white noise that is laid under the sound before it is looked at, of the sound's own in the bands; it hides
the rounding of quiet moments, which jumps by 20 dB from cell to cell."""
FLOOR_RANGE_HZ = 22050.0
FLOOR_PERCENT = 10.0
"""Share of the cells, percent, that is taken for the floor of a noise that is as strong at every frequency."""
FLOOR_RATIO = 1.5
ROOM_S = 0.3
"""Time in which the sound of a room is taken to fade by 60 dB."""
ROOM_DELAY_COLUMNS = 4
"""What a room says of a moment is counted from 24 ms on."""
QUIETEST = 1e-14


def standing_out(seen: Host) -> FloatArray:
    """(R, T) the evidence by how much each moment stands out of the quietest of its row.

    Noise that was added later fills the gaps, and what it fills says nothing. Sound without gaps keeps one weight.
    """
    smooth = uniform_filter1d(seen.level_db, STANDING_COLUMNS, axis=1, mode="nearest")
    quiet = np.maximum(
        np.percentile(smooth[:, ::STEP], QUIET_PERCENT, axis=1, keepdims=True), seen.level_db.max() - QUIET_DB
    )
    return np.asarray(seen.residue * np.clip((smooth - quiet) / STANDING_DB, LEAST_WEIGHT, 1), np.float32)


def lying_low(seen: Host, energy: FloatArray) -> FloatArray:
    """(R, T) the evidence by how little a moment stands out: an added voice leaves steady sound alone in its pauses."""
    smooth = uniform_filter(energy, LOW_SIZE, mode="nearest")
    quiet = np.percentile(smooth[:, ::STEP], QUIET_PERCENT, axis=1, keepdims=True)
    return np.asarray(seen.residue * np.minimum(1, LOW_RATIO * quiet / (smooth + QUIETEST)), np.float32)


def above_floor(energy: FloatArray, rows: Rows) -> FloatArray:
    """(R, T) the evidence over a floor of white noise, by how far each cell rises above it."""
    low, high = rows.edges_hz
    width = (high - low)[:, None]
    heard = energy.max(1, keepdims=True) > 0
    if not heard.any():
        return np.zeros_like(energy)
    density = uniform_filter1d(energy, STANDING_COLUMNS, axis=1, mode="nearest") / width
    own = (
        energy[rows.beyond : rows.count - rows.beyond : ROWS_PER_BAND].sum(0).mean()
        / FLOOR_RANGE_HZ
        * 10 ** (FLOOR_DB / 10)
    )
    floor = max(own, FLOOR_RATIO * np.percentile(density[heard[:, 0], ::STEP], FLOOR_PERCENT))
    seen = host(energy + np.float32(own) * width * heard, rows)
    return np.asarray(seen.residue * np.clip(1 - floor / (density + QUIETEST), LEAST_WEIGHT, 1), np.float32)


def before_the_room(seen: Host, energy: FloatArray) -> FloatArray:
    """(R, T) the evidence by how much each moment is louder than what the moments before it leave in a room."""
    return np.asarray(seen.residue * room_share(energy), np.float32)


def room_share(energy: FloatArray) -> FloatArray:
    """(R, T) each moment's own share of the power when the moments before it ring on in a room."""
    smooth = uniform_filter1d(energy, COLUMNS_PER_SLOT, axis=1, mode="nearest")
    kept = 10 ** (-6 * COLUMN_S / ROOM_S)
    past = lfilter([1 - kept], [1, -kept], smooth, axis=1)
    past = np.pad(past, ((0, 0), (ROOM_DELAY_COLUMNS, 0)))[:, : energy.shape[1]]
    return np.asarray(smooth / (smooth + past + QUIETEST), np.float32)
