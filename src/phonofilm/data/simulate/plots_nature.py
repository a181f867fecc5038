"""Plots of weather, water and fire: rain, waves, fire, wind, fireworks."""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import FRONT, GROUND, Canvas, tone
from phonofilm.data.simulate.moves import GRAVITY, wobble
from phonofilm.data.simulate.optics import DoubleArray, Point
from phonofilm.data.simulate.stage import Actor, Blow, Hum, Plan, Setting, times_words
from phonofilm.data.simulate.textures import Colour

_MIDDLE: Point = (0.0, 0.0, 0.0)
Knots = tuple[tuple[float, float], ...]


def _knots(setting: Setting, low: float, high: float, step_s: float = 1.2) -> Knots:
    """A level that wanders between two bounds over the whole scene."""
    count = max(2, round(setting.duration_s / step_s) + 1)
    times = np.linspace(0, setting.duration_s, count)
    return tuple((float(t), setting.between(low, high)) for t in times)


def _at(knots: Knots, time_s: float) -> float:
    return float(np.interp(time_s, [k[0] for k in knots], [k[1] for k in knots]))


def _hum(setting: Setting, what: str, levels: Knots, at: Point, source: int = 0) -> Hum:
    return Hum(0.0, setting.duration_s, what, levels, lambda time_s: at, source)


def rain(setting: Setting) -> Plan:
    """Rain in streaks, near and far, with splashes on the ground."""
    heavy = setting.between(0.15, 1.0)
    levels = _knots(setting, 0.7 * heavy, min(1.0, 1.1 * heavy), 2.0)
    strong = "Light" if heavy < 0.4 else "Steady" if heavy < 0.7 else "Heavy"
    return Plan(
        actors=(_drops(setting, int(30 + 190 * heavy)),),
        captions=(
            "rain",
            f"{strong} rain falls.",
            f"{strong} rain falls on the ground outdoors, a constant wide patter of drops without thunder",
            f"{strong.lower()} rainfall, continuous",
        ),
        reach_m=2.0,
        target=(0.0, 0.9, 0.0),
        pitches=(0.05, 0.4),
        hums=(_hum(setting, "rain", levels, (0.0, 0.3, 0.0)),),
        labels=(("rain", "rain light", "rain medium", "rain heavy", "ambient rain"),),
        grounds=("asphalt", "earth", "grass", "stone", "water"),
        backs=("sky", "crop", "stone", "wall", "gradient"),
        back_m=3.0,
    )


def _drops(setting: Setting, count: int) -> Actor:
    """Drops that fall over and over, and splashes that come and go."""
    rng = setting.rng
    base = rng.uniform(-1, 1, (count, 3)) * (3.2, 0, 1.6)
    phase, speed = rng.uniform(0, 1, count), setting.between(6.0, 9.0)
    slant, grey, high = setting.between(-0.25, 0.25), setting.between(170, 235), 4.0
    spots = rng.uniform(-1, 1, (count // 2, 3)) * (3.0, 0, 1.8)
    beats = rng.uniform(0, 1, count // 2)

    def draw(canvas: Canvas, time_s: float) -> None:
        fallen = (phase + time_s * speed / high) % 1
        tops = base + np.stack([slant * high * (1 - fallen), high * (1 - fallen), 0 * fallen], 1)
        long = 0.02 * speed
        canvas.streaks(tops, tops - np.array([slant * long, long, 0]), 0.006, (grey, grey, grey + 10), 0.45)
        since = (beats + 2.5 * time_s) % 1
        young = since < 0.5
        size = 0.012 + 0.05 * since[young]
        points = spots[young] + (0, 0.01, 0)
        canvas.dots(points, 0.35 * size, np.full((int(young.sum()), 3), grey), layer=GROUND)

    return draw


def waves(setting: Setting) -> Plan:
    """Waves come in over a beach, break, and run back."""
    rng = setting.rng
    period = setting.between(2.4, 4.5)
    times = np.arange(setting.between(0.3, period) - period, setting.duration_s + period, period)
    breaks = (times + rng.normal(0, 0.12, len(times))).tolist()
    x = np.linspace(-9, 9, 28)
    ragged = 0.25 * np.sin(1.3 * x + rng.uniform(0, 6)) + 0.15 * np.sin(3.1 * x + rng.uniform(0, 6))
    sea = (setting.between(20, 60), setting.between(80, 130), setting.between(110, 170))
    return Plan(
        actors=(_Sea(tuple(breaks), period, x, ragged, sea).draw,),
        captions=(
            "waves on a beach",
            "Waves break on a beach.",
            "Sea waves roll in one after another, break with a rush of foam and run back over the sand",
            "surf, slow swells of noise, outdoors",
        ),
        reach_m=2.6,
        target=(0.0, 0.3, 1.2),
        pitches=(0.12, 0.4),
        hums=(_hum(setting, "waves", _surf(setting, breaks), (0.0, 0.0, 1.0)),),
        labels=(("sea waves", "waves small"),),
        grounds=("sand",),
        backs=("sky", "gradient"),
        back_m=26.0,
    )


@dataclass(frozen=True)
class _Sea:
    """Waves that break at `breaks`. x, ragged: (N,) places along the beach and how far each lies ahead."""

    breaks: tuple[float, ...]
    period: float
    x: DoubleArray
    ragged: DoubleArray
    colour: Colour

    def shore(self, time_s: float) -> float:
        """How near the water's edge is (m, towards the viewer)."""
        near = 0.0
        for at in self.breaks:
            since = time_s - at
            if 0 < since < 2.2 * self.period:
                near = max(near, 1.5 * (since / 0.9) * math.exp(1 - since / 0.9))
        return near

    def draw(self, canvas: Canvas, time_s: float) -> None:
        x = self.x
        edge = 0.6 - self.shore(time_s) + self.ragged * 0.5
        line = np.stack([x, 0 * x, edge], 1)
        far = [(30.0, 0.0, 29.0), (-30.0, 0.0, 29.0)]
        canvas.patch(np.concatenate([line, far]), self.colour, layer=GROUND)
        foam = np.stack([x, 0 * x, edge + 0.12 + 0.1 * np.abs(np.sin(5 * x + time_s))], 1)
        canvas.patch(np.concatenate([line, foam[::-1]]), (240, 246, 248), layer=GROUND)
        for at in self.breaks:
            since = time_s - at
            if -2.2 * self.period < since < 0.35:
                _breaker(canvas, x, self.ragged, since, self.colour)


def _breaker(canvas: Canvas, x: DoubleArray, ragged: DoubleArray, since: float, sea: Colour) -> None:
    """A swell that comes nearer, rises, and turns white as it breaks."""
    z = 0.9 - 2.0 * since + 0.6 * ragged
    rise = 0.05 + 0.42 * math.exp(-((since + 0.15) ** 2) / 0.5)
    top = np.stack([x, rise * (1 + 0.3 * np.sin(2 * x)), z], 1)
    foot = np.stack([x, 0 * x, z - 0.15], 1)
    canvas.patch(np.concatenate([top, foot[::-1]]), tone(sea, 1.25))
    white = max(0.0, min(1.0, 1 + since / 0.7))
    if white > 0:
        crest = np.stack([x, top[:, 1] * (1 - white * (0.4 + 0.3 * np.sin(9 * x) ** 2)), z - 0.16], 1)
        canvas.patch(np.concatenate([top + np.array([0, 0, -0.2]), crest[::-1]]), (244, 248, 250))


def _surf(setting: Setting, breaks: list[float]) -> Knots:
    times = np.arange(0, setting.duration_s + 0.2, 0.2).clip(0, setting.duration_s)
    levels = []
    for time_s in times.tolist():
        level = 0.22
        for at in breaks:
            since = time_s - at
            level = max(level, 0.22 + 0.7 * (math.exp(since / 0.5) if since < 0 else math.exp(-since / 1.1)))
        levels.append((time_s, min(1.0, level)))
    return tuple(levels)


def fire(setting: Setting) -> Plan:
    """Flames over logs, with sparks that crackle as they fly."""
    rng = setting.rng
    levels = _knots(setting, 0.45, 1.0, 0.6)
    sparks = np.sort(rng.uniform(0.2, setting.duration_s - 0.1, int(rng.integers(2, 22)))).tolist()
    flights = tuple((at, setting.between(-0.6, 0.6), setting.between(1.0, 2.4)) for at in sparks)
    blows = tuple(Blow(at, setting.between(0.2, 0.8), (0.0, 0.2, 0.0), "click", "wood", 0.1, 1, 0.0) for at in sparks)
    return Plan(
        actors=(_logs(setting), _Flames(rng, levels).draw, _Sparks(flights).draw),
        captions=(
            "crackling fire",
            "A wood fire burns and crackles.",
            "Logs burn with a soft roar {where}, sharp irregular crackles and pops close by",
            "campfire, crackling, continuous",
        ),
        reach_m=setting.between(0.6, 1.2),
        target=(0.0, 0.38, 0.0),
        pitches=(0.03, 0.4),
        blows=blows,
        hums=(_hum(setting, "fire", levels, (0.0, 0.2, 0.0)),),
        labels=(("fire crackling", "fireplace crackling", "fire long", "fire crackle"), ("fire spark", "crackling")),
        grounds=("earth", "stone", "sand"),
        backs=("night",),
        back_m=1.5,
        dark=True,
    )


def _logs(setting: Setting) -> Actor:
    logs = [(setting.between(-0.25, 0.25), setting.between(-0.1, 0.1)) for _ in range(4)]

    def draw(canvas: Canvas, time_s: float) -> None:
        for number, (x, z) in enumerate(logs):
            canvas.limb((x - 0.28, 0.05 + 0.03 * number, z), (x + 0.28, 0.06, -z), 0.05, 0.045, (64, 40, 26))

    return draw


class _Flames:
    """Tongues of flame that rise, shrink and redden over and over, higher where the level is."""

    def __init__(self, rng: np.random.Generator, levels: Knots, count: int = 46) -> None:
        self._levels = levels
        self._phase, self._rate = rng.uniform(0, 1, count), rng.uniform(0.9, 2.0, count)
        self._x = rng.normal(0, 0.11, count).clip(-0.2, 0.2)
        self._z = rng.normal(0, 0.07, count).clip(-0.15, 0.15)
        self._sway = wobble(rng, 0.1, (0.3, 1.5))

    def draw(self, canvas: Canvas, time_s: float) -> None:
        strong = _at(self._levels, time_s)
        canvas.glow((0, 0.25, -0.1), 0.75 * (0.7 + 0.4 * strong), (120, 52, 10))
        age = (self._phase + self._rate * time_s) % 1
        turn = np.floor(self._phase + self._rate * time_s)
        up = age * (0.35 + 0.55 * strong * (0.6 + 0.4 * np.sin(7.1 * turn + 3 * self._phase)))
        aside = self._x * (1 - 0.75 * age) + 0.05 * np.sin(9 * age + 5 * turn) + self._sway(time_s) * age
        points = np.stack([aside, 0.08 + up, self._z], 1)
        heat = (1 - age)[:, None]
        colours = np.concatenate([0 * heat + 255, 60 + 175 * heat**0.8, 10 + 130 * heat**3], 1)
        order = np.argsort(-age)
        radii = (0.07 * (1 - age) ** 0.8 + 0.008) * (0.7 + 0.5 * strong)
        canvas.dots(points[order], radii[order], colours[order])


@dataclass(frozen=True)
class _Sparks:
    """flights: (time_s, velocity to the right, velocity upwards)."""

    flights: tuple[tuple[float, float, float], ...]

    def draw(self, canvas: Canvas, time_s: float) -> None:
        for at, vx, vy in self.flights:
            since = time_s - at
            if 0 <= since < 0.8:
                y = 0.2 + vy * since - 0.25 * GRAVITY * since * since
                canvas.disc((vx * since, max(0.0, y), -0.12), 0.012, tone((255, 220, 120), 1 - 0.8 * since))


def wind(setting: Setting) -> Plan:
    """Gusts bend grass and twigs, or a flag."""
    rng = setting.rng
    levels = _knots(setting, 0.15, 1.0, 1.0)
    actor = _flag(setting, levels) if rng.random() < 0.4 else _meadow(setting, levels)
    words = "grass and leaves" if actor[1] == "meadow" else "a flag"
    return Plan(
        actors=(actor[0],),
        captions=(
            "wind",
            f"Wind blows through {words}." if actor[1] == "meadow" else "Wind blows and a flag flaps.",
            f"Gusts of wind swell and fade over open country, {words} rustling",
            "gusty wind outdoors, no voices",
        ),
        reach_m=setting.between(0.8, 1.4),
        target=(0.0, 0.6, 0.0),
        pitches=(0.0, 0.3),
        hums=(_hum(setting, "wind", levels, (0.0, 0.5, 0.0)),),
        labels=(("wind", "leaves", "air blower"),),
        grounds=("grass", "earth", "sand"),
        backs=("sky", "crop"),
        back_m=4.0,
    )


def _meadow(setting: Setting, levels: Knots) -> tuple[Actor, str]:
    rng = setting.rng
    count = int(rng.integers(30, 90))
    roots = np.stack([rng.uniform(-2, 2, count), np.zeros(count), rng.uniform(-0.5, 1.2, count)], 1)
    tall, lag = rng.uniform(0.25, 1.0, count), rng.uniform(0, 1, count)
    shares = np.linspace(0, 1, 5)
    colour = (setting.between(60, 150), setting.between(100, 170), setting.between(20, 70))

    def draw(canvas: Canvas, time_s: float) -> None:
        strong = _at(levels, time_s)
        wave = 0.55 * strong + 0.25 * strong * np.sin(2 * np.pi * (1.1 * time_s - 0.35 * roots[:, 0]) + 2 * lag)
        lean = (wave * tall)[:, None] * shares**2  # (N, 5)
        points = np.stack(
            [
                roots[:, :1] + lean,
                (tall[:, None] * shares) * (1 - 0.3 * wave[:, None] ** 2 * shares),
                roots[:, 2:] + 0 * lean,
            ],
            2,
        )
        canvas.strands(points[: count // 2], 0.016, colour)
        canvas.strands(points[count // 2 :], 0.012, tone(colour, 0.75))

    return draw, "meadow"


def _flag(setting: Setting, levels: Knots) -> tuple[Actor, str]:
    colours = [setting.colour() for _ in range(3)]
    wide, high = setting.between(0.6, 1.0), setting.between(0.35, 0.6)
    along = np.linspace(0, 1, 12)

    def draw(canvas: Canvas, time_s: float) -> None:
        strong = _at(levels, time_s)
        canvas.limb((-0.4, 0.0, 0.0), (-0.4, 1.25, 0.0), 0.02, 0.014, (180, 180, 184))
        rate = 1.5 + 3 * 0.6
        wave = 0.13 * along * np.sin(2 * np.pi * (rate * time_s - 1.6 * along))
        hang = (1 - strong) ** 2
        x = -0.4 + wide * along * (1 - 0.55 * hang)
        y = 1.22 - 0.75 * hang * wide * along + wave * strong
        for number, colour in enumerate(colours):
            top, low = y - high * number / 3, y - high * (number + 1) / 3
            upper, lower = np.stack([x, top, wave], 1), np.stack([x, low, wave], 1)
            for piece in range(len(along) - 1):
                shade = 1 + 2.2 * float(wave[piece + 1] - wave[piece])
                corners = np.concatenate([upper[piece : piece + 2], lower[piece : piece + 2][::-1]])
                canvas.patch(corners, tone(colour, shade))

    return draw, "flag"


@dataclass(frozen=True)
class _Rocket:
    burst_s: float
    at: Point
    size: float
    colour: Colour
    ways: DoubleArray

    def draw(self, canvas: Canvas, time_s: float) -> None:
        since = time_s - self.burst_s
        if -1.0 < since < 0:
            y = self.at[1] - 6.0 * -since - 3.0 * since * since
            head = (self.at[0] + 0.5 * since, y, self.at[2])
            canvas.limb((head[0], y - 1.0, head[2]), head, 0.02, 0.06, (190, 150, 90))
        elif 0 <= since < 2.2:
            fade = math.exp(-1.3 * since)
            if since < 0.25:
                canvas.glow(self.at, 2.2 * self.size, tone(self.colour, 1.2 * (1 - since / 0.25)))
            far = self.size * (1 - math.exp(-3.2 * since))
            drop = np.array([0, -0.6 * since * since, 0])
            points = self.at + far * self.ways + drop
            tails = self.at + self.size * (1 - math.exp(-3.2 * max(0.0, since - 0.22))) * self.ways + 0.7 * drop
            canvas.streaks(tails, points, 0.08, tone(self.colour, 0.5 + 0.8 * fade), min(1.0, 2.5 * fade))


def fireworks(setting: Setting) -> Plan:
    """Rockets rise over a night horizon and burst."""
    rng = setting.rng
    count = int(rng.integers(2, 9))
    times = np.sort(rng.uniform(0.5, setting.duration_s - 0.4, count)).tolist()
    rockets, blows = [], []
    for at_s in times:
        at = (setting.between(-6, 6), setting.between(5, 10), setting.between(-1, 1))
        size = setting.between(1.2, 3.6)
        ways = rng.normal(0, 1, (int(rng.integers(26, 60)), 3))
        ways /= np.linalg.norm(ways, axis=1, keepdims=True) / rng.uniform(0.75, 1, (len(ways), 1))
        red, green, blue = rng.dirichlet((0.7, 0.7, 0.7)) * 420 + 40
        colour = (min(255.0, red), min(255.0, green), min(255.0, blue))
        rockets.append(_Rocket(at_s, at, size, colour, ways))
        blows.append(Blow(at_s, min(1.0, 0.25 + size / 4.5), at, "burst", "air", 0.9, 0))
    roofs = [(setting.between(-14, 14), setting.between(0.6, 2.4), setting.between(0.8, 2.5)) for _ in range(14)]

    def town(canvas: Canvas, time_s: float) -> None:
        for x, high, wide in roofs:
            canvas.box((x, 0.5 * high, -2), (wide, 0.5 * high, 0.2), (10, 10, 16), layer=FRONT)

    words = times_words(count)
    return Plan(
        actors=(*(rocket.draw for rocket in rockets), town),
        captions=(
            "fireworks",
            "Fireworks burst in the night sky.",
            f"Rockets explode {words} high in the sky {{where}}, deep booms that echo in the open",
            f"booms of fireworks, {words}, outdoors at night",
        ),
        reach_m=8.0,
        target=(0.0, 6.0, 0.0),
        pitches=(-0.15, 0.0),
        blows=tuple(blows),
        labels=(("fireworks pop", "fire blast firework", "explosion distant", "fire cracker"),),
        grounds=(),
        backs=("night",),
        back_m=6.0,
        dark=True,
    )
