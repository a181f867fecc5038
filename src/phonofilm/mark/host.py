"""What the sound itself does in every cell: how well it is told by its neighbours, and how random the rest is.

The mark is a change of a fraction of a decibel, the sound's own changes are twenty times as large. Most of them are
seen in the cells around too, so each cell is predicted from twelve neighbours; what is left is divided by its usual
size. The same map tells the embedder how much change a cell bears: where the sound is random, more goes unheard.

    R rows, T columns, J neighbours
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter, uniform_filter1d

from phonofilm.mark.grid import BANDS_PER_OCTAVE, COLUMNS_PER_SLOT, ROWS_PER_BAND, SLOT_S, Rows
from phonofilm.types import FloatArray

FLOOR_POWER = 1e-11
"""Power of a cell, -110 dB of full scale, below which 16-bit sound holds nothing but rounding."""
DEPTH_DB = 85.0
"""Cells further below the loudest are as good as silent."""
FADE_DB = 10.0
"""Over the last decibels above that depth, cells count less and less."""
NEIGHBOURS = (
    *((0, -1), (0, 1), (0, -2), (0, 2), (-1, 0), (1, 0)),
    *((-2, 0), (2, 0), (-1, -1), (1, 1), (-1, 1), (1, -1)),
)
"""Neighbours of a cell, in whole bands and slots."""
REGIONS = 3
"""Low, middle and high rows have a predictor of their own."""
RIDGE = 3e-3
"""Share of the neighbours' variance that is added to steady the fit."""
SPREAD_S = 1.5
"""Length over which the size of the residue is averaged."""
LEAST_SPREAD_DB = 0.04
"""Of a pure tone, which has none of its own."""
LOCAL_RANGE = (0.4, 8.0)
"""How far a moment's residue may pull its spread off the average."""
CLIP = 2.5
"""Residues count up to so many times their spread: one click must not outvote a second of sound."""
LOUDEST_ROW = 1.7
"""Largest share of the evidence that a row may have, in units of the mean row's."""
HEAVIEST = 1.5
"""Largest weight of a cell."""
LEAST_DB, GAIN, MOST_DB = 0.35, 1.15, 1.6
"""Changes that a cell bears, dB: of a pure tone; per unit of the spread that noise would have; of anything."""
PREDICTION_ERROR = 1.1
"""Spread of noise after prediction, in units of its own: neighbours know nothing of noise, and err."""
ONSET_RATIO = 3.5
"""Spread, in units of noise, at which a cell holds an onset and is left alone again."""


def noise_spread_db(rows: Rows) -> FloatArray:
    """(R, 1) spread of the level of Gaussian noise in a cell, dB, from its degrees of freedom and the prediction."""
    low, high = rows.edges_hz
    freedom = np.maximum(1.0, (high - low) * SLOT_S)
    decibels_per_neper = 10 / np.log(10)
    spread = PREDICTION_ERROR * decibels_per_neper * np.sqrt(1 / freedom + 0.5 / freedom**2)
    return np.asarray(spread[:, None], np.float32)


def tolerance_db(spread_db: FloatArray, rows: Rows) -> FloatArray:
    """(R, T) the change that each cell bears, dB."""
    ratio = spread_db / noise_spread_db(rows)
    borne = np.clip(GAIN * ratio, LEAST_DB, MOST_DB) / (1 + (ratio / ONSET_RATIO) ** 4)
    return np.asarray(np.maximum(borne, LEAST_DB), np.float32)


@dataclass(frozen=True)
class Host:
    """residue: (R, T) what the neighbours do not tell, in units of its spread, clipped and weighted: the evidence for a
    sign. spread_db: (R, T). level_db: (R, T). The first two are 0 in rows that the sampling rate has no room for."""

    residue: FloatArray
    spread_db: FloatArray
    level_db: FloatArray


def host(energy: FloatArray, rows: Rows) -> Host:
    """Whiten a map of powers (R, T)."""
    heard = energy.max(1) > 0
    if not heard.any():
        return Host(*(np.zeros_like(energy) for _ in range(3)))
    loudest = float(energy.max())
    floor = np.float32(loudest * 10 ** (-DEPTH_DB / 10) + FLOOR_POWER)
    level_db = 10 * np.log10(energy + floor)
    residue_db = _unexplained(level_db, heard)
    spread_db = _spread(residue_db, heard)
    above = level_db - 10 * np.log10(floor)
    presence = np.clip((above - 10 * np.log10(2)) / FADE_DB, 0, 1)
    weight = presence * np.clip(tolerance_db(spread_db, rows) / spread_db, 0, HEAVIEST)
    residue = _shared_out(np.clip(residue_db / spread_db, -CLIP, CLIP) * weight * heard[:, None])
    return Host(residue.astype(np.float32), np.where(heard[:, None], spread_db, np.float32(0)), level_db)


def _shared_out(residue: FloatArray) -> FloatArray:
    """(R, T) with no row speaking much louder than the others: an edge that a codec left flickers, and says nothing."""
    power = (residue**2).mean(1, keepdims=True)
    most = LOUDEST_ROW * power.sum() / max(1, np.count_nonzero(power))
    return np.asarray(residue * np.sqrt(np.minimum(1, most / np.maximum(power, 1e-20))), np.float32)


def _unexplained(level_db: FloatArray, heard: np.ndarray) -> FloatArray:
    """(R, T) level minus a robust linear prediction from the neighbours, one predictor for each region of rows."""
    columns = level_db.shape[1]
    above, beside = 2 * ROWS_PER_BAND, 2 * COLUMNS_PER_SLOT
    padded = np.pad(level_db, ((above, above), (beside, beside)), mode="edge")
    residue = np.zeros_like(level_db)
    step = max(2, columns // 2000)
    for region in np.array_split(np.flatnonzero(heard), REGIONS):
        if not len(region):
            continue
        first, last = int(region[0]), int(region[-1]) + 1
        views = [
            padded[
                above + band * ROWS_PER_BAND + first : above + band * ROWS_PER_BAND + last,
                beside + slot * COLUMNS_PER_SLOT : beside + slot * COLUMNS_PER_SLOT + columns,
            ]
            for band, slot in NEIGHBOURS
        ]  # J of (rows of the region, T)
        target = level_db[first:last]
        weights, constant = _fit(np.stack([view[:, ::step].ravel() for view in views]), target[:, ::step].ravel())
        told = np.full_like(target, constant)
        for weight, view in zip(weights, views, strict=True):
            told += weight * view
        residue[first:last] = target - told
    return residue


def _fit(neighbours: FloatArray, target: FloatArray) -> tuple[FloatArray, np.float32]:
    """Weights (J,) and constant of the prediction; the second round counts outliers less (Cauchy weights)."""
    trust = np.ones_like(target)
    weights, constant = np.zeros(len(neighbours), np.float32), np.float32(0)
    for last in (False, True):
        total = trust.sum()
        means, mean = neighbours @ trust / total, target @ trust / total
        centred = neighbours - means[:, None]
        gram = ((centred * trust) @ centred.T).astype(np.float64)
        gram += np.eye(len(gram)) * (RIDGE * np.trace(gram) / len(gram) + 1e-9)
        weights = np.linalg.solve(gram, (centred * trust) @ (target - mean)).astype(np.float32)
        constant = np.float32(mean - weights @ means)
        if not last:
            left = target - constant - weights @ neighbours
            usual = 1.5 * np.median(np.abs(left)) + 1e-3
            trust = (1 / (1 + (left / (2 * usual)) ** 2)).astype(np.float32)
    return weights, constant


def _spread(residue_db: FloatArray, heard: np.ndarray) -> FloatArray:
    """(R, T) the usual size of the residue: an average over 1.5 s, times how wild this moment is over the bands."""
    mask = heard.astype(np.float32)
    size = np.abs(residue_db) * np.float32(np.sqrt(np.pi / 2)) * mask[:, None]
    capped = np.minimum(size, 3 * np.median(size[heard]) + 1e-9)
    window = (ROWS_PER_BAND, round(SPREAD_S / SLOT_S) * COLUMNS_PER_SLOT)
    usual = np.sqrt(uniform_filter(capped, window, mode="nearest") ** 2 + np.float32(LEAST_SPREAD_DB**2))
    wide = 2 * BANDS_PER_OCTAVE * ROWS_PER_BAND
    share = uniform_filter1d(mask, wide, mode="nearest") + 1e-6
    moment = uniform_filter(size / usual * mask[:, None], (wide, 2 * COLUMNS_PER_SLOT), mode="nearest") / share[:, None]
    return np.asarray(usual * np.clip(moment, *LOCAL_RANGE), np.float32)
