"""Black bars around a film's picture: where they are, and the picture without them at the size it would have had.

Dimension letters: F frames, H height, W width, h w those of the picture inside the bars.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from phonofilm.types import ByteArray

BAR_LEVEL = 32
"""A line of pixels is a bar when none of them is ever brighter (of 255): black, and what compression adds to it."""
LEAST_BAR = 0.02
"""Bars that take less than this share of an edge are left: a dark line at the border is no bar."""
LEAST_PICTURE = 0.3
"""Nor are they bars when less than this share of an edge is left: a lamp in the night."""


@dataclass(frozen=True)
class Shown:
    """The picture inside the bars: rows top to bottom, columns left to right (ends not included), of width W."""

    top: int
    bottom: int
    left: int
    right: int
    width: int

    @property
    def middle(self) -> float:
        """Where the picture's middle lies between the frame's left (-1) and right (1) edge."""
        return (self.left + self.right) / self.width - 1

    @property
    def reach(self) -> float:
        """The picture's width as a share of the frame's."""
        return (self.right - self.left) / self.width


def shown_part(brightest: ByteArray) -> Shown | None:
    """The picture inside the bars; None where there are none.

    brightest: (H, W) the highest luma that each pixel ever has, so that a bar is one throughout. Does not see bars with
    something written on them.
    """
    height, width = brightest.shape
    ends = []
    for lines, edge in ((brightest.max(axis=1), height), (brightest.max(axis=0), width)):
        lit = np.flatnonzero(lines > BAR_LEVEL)
        if len(lit) < LEAST_PICTURE * edge:
            return None
        first, last = int(lit[0]), int(lit[-1]) + 1
        ends.append((first, last) if edge - (last - first) >= max(2, LEAST_BAR * edge) else (0, edge))
    (top, bottom), (left, right) = ends
    if (bottom - top, right - left) == (height, width):
        return None
    return Shown(top, bottom, left, right, width)


def without_bars(luma: ByteArray, shown: Shown) -> ByteArray:
    """(F, H, W) → (F, h, w): the picture alone, enlarged (linearly) to the area that the frame has."""
    part = luma[:, shown.top : shown.bottom, shown.left : shown.right]
    scale = (luma.shape[1] * luma.shape[2] / (part.shape[1] * part.shape[2])) ** 0.5
    height, width = (max(2, 2 * round(edge * scale / 2)) for edge in part.shape[1:])
    factors = (height / part.shape[1], width / part.shape[2])
    enlarged = [ndimage.zoom(frame, factors, order=1, grid_mode=True, mode="nearest") for frame in part]
    return np.stack(enlarged)
