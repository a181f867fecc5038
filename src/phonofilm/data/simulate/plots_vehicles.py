"""Plots of engines: a machine that runs where it stands, and vehicles that pass."""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import Canvas, tone
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Hum, Path, Plan, Setting
from phonofilm.data.simulate.textures import Colour


def engine(setting: Setting) -> Plan:
    """A machine with a wheel, a belt and a piston starts, shakes as it runs, and stops."""
    rng = setting.rng
    rate = setting.between(6, 30)
    turns = setting.between(1.2, 5.0)
    start_s = 0.0 if rng.random() < 0.5 else setting.between(0.4, 0.35 * setting.duration_s)
    end_s = setting.duration_s if rng.random() < 0.5 else setting.between(0.65, 0.95) * setting.duration_s
    machine = _Engine(
        rate, turns, start_s, end_s, setting.colour(), setting.colour(40, 160), setting.between(0.006, 0.02)
    )
    knots: list[tuple[float, float]] = [(start_s, 0.1 if start_s else 0.7), (min(end_s, start_s + 0.5), 0.75)]
    for at in np.arange(start_s + 1.0, end_s - 0.6, 1.0).tolist():
        knots.append((at, setting.between(0.6, 0.9)))
    knots += [(max(knots[-1][0] + 0.05, end_s - 0.4), 0.7), (end_s, 0.05 if end_s < setting.duration_s else 0.7)]
    hum = Hum(start_s, max(end_s, knots[-1][0]), "engine", tuple(knots), lambda time_s: (0.0, 0.3, 0.0), 0, rate)
    pace = "slowly" if rate < 12 else "steadily" if rate < 20 else "fast"
    story = ("starts and " if start_s else "") + f"runs {pace}" + (", then stops" if end_s < setting.duration_s else "")
    return Plan(
        actors=(machine.draw,),
        captions=(
            "engine running",
            f"An engine {story}.",
            f"A small motor {story} {{where}}, rattling metal and a low even throb close by",
            f"mechanical hum and rattle of a machine, {rate:.0f} beats a second",
        ),
        reach_m=setting.between(0.7, 1.1),
        target=(0.0, 0.32, 0.0),
        pitches=(0.05, 0.5),
        hums=(hum,),
        labels=(("motor", "loud motor", "vehicle motor idle", "compressor motor", "motorbike idle", "machine drill"),),
        grounds=("asphalt", "stone", "metal", "wood"),
        backs=("wall", "crop", "metal", "tiles"),
        back_m=0.8,
    )


@dataclass(frozen=True)
class _Engine:
    rate_hz: float
    turns_hz: float
    start_s: float
    end_s: float
    body: Colour
    parts: Colour
    shake_m: float

    def draw(self, canvas: Canvas, time_s: float) -> None:
        on = min(1.0, max(0.0, (time_s - self.start_s) / 0.3 + (self.start_s == 0)))
        on = min(on, max(0.0, (self.end_s - time_s) / 0.3 + (self.end_s - time_s > 5)))
        run = min(max(time_s, self.start_s), self.end_s)
        turn = 2 * math.pi * self.turns_hz * run
        dy = on * self.shake_m * math.sin(2 * math.pi * self.rate_hz * time_s)
        dx = 0.6 * on * self.shake_m * math.sin(2 * math.pi * 0.5 * self.rate_hz * time_s + 1)
        canvas.shadow((0, 0, 0), 0.5, 0.45)
        canvas.box((dx, 0.25 + dy, 0.05), (0.32, 0.2, 0.18), self.body)
        canvas.box((-0.12 + dx, 0.52 + 1.2 * dy, 0.05), (0.1, 0.08, 0.1), tone(self.parts, 0.8))
        canvas.box((0, 0.03, 0.05), (0.4, 0.03, 0.22), tone(self.body, 0.5))
        for x, r in ((0.2, 0.16), (-0.2, 0.08)):
            self._wheel(canvas, (x + dx, 0.27 + dy, -0.16), r, turn * 0.16 / r)
        top, low = 0.27 + dy, 0.27 + dy
        canvas.line([(0.2 + dx, top + 0.16, -0.2), (-0.2 + dx, top + 0.08, -0.2)], 0.02, (24, 24, 26))
        canvas.line([(0.2 + dx, low - 0.16, -0.2), (-0.2 + dx, low - 0.08, -0.2)], 0.02, (24, 24, 26))
        stroke = 0.06 * math.sin(turn)
        canvas.drum(
            (0.1 + dx, 0.45 + dy, 0.0), (0.1 + dx, 0.56 + dy + stroke, 0.0), 0.04, (170, 172, 178), (120, 122, 128)
        )
        canvas.limb((-0.3 + dx, 0.42 + dy, 0.1), (-0.42 + dx, 0.66 + dy, 0.1), 0.03, 0.03, (70, 66, 64))
        for puff in range(4):
            age = (1.3 * time_s + puff / 4) % 1
            if on > 0.5:
                at = (-0.43 - 0.15 * age, 0.7 + 0.4 * age, 0.1)
                edge = 0.02 + 0.07 * age
                ring = [(at[0] + edge * math.cos(a), at[1] + edge * math.sin(a), 0.1) for a in np.linspace(0, 6.28, 12)]
                canvas.patch(ring, (150, 150, 152), share=0.35 * (1 - age))

    def _wheel(self, canvas: Canvas, at: Point, radius: float, turn: float) -> None:
        canvas.drum((at[0], at[1], at[2] + 0.04), at, radius, (40, 40, 44), tone(self.parts, 1.1))
        for spoke in range(3):
            a = turn + spoke * 2 * math.pi / 3
            end = (at[0] + 0.85 * radius * math.cos(a), at[1] + 0.85 * radius * math.sin(a), at[2] - 0.01)
            canvas.limb((at[0], at[1], at[2] - 0.01), end, 0.1 * radius, 0.08 * radius, (30, 30, 34))


KINDS = {
    "car": (4.2, "car", ("driving", "car motor", "small car", "car engine")),
    "van": (5.0, "delivery van", ("driving", "car engine", "car motor")),
    "bus": (10.0, "bus", ("garbage truck", "driving", "city street traffic")),
    "motorbike": (2.1, "motorbike", ("motorbike idle", "car engine")),
    "train": (36.0, "train", ("train passing", "train", "underground train", "boston subway")),
}


def vehicle(setting: Setting) -> Plan:
    """A car, van, bus, motorbike or train passes from one side to the other, or comes nearer."""
    rng = setting.rng
    kind = setting.pick(*KINDS)
    long, name, labels = KINDS[kind]
    side = float(rng.choice([-1, 1]))
    speed = setting.between(4, 13) if kind != "train" else setting.between(9, 18)
    reach = max(setting.between(3.5, 7.5), 0.65 * long if kind != "train" else 0.0)
    passing_s = setting.between(0.35, 0.65) * setting.duration_s
    slope = setting.between(-0.25, 0.25) if rng.random() < 0.5 else 0.0

    def path(time_s: float) -> Point:
        along = speed * (time_s - passing_s)
        return side * along, 0.6, slope * along

    times = np.linspace(0, setting.duration_s, 4 * round(setting.duration_s) + 1)
    levels = tuple((float(t), _nearness(path(float(t))[0], long, reach)) for t in times)
    rate = setting.between(20, 60) if kind != "train" else setting.between(4, 9)
    what = "engine" if kind != "train" else "machine"
    hum = Hum(0.0, setting.duration_s, what, levels, path, 0, rate)
    way = "from left to right" if side > 0 else "from right to left"
    body = _Body(kind, long, side, speed, path, setting.colour(), setting.colour(), float(rng.uniform(0, 6)))
    return Plan(
        actors=(body.draw,),
        captions=(
            f"{name} passing by",
            f"A {name} drives past {way}.",
            f"A {name} comes nearer, passes {way} with a rising and falling roar, and goes away down the road",
            f"pass-by of a {name}, outdoors, {'fast' if speed > 9 else 'slow'}",
        ),
        reach_m=reach,
        target=(0.0, 1.1, 0.0),
        pitches=(0.02, 0.4),
        hums=(hum,),
        labels=(labels,),
        grounds=("asphalt", "earth", "gravel"),
        backs=("sky", "crop", "stone", "wall"),
        back_m=setting.between(3, 14),
    )


def _nearness(x: float, long: float, reach: float) -> float:
    """How loud a vehicle of a length is at a distance along its way."""
    away = max(0.0, abs(x) - 0.5 * long)
    return float(min(1.0, 1 / (1 + (away / (0.8 * reach)) ** 2)))


@dataclass(frozen=True)
class _Body:
    kind: str
    long: float
    side: float
    speed: float
    path: Path
    paint: Colour
    trim: Colour
    phase: float

    def draw(self, canvas: Canvas, time_s: float) -> None:
        x, _, z = self.path(time_s)
        if abs(x) > 40 + self.long:
            return
        canvas = canvas.whole((x, 1.0, z))
        hop = 0.012 * math.sin(2 * math.pi * 2.3 * time_s + self.phase)
        {"car": self._car, "van": self._van, "bus": self._bus, "motorbike": self._bike, "train": self._train}[
            self.kind
        ](canvas, x, hop, z, time_s)

    def _flat(self, canvas: Canvas, x: float, z: float, shape: list[tuple[float, float]], colour: Colour) -> None:
        """A side of the body, told as (ahead, up) for one that goes to the right."""
        canvas.patch([(x + self.side * a, b, z) for a, b in shape], colour)

    def _wheels(
        self, canvas: Canvas, x: float, z: float, spots: tuple[float, ...], radius: float, time_s: float
    ) -> None:
        turn = -self.side * self.speed * time_s / radius
        for spot in spots:
            at = (x + self.side * spot, radius, z)
            canvas.drum((at[0], radius, z + 0.2), at, radius, (22, 22, 24), (34, 34, 36))
            for spoke in range(5):
                a = turn + spoke * 2 * math.pi / 5
                end = (at[0] + 0.6 * radius * math.cos(a), radius + 0.6 * radius * math.sin(a), z - 0.02)
                canvas.limb((at[0], radius, z - 0.02), end, 0.1 * radius, 0.1 * radius, (176, 178, 182))

    def _car(self, canvas: Canvas, x: float, hop: float, z: float, time_s: float) -> None:
        for spread in np.linspace(-1.5, 1.5, 3):
            canvas.shadow((x + spread, 0.0, z), 1.0, 0.25)
        canvas.box((x, 0.62 + hop, z), (2.1, 0.3, 0.8), self.paint)
        roof = [(-1.5, 0.9), (-1.0, 1.42), (0.45, 1.42), (1.15, 0.9)]
        self._flat(canvas, x, z - 0.7, [(a, b + hop) for a, b in roof], tone(self.paint, 0.85))
        glass = [(-1.25, 0.93), (-0.9, 1.34), (0.38, 1.34), (0.95, 0.93)]
        self._flat(canvas, x, z - 0.72, [(a, b + hop) for a, b in glass], (70, 90, 105))
        canvas.disc((x + self.side * 2.05, 0.7 + hop, z - 0.7), 0.1, (255, 246, 200))
        self._wheels(canvas, x, z - 0.82, (-1.3, 1.3), 0.33, time_s)

    def _van(self, canvas: Canvas, x: float, hop: float, z: float, time_s: float) -> None:
        canvas.shadow((x, 0.0, z), 1.8, 0.3)
        canvas.box((x - self.side * 0.5, 1.25 + hop, z), (2.0, 0.9, 0.9), self.paint)
        canvas.box((x + self.side * 2.0, 0.9 + hop, z), (0.5, 0.55, 0.9), tone(self.trim, 0.9))
        self._flat(
            canvas, x, z - 0.92, [(1.0, 1.3 + hop), (1.0, 1.8 + hop), (1.4, 1.8 + hop), (1.5, 1.3 + hop)], (60, 80, 95)
        )
        self._wheels(canvas, x, z - 0.92, (-1.5, 1.6), 0.38, time_s)

    def _bus(self, canvas: Canvas, x: float, hop: float, z: float, time_s: float) -> None:
        for spread in np.linspace(-4, 4, 5):
            canvas.shadow((x + spread, 0.0, z), 1.3, 0.25)
        canvas.box((x, 1.65 + hop, z), (5.0, 1.25, 1.1), self.paint)
        for number in range(7):
            a = -4.5 + 1.3 * number
            self._flat(
                canvas,
                x,
                z - 1.12,
                [(a, 1.7 + hop), (a, 2.5 + hop), (a + 1.05, 2.5 + hop), (a + 1.05, 1.7 + hop)],
                (64, 84, 98),
            )
        self._wheels(canvas, x, z - 1.12, (-3.2, 3.4), 0.48, time_s)

    def _bike(self, canvas: Canvas, x: float, hop: float, z: float, time_s: float) -> None:
        canvas.shadow((x, 0.0, z), 0.7, 0.3)
        side = self.side
        self._wheels(canvas, x, z, (-0.7, 0.7), 0.32, time_s)
        canvas.limb(
            (x - side * 0.5, 0.65 + hop, z - 0.05), (x + side * 0.4, 0.72 + hop, z - 0.05), 0.15, 0.18, self.paint
        )
        canvas.limb(
            (x + side * 0.7, 0.32, z - 0.05), (x + side * 0.45, 1.05 + hop, z - 0.05), 0.04, 0.04, (150, 150, 156)
        )
        canvas.limb(
            (x - side * 0.25, 0.85 + hop, z - 0.1), (x - side * 0.02, 1.4 + hop, z - 0.1), 0.18, 0.17, self.trim
        )
        canvas.limb(
            (x - side * 0.05, 1.3 + hop, z - 0.15),
            (x + side * 0.42, 1.05 + hop, z - 0.15),
            0.07,
            0.05,
            tone(self.trim, 0.9),
        )
        canvas.limb((x - side * 0.2, 0.8 + hop, z - 0.2), (x + side * 0.2, 0.5 + hop, z - 0.2), 0.1, 0.07, (40, 44, 60))
        canvas.disc((x + side * 0.08, 1.68 + hop, z - 0.1), 0.16, self.trim)

    def _train(self, canvas: Canvas, x: float, hop: float, z: float, time_s: float) -> None:
        for wagon in range(3):
            middle = x + self.side * (12.0 - 12.0 * wagon)
            if abs(middle) > 34:
                continue
            canvas.box((middle, 1.9 + hop, z), (5.8, 1.5, 1.3), self.paint)
            for number in range(6):
                a = middle - x - 5.2 + 1.8 * number
                corners = [
                    (x + a, 2.0 + hop, z - 1.32),
                    (x + a, 2.9 + hop, z - 1.32),
                    (x + a + 1.2, 2.9 + hop, z - 1.32),
                    (x + a + 1.2, 2.0 + hop, z - 1.32),
                ]
                canvas.patch(corners, (230, 220, 170) if (number + wagon) % 3 else (70, 84, 96))
            for a in (-4.4, -3.2, 3.2, 4.4):
                canvas.drum((middle + a, 0.4, z - 1.1), (middle + a, 0.4, z - 1.3), 0.4, (26, 26, 28), (52, 52, 56))
        canvas.box((0.0, 0.02, z), (45, 0.03, 1.2), (90, 84, 80), layer=1)
