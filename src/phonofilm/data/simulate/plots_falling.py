"""Plots of bodies under gravity and of bodies that collide: bouncing balls, billiards, things dropped on a table."""

import math
from dataclasses import dataclass, replace

import numpy as np

from phonofilm.data.simulate.canvas import Canvas, Levels, turned
from phonofilm.data.simulate.moves import GRAVITY, Hop, Stroke, hop_position, tremble
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import (
    ABOVE,
    ASLANT,
    SIDE,
    Actor,
    Blow,
    Plan,
    Setting,
    force_words,
    material_colour,
    pace_words,
    times_words,
)
from phonofilm.data.simulate.textures import Colour, ball_picture, levels_of

RESTITUTION = {
    "rubber": 0.82,
    "plastic": 0.78,
    "wood": 0.55,
    "glass": 0.66,
    "metal": 0.6,
    "stone": 0.45,
    "cloth": 0.22,
}
"""Speed kept at a bounce on hard ground (order of magnitude of textbook values)."""
BALL_NAMES = {
    "rubber": "rubber ball",
    "plastic": "ping-pong ball",
    "wood": "wooden ball",
    "glass": "glass marble",
    "metal": "steel ball",
    "stone": "stone ball",
    "cloth": "cloth ball",
}
BALL_LABELS = {
    "rubber": ("ball bouncing", "tennis ball", "thump"),
    "plastic": ("ping pong", "ping pong solo", "ball bouncing"),
    "wood": ("hits materials wood wood hit", "wooden clap"),
    "glass": ("marble drop", "marbles"),
    "metal": ("ball bearings", "metal on the ground", "metal strike"),
    "stone": ("stone", "hits materials rock rock hit"),
    "cloth": ("hits soft hit", "thud", "thump"),
}
_SILENT_SPEED = 0.3
"""Slower contacts (m/s) are not heard and not told."""


def make_skin(setting: Setting, colour: Colour) -> Levels:
    """Levels of a ball's picture, of a random pattern."""
    pattern = setting.pick("plain", "stripes", "patches", "skin")
    crop = setting.textures.crop(setting.rng) if pattern == "skin" else None
    return levels_of(ball_picture(setting.rng, colour, pattern, crop))


@dataclass(frozen=True)
class _Thrown:
    """A ball's way: hops, and its contacts (time_s, speed, place)."""

    hops: tuple[Hop, ...]
    contacts: tuple[tuple[float, float, Point], ...]


def _throw(
    setting: Setting, start: Hop, radius: float, keep: float, walls: tuple[float, float] | None, end_s: float
) -> _Thrown:
    """Follows a ball over the ground and between two walls until it rolls."""
    hops, contacts = [start], []
    hop, now_s = start, start.start_s
    while now_s < end_s:
        (x, y, z), (vx, vy, vz) = hop.at, hop.velocity
        fall_s = (vy + math.sqrt(max(0.0, vy * vy + 2 * GRAVITY * (y - radius)))) / GRAVITY
        wall_s = math.inf
        if walls and abs(vx) > 1e-6:
            wall_s = ((walls[1] - radius if vx > 0 else walls[0] + radius) - x) / vx
        step_s = max(1e-4, min(fall_s, wall_s))
        now_s += step_s
        at = (x + vx * step_s, y + vy * step_s - 0.5 * GRAVITY * step_s**2, z + vz * step_s)
        vy -= GRAVITY * step_s
        if wall_s < fall_s:
            side = math.copysign(radius, vx)
            contacts.append((now_s, abs(vx), (at[0] + side, at[1], at[2])))
            hop = Hop(now_s, at, (-keep * vx, vy, vz), True)
        else:
            speed = -vy
            up = keep * speed * setting.between(0.95, 1.02)
            if speed > _SILENT_SPEED:
                contacts.append((now_s, speed, (at[0], 0.0, at[2])))
            rolls = up < 0.35 * math.sqrt(radius / 0.05)
            hop = Hop(now_s, (at[0], radius, at[2]), (0.85 * vx, 0.0 if rolls else up, 0.85 * vz), not rolls)
        hops.append(hop)
        if not hop.pulled:
            break
    return _Thrown(tuple(hops), tuple(c for c in contacts if c[0] < end_s))


def bouncing_balls(setting: Setting) -> Plan:
    """One to four balls fall, bounce ever lower and roll to rest; sometimes off walls."""
    rng = setting.rng
    material = setting.pick(*RESTITUTION)
    radius = setting.between(0.012, 0.03) if material in ("glass", "plastic") else setting.between(0.03, 0.13)
    high = setting.between(6, 16) * radius
    high = max(0.25, min(1.6, high))
    reach = 0.85 * high + 3 * radius
    walls = (-0.9 * reach, 0.9 * reach) if rng.random() < 0.35 else None
    count = int(rng.integers(1, 5))
    actors: list[Actor] = []
    blows: list[Blow] = []
    ground_gain = math.sqrt(2 * GRAVITY * 1.3 * high)
    for number in range(count):
        hop = _let_go(setting, number, high, reach, (number - count / 2) * 3 * radius)
        if walls:
            hop = replace(hop, velocity=(2 * hop.velocity[0], hop.velocity[1], 0.0))
        keep = RESTITUTION[material] * setting.between(0.9, 1.08)
        way = _throw(setting, hop, radius, keep, walls, setting.duration_s)
        size = min(1.0, radius * 4)
        blows += [
            Blow(t, min(1.0, (v / ground_gain) ** 0.8), at, "bounce", material, size, number, 2 * radius)
            for t, v, at in way.contacts
        ]
        skin = make_skin(setting, material_colour(setting, material))
        actors.append(_ball_actor(way, radius, skin, material, held=bool(rng.random() < 0.6)))
    if walls:
        actors += [_wall(walls[0], high, setting.colour(), -1), _wall(walls[1], high, setting.colour(), 1)]
    blows.sort(key=lambda blow: blow.time_s)
    return Plan(
        actors=tuple(actors),
        captions=_ball_captions(material, count, blows),
        reach_m=reach,
        target=(0.0, 0.45 * high, 0.0),
        pitches=SIDE if rng.random() < 0.6 else ASLANT,
        blows=tuple(blows),
        labels=(BALL_LABELS[material],) * count,
        back_m=1.2 * reach,
    )


def _let_go(setting: Setting, number: int, high: float, wide: float, z: float) -> Hop:
    """How a ball starts: later ones later, some with a little upward speed."""
    begin_s = setting.between(0.1, max(0.3, min(1.0 + 1.2 * number, setting.duration_s - 1.5)))
    at = (setting.between(-0.6, 0.6) * wide, high * setting.between(0.6, 1.1), z)
    up = setting.between(0.5, 1.5) if setting.rng.random() < 0.3 else 0.0
    return Hop(begin_s, at, (setting.between(-0.5, 0.5) * wide, up, 0.0), True)


def _ball_captions(material: str, count: int, blows: list[Blow]) -> tuple[str, ...]:
    name = BALL_NAMES[material]
    many = f"{name}s" if count > 1 else f"a {name}"
    first = many[0].upper() + many[1:]
    ending = "" if count > 1 else "s"
    force = force_words([blow.strength for blow in blows])
    return (
        f"{name} bouncing",
        f"{first} bounce{ending} on the floor and roll{ending} to rest.",
        f"{first} fall{ending} {{where}} and hit{ending} the ground {force}, each bounce softer than the last",
        f"bounces of {many} that follow each other faster and faster {{where}}",
        f"impacts, {name}, hard floor, dry room",
    )


def _ball_actor(way: _Thrown, radius: float, skin: Levels, material: str, held: bool) -> Actor:
    soft = {"rubber": 0.3, "cloth": 0.25, "plastic": 0.12}.get(material, 0.04)
    begin_s = way.hops[0].start_s

    def draw(canvas: Canvas, time_s: float) -> None:
        if time_s < begin_s and not held:
            return
        x, y, z = hop_position(way.hops, time_s)
        press = 0.0
        for hit_s, speed, at in way.contacts:
            if abs(time_s - hit_s) < 0.03 and at[1] == 0.0:
                press = max(press, min(1.0, speed / 4) * (1 - abs(time_s - hit_s) / 0.03))
        squash = 1 - soft * press
        canvas.shadow((x, 0.0, z), radius * (1 + 0.4 * y / (radius * 8)), 0.45 / (1 + 0.35 * (y / radius - 1)))
        canvas.ball((x, y - radius * (1 - squash), z), radius, skin, x / radius, squash)

    return draw


def _wall(x: float, high: float, colour: Colour, side: float) -> Actor:
    def draw(canvas: Canvas, time_s: float) -> None:
        canvas.box((x + side * 0.03, 0.6 * high, 0.0), (0.03, 0.6 * high, 0.4 * high), colour)

    return draw


@dataclass(frozen=True)
class _Glide:
    """A ball on a table between two collisions, in slowed time: from `at` with velocity `v` at `start`."""

    start: float
    at: tuple[float, float]
    v: tuple[float, float]


_DRAG = 0.45
"""Share of speed that a rolling billiard ball loses per second."""


def colliding_balls(setting: Setting) -> Plan:
    """Balls roll over a table, hit each other and its cushions, and slow down.

    All balls lose speed at the same rate, so that in a time that runs slower and slower they move evenly and their
    collisions have exact instants.
    """
    rng = setting.rng
    radius = setting.between(0.025, 0.06)
    half = (setting.between(9, 16) * radius, setting.between(5, 9) * radius)
    count = int(rng.integers(3, 8))
    material = setting.pick("plastic", "metal", "glass", "wood", "stone")
    glides, hits = _roll(setting, count, radius, half)
    fastest = max([speed for _, speed, _, _ in hits], default=1.0)
    blows = []
    for hit_s, speed, (x, z), cushion in hits:
        made_of = "rubber" if cushion else material
        if speed > 0.04 * fastest and hit_s < setting.duration_s:
            strength = min(1.0, (speed / fastest) ** 0.8) * (0.6 if cushion else 1)
            where = (x, radius, z)
            blows.append(Blow(hit_s, strength, where, "strike", made_of, 0.12, 1 if cushion else 0, 2 * radius))
    skins = [make_skin(setting, setting.colour()) for _ in range(count)]
    cloth = setting.pick("cloth", "grass", "wood", "noise")
    name = BALL_NAMES[material] + "s"
    captions = (
        f"{name} colliding",
        f"Several {name} roll over a table and click against each other.",
        f"{name.capitalize()} knock together with sharp clicks and bounce off the cushions {{where}}, then slow down",
        f"clicks of {name}, {pace_words([blow.time_s for blow in blows])}",
    )
    return Plan(
        actors=(_table(half, radius, material_colour(setting, "wood")), _rollers(glides, radius, skins)),
        captions=captions,
        reach_m=1.15 * half[0],
        target=(0.0, 0.0, 0.0),
        pitches=ABOVE if rng.random() < 0.6 else (0.45, 0.9),
        blows=tuple(sorted(blows, key=lambda blow: blow.time_s)),
        labels=(BALL_LABELS[material], ("hits soft hit", "thump")),
        grounds=(cloth,),
        back_m=4 * half[0],
    )


def _slowed(time_s: float) -> float:
    return (1 - math.exp(-_DRAG * max(0.0, time_s))) / _DRAG


def _roll(
    setting: Setting, count: int, radius: float, half: tuple[float, float]
) -> tuple[list[list[_Glide]], list[tuple[float, float, tuple[float, float], bool]]]:
    """Ways of all balls, and contacts as (time_s, speed, (x, z), against a cushion)."""
    rng = setting.rng
    places: list[np.ndarray] = []
    while len(places) < count:
        spot = rng.uniform(-1, 1, 2) * (half[0] - radius, half[1] - radius)
        if all(np.hypot(*(spot - other)) > 2.3 * radius for other in places):
            places.append(spot)
    at = np.array(places)
    v = np.zeros((count, 2))
    movers = 1 if rng.random() < 0.5 else count
    turns = rng.uniform(0, 2 * np.pi, movers)
    v[:movers] = (rng.uniform(10, 24, movers) * radius * np.stack([np.cos(turns), np.sin(turns)])).T
    now, until = _slowed(0.5), _slowed(setting.duration_s + 0.5)
    begin = now
    glides = [[_Glide(now, (float(a[0]), float(a[1])), (float(b[0]), float(b[1])))] for a, b in zip(at, v, strict=True)]
    hits: list[tuple[float, float, tuple[float, float], bool]] = []
    while len(hits) < 120:
        step, one, other = _next_contact(at, v, radius, half)
        if now + step > until:
            break
        now, at = now + step, at + v * step
        # The balls lie still until 0.5 s; from there on slowed time runs.
        time_s = 0.5 - math.log(1 - _DRAG * (now - begin)) / _DRAG
        factor = math.exp(-_DRAG * (time_s - 0.5))
        if other >= 0:
            normal = (at[other] - at[one]) / (2 * radius)
            push = float((v[one] - v[other]) @ normal) * 0.97
            v[one], v[other] = v[one] - push * normal, v[other] + push * normal
            spot = 0.5 * (at[one] + at[other])
            hits.append((time_s, push * factor, (float(spot[0]), float(spot[1])), False))
        else:
            axis = -1 - other
            hits.append((time_s, abs(float(v[one, axis])) * factor, (float(at[one, 0]), float(at[one, 1])), True))
            v[one, axis] *= -0.9
        for moved in (one, other) if other >= 0 else (one,):
            a, b = at[moved], v[moved]
            glides[moved].append(_Glide(now, (float(a[0]), float(a[1])), (float(b[0]), float(b[1]))))
    return glides, hits


def _next_contact(at: np.ndarray, v: np.ndarray, radius: float, half: tuple[float, float]) -> tuple[float, int, int]:
    """Time until the next contact, the ball, and the other ball, or -1 or -2 for a cushion across or along."""
    best = (math.inf, 0, -1)
    for one in range(len(at)):
        for axis in (0, 1):
            speed = float(v[one, axis])
            if abs(speed) > 1e-9:
                edge = math.copysign(half[axis] - radius, speed)
                best = min(best, (max(0.0, (edge - float(at[one, axis])) / speed), one, -1 - axis))
        for other in range(one + 1, len(at)):
            gap, pace = at[other] - at[one], v[other] - v[one]
            closing = float(gap @ pace)
            square = float(pace @ pace)
            inside = closing * closing - square * (float(gap @ gap) - 4 * radius * radius)
            if closing < -1e-12 and inside > 0:
                best = min(best, (max(0.0, (-closing - math.sqrt(inside)) / square), one, other))
    return best


def _rollers(glides: list[list[_Glide]], radius: float, skins: list[Levels]) -> Actor:
    begin = glides[0][0].start

    def draw(canvas: Canvas, time_s: float) -> None:
        now = begin + _slowed(time_s - 0.5)
        for way, skin in zip(glides, skins, strict=True):
            glide = next(g for g in reversed(way) if g.start <= now or g is way[0])
            since = now - glide.start
            x, z = glide.at[0] + glide.v[0] * since, glide.at[1] + glide.v[1] * since
            canvas.shadow((x + 0.3 * radius, 0.0, z), 1.1 * radius, 0.4)
            canvas.ball((x, radius, z), radius, skin, (x + z) / radius)

    return draw


def _table(half: tuple[float, float], radius: float, colour: Colour) -> Actor:
    def draw(canvas: Canvas, time_s: float) -> None:
        for side in (-1, 1):
            canvas.box((side * (half[0] + radius), 0.4 * radius, 0), (radius, radius, half[1] + 2 * radius), colour)
            canvas.box((0, 0.4 * radius, side * (half[1] + radius)), (half[0], radius, radius), colour)

    return draw


DROPPED = {
    "wood": (("wooden block", "box"), ("wood box", "hits materials wood wood hit", "wood slap")),
    "metal": (("tin can", "can"), ("can hit", "tin can", "metal on the ground", "metal lid drop")),
    "plastic": (("plastic bottle", "can"), ("plastic bottle", "plastic hit", "water bottle hit")),
    "stone": (("brick", "box"), ("stone", "hits materials rock rock hit")),
    "cloth": (("book", "box"), ("thud", "hits soft hit", "thump")),
    "glass": (("glass jar", "can"), ("hits materials glass glass hit", "glass hit")),
}


def dropped_things(setting: Setting) -> Plan:
    """Boxes, cans and bottles fall one after another, hit the ground, hop once and lie still."""
    rng = setting.rng
    material = setting.pick(*DROPPED)
    (name, shape), labels = DROPPED[material]
    high, size = setting.between(0.4, 1.4), setting.between(0.03, 0.12)
    count = int(rng.integers(2, 6))
    reach = 0.8 * high + 3 * size
    actors: list[Actor] = []
    blows: list[Blow] = []
    top = math.sqrt(2 * GRAVITY * high * 1.2)
    for number, begin_s in enumerate(np.sort(rng.uniform(0.2, setting.duration_s - 1.2, count))):
        half = tuple(float(size * v) for v in rng.uniform(0.6, 1.3, 3))
        x = (number - (count - 1) / 2) * 1.5 * reach / count
        start = Hop(
            float(begin_s), (x, high * setting.between(0.6, 1.1), setting.between(-1, 1) * size), (0, 0, 0), True
        )
        way = _throw(setting, start, half[1], 0.28 if material != "cloth" else 0.12, None, setting.duration_s)
        blows += [
            Blow(t, min(1.0, (v / top) ** 0.8), at, "strike", material, min(1.0, size * 4), number, 2 * size)
            for t, v, at in way.contacts
        ]
        colour = material_colour(setting, material)
        actors.append(_dropped(way, (half[0], half[1], half[2]), colour, shape, setting.between(-3, 3)))
    blows.sort(key=lambda blow: blow.time_s)
    return Plan(
        actors=tuple(actors),
        captions=_dropped_captions(name, material, count),
        reach_m=reach,
        target=(0.0, 0.4 * high, 0.0),
        pitches=SIDE if rng.random() < 0.5 else ASLANT,
        blows=tuple(blows),
        labels=(labels,) * count,
        back_m=1.5 * reach,
    )


def _dropped_captions(name: str, material: str, count: int) -> tuple[str, ...]:
    return (
        f"{name}s falling on the floor",
        f"{times_words(count).capitalize()} a {name} drops and hits the floor.",
        f"{name[0].upper()}{name[1:]}s drop {{where}} and hit the ground with short dull impacts of {material}",
        f"impacts of {material} on a hard floor with pauses of silence",
    )


def _dropped(way: _Thrown, half: Point, colour: Colour, shape: str, spin: float) -> Actor:
    strokes = [Stroke(t, min(1.0, v / 4)) for t, v, _ in way.contacts]
    first_s = way.contacts[0][0] if way.contacts else math.inf

    def draw(canvas: Canvas, time_s: float) -> None:
        if time_s < way.hops[0].start_s - 0.05:
            return
        x, y, z = hop_position(way.hops, time_s)
        lean = spin * min(0.0, time_s - first_s) + 0.15 * tremble(time_s, strokes, 7, 0.06)
        canvas.shadow((x, 0.0, z), 1.3 * half[0], 0.4 / (1 + 0.2 * (y / half[1] - 1)))
        if shape == "box":
            canvas.box((x, y, z), half, colour, turned(roll=lean, yaw=0.3))
        else:
            dx, dy = half[1] * math.sin(lean), half[1] * math.cos(lean)
            side, skin = colour, (0.8 * colour[0], 0.8 * colour[1], 0.8 * colour[2])
            canvas.drum((x - dx, y - dy, z), (x + dx, y + dy, z), 0.7 * half[0], side, skin)

    return draw
