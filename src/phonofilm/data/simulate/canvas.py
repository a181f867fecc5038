"""Drawing in three dimensions on a picture: balls, limbs, boxes, drums, sheets, lines, light and shadow.

Actors hand shapes in, in metres; the canvas keeps them and `finish` draws the far ones first. All positions are exact
to a sixteenth of a pixel, so that slow motion is smooth.

Dimension letters: N points, H height, W width.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phonofilm.data.simulate.opencv import opencv
from phonofilm.data.simulate.optics import DoubleArray, Point, View
from phonofilm.data.simulate.textures import EDGE, Colour
from phonofilm.types import ByteArray

FAR, GROUND, MIDDLE, FRONT = 0, 1, 2, 3
"""Layers, drawn in this order; within a layer what is farther is drawn first."""
SUN = np.array([-0.45, 0.75, -0.5])
_FRACTION = 16
_LIMIT_PX = 8000.0
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 24, False)), np.sin(np.linspace(0, 2 * np.pi, 24, False))], 1)
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
_FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
"""Corners of a box's sides in _CORNERS: left, right, bottom, top, front, back."""
_NORMALS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float64)

Levels = tuple[ByteArray, ...]


def tone(colour: Colour, factor: float) -> Colour:
    """A colour made lighter or darker."""
    return min(255.0, colour[0] * factor), min(255.0, colour[1] * factor), min(255.0, colour[2] * factor)


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> DoubleArray:
    """(3, 3) rotation: roll about z, then pitch about x, then yaw about y (radians)."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z, np.float64)


class Canvas:
    """A picture (H, W, 3) uint8 RGB being drawn upon, as seen by a view."""

    def __init__(self, picture: ByteArray, view: View) -> None:
        self._cv2: Any = opencv()
        self.picture = picture
        self.view = view
        self._size = 1.0
        self._height, self._width = picture.shape[:2]
        self._todo: list[tuple[int, float, int, Callable[[], None]]] = []

    def placed(self, origin: Point, size: float) -> "Canvas":
        """The same canvas for actors who live in a world of their own, at `origin`, `size` times as large."""
        other = Canvas(self.picture, self.view.placed(origin, size))
        other._size, other._todo = self._size * size, self._todo
        return other

    def whole(self, centre: Point, layer: int = MIDDLE) -> "Canvas":
        """The same canvas for a thing whose parts lie on each other: they are drawn in the order in which they are
        handed in, all of them when the turn of `centre` comes."""
        other = Canvas(self.picture, self.view)
        other._size = self._size
        _, _, px = self._seen(centre)
        self._add(layer, px, other._in_order)
        return other

    def _in_order(self) -> None:
        for _, _, _, draw in self._todo:
            draw()

    def finish(self) -> None:
        """Draws what was handed in."""
        for _, _, _, draw in sorted(self._todo, key=lambda row: row[:3]):
            draw()
        self._todo.clear()

    def ball(
        self, centre: Point, radius_m: float, skin: Levels, angle: float = 0.0, squash: float = 1.0, layer: int = MIDDLE
    ) -> None:
        """A ball with a skin of levels (E, E, 4), turned by an angle, as high as `squash` times its width.

        Only the pattern turns, not the squash.
        """
        x, y, px = self._seen(centre)
        wide, high = px * radius_m * squash**-0.5, px * radius_m * squash
        self._add(layer, px, lambda: self._draw_sprite(skin, x, y, wide, high, angle))

    def disc(self, centre: Point, radius_m: float, colour: Colour, layer: int = MIDDLE) -> None:
        x, y, px = self._seen(centre)
        self._add(layer, px, lambda: self._draw_disc(x, y, px * radius_m, colour))

    def limb(self, start: Point, end: Point, start_m: float, end_m: float, colour: Colour, layer: int = MIDDLE) -> None:
        """A rod with round ends, radii start_m and end_m."""
        ax, ay, apx = self._seen(start)
        bx, by, bpx = self._seen(end)
        self._add(layer, 0.5 * (apx + bpx), lambda: self._draw_limb(ax, ay, apx * start_m, bx, by, bpx * end_m, colour))

    def box(
        self, centre: Point, half: Point, colour: Colour, turn: DoubleArray | None = None, layer: int = MIDDLE
    ) -> None:
        """A box of half sizes `half`, rotated by `turn` (3, 3)."""
        corners = _CORNERS * half
        normals = _NORMALS
        if turn is not None:
            corners, normals = corners @ turn.T, normals @ turn.T
        points, scale = self._seen_all(corners + centre)
        light = 0.62 + 0.38 * (normals @ SUN).clip(-0.6, 1)
        faces = []
        for number, face in enumerate(_FACES):
            side = points[list(face)]
            if _area(side) > 0:
                faces.append((float(light[number]), side))
        self._add(layer, float(scale.mean()), lambda: self._draw_faces(faces, colour))

    def drum(self, bottom: Point, top: Point, radius_m: float, side: Colour, skin: Colour, layer: int = MIDDLE) -> None:
        """A cylinder between two middles, its ends of colour `skin`."""
        axis = np.subtract(top, bottom)
        axis = axis / max(1e-9, float(np.linalg.norm(axis)))
        across = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (0.0, 1.0, 0.0))
        across = across / np.linalg.norm(across)
        ring = radius_m * (_CIRCLE @ np.stack([across, np.cross(axis, across)]))  # (24, 3)
        points, scale = self._seen_all(np.concatenate([ring + bottom, ring + top]))
        toward = float(np.dot(np.subtract(self.view.at, top), axis))
        cap = points[24:] if toward > 0 else points[:24]
        self._add(layer, float(scale.mean()), lambda: self._draw_drum(points, cap, side, skin))

    def patch(
        self, corners: Sequence[Point] | DoubleArray, colour: Colour, layer: int = MIDDLE, share: float = 1.0
    ) -> None:
        """A flat polygon of any shape; share: its opacity."""
        points, scale = self._seen_all(np.asarray(corners, np.float64))
        if share >= 1:
            self._add(layer, float(scale.mean()), lambda: self._draw_patch(points, colour))
        else:
            self._add(layer, float(scale.mean()), lambda: self._draw_veil(points, colour, share))

    def sheet(self, corners: Sequence[Point], levels: Levels, layer: int = MIDDLE) -> None:
        """Four corners, clockwise from the upper left, with a texture of levels (E, E, 3) stretched between them."""
        points, scale = self._seen_all(np.asarray(corners, np.float64))
        self._add(layer, float(scale.mean()), lambda: self._draw_sheet(points, levels))

    def line(self, points: Sequence[Point] | DoubleArray, width_m: float, colour: Colour, layer: int = MIDDLE) -> None:
        """A bent line; it never gets thinner than a pixel."""
        seen, scale = self._seen_all(np.asarray(points, np.float64))
        px = float(scale.mean())
        self._add(layer, px, lambda: self._draw_line(seen, width_m * px, colour))

    def streaks(
        self, starts: DoubleArray, ends: DoubleArray, width_m: float, colour: Colour, share: float, layer: int = FRONT
    ) -> None:
        """Many straight lines (N, 3) to (N, 3) of one colour and opacity."""
        first, scale = self._seen_all(starts)
        last, _ = self._seen_all(ends)
        px = float(np.median(scale)) if len(scale) else 1.0
        self._add(layer, px, lambda: self._draw_streaks(first, last, width_m * px, colour, share))

    def strands(self, points: DoubleArray, width_m: float, colour: Colour, layer: int = MIDDLE) -> None:
        """Many bent lines (N, K, 3) of one colour."""
        seen, scale = self._seen_all(points.reshape(-1, 3))
        px = float(scale.mean())
        lines = np.rint(seen.reshape(*points.shape[:2], 2) * _FRACTION).astype(np.int32)  # (N, K, 2)
        thick = max(1, round(width_m * px))
        draw, smooth = self._cv2.polylines, self._cv2.LINE_AA
        self._add(layer, px, lambda: draw(self.picture, list(lines), False, colour, thick, smooth, 4))

    def dots(self, points: DoubleArray, radii_m: DoubleArray, colours: DoubleArray, layer: int = MIDDLE) -> None:
        """Many discs: (N, 3) middles, (N,) radii, (N, 3) colours."""
        seen, scale = self._seen_all(points)
        radii = radii_m * scale
        depth = float(scale.mean()) if len(scale) else 1.0
        self._add(layer, depth, lambda: self._draw_dots(seen, radii, colours))

    def glow(self, centre: Point, radius_m: float, colour: Colour, layer: int = FRONT) -> None:
        """Light added around a point, fading to nothing at the radius."""
        x, y, px = self._seen(centre)
        self._add(layer, px, lambda: self._draw_glow(x, y, px * radius_m, colour))

    def shadow(self, centre: Point, radius_m: float, share: float) -> None:
        """A soft dark spot on a level surface."""
        points, scale = self._seen_all(np.asarray(centre) + radius_m * np.insert(_CIRCLE, 1, 0, axis=1))
        self._add(GROUND, float(scale.mean()), lambda: self._draw_veil(points, (0, 0, 0), share, soft=True))

    def tint(self, colour: Colour, share: float) -> None:
        """The whole picture moved towards a colour."""
        self._add(FRONT, math.inf, lambda: self._draw_tint(colour, share))

    def _add(self, layer: int, px: float, draw: Callable[[], None]) -> None:
        self._todo.append((layer, px / self._size, len(self._todo), draw))

    def _seen(self, point: Point) -> tuple[float, float, float]:
        """Pixel position and pixels per metre."""
        x, y, scale = self.view.project(point)
        width = self._width
        x, y = x * width + 0.5 * width - 0.5, y * width + 0.5 * self._height - 0.5
        return max(-_LIMIT_PX, min(_LIMIT_PX, x)), max(-_LIMIT_PX, min(_LIMIT_PX, y)), scale * width

    def _seen_all(self, points: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        seen, scale = self.view.project_all(points)
        seen = seen * self._width + (0.5 * self._width - 0.5, 0.5 * self._height - 0.5)
        return seen.clip(-_LIMIT_PX, _LIMIT_PX), scale * self._width

    def _fill(self, points: DoubleArray, colour: Colour) -> None:
        whole = np.rint(points * _FRACTION).astype(np.int32)
        self._cv2.fillPoly(self.picture, [whole], colour, lineType=self._cv2.LINE_AA, shift=4)

    def _draw_disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        spot = (round(x * _FRACTION), round(y * _FRACTION))
        edge = min(_LIMIT_PX, max(0.5, radius))
        self._cv2.circle(self.picture, spot, round(edge * _FRACTION), colour, -1, self._cv2.LINE_AA, 4)

    def _draw_limb(self, ax: float, ay: float, ar: float, bx: float, by: float, br: float, colour: Colour) -> None:
        long = math.hypot(bx - ax, by - ay)
        ar, br = max(0.5, ar), max(0.5, br)
        if long > 1e-6:
            nx, ny = (ay - by) / long, (bx - ax) / long
            if ny > 0 or (ny == 0 and nx > 0):
                nx, ny = -nx, -ny
            ends = ((ax + nx * ar, ay + ny * ar), (bx + nx * br, by + ny * br))
            back = ((bx - nx * br, by - ny * br), (ax - nx * ar, ay - ny * ar))
            self._fill(np.array([*ends, *back]), colour)
        self._draw_disc(ax, ay, ar, colour)
        self._draw_disc(bx, by, br, colour)
        if long > 1e-6 and min(ar, br) > 2:
            lit = ((bx + nx * 0.3 * br, by + ny * 0.3 * br), (ax + nx * 0.3 * ar, ay + ny * 0.3 * ar))
            upper = ((ax + nx * ar * 0.8, ay + ny * ar * 0.8), (bx + nx * br * 0.8, by + ny * br * 0.8))
            self._fill(np.array([*upper, *lit]), tone(colour, 1.16))

    def _draw_faces(self, faces: list[tuple[float, DoubleArray]], colour: Colour) -> None:
        for light, side in faces:
            self._fill(side, tone(colour, light))

    def _draw_drum(self, points: DoubleArray, cap: DoubleArray, side: Colour, skin: Colour) -> None:
        hull = self._cv2.convexHull(points.astype(np.float32))[:, 0]
        self._fill(hull, side)
        self._fill(cap, skin)

    def _draw_patch(self, points: DoubleArray, colour: Colour) -> None:
        self._fill(points, colour)

    def _draw_line(self, points: DoubleArray, width: float, colour: Colour) -> None:
        whole = np.rint(points * _FRACTION).astype(np.int32)
        thick = max(1, round(width))
        shade = min(1.0, max(0.25, width))
        if shade < 1:
            middle = np.rint(points.mean(0)).astype(int).clip(0, (self._width - 1, self._height - 1))
            under = self.picture[middle[1], middle[0]]
            red, green, blue = (float(shade * c + (1 - shade) * u) for c, u in zip(colour, under, strict=True))
            colour = (red, green, blue)
        self._cv2.polylines(self.picture, [whole], False, colour, thick, self._cv2.LINE_AA, 4)

    def _draw_streaks(self, first: DoubleArray, last: DoubleArray, width: float, colour: Colour, share: float) -> None:
        lines = np.rint(np.stack([first, last], 1) * _FRACTION).astype(np.int32)  # (N, 2, 2)
        over = self.picture.copy()
        self._cv2.polylines(over, list(lines), False, colour, max(1, round(width)), self._cv2.LINE_AA, 4)
        self._cv2.addWeighted(over, share, self.picture, 1 - share, 0, dst=self.picture)

    def _draw_dots(self, points: DoubleArray, radii: DoubleArray, colours: DoubleArray) -> None:
        whole = np.rint(points * _FRACTION).astype(int).tolist()
        edges = np.rint(radii.clip(0.4, _LIMIT_PX) * _FRACTION).astype(int).tolist()
        draw, smooth = self._cv2.circle, self._cv2.LINE_AA
        for spot, edge, colour in zip(whole, edges, colours.tolist(), strict=True):
            draw(self.picture, spot, edge, colour, -1, smooth, 4)

    def _window(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int] | None:
        """The whole pixels that a shape can touch: first and last + 1 column and row; None outside the picture."""
        x0, y0 = max(0, math.floor(left) - 1), max(0, math.floor(top) - 1)
        x1, y1 = min(self._width, math.ceil(right) + 2), min(self._height, math.ceil(bottom) + 2)
        return (x0, x1, y0, y1) if x1 > x0 and y1 > y0 else None

    def _draw_sprite(self, skin: Levels, x: float, y: float, wide: float, high: float, angle: float) -> None:
        window = self._window(x - wide, y - high, x + wide, y + high)
        if window is None:
            return
        x0, x1, y0, y1 = window
        wide, high = max(0.6, wide), max(0.6, high)
        level = skin[max(0, min(len(skin) - 1, math.floor(math.log2(skin[0].shape[0] / (2 * max(wide, high))))))]
        half = level.shape[0] / 2
        c, s = math.cos(angle), math.sin(angle)
        turn = np.array([[c * wide / half, -s * wide / half, 0], [s * high / half, c * high / half, 0]])
        turn[:, 2] = (x - x0, y - y0) - turn[:, :2] @ (half - 0.5, half - 0.5)
        over = self._cv2.warpAffine(level, turn, (x1 - x0, y1 - y0), flags=self._cv2.INTER_LINEAR)
        spot = self.picture[y0:y1, x0:x1]
        under = spot.astype(np.uint16) * (255 - over[..., 3:].astype(np.uint16)) // 255
        spot[:] = np.minimum(under + over[..., :3], 255)

    def _draw_veil(self, points: DoubleArray, colour: Colour, share: float, soft: bool = False) -> None:
        (left, top), (right, bottom) = points.min(0), points.max(0)
        edge = 0.12 * max(right - left, bottom - top) if soft else 0.0
        window = self._window(left - edge, top - edge, right + edge, bottom + edge)
        if window is None:
            return
        x0, x1, y0, y1 = window
        cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
        whole = np.rint((points - (x0, y0)) * _FRACTION).astype(np.int32)
        self._cv2.fillPoly(cover, [whole], round(255 * share), lineType=self._cv2.LINE_AA, shift=4)
        if edge > 1:
            side = 2 * round(min(60.0, edge)) + 1
            cover = self._cv2.blur(cover, (side, side))
        spot = self.picture[y0:y1, x0:x1]
        weight = cover[..., None].astype(np.int32)
        spot[:] = spot + (np.asarray(colour, np.int32) - spot) * weight // 255

    def _draw_sheet(self, points: DoubleArray, levels: Levels) -> None:
        (left, top), (right, bottom) = points.min(0), points.max(0)
        window = self._window(left, top, right, bottom)
        if window is None or abs(_area(points)) < 1:
            return
        x0, x1, y0, y1 = window
        size = max(2.0, math.sqrt(abs(_area(points))))
        level = levels[max(0, min(len(levels) - 1, math.floor(math.log2(EDGE / size))))]
        edge = level.shape[0] - 1
        source = np.array([[0, 0], [edge, 0], [edge, edge], [0, edge]], np.float32)
        lay = self._cv2.getPerspectiveTransform(source, (points - (x0, y0)).astype(np.float32))
        mode = self._cv2.BORDER_REPLICATE
        over = self._cv2.warpPerspective(level, lay, (x1 - x0, y1 - y0), borderMode=mode)
        cover = np.zeros((y1 - y0, x1 - x0, 1), np.uint8)
        whole = np.rint((points - (x0, y0)) * _FRACTION).astype(np.int32)
        self._cv2.fillPoly(cover, [whole], 255, lineType=self._cv2.LINE_AA, shift=4)
        spot = self.picture[y0:y1, x0:x1]
        spot[:] = spot + (over.astype(np.int32) - spot) * cover // 255

    def _draw_glow(self, x: float, y: float, radius: float, colour: Colour) -> None:
        radius = max(1.0, radius)
        window = self._window(x - radius, y - radius, x + radius, y + radius)
        if window is None:
            return
        x0, x1, y0, y1 = window
        across = (np.arange(x0, x1, dtype=np.float32) - x) / radius
        along = (np.arange(y0, y1, dtype=np.float32) - y) / radius
        height = (1 - along[:, None] ** 2 - across**2).clip(0, None) ** 2
        spot = self.picture[y0:y1, x0:x1]
        spot[:] = np.minimum(spot + height[..., None] * np.asarray(colour, np.float32), 255)

    def _draw_tint(self, colour: Colour, share: float) -> None:
        flat = np.empty_like(self.picture)
        flat[:] = colour
        self._cv2.addWeighted(flat, share, self.picture, 1 - share, 0, dst=self.picture)


def _area(points: DoubleArray) -> float:
    """Signed area of a polygon; positive where it runs clockwise as seen."""
    x, y = points[:, 0], points[:, 1]
    return float(0.5 * (x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0]))
