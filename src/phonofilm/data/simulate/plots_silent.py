"""Plots in which things move and nothing sounds, and things that do so at the edge of other plots."""

import math

import numpy as np

from phonofilm.data.simulate.bodies import draw_hand
from phonofilm.data.simulate.canvas import FRONT, Canvas, tone
from phonofilm.data.simulate.moves import Tool, rhythm, strike_track, wobble
from phonofilm.data.simulate.stage import SIDE, Actor, Plan, Setting
from phonofilm.data.simulate.textures import ball_picture, levels_of

_QUIET = (
    "silence",
    "Nothing is heard.",
    "A quiet scene in which nothing makes a sound",
    "no sound, only the faint noise of a quiet place",
)


def _quiet(words: str) -> tuple[str, ...]:
    return (*_QUIET, f"{words[0].upper()}{words[1:]} without a sound; it is quiet")


def balloon(setting: Setting) -> tuple[Actor, str]:
    """A balloon that drifts within 0.5 of the origin."""
    skin = levels_of(ball_picture(setting.rng, setting.colour(), "plain"))
    x, y = wobble(setting.rng, 0.25, (0.05, 0.25)), wobble(setting.rng, 0.12, (0.1, 0.4))
    size, rise = setting.between(0.06, 0.16), setting.between(-0.03, 0.06)

    def draw(canvas: Canvas, time_s: float) -> None:
        at = (x(time_s), y(time_s) + rise * time_s, 0.0)
        canvas.line([(at[0], at[1] - size, 0), (at[0] - 0.2 * x(time_s), at[1] - 4 * size, 0)], 0.006, (230, 230, 230))
        canvas.ball(at, size, skin, 0.6 * x(time_s), 1.15)

    return draw, "a balloon drifts"


def lamp(setting: Setting) -> tuple[Actor, str]:
    """A lamp that swings on a cord."""
    cord, rate = setting.between(0.5, 0.9), setting.between(0.35, 0.8)
    swing, phase = setting.between(0.15, 0.5), setting.between(0, 6)
    colour = setting.colour(80, 240)

    def draw(canvas: Canvas, time_s: float) -> None:
        angle = swing * math.sin(2 * math.pi * rate * time_s + phase)
        top = (0.0, 0.6, 0.0)
        end = (cord * math.sin(angle), 0.6 - cord * math.cos(angle), 0.0)
        out = (0.16 * math.sin(angle), -0.16 * math.cos(angle), 0.0)
        canvas.line([top, end], 0.012, (40, 40, 40))
        low = (end[0] + out[0], end[1] + out[1], 0.0)
        side = (0.15 * math.cos(angle), 0.15 * math.sin(angle))
        canvas.disc(low, 0.06, (255, 244, 200))
        canvas.patch(
            [
                (end[0] - 0.2 * side[0], end[1] - 0.2 * side[1], 0),
                (end[0] + 0.2 * side[0], end[1] + 0.2 * side[1], 0),
                (low[0] + side[0], low[1] + side[1], 0),
                (low[0] - side[0], low[1] - side[1], 0),
            ],
            colour,
        )

    return draw, "a lamp swings"


def fish(setting: Setting) -> tuple[Actor, str]:
    """A fish that swims to and fro."""
    colour, size = setting.colour(60, 240), setting.between(0.08, 0.2)
    x, y = wobble(setting.rng, 0.35, (0.06, 0.16), 2), wobble(setting.rng, 0.12, (0.1, 0.3))
    beat = setting.between(1.2, 3)

    def draw(canvas: Canvas, time_s: float) -> None:
        at = (x(time_s), y(time_s), 0.0)
        side = 1.0 if x(time_s + 0.05) >= at[0] else -1.0
        tail = 0.35 * size * math.sin(2 * math.pi * beat * time_s)
        end = (at[0] - side * size, at[1] + 0.3 * tail, 0.0)
        canvas.patch(
            [
                end,
                (end[0] - side * 0.5 * size, end[1] + 0.35 * size + tail, 0),
                (end[0] - side * 0.5 * size, end[1] - 0.35 * size + tail, 0),
            ],
            tone(colour, 0.8),
        )
        canvas.limb((at[0] + side * 0.3 * size, at[1], 0), end, 0.36 * size, 0.08 * size, colour)
        canvas.disc((at[0] + side * 0.45 * size, at[1] + 0.08 * size, -0.01), 0.06 * size, (15, 15, 20))

    return draw, "a fish swims"


def ribbon(setting: Setting) -> tuple[Actor, str]:
    """A ribbon or curtain that sways."""
    colour, wide = setting.colour(), setting.between(0.03, 0.15)
    rate, size = setting.between(0.3, 1.2), setting.between(0.04, 0.16)
    heights = np.linspace(0.6, -0.5, 10)

    def draw(canvas: Canvas, time_s: float) -> None:
        down = 0.6 - heights
        sway = size * down * np.sin(2 * np.pi * rate * time_s - 3 * down)
        left = np.stack([sway - wide, heights, 0 * heights], 1)
        right = np.stack([sway + wide, heights, 0 * heights], 1)
        canvas.patch(np.concatenate([left, right[::-1]]), colour)

    return draw, "a curtain sways"


def bird_shape(setting: Setting) -> tuple[Actor, str]:
    """Far birds that glide by on slow wings."""
    count = int(setting.rng.integers(1, 5))
    starts = setting.rng.uniform(-1, 1, (count, 2)) * (0.5, 0.25)
    speed, beat = setting.between(-0.2, 0.2), setting.between(0.6, 1.6)
    size = setting.between(0.04, 0.1)

    def draw(canvas: Canvas, time_s: float) -> None:
        for number, (x, y) in enumerate(starts.tolist()):
            at = (x + speed * time_s, y + 0.2 + 0.02 * math.sin(time_s + number), 0.0)
            wing = 0.6 * size * math.sin(2 * math.pi * beat * time_s + number)
            canvas.line(
                [(at[0] - size, at[1] + wing, 0), at, (at[0] + size, at[1] + wing, 0)], 0.18 * size, (30, 30, 36)
            )

    return draw, "birds glide far away"


def leaf(setting: Setting) -> tuple[Actor, str]:
    """Leaves or flakes that float down."""
    count = int(setting.rng.integers(2, 14))
    starts = setting.rng.uniform(-0.6, 0.6, (count, 3)) * (1, 1, 0.3)
    colours = np.array([setting.colour(60, 230)] * count)
    fall, size = setting.between(0.05, 0.2), setting.between(0.008, 0.03)

    def draw(canvas: Canvas, time_s: float) -> None:
        points = starts.copy()
        points[:, 1] = 0.6 - (0.6 - starts[:, 1] + fall * time_s) % 1.2
        points[:, 0] += 0.06 * np.sin(2.1 * time_s + 9 * starts[:, 1])
        canvas.dots(points, np.full(count, size), colours)

    return draw, "leaves float down"


def passer(setting: Setting) -> tuple[Actor, str]:
    """Something out of focus that slides by close to the camera and hides what is behind."""
    colour = setting.colour(10, 140)
    start_s, pace = setting.between(0.3, 0.6) * setting.duration_s, setting.between(0.3, 1.2)
    side = float(setting.rng.choice([-1, 1]))
    wide = setting.between(0.05, 0.2)

    def draw(canvas: Canvas, time_s: float) -> None:
        x = side * (-0.5 + pace * (time_s - start_s))
        corners = [
            (x - wide, 2.0, -0.4),
            (x + wide, 2.0, -0.4),
            (x + 0.8 * wide, -2.0, -0.4),
            (x - 0.8 * wide, -2.0, -0.4),
        ]
        canvas.patch(corners, colour, layer=FRONT, share=0.9)

    return draw, "something passes close to the camera"


_MOVERS = (balloon, lamp, fish, ribbon, bird_shape, leaf, passer)


def distractor(setting: Setting) -> tuple[Actor, str]:
    """Something that moves without a sound, within 0.6 of the origin, and what it does in words."""
    maker = _MOVERS[int(setting.rng.integers(len(_MOVERS)))]
    return maker(setting)


def silent_things(setting: Setting) -> Plan:
    """Balloons, fish, lamps, curtains, far birds, leaves: one to three of them, of one kind."""
    maker = _MOVERS[int(setting.rng.integers(len(_MOVERS) - 1))]
    made = [maker(setting) for _ in range(int(setting.rng.integers(1, 4)))]
    offsets = setting.rng.uniform(-0.45, 0.45, len(made)).tolist()
    actors = tuple(_aside(actor, x) for (actor, _), x in zip(made, offsets, strict=True))
    backs = {"fish": ("deep",), "bird_shape": ("sky",), "balloon": ("sky", "wall", "crop"), "leaf": ("sky", "crop")}
    return Plan(
        actors=actors,
        captions=_quiet(made[0][1]),
        reach_m=0.7,
        target=(0.0, 0.1, 0.0),
        pitches=(-0.1, 0.1),
        silent=(made[0][1],),
        grounds=(),
        backs=backs.get(maker.__name__, ("wall", "crop", "gradient", "noise")),
        back_m=1.0,
    )


def _aside(actor: Actor, x: float) -> Actor:
    def draw(canvas: Canvas, time_s: float) -> None:
        actor(canvas.placed((x, 0.0, 0.1 * x), 1.0), time_s)

    return draw


def silent_hand(setting: Setting) -> Plan:
    """A hand waves, or moves as if to strike and stops in the air each time."""
    rng = setting.rng
    skin, sleeve = setting.skin(), setting.colour()
    strikes = bool(rng.random() < 0.5)
    strokes = rhythm(rng, setting.duration_s, (0.4, 1.0), misses=1.1)
    height = strike_track(strokes, Tool(0.25, 0.18, 0.2, False), rng)
    rate, size = setting.between(0.8, 2.5), setting.between(0.15, 0.5)
    start_s, end_s = setting.between(0, 0.3) * setting.duration_s, setting.between(0.6, 1) * setting.duration_s

    def draw(canvas: Canvas, time_s: float) -> None:
        if strikes:
            wrist = (-0.05, 0.12 + height(time_s), 0.0)
            draw_hand(canvas, wrist, (0.97, -0.2, 0.1), (0.0, 0.2, -1.0), 0.19, skin, 0.3)
            elbow = (-0.3, wrist[1] + 0.02, 0.0)
        else:
            active = min(1.0, max(0.0, 2 * (time_s - start_s)), max(0.0, 2 * (end_s - time_s)))
            angle = active * size * math.sin(2 * math.pi * rate * time_s)
            wrist = (0.06 * math.sin(angle), 0.1, 0.0)
            along = (math.sin(angle), math.cos(angle), 0.0)
            draw_hand(canvas, wrist, along, (math.cos(angle), -math.sin(angle), 0.0), 0.19, skin)
            elbow = (-0.03, -0.18, 0.0)
        canvas.limb(wrist, elbow, 0.028, 0.045, skin)
        half = (0.5 * (wrist[0] + elbow[0]), 0.5 * (wrist[1] + elbow[1]), 0.0)
        canvas.limb(half, elbow, 0.046, 0.055, sleeve)

    words = "a hand moves up and down in the air" if strikes else "a hand waves"
    return Plan(
        actors=(draw,),
        captions=_quiet(words),
        reach_m=0.42,
        target=(0.0, 0.14, 0.0),
        pitches=SIDE,
        silent=(words,),
        grounds=(),
    )


def silent_still(setting: Setting) -> Plan:
    """A still picture of things at rest, over which the camera may move."""
    rng = setting.rng
    boxes = []
    for _ in range(int(rng.integers(0, 6))):
        half = rng.uniform(0.05, 0.25, 3)
        boxes.append(((setting.between(-1, 1), float(half[1]), setting.between(-0.5, 0.5)), half, setting.colour()))

    def draw(canvas: Canvas, time_s: float) -> None:
        for (x, y, z), (a, b, c), colour in boxes:
            canvas.shadow((x, 0.0, z), 1.3 * float(a), 0.35)
            canvas.box((x, y, z), (float(a), float(b), float(c)), colour)

    return Plan(
        actors=(draw,),
        captions=(*_QUIET, "An empty room at rest, quiet"),
        reach_m=1.0,
        target=(0.0, 0.25, 0.0),
        pitches=(0.0, 0.6),
        silent=("things stand still",),
        backs=("crop", "wall", "crop", "noise"),
    )
