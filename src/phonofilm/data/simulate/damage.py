"""What befalls films between the lens and us: each damage turns a film into a worse one, at three levels.

A film here is a sequence of (picture, time_s) pairs; pictures are (H, W, 3) uint8 RGB of one size, times rise. Damages
take them one by one, never change a time, and hand on pictures of the same size, so they can be chained, and used on
simulated scenes and real clips alike. Lengths are shares of the picture's width, noise is per pixel of the size that
is handed in. All chance comes from the generator.

Dimension letters: H height, W width, K sinusoids.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from phonofilm.media.encode import Instant, TimedPicture, squeeze
from phonofilm.types import ByteArray, FloatArray

Damage = Callable[[Iterable[TimedPicture], int, np.random.Generator], Iterator[TimedPicture]]
"""(film, level 1 to 3, generator) → film."""

LEVELS = (1, 2, 3)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""
PLATE_MARGIN = 64
"""A plate of noise is larger than the picture by this many pixels and cut anew for every picture."""
COMPRESSED_BITS_A_PIXEL = (0.1, 0.05, 0.025)
BLUR_SHARE = (0.004, 0.008, 0.016)
NOISE = (5.0, 10.0, 20.0)
DROPPED_SHARE, DROPPED_RUN = (0.05, 0.12, 0.25), (1.0, 1.5, 2.0)
LONGEST_GAP_S = 0.25
REPEATED_HZ = (24.0, 15.0, 10.0)
LOW_RATE_HZ = (15.0, 12.0, 8.0)
RESOLUTION_FACTOR = (1.5, 2.5, 4.0)
DARKER_STOPS, DARK_NOISE = (2.0, 3.0, 4.0), (1.5, 2.5, 4.0)
DISPLAY_GAMMA = 2.2
SHAKE_SHARE, SHAKE_ZOOM = (0.003, 0.008, 0.018), (1.02, 1.05, 1.1)
SHAKE_HZ = (0.3, 9.0)
SHOWN_SHARE = (0.85, 0.72, 0.58)


def compression(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Encoded as H.264 or (one film in three) MPEG-4 part 2, at 0.1, 0.05, 0.025 bits a pixel, and decoded again.

    As 720p at 25 frames a second has them at 2300, 1150, 580 kbit/s; small pictures suffer more at the same figure.
    """
    codec = "mpeg4" if generator.random() < 1 / 3 else "h264"
    yield from squeeze(film, COMPRESSED_BITS_A_PIXEL[level - 1], "mpeg4" if codec == "mpeg4" else "h264")


def blur(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Out of focus: a Gaussian of standard deviation 0.4, 0.8, 1.6 % of the width, which drifts by a quarter."""
    drift = Sway.drawn(generator, (0.05, 0.4), 0.25)
    made: dict[int, tuple[FloatArray, FloatArray]] = {}
    for picture, time_s in film:
        height, width = picture.shape[:2]
        eighths = round(8 * (1 + drift.at(float(time_s))[0]))  # so that few different matrices are made
        if eighths not in made:
            sigma = BLUR_SHARE[level - 1] * width * max(1, eighths) / 8
            made[eighths] = _gaussian(height, sigma), _gaussian(width, sigma)
        yield _through(*made[eighths], picture), time_s


def noise(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Sensor grain of standard deviation 5, 10, 20 (of 255) at middle grey, less in the dark: photons are counted."""
    grey = np.arange(256, dtype=np.float32)
    sigma = NOISE[level - 1] * np.sqrt((grey + 20) / 148)  # (256,)
    return _grained(film, grey, sigma.astype(np.float32), generator)


def darkness(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Underexposed by 2, 3, 4 stops (a quarter, an eighth, a sixteenth of the light), with the grain that remains."""
    grey = np.arange(256, dtype=np.float32) * 2 ** (-DARKER_STOPS[level - 1] / DISPLAY_GAMMA)  # (256,)
    return _grained(film, grey.astype(np.float32), np.full(256, DARK_NOISE[level - 1], np.float32), generator)


def dropped(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Frames missing: 5, 12, 25 % of them, in runs of 1, 1.5, 2 on the average; the others keep their times.

    The first frame stays, and no gap grows beyond a quarter of a second.
    """
    share, run = DROPPED_SHARE[level - 1], DROPPED_RUN[level - 1]
    begins = share / (share + run * (1 - share))  # where none is being dropped, so that `share` is in the end
    left, last_s = 0, -np.inf
    for picture, time_s in film:
        if not left and generator.random() < begins:
            left = int(generator.geometric(1 / run))
        if left and float(time_s) - last_s <= LONGEST_GAP_S:
            left -= 1
            continue
        left, last_s = 0, float(time_s)
        yield picture, time_s


def repeated(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """Rate conversion: only 24, 15, 10 pictures a second are new, the frames between repeat the one before.

    A film that has no more frames than that is not changed. What is new is shown up to one frame late, never early.
    """
    held: ByteArray | None = None
    for new, picture, time_s in _ticked(film, REPEATED_HZ[level - 1], generator):
        held = picture if new or held is None else held
        yield held, time_s


def low_rate(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """At most 15, 12, 8 frames a second: the others are left out, those that stay keep their times."""
    for new, picture, time_s in _ticked(film, LOW_RATE_HZ[level - 1], generator):
        if new:
            yield picture, time_s


def low_resolution(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """As if taken with 1.5, 2.5, 4 times fewer pixels either way, and enlarged again without sharpening."""
    factor = RESOLUTION_FACTOR[level - 1]
    return _each(film, lambda edge: _coarser(edge, factor), lambda edge: _coarser(edge, factor))


def hand_shake(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """A camera held by hand: at rest, standing, walking; the frame sways by 0.3, 0.8, 1.8 % of the width (rms).

    Between 0.3 and 9 Hz, the slower the wider. The picture is enlarged by 2, 5, 10 % to hide its edges, so places move
    outwards by as much. Without roll.
    """
    across = Sway.drawn(generator, SHAKE_HZ, SHAKE_SHARE[level - 1])
    zoom = SHAKE_ZOOM[level - 1]
    for picture, time_s in film:
        height, width = picture.shape[:2]
        x, y = across.at(float(time_s))
        rows, columns = (
            _linear(edge, edge, 0.5 * edge * (1 - 1 / zoom) + shift * width, 1 / zoom)
            for edge, shift in ((height, y), (width, x))
        )
        yield _through(rows, columns, picture), time_s


def letterbox(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """The whole picture shown smaller, at 85, 72, 58 % of its edges, in black; up to a third off the middle.

    Level 1 has bars above and below only: the picture is squeezed in height. Places move inwards by as much.
    """
    share, high = SHOWN_SHARE[level - 1], generator.uniform(-1, 1) / 3
    wide = 1.0 if level == 1 else share
    return _each(film, lambda edge: _within(edge, share, high), lambda edge: _within(edge, wide, 0.0))


@dataclass(frozen=True)
class Sway:
    """A smooth random path across the picture, the same at every frame rate: K sinusoids either way, wide if slow."""

    hz: FloatArray
    phases: FloatArray
    sizes: FloatArray

    @classmethod
    def drawn(cls, generator: np.random.Generator, hz: tuple[float, float], rms: float) -> "Sway":
        """A path between two frequencies; its root mean square in each direction is `rms`."""
        chosen = np.exp(generator.uniform(np.log(hz[0]), np.log(hz[1]), (2, 12)))  # (2, K)
        sizes = chosen**-1.0
        sizes *= rms * np.sqrt(2 / (sizes**2).sum(1, keepdims=True))
        phases = generator.uniform(0, 2 * np.pi, (2, 12))
        return cls(chosen.astype(np.float32), phases.astype(np.float32), sizes.astype(np.float32))

    def at(self, time_s: float) -> tuple[float, float]:
        """(right, down) at an instant."""
        right, down = (self.sizes * np.sin(2 * np.pi * self.hz * time_s + self.phases)).sum(1)
        return float(right), float(down)


@dataclass(frozen=True)
class _Wear:
    """How worn a print is: flicker and grain in shares of the light, the rest per picture or per second."""

    flicker: float
    weave_share: float
    grain: float
    dust: float
    scratches: float


WEAR = (_Wear(0.03, 0.0015, 4.0, 1.5, 0.7), _Wear(0.07, 0.004, 8.0, 5.0, 1.5), _Wear(0.14, 0.008, 14.0, 14.0, 4.0))


def old_film(film: Iterable[TimedPicture], level: int, generator: np.random.Generator) -> Iterator[TimedPicture]:
    """A worn black-and-white print: flicker 3, 7, 14 %; weave in the gate 0.15, 0.4, 0.8 % of the width.

    Grain: 4, 8, 14 of 255. Dust: 1.5, 5, 14 specks and hairs on every picture, each on one only. Scratches: 0.7, 1.5,
    4 upright lines at a time, which wander and last about a second. The corners are dim.
    """
    wear, plate, corners, lines = WEAR[level - 1], None, None, _Scratches(WEAR[level - 1].scratches, generator)
    for picture, time_s in film:
        height, width = picture.shape[:2]
        if plate is None or corners is None:
            plate = _plate(generator, height, width, 1) * wear.grain  # (H + margin, W + margin, 1)
            corners = _vignette(height, width)
        down, right = generator.normal(0, wear.weave_share * width, 2)
        rows, columns = _linear(height, height, down, 1.0), _linear(width, width, right, 1.0)
        grey = rows @ (picture.astype(np.float32) @ LUMA) @ columns.T  # (H, W)
        grey *= corners * (1 + generator.normal(0, wear.flicker))
        grey += _cut(plate, height, width, generator)[..., 0]
        for _ in range(generator.poisson(wear.dust)):
            _speck(grey, generator)
        lines.draw(grey, float(time_s), generator)
        yield np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=-1), time_s  # (H, W, 3)


class _Scratches:
    """Upright lines that come, wander and go; about `count` at a time."""

    def __init__(self, count: float, generator: np.random.Generator) -> None:
        self.count = count
        self.lines: list[tuple[float, Sway, float, float]] = [
            self._new(0.0, generator) for _ in range(generator.poisson(count))
        ]
        self.last_s = 0.0

    def _new(self, time_s: float, generator: np.random.Generator) -> tuple[float, Sway, float, float]:
        """(place 0..1, path, lightness added, end)."""
        depth = float(generator.choice([-1, 1])) * generator.uniform(25, 90)
        path = Sway.drawn(generator, (0.5, 12.0), 0.004)
        return generator.random(), path, depth, time_s + generator.exponential(1.0)

    def draw(self, grey: FloatArray, time_s: float, generator: np.random.Generator) -> None:
        """Add the lines of this instant to (H, W)."""
        self.lines = [line for line in self.lines if line[3] > time_s]
        born = generator.poisson(self.count * max(0.0, time_s - self.last_s))
        self.lines += [self._new(time_s, generator) for _ in range(born)]
        self.last_s = time_s
        width = grey.shape[1]
        broad = max(1, round(width / 320))
        for place, path, depth, _ in self.lines:
            column = int((place + path.at(time_s)[0]) * width)
            grey[:, max(0, column) : max(0, column + broad)] += depth


def _speck(grey: FloatArray, generator: np.random.Generator) -> None:
    """One speck or hair on (H, W): a slanting ellipse, dark or light, 0.3 to 2 % of the width long."""
    height, width = grey.shape
    length, slimness = width * generator.uniform(0.003, 0.02), generator.uniform(0.15, 1)
    x, y, angle = generator.uniform(0, width), generator.uniform(0, height), generator.uniform(0, np.pi)
    reach = int(length) + 1
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    part = grey[top : int(y) + reach + 1, left : int(x) + reach + 1]
    down, right = np.arange(top, top + part.shape[0])[:, None] - y, np.arange(left, left + part.shape[1]) - x
    along, beside = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    inside = (along / length) ** 2 + (beside / max(0.6, length * slimness)) ** 2 < 1
    part[inside] += generator.choice([-1, 1]) * generator.uniform(60, 160)


def _vignette(height: int, width: int) -> FloatArray:
    """(H, W): 1 in the middle, 0.7 in the corners."""
    down, right = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    return (1 - 0.15 * (down**2 + right**2)).astype(np.float32)


def _ticked(
    film: Iterable[TimedPicture], rate_hz: float, generator: np.random.Generator
) -> Iterator[tuple[bool, ByteArray, Instant]]:
    """Each frame, with whether it is the first at or after a tick of a clock of `rate_hz`; the first frame always."""
    phase, ticks = generator.random(), -1
    for picture, time_s in film:
        # A thousandth of a tick, because a clock of the film's own rate must pass every frame.
        passed = int(np.floor(float(time_s) * rate_hz + phase + 1e-3))
        yield passed > ticks, picture, time_s
        ticks = max(ticks, passed)


def _grained(
    film: Iterable[TimedPicture], grey: FloatArray, sigma: FloatArray, generator: np.random.Generator
) -> Iterator[TimedPicture]:
    """Every value through the curve `grey` (256,), with grain of the deviation `sigma` (256,)."""
    plate = None
    for picture, time_s in film:
        height, width = picture.shape[:2]
        plate = _plate(generator, height, width, 3) if plate is None else plate
        out = _cut(plate, height, width, generator) * sigma[picture]  # (H, W, 3)
        out += grey[picture] + 0.5
        yield np.clip(out, 0, 255, out=out).astype(np.uint8), time_s


def _plate(generator: np.random.Generator, height: int, width: int, channels: int) -> FloatArray:
    """(H + margin, W + margin, channels) noise of deviation 1, most of it common to the channels."""
    shape = (height + PLATE_MARGIN, width + PLATE_MARGIN)
    common = generator.standard_normal((*shape, 1), np.float32)
    own = generator.standard_normal((*shape, channels), np.float32)
    return np.asarray(0.8 * common + 0.6 * own, np.float32)


def _cut(plate: FloatArray, height: int, width: int, generator: np.random.Generator) -> FloatArray:
    """(H, W, C) somewhere in the plate, perhaps mirrored: no two pictures get the same grain in the same place."""
    top, left = generator.integers(0, PLATE_MARGIN + 1, 2)
    down, right = generator.choice([-1, 1], 2)
    return plate[top : top + height, left : left + width][::down, ::right]


def _each(
    film: Iterable[TimedPicture], rows_of: Callable[[int], FloatArray], columns_of: Callable[[int], FloatArray]
) -> Iterator[TimedPicture]:
    """Every picture through the same two matrices, made for its edges."""
    matrices: tuple[FloatArray, FloatArray] | None = None
    for picture, time_s in film:
        matrices = matrices or (rows_of(picture.shape[0]), columns_of(picture.shape[1]))
        yield _through(*matrices, picture), time_s


def _through(rows: FloatArray, columns: FloatArray, picture: ByteArray) -> ByteArray:
    """rows (H, H) and columns (W, W) applied to each channel of (H, W, 3): blur, scaling and shifts are all such."""
    height, width = picture.shape[:2]
    tall = rows @ picture.reshape(height, 3 * width).astype(np.float32)  # (H, 3 W)
    out = tall.reshape(height, width, 3).transpose(0, 2, 1).reshape(3 * height, width) @ columns.T  # (3 H, W)
    out += np.float32(0.5)
    np.clip(out, 0, 255, out=out)
    return np.ascontiguousarray(out.astype(np.uint8).reshape(height, 3, width).transpose(0, 2, 1))  # (H, W, 3)


def _gaussian(edge: int, sigma: float) -> FloatArray:
    """(edge, edge): each row a Gaussian about its own place, cut off at the ends of the picture."""
    offset = np.arange(edge)[:, None] - np.arange(edge)
    weight = np.exp(-0.5 * (offset / max(sigma, 1e-3)) ** 2)
    weight[weight < 1e-3] = 0  # numbers too small for float32 to hold well make products ten times slower
    return np.asarray(weight / weight.sum(1, keepdims=True), np.float32)


def _means(small: int, edge: int) -> FloatArray:
    """(small, edge): each row the mean over its share of the edge."""
    bounds = np.linspace(0, edge, small + 1)
    pixel = np.arange(edge)
    overlap = np.minimum(bounds[1:, None], pixel + 1) - np.maximum(bounds[:-1, None], pixel)
    return np.asarray(overlap.clip(0) * small / edge, np.float32)


def _coarser(edge: int, factor: float) -> FloatArray:
    """(edge, edge): means over `factor` pixels, and straight lines between those."""
    small = max(2, round(edge / factor))
    return _linear(edge, small, 0.0, small / edge) @ _means(small, edge)


def _linear(count: int, edge: int, first: float, step: float) -> FloatArray:
    """(count, edge): row n reads at first + n step (pixel borders), between two pixels; outside the last one holds."""
    position = (first + (np.arange(count) + 0.5) * step - 0.5).clip(0, edge - 1)
    before = np.minimum(position.astype(np.int64), max(edge - 2, 0))
    out = np.zeros((count, edge), np.float32)
    share = (position - before).astype(np.float32)
    out[np.arange(count), np.minimum(before + 1, edge - 1)] = share
    out[np.arange(count), before] += 1 - share
    return out


def _within(edge: int, share: float, off: float) -> FloatArray:
    """(edge, edge): the picture at `share` of its edge, black around it; off: -1 and 1 put it against the ends."""
    small = max(2, round(edge * share))
    first = round((edge - small) / 2 * (1 + off))
    out = np.zeros((edge, edge), np.float32)
    out[first : first + small] = _means(small, edge)
    return out


DAMAGES: Mapping[str, Damage] = MappingProxyType(
    {
        "compression": compression,
        "blur": blur,
        "noise": noise,
        "dropped": dropped,
        "repeated": repeated,
        "low_rate": low_rate,
        "low_resolution": low_resolution,
        "old_film": old_film,
        "darkness": darkness,
        "hand_shake": hand_shake,
        "letterbox": letterbox,
    }
)
ORDER = (
    "letterbox",
    "hand_shake",
    "blur",
    "darkness",
    "noise",
    "low_rate",
    "dropped",
    "repeated",
    "low_resolution",
    "old_film",
    "compression",
)
"""In which order damages happen to a film on its way: the lens, the sensor, the clock, the print, the stream."""


def apply_damages(
    film: Iterable[TimedPicture], damages: Sequence[tuple[str, int]], generator: np.random.Generator
) -> Iterator[TimedPicture]:
    """Damages (name, level) one after the other. Each has its own generator, so none changes another's chance."""
    out = iter(film)
    for (name, level), own in zip(damages, generator.spawn(len(damages)), strict=True):
        assert level in LEVELS, f"damage {name} has levels 1 to 3, not {level}"
        out = DAMAGES[name](out, level, own)
    return out


def draw_damages(generator: np.random.Generator, share: float) -> tuple[tuple[str, int], ...]:
    """Nothing, or with the probability `share` one to three damages in the order in which they happen."""
    if generator.random() >= share:
        return ()
    count = int(generator.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    names = sorted(generator.choice(ORDER, count, replace=False), key=ORDER.index)
    return tuple((str(name), int(generator.integers(1, 4))) for name in names)
