"""Paints a composed scene at any instants and any size.

Dimension letters: H height, W width, E edge of a square texture.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from phonofilm.data.simulate.canvas import Canvas
from phonofilm.data.simulate.opencv import opencv
from phonofilm.data.simulate.optics import DoubleArray, View
from phonofilm.data.simulate.scene import SimulatedScene, Surface
from phonofilm.data.simulate.textures import EDGE
from phonofilm.types import ByteArray

EXPOSURES = 4
"""Instants averaged into a picture with motion blur."""


def paint(
    scene: SimulatedScene,
    times_s: Sequence[float],
    width: int,
    height: int,
    shutter_s: float = 0.0,
    exposures: int = EXPOSURES,
) -> Iterator[ByteArray]:
    """Pictures (H, W, 3) uint8 RGB of a scene at the given instants, in any order.

    shutter_s: how long the shutter stays open around each instant, painted as the mean of so many exposures; 0 gives
    sharp pictures. The whole width of the scene is seen at any shape of the picture. Raises MissingExtraError without
    OpenCV.
    """
    painter = _Painter(scene, width, height)
    for time_s in times_s:
        yield painter.sharp(time_s) if shutter_s <= 0 else painter.blurred(time_s, shutter_s, exposures)


class _Painter:
    """Keeps what is the same from picture to picture: the background while the camera rests, and the light's slope."""

    def __init__(self, scene: SimulatedScene, width: int, height: int) -> None:
        self._cv2: Any = opencv()
        self._scene = scene
        self._width, self._height = width, height
        self._seen: tuple[View, ByteArray] | None = None
        self._slope = self._slope_of(scene.light.slope)

    def blurred(self, time_s: float, shutter_s: float, exposures: int) -> ByteArray:
        """The mean of several instants of one shot."""
        total = np.zeros((self._height, self._width, 3), np.uint16)
        shot = self._scene.camera.shot_number(time_s)
        for share in (np.arange(exposures) + 0.5) / exposures - 0.5:
            instant = time_s + float(share) * shutter_s
            if self._scene.camera.shot_number(instant) != shot:
                instant = time_s
            total += self.sharp(instant)
        return np.asarray((total + exposures // 2) // exposures, np.uint8)

    def sharp(self, time_s: float) -> ByteArray:
        view = self._scene.camera.view(time_s)
        if self._seen is None or self._seen[0] != view:
            self._seen = (view, self._background(view))
        canvas = Canvas(self._seen[1].copy(), view)
        for cast in self._scene.casts:
            stage = canvas.placed(cast.origin, cast.size)
            for actor in cast.actors:
                actor(stage, time_s)
        canvas.finish()
        return self._lighted(canvas.picture, time_s)

    def _lighted(self, picture: ByteArray, time_s: float) -> ByteArray:
        curve = self._scene.light.curve(time_s).astype(np.uint8)[None]  # (1, 256, 3)
        picture = np.asarray(self._cv2.LUT(picture, curve), np.uint8)
        if self._slope is not None:
            picture = np.asarray(self._cv2.multiply(picture, self._slope, scale=1 / 128), np.uint8)
        return picture

    def _slope_of(self, slope: tuple[float, float]) -> ByteArray | None:
        """Gain per pixel (H, W, 3), 128 being 1, or None where it is the same everywhere."""
        if slope == (0.0, 0.0):
            return None
        y, x = np.mgrid[0 : self._height, 0 : self._width].astype(np.float32) / self._width
        gain = 1 + slope[0] * (x - 0.5) + slope[1] * (y - 0.5 * self._height / self._width)
        return np.repeat((128 * gain).clip(20, 255).astype(np.uint8)[..., None], 3, axis=2)

    def _background(self, view: View) -> ByteArray:
        """The back, and the ground below the line where they meet."""
        scene = self._scene
        across, up, away = (np.array(axis, np.float64) for axis in ((1, 0, 0), (0, -1, 0), (0, 0, 1)))
        middle = np.array([0.0, 0.0, scene.back_m])
        picture = self._plane(scene.back, view, across, up, middle)
        if scene.ground is None:
            return picture
        floor = self._plane(scene.ground, view, across, -away, np.zeros(3))
        cover = np.zeros((self._height, self._width), np.uint8)
        self._cv2.fillConvexPoly(cover, self._floor_edge(view), 255, self._cv2.LINE_AA, 4)
        weight = cover[..., None].astype(np.uint16)
        return np.asarray((floor * weight + picture * (255 - weight) + 127) // 255, np.uint8)

    def _floor_edge(self, view: View) -> npt.NDArray[np.int32]:
        """The part of the picture that shows ground, as a polygon in sixteenths of a pixel."""
        aim = view.at[0] + view.ahead[0] / max(0.05, view.ahead[2]) * (self._scene.back_m - view.at[2])
        step = 0.05 * (self._scene.back_m - view.at[2])
        ends = [view.project((aim + side * step, 0.0, self._scene.back_m)) for side in (-1, 1)]
        (ax, ay, _), (bx, by, _) = ends
        slope = (by - ay) / (bx - ax) if abs(bx - ax) > 1e-9 else 0.0
        left, right = ay + slope * (-1 - ax), ay + slope * (1 - ax)
        corners = np.array([[-1, left], [1, right], [1, max(right, 0) + 4], [-1, max(left, 0) + 4]])
        pixels = corners * self._width + (self._width / 2 - 0.5, self._height / 2 - 0.5)
        return np.asarray(np.rint(pixels.clip(-2e6, 2e6) * 16), np.int32)

    def _plane(
        self, surface: Surface, view: View, along_u: DoubleArray, along_v: DoubleArray, origin: DoubleArray
    ) -> ByteArray:
        """A picture filled with an endless textured plane; its tiles are mirrored, so that they have no seams."""
        axes = np.array([view.right, view.down, view.ahead])
        at = np.array(view.at)
        hit = self._looked_at(view, np.cross(along_u, along_v), origin)
        depth = max(0.05, float((hit - at) @ axes[2]))
        texels = EDGE / surface.tile_m * depth / (view.focal * self._width)
        level = max(0, min(len(surface.levels) - 3, round(math.log2(max(1e-6, texels)))))
        texture = surface.levels[level]
        step = surface.tile_m / texture.shape[0]
        lens = np.array(
            [
                [view.focal * self._width, 0, self._width / 2 - 0.5],
                [0, view.focal * self._width, self._height / 2 - 0.5],
                [0, 0, 1],
            ]
        )
        lay = lens @ axes @ np.stack([along_u * step, along_v * step, origin - at], axis=1)  # (3, 3) texel → pixel
        picture = self._cv2.warpPerspective(
            texture, lay, (self._width, self._height), flags=self._cv2.INTER_LINEAR, borderMode=self._cv2.BORDER_REFLECT
        )
        return np.asarray(picture, np.uint8)

    def _looked_at(self, view: View, normal: DoubleArray, origin: DoubleArray) -> DoubleArray:
        """Where the middle of the picture meets a plane, no nearer than half and no farther than twice the focus."""
        at, ahead = np.array(view.at), np.array(view.ahead)
        slant = float(ahead @ normal)
        way = float((origin - at) @ normal) / slant if abs(slant) > 0.05 else 0.0
        return at + ahead * (way if way > 0 else float(np.linalg.norm(at)))
