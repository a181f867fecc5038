"""How much of the mark a sound needs, and where: from what noise and rooms would leave of it.

Some sounds hold far more evidence than any attack takes, others hold enough only as long as nothing is added. So the
mark is read back after the first attempt as it would be under white noise (or 8 bits) and in a small room, and the
loudness that rich sounds do not need is given to those that lack it.

    B bands, L slots, R rows, T columns
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from phonofilm.mark.grid import BAND_ROWS, COLUMNS_PER_SLOT, SLOT_S
from phonofilm.mark.views import room_share
from phonofilm.types import FloatArray

WANTED_SCORE = 35.0
"""Evidence wanted in 10 s, in standard deviations at most; the verdict needs 10, and attacks take their part."""
WANTED_LASTING = 22.0
"""The same after the worse of two attacks: white noise, a small room."""
LASTING_SHARE = 0.5
"""How much the second counts beside the first."""
PUSH_SCALE = 0.94
"""Keeps the mean noise-to-mask ratio of 74 sounds at -17.7 dB."""
RICH_SLOTS = round(10 / SLOT_S)
PUSH_RANGE = (0.75, 4.0)
"""The whole stretch is marked weaker or stronger by this where it holds more or less evidence than that."""
NOISE_SHARE = 0.01
"""Power of the white noise, of the sound's: 20 dB below it."""
ROUNDING_POWER = 2.0**-14 / 12
"""Its power in each channel, at least: that of rounding to 8 bits."""
STEADY_ROOM = 1.5
"""A room holds as much of a steady sound as there is of it anew; such sound is taken to last to three quarters."""
LEAN_SCORES = (10.0, 20.0)
"""Below the second score after an attack, cells that last begin to get more at the others' cost; at the first, all."""
LEAN_MOST = 0.6
"""Exponent of what noise leaves of a cell, at most."""
LEAN_OFFSET = 0.2
LEAN_RANGE, LEAN_CEILING_RANGE = (0.5, 1.5), (0.7, 1.0)
"""How far strengths and ceilings are moved by it."""
NEEDY_SCORES, HIGHEST_CEILINGS_DB = (12.0, 24.0), (-2.0, -8.0)
"""The ceiling rises with the strength up to -8 dB; further only where the first score is below 24, to -2 at 12: the few
sounds that hold next to nothing where marks are."""


@dataclass(frozen=True)
class Need:
    """push: factor for all of a stretch. lean: (B, L) factors for its cells, of equal mean power. highest_ceiling_db:
    how far the ceiling may rise with the strength."""

    push: float
    lean: FloatArray
    highest_ceiling_db: float


def need(agreement: FloatArray, after_noise: FloatArray, after_room: FloatArray) -> Need:
    """What a stretch needs, from its first attempt's evidence (B, L) and the share of it (B, L) that attacks leave."""
    clean = _score(agreement, np.ones_like(agreement))
    lasting = min(_score(agreement, after_noise), _score(agreement, after_room))
    push = PUSH_SCALE * (WANTED_SCORE / clean) ** (1 - LASTING_SHARE) * (WANTED_LASTING / lasting) ** LASTING_SHARE
    low, high = LEAN_SCORES
    lean = (after_noise + LEAN_OFFSET) ** (LEAN_MOST * np.clip((high - lasting) / (high - low), 0, 1))
    highest_db = float(np.interp(clean, NEEDY_SCORES, HIGHEST_CEILINGS_DB))
    return Need(float(np.clip(push, *PUSH_RANGE)), np.asarray(lean / np.sqrt((lean**2).mean()), np.float32), highest_db)


def _score(agreement: FloatArray, left: FloatArray) -> float:
    """Score in 10 s when so much of each cell is left and a detector weighs it by that; at least 1."""
    tens = max(1.0, agreement.shape[1] / RICH_SLOTS)
    weighted = agreement * left
    return max(1.0, float((weighted * left).sum() / np.sqrt((weighted**2).sum() * tens + 1e-9)))


def left_by_noise(energy: FloatArray, sound: FloatArray, rate_hz: int) -> FloatArray:
    """(R, T) share of each cell's power after white noise was added to a sound (C, S) whose map is (R, T)."""
    power = uniform_filter1d(energy, COLUMNS_PER_SLOT, axis=1)
    low, high = (edge[:, None] for edge in BAND_ROWS.edges_hz)
    noise = len(sound) * max(ROUNDING_POWER, NOISE_SHARE * float((sound**2).mean()))
    return np.asarray(power / (power + noise * (high - low) / (rate_hz / 2)), np.float32)


def left_by_room(energy: FloatArray) -> FloatArray:
    """(R, T) share of each cell's power when what came before it rings on in a room."""
    return np.asarray(np.minimum(1, STEADY_ROOM * room_share(energy)), np.float32)
