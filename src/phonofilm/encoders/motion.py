"""What moves where between the frames of a clip, with the camera's own motion taken out.

Each pair of consecutive frames is first brought together by one global similarity (shift, zoom, turn), found by phase
correlation and refined by robust Gauss-Newton steps. What still moves is measured by pyramidal least-squares optical
flow (Lucas and Kanade 1981; Bouguet 2001). Black bars around the picture and repeated frames, which rate conversion
leaves behind, are dropped first.

Dimension letters: F frames, P = F - 1 pairs, H height, W width, h height / 2, w width / 2, Y X rows and
columns of blocks.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from phonofilm.encoders.bars import shown_part, without_bars
from phonofilm.encoders.camera import align, grid, laid, sample
from phonofilm.encoders.restore import restored
from phonofilm.types import ByteArray, ClipInfo, FloatArray, FrameRequest, Frames

REQUEST_PIXELS = 160 * 90
"""Picture area asked for. Sticks and paws are still two pixels wide; a frame costs 2 to 3 ms on one core."""
BLOCK = 4
"""Edge of a block in half-size pixels: about a twentieth of the picture's width at the size of `cue_request`."""
REPEAT_SHARE = 0.05
REPEAT_SPAN = 30
"""A frame that changes less than this share of what frames before and after it do is a repeat, if within this many
frames either way a twelfth are: rate conversion leaves every fifth to second frame so, and recompression makes them
not quite equal."""
LONGEST_HOLD, HOLDS_ASKED = 8, 6
"""A picture is held for so many frames at most; so many holds either way are asked how long it usually is."""
FLICKER_SPAN, FLICKER_SHARE, MOST_FLICKER = 9, 0.01, 1.6
"""A film flickers when half of its frames are lighter or darker by this share than most of the frames around them."""
CHUNK = 24
PYRAMID_LEVELS = 4
FLOW_STEPS = 2
FLOW_DAMPING = 30.0
"""Added to the gradient energy (grey levels squared per pixel): flat and noisy areas report no motion."""
TRUST_SLOPE = 2.0
"""Flow is believed fully when it explains this many times less than all of the change: 2 means half."""
DARK_LEVEL = 12.0
"""Mean luma (of 255) under which a picture is all but black and its motion not to be believed."""
CUT_SHARE = 0.4
"""A cut changes at least this share of the picture beyond explaining by motion."""

BoolArray = npt.NDArray[np.bool_]
DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Local motion of a clip, in picture widths per second, and what else changes between its frames.

    times_s: (F,) float64, instants of the frames kept. level: (F,) mean luma, 0..255. Of pair p, frames p and p + 1:
    right, down (P, Y, X) float32, mean velocity of each block; fastest (P, Y, X), the greatest speed in it. change
    (P, Y, X), mean absolute change of luma with camera and light taken out, lighter (P, Y, X) its mean with the sign,
    unexplained (P, Y, X) what motion leaves of it. camera (P, 4): shift right and down (widths), zoom and turn (rad)
    of the whole picture per second. cut: (P,) True where another shot begins; nothing is known of such a pair.
    pictures: (F, h, w) uint8, what all this was measured on: half as large as asked for, grey, without flicker. Where
    the film has black bars, all of it is of the picture inside them; middle: where that picture's middle lies between
    the film's left (-1) and right (1) edge, reach: its share of the film's width.
    """

    times_s: DoubleArray
    right: FloatArray
    down: FloatArray
    fastest: FloatArray
    change: FloatArray
    lighter: FloatArray
    unexplained: FloatArray
    camera: FloatArray
    level: FloatArray
    cut: BoolArray
    pictures: ByteArray
    middle: float = 0.0
    reach: float = 1.0


def cue_request(clip: ClipInfo) -> FrameRequest:
    """The picture stream that `find_cues` wants: every frame, small, the aspect ratio kept."""
    scale = (REQUEST_PIXELS / (clip.video.width * clip.video.height)) ** 0.5
    width, height = (max(32, 2 * round(edge * scale / 2)) for edge in (clip.video.width, clip.video.height))
    return FrameRequest(None, width, height)


class MotionWatcher:
    """Collects the frames of a clip in grey as they are decoded, and then measures their motion.

    A frame of 160 x 90 is kept as 14 kB: 1.3 GB for an hour at 25 frames a second.
    """

    def __init__(self) -> None:
        self._waiting: list[ByteArray] = []
        self._luma: list[ByteArray] = []
        self._times_s: list[float] = []

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """The next frame (H, W, 3), any size from 32 x 32 up, the same for all; times rise."""
        self._waiting.append(picture)
        self._times_s.append(float(time_s))
        if len(self._waiting) == CHUNK:
            self._flush()

    def motion(self) -> Motion:
        """Local motion between every two frames."""
        self._flush()
        luma = np.concatenate(self._luma) if self._luma else np.zeros((0, 2 * BLOCK, 2 * BLOCK), np.uint8)  # (F, H, W)
        self._luma = [luma]
        shown = shown_part(luma.max(axis=0)) if len(luma) else None
        chunks = [luma[first : first + CHUNK] for first in range(0, len(luma), CHUNK)]
        if shown is not None:
            chunks = [without_bars(chunk, shown) for chunk in chunks]
        half = np.concatenate([_half(chunk) for chunk in chunks]) if chunks else np.zeros((0, BLOCK, BLOCK), np.float32)
        motion = _motion_of(half, np.asarray(self._times_s, np.float64))
        return motion if shown is None else replace(motion, middle=shown.middle, reach=shown.reach)

    def _flush(self) -> None:
        if self._waiting:
            self._luma.append(_luma(np.stack(self._waiting)))
            self._waiting = []


def find_motion(frames: Frames) -> Motion:
    """Local motion between every two frames; frames.pixels (F, H, W, 3), any size from 32 x 32 up."""
    watcher = MotionWatcher()
    for picture, time_s in zip(frames.pixels, frames.times_s, strict=True):
        watcher.add(picture, time_s)
    return watcher.motion()


def _motion_of(half: FloatArray, times_s: DoubleArray) -> Motion:
    """half: (F, h, w) grey frames, times_s: (F,) their instants."""
    kept = ~repeats(half)
    if not kept.all():
        half, times_s = half[kept], times_s[kept]
    half = restored(steadied(half))
    level = half.mean((1, 2))
    width = half.shape[2]
    shape = (half.shape[1] // BLOCK, width // BLOCK)
    fields = np.zeros((6, max(0, len(half) - 1), *shape), np.float32)
    camera, novelty = np.zeros((fields.shape[1], 4), np.float32), np.zeros(fields.shape[1], np.float32)
    for first in range(0, len(novelty), CHUNK):
        part = slice(first, min(first + CHUNK, len(novelty)))
        before, after = half[part], half[part.start + 1 : part.stop + 1]
        after, camera[part] = align(before, after)
        u, v, unexplained = flow(before, after)
        change = after - before
        fields[:, part] = (
            _blocks(u),
            _blocks(v),
            np.sqrt(_tiles(u * u + v * v).max((2, 4))),
            _blocks(np.abs(change)),
            _blocks(change),
            _blocks(unexplained),
        )
        novelty[part] = _new_share(before, after, unexplained)
    cut = _cuts(novelty)
    step_s = np.maximum(np.diff(times_s), 1e-3).astype(np.float32)
    fields[:3, cut | (np.minimum(level[1:], level[:-1]) < DARK_LEVEL)] = 0
    fields[:, cut], camera[cut] = 0, 0
    fields[:3] /= step_s[:, None, None] * width
    right, down, fastest, change, lighter, unexplained = fields
    camera /= step_s[:, None] * np.asarray([width, width, 1, 1], np.float32)
    pictures = np.rint(half.clip(0, 255)).astype(np.uint8)
    return Motion(times_s, right, down, fastest, change, lighter, unexplained, camera, level, cut, pictures)


def held_still(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """The pictures before and after each pair (P, h, w), the later one moved so that the camera seems to rest."""
    pictures = motion.pictures.astype(np.float32)
    before, after = pictures[:-1], pictures[1:]
    width = before.shape[2]
    step_s = np.maximum(np.diff(motion.times_s), 1e-3).astype(np.float32)
    similarity = motion.camera * step_s[:, None] * np.asarray([width, width, 1, 1], np.float32)
    return before, laid(after, similarity, before)


def cut_times(motion: Motion) -> list[float]:
    """Instants (s) of the first frames of new shots."""
    return [float(time) for time in motion.times_s[1:][motion.cut]]


def _luma(pixels: ByteArray) -> ByteArray:
    """(F, H, W, 3) uint8 → (F, H, W) uint8 luma (BT.601)."""
    luma = pixels.astype(np.float32) @ np.asarray([0.299, 0.587, 0.114], np.float32)
    return np.asarray(np.rint(luma), np.uint8)


def _half(luma: ByteArray) -> FloatArray:
    """(F, H, W) → (F, h, w) float32, averaged over 2 x 2 and slightly smoothed."""
    smooth: FloatArray = ndimage.gaussian_filter(_shrink(luma.astype(np.float32)), (0, 0.6, 0.6))
    return smooth


def repeats(luma: FloatArray) -> BoolArray:
    """(F, h, w) → (F,) True for frames that only repeat the one before them.

    A lone pair of equal frames is no repeat: a bouncing ball seen just before and just after its contact looks so.
    """
    if len(luma) < 2:
        return np.zeros(len(luma), bool)
    change = np.abs(np.diff(luma, axis=0)).mean((1, 2))  # (P,)
    padded = np.pad(change, 2, mode="reflect" if len(change) > 2 else "edge")
    around = np.minimum(np.maximum(padded[:-4], padded[1:-3]), np.maximum(padded[3:-1], padded[4:]))
    found = change < REPEAT_SHARE * around
    regular = ndimage.uniform_filter1d(found.astype(np.float32), 2 * REPEAT_SPAN + 1, mode="reflect") > 1 / 12
    return np.concatenate([[False], (found & regular) | _held(change)])


def _held(change: FloatArray) -> BoolArray:
    """(P,) → (P,) True for pairs whose second frame is one of several that hold the same picture, again and again.

    Ten new pictures a second in a film of sixty. What rests now and then has new pictures one after the other while it
    moves; only where most of them come three or more frames apart are those before them held.
    """
    new = np.flatnonzero(change >= REPEAT_SHARE * ndimage.maximum_filter1d(change, 2 * LONGEST_HOLD + 1))
    new = new[change[new] > 0]
    held, gaps = np.zeros(len(change), bool), np.diff(new)
    for place, (before, pair) in enumerate(pairwise(new)):
        near = gaps[max(0, place - HOLDS_ASKED) : place + HOLDS_ASKED + 1]
        near = near[near <= LONGEST_HOLD]
        usual = int(np.median(near)) if len(near) > HOLDS_ASKED else 1
        if usual >= 3:
            held[max(before + 1, pair - usual) : pair] = True
    return held


def steadied(luma: FloatArray) -> FloatArray:
    """(F, h, w) → (F, h, w): without the flicker of old film and of lamps, where there is any.

    Fades stay, and so does a flash in a film that does not flicker.
    """
    if len(luma) < FLICKER_SPAN:
        return luma
    level = luma.mean((1, 2)) + 1  # (F,)
    steady = ndimage.median_filter(level, FLICKER_SPAN, mode="nearest")
    if np.median(np.abs(level / steady - 1)) < FLICKER_SHARE:
        return luma
    factor = (steady / level).clip(1 / MOST_FLICKER, MOST_FLICKER)
    return np.asarray(luma * factor[:, None, None], np.float32)


def _shrink(picture: FloatArray) -> FloatArray:
    """(F, h, w) → (F, h / 2, w / 2), averaged; an odd last row or column is left out."""
    height, width = picture.shape[1] // 2 * 2, picture.shape[2] // 2 * 2
    part = picture[:, :height, :width]
    return (part[:, ::2, ::2] + part[:, 1::2, ::2] + part[:, ::2, 1::2] + part[:, 1::2, 1::2]) * np.float32(0.25)


def _tiles(picture: FloatArray) -> FloatArray:
    """(P, h, w) → (P, Y, BLOCK, X, BLOCK); an unfilled last row or column of blocks is left out."""
    count, height, width = picture.shape
    rows, columns = height // BLOCK, width // BLOCK
    return picture[:, : rows * BLOCK, : columns * BLOCK].reshape(count, rows, BLOCK, columns, BLOCK)


def _blocks(picture: FloatArray) -> FloatArray:
    """(P, h, w) → (P, Y, X), block means."""
    return np.asarray(_tiles(picture).mean((2, 4)), np.float32)


def _window(picture: FloatArray) -> FloatArray:
    """Means over a soft 7 x 7 window."""
    return np.asarray(ndimage.uniform_filter(ndimage.uniform_filter(picture, (0, 5, 5)), (0, 3, 3)), np.float32)


def flow(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Optical flow right, down in pixels and the mean grey-level change it leaves unexplained, each (P, h, w)."""
    pyramid = [(before, after)]
    while len(pyramid) < PYRAMID_LEVELS and min(pyramid[-1][0].shape[1:]) >= 10:
        pyramid.append((_shrink(pyramid[-1][0]), _shrink(pyramid[-1][1])))
    u = v = np.zeros_like(pyramid[-1][0])
    for a, b in reversed(pyramid):
        if u.shape != a.shape:
            u, v = _double(u, a.shape), _double(v, a.shape)
        x, y = grid(*a.shape[1:])
        gy, gx = (np.asarray(part, np.float32) for part in np.gradient(a, axis=(1, 2)))
        xx, yy, xy = _window(gx * gx) + FLOW_DAMPING, _window(gy * gy) + FLOW_DAMPING, _window(gx * gy)
        determinant = xx * yy - xy * xy
        for _ in range(FLOW_STEPS):
            residual = sample(b, x + u, y + v) - a
            tx, ty = _window(gx * residual), _window(gy * residual)
            u = u - ((yy * tx - xy * ty) / determinant).clip(-1.5, 1.5)
            v = v - ((xx * ty - xy * tx) / determinant).clip(-1.5, 1.5)
        u, v = _without_outliers(u), _without_outliers(v)
    left = _window(np.abs(sample(after, x + u, y + v) - before))
    # Where moving the pixels does not explain the change, nothing moved: it is grain, light, fire, or something new.
    trust = (TRUST_SLOPE * (1 - left / (_window(np.abs(after - before)) + 0.5))).clip(0, 1)
    return u * trust, v * trust, left


def _without_outliers(field: FloatArray) -> FloatArray:
    """Median of three along the columns, then along the rows: nearly the 3 x 3 median, ten times as fast."""
    for axis in (1, 2):
        middle = np.moveaxis(field, axis, 0)
        padded = np.concatenate([middle[:1], middle, middle[-1:]])
        a, b, c = padded[:-2], padded[1:-1], padded[2:]
        middle = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
        field = np.ascontiguousarray(np.moveaxis(middle, 0, axis))
    return field


def _double(field: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """A flow field for the next finer level of the pyramid: (P, h, w) of `shape`, twice as long."""
    fine = field.repeat(2, 1).repeat(2, 2)
    fine = np.pad(fine, [(0, 0)] + [(0, max(0, shape[i] - fine.shape[i])) for i in (1, 2)], mode="edge")
    return np.asarray(2 * ndimage.uniform_filter(fine[:, : shape[1], : shape[2]], (0, 3, 3)), np.float32)


def _new_share(before: FloatArray, after: FloatArray, unexplained: FloatArray) -> FloatArray:
    """(P,) share of the picture that differs by a good part of its own contrast, whatever moved."""
    contrast = 0.5 * (before.std((1, 2)) + after.std((1, 2)))[:, None, None] + 2
    result: FloatArray = (unexplained > 0.3 * contrast).mean((1, 2)).astype(np.float32)
    return result


def _cuts(novelty: FloatArray) -> BoolArray:
    """(P,) True where most of the picture is new at once.

    The pairs before and after must be calm: a flash is new twice, and something large rushing past stays new for long.
    """
    padded = np.pad(novelty, 1)
    calm = np.maximum(padded[:-2], padded[2:]) < 0.4 * novelty
    return np.asarray((novelty > CUT_SHARE) & calm, np.bool_)
