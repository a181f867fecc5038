"""What surfaces look like: crops of real films, and patterns made from noise.

Dimension letters: H height, W width, E edge of a square texture.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonofilm.data.simulate.opencv import opencv
from phonofilm.errors import InputError
from phonofilm.types import ByteArray, FloatArray

EDGE = 256
Colour = tuple[float, float, float]

_TONES: dict[str, tuple[Colour, Colour]] = {
    "wood": ((92, 58, 32), (196, 148, 96)),
    "planks": ((110, 80, 52), (186, 150, 110)),
    "tiles": ((150, 150, 146), (226, 224, 216)),
    "grass": ((34, 62, 18), (122, 158, 62)),
    "sky": ((96, 140, 200), (236, 240, 246)),
    "stone": ((84, 82, 80), (176, 172, 166)),
    "gravel": ((66, 62, 58), (206, 198, 188)),
    "snow": ((206, 212, 224), (252, 252, 255)),
    "sand": ((176, 148, 104), (232, 208, 164)),
    "earth": ((62, 44, 30), (136, 104, 74)),
    "cloth": ((90, 60, 80), (190, 170, 180)),
    "water": ((16, 52, 86), (86, 142, 168)),
    "metal": ((108, 112, 118), (196, 200, 206)),
    "asphalt": ((48, 48, 50), (104, 104, 106)),
    "wall": ((150, 140, 126), (226, 218, 204)),
    "night": ((2, 3, 10), (20, 24, 44)),
    "deep": ((2, 22, 52), (24, 92, 132)),
}
KINDS = (*_TONES, "gradient", "noise", "crop")


@dataclass(frozen=True)
class Textures:
    """Where crops of real pictures come from. paths: image files that OpenCV reads. flat: all is of one colour."""

    paths: tuple[Path, ...]
    flat: bool = False

    @classmethod
    def shipped(cls) -> "Textures":
        """The crops inside the package; their sources are named in crops/ATTRIBUTION.md."""
        return cls.of_folder(Path(__file__).parent / "crops")

    @classmethod
    def of_folder(cls, folder: Path) -> "Textures":
        """All JPEG and PNG files of a folder. Raises InputError where there are none."""
        paths = tuple(sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")))
        if not paths:
            raise InputError(f"{folder} holds no .jpg or .png file; name a folder of pictures to take textures from")
        return cls(paths)

    @classmethod
    def plain(cls) -> "Textures":
        """Surfaces of one colour each, as drawings have."""
        return cls((), flat=True)

    def crop(self, rng: np.random.Generator) -> ByteArray:
        """One crop, (E, E, 3). Raises InputError where the file is no picture."""
        if self.flat:
            return np.full((EDGE, EDGE, 3), _any_colour(rng)).astype(np.uint8)
        cv2 = opencv()
        path = self.paths[int(rng.integers(len(self.paths)))]
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise InputError(f"{path} is no picture that OpenCV can read; remove it from the folder of textures")
        picture = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), (EDGE, EDGE), interpolation=cv2.INTER_AREA)
        flipped = picture[:, ::-1] if rng.random() < 0.5 else picture
        return np.ascontiguousarray(flipped, np.uint8)

    def surface(self, kind: str, rng: np.random.Generator) -> ByteArray:
        """One square picture of a surface, (E, E, 3); kind: one of KINDS."""
        if kind == "crop" or self.flat:
            return self.crop(rng)
        if kind == "gradient":
            return _mixed(_ramp(rng), _any_colour(rng), _any_colour(rng))
        if kind == "noise":
            return _mixed(fractal(rng, float(rng.uniform(0.4, 1))), _any_colour(rng), _any_colour(rng))
        low, high = _TONES[kind]
        shift = (rng.uniform(-14, 14, 3) + rng.uniform(-16, 16)).astype(np.float32)
        return _mixed(_pattern(kind, rng), _moved(low, shift), _moved(high, shift))


def fractal(rng: np.random.Generator, roughness: float = 0.6, stretch: int = 1) -> FloatArray:
    """Noise of many scales, (E, E), 0 to 1. roughness: how strong each finer scale is against the one before.

    stretch: how many times coarser it runs along the rows than down the columns.
    """
    cv2 = opencv()
    field = np.zeros((EDGE, EDGE), np.float32)
    weight, edge = 1.0, 4
    while edge <= EDGE:
        grid = rng.random((edge, max(2, edge // stretch)), np.float32)
        field += weight * cv2.resize(grid, (EDGE, EDGE), interpolation=cv2.INTER_CUBIC)
        weight, edge = weight * roughness, edge * 2
    return _stretched(field)


def levels_of(texture: ByteArray) -> tuple[ByteArray, ...]:
    """A texture and its halves down to 4 pixels, for drawing it small without shimmer."""
    cv2 = opencv()
    levels = [texture]
    while min(levels[-1].shape[:2]) > 4:
        height, width = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    return tuple(levels)


def ball_picture(rng: np.random.Generator, colour: Colour, pattern: str, skin: ByteArray | None = None) -> ByteArray:
    """A lit ball (E / 2, E / 2, 4), colours multiplied by their opacity; pattern: "plain", "stripes", "patches" or
    "skin", which lays the picture `skin` over it."""
    edge = EDGE // 2
    y, x = (np.mgrid[0:edge, 0:edge].astype(np.float32) + 0.5) / (edge / 2) - 1
    height = np.sqrt((1 - x * x - y * y).clip(0, None))
    base = np.empty((edge, edge, 3), np.float32)
    base[:] = colour
    if pattern == "skin" and skin is not None:
        base = skin[64 : 64 + edge, 64 : 64 + edge].astype(np.float32)
    elif pattern == "stripes":
        base[np.abs(x) < rng.uniform(0.12, 0.35)] = _any_colour(rng)
    elif pattern == "patches":
        turn = np.arctan2(y, x) + 0.4 * height
        base[(np.sin(3 * turn) * np.sin(5 * height + 1) > 0.25)] = _any_colour(rng)
    lit = (0.5 + 0.6 * (0.6 * height - 0.45 * y - 0.3 * x)).clip(0.25, 1.15)[..., None]
    gloss = float(rng.uniform(0, 160)) * np.exp(-((x + 0.35) ** 2 + (y + 0.4) ** 2) / 0.03)[..., None]
    cover = ((1 - np.hypot(x, y)) * edge / 2 + 0.5).clip(0, 1)[..., None]
    picture = np.concatenate([(base * lit + gloss).clip(0, 255) * cover, 255 * cover], axis=2)  # (E / 2, E / 2, 4)
    return picture.astype(np.uint8)


def _stretched(field: FloatArray) -> FloatArray:
    low, high = np.percentile(field[::4, ::4], (1, 99))
    return np.asarray(((field - low) / max(1e-6, high - low)).clip(0, 1), np.float32)


def _ramp(rng: np.random.Generator) -> FloatArray:
    y, x = np.mgrid[0:EDGE, 0:EDGE].astype(np.float32) / EDGE - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    return _stretched(np.asarray(x * np.cos(turn) + y * np.sin(turn), np.float32))


def _pattern(kind: str, rng: np.random.Generator) -> FloatArray:
    """The relief of a surface, (E, E), 0 to 1."""
    y, x = np.mgrid[0:EDGE, 0:EDGE].astype(np.float32) / EDGE
    if kind in ("wood", "planks"):
        grain = fractal(rng, 0.7, stretch=12)
        rings = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(2, 6) * y + 1.6 * fractal(rng, 0.4, stretch=8)))
        field = 0.6 * grain + 0.4 * rings
        if kind == "planks":
            count = int(rng.integers(4, 9))
            field = 0.7 * field + 0.3 * rng.random(count)[(y * count).astype(int)]
            field[(y * count) % 1 < 0.05] *= 0.3
        return np.asarray(field, np.float32)
    if kind == "tiles":
        count = int(rng.integers(3, 9))
        shade = rng.random((count, count))[(y * count).astype(int), (x * count).astype(int)]
        field = 0.55 + 0.2 * shade + 0.25 * fractal(rng)
        field[((y * count) % 1 < 0.06) | ((x * count) % 1 < 0.06)] = 0.05
        return np.asarray(field, np.float32)
    if kind in ("grass", "gravel", "earth", "asphalt", "snow", "sand"):
        coarse = {"grass": 0.95, "gravel": 1.25, "earth": 0.85, "asphalt": 1.1, "snow": 0.6, "sand": 0.8}[kind]
        return fractal(rng, coarse)
    if kind in ("sky", "deep", "night"):
        clouds = fractal(rng, 0.5, stretch=2) ** 2
        return np.asarray((0.55 * clouds + (0.45 * y if kind == "sky" else 0.45 * (1 - y))).clip(0, 1), np.float32)
    if kind in ("water", "metal", "cloth"):
        return fractal(rng, 0.7, stretch={"water": 4, "metal": 24, "cloth": 1}[kind])
    return np.asarray(0.35 + 0.4 * _ramp(rng) + 0.25 * fractal(rng, 0.8), np.float32)


def _mixed(field: FloatArray, low: Colour, high: Colour) -> ByteArray:
    """(E, E) → (E, E, 3): `low` where the field is 0, `high` where it is 1."""
    ends = np.asarray([low, high], np.float32)
    return np.asarray((ends[0] + field[..., None] * (ends[1] - ends[0])).clip(0, 255), np.uint8)


def _any_colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.uniform(20, 240, 3)
    return float(red), float(green), float(blue)


def _moved(colour: Colour, shift: FloatArray) -> Colour:
    red, green, blue = np.clip(np.asarray(colour) + shift, 0, 255)
    return float(red), float(green), float(blue)
