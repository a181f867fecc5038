"""Plots of a house: doors, a tap that drips or runs, a clock."""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import Canvas, Levels, tone
from phonofilm.data.simulate.moves import GRAVITY, Stroke, Track, tremble
from phonofilm.data.simulate.stage import (
    Actor,
    Blow,
    Hum,
    Plan,
    Setting,
    force_words,
    material_colour,
    pace_words,
    times_words,
)
from phonofilm.data.simulate.textures import Colour, levels_of

_DOOR_LABELS = {
    "wood": ("door slam", "door close", "slam", "closing door", "door shut"),
    "metal": ("locker", "slam", "car door", "car door hit"),
    "glass": ("door close", "door slam"),
}


def doors(setting: Setting) -> Plan:
    """A door swings or slides shut with a slam, is opened again with a click of its handle, or stops ajar unheard."""
    rng = setting.rng
    material = setting.pick("wood", "wood", "metal", "glass")
    slides = bool(rng.random() < 0.25)
    wide, high = setting.between(0.7, 1.1), setting.between(1.7, 2.2)
    if rng.random() < 0.25:
        wide, high = setting.between(0.3, 0.6), setting.between(0.4, 0.7)
    side = float(rng.choice([-1, 1]))
    opening = wide * 0.9 if slides else setting.between(0.6, 1.5)
    track, slams, clicks = _swings(setting, opening)
    latch = (side * wide / 2, 0.5 * high, 0.0)
    size = min(1.0, 0.4 + 0.3 * wide * high)
    blows = [Blow(s.time_s, s.strength, latch, "slam", material, size, 0) for s in slams]
    blows += [Blow(at, 0.2, latch, "click", "metal", 0.15, 1, 0.0) for at in clicks]
    blows.sort(key=lambda blow: blow.time_s)
    skin = {"wood": "planks", "metal": "metal", "glass": "gradient"}[material]
    surface = levels_of(setting.textures.surface(skin, rng))
    leaf = _Door(track, slams, wide, high, side, slides, material_colour(setting, material), surface)
    thing = ("sliding " if slides else "") + ("door" if high > 1 else "cupboard door")
    words = {"wood": f"a wooden {thing}", "metal": f"a metal {thing}", "glass": f"a glass {thing}"}[material]
    count, force = times_words(max(1, len(slams))), force_words([s.strength for s in slams])
    captions = (
        f"{thing} slamming",
        f"{words[0].upper()}{words[1:]} falls shut {count}.",
        f"{words[0].upper()}{words[1:]} slams {force} {{where}}, then it is quiet in the room",
        f"slam of {words}, indoors, {count}",
    )
    return Plan(
        actors=(leaf.draw,),
        captions=captions,
        reach_m=max(0.85 * wide, 0.92 * high),
        target=(0.0, 0.5 * high, 0.0),
        pitches=(-0.05, 0.3),
        blows=tuple(blows),
        labels=(_DOOR_LABELS[material], ("structures door unlock", "click", "wall kit lock")),
        grounds=("planks", "tiles", "cloth", "stone"),
        backs=("wall", "crop", "tiles", "noise", "planks"),
        back_m=0.02,
    )


def _swings(setting: Setting, opening: float) -> tuple[Track, tuple[Stroke, ...], list[float]]:
    """How far a door is open over time, its slams, and the clicks of its handle."""
    now_s, pieces = setting.between(0.3, 1.2), []
    slams: list[Stroke] = []
    clicks: list[float] = []
    far = opening
    pieces.append((now_s, far, "line"))
    while True:
        shut_s = setting.between(0.35, 1.3)
        if now_s + shut_s > setting.duration_s - 0.3:
            break
        now_s += shut_s
        if slams and setting.rng.random() < 0.2:
            far = setting.between(0.15, 0.4) * far
            pieces.append((now_s, far, "smooth"))
        else:
            pieces.append((now_s, 0.0, "fall"))
            strength = min(1.0, 0.45 * (far / opening + 0.3) / shut_s)
            slams.append(Stroke(now_s, max(0.15, strength)))
            now_s += setting.between(0.4, 1.5)
            pieces.append((now_s, 0.0, "line"))
            if now_s < setting.duration_s - 0.2:
                clicks.append(now_s)
        now_s += setting.between(0.5, 1.2)
        far = opening * setting.between(0.6, 1.0)
        pieces += [(now_s, far, "smooth"), (now_s + 0.3, far, "line")]
        now_s += setting.between(0.3, 0.6)
        pieces.append((now_s, far, "line"))
    return Track(opening, pieces), tuple(slams), clicks


@dataclass(frozen=True)
class _Door:
    open: Track
    slams: tuple[Stroke, ...]
    wide: float
    high: float
    side: float
    slides: bool
    colour: Colour
    skin: Levels

    def draw(self, canvas: Canvas, time_s: float) -> None:
        half, high, side = self.wide / 2, self.high, self.side
        canvas = canvas.whole((0.0, 0.5 * high, 0.0))
        canvas.patch(
            [(-half, high, 0.01), (half, high, 0.01), (half, 0, 0.01), (-half, 0, 0.01)], (24, 22, 26), layer=1
        )
        shake = 0.012 * tremble(time_s, self.slams, 9.0, 0.09)
        frame = tone(self.colour, 0.75)
        for x in (-half - 0.04, half + 0.04):
            canvas.box((x + 0.2 * shake, 0.5 * high, 0.0), (0.04, 0.5 * high, 0.03), frame)
        canvas.box((0, high + 0.04, 0), (half + 0.08, 0.04, 0.03), frame)
        gone = self.open(time_s) + abs(shake) * (0.6 if self.open(time_s) == 0 else 0)
        if self.slides:
            hinge, edge = (-side * (half + gone), 0.0), (side * (half - gone), 0.0)
            hinge, edge = (hinge[0], -0.04), (edge[0], -0.04)
        else:
            hinge = (-side * half, -0.02)
            edge = (hinge[0] + side * self.wide * math.cos(gone), hinge[1] - self.wide * math.sin(gone))
        left, right = (hinge, edge) if side > 0 else (edge, hinge)
        canvas.sheet(
            [
                (left[0], high, left[1]),
                (right[0], high, right[1]),
                (right[0], 0.01, right[1]),
                (left[0], 0.01, left[1]),
            ],
            self.skin,
        )
        knob = (edge[0] + 0.1 * (hinge[0] - edge[0]), 0.48 * high, edge[1] + 0.1 * (hinge[1] - edge[1]) - 0.04)
        canvas.disc(knob, 0.025 * min(1.0, high), (200, 180, 110))


def _drip_times(setting: Setting, run: tuple[float, float] | None) -> list[float]:
    """Instants at which drops strike the water; none while it runs."""
    times: list[float] = []
    now_s, step = setting.between(0.3, 1.0), setting.between(0.3, 1.6)
    while now_s < setting.duration_s - 0.1:
        if run is None or not run[0] - 0.3 < now_s < run[1] + 0.5:
            times.append(now_s)
        now_s += step * float(np.exp(setting.rng.normal(0, 0.15)))
    return times


def dripping_tap(setting: Setting) -> Plan:
    """Drops grow under a tap, fall by gravity and strike water; or the water runs for a while."""
    high = setting.between(0.15, 0.45)
    runs = bool(setting.rng.random() < 0.25)
    run = (setting.between(0.35, 0.5) * setting.duration_s, setting.between(0.65, 0.9) * setting.duration_s)
    times = _drip_times(setting, run if runs else None)
    metal, water = material_colour(setting, "metal"), (170, 200, 220)
    drops = _Drops(tuple(times), high, math.sqrt(2 * high / GRAVITY), metal, water, run if runs else None)
    blows = tuple(Blow(t, setting.between(0.3, 0.6), (0.0, 0.0, 0.0), "drip", "water", 0.08, 0) for t in times)
    hums: tuple[Hum, ...] = ()
    if runs:
        levels = ((run[0], 0.0), (run[0] + 0.15, 0.7), (run[1], 0.7), (run[1] + 0.15, 0.0))
        hums = (Hum(run[0], run[1] + 0.15, "stream", levels, lambda time_s: (0.0, 0.0, 0.0), 1),)
    pace = pace_words(times)
    captions = (
        "dripping tap" if not runs else "running tap",
        "Water drops fall from a tap into water." if not runs else "A tap drips, then water runs from it.",
        f"Single drops of water fall from a metal tap {{where}} with a bright plop each, {pace}, in a tiled room",
        f"water drops, {pace}, small room",
        "drip, drip from a tap" if not runs else "water runs from a tap into a basin for a while",
    )
    return Plan(
        actors=(drops.draw,),
        captions=captions,
        reach_m=max(0.16, 1.25 * high),
        target=(0.0, 0.55 * high, 0.0),
        pitches=(0.12, 0.6),
        blows=blows,
        hums=hums,
        labels=(("liquids waterdrop", "water hit"), ("water in sink", "running water", "water tap long")),
        grounds=("water", "metal", "tiles"),
        backs=("tiles", "wall", "crop", "stone"),
        back_m=0.8 * high,
    )


@dataclass(frozen=True)
class _Drops:
    """Drops that strike the water at times_s, and the tap they come from."""

    times_s: tuple[float, ...]
    high: float
    fall_s: float
    metal: Colour
    water: Colour
    run: tuple[float, float] | None

    def draw(self, canvas: Canvas, time_s: float) -> None:
        high = self.high
        thick = 0.09 * high
        canvas.limb((0, high + 0.8 * thick, 0), (0, high + 2.5 * thick, 0), thick, thick, self.metal)
        canvas.limb(
            (0, high + 2.8 * thick, 0), (0.4 * high, high + 3.2 * thick, 0.6 * high), thick, 1.3 * thick, self.metal
        )
        canvas.limb(
            (0.02, high + 3.8 * thick, 0.01),
            (0.02, high + 5.5 * thick, 0.01),
            0.4 * thick,
            0.4 * thick,
            tone(self.metal, 0.7),
        )
        size = 0.035 * high + 0.002
        for hit_s in self.times_s:
            since = time_s - hit_s
            if -self.fall_s - 0.6 < since < -self.fall_s:
                grown = (since + self.fall_s + 0.6) / 0.6
                canvas.disc((0, high - size * grown, 0), size * (0.3 + 0.7 * grown), self.water)
            elif -self.fall_s <= since <= 0:
                fallen = since + self.fall_s
                y = high - 0.5 * GRAVITY * fallen * fallen
                canvas.limb((0, y + 2.2 * size, 0), (0, y + size, 0), 0.4 * size, size, self.water)
            elif 0 < since < 1.4:
                self._ripple(canvas, since, size)
        if self.run and self.run[0] - self.fall_s < time_s < self.run[1]:
            self._stream(canvas, time_s)

    def _ripple(self, canvas: Canvas, since: float, size: float) -> None:
        turn = np.linspace(0, 2 * np.pi, 28)
        for delay in (0.0, 0.12, 0.26):
            grown = since - delay
            if grown > 0:
                radius = size + 0.55 * self.high * grown**0.75
                ring = np.stack([radius * np.cos(turn), 0 * turn, radius * np.sin(turn)], 1)
                fade = math.exp(-2.6 * since)
                canvas.line(ring, 0.03 * self.high * fade, tone((225, 235, 245), 0.55 + 0.45 * fade), layer=1)
        if since < 0.28:
            for angle in (0.3, 1.7, 2.9, 4.2, 5.4):
                up = 1.1 * since - 0.5 * GRAVITY * since * since
                out = size + 0.35 * since
                canvas.disc((out * math.cos(angle), max(0.0, up * 0.8), out * math.sin(angle)), 0.35 * size, self.water)

    def _stream(self, canvas: Canvas, time_s: float) -> None:
        assert self.run is not None
        begun = time_s - self.run[0] + self.fall_s
        low = max(0.0, self.high - 0.5 * GRAVITY * begun * begun)
        thick = 0.05 * self.high
        canvas.limb((0, self.high, 0), (0, low, 0), thick, 0.7 * thick, self.water)
        for number in range(5):
            share = (3.1 * time_s + number / 5) % 1
            y = self.high - share * (self.high - low)
            x = 0.5 * thick * math.sin(17 * number + 25 * time_s)
            canvas.limb(
                (x, y, -thick), (x, max(low, y - 0.1 * self.high), -thick), 0.2 * thick, 0.1 * thick, (245, 250, 255)
            )
        if low == 0:
            self._ripple(canvas, 0.12 + 0.4 * ((time_s * 2.3) % 1), 2 * thick)
            self._ripple(canvas, 0.12 + 0.4 * ((time_s * 2.3 + 0.5) % 1), 2 * thick)


def clock(setting: Setting) -> Plan:
    """A clock whose second hand jumps, or a pendulum that ticks each time it passes the middle."""
    rng = setting.rng
    pendulum = bool(rng.random() < 0.4)
    size = setting.between(0.1, 0.25)
    step = 1.0 if not pendulum else setting.between(0.35, 0.9)
    first = setting.between(0.1, step)
    times = [float(t) for t in np.arange(first, setting.duration_s - 0.05, step)]
    colours = (setting.colour(), (244, 240, 228), setting.colour(10, 70))
    start = int(rng.integers(0, 43200))
    actor = _clock_actor(times, step, size, colours, pendulum, start)
    spot = (0.0, -1.9 * size if pendulum else 0.0, 0.0)
    # A pendulum ticks somewhere in its swing; nothing in the picture says where. Else the way of the hand's tip.
    jump_m = 0.0 if pendulum else 0.85 * size * 2 * math.pi / 60
    blows = tuple(Blow(t, 0.35 + 0.08 * (i % 2), spot, "click", "metal", 0.1, 0, jump_m) for i, t in enumerate(times))
    kind = "pendulum clock" if pendulum else "clock"
    captions = (
        f"ticking {kind}",
        f"A {kind} ticks.",
        f"A {kind} ticks evenly {{where}}, {pace_words(times)}, dry and close, in a quiet room",
        "soft regular ticks of clockwork",
    )
    return Plan(
        actors=(actor,),
        captions=captions,
        reach_m=setting.between(1.8, 4.0) * size,
        target=(0.0, -0.9 * size if pendulum else 0.0, 0.0),
        pitches=(-0.15, 0.15),
        blows=blows,
        labels=(("clock tick", "watch tick", "stopwatch"),),
        grounds=(),
        back_m=0.06,
    )


def _clock_actor(
    times: list[float], step: float, size: float, colours: tuple[Colour, Colour, Colour], pendulum: bool, start: int
) -> Actor:
    def hand(canvas: Canvas, turn: float, long: float, wide: float, colour: Colour) -> None:
        x, y = math.sin(turn), math.cos(turn)
        canvas.limb((-0.15 * long * x, -0.15 * long * y, -0.02), (long * x, long * y, -0.02), wide, 0.6 * wide, colour)

    def draw(canvas: Canvas, time_s: float) -> None:
        case, face, ink = colours
        canvas = canvas.whole((0.0, 0.0, 0.0))
        if pendulum:
            angle = 0.3 * math.sin(math.pi * (time_s - times[0]) / step)
            low = (2.1 * size * math.sin(angle), -2.1 * size * math.cos(angle), 0.02)
            canvas.limb((0, 0, 0.03), low, 0.02 * size, 0.02 * size, (150, 120, 60))
            canvas.disc(low, 0.26 * size, (206, 170, 80))
        canvas.disc((0, 0, 0.01), 1.1 * size, case)
        canvas.disc((0, 0, 0.0), size, face)
        for mark in range(12):
            x, y = size * math.sin(mark * math.pi / 6), size * math.cos(mark * math.pi / 6)
            canvas.limb((0.8 * x, 0.8 * y, -0.005), (0.92 * x, 0.92 * y, -0.005), 0.02 * size, 0.02 * size, ink)
        hand(canvas, 2 * math.pi * (start / 43200), 0.5 * size, 0.045 * size, ink)
        hand(canvas, 2 * math.pi * (start / 3600), 0.75 * size, 0.035 * size, ink)
        if not pendulum:
            count = start + sum(at <= time_s for at in times)
            since = min((time_s - at for at in times if at <= time_s), default=9.0)
            spring = 0.02 * math.exp(-since / 0.05) * math.sin(2 * math.pi * 12 * since)
            ahead = min((at - time_s for at in times if at > time_s), default=9.0)
            gone = max(0.0, 1 - ahead / 0.03) ** 2
            hand(canvas, 2 * math.pi * ((count + gone) / 60) + spring, 0.85 * size, 0.02 * size, (190, 40, 30))
        canvas.disc((0, 0, -0.025), 0.05 * size, ink)

    return draw
