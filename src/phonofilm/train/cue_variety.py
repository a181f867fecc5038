"""How the motion of one simulated film is made to stand for many: nearer, faster, mirrored, grainy, with jolts in it.

What matters most was found by comparing the motion in drawn and in real films: things in real ones are three to four
times as fast and change the picture three to four times as much, since they fill more of it.

Dimension letters: F frames, P pairs of frames, h w picture, Y X blocks, T points of a clock, K events.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phonofilm.cues import PEAK_DISTANCE_S
from phonofilm.data.simulate.clips import EventTable
from phonofilm.data.simulate.truth import CONTACTS
from phonofilm.encoders.motion import DoubleArray, Motion
from phonofilm.train.cue_examples import CueExample
from phonofilm.types import ByteArray, FloatArray

JOLT_OUT_S, JOLT_BACK_S = (0.04, 0.1), (0.06, 0.3)
"""How long something flies out and back that jolts: the head of a dog that barks, a pistol that recoils."""
JOLT_GAP_S = (0.25, 1.2)
JOLT_SPEED = (0.08, 1.0)
"""Greatest speed of a jolt, in picture widths per second."""
SWAY_HZ, SWAY_SPEED = (0.3, 3.0), (0.03, 0.8)
PATCH_REACH = (0.05, 0.5)
"""Radius of what jolts or sways, as a share of the picture's width."""
PATCH_CHANGE = 60.0
"""Grey levels by which the picture changes where something moves by a tenth of its width."""
HEARD_SHARE = 0.4
"""A jolt is heard when this share of the way out is over."""

LEAST_FRAMES = 12
"""Fewer frames than this show no more what happens."""
LOSING_REACH = (0.02, 0.2)
"""Ways, in picture widths, of which a fast thing's motion is half lost."""


@dataclass(frozen=True)
class Variety:
    """How much is varied.

    speed, contrast: least and greatest change of speeds and of luma, stretch: greatest of time, as logarithms. grain:
    of velocities, in widths per second. close_share: examples of which only a part of the picture is seen, up to
    close_zoom times as large. jolt_share: examples of still films that are given jolts. sway_share: examples in which
    something sways. soft_share: examples in which motion is less abrupt. quick_share: examples played faster, up to
    `quickest` times. lost_share: examples in which what is fast is lost, as a shutter and few frames lose it.
    hidden_share: examples whose pictures are not shown. speckle: greatest noise of pictures, grey levels. gamma: of
    pictures, greatest as a logarithm.
    """

    speed: tuple[float, float]
    stretch: float
    contrast: tuple[float, float]
    close_share: float
    close_zoom: float
    grain: float
    jolt_share: float
    sway_share: float
    soft_share: float
    quick_share: float
    quickest: float
    lost_share: float
    hidden_share: float
    speckle: float
    gamma: float


def varied(example: CueExample, variety: Variety, generator: np.random.Generator) -> CueExample:
    """The same film mirrored, faster or slower, seen nearer or farther, in more or less contrast, with grain."""
    if generator.random() < variety.close_share:
        example = seen_closer(example, float(variety.close_zoom ** generator.random()), generator)
    if not len(example.events.times_s) and generator.random() < variety.jolt_share:
        example = jolted(example, generator)
    if generator.random() < variety.quick_share:
        example = quickened(example, float(variety.quickest ** generator.random()), generator)
    motion = example.motion
    while generator.random() < variety.sway_share:
        motion, example = swaying(motion, generator), replace(example, shown=False)
    if generator.random() < variety.soft_share:
        motion = softened(motion, generator)
    if generator.random() < variety.lost_share:
        motion = with_losses(motion, generator)
    slower = np.float32(np.exp(generator.uniform(-variety.stretch, variety.stretch)))
    nearer, contrast = np.exp([generator.uniform(*variety.speed), generator.uniform(*variety.contrast)]).astype(
        np.float32
    )
    speed = nearer / slower
    grain = variety.grain * generator.random() ** 2 * generator.normal(size=(2, *motion.right.shape)).astype(np.float32)
    right, down = speed * motion.right + grain[0], speed * motion.down + grain[1]
    fastest = np.maximum(speed * motion.fastest, np.hypot(right, down))
    change, lighter, unexplained = (contrast * part for part in (motion.change, motion.lighter, motion.unexplained))
    blocks, camera = [right, down, fastest, change, lighter, unexplained], motion.camera / slower
    pictures = _other_light(motion.pictures, variety, generator)
    mirrored = generator.random() < 0.5
    side = -1 if mirrored else 1
    if mirrored:
        blocks, pictures = [part[:, :, ::-1] for part in blocks], pictures[:, :, ::-1]
        blocks[0], camera = -blocks[0], camera * np.array([-1, 1, 1, -1], np.float32)
    table, hand = example.events, example.hand
    right, down, fastest, change, lighter, unexplained = blocks
    return CueExample(
        Motion(
            motion.times_s * float(slower),
            right,
            down,
            fastest,
            change,
            lighter,
            unexplained,
            camera,
            motion.level,
            motion.cut,
            pictures,
        ),
        (hand[0] * slower, hand[1]),
        replace(table, times_s=table.times_s * slower, places=side * table.places),
        _stretched(example.activity, float(slower)),
        _stretched(side * example.place, float(slower)),
        example.shown and generator.random() >= variety.hidden_share,
    )


def _other_light(pictures: ByteArray, variety: Variety, generator: np.random.Generator) -> ByteArray:
    """(F, h, w) in another contrast, as a negative, or with noise; nothing of that moves anything."""
    curve = np.linspace(0, 1, 256) ** np.exp(generator.uniform(-variety.gamma, variety.gamma))
    low, high = 40 * generator.random(), 255 - 60 * generator.random()
    curve = low + (high - low) * (curve if generator.random() < 0.75 else curve[::-1])
    noise = variety.speckle * generator.random() ** 3
    lit = curve.astype(np.float32)[pictures]
    if noise > 0.5:
        lit += np.float32(noise) * generator.standard_normal(pictures.shape, np.float32)
    return np.asarray(np.rint(lit.clip(0, 255)), np.uint8)


def seen_closer(example: CueExample, zoom: float, generator: np.random.Generator) -> CueExample:
    """A part of the picture where something moves, enlarged; what happens beside it is not asked for."""
    motion, table = example.motion, example.events
    rows, columns = motion.right.shape[1:]
    busy = (motion.fastest**2).mean(0).ravel() + 1e-6
    row, column = divmod(int(generator.choice(len(busy), p=busy / busy.sum())), columns)
    reach = 1 - 1 / zoom  # how far off the middle the part may lie
    across, down = (
        float(np.clip(2 * (at + generator.random()) / count - 1 + generator.normal(0, 0.3 / zoom), -reach, reach))
        for at, count in ((column, columns), (row, rows))
    )
    high, wide = _part(rows, down, zoom), _part(columns, across, zoom)
    names = ("right", "down", "fastest", "change", "lighter", "unexplained")
    blocks = {name: high @ getattr(motion, name) @ wide.T for name in names}
    for name in names[:3]:
        blocks[name] = (blocks[name] * zoom).astype(np.float32)
    camera = motion.camera * np.array([zoom, zoom, 1, 1], np.float32)
    tall, broad = motion.pictures.shape[1:]
    pictures = _part(tall, down, zoom) @ motion.pictures.astype(np.float32) @ _part(broad, across, zoom).T
    places = ((table.places - across) * zoom).astype(np.float32)
    seen = table.asked & (np.abs(places) < 1)
    return CueExample(
        replace(motion, **blocks, camera=camera, pictures=np.rint(pictures).astype(np.uint8)),
        example.hand,
        replace(table, places=places.clip(-1, 1), asked=seen),
        example.activity,
        ((example.place - across) * zoom).clip(-1, 1).astype(np.float32),
    )


def _part(count: int, middle: float, zoom: float) -> FloatArray:
    """(count, count): each row reads between two blocks of the part about `middle` (-1..1)."""
    centres = middle + (2 * (np.arange(count) + 0.5) / count - 1) / zoom
    position = ((centres + 1) * count / 2 - 0.5).clip(0, count - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(position[:, None] - np.arange(count))), np.float32)


def _stretched(curve: FloatArray, factor: float) -> FloatArray:
    """(T,) → (T * factor,)."""
    points = np.arange(max(1, round(len(curve) * factor))) / factor
    return np.interp(points, np.arange(len(curve)), curve).astype(np.float32)


def jolted(example: CueExample, generator: np.random.Generator) -> CueExample:
    """The film with something in it that flies out of stillness and back again, once or several times, each one heard.

    No simulated thing barks, coughs or recoils; this is what such motion has in common.
    """
    motion = example.motion
    starts_s = generator.uniform(0.2, 1.0) + np.cumsum(generator.uniform(*JOLT_GAP_S, size=12))
    last_s = float(motion.times_s[-1]) - JOLT_OUT_S[1] - JOLT_BACK_S[1]
    starts_s = starts_s[starts_s < last_s][: int(generator.integers(1, 9))]
    out_s, back_s = generator.uniform(*JOLT_OUT_S), generator.uniform(*JOLT_BACK_S)
    way = np.zeros(len(motion.times_s))  # (F,) widths
    for start_s in starts_s:
        since_s = motion.times_s - start_s
        out, back = (since_s / out_s).clip(0, 1), ((since_s - out_s) / back_s).clip(0, 1)  # (F,)
        way += out_s / np.pi * (np.cos(np.pi * back) - np.cos(np.pi * out))
    turn, top = generator.uniform(0, 2 * np.pi), np.exp(generator.uniform(*np.log(JOLT_SPEED)))
    motion, place = _with_patch(motion, top * way * np.cos(turn), top * way * np.sin(turn), generator)
    heard_s = (starts_s + HEARD_SHARE * out_s).astype(np.float32)
    count = len(heard_s)
    ours = EventTable(
        heard_s,
        generator.uniform(0.4, 1, count).astype(np.float32),
        np.full(count, place, np.float32),
        np.full(count, CONTACTS.index("burst"), np.int64),
        np.ones(count, bool),
    )
    told = np.zeros(0, np.float32)
    events = _joined(example.events, ours)
    return replace(example, motion=motion, hand=(told, told), events=events, shown=False)


def swaying(motion: Motion, generator: np.random.Generator) -> Motion:
    """The film with something in it that sways smoothly to and fro and is not heard: an arm, a body, a branch."""
    hz = np.exp(generator.uniform(np.log(SWAY_HZ[0]), np.log(SWAY_HZ[1]), (2, 3)))
    phases, sizes = generator.uniform(0, 2 * np.pi, (2, 3)), generator.random((2, 3))
    angles = 2 * np.pi * hz[..., None] * motion.times_s + phases[..., None]  # (2, 3, F)
    way = (sizes[..., None] * np.sin(angles)).sum(1)  # (2, F)
    top = np.exp(generator.uniform(*np.log(SWAY_SPEED)))
    across, down = way * top / (2 * np.pi * np.sqrt(((sizes * hz) ** 2).sum()))
    return _with_patch(motion, across, down, generator)[0]


def softened(motion: Motion, generator: np.random.Generator) -> Motion:
    """Motion that begins and ends less abruptly: flesh gives way, and shutters stay open."""
    share = np.float32(generator.uniform(0, 0.3))

    def soft(field: FloatArray) -> FloatArray:
        wide = np.concatenate([field[:1], field, field[-1:]])
        return np.asarray((1 - 2 * share) * field + share * (wide[:-2] + wide[2:]), np.float32)

    return replace(motion, right=soft(motion.right), down=soft(motion.down), fastest=soft(motion.fastest))


def quickened(example: CueExample, times: float, generator: np.random.Generator) -> CueExample:
    """The film played `times` as fast, with as many frames a second as before where that leaves enough of them."""
    motion = example.motion
    usual_s, instants_s = float(np.median(np.diff(motion.times_s))), motion.times_s / times
    ticks = np.floor(instants_s / usual_s + generator.random() + 1e-3)
    kept = np.union1d(np.flatnonzero(np.diff(ticks, prepend=-1) > 0), [0, len(ticks) - 1])
    if len(kept) < LEAST_FRAMES:
        kept = np.arange(len(instants_s))
    factor = np.float32(times)
    table = example.events
    return CueExample(
        replace(_fewer_frames(motion, kept, factor, generator), times_s=instants_s[kept]),
        (example.hand[0] / factor, example.hand[1]),
        replace(table, times_s=table.times_s / factor, asked=_apart(table, table.times_s / factor)),
        _stretched(example.activity, 1 / times),
        _stretched(example.place, 1 / times),
        example.shown,
    )


def _fewer_frames(
    motion: Motion, kept: npt.NDArray[np.int64], factor: np.float32, generator: np.random.Generator
) -> Motion:
    """What is left of the motion when only the frames `kept` are seen, all of it `factor` times as fast.

    A block that something passes through between two frames shows something between its mean and its fastest motion.
    """
    firsts = kept[:-1]
    step_s = np.maximum(np.diff(motion.times_s), 1e-3).astype(np.float32)[: kept[-1], None, None]  # (P, 1, 1)

    def total(field: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(field, firsts), np.float32)

    speed = np.hypot(motion.right, motion.down)[: kept[-1]]  # (P, Y, X)
    weight = np.asarray(step_s * (speed + 1e-3) ** generator.uniform(0, 1.5), np.float32)
    velocities = [
        factor * total(np.asarray(weight * part[: kept[-1]], np.float32)) / total(weight)
        for part in (motion.right, motion.down)
    ]
    fastest = factor * np.maximum.reduceat(motion.fastest[: kept[-1]], firsts)
    changes = [np.maximum.reduceat(part[: kept[-1]], firsts) for part in (motion.change, motion.unexplained)]
    steps_s = step_s[:, 0]
    return Motion(
        motion.times_s[kept],
        np.asarray(velocities[0], np.float32),
        np.asarray(velocities[1], np.float32),
        np.asarray(fastest, np.float32),
        changes[0],
        total(motion.lighter[: kept[-1]]),
        changes[1],
        factor * total(motion.camera[: kept[-1]] * steps_s) / total(steps_s),
        motion.level[kept],
        np.logical_or.reduceat(motion.cut[: kept[-1]], firsts),
        motion.pictures[kept],
    )


def _apart(table: EventTable, times_s: FloatArray) -> npt.NDArray[np.bool_]:
    """(K,) which of the asked events are still asked at other times: of two too close to each other the stronger."""
    asked = np.zeros(len(times_s), bool)
    for index in np.argsort(-table.strengths):
        if table.asked[index] and np.all(np.abs(times_s[asked] - times_s[index]) >= PEAK_DISTANCE_S):
            asked[index] = True
    return asked


def with_losses(motion: Motion, generator: np.random.Generator) -> Motion:
    """The film in which little is left of what moves far between two frames: it is blurred, or not found again."""
    reach = np.exp(generator.uniform(*np.log(LOSING_REACH)))
    step_s = np.maximum(np.diff(motion.times_s), 1e-3)[:, None, None]
    far = np.hypot(motion.right, motion.down) * step_s / reach
    left = (1 / (1 + far**2)).astype(np.float32)
    lost = motion.unexplained + generator.uniform(0.3, 1) * (1 - left) * motion.change
    return replace(
        motion,
        right=left * motion.right,
        down=left * motion.down,
        fastest=np.sqrt(left) * motion.fastest,
        unexplained=lost.astype(np.float32),
    )


def _with_patch(
    motion: Motion, across: DoubleArray, down: DoubleArray, generator: np.random.Generator
) -> tuple[Motion, float]:
    """A round patch somewhere whose way across and down the picture is known at every frame (F,), and its place."""
    rows, columns = motion.right.shape[1:]
    x, y = generator.uniform(-0.8, 0.8, 2)
    at_x, at_y = np.meshgrid(_middles(columns), _middles(rows) * rows / columns)
    reach = 2 * generator.uniform(*PATCH_REACH)
    shape = np.exp(-((((at_x - x) ** 2 + (at_y - y * rows / columns) ** 2) / reach**2) ** 2))  # (Y, X)
    step_s = np.maximum(np.diff(motion.times_s), 1e-3)
    flights = [(np.diff(way) / step_s)[:, None, None] * shape for way in (across, down)]  # (P, Y, X)
    right = np.asarray(motion.right + flights[0], np.float32)
    low = np.asarray(motion.down + flights[1], np.float32)
    change = np.asarray(10 * PATCH_CHANGE * np.hypot(*flights) * step_s[:, None, None], np.float32)
    moved = replace(
        motion,
        right=right,
        down=low,
        fastest=np.maximum(motion.fastest, np.hypot(right, low)),
        change=motion.change + change,
        lighter=np.asarray(motion.lighter + generator.uniform(-0.5, 0.5) * change, np.float32),
        unexplained=np.asarray(motion.unexplained + generator.uniform(0.1, 0.6) * change, np.float32),
    )
    return moved, float(x)


def _joined(one: EventTable, other: EventTable) -> EventTable:
    """Events of both, in order."""
    order = np.argsort(np.concatenate([one.times_s, other.times_s]))
    names = ("times_s", "strengths", "places", "contacts", "asked")
    times_s, strengths, places, contacts, asked = (
        np.concatenate([getattr(one, name), getattr(other, name)])[order] for name in names
    )
    return EventTable(times_s, strengths, places, contacts, asked)


def _middles(count: int) -> FloatArray:
    """Centres of `count` equal parts of -1..1."""
    return np.linspace(-1, 1, 2 * count + 1, dtype=np.float32)[1::2]
