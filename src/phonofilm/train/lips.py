"""The recipe of the lip reader: two ridge regressions on lessons of talking faces.

The reader in the package learned from seven clips of the GRID corpus (Cooke, Barker, Cunningham and Shao 2006, CC BY
4.0), by `write_reader(train_reader([lesson_of(probe(path)) for path in paths]), FILE)`.

Dimension letters: F frames, N points of the even clock, M measures, T taps, K weights.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from phonofilm.voice.lessons import CURVE_HZ, Lesson
from phonofilm.voice.lip_reader import LipReader, levelled, on_clock, speaking_inputs, windows

Floats = npt.NDArray[np.float64]
OPENING_TAPS, SPEAKING_TAPS = 9, 13
"""At 25 a second: a syllable and two."""
OPENING_RIDGE, SPEAKING_RIDGE = 100.0, 100.0
"""Chosen by leaving one clip out among 30, 100 and 300."""
SOUND_LATE_S = 0.02
"""Frames show the mouth over the 40 ms that follow their time."""
NEWTON_STEPS = 25
LEAST_SPREAD = 0.5
"""Of the spread of a speaking face: the least that measures are taken to vary by."""


def train_reader(lessons: Sequence[Lesson]) -> LipReader:
    """The reader that the lessons teach. The same lessons give the same reader."""
    assert lessons, "give at least one lesson"
    clocks = [on_clock(lesson.measures, lesson.times_s) for lesson in lessons]
    spread = LEAST_SPREAD * np.mean([even[:, :6].std(axis=0) for _, even in clocks], axis=0)  # (6,)
    taught = [_curve(lesson.loudness, clock) for lesson, (clock, _) in zip(lessons, clocks, strict=True)]
    seen = np.concatenate([windows(levelled(even, spread), OPENING_TAPS) for _, even in clocks])  # (N, K)
    opening, opening_constant = _ridge(seen, np.concatenate(taught))
    inputs = [speaking_inputs(even) for _, even in clocks]
    mean, scale = np.concatenate(inputs).mean(axis=0), np.concatenate(inputs).std(axis=0)  # (4,)
    stirred = np.concatenate([windows((each - mean) / scale, SPEAKING_TAPS) for each in inputs])  # (N, K)
    speaks = [
        _curve(lesson.speaks.astype(float), clock) > 0.5 for lesson, (clock, _) in zip(lessons, clocks, strict=True)
    ]
    speaking, speaking_constant = _logistic(stirred, np.concatenate(speaks).astype(float))
    return LipReader(
        opening=opening.reshape(OPENING_TAPS, -1),
        opening_constant=opening_constant,
        spread=spread,
        speaking=speaking.reshape(SPEAKING_TAPS, -1),
        speaking_constant=speaking_constant,
        mean=mean,
        scale=scale,
    )


def write_reader(reader: LipReader, path: Path) -> None:
    """Store the reader's numbers as float32 safetensors."""
    numbers = {
        "opening": reader.opening,
        "opening_constant": np.array([reader.opening_constant]),
        "spread": reader.spread,
        "speaking": reader.speaking,
        "speaking_constant": np.array([reader.speaking_constant]),
        "mean": reader.mean,
        "scale": reader.scale,
    }
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in numbers.items()}, path)


def _curve(values: Floats, clock: Floats) -> Floats:
    return np.interp(clock + SOUND_LATE_S, np.arange(len(values)) / CURVE_HZ, values)


def _ridge(seen: Floats, taught: Floats) -> tuple[Floats, float]:
    """Weights (K,) and constant of the least squares with small weights; inputs are around zero."""
    constant = float(taught.mean())
    weights = np.linalg.solve(seen.T @ seen + OPENING_RIDGE * np.eye(seen.shape[1]), seen.T @ (taught - constant))
    return np.asarray(weights, np.float64), constant


def _logistic(seen: Floats, taught: Floats) -> tuple[Floats, float]:
    """Weights (K,) and constant of the logistic regression with small weights, by Newton's method."""
    inputs = np.hstack([seen, np.ones((len(seen), 1))])  # (N, K + 1)
    ridge = SPEAKING_RIDGE * np.eye(inputs.shape[1])
    ridge[-1, -1] = 0.0
    weights = np.zeros(inputs.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        bend = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + ridge
        weights = weights - np.linalg.solve(bend, inputs.T @ (chance - taught) + ridge @ weights)
    return weights[:-1], float(weights[-1])
