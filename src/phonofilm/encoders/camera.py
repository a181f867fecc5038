"""The camera's own motion between two frames of a film, and frames brought together by it.

One global similarity (shift, zoom, turn) is found by phase correlation (Kuglin and Hines 1975) and refined by robust
Gauss-Newton steps, in which what moves by itself has no say.

Dimension letters: P pairs of frames, h w picture.
"""

import numpy as np
import numpy.typing as npt
from scipy import fft

from phonofilm.types import FloatArray

OUTLINE_SLOPE, LEAST_OUTLINED = 2.0, 0.05
"""Where less of the picture than this share has a slope (grey levels a pixel), nothing tells the camera's motion from
that of a thing: a drawn ball on plain paper. Real pictures have 0.08 and more, night skies with fireworks included."""

BoolArray = npt.NDArray[np.bool_]


def align(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each frame of `after` moved by one similarity so that it lies on its frame of `before`; both (P, h, w).

    What lies outside the moved frame is filled with `before`: nothing is known to change there. Also returns the
    similarity (P, 4): shift right, down (pixels), zoom, turn. Frames in which next to nothing has an outline rest.
    """
    height, width = before.shape[1:]
    after = _relight(before, after)
    still = _misfit(after, before)
    similarity = np.zeros((len(before), 4), np.float32)
    similarity[:, :2] = _phase_shift(before, after)
    similarity[_misfit(sample(after, *_source(similarity, height, width)), before) > 0.9 * still] = 0
    similarity = _refine(before, after, similarity)
    column, row = _source(similarity, height, width)
    result = sample(after, column, row)
    left = (_misfit(result, before) > still) | (_outlined(before) < LEAST_OUTLINED)
    result = np.where(_outside(column, row), before, result)
    result[left], similarity[left] = after[left], 0
    return result, similarity


def moved(picture: FloatArray, similarity: FloatArray, onto: FloatArray) -> FloatArray:
    """Frames (P, h, w) as bright as those of `onto` and moved onto them by similarities (P, 4) that `align` found.

    Turned round, as minus the similarity, for the way back: exact but for products of zoom and turn with the shift.
    """
    return laid(_relight(onto, picture), similarity, onto)


def laid(picture: FloatArray, similarity: FloatArray, onto: FloatArray) -> FloatArray:
    """Frames (P, h, w) moved onto those of `onto` by similarities (P, 4), as bright as they are; `onto` beside them."""
    column, row = _source(similarity, *picture.shape[1:])
    return np.where(_outside(column, row), onto, sample(picture, column, row))


def _source(similarity: FloatArray, height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Where each pixel comes from, x and y (P, h, w), under shift right, shift down, zoom and turn (P, 4)."""
    x, y = grid(height, width)
    across, along = x - (width - 1) / 2, y - (height - 1) / 2
    right, down, zoom, turn = (similarity[:, i, None, None] for i in range(4))
    return x + right + zoom * across - turn * along, y + down + turn * across + zoom * along


def _outside(column: FloatArray, row: FloatArray) -> BoolArray:
    """Which positions (P, h, w) lie outside of a picture h x w."""
    height, width = column.shape[1:]
    return np.asarray((column < 0) | (column > width - 1) | (row < 0) | (row > height - 1))


def sample(picture: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Bilinear samples of (P, h, w) at pixel positions x, y (P, h, w); outside, the edge goes on."""
    count, height, width = picture.shape
    x, y = x.clip(0, width - 1.001), y.clip(0, height - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = x - left, y - top
    corner = top * width
    corner += left
    corner += (np.arange(count, dtype=np.int32) * (height * width))[:, None, None]
    flat = picture.reshape(-1)
    # Views that start later stand for the neighbours, so that one index array serves all four corners.
    above, below = flat.take(corner), flat[width:].take(corner)
    above += (flat[1:].take(corner) - above) * fx
    below += (flat[width + 1 :].take(corner) - below) * fx
    below -= above
    below *= fy
    above += below
    return np.asarray(above, np.float32)


def grid(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Column and row of each pixel, (h, w) and (h, w)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x, y


def _outlined(picture: FloatArray) -> FloatArray:
    """(P, h, w) → (P,) share of the picture that has a slope."""
    right, down = np.diff(picture, axis=2)[:, :-1], np.diff(picture, axis=1)[:, :, :-1]
    return np.asarray((right * right + down * down > OUTLINE_SLOPE**2).mean((1, 2)), np.float32)


def _misfit(picture: FloatArray, wanted: FloatArray) -> FloatArray:
    """(P,) mean absolute difference."""
    return np.asarray(np.abs(picture - wanted).mean((1, 2)), np.float32)


def _refine(before: FloatArray, after: FloatArray, similarity: FloatArray) -> FloatArray:
    """(P, 4) → (P, 4): three Gauss-Newton steps. Weights fall with the residual, so what moves by itself has no say."""
    count, height, width = before.shape
    x, y = grid(height, width)
    across, along = x - (width - 1) / 2, y - (height - 1) / 2
    gy, gx = np.gradient(before, axis=(1, 2))
    jacobian = np.stack([gx, gy, gx * across + gy * along, gy * across - gx * along], 1).reshape(count, 4, -1)
    damping = np.diag([10.0, 10.0, 1e4, 1e4]).astype(np.float32)
    for _ in range(3):
        residual = (sample(after, *_source(similarity, height, width)) - before).reshape(count, -1)
        scale = 1.4826 * np.median(np.abs(residual[:, ::3]), axis=1)[:, None] + 0.5
        weighted = jacobian * ((1 + (residual / (1.5 * scale)) ** 2) ** -2)[:, None]
        normal = weighted @ jacobian.transpose(0, 2, 1) + damping  # (P, 4, 4)
        similarity = similarity - np.linalg.solve(normal, weighted @ residual[..., None])[..., 0]
    return similarity


def _relight(before: FloatArray, after: FloatArray) -> FloatArray:
    """`after` as bright as `before`: a fade is undone by a factor, a flash by a step, whichever fits; both (P, h, w).

    Medians are taken, so that what moves in less than half of the picture has no say.
    """
    a, b = (picture[:, ::3, ::3].reshape(len(before), -1) for picture in (before, after))
    factor = np.median((a + 4) / (b + 4), axis=1)[:, None]
    step = np.median(a - b, axis=1)[:, None]
    fade_fits = np.abs(a - b * factor).mean(1) < np.abs(a - b - step).mean(1)
    factor[~fade_fits], step[fade_fits] = 1, 0
    return np.asarray(after * factor[..., None] + step[..., None], np.float32)


def _phase_shift(before: FloatArray, after: FloatArray) -> FloatArray:
    """(P, 2) whole-pixel shift right, down of `after` against `before` (Kuglin and Hines 1975)."""
    count, height, width = before.shape
    window = (np.hanning(height)[:, None] * np.hanning(width)).astype(np.float32)
    a, b = (fft.rfft2((frame - frame.mean((1, 2), keepdims=True)) * window, axes=(1, 2)) for frame in (before, after))
    cross = a.conj() * b
    cross /= np.abs(cross) + 1e-3 * np.abs(cross).mean((1, 2), keepdims=True) + 1e-9
    best = fft.irfft2(cross, s=(height, width), axes=(1, 2)).reshape(count, -1).argmax(1)
    down, right = best // width, best % width
    down, right = np.where(down > height // 2, down - height, down), np.where(right > width // 2, right - width, right)
    return np.stack([right, down], 1).astype(np.float32)
