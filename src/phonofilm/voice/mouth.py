"""What is measured of a mouth, frame by frame, in a piece of the picture that is carried with its face.

Nothing here knows where lips lie. Each frame is compared with the mouth at rest, the median of its surroundings in
time: how far chin and lower lip have moved from the nose (dense flow, Farnebäck 2003), how dark, how varied and how
different the inside has become, and how much changes from frame to frame. Every measure is relative to the contrast of
the face or to its width, so that they mean the same for large and small, light and dark faces.

Dimension letters: F frames, H, W height and width of a piece, M measures.
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import numpy.typing as npt

from phonofilm.types import ByteArray
from phonofilm.voice.opencv import opencv

Floats = npt.NDArray[np.float64]
PIECE_WIDTH, PIECE_HEIGHT = 80, 100
PIECE_UNIT = 1.3 / 128
"""Width of one pixel of a piece, in widths of the face's box: pieces are 0.8 of it wide and reach from brow to neck."""
PIECE_DOWN = 0.18
"""How far the middle of a piece lies below that of the face's box, in its widths."""
PIECE_ASIDE = 0.08
"""How far aside it lies where the face looks aside."""
REST_REACH_S = 2.0
"""The mouth at rest is the median of this long before and after: the longest that heads keep their pose."""
REST_STEP_S = 1.0
FRAME_S = 0.04
"""Changes from frame to frame are told for this long, a frame at 25 a second."""
QUIET = 0.01
"""Of the contrast of the face: changes below it are grain."""
LOWER_FACE, UPPER_FACE = slice(36, 100), slice(0, 36)
MOUTH = (slice(14, 50), slice(18, 62))
"""Rows and columns of the lower face; so are the next ones."""
INSIDE = (slice(14, 40), slice(20, 60))
CHIN, LOWER_LIP, NOSE = (slice(44, 58), slice(25, 55)), (slice(26, 40), slice(25, 55)), (slice(4, 14), slice(25, 55))
DARKEST = 8
"""Per cent of the inside that counts as its dark."""
LEAST_CONTRAST = 4.0
"""Grey levels; flat pieces hold no face."""
MEASURES = ("motion", "difference", "dark", "contrast", "chin", "lip", "stir", "calm")
"""Changes of the lower face; difference from rest, dark and contrast of the inside; chin and lower lip, in pixels of
the piece away from the nose; changes of the mouth and of the upper face. Changes are logarithms."""


def measure_mouth(pieces: ByteArray, times_s: Sequence[float] | Floats) -> Floats:
    """(F, M) measures of a mouth, in the order of `MEASURES`, from grey pieces (F, H, W).

    Raises MissingExtraError without OpenCV.
    """
    cv = opencv()
    assert pieces.shape[1:] == (PIECE_HEIGHT, PIECE_WIDTH), f"pieces must be (F, 100, 80), not {pieces.shape}"
    times = np.asarray(times_s, float)  # (F,)
    soft = np.stack([cv.GaussianBlur(piece, (0, 0), 1.0) for piece in pieces])  # (F, H, W)
    measures = np.zeros((len(soft), len(MEASURES)))
    for first_s in np.arange(times[0], times[-1] + 1e-6, REST_STEP_S):
        own = np.flatnonzero((times >= first_s) & (times < first_s + REST_STEP_S))
        around = np.abs(times - first_s - REST_STEP_S / 2) <= REST_REACH_S + REST_STEP_S / 2
        rest = np.median(soft[around, LOWER_FACE], axis=0)  # (64, W)
        scale = max(float(rest.std()), LEAST_CONTRAST)
        for index in own:
            measures[index, 1:6] = _against_rest(cv, soft[index, LOWER_FACE], rest, scale)
            before = max(0, int(index) - 1)
            pace = FRAME_S / max(float(times[index] - times[before]), FRAME_S / 2)
            measures[index, [0, 6, 7]] = _changes(soft[before], soft[index], pace / scale)
    if len(soft) > 1:
        measures[0, [0, 6, 7]] = measures[1, [0, 6, 7]]
    return measures


def _changes(before: ByteArray, after: ByteArray, scale: float) -> list[float]:
    """Logarithms of what changes in the lower face, the mouth and the upper face."""
    change = np.abs(after.astype(np.float64) - before) * scale  # (H, W)
    lower = change[LOWER_FACE]
    return [float(np.log(part.mean() + QUIET)) for part in (lower, lower[MOUTH], change[UPPER_FACE])]


def _against_rest(cv: ModuleType, piece: ByteArray, rest: Floats, scale: float) -> list[float]:
    """How the lower face (64, W) differs from itself at rest."""
    flow = cv.calcOpticalFlowFarneback(rest.astype(np.uint8), piece, None, 0.5, 3, 15, 3, 5, 1.1, 0)  # (64, W, 2)
    down = flow[..., 1]
    inside, at_rest = piece[INSIDE].astype(float), rest[INSIDE]
    nose = float(down[NOSE].mean())
    return [
        float(np.abs(inside - at_rest).mean()) / scale,
        float(rest.mean() - np.percentile(inside, DARKEST)) / scale,
        float(inside.std()) / scale,
        float(down[CHIN].mean()) - nose,
        float(down[LOWER_LIP].mean()) - nose,
    ]
