"""Cue curves from pixels: when something strikes, how much goes on, and where.

What is heard of a collision is the moment a fast motion ends or turns round. So the local motion (camera taken out)
is followed from frame to frame, and speed lost along the direction of motion is the sign of a strike. Motion downwards
counts most and motion upwards hardly: hands, sticks, feet and balls are lifted silently and come down on something.
A jerk out of stillness (recoil, a barking head) and a flash are events too; cuts, pans, shakes and fades are not.

The figures below were set by hand while looking at eight recordings with sharp onsets (mean F1 minus chance 0.37) and
a few silent ones, so that mean flatters. Moving any one of eleven tried by a quarter changes it by at most 0.05.

Dimension letters: N curve points, P pairs of frames, E = P - 1 instants between pairs, Y X blocks, K events.
"""

from fractions import Fraction

import numpy as np
from scipy import ndimage

from phonofilm.cues import CueCurves, bumps
from phonofilm.encoders.motion import DoubleArray, Motion, cue_request, find_motion
from phonofilm.types import FloatArray, Frames

__all__ = ["cue_request", "curves_from_motion", "find_cues", "strikes"]

POOL_BLOCKS = 0.5
"""Standard deviation, in blocks, of the neighbourhood that an object may move in without seeming to stop."""
DOWNWARDS = 0.45
"""Weight of the direction: a strike counts 1 downwards, 0.55 sideways, 0.1 upwards."""
SILENT_LOSS = 0.04
"""Speed (picture widths per second) that a block may lose without a sound; below it also lie flicker and grain."""
FINE_HZ = 200
STRIKE_WIDTH_S = 0.03
STRIKE_WIDTH_STEPS = 0.8
"""A stop spread over much more than these (seconds, or frame steps if longer) is a hand coming to rest, no strike."""
LEVEL_SPAN_S, LEVEL_SPAN_STEPS = 1.0, 16
"""What goes on all the time, by the median over this span (seconds, or steps if longer) either way, is no strike."""
NEIGHBOUR_S = 0.13
RELATIVE_THRESHOLD = 0.33
USUAL_SPAN_S = 3.0
"""Least strike as a share of the strong ones within USUAL_SPAN_S before and after."""
FLOOR = 0.0005
"""Least strike at all, in picture widths per second times share of the picture."""
STOPPED_SHARE = 0.15
"""Least strike as a share of all motion just before it: of many things that move, one more stop is not heard."""
JERK_S, STILL_S, STILL_SHARE = 0.16, 0.19, 0.5
"""A jerk lasts at most JERK_S and follows STILL_S in which the speed stays below STILL_SHARE of the jerk's."""
FLASH_LEVEL = 10.0
"""Least jump of the mean luma (of 255) that is a flash, if it is gone again within FLASH_S."""
FLASH_S = 0.2
MIN_STRENGTH, FAINT = 0.2, 0.01
"""An event is never drawn weaker than MIN_STRENGTH; one of size FAINT (unit of FLOOR) loses a third of its strength."""
ACTIVITY_FULL = 0.15
"""Mean local speed, in picture widths per second, at which activity is 0.63."""


def find_cues(frames: Frames, rate_hz: Fraction, count: int) -> CueCurves:
    """Cue curves on a clock of `rate_hz` with N = count points, from every decoded frame of a clip.

    frames: as asked for by `cue_request`, with their true instants. Fewer than three frames give silent curves.
    """
    return curves_from_motion(find_motion(frames), rate_hz, count)


def curves_from_motion(motion: Motion, rate_hz: Fraction, count: int) -> CueCurves:
    """The same from motion already found."""
    activity, place = _activity_and_place(motion, rate_hz, count)
    times_s, strengths = _events(motion)
    return CueCurves(rate_hz, bumps(times_s, strengths, rate_hz, count), activity, place)


def strikes(motion: Motion) -> FloatArray:
    """(E,) speed lost at the instants times_s[1:-1], in picture widths per second times share of the picture."""
    sigmas = (0, POOL_BLOCKS, POOL_BLOCKS)
    right, down = (ndimage.gaussian_filter(part, sigmas, mode="constant") for part in (motion.right, motion.down))
    speed = np.hypot(right, down) + 1e-9
    along, sink = right / speed, down / speed  # direction of motion, (P, Y, X)
    weight = (1 - DOWNWARDS) + DOWNWARDS * sink
    lost_right, lost_down = right[:-1] - right[1:], down[:-1] - down[1:]  # (E, Y, X)
    loss = weight[:-1] * (lost_right * along[:-1] + lost_down * sink[:-1])
    # A frame pair around a rebound shows what is left of both directions. When it is already the new one, the second
    # half of the turn is measured along the old one.
    turned = along[1:-1] * along[:-2] + sink[1:-1] * sink[:-2] < 0
    second = weight[:-2] * (lost_right[1:] * along[:-2] + lost_down[1:] * sink[:-2])
    loss[1:] = np.maximum(loss[1:], np.where(turned, second, 0))
    heard = np.maximum(loss - SILENT_LOSS, 0).mean((1, 2))  # (E,)
    heard[motion.cut[:-1] | motion.cut[1:]] = 0
    return np.asarray(heard, np.float32)


def _events(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """Times (s) and strengths (0..1) of everything heard at one instant, (K,) each, in order."""
    if len(motion.right) < 2:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    times_s, sizes = _strike_events(motion)
    strengths = np.minimum(1, sizes / _usual(times_s, sizes)) * (1 - np.exp(-sizes / FAINT - 0.1))
    times_s = np.array([_sound_time_s(motion, time) for time in times_s])
    flashes_s = _flashes(motion)
    times_s = np.concatenate([times_s, flashes_s])
    strengths = np.concatenate([strengths, np.ones(len(flashes_s))]).clip(MIN_STRENGTH, 1)
    order = np.argsort(times_s)
    return times_s[order].astype(np.float32), strengths[order].astype(np.float32)


def _strike_events(motion: Motion) -> tuple[DoubleArray, DoubleArray]:
    """Times (s) and sizes (widths per second times picture share) of the strikes, (K,) each.

    The losses of neighbouring instants add up under a kernel about as wide as a frame step. So a stop between two
    frames gives the same size at every frame rate, and its time is the mean of the instants, weighted by their losses:
    just where the contact was, when the speed before and after it is constant.
    """
    fine_s = np.arange(0, motion.times_s[-1], 1 / FINE_HZ)
    curve = np.zeros(len(fine_s))
    for time, value, step in zip(motion.times_s[1:-1], strikes(motion), np.diff(motion.times_s)[1:], strict=True):
        width = max(STRIKE_WIDTH_S, STRIKE_WIDTH_STEPS * step)
        near = slice(*np.searchsorted(fine_s, (time - 4 * width, time + 4 * width)))
        curve[near] += value * np.exp(-0.5 * ((fine_s[near] - time) / width) ** 2)
    span_s = max(LEVEL_SPAN_S, LEVEL_SPAN_STEPS * float(np.median(np.diff(motion.times_s))))
    curve -= ndimage.median_filter(curve, int(2 * span_s * FINE_HZ) | 1, mode="nearest")
    highest = ndimage.maximum_filter1d(curve, int(2 * NEIGHBOUR_S * FINE_HZ) | 1)
    found = np.flatnonzero((curve == highest) & (curve > FLOOR))
    if not len(found):
        return np.zeros(0), np.zeros(0)
    speed = np.hypot(motion.right, motion.down).mean((1, 2))  # (P,)
    middle_s = _middles(motion)
    moving = np.array([speed[(middle_s > t - 0.15) & (middle_s < t + 0.05)].max(initial=0) for t in fine_s[found]])
    enough = np.maximum(RELATIVE_THRESHOLD * _usual(fine_s[found], curve[found]), STOPPED_SHARE * moving)
    found = found[curve[found] > enough]
    return fine_s[found], curve[found]


def _usual(times_s: DoubleArray, sizes: DoubleArray) -> DoubleArray:
    """(K,) size of the strong strikes around each; a camera that comes closer makes all of them larger."""
    return np.array([np.percentile(sizes[np.abs(times_s - time) < USUAL_SPAN_S], 90) for time in times_s])


def _sound_time_s(motion: Motion, stop_s: float) -> float:
    """When the event is heard whose motion stops at `stop_s`: then, or for a short jerk out of stillness, halfway.

    A recoil or a bark sounds as the motion begins, a tap as it ends; short ones cannot be told apart, so the middle.
    A jerk that goes mainly down is a blow and sounds where it lands.
    """
    speed, middle_s = np.hypot(motion.right, motion.down).mean((1, 2)), _middles(motion)
    during = np.flatnonzero((middle_s > stop_s - JERK_S) & (middle_s <= stop_s + 0.02))
    before = (middle_s > stop_s - JERK_S - STILL_S) & (middle_s <= stop_s - JERK_S)
    if not len(during) or not before.any() or speed[before].max() >= STILL_SHARE * speed[during].max():
        return stop_s
    if motion.down[during].mean() > 0.5 * speed[during].mean():
        return stop_s
    first = during[np.argmax(speed[during] > 0.5 * speed[during].max())]
    return 0.5 * (float(motion.times_s[first]) + stop_s)


def _flashes(motion: Motion) -> DoubleArray:
    """Instants at which the whole picture lights up for a moment, (K,) seconds."""
    level, times_s = motion.level, motion.times_s
    found: list[float] = []
    for first in np.flatnonzero(np.diff(level) > FLASH_LEVEL):
        dark, bright = level[first], level[first + 1]
        after = (times_s > times_s[first + 1]) & (times_s < times_s[first + 1] + FLASH_S)
        calm = np.ptp(level[max(0, first - 2) : first + 1]) < 0.5 * (bright - dark)
        over = after.any() and level[after].min() < dark + 0.4 * (bright - dark)
        if calm and over and (not found or times_s[first + 1] - found[-1] > NEIGHBOUR_S):
            found.append(float(times_s[first + 1]))
    return np.asarray(found, np.float64)


def _middles(motion: Motion) -> DoubleArray:
    return (motion.times_s[1:] + motion.times_s[:-1]) / 2


def _activity_and_place(motion: Motion, rate_hz: Fraction, count: int) -> tuple[FloatArray, FloatArray]:
    """How much moves (0..1) and where (-1..1), (N,) each."""
    if not len(motion.right):
        return np.zeros(count, np.float32), np.zeros(count, np.float32)
    speed = np.hypot(motion.right, motion.down)  # (P, Y, X)
    amount = 1 - np.exp(-speed.mean((1, 2)) / ACTIVITY_FULL)  # (P,)
    columns = np.linspace(-1, 1, 2 * speed.shape[2] + 1)[1::2]  # centres of the blocks
    weight = (speed**2).sum(1)  # (P, X)
    side = (weight @ columns) / (weight.sum(1) + 1e-6)
    points_s = np.arange(count) / float(rate_hz)
    moving = np.interp(points_s, _middles(motion), amount)
    smooth = 0.1 * float(rate_hz)
    activity = ndimage.gaussian_filter1d(moving, 0.5 * smooth, mode="nearest")
    # Where nothing moves, the place of what moved nearby holds on.
    place = ndimage.gaussian_filter1d(np.interp(points_s, _middles(motion), side) * moving, smooth, mode="nearest")
    place = motion.middle + motion.reach * place / (ndimage.gaussian_filter1d(moving, smooth, mode="nearest") + 1e-3)
    return activity.astype(np.float32), place.clip(-1, 1).astype(np.float32)
