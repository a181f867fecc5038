"""Faces found and followed over frames, with OpenCV's cascades (Viola and Jones 2001; Lienhart and Maydt 2002).

Cascades see a face in some frames and miss it in others, and their boxes jump by a few pixels. So detections, made a
few times a second, only say which faces there are; between them each face is carried by the optical flow of its upper
half (Lucas and Kanade 1981), forwards and backwards as far as it can be followed; jumps are smoothed afterwards.

Dimension letters: F frames, H height, W width, P points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from phonofilm.types import ByteArray
from phonofilm.voice.opencv import opencv

DETECT_EVERY_S = 0.32
"""Two misses in a row then leave a face unseen for a second, which flow bridges with little drift."""
SEARCH_HEIGHT = 288
"""Pictures are searched at this height, in pixels: the cost grows with their area, 0.2 s each here."""
SMALLEST_FACE = 0.075
"""Of the picture's height; mouths of smaller faces are a few pixels wide."""
NEIGHBOURS = 4
"""Overlapping hits that make a detection (OpenCV's minNeighbors)."""
PULL = 0.5
"""How far a detection draws a carried box towards itself while following; the jumps are taken out afterwards."""
SMOOTH_S = 0.6
"""Detections jump by about 5 % of their width from frame to frame; their mean over this long does not."""
LARGEST_RETURN = 1.0
"""Pixels between a point and where it comes back to when it is followed there and back."""
LEAST_POINTS = 12
STRAY = 0.05
"""Of the face's width: points that move otherwise than most by more than this are hair, hands or glasses' glare."""
FLOW_ROOM, FLOW_PIXELS = 2.0, 128
"""Faces are followed in a piece of the picture this many times their width, scaled to this many pixels."""
LEAST_LIKENESS = 0.6
SAME_OVERLAP = 0.3
"""Boxes that overlap by more (intersection over union) are the same face."""
LEAST_SEEN = 0.2
"""A track that is detected in fewer of the frames that were searched is a clock, a hand or a flower."""
LEAST_SEEN_TIMES = 3
Floats = npt.NDArray[np.float64]


@dataclass(eq=False)
class _Track:
    """One face while it can be followed; `boxes` is keyed by frame: x, y of the centre, width (a square), in pixels."""

    boxes: dict[int, Floats] = field(default_factory=dict)
    found: dict[int, tuple[Floats, int]] = field(default_factory=dict)
    """Detections: the box, and -1 where it looks left, 0 at us, 1 right."""
    jumps: dict[int, Floats] = field(default_factory=dict)
    """How far each detection drew the carried box."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face while it can be followed.

    first: index of its first frame. boxes: (F, 3) centre x, centre y and width, in pixels.
    view: -1 to 1, from looking left to looking right. seen: share of the searched frames in which it was detected.
    """

    first: int
    boxes: Floats
    view: float
    seen: float


def find_faces(grey: ByteArray, times_s: Sequence[Fraction]) -> list[Face]:
    """The faces of a piece of a clip, in the order of their first frames.

    grey: (F, H, W) uint8. Cuts need not be told: a face is lost where the picture changes under it.
    Raises MissingExtraError without OpenCV.
    """
    cv = opencv()
    cascades = _Cascades(cv)
    tracks: list[_Track] = []
    searched = _search_frames(times_s)
    for index in range(len(grey)):
        for track in tracks:
            if index - 1 in track.boxes:
                moved = _carry(cv, grey[index - 1], grey[index], track.boxes[index - 1])
                if moved is not None:
                    track.boxes[index] = moved
        if index in searched:
            _join(tracks, cascades.search(grey[index]), index)
    faces: list[Face] = []
    for track in sorted(tracks, key=lambda track: -len(track.found)):
        _carry_back(cv, grey, track)
        chances = len(searched & track.boxes.keys())
        if len(track.found) >= max(LEAST_SEEN * chances, min(LEAST_SEEN_TIMES, chances)):
            face = _settled(track, times_s, len(track.found) / chances)
            if all(not _same(face, other) for other in faces):
                faces.append(face)
    return sorted(faces, key=lambda face: face.first)


class _Cascades:
    """The three searches: faces seen from the front, from their left and from their right."""

    def __init__(self, cv: ModuleType) -> None:
        self.cv = cv
        self.front = cv.CascadeClassifier(cv.data.haarcascades + "haarcascade_frontalface_alt2.xml")
        self.side = cv.CascadeClassifier(cv.data.haarcascades + "haarcascade_profileface.xml")

    def search(self, grey: ByteArray) -> list[tuple[Floats, int]]:
        """Boxes (centre x, centre y, width) and views of one (H, W) picture, doubles removed."""
        scale = min(1.0, SEARCH_HEIGHT / grey.shape[0])
        small = self.cv.resize(grey, None, fx=scale, fy=scale, interpolation=self.cv.INTER_AREA)
        even = self.cv.createCLAHE(2.0, (8, 8)).apply(small)
        width = small.shape[1]
        found = [(box, 0) for box in self._hits(self.front, even)]
        found += [(box, -1) for box in self._hits(self.side, even)]
        for box in self._hits(self.side, np.ascontiguousarray(even[:, ::-1])):
            box[0] = width - box[0]
            found.append((box, 1))
        kept: list[tuple[Floats, int]] = []
        for box, view in found:
            if all(overlap(box, other) < SAME_OVERLAP for other, _ in kept):
                kept.append((box, view))
        return [(box / scale, view) for box, view in kept]

    def _hits(self, cascade: Any, grey: ByteArray) -> list[Floats]:
        least = max(20, round(SMALLEST_FACE * grey.shape[0]))
        hits = cascade.detectMultiScale(grey, 1.15, NEIGHBOURS, minSize=(least, least))
        return [np.array([x + w / 2, y + h / 2, w], float) for x, y, w, h in hits]


def overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two square boxes (centre x, centre y, width)."""
    low = np.maximum(one[:2] - one[2] / 2, other[:2] - other[2] / 2)
    high = np.minimum(one[:2] + one[2] / 2, other[:2] + other[2] / 2)
    both = float(np.prod(np.maximum(0.0, high - low)))
    return both / (float(one[2] ** 2 + other[2] ** 2) - both)


def _search_frames(times_s: Sequence[Fraction]) -> set[int]:
    chosen, next_s = set(), times_s[0]
    for index, time_s in enumerate(times_s):
        if time_s >= next_s:
            chosen.add(index)
            next_s = time_s + Fraction(DETECT_EVERY_S)
    return chosen


def _join(tracks: list[_Track], found: list[tuple[Floats, int]], index: int) -> None:
    """Give each detection to the track it overlaps most, or begin one."""
    free = list(tracks)
    for box, view in found:
        near = [(overlap(track.boxes[index], box), track) for track in free if index in track.boxes]
        best = max(near, key=lambda pair: pair[0], default=(0.0, None))
        if best[1] is None or best[0] < SAME_OVERLAP:
            tracks.append(_Track({index: box}, {index: (box, view)}))
        else:
            carried = best[1].boxes[index]
            best[1].jumps[index] = PULL * (box - carried)
            best[1].boxes[index] = carried + best[1].jumps[index]
            best[1].found[index] = (box, view)
            free.remove(best[1])


def _carry(cv: ModuleType, before: ByteArray, after: ByteArray, box: Floats) -> Floats | None:
    """The box one frame on, by the flow of the upper face; None where it is lost or leaves the picture."""
    unit = FLOW_ROOM * box[2] / FLOW_PIXELS  # pixels of the picture to a pixel of the piece
    pieces = [cut_out(cv, frame, box[:2], unit, (FLOW_PIXELS, FLOW_PIXELS)) for frame in (before, after)]
    one, other = (piece[FLOW_PIXELS // 4 : -FLOW_PIXELS // 4, FLOW_PIXELS // 4 : -FLOW_PIXELS // 4] for piece in pieces)
    if _likeness(one, other) < LEAST_LIKENESS:
        return None
    reach = FLOW_PIXELS / FLOW_ROOM
    grid = np.linspace(-0.32, 0.32, 9) * reach + (FLOW_PIXELS - 1) / 2
    across, down = np.meshgrid(grid, grid - 0.12 * reach)  # (9, 9) each
    points = np.stack([across, down], axis=-1).reshape(-1, 1, 2).astype(np.float32)  # (P, 1, 2)
    there, ok, _ = cv.calcOpticalFlowPyrLK(pieces[0], pieces[1], points, None, winSize=(13, 13), maxLevel=2)
    back, ok_back, _ = cv.calcOpticalFlowPyrLK(pieces[1], pieces[0], there, None, winSize=(13, 13), maxLevel=2)
    error = np.abs(back - points).max(axis=(1, 2))  # (P,)
    good = (ok[:, 0] == 1) & (ok_back[:, 0] == 1) & (error < LARGEST_RETURN)
    if good.sum() < LEAST_POINTS:
        return None
    start, end = points[good, 0].astype(float), there[good, 0].astype(float)  # (P, 2)
    shift = np.median(end - start, axis=0)  # (2,)
    near = np.abs(end - start - shift).max(axis=1) < STRAY * reach
    start, end = start[near] - (FLOW_PIXELS - 1) / 2, end[near] - (FLOW_PIXELS - 1) / 2
    start_mean, end_mean = start.mean(axis=0), end.mean(axis=0)
    scale = np.sum((start - start_mean) * (end - end_mean)) / max(np.sum((start - start_mean) ** 2), 1e-6)
    scale = float(np.clip(scale, 0.95, 1.05))
    centre = box[:2] + (end_mean - scale * start_mean) * unit
    height, full = before.shape
    inside = 0 <= centre[0] < full and 0 <= centre[1] < height
    return np.array([*centre, box[2] * scale]) if inside else None


def cut_out(cv: ModuleType, picture: ByteArray, centre: Floats, unit: float, size: tuple[int, int]) -> ByteArray:
    """A piece of `size` (width, height) around `centre`; each of its pixels covers `unit` pixels of the picture."""
    reach = unit * max(size) / 2 + 4
    left, top = max(0, int(centre[0] - reach)), max(0, int(centre[1] - reach))
    near = picture[top : max(top + 1, int(centre[1] + reach)), left : max(left + 1, int(centre[0] + reach))]
    if not near.size:
        near, left, top = picture, 0, 0
    if unit > 2:  # pixels are averaged first, or fine texture would flicker
        near = cv.blur(near, (round(unit), round(unit)))
    corner = centre - np.array([left, top]) - unit * (np.array(size) - 1) / 2
    way = np.array([[unit, 0, corner[0]], [0, unit, corner[1]]])
    flags = cv.INTER_LINEAR | cv.WARP_INVERSE_MAP
    piece: ByteArray = cv.warpAffine(near, way, size, flags=flags, borderMode=cv.BORDER_REPLICATE)
    return piece


def _likeness(one: ByteArray, other: ByteArray) -> float:
    """Correlation of the face before and after: at a cut, flow still finds its way to something."""
    first, second = one.astype(float) - one.mean(), other.astype(float) - other.mean()
    return float((first * second).sum() / max(np.sqrt((first**2).sum() * (second**2).sum()), 1e-6))


def _carry_back(cv: ModuleType, grey: ByteArray, track: _Track) -> None:
    for index in range(min(track.boxes) - 1, -1, -1):
        moved = _carry(cv, grey[index + 1], grey[index], track.boxes[index + 1])
        if moved is None:
            return
        track.boxes[index] = moved


def _settled(track: _Track, times_s: Sequence[Fraction], share: float) -> Face:
    """The track without jumps: the steps of the flow, summed, and what is left to the detections, smoothed."""
    first, last = min(track.boxes), max(track.boxes)
    path = np.stack([track.boxes[index] for index in range(first, last + 1)])  # (F, 3)
    for index, jump in track.jumps.items():
        path[index - first :] -= jump
    seen = sorted(track.found)
    left = np.stack([track.found[index][0] - path[index - first] for index in seen])  # (D, 3)
    left[:, 2] = np.median(left[:, 2]) if len(seen) < 3 else left[:, 2]
    times = np.array([float(time) for time in times_s])
    gap = (times[first : last + 1, None] - times[seen][None, :]) / SMOOTH_S  # (F, D)
    weights = np.exp(-0.5 * gap**2) + 1e-9
    path += weights @ left / weights.sum(axis=1, keepdims=True)
    return Face(first, path, float(np.mean([view for _, view in track.found.values()])), min(1.0, share))


def _same(one: Face, other: Face) -> bool:
    """Whether two tracks lie on one face for most of the time they share."""
    first = max(one.first, other.first)
    last = min(one.first + len(one.boxes), other.first + len(other.boxes))
    if last <= first:
        return False
    pairs = zip(one.boxes[first - one.first : last - one.first], other.boxes[first - other.first :], strict=False)
    return float(np.mean([overlap(a, b) for a, b in pairs])) > SAME_OVERLAP / 2
