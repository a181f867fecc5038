"""Plots of hands and tools: hammer, knife, knuckles on a door, clapping."""

import math
from dataclasses import dataclass

from phonofilm.data.simulate.bodies import added, draw_fist, draw_hand
from phonofilm.data.simulate.canvas import Canvas, Levels, tone, turned
from phonofilm.data.simulate.moves import Stroke, Tool, Track, rhythm, strike_track, tremble
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
from phonofilm.data.simulate.textures import Colour, levels_of

HAMMERED = {
    "nail": ("wood", "a nail into a wooden board", ("bang wood on metal", "hits materials wood wood hit")),
    "anvil": ("metal", "a metal anvil", ("metal strike", "clang", "metal hit", "rail hit")),
    "stone": ("stone", "a block of stone", ("pickaxe on stone", "stone", "hits materials rock rock hit")),
    "plank": ("wood", "a wooden plank", ("wood slap", "hits materials wood wood hit", "bang wood on metal")),
    "bell": ("metal", "a bell", ("bell", "iron bell", "temple bell")),
}


@dataclass(frozen=True)
class _Hammer:
    """A hammer that turns about a wrist. turn: which way it strikes, 0 down, -pi / 2 to the right, pi upwards."""

    angle: Track
    spot: Point
    long_m: float
    turn: float
    colours: tuple[Colour, Colour, Colour, Colour]
    strokes: tuple[Stroke, ...]

    def place(self, across: float, up: float) -> Point:
        """A point given in the hammer's own frame, in which it strikes downwards on (0, 0)."""
        c, s = math.cos(self.turn), math.sin(self.turn)
        return self.spot[0] + c * across - s * up, self.spot[1] + s * across + c * up, self.spot[2]

    def draw(self, canvas: Canvas, time_s: float) -> None:
        angle, long = self.angle(time_s), self.long_m
        head, handle, skin, sleeve = self.colours
        # The wrist rises with the hammer and lies level with the head at the contact.
        rise = 0.35 * long * math.sin(angle)
        wx, wy = long, 0.16 * long + rise
        c, s = math.cos(math.pi - angle), math.sin(math.pi - angle)
        hx, hy = wx + long * c, wy + long * s
        face = (-s * 0.16 * long, c * 0.16 * long)
        canvas.limb(self.place(wx, wy), self.place(hx, hy), 0.035 * long, 0.03 * long, handle)
        top, low = self.place(hx - face[0], hy - face[1]), self.place(hx + face[0], hy + face[1])
        canvas.drum(low, top, 0.085 * long, head, tone(head, 1.2))
        draw_fist(canvas, self.place(wx, wy), 0.24 * long, skin)
        elbow = self.place(wx + 1.1 * long, wy - 0.25 * long + 0.4 * rise)
        canvas.limb(self.place(wx + 0.06 * long, wy), elbow, 0.085 * long, 0.14 * long, skin)
        canvas.limb(self.place(wx + 0.6 * long, wy - 0.12 * long + 0.2 * rise), elbow, 0.14 * long, 0.18 * long, sleeve)


def hammer(setting: Setting) -> Plan:
    """A hand swings a hammer down, sideways or upwards on a nail, an anvil, a stone, a plank or a bell."""
    rng = setting.rng
    thing = setting.pick(*HAMMERED)
    material, words, labels = HAMMERED[thing]
    long = setting.between(0.22, 0.4)
    strokes = rhythm(rng, setting.duration_s, (0.28, 0.9), misses=0.12 if rng.random() < 0.4 else 0.0)
    lift = setting.between(0.5, 1.3)
    angle = strike_track(strokes, Tool(lift, setting.between(0.09, 0.17), setting.between(0.05, 0.25), False), rng)
    turn = 0.0 if rng.random() < 0.6 or thing == "nail" else setting.pick_number(-math.pi / 2, math.pi / 2, math.pi)
    high = {"nail": 0.16, "anvil": 0.55, "stone": 0.5, "plank": 0.2, "bell": 0.7}[thing] * long
    spot = (0.0, high if turn == 0 else 1.6 * long, 0.0)
    colours = (tone(setting.colour(70, 120), 1), material_colour(setting, "wood"), setting.skin(), setting.colour())
    tool = _Hammer(angle, spot, long, turn, colours, tuple(strokes))
    target = _Struck(thing, spot, high, long, turn, material_colour(setting, material), tuple(strokes))
    heard = [stroke for stroke in strokes if not stroke.miss]
    size = setting.between(0.25, 0.7)
    blows = tuple(Blow(s.time_s, s.strength, spot, "strike", material, size, 0) for s in heard)
    pace = pace_words([stroke.time_s for stroke in heard])
    captions = (
        "hammering",
        f"Someone hits {words} with a hammer {times_words(len(heard))}.",
        f"A hammer strikes {words} {force_words([s.strength for s in heard])} {{where}}, {pace}, in a workshop",
        f"hammer blows on {material}, {pace}, close and dry",
        f"the knock of a hammer on {words}",
    )
    return Plan(
        actors=(tool.draw, target.draw),
        captions=captions,
        reach_m=1.5 * long,
        target=(0.35 * long * math.cos(turn), spot[1] + 0.35 * long * (1 if turn == 0 else 0.1), 0.0),
        pitches=(0.02, 0.6) if rng.random() < 0.8 else (0.6, 1.0),
        blows=blows,
        labels=(labels,),
        back_m=2.5 * long,
    )


@dataclass(frozen=True)
class _Struck:
    """What a hammer hits; it gives way a little and swings back."""

    thing: str
    spot: Point
    high: float
    long_m: float
    turn: float
    colour: Colour
    strokes: tuple[Stroke, ...]

    def draw(self, canvas: Canvas, time_s: float) -> None:
        give = tremble(time_s, self.strokes, 11.0, 0.07) * 0.02 * self.long_m
        if self.turn == 0:
            canvas.shadow((0.0, 0.0, 0.0), 0.6 * self.long_m, 0.4)
        dx, dy = math.sin(self.turn) * give, -math.cos(self.turn) * give
        shape = {
            "nail": (0.8, 0.06),
            "plank": (0.9, 0.1),
            "anvil": (0.35, 0.12),
            "stone": (0.4, 0.25),
            "bell": (0.0, 0.0),
        }
        wide, thick = (part * self.long_m for part in shape[self.thing])
        if self.thing == "bell":
            self._bell(canvas, dx, dy)
            return
        sunk = 0.0
        if self.thing == "nail":
            done = sum(s.strength for s in self.strokes if s.time_s <= time_s and not s.miss)
            whole = sum(s.strength for s in self.strokes if not s.miss) or 1.0
            sunk = self.high * (0.15 + 0.5 * done / whole)
            # The nail's head stays where the blows are told to be; the board comes up towards it.
            canvas.limb(
                added(self.spot, (0, dy - 0.01, 0)),
                (0, sunk * 0.9, 0),
                0.012 * self.long_m,
                0.012 * self.long_m,
                (150, 150, 158),
            )
            canvas.box((0, sunk * 0.5, 0), (wide, 0.5 * sunk, 0.3 * self.long_m), self.colour)
            return
        depth = min(self.high, 2 * thick) / 2 if self.turn == 0 else thick
        c, s = math.cos(self.turn), math.sin(self.turn)
        middle = (self.spot[0] + s * depth + dx, self.spot[1] - c * depth + dy, 0.0)
        canvas.box(middle, (wide, depth, 0.3 * self.long_m), self.colour, turned(roll=self.turn))
        if self.thing == "anvil" and self.turn == 0:
            foot = max(0.01, self.high - 2 * depth)
            canvas.box((0, 0.5 * foot, 0), (0.6 * wide, 0.5 * foot, 0.2 * self.long_m), tone(self.colour, 0.7))

    def _bell(self, canvas: Canvas, dx: float, dy: float) -> None:
        size = 0.32 * self.long_m
        c, s = math.cos(self.turn), math.sin(self.turn)
        middle = (self.spot[0] + s * size + 2 * dx, self.spot[1] - c * size + 2 * dy, 0.0)
        canvas.disc(middle, size, self.colour)
        canvas.disc(added(middle, (-0.25 * size, 0.25 * size, -0.5 * size)), 0.35 * size, tone(self.colour, 1.35))


_FOOD_END = 0.45
"""Where on the board the last cut is made, in lengths of the knife."""
FOODS = ("carrot", "cucumber", "onion", "bread")
_FOOD_COLOURS: dict[str, Colour] = {
    "carrot": (226, 120, 40),
    "cucumber": (80, 140, 60),
    "onion": (228, 200, 190),
    "bread": (200, 150, 90),
}


def chopping(setting: Setting) -> Plan:
    """A knife goes up and down through food on a board, moving along it."""
    rng = setting.rng
    food = setting.pick(*FOODS)
    long = setting.between(0.18, 0.3)
    strokes = rhythm(rng, setting.duration_s, (0.16, 0.7), misses=0.08 if rng.random() < 0.3 else 0.0)
    lift = setting.between(0.2, 0.5) * long
    height = strike_track(strokes, Tool(lift, setting.between(0.06, 0.13), setting.between(0.0, 0.12), False), rng)
    board = setting.pick("wood", "plastic")
    begin, end = -0.45, _FOOD_END
    steps = [(stroke.time_s + 0.06, begin + (end - begin) * (i + 1) / len(strokes)) for i, stroke in enumerate(strokes)]
    slide = _stair(begin, steps)
    heard = [stroke for stroke in strokes if not stroke.miss]
    top = 0.02 * long + 0.02
    turn = setting.between(0.1, 1.2)
    knife = _Knife(height, slide, long, top, turn, setting.skin(), _FOOD_COLOURS[food], material_colour(setting, board))
    blows = tuple(
        Blow(
            s.time_s,
            s.strength,
            knife.spot(0.05, slide(s.time_s), top),
            "chop",
            "food" if food != "onion" else board,
            0.25,
            0,
        )
        for s in heard
    )
    pitch = setting.pick("side", "aslant", "above")
    return Plan(
        actors=(knife.draw,),
        captions=_chop_captions(food, board, heard),
        reach_m=1.15 * long,
        target=(0.1 * long, 0.15 * long, -0.1 * long),
        pitches={"side": SIDE, "aslant": ASLANT, "above": ABOVE}[pitch],
        blows=blows,
        labels=(("chopping", "knife", "cabbage", "lettuce"),),
        grounds=("wood", "stone", "tiles", "metal"),
        back_m=1.8 * long,
    )


def _chop_captions(food: str, board: str, heard: list[Stroke]) -> tuple[str, ...]:
    pace, force = pace_words([stroke.time_s for stroke in heard]), force_words([stroke.strength for stroke in heard])
    return (
        f"chopping a {food}" if food != "bread" else "cutting bread",
        f"A knife chops {food} on a {'wooden' if board == 'wood' else 'plastic'} board.",
        f"A kitchen knife cuts {food} {pace} {{where}}, the blade knocking on the {board} board each time",
        f"chopping, kitchen knife on a {board} board, {force}",
        f"{times_words(len(heard))} a knife comes down on a cutting board",
    )


def _stair(start: float, steps: list[tuple[float, float]]) -> Track:
    """A track that rests, and moves on for a tenth of a second at each step (time_s, value)."""
    pieces: list[tuple[float, float, str]] = []
    value, free_s = start, 0.0
    for at, following in steps:
        begin = max(at, free_s)
        pieces += [(begin, value, "line"), (begin + 0.1, following, "smooth")]
        value, free_s = following, begin + 0.1
    return Track(start, pieces)


@dataclass(frozen=True)
class _Knife:
    """A knife, its food and its board, told by ways forward (heel to tip of the blade), aside (along the food) and up.

    turn: angle of the blade to the picture (radians).
    """

    height: Track
    slide: Track
    long_m: float
    top: float
    turn: float
    skin: Colour
    food: Colour
    board: Colour

    def spot(self, forward: float, aside: float, up: float) -> Point:
        """A point of the world; forward and aside in lengths of the knife, up in metres."""
        c, s = math.cos(self.turn) * self.long_m, math.sin(self.turn) * self.long_m
        return -c * forward + s * aside, up, s * forward + c * aside

    def draw(self, canvas: Canvas, time_s: float) -> None:
        long, place = self.long_m, self.slide(time_s)
        flat = turned(yaw=self.turn - math.pi / 2)
        canvas.box((0, 0.5 * self.top, 0), (0.9 * long, 0.5 * self.top, 0.6 * long), self.board, flat)
        self._draw_food(canvas, place)
        self._draw_blade(canvas, place, self.height(time_s))
        if place < 0.28:
            holder = self.spot(0.02, place + 0.27, self.top + 0.18 * long)
            draw_fist(canvas, holder, 0.2 * long, self.skin)
            canvas.limb(
                holder, self.spot(-0.75, place + 0.8, self.top + 0.5 * long), 0.085 * long, 0.13 * long, self.skin
            )

    def _draw_food(self, canvas: Canvas, place: float) -> None:
        thick = 0.09 * self.long_m
        if place < _FOOD_END:
            start, end = self.spot(0.05, place + 0.06, self.top + thick), self.spot(0.05, 0.7, self.top + thick)
            canvas.limb(start, end, thick, 0.85 * thick, self.food)
        for number in range(int((place + 0.45) / 0.07)):
            aside = -0.5 + 0.07 * number
            lean = 0.03 * math.sin(9.0 * number)
            low = self.spot(0.05 + lean, aside, self.top + 0.8 * thick)
            high = self.spot(0.05 + lean, aside + 0.025, self.top + 0.9 * thick)
            canvas.drum(low, high, 0.85 * thick, tone(self.food, 0.8), tone(self.food, 1.2))

    def _draw_blade(self, canvas: Canvas, place: float, up: float) -> None:
        long = self.long_m
        edge, back = self.top + up, self.top + up + 0.15 * long
        corners = [
            self.spot(0.48, place, edge + 0.04 * long + 0.25 * up),
            self.spot(0.3, place, edge + 0.1 * up),
            self.spot(-0.25, place, edge),
            self.spot(-0.25, place, back),
            self.spot(0.3, place, back + 0.1 * up),
        ]
        canvas.patch(corners, (206, 210, 216))
        canvas.line(corners[:3], 0.008 * long, (246, 248, 250))
        canvas.limb(corners[3], corners[4], 0.009 * long, 0.006 * long, (150, 154, 160))
        canvas.limb(
            self.spot(-0.22, place, back - 0.04 * long),
            self.spot(-0.62, place, back),
            0.04 * long,
            0.045 * long,
            (44, 36, 32),
        )
        grip = self.spot(-0.44, place, back)
        draw_fist(canvas, grip, 0.2 * long, self.skin)
        canvas.limb(grip, self.spot(-1.5, place + 0.1, back + 0.3 * long), 0.085 * long, 0.14 * long, self.skin)


_DOOR_LABELS = {
    "wood": ("door knock", "hand on wood"),
    "metal": ("locker hit", "metal hit"),
    "glass": ("glass hit",),
}


def knocking(setting: Setting) -> Plan:
    """A fist knocks on a door seen from the side or aslant."""
    rng = setting.rng
    strokes = rhythm(rng, setting.duration_s, (0.14, 0.6), misses=0.1 if rng.random() < 0.3 else 0.0)
    heard = [stroke for stroke in strokes if not stroke.miss]
    tool = Tool(setting.between(0.06, 0.2), setting.between(0.06, 0.12), 0.3, False)
    gap = strike_track(strokes, tool, rng)
    material = setting.pick("wood", "wood", "metal", "glass")
    side = float(rng.choice([-1, 1]))
    surface = setting.textures.surface({"wood": "wood", "metal": "metal", "glass": "gradient"}[material], rng)
    colours = (material_colour(setting, material), setting.skin(), setting.colour())
    pace = pace_words([stroke.time_s for stroke in heard])
    words = f"a {'wooden' if material == 'wood' else material} door"
    return Plan(
        actors=(_knocker(gap, tuple(strokes), side, levels_of(surface), colours),),
        captions=(
            f"knocking on {words}",
            f"A fist knocks on {words} {times_words(len(heard))}.",
            f"Someone knocks {force_words([s.strength for s in heard])} on {words} {{where}}, {pace}",
            f"knuckles on {material}, {pace}",
        ),
        reach_m=0.5,
        target=(-side * 0.12, 0.3, 0.0),
        pitches=(0.0, 0.35),
        blows=tuple(Blow(s.time_s, s.strength, (0.0, 0.3, 0.0), "strike", material, 0.85, 0) for s in heard),
        labels=(_DOOR_LABELS[material],),
        grounds=(),
    )


def _knocker(
    gap: Track, strokes: tuple[Stroke, ...], side: float, surface: Levels, colours: tuple[Colour, Colour, Colour]
) -> Actor:
    """A fist that comes from the side against a door whose edge is seen; colours: door, skin, sleeve."""
    door, skin, sleeve = colours

    def draw(canvas: Canvas, time_s: float) -> None:
        front = side * 0.004 * tremble(time_s, strokes, 14.0, 0.05)
        canvas.box((front + side * 0.03, 0.25, 0.0), (0.03, 0.7, 0.35), door)
        canvas.sheet([(front, 0.95, 0.35), (front, 0.95, -0.35), (front, -0.4, -0.35), (front, -0.4, 0.35)], surface)
        fist = (-side * (gap(time_s) + 0.05), 0.3, 0.0)
        draw_fist(canvas, fist, 0.1, skin)
        elbow = (fist[0] - side * 0.28, 0.18 + 0.3 * gap(time_s), -0.04)
        canvas.limb(fist, elbow, 0.036, 0.05, skin)
        canvas.limb((0.5 * (fist[0] + elbow[0]), 0.5 * (fist[1] + elbow[1]), -0.03), elbow, 0.05, 0.06, sleeve)

    return draw


def clapping(setting: Setting) -> Plan:
    """Two hands clap."""
    rng = setting.rng
    strokes = rhythm(rng, setting.duration_s, (0.18, 0.7), misses=0.1 if rng.random() < 0.3 else 0.0)
    heard = [stroke for stroke in strokes if not stroke.miss]
    gap = strike_track(strokes, Tool(setting.between(0.07, 0.2), setting.between(0.06, 0.12), 0.15, False), rng)
    skin, sleeve = setting.skin(), setting.colour()
    lean = setting.between(-0.4, 0.4)

    def draw(canvas: Canvas, time_s: float) -> None:
        apart = gap(time_s)
        for side in (-1.0, 1.0):
            x = side * (apart + 0.022)
            along = (0.25 * math.sin(lean) - 0.12 * side * min(1.0, 6 * apart), 0.95, 0.1)
            wrist = (x + side * 0.01, 0.1, 0.0)
            draw_hand(canvas, wrist, along, (0.0, 0.1, -1.0), 0.19, skin)
            canvas.limb(wrist, (x + side * 0.16, -0.16, 0.0), 0.03, 0.045, skin)
            canvas.limb((x + side * 0.1, -0.06, 0.0), (x + side * 0.22, -0.3, 0.0), 0.05, 0.06, sleeve)

    pace = pace_words([stroke.time_s for stroke in heard])
    return Plan(
        actors=(draw,),
        captions=(
            "hands clapping",
            f"A person claps {times_words(len(heard))}.",
            f"Two hands clap {force_words([s.strength for s in heard])} {{where}}, {pace}, in a room",
            f"handclaps, {pace}",
        ),
        reach_m=0.38,
        target=(0.0, 0.12, 0.0),
        pitches=(-0.1, 0.5),
        blows=tuple(Blow(s.time_s, s.strength, (0.0, 0.2, 0.0), "strike", "skin", 0.15, 0) for s in heard),
        labels=(("clap", "reverb clap"),),
        grounds=(),
    )
