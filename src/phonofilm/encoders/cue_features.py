"""What the cue finder is told of a clip: pictures, motion of blocks, of pairs of frames, and of the clock of answers.

Everything is in units of time and of picture widths, so that it means the same at every frame rate and size.

Dimension letters: F frames, P pairs of frames, h w picture, Y X blocks, C features of a block, G of a pair, T points of
the clock, L features of a point.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from phonofilm.cues import peaks
from phonofilm.encoders.cue_curves import curves_from_motion, strikes
from phonofilm.encoders.motion import BLOCK, Motion, held_still
from phonofilm.types import FloatArray

CLOCK_HZ = 50
"""Points of the network's own clock per second; offsets say where between them an event lies."""
PICTURE_FEATURES, BLOCK_FEATURES, PAIR_FEATURES, CLOCK_FEATURES = 3, 9, 9, 7
USUAL_CONTRAST, USUAL_CHANGE = 64.0, 8.0
"""Grey levels: of a picture about its mean, and of a change that is told from smaller and larger ones best."""
SLOW, FAST = 0.03, 0.3
"""Speeds, in picture widths per second, around which small and large velocities are told apart best."""
FAINT_CHANGE = 0.5
"""Grey levels (of 255), mean over a block: the tick of a small hand."""
USUAL_STEP_S = 0.04
HAND_HZ = Fraction(200)
HAND_WIDTH_S, STRIKE_STEPS, FAINT_STRIKE = 0.025, 0.8, 0.001
FIELDS = ("right", "down", "fastest", "change", "lighter", "unexplained")
"""What `Motion` holds of every block."""


@dataclass(frozen=True)
class Features:
    """What the network sees of one clip; shapes at the head of the file.

    pictures (P, 3, 4 Y, 4 X), or as many zeros where they are not shown; shown; blocks (P, C, Y, X), pairs (P, G),
    clock (T, L); spread (T, P): how much of each pair's time lies around each point, rows adding up to 1 or, where
    nothing was filmed, 0.
    """

    pictures: Tensor
    shown: bool
    blocks: Tensor
    pairs: Tensor
    clock: Tensor
    spread: Tensor


def hand_events(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """Times (s) and strengths of the events that the hand-made curves hold."""
    if len(motion.times_s) < 3:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    count = math.ceil(float(motion.times_s[-1]) * HAND_HZ) + 1
    return peaks(curves_from_motion(motion, HAND_HZ, count).onset, HAND_HZ)


def features_of(
    motion: Motion,
    hand: tuple[FloatArray, FloatArray] | None,
    first_s: float,
    count: int,
    dtype: torch.dtype,
    shown: bool = True,
) -> Features:
    """The features of a clip on the clock points first_s + n / CLOCK_HZ, n < count; hand None: not told."""
    step_s = np.maximum(np.diff(motion.times_s), 1e-3).astype(np.float32)  # (P,)
    points_s = first_s + np.arange(count) / CLOCK_HZ
    return Features(
        torch.from_numpy(_picture_features(motion, step_s, shown)).to(dtype),
        shown,
        torch.from_numpy(_block_features(motion)).to(dtype),
        torch.from_numpy(_pair_features(motion, step_s)),
        torch.from_numpy(_clock_features(motion, step_s, hand, points_s)),
        torch.from_numpy(_spread(motion.times_s, points_s)),
    )


def _picture_features(motion: Motion, step_s: FloatArray, shown: bool) -> FloatArray:
    """(P, 3, 4 Y, 4 X): what is seen, how it changes with the camera held still, and how long that takes; or zeros."""
    rows, columns = (BLOCK * count for count in motion.right.shape[1:])
    parts = np.zeros((len(step_s), PICTURE_FEATURES, rows, columns), np.float32)
    if not shown:
        return parts
    before, after = (picture[:, :rows, :columns] for picture in held_still(motion))
    parts[:, 0] = (before - before.mean((1, 2), keepdims=True)) / USUAL_CONTRAST
    parts[:, 1] = np.arcsinh((after - before) / USUAL_CHANGE)
    parts[:, 2] = np.log(step_s / USUAL_STEP_S)[:, None, None]
    parts[motion.cut] = 0
    return parts


def _block_features(motion: Motion) -> FloatArray:
    """(P, C, Y, X), each about -3 to 3."""
    rows = motion.right.shape[1]
    height = np.linspace(-1, 1, 2 * rows + 1, dtype=np.float32)[1::2, None]
    still = np.zeros_like(motion.right)
    parts = (
        np.arcsinh(motion.right / SLOW) / 2,
        np.arcsinh(motion.down / SLOW) / 2,
        motion.right / FAST,
        motion.down / FAST,
        np.log1p(motion.fastest / SLOW) / 2,
        np.log1p(motion.change / FAINT_CHANGE) / 2,
        np.arcsinh(motion.lighter / FAINT_CHANGE) / 2,
        np.log1p(motion.unexplained / FAINT_CHANGE) / 2,
        still + height,
    )
    return np.stack(parts, 1).clip(-6, 6).astype(np.float32)


def _pair_features(motion: Motion, step_s: FloatArray) -> FloatArray:
    """(P, G)."""
    brighter = np.diff(motion.level)
    parts = (
        np.log(step_s / USUAL_STEP_S),
        *np.arcsinh(motion.camera[:, :2].T / SLOW) / 2,
        *np.arcsinh(motion.camera[:, 2:].T / SLOW) / 2,
        np.arcsinh(brighter / FAINT_CHANGE) / 3,
        motion.level[1:] / 128 - 1,
        motion.cut.astype(np.float32),
        np.log1p(np.hypot(motion.right, motion.down).mean((1, 2)) / SLOW),
    )
    return np.stack(parts, 1).clip(-6, 6).astype(np.float32)


def _clock_features(
    motion: Motion, step_s: FloatArray, hand: tuple[FloatArray, FloatArray] | None, points_s: npt.NDArray[np.float64]
) -> FloatArray:
    """(T, L): whether anything was filmed there, when the frames before and after are, and what the hand-made say."""
    out = np.zeros((len(points_s), CLOCK_FEATURES), np.float32)
    times_s = motion.times_s
    if not len(step_s):
        return out
    at = np.clip(np.searchsorted(times_s, points_s, side="right") - 1, 0, len(step_s) - 1)
    out[:, 0] = (points_s >= times_s[0]) & (points_s <= times_s[-1])
    out[:, 1] = np.log(step_s[at] / USUAL_STEP_S)
    out[:, 2] = ((points_s - times_s[at]) / USUAL_STEP_S).clip(-4, 4)
    out[:, 3] = ((times_s[at + 1] - points_s) / USUAL_STEP_S).clip(-4, 4)
    if hand is not None:
        out[:, 4] = 1
        out[:, 5] = _bumps(hand[0], hand[1], np.full(len(hand[0]), HAND_WIDTH_S), points_s)
        if len(times_s) > 2:
            widths_s = np.maximum(HAND_WIDTH_S, STRIKE_STEPS * step_s[1:])
            out[:, 6] = np.log1p(_bumps(times_s[1:-1], strikes(motion), widths_s, points_s) / FAINT_STRIKE) / 3
    return out


def _bumps(
    times_s: npt.NDArray[Any], sizes: FloatArray, widths_s: npt.NDArray[Any], points_s: npt.NDArray[np.float64]
) -> FloatArray:
    """(T,) sum of Gaussian bumps."""
    away = (points_s[:, None] - times_s) / widths_s  # (T, events)
    return np.asarray(np.exp(-0.5 * away**2) @ sizes, np.float32)


def _spread(times_s: npt.NDArray[np.float64], points_s: npt.NDArray[np.float64]) -> FloatArray:
    """(T, P): share of each pair in the stretch of one clock step around each point."""
    half = 0.5 / CLOCK_HZ
    low = np.maximum(points_s[:, None] - half, times_s[:-1])
    high = np.minimum(points_s[:, None] + half, times_s[1:])
    overlap = np.maximum(high - low, 0)
    return np.asarray(overlap / np.maximum(overlap.sum(1, keepdims=True), 1e-9), np.float32)


def between(motion: Motion, first_s: float, end_s: float) -> Motion:
    """The pairs of frames that overlap a span of time, two at least where there are two."""
    low = int(np.searchsorted(motion.times_s, first_s, side="right")) - 1
    high = int(np.searchsorted(motion.times_s, end_s, side="left"))
    low = max(0, min(low, len(motion.times_s) - 3))
    frames = slice(low, max(low + 3, high + 1))
    pairs = slice(low, frames.stop - 1)
    blocks = (getattr(motion, name)[pairs] for name in FIELDS)
    right, down, fastest, change, lighter, unexplained = blocks
    times_s, camera, level, cut = motion.times_s[frames], motion.camera[pairs], motion.level[frames], motion.cut[pairs]
    pictures = motion.pictures[frames]
    return Motion(times_s, right, down, fastest, change, lighter, unexplained, camera, level, cut, pictures)
