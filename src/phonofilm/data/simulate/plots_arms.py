"""Plots of arms seen close by: quick strokes of many kinds, jolts of heads and pistols, gestures that strike nothing.

In real films what strikes is large, fast, bent at elbow and wrist, clothed, and part of a body that moves as well.
"""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.bodies import added, bent, draw_fist
from phonofilm.data.simulate.canvas import Canvas, Levels, tone, turned
from phonofilm.data.simulate.moves import Stroke, Track, Wobble, rhythm, tremble, wobble
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Actor, Blow, Plan, Setting, force_words, material_colour, pace_words
from phonofilm.data.simulate.textures import Colour, ball_picture, levels_of
from phonofilm.types import ByteArray

STRUCK = {
    "wood": ("a wooden box", ("wood slap", "hits materials wood wood hit")),
    "metal": ("a metal pipe", ("metal hit", "metal strike", "clang")),
    "plastic": ("a plastic tub", ("plastic hit", "water bottle hit")),
    "cloth": ("a punch bag", ("hits soft hit", "thud", "thump")),
    "skin": ("a drum", ("drum low", "hand drum")),
    "stone": ("a stone block", ("stone", "hits materials rock rock hit")),
    "food": ("a piece of meat", ("hits soft hit", "thump")),
}
_ENDS = ("rebounds", "sticks", "gives", "passes")
"""What a tool does at the contact: fly back, stop dead, press on, or go through."""


@dataclass(frozen=True)
class Swing:
    """lift (m) and down_s: height and length of the strongest stroke; push: "throw", "fall" or "snap", the later the
    faster; end: one of _ENDS; back: how far it flies back, as a share of the height."""

    lift: float
    down_s: float
    push: str
    end: str
    back: float


def swing_track(strokes: list[Stroke], swing: Swing, rng: np.random.Generator) -> Track:
    """Height over the contact: hands rise smoothly, hesitate, feint, and come down ever faster; 0 at each contact."""
    pieces: list[tuple[float, float, str]] = []
    now_s, height = 0.0, swing.lift * float(rng.uniform(0.1, 1.0))
    start = height
    for number, stroke in enumerate(strokes):
        free_s = stroke.time_s - now_s
        top = swing.lift * (0.3 + 0.7 * stroke.strength) * float(rng.uniform(0.8, 1.2))
        down_s = min(swing.down_s * float(rng.uniform(0.8, 1.3)), 0.45 * free_s)
        up_s = min(float(rng.uniform(0.1, 0.5)), 0.8 * (free_s - down_s))
        pause_s = min(float(rng.choice([0.0, 0.0, 0.1, 0.3])), 0.4 * (free_s - down_s - up_s))
        begin_s = stroke.time_s - down_s - pause_s - up_s
        pieces += _between(now_s, begin_s, height, swing, rng)
        pieces += [(begin_s + up_s, top, "smooth"), (begin_s + up_s + pause_s, top, "line")]
        low = top * float(rng.uniform(0.1, 0.5)) if stroke.miss else 0.0
        pieces.append((stroke.time_s, low, "smooth" if stroke.miss else swing.push))
        after_s = strokes[number + 1].time_s - stroke.time_s if number + 1 < len(strokes) else 1.0
        ends = [(stroke.time_s, low, "line")] if stroke.miss else _ending(stroke.time_s, top, after_s, swing, rng)
        pieces += ends
        now_s, height = ends[-1][0], ends[-1][1]
    return Track(start, [*pieces, (now_s + 0.5, 0.5 * swing.lift, "smooth")])


def _between(
    now_s: float, until_s: float, height: float, swing: Swing, rng: np.random.Generator
) -> list[tuple[float, float, str]]:
    """Waiting for the next stroke: at rest, or with feints that turn round or stop in the air. Ends at `height`."""
    pieces: list[tuple[float, float, str]] = []
    if until_s - now_s > 0.5 and rng.random() < 0.4:
        count = int(rng.integers(1, 1 + max(1, min(4, int((until_s - now_s) / 0.25)))))
        times_s = np.linspace(now_s, until_s, 2 * count + 1)
        for share in range(1, 2 * count):
            away = abs(height) + swing.lift * float(rng.uniform(0.05, 0.6))
            pieces.append((float(times_s[share]), away, "smooth"))
        return [*pieces, (until_s, height, "smooth")]
    return [(until_s, height, "line")]


def _ending(
    time_s: float, top: float, after_s: float, swing: Swing, rng: np.random.Generator
) -> list[tuple[float, float, str]]:
    """What follows a contact."""
    short_s = min(float(rng.uniform(0.05, 0.16)), 0.3 * after_s)
    back = swing.back * top * float(rng.uniform(0.7, 1.3))
    if swing.end == "rebounds":
        return [(time_s + short_s, back, "stop")]
    if swing.end == "sticks":
        return [(time_s + min(float(rng.uniform(0.05, 0.4)), 0.4 * after_s), 0.0, "line")]
    if swing.end == "gives":
        deep = -float(rng.uniform(0.03, 0.15)) * top
        return [(time_s + 0.5 * short_s, deep, "stop"), (time_s + 1.5 * short_s, 0.2 * back, "smooth")]
    far = -float(rng.uniform(0.3, 0.9)) * top
    return [(time_s + 1.2 * short_s, far, "stop"), (time_s + min(4 * short_s, 0.6 * after_s), 0.1 * top, "smooth")]


@dataclass(frozen=True)
class _Arm:
    """An arm whose tool comes down on `spot` when `height` is 0, turned by `turn` (0: downwards).

    side: 1 where the shoulder is on the right. tool_m: length of what it holds. lean, swivel: slope of the tool at the
    contact, and how much it turns per metre of height; carry: how much the wrist rises with it.
    """

    height: Track
    spot: Point
    turn: float
    side: float
    tool_m: float
    thick_m: float
    lean: float
    swivel: float
    carry: float
    body: tuple[Wobble, Wobble]
    follow: float
    colours: tuple[Colour, Colour, Colour]
    sleeve: Levels

    def _place(self, across: float, up: float, away: float = 0.0) -> Point:
        c, s = math.cos(self.turn), math.sin(self.turn)
        across *= self.side
        return self.spot[0] + c * across - s * up, self.spot[1] + s * across + c * up, self.spot[2] + away

    def draw(self, canvas: Canvas, time_s: float) -> None:
        high, long = self.height(time_s), self.tool_m
        tool, skin, shirt = self.colours
        rest = (long * math.cos(self.lean), long * math.sin(self.lean))
        angle = self.lean + self.swivel * high
        wrist = (rest[0], rest[1] + self.carry * high)
        tip = (wrist[0] - long * math.cos(angle), wrist[1] - long * math.sin(angle) + (1 - self.carry) * high)
        dx, dy = self.body[0](time_s), self.body[1](time_s)
        arm_m = 0.3
        shoulder = (rest[0] + 0.42 + dx, 0.2 + dy + self.follow * high)
        joint, hand = bent(self._place(*shoulder), self._place(*wrist), arm_m, arm_m, -self.side)
        canvas.limb(self._place(*tip), self._place(*wrist), self.thick_m, 0.8 * self.thick_m, tool)
        draw_fist(canvas, self._place(*wrist, -0.01), 0.09, skin)
        canvas.limb(hand, joint, 0.03, 0.045, skin)
        self._cloth(canvas, joint, self._place(*shoulder), 0.055, shirt)
        corner = self._place(shoulder[0] - 0.08, shoulder[1] + 0.12, 0.06)
        low = self._place(shoulder[0] + 0.5, shoulder[1] - 0.7, 0.06)
        canvas.sheet([corner, (low[0], corner[1], corner[2]), low, (corner[0], low[1], low[2])], self.sleeve)

    def _cloth(self, canvas: Canvas, start: Point, end: Point, half: float, shirt: Colour) -> None:
        """A sleeve with a texture, between two round ends."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        long = max(1e-6, math.hypot(dx, dy))
        nx, ny = -dy / long * half, dx / long * half
        canvas.limb(start, end, 0.9 * half, half, shirt)
        near = -0.012
        canvas.sheet([added(start, (nx, ny, near)), added(end, (nx, ny, near)), added(end, (-nx, -ny, near)),
                      added(start, (-nx, -ny, near))], self.sleeve)  # fmt: skip


@dataclass(frozen=True)
class _Target:
    """What is struck; it gives way and swings. size: half its width (m); give: how far; rate_hz: how fast."""

    spot: Point
    turn: float
    size: float
    shape: str
    colour: Colour
    skin: Levels
    strokes: tuple[Stroke, ...]
    give: float
    rate_hz: float

    def draw(self, canvas: Canvas, time_s: float) -> None:
        away = self.give * tremble(time_s, self.strokes, self.rate_hz, 0.8 / self.rate_hz)
        c, s = math.cos(self.turn), math.sin(self.turn)
        x, y, z = self.spot[0] + s * (self.size + away), self.spot[1] - c * (self.size + away), self.spot[2]
        if self.shape == "box":
            canvas.box((x, y, z), (self.size, self.size, 0.7 * self.size), self.colour, turned(roll=self.turn))
        elif self.shape == "disc":
            canvas.disc((x, y, z), self.size, self.colour)
            canvas.disc((x - 0.2 * self.size, y + 0.2 * self.size, z - 0.01), 0.5 * self.size, tone(self.colour, 1.2))
        else:
            half = self.size
            canvas.sheet([(x - half, y + half, z), (x + half, y + half, z), (x + half, y - half, z),
                          (x - half, y - half, z)], self.skin)  # fmt: skip


def _drawn_arm(setting: Setting, height: Track, spot: Point, turn: float, side: float) -> _Arm:
    colours = (material_colour(setting, setting.pick("wood", "metal", "plastic")), setting.skin(), setting.colour())
    size = setting.between(0.0, 0.05)
    body = (wobble(setting.rng, size, (0.2, 1.4)), wobble(setting.rng, 0.6 * size, (0.2, 1.4)))
    sleeve = levels_of(setting.textures.surface(setting.pick("crop", "cloth", "noise"), setting.rng))
    follow = setting.between(0, 0.25)
    return _Arm(
        height,
        spot,
        turn,
        side,
        setting.between(0.03, 0.45),
        setting.between(0.008, 0.04),
        setting.between(-0.3, 0.9),
        setting.between(0, 2.5),
        setting.between(0.2, 1.0),
        body,
        follow,
        colours,
        sleeve,
    )


def _drawn_swing(setting: Setting) -> Swing:
    end = setting.pick(*_ENDS)
    push = setting.pick("throw", "fall", "snap")
    return Swing(setting.between(0.08, 0.5), setting.between(0.05, 0.16), push, end, setting.between(0.1, 0.8))


def _turn(setting: Setting) -> float:
    """Mostly down, else aslant or sideways; hardly anything is struck from below."""
    return 0.0 if setting.rng.random() < 0.7 else setting.between(-1.7, 1.7)


def arm_strokes(setting: Setting) -> Plan:
    """One or two arms strike something with a tool or a fist, seen so close that they fill the picture."""
    rng = setting.rng
    strokes = rhythm(rng, setting.duration_s, (0.11, 0.8), misses=0.25 if rng.random() < 0.5 else 0.0)
    material = setting.pick(*STRUCK)
    words, labels = STRUCK[material]
    hands = 2 if rng.random() < 0.35 else 1
    turn = _turn(setting) if hands == 1 else 0.0
    swing, side = _drawn_swing(setting), float(rng.choice([-1, 1]))
    actors: list[Actor] = []
    blows: list[Blow] = []
    apart = setting.between(0.08, 0.35) if hands == 2 else 0.0
    size = setting.between(0.06, 0.3)
    shape = setting.pick("box", "disc", "sheet")
    give, rate_hz = setting.between(0, 0.05), setting.between(1.5, 14)
    for hand in range(hands):
        mine = strokes[hand::hands]
        lean = side if hand == 0 else -side
        spot = (0.5 * apart * lean, 0.4, 0.02 * hand)
        heard = tuple(stroke for stroke in mine if not stroke.miss)
        actors.append(_drawn_arm(setting, swing_track(mine, swing, rng), spot, turn, lean).draw)
        skin = levels_of(setting.textures.surface("crop", rng))
        target = _Target(spot, turn, size, shape, material_colour(setting, material), skin, heard, give, rate_hz)
        actors.append(target.draw)
        blows += [Blow(s.time_s, s.strength, spot, "strike", material, min(1.0, 2 * size), hand) for s in heard]
    blows.sort(key=lambda blow: blow.time_s)
    pace = pace_words([blow.time_s for blow in blows])
    return Plan(
        actors=tuple(actors),
        captions=(
            f"hitting {words}",
            f"Someone hits {words} {force_words([blow.strength for blow in blows])}.",
            f"An arm comes down on {words} {{where}}, {pace}, close and dry",
            f"blows on {material}, {pace}",
        ),
        reach_m=setting.between(0.18, 0.5),
        target=(0.15 * side, 0.45, 0.0),
        pitches=(-0.1, 0.5) if rng.random() < 0.75 else (0.6, 1.2),
        blows=tuple(blows),
        labels=(labels,) * hands,
        back_m=setting.between(0.3, 1.2),
    )


def silent_arms(setting: Setting) -> Plan:
    """Arms that move as quickly as if they struck, turn round and stop, and touch nothing."""
    rng = setting.rng
    actors: list[Actor] = []
    for hand in range(2 if rng.random() < 0.5 else 1):
        strokes = rhythm(rng, setting.duration_s, (0.14, 0.9), misses=1.1)
        track = swing_track(strokes, _drawn_swing(setting), rng)
        side = -1.0 if hand else 1.0
        spot = (-0.15 * side, 0.35 + setting.between(-0.1, 0.1), 0.02 * hand)
        actors.append(_drawn_arm(setting, track, spot, setting.between(-1.2, 1.2), side).draw)
    words = "arms move quickly in the air and touch nothing"
    return Plan(
        actors=tuple(actors),
        captions=("silence", "It is quiet; arms move without a sound.", "a quiet room", "no sound of anything"),
        reach_m=setting.between(0.25, 0.6),
        target=(0.1, 0.45, 0.0),
        pitches=(-0.1, 0.5),
        silent=(words,),
        grounds=(),
        back_m=setting.between(0.3, 1.2),
    )


OUT_S, BACK_S = (0.035, 0.1), (0.06, 0.3)
"""How long a head that barks or a pistol that recoils flies out, and back."""
_HEARD_SHARE = 0.4
"""A jolt is heard when this share of the way out is over."""


@dataclass(frozen=True)
class _Jolting:
    """A head or a pistol that jolts along `way` at each instant; it looks about and breathes between."""

    starts_s: tuple[float, ...]
    sizes: tuple[float, ...]
    out_s: float
    back_s: float
    way: tuple[float, float]
    look: tuple[Track, Track]
    breath: Wobble
    size: float
    opens: bool
    flash: bool
    colours: tuple[Colour, Colour]
    skin: Levels

    def out(self, time_s: float) -> float:
        """0 at rest to about 1."""
        total = 0.0
        for start_s, size in zip(self.starts_s, self.sizes, strict=True):
            since_s = time_s - start_s
            if 0 <= since_s < self.out_s + self.back_s:
                rising = min(1.0, since_s / self.out_s)
                falling = min(1.0, max(0.0, since_s - self.out_s) / self.back_s)
                total += size * 0.5 * (math.cos(math.pi * falling) - math.cos(math.pi * rising))
        return total

    def draw(self, canvas: Canvas, time_s: float) -> None:
        out, late = self.out(time_s), self.out(time_s - 0.03)
        x = self.look[0](time_s) + self.way[0] * out
        y = 0.4 + self.look[1](time_s) + self.way[1] * out
        fur, dark = self.colours
        trunk = (0.5 * self.look[0](time_s) + 0.3 * self.way[0] * late, 0.1 + self.breath(time_s), 0.05)
        canvas.limb((x, y, 0.04), trunk, 0.7 * self.size, 1.1 * self.size, fur)
        canvas.ball((x, y, 0.0), self.size, self.skin, 0.3 * out)
        canvas.disc((x - 0.3 * self.size, y + 0.3 * self.size, -0.01), 0.09 * self.size, dark)
        if self.opens:
            gap = 0.05 + 0.3 * min(1.0, abs(out))
            canvas.limb((x, y - 0.25 * self.size, -0.02), (x, y - (0.25 + gap) * self.size, -0.02),
                        0.25 * self.size, 0.2 * self.size, dark)  # fmt: skip
        if self.flash and any(0 <= time_s - start_s - _HEARD_SHARE * self.out_s < 0.04 for start_s in self.starts_s):
            canvas.glow((x - 1.5 * self.size, y, -0.05), 2.5 * self.size, (255, 220, 150))


def jolts(setting: Setting) -> Plan:
    """A dog barks or a pistol fires: something flies out of rest and back, and is heard as it starts."""
    rng = setting.rng
    barks = bool(rng.random() < 0.6)
    starts_s = tuple(stroke.time_s for stroke in rhythm(rng, setting.duration_s - 0.4, (0.22, 1.2)))
    out_s, back_s = setting.between(*OUT_S), setting.between(*BACK_S)
    sizes = tuple(rng.uniform(0.6, 1.1, len(starts_s)).tolist())
    turn, far = setting.between(0, 2 * math.pi), setting.between(0.02, 0.15)
    size = setting.between(0.07, 0.2)
    crop = setting.textures.crop(rng)
    jolting = _Jolting(
        starts_s,
        sizes,
        out_s,
        back_s,
        (far * math.cos(turn), far * math.sin(turn)),
        (_looks(setting, 0.12), _looks(setting, 0.06)),
        wobble(rng, 0.01, (0.3, 0.8)),
        size,
        barks and bool(rng.random() < 0.7),
        not barks and bool(rng.random() < 0.5),
        (setting.colour(), (20, 16, 16)),
        _skin(setting, crop),
    )
    blows = tuple(
        Blow(start_s + _HEARD_SHARE * out_s, min(1.0, 0.8 * own), (0.0, 0.4, 0.0), "burst", "air", 0.2, 0)
        for start_s, own in zip(starts_s, sizes, strict=True)
        if start_s > 0
    )
    pace = pace_words(starts_s)
    words = ("a dog barking", "A dog barks") if barks else ("a pistol firing", "A pistol is fired")
    return Plan(
        actors=(jolting.draw,),
        captions=(words[0], f"{words[1]}.", f"{words[1]} {{where}}, {pace}, close by", f"{words[0]}, {pace}"),
        reach_m=setting.between(0.2, 0.6),
        target=(0.0, 0.35, 0.0),
        pitches=(-0.1, 0.3),
        blows=blows,
        labels=(("dog bark", "dog") if barks else ("gunshot", "pistol", "gun shot"),),
        back_m=setting.between(0.3, 1.2),
    )


def _looks(setting: Setting, size: float) -> Track:
    """Turns of a head: it rests, moves on smoothly, rests; sometimes quickly."""
    now_s, value = 0.0, 0.0
    pieces: list[tuple[float, float, str]] = []
    while now_s < setting.duration_s:
        rest_s, move_s = setting.between(0.1, 1.5), setting.between(0.15, 0.8)
        following = setting.between(-size, size)
        pieces += [(now_s + rest_s, value, "line"), (now_s + rest_s + move_s, following, "smooth")]
        now_s, value = now_s + rest_s + move_s, following
    return Track(0.0, pieces)


def _skin(setting: Setting, crop: ByteArray) -> Levels:
    return levels_of(ball_picture(setting.rng, setting.colour(), "skin", crop))
