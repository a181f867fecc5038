"""Grain, sensor noise, specks and hairs taken out of noisy films before their motion is measured.

Only for finding cues: the film itself is never touched. A film is noisy when even its stillest parts change from frame
to frame while the camera is held still, and worn when specks come and go all over the picture. Then every frame is
compared with the one before and the one after, both moved onto it. First no pixel may be lighter or darker than all
that lies around it in both of them, give or take the noise: dirt is on one frame only (Kokaram and others 1995). Then
each pixel is averaged with its neighbours in time as far as their surroundings look alike, so that what moves is left
alone.

Dimension letters: F frames, P frames that are asked, h w picture.
"""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from phonofilm.encoders.camera import BoolArray, align, moved
from phonofilm.types import FloatArray

LEAST_NOISE = 1.0
"""Grey levels. Clean films, dark ones too, have 0 to 0.9, two in three of them under 0.1; films with visible noise 1.3
and more."""
STILL_PERCENT = 10.0
"""Share of a frame, percent, that is taken to be still."""
ASKED_PAIRS = 24
"""Pairs of frames, all over the film, that are asked how noisy and how worn it is."""
DIRT_STEP = 12.0
"""Grey levels by which dirt that is looked for stands out; faint dirt is taken for noise."""
TILES, TILE_PERCENT, LEAST_WORN = 4, 25.0, 0.11
"""A film is worn where, of 4 x 4 parts of the picture, three in four have such dirt in more than this share of the
frames that are asked. Of 64 drawn films worn at levels 2 and 3 60 have 0.12 and more, 32 clean ones 0; real clips that
are not noisy up to 0.04, one in which all of the picture jerks 0.08."""
WORN_NOISE = 2.5
"""How noisy a worn film is at least taken to be: its grain is hardly seen when it is made small, its dirt is."""
WINDOW = 7
"""Pixels: surroundings of a pixel."""
DIRT_REACH, DIRT_MARGIN = 1, 1.4
"""Pixels around, and times the noise, within which the frames beside must have been as light or dark."""
ALIKE, BESIDE = 3.0, 0.5
"""Surroundings that differ by so many times the noise count 1 / e; the weight of a frame beside that is quite alike."""
CHUNK = 24
"""Frames worked on together."""


def restored(luma: FloatArray) -> FloatArray:
    """(F, h, w) grey frames → the same with noise and dirt taken out; clean films come back as they are."""
    noise, worn = condition(luma)
    if worn:
        noise = max(noise, WORN_NOISE)
    if noise < LEAST_NOISE:
        return luma
    starts = range(0, len(luma) - 1, CHUNK)
    camera = np.concatenate([_camera(luma[at : at + CHUNK + 1], worn) for at in starts])
    film = luma.copy()  # the only one: an hour is 1.3 GB
    take_out_dirt(film, camera, noise)
    average(film, camera, noise)
    return film


def condition(luma: FloatArray) -> tuple[float, bool]:
    """How noisy a film (F, h, w) is, and whether it is worn.

    The noise is the mean change of the stillest parts between frames, grey levels; 0 of fewer than two frames.
    """
    if len(luma) < 2:
        return 0.0, False
    asked = np.unique(np.linspace(0, len(luma) - 2, ASKED_PAIRS).astype(int))
    here, after = luma[asked], luma[asked + 1]
    after = align(here, after)[0]
    change = ndimage.uniform_filter(np.abs(after - here), (0, WINDOW, WINDOW))
    noise = float(np.median(np.percentile(change[:, ::2, ::2], STILL_PERCENT, axis=(1, 2))))
    # What stands out against one of the frames beside does in few films: only there the other is asked too.
    if not _everywhere(_odd(here, after, after)):
        return noise, False
    before = align(here, luma[np.maximum(asked - 1, 0)])[0]
    before[0] = after[0]  # the first frame that is asked is the film's first
    return noise, _everywhere(_odd(here, before, after))


def _odd(here: FloatArray, before: FloatArray, after: FloatArray) -> BoolArray:
    """Which pixels (P, h, w) are lighter or darker by DIRT_STEP than all that lies around them before and after."""
    low, high = _around(before, after)
    return np.asarray((here < low - DIRT_STEP) | (here > high + DIRT_STEP))


def _around(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The darkest and the lightest (P, h, w) of what lies around each pixel in two frames."""
    size = (0, 2 * DIRT_REACH + 1, 2 * DIRT_REACH + 1)
    low = np.minimum(*(ndimage.minimum_filter(beside, size) for beside in (before, after)))
    high = np.maximum(*(ndimage.maximum_filter(beside, size) for beside in (before, after)))
    return low, high


def _everywhere(odd: BoolArray) -> bool:
    """Whether odd pixels (P, h, w) are all over the picture, as dirt is and thick snow, not only where things move."""
    count, height, width = odd.shape
    rows, columns = height // TILES, width // TILES
    tiles = odd[:, : rows * TILES, : columns * TILES].reshape(count, TILES, rows, TILES, columns)
    return bool(np.percentile(tiles.any((2, 4)).mean(0), TILE_PERCENT) > LEAST_WORN)


def _camera(luma: FloatArray, worn: bool) -> FloatArray:
    """Similarities (F - 1, 4) of the pairs of a few frames; specks are smaller than what a median of 3 x 3 leaves."""
    luma = ndimage.median_filter(luma, (1, 3, 3)) if worn else luma
    return align(luma[:-1], luma[1:])[1]


def take_out_dirt(luma: FloatArray, camera: FloatArray, noise: float) -> None:
    """Changes frames (F, h, w): no pixel lighter or darker than what lies around it in the frames beside, give or take
    `noise`.

    camera: (F - 1, 4) similarities of the pairs. The first and the last frame are left alone: in one neighbour, what
    moves is elsewhere too.
    """
    ends, margin = luma[[0, -1]], np.float32(DIRT_MARGIN * noise)
    for part, before, after in _with_neighbours(luma, camera):
        low, high = _around(before, after)
        luma[part] = luma[part].clip(low - margin, high + margin)
    luma[[0, -1]] = ends


def average(luma: FloatArray, camera: FloatArray, noise: float) -> None:
    """Averages pixels of frames (F, h, w) with those before and after, as far as their surroundings differ by noise."""
    for part, before, after in _with_neighbours(luma, camera):
        total, weights = luma[part].copy(), np.ones_like(luma[part])
        for beside in (before, after):
            change = ndimage.uniform_filter(np.abs(beside - luma[part]), (0, WINDOW, WINDOW))
            weight = BESIDE * np.exp(-((change / (ALIKE * noise)) ** 2))
            total += weight * beside
            weights += weight
        luma[part] = total / weights


def _with_neighbours(luma: FloatArray, camera: FloatArray) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Some frames at a time, with the frame before and the one after each, moved onto it; at the ends both are one.

    What the caller changes meanwhile is seen in the frame before the next ones.
    """
    last = len(luma) - 1
    for first in range(0, last + 1, CHUNK):
        here = np.arange(first, min(first + CHUNK, last + 1))
        pictures = luma[here]
        sides = []
        for beside in (np.where(here > 0, here - 1, 1), np.where(here < last, here + 1, last - 1)):
            way = np.sign(beside - here)[:, None] * camera[np.minimum(here, beside)]
            sides.append(moved(luma[beside], way.astype(np.float32), pictures))
        yield slice(first, first + len(here)), sides[0], sides[1]
