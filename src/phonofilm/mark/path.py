"""Following the pattern through cuts: the place may jump a few times, and each jump has its price.

Where parts of a sound were cut out or repeated, no single place fits all of it. The presence cells' evidence of short
blocks at every place is joined by dynamic programming (Viterbi) to the best path; a jump costs what it must gain. What
counts for the bound is how many paths there are, not how this one was found: a path with j jumps has a share of
2^-(j + 1) of the budget, divided by the number of such paths.

    B bands, T columns, N slots of a period, H = 3 columns of a slot, J slots of the piece, K blocks, Q = N * H places
"""

from dataclasses import dataclass
from math import lgamma, log

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from phonofilm.mark.grid import BANDS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_COLUMNS, PERIOD_SLOTS
from phonofilm.types import FloatArray

BLOCK_SLOTS = 8
"""Jumps happen between blocks of 144 ms."""
JUMP_COLUMNS = 40
"""Longest jump either way, 240 ms; what is cut in longer pieces is found in windows."""
JUMP_PRICE = 0.5
"""What a jump must gain, in standard deviations of the presence cells' sum over the whole piece."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Path:
    """seen: (B, N) the evidence of every cell, gathered along the path. jumps: how many. begin: the place it begins at.

    trials_log: what it adds to the logarithm of the trials of one look at every place.
    """

    seen: FloatArray
    jumps: int
    begin: int
    trials_log: float


def follow(evidence: FloatArray, presence: FloatArray) -> Path:
    """The best path of the presence cells' signs (B, N), 0 elsewhere, through evidence (B, T)."""
    slots = (evidence.shape[1] - COLUMNS_PER_SLOT) // COLUMNS_PER_SLOT
    columns = np.arange(slots)[:, None] * COLUMNS_PER_SLOT + CENTRE_COLUMN + np.arange(COLUMNS_PER_SLOT)
    by_phase = evidence[:, columns]  # (B, J, H)
    blocks = max(1, slots // BLOCK_SLOTS)
    scores = _block_scores(by_phase, presence, blocks)  # (K, Q)
    share = float((presence != 0).mean())
    size = np.sqrt(share * float((by_phase**2).sum()) / COLUMNS_PER_SLOT + 1e-9)
    places = _best_path(scores, JUMP_PRICE * size)
    jumps = int(np.count_nonzero(np.diff(places)))
    return Path(_gathered(by_phase, places), jumps, int(places[0]), _trials_log(blocks, jumps))


def _edges(slots: int, blocks: int) -> IntArray:
    """(K + 1,) first slot of each block and the end of the last, which takes what is left over."""
    return np.append(np.arange(blocks) * BLOCK_SLOTS, slots)


def _block_scores(by_phase: FloatArray, presence: FloatArray, blocks: int) -> FloatArray:
    """(K, Q) sum of the presence cells' evidence of each block at each place."""
    slots = by_phase.shape[1]
    slot = np.arange(slots)[:, None]
    turned = (slot - np.arange(PERIOD_SLOTS)) % PERIOD_SLOTS  # (J, N) slot of the pattern, for each first slot
    edges = _edges(slots, blocks)[:-1]
    scores = np.empty((blocks, PERIOD_SLOTS, COLUMNS_PER_SLOT), np.float32)
    for phase in range(COLUMNS_PER_SLOT):
        agreement = by_phase[:, :, phase].T @ presence  # (J, N)
        scores[:, :, phase] = np.add.reduceat(np.take_along_axis(agreement, turned, 1), edges, axis=0)
    return scores.reshape(blocks, PERIOD_COLUMNS)


def _best_path(scores: FloatArray, price: float) -> IntArray:
    """(K,) the place of each block on the best path; a jump of up to JUMP_COLUMNS costs `price`."""
    width = 2 * JUMP_COLUMNS + 1
    reached = [scores[0]]
    for block in scores[1:]:
        jumped = maximum_filter1d(reached[-1], width, mode="wrap") - price
        reached.append(block + np.maximum(reached[-1], jumped))
    place = int(reached[-1].argmax())
    places = [place]
    for metric in reached[-2::-1]:
        near = (place + np.arange(-JUMP_COLUMNS, JUMP_COLUMNS + 1)) % PERIOD_COLUMNS
        best = int(near[metric[near].argmax()])
        if metric[best] - price > metric[place]:
            place = best
        places.append(place)
    return np.array(places[::-1], np.int64)


def _gathered(by_phase: FloatArray, places: IntArray) -> FloatArray:
    """(B, N) the evidence of each cell of the pattern along the path (K,)."""
    slots = by_phase.shape[1]
    edges = _edges(slots, len(places))
    place = np.repeat(places, np.diff(edges))  # (J,)
    first, phase = np.divmod(place, COLUMNS_PER_SLOT)
    slot = np.arange(slots)
    seen = np.zeros((PERIOD_SLOTS, BANDS), np.float32)
    np.add.at(seen, (slot - first) % PERIOD_SLOTS, by_phase[:, slot, phase].T)
    return seen.T


def _trials_log(blocks: int, jumps: int) -> float:
    """Logarithm of the number of paths with so many jumps from each place, over their share of the budget."""
    between = blocks - 1
    ways = lgamma(between + 1) - lgamma(jumps + 1) - lgamma(between - jumps + 1)
    return ways + jumps * log(2 * JUMP_COLUMNS) + (jumps + 1) * log(2)
