"""Plots of instruments: sticks on drums and bars, fingers on strings."""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.bodies import draw_fist
from phonofilm.data.simulate.canvas import GROUND, Canvas, tone
from phonofilm.data.simulate.moves import Stroke, Tool, Track, rhythm, strike_track, tremble
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Blow, Plan, Setting, force_words, material_colour, pace_words
from phonofilm.data.simulate.textures import Colour

_DRUM_LABELS = {
    "tom": ("drum kit tom mid hard", "drum kit tom lo hard", "acoustic drum tom 01", "drum low"),
    "snare": ("drum kit snare hard", "acoustic drum snare 01", "snare drum generic"),
    "conga": ("conga", "hand drum", "war drum"),
    "cymbal": ("drum kit cymbal hard", "crash cymbal", "cymbal", "ride cymbal via"),
    "bars": ("wooden clap", "jazz vibraphone", "woodblock pitched do", "vibra clang"),
    "barrel": ("barrel hit", "barrel strike", "trash can hit"),
}
_DRUM_MATERIAL = {"tom": "skin", "snare": "skin", "conga": "skin", "cymbal": "metal", "bars": "wood", "barrel": "metal"}


@dataclass(frozen=True)
class _Struck:
    """A drum: what kind, the middle of its top, its radius, and the blows on it."""

    kind: str
    top: Point
    radius: float
    colours: tuple[Colour, Colour]
    strokes: tuple[Stroke, ...]

    def draw(self, canvas: Canvas, time_s: float) -> None:
        x, y, z = self.top
        r = self.radius
        shiver = tremble(time_s, self.strokes, 16.0, 0.06)
        side, skin = self.colours
        if self.kind == "cymbal":
            tip = 0.25 * tremble(time_s, self.strokes, 2.4, 0.5)
            dx, dy = r * math.sin(0.12 + tip) * 0.05, r * 0.05
            canvas.limb((x, 0.0, z), (x, y - 0.02, z), 0.012, 0.012, (80, 80, 84))
            canvas.drum(
                (x - dx, y - dy - 0.3 * abs(dx), z), (x + 4 * dx, y - 0.3 * abs(dx), z), r, tone(side, 0.9), side
            )
            return
        if self.kind == "bars":
            low = y - 0.03 - 0.002 * shiver
            canvas.box((x, low + 0.015, z), (0.8 * r, 0.015, 2.2 * r), side)
            return
        tall = r * (2.6 if self.kind == "conga" else 0.6 if self.kind == "snare" else 1.2)
        canvas.drum((x, max(0.0, y - tall), z), (x, y - 0.003 * shiver, z), r, side, tone(skin, 1 - 0.06 * abs(shiver)))
        canvas.drum(
            (x, y - 0.012, z),
            (x, y - 0.004 - 0.003 * shiver, z),
            1.03 * r,
            (170, 172, 178),
            tone(skin, 1 - 0.06 * abs(shiver)),
        )


def drum_strokes(setting: Setting) -> Plan:
    """One or two sticks play on one to four drums, bars or a cymbal."""
    rng = setting.rng
    family = setting.pick("kit", "kit", "conga", "bars", "barrel")
    count = int(rng.integers(1, 5)) if family != "bars" else int(rng.integers(4, 9))
    strokes = rhythm(rng, setting.duration_s, (0.13, 0.6), misses=0.1 if rng.random() < 0.25 else 0.0)
    chosen = rng.integers(0, count, len(strokes))
    radius = 0.16 if family != "bars" else 0.04
    step = 2.35 * radius if family != "bars" else 1.9 * radius
    drums = []
    for number in range(count):
        kind = setting.pick("tom", "snare", "tom", "cymbal") if family == "kit" else family
        bend = (number - (count - 1) / 2) / max(1, count)
        top = ((number - (count - 1) / 2) * step, 0.5 + (0.18 if kind == "cymbal" else 0.0), 0.4 * radius * abs(bend))
        own = tuple(s for s, c in zip(strokes, chosen, strict=True) if c == number)
        material = _DRUM_MATERIAL[kind]
        colours = (setting.colour() if kind != "cymbal" else (190, 160, 70), material_colour(setting, "skin"))
        if kind in ("bars", "barrel"):
            colours = (material_colour(setting, material), tone(material_colour(setting, material), 0.9))
        drums.append(
            _Struck(kind, top, radius * (1.1 if kind == "cymbal" else setting.between(0.85, 1.1)), colours, own)
        )
    hands = 2 if rng.random() < 0.75 else 1
    bare = family == "conga" and rng.random() < 0.5
    skin, wood, lift = setting.skin(), material_colour(setting, "wood"), setting.between(0.12, 0.35)
    down_s = setting.between(0.06, 0.12)
    away = 1.0 if rng.random() < 0.6 else -1.0
    sticks = []
    for hand in range(hands):
        mine = [(s, int(c)) for i, (s, c) in enumerate(zip(strokes, chosen, strict=True)) if i % hands == hand]
        height = strike_track([s for s, _ in mine], Tool(lift, down_s, setting.between(0.12, 0.35), False), rng)
        aside = 0.12 * radius * (hand * 2 - 1) * (hands - 1)
        spots = [(s.time_s, drums[c].top, aside) for s, c in mine]
        sticks.append(_Stick(height, *_routes(spots, drums[0].top), radius, hand * 2 - 1, away, skin, wood, bare))
    return _drum_plan(setting, family, drums, sticks, list(zip(strokes, chosen.tolist(), strict=True)), step)


def _drum_plan(
    setting: Setting,
    family: str,
    drums: list[_Struck],
    sticks: list["_Stick"],
    played: list[tuple[Stroke, int]],
    step: float,
) -> Plan:
    heard = [(stroke, number) for stroke, number in played if not stroke.miss]
    blows = tuple(
        Blow(s.time_s, s.strength, drums[c].top, "strike", _DRUM_MATERIAL[drums[c].kind], _drum_size(drums[c], c), c)
        for s, c in heard
    )
    name = {"kit": "drums", "conga": "congas", "bars": "wooden bars", "barrel": "a metal barrel"}[family]
    pace = pace_words([stroke.time_s for stroke, _ in heard])
    force = force_words([stroke.strength for stroke, _ in heard])
    tool = "mallets" if family == "bars" else "sticks"
    captions = (
        {"kit": "drumming", "conga": "conga drumming", "bars": "xylophone", "barrel": "banging on a barrel"}[family],
        f"Someone plays {name} with {tool}.",
        f"{tool.capitalize()} strike {name} {force} {{where}}, {pace}, close and without reverberation",
        f"percussion, {name}, {pace}",
        f"{force} beats on {name}",
    )
    wide = (len(drums) - 1) / 2 * step + 0.32
    return Plan(
        actors=(*(drum.draw for drum in drums), *(stick.draw for stick in sticks)),
        captions=captions,
        reach_m=max(0.5, 1.1 * wide),
        target=(0.0, 0.52, 0.0),
        pitches=(0.08, 0.5) if setting.rng.random() < 0.75 else (0.6, 1.2),
        blows=blows,
        labels=tuple(_DRUM_LABELS[drum.kind] for drum in drums),
        back_m=1.2,
    )


def _drum_size(drum: _Struck, number: int) -> float:
    base = {"tom": 0.5, "snare": 0.35, "conga": 0.45, "cymbal": 0.4, "bars": 0.2, "barrel": 0.7}[drum.kind]
    return min(1.0, base * (1.15 - 0.1 * number) * drum.radius / (0.16 if drum.kind != "bars" else 0.04))


def _routes(spots: list[tuple[float, Point, float]], first: Point) -> tuple[Track, Track, Track]:
    """Tracks of x, y and z that are at each spot from a moment before its time until a moment after it."""
    tracks = []
    for axis in range(3):
        value, free_s = first[axis], 0.0
        pieces: list[tuple[float, float, str]] = []
        for time_s, top, aside in spots:
            aim = top[axis] + (aside if axis == 0 else 0.0)
            begin = max(free_s, time_s - 0.3)
            arrive = max(begin + 1e-3, time_s - 0.02)
            pieces += [(begin, value, "line"), (arrive, aim, "smooth")]
            value, free_s = aim, time_s + 0.03
        tracks.append(Track(first[axis], pieces or [(0.1, first[axis], "line")]))
    return tracks[0], tracks[1], tracks[2]


@dataclass(frozen=True)
class _Stick:
    """A hand with a stick, or a bare hand, over the drums. height: of the tip above the drum; away: 1 where the player
    sits behind the drums, -1 before them."""

    height: Track
    x: Track
    y: Track
    z: Track
    radius: float
    side: int
    away: float
    skin: Colour
    wood: Colour
    bare: bool

    def draw(self, canvas: Canvas, time_s: float) -> None:
        up = self.height(time_s)
        tip = (self.x(time_s), self.y(time_s) + up + 0.008, self.z(time_s))
        grip = (tip[0] + 0.14 * self.side, self.y(time_s) + 0.06 + 0.45 * up, tip[2] + 0.3 * self.away)
        elbow = (grip[0] + 0.12 * self.side, grip[1] - 0.08, grip[2] + 0.3 * self.away)
        if self.bare:
            grip = (tip[0] + 0.04 * self.side, self.y(time_s) + 0.03 + 0.6 * up, tip[2] + 0.13 * self.away)
            canvas.limb(grip, tip, 0.03, 0.012, self.skin)
            canvas.limb(
                grip, (grip[0] + 0.1 * self.side, grip[1] - 0.02, grip[2] + 0.3 * self.away), 0.032, 0.045, self.skin
            )
            return
        canvas.limb(grip, tip, 0.009, 0.006, self.wood)
        canvas.disc(tip, 0.012 if self.radius > 0.1 else 0.018, tone(self.wood, 1.2))
        draw_fist(canvas, grip, 0.085, self.skin)
        canvas.limb(grip, elbow, 0.03, 0.045, self.skin)


def plucked_strings(setting: Setting) -> Plan:
    """A hand plucks the strings of a wooden instrument, which are seen to swing."""
    rng = setting.rng
    count = int(rng.integers(3, 7))
    apart = setting.between(0.012, 0.022)
    strokes = rhythm(rng, setting.duration_s, (0.16, 0.8), misses=0.06 if rng.random() < 0.3 else 0.0)
    chosen = [int(c) for c in rng.integers(0, count, len(strokes))]
    strings = _Strings(tuple(strokes), tuple(chosen), count, apart, material_colour(setting, "wood"))
    spots = [strings.rest(number) for number in chosen]
    hand = _Plucker(_pulls(strokes, spots, apart), setting.skin(), setting.colour())
    heard = [(stroke, number) for stroke, number in zip(strokes, chosen, strict=True) if not stroke.miss]
    blows = tuple(
        Blow(s.time_s, s.strength, (_PLUCKED_X, 0.02, strings.rest(c)), "pluck", "metal", 0.5 - 0.06 * c, c)
        for s, c in heard
    )
    pace = pace_words([stroke.time_s for stroke, _ in heard])
    force = force_words([stroke.strength for stroke, _ in heard])
    return Plan(
        actors=(strings.draw, hand.draw),
        captions=(
            "plucked strings",
            "A hand plucks the strings of a guitar.",
            f"Single strings are plucked {force} {{where}}, {pace}, each note ringing out",
            f"guitar notes, {pace}",
        ),
        reach_m=setting.between(0.2, 0.34),
        target=(0.02, 0.0, 0.0),
        pitches=(0.6, 1.35),
        blows=blows,
        labels=(("pluck", "guitar gstring", "guitar dstring", "guitar bstring", "bass string"),) * count,
        grounds=("cloth", "wood", "crop", "noise"),
        back_m=0.6,
    )


_PLUCKED_X = 0.09
_HALF_M = 0.33


def _pulls(strokes: list[Stroke], spots: list[float], apart: float) -> Track:
    """The finger's place across the strings: it comes up to its string, pulls it along, and lets it go fast."""
    value, free_s = (spots[0] if spots else 0.0) - 0.8 * apart, 0.0
    start = value
    pieces: list[tuple[float, float, str]] = []
    for stroke, spot in zip(strokes, spots, strict=True):
        begin = max(free_s, stroke.time_s - 0.25)
        touch = begin + 0.6 * (stroke.time_s - begin)
        pull = (0.12 + 0.2 * stroke.strength) * apart
        pieces += [(begin, value, "line"), (touch, spot - 0.35 * apart, "smooth")]
        aim = spot + (pull if not stroke.miss else -0.3 * apart)
        pieces.append((stroke.time_s, aim, "smooth"))
        free_s = stroke.time_s + 0.06
        value = spot + (0.8 * apart if not stroke.miss else -0.6 * apart)
        pieces.append((free_s, value, "stop"))
    return Track(start, pieces or [(0.1, start, "line")])


@dataclass(frozen=True)
class _Strings:
    strokes: tuple[Stroke, ...]
    chosen: tuple[int, ...]
    count: int
    apart: float
    wood: Colour

    def rest(self, number: int) -> float:
        return (number - (self.count - 1) / 2) * self.apart

    def swing(self, number: int, time_s: float) -> tuple[float, float]:
        """Deflection of a string (m) and the width of its swing."""
        total = wide = 0.0
        rate = 90.0 * 2 ** (number * 5 / 12)
        for stroke, string in zip(self.strokes, self.chosen, strict=True):
            since = time_s - stroke.time_s
            if string != number or stroke.miss:
                continue
            size = (0.12 + 0.2 * stroke.strength) * self.apart
            if -0.1 < since < 0:
                total += size * (1 + since / 0.1)
            elif since >= 0:
                wide = size * 1.3 * math.exp(-since / 0.5)
                total = wide * math.cos(2 * math.pi * rate * since)
        return total, wide

    def draw(self, canvas: Canvas, time_s: float) -> None:
        half = 0.5 * self.count * self.apart
        canvas = canvas.whole((0.0, 0.0, 0.0), GROUND)
        outline = []
        for turn in np.linspace(0, 2 * math.pi, 40, endpoint=False).tolist():
            waist = 1 - 0.22 * math.exp(-((math.cos(turn) + 0.1) ** 2) / 0.06)
            outline.append((-0.04 + 0.42 * math.cos(turn), 0.0, 4.6 * half * waist * math.sin(turn)))
        canvas.patch([(x, -0.05, 1.03 * z) for x, _, z in outline], tone(self.wood, 0.55), layer=1)
        canvas.patch(outline, self.wood, layer=1)
        hole = [(0.0 + 1.5 * half * math.cos(a * 0.2618), 0.001, 1.5 * half * math.sin(a * 0.2618)) for a in range(24)]
        canvas.patch(hole, (26, 18, 14), layer=1)
        canvas.box((0.24, 0.005, 0), (0.012, 0.008, 1.5 * half), tone(self.wood, 0.5))
        for number in range(self.count):
            z = self.rest(number)
            moved, wide = self.swing(number, time_s)
            shape = [
                (x, math.cos(math.pi * x / (2 * _HALF_M)))
                for x in (-0.33, -0.25, -0.15, -0.05, 0.0, 0.05, 0.12, 0.2, 0.28, 0.33)
            ]
            if wide > 0.0004:
                blur = [(x, 0.014, z + wide * s) for x, s in shape] + [(x, 0.014, z - wide * s) for x, s in shape[::-1]]
                canvas.patch(blur, (225, 222, 210), share=0.3)
            line = [(x, 0.015, z + moved * s) for x, s in shape]
            canvas.line(line, 0.0018 - 0.00015 * number, (228, 222, 200))


@dataclass(frozen=True)
class _Plucker:
    across: Track
    skin: Colour
    sleeve: Colour

    def draw(self, canvas: Canvas, time_s: float) -> None:
        z = self.across(time_s)
        tip = (_PLUCKED_X, 0.016, z)
        canvas.limb((tip[0] + 0.028, 0.05, z - 0.025), tip, 0.0085, 0.0065, self.skin)
        for finger in range(1, 4):
            end = (tip[0] + 0.017 * finger, 0.03, z - 0.016 - 0.004 * finger)
            canvas.limb(
                (tip[0] + 0.03 + 0.014 * finger, 0.055, z - 0.045),
                end,
                0.009,
                0.0075,
                tone(self.skin, 1 - 0.05 * finger),
            )
        canvas.limb((tip[0] + 0.035, 0.056, z - 0.035), (tip[0] + 0.075, 0.058, z - 0.055), 0.022, 0.026, self.skin)
        wrist = (tip[0] + 0.075, 0.06, z - 0.07)
        canvas.limb(wrist, (tip[0] + 0.17, 0.08, z - 0.3), 0.025, 0.034, self.skin)
        canvas.limb((tip[0] + 0.13, 0.075, z - 0.2), (tip[0] + 0.2, 0.09, z - 0.4), 0.038, 0.045, self.sleeve)
