"""Cameras and lights: what is seen of a scene at one instant, and how bright it is.

The world is in metres: x to the right, y up, z away from the viewer; y = 0 is the ground or table. Picture positions
are in picture widths from the middle of the picture, right and down.

Dimension letters: N points, W width, H height of a picture.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phonofilm.types import FloatArray

Point = tuple[float, float, float]
DoubleArray = npt.NDArray[np.float64]

NEAREST_M = 0.02
"""Points behind the camera are taken to be this far in front of it, so that nothing divides by zero."""


@dataclass(frozen=True)
class View:
    """A camera at one instant. right, down, ahead: unit vectors; focal: focal length in picture widths."""

    at: Point
    right: Point
    down: Point
    ahead: Point
    focal: float

    def project(self, point: Point) -> tuple[float, float, float]:
        """Where a point is seen (right, down) and how many picture widths a metre measures there."""
        x, y, z = point[0] - self.at[0], point[1] - self.at[1], point[2] - self.at[2]
        depth = max(NEAREST_M, x * self.ahead[0] + y * self.ahead[1] + z * self.ahead[2])
        scale = self.focal / depth
        across = x * self.right[0] + y * self.right[1] + z * self.right[2]
        along = x * self.down[0] + y * self.down[1] + z * self.down[2]
        return across * scale, along * scale, scale

    def project_all(self, points: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """The same for (N, 3) points: (N, 2) positions and (N,) scales."""
        seen = (points - self.at) @ np.array([self.right, self.down, self.ahead]).T  # (N, 3)
        scale = self.focal / np.maximum(NEAREST_M, seen[:, 2])
        return seen[:, :2] * scale[:, None], scale

    def placed(self, origin: Point, size: float) -> "View":
        """This view as told in a world of its own that lies at `origin`, `size` times as large."""
        x, y, z = ((self.at[i] - origin[i]) / size for i in range(3))
        return replace(self, at=(x, y, z))


def look(target: Point, yaw: float, pitch: float, roll: float, distance_m: float, focal: float) -> View:
    """A camera that looks at `target` from above by `pitch` and from the left by `yaw` (radians)."""
    ahead = (math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch))
    level = (math.cos(yaw), 0.0, -math.sin(yaw))
    lower = (-math.sin(yaw) * math.sin(pitch), -math.cos(pitch), -math.cos(yaw) * math.sin(pitch))
    c, s = math.cos(roll), math.sin(roll)
    right = (c * level[0] + s * lower[0], c * level[1] + s * lower[1], c * level[2] + s * lower[2])
    down = (c * lower[0] - s * level[0], c * lower[1] - s * level[1], c * lower[2] - s * level[2])
    x, y, z = (target[i] - distance_m * ahead[i] for i in range(3))
    return View((x, y, z), right, down, ahead, focal)


@dataclass(frozen=True)
class Shot:
    """A framing that holds from start_s on. Angles in radians; distance_m from the target."""

    start_s: float
    target: Point
    yaw: float
    pitch: float
    distance_m: float
    focal: float


@dataclass(frozen=True)
class Camera:
    """How a scene is filmed. pan: radians right and up, over the time from pan_s[0] to pan_s[1]; zoom: factor of the
    focal length reached at pan_s[1]. shake: (K, 7) rows of rate_hz, then size and phase for yaw, pitch and roll."""

    shots: tuple[Shot, ...]
    pan: tuple[float, float]
    zoom: float
    pan_s: tuple[float, float]
    shake: tuple[tuple[float, ...], ...]

    def shot_number(self, time_s: float) -> int:
        return max(0, sum(shot.start_s <= time_s for shot in self.shots) - 1)

    def view(self, time_s: float) -> View:
        shot = self.shots[self.shot_number(time_s)]
        share = min(1.0, max(0.0, (time_s - self.pan_s[0]) / (self.pan_s[1] - self.pan_s[0])))
        share = share * share * (3 - 2 * share)
        yaw, pitch, roll = shot.yaw + self.pan[0] * (share - 0.5), shot.pitch - self.pan[1] * (share - 0.5), 0.0
        for rate_hz, *waves in self.shake:
            turn = 2 * math.pi * rate_hz * time_s
            yaw += waves[0] * math.sin(turn + waves[1])
            pitch += waves[2] * math.sin(turn + waves[3])
            roll += waves[4] * math.sin(turn + waves[5])
        middle = look(shot.target, shot.yaw, shot.pitch, 0.0, shot.distance_m, shot.focal)
        # The camera turns where it stands: only its direction changes, not its place.
        return look(middle.at, yaw, pitch, roll, 0.0, shot.focal * self.zoom**share)

    def place(self, point: Point, time_s: float) -> float:
        """-1 (left edge) to 1 (right edge): where a point is seen; what is out of the frame lies on its edge."""
        across, _, _ = self.view(time_s).project(point)
        return min(1.0, max(-1.0, 2 * across))


def film(
    rng: np.random.Generator, duration_s: float, target: Point, reach_m: float, pitches: tuple[float, float]
) -> Camera:
    """A camera of random kind. reach_m: half of what should be seen in width; pitches: lowest, highest (radians)."""
    kind = str(rng.choice(["still", "shake", "pan", "zoom", "cuts"], p=[0.4, 0.25, 0.13, 0.1, 0.12]))
    wide = float(np.exp(rng.uniform(np.log(0.95), np.log(2.0)))) * (1.7 if rng.random() < 0.12 else 1.0)
    shots = [_shot(rng, 0.0, target, reach_m * wide, pitches)]
    if kind == "cuts":
        for start_s in np.sort(rng.uniform(0.2, 0.85, int(rng.integers(1, 3)))) * duration_s:
            nearer = float(rng.uniform(0.85, 2.2))
            shots.append(_shot(rng, float(start_s), target, reach_m * nearer, pitches))
    pan, zoom = (0.0, 0.0), 1.0
    shake: tuple[tuple[float, ...], ...] = ()
    angle = 0.5 / shots[0].focal
    if kind == "pan":
        pan = (float(rng.uniform(-0.5, 0.5)) * angle, float(rng.uniform(-0.1, 0.1)) * angle)
    if kind == "zoom":
        zoom = float(rng.uniform(0.75, 1.3))
    if kind == "shake" or (kind != "still" and rng.random() < 0.3):
        shake = _shake(rng, float(rng.uniform(0.004, 0.022)))
    begin, end = np.sort(rng.uniform(0, duration_s, 2))
    return Camera(tuple(shots), pan, zoom, (float(begin), float(max(end, begin + 1.0))), shake)


def _shot(
    rng: np.random.Generator, start_s: float, target: Point, reach_m: float, pitches: tuple[float, float]
) -> Shot:
    focal = float(rng.uniform(0.9, 1.8))
    off_x, off_y = rng.uniform(-0.15, 0.15, 2) * reach_m
    aim = (target[0] + float(off_x), target[1] + 0.5 * float(off_y), target[2])
    pitch = float(rng.uniform(*pitches))
    return Shot(start_s, aim, float(rng.uniform(-0.35, 0.35)), pitch, 2 * focal * reach_m, focal)


def _shake(rng: np.random.Generator, size: float) -> tuple[tuple[float, ...], ...]:
    """Hand tremor and sway: eight sines whose size falls with their rate."""
    rates = np.exp(rng.uniform(np.log(0.25), np.log(7), 8))
    rows = []
    for rate_hz in rates:
        height = size / (1 + 2 * rate_hz)
        sizes = height * rng.uniform(0.3, 1, 3) * (1, 1, 0.5)
        phases = rng.uniform(0, 2 * np.pi, 3)
        rows.append((float(rate_hz), *(float(v) for pair in zip(sizes, phases, strict=True) for v in pair)))
    return tuple(rows)


@dataclass(frozen=True)
class Light:
    """gain and contrast: factors; cast: gain per colour; flicker: (share, rate_hz); jump: (time_s, gain from then on).

    slope: gain gained per picture width to the right and downwards.
    """

    gain: float
    contrast: float
    cast: tuple[float, float, float]
    flicker: tuple[float, float]
    jump: tuple[float, float]
    slope: tuple[float, float]

    def curve(self, time_s: float) -> FloatArray:
        """(256, 3) what each grey level becomes in red, green and blue."""
        gain = self.gain * (self.jump[1] if time_s >= self.jump[0] else 1.0)
        share, rate_hz = self.flicker
        wave = math.sin(2 * math.pi * rate_hz * time_s) + 0.6 * math.sin(2 * math.pi * 1.7 * rate_hz * time_s + 1)
        gain *= 1 + share * wave
        grey = np.arange(256, dtype=np.float32)
        grey = (gain * (128 + self.contrast * (grey - 128))).clip(0, 255)
        return np.asarray((grey[:, None] * np.asarray(self.cast, np.float32)).clip(0, 255), np.float32)


def lit(rng: np.random.Generator, duration_s: float, dark: bool) -> Light:
    """A light of random kind; a dark scene keeps its own levels and gets no gradient."""
    warm = float(rng.uniform(-0.12, 0.12))
    cast = (1 + warm, 1 + float(rng.uniform(-0.04, 0.04)), 1 - warm)
    flicker = (float(rng.uniform(0.01, 0.06)), float(rng.uniform(0.6, 11))) if rng.random() < 0.2 else (0.0, 1.0)
    jump = (float(rng.uniform(0.2, 0.8)) * duration_s, float(rng.uniform(0.7, 1.35)))
    if rng.random() > 0.12:
        jump = (math.inf, 1.0)
    if dark:
        return Light(float(rng.uniform(0.9, 1.1)), 1.0, cast, (0.0, 1.0), jump, (0.0, 0.0))
    x, y = (rng.uniform(-0.6, 0.6, 2) if rng.random() < 0.5 else np.zeros(2)).tolist()
    return Light(float(rng.uniform(0.6, 1.2)), float(rng.uniform(0.65, 1.15)), cast, flicker, jump, (x, y))
