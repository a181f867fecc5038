"""Moves of a fader: spans of a sound made quieter, with soft edges.

Dimension letters: S samples.
"""

from collections.abc import Iterable

import numpy as np

from phonofilm.types import FloatArray

EDGE_S = 0.08
"""Between two levels; a step would be heard as a click, a longer way as a fade."""


def ridden(wave: FloatArray, moves: Iterable[tuple[float, float, float]], rate_hz: int) -> FloatArray:
    """(S,) → (S,): each span (start in seconds, end, gain in dB) of the sound changed by its gain.

    The level moves within EDGE_S around each end, evenly in dB. Where spans overlap, the last one holds.
    """
    moves = list(moves)
    if not moves or not len(wave):
        return wave
    gain_db = np.zeros(len(wave))
    for start_s, end_s, level_db in moves:
        first, end = (int(min(max(time_s * rate_hz, 0), len(wave))) for time_s in (start_s, end_s))
        gain_db[first:end] = level_db
    edge = min(max(1, round(EDGE_S * rate_hz)), len(wave))
    padded = np.pad(gain_db, (edge // 2, edge - edge // 2), mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    smooth_db = (total[edge:] - total[:-edge])[: len(wave)] / edge  # the mean over EDGE_S around each sample
    return np.asarray(wave * 10 ** (smooth_db / 20), np.float32)
