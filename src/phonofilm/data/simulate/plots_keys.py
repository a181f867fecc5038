"""Plots of hands on keys: two hands type on a keyboard."""

from dataclasses import dataclass

from phonofilm.data.simulate.canvas import GROUND, Canvas, tone
from phonofilm.data.simulate.moves import Stroke, Track, rhythm
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Actor, Blow, Plan, Setting, pace_words
from phonofilm.data.simulate.textures import Colour

_KEY_M = 0.019
_ROWS, _COLUMNS = 4, 12


def typing(setting: Setting) -> Plan:
    """Two hands type on a keyboard; each finger moves over its key and presses it down."""
    rng = setting.rng
    strokes = rhythm(rng, setting.duration_s, (0.09, 0.28))
    skin, keys, body = setting.skin(), setting.colour(), setting.colour(20, 120)
    hits = []
    for stroke in strokes:
        column, row = int(rng.integers(_COLUMNS)), int(rng.integers(_ROWS))
        hits.append((stroke, column, row))
    board = _Keyboard(tuple(hits), keys, body)
    hands = tuple(_typing_hand(board, side, skin) for side in (0, 1))
    blows = tuple(
        Blow(s.time_s, 0.25 + 0.6 * s.strength, board.spot(c, r), "click", "plastic", 0.05, 0) for s, c, r in hits
    )
    pace = pace_words([stroke.time_s for stroke in strokes])
    return Plan(
        actors=(board.draw, *hands),
        captions=(
            "typing on a keyboard",
            "Someone types on a computer keyboard.",
            f"Fingers type on a mechanical keyboard {pace}, plastic keys clicking close by {{where}}",
            "keyboard clicks, close, in a quiet office",
            "the clatter of keys under two hands",
        ),
        reach_m=0.2,
        target=(0.0, 0.01, -0.02),
        pitches=(0.5, 1.3),
        blows=blows,
        labels=(("mechanical keyboard key press", "typing on a keyboard"),),
        grounds=("wood", "cloth", "stone", "metal", "crop"),
        back_m=0.4,
    )


@dataclass(frozen=True)
class _Keyboard:
    hits: tuple[tuple[Stroke, int, int], ...]
    keys: Colour
    body: Colour

    def spot(self, column: int, row: int) -> Point:
        """Middle of a key's top."""
        x = (column - (_COLUMNS - 1) / 2 + 0.25 * (_ROWS - 1 - row) - 0.4) * _KEY_M
        return x, 0.018, (row - (_ROWS - 1) / 2) * _KEY_M

    def draw(self, canvas: Canvas, time_s: float) -> None:
        half = (_COLUMNS / 2 + 0.9) * _KEY_M, (_ROWS / 2 + 0.4) * _KEY_M
        canvas.box((0, 0.006, 0), (half[0], 0.006, half[1]), self.body, layer=GROUND)
        down = {(c, r): _pressed(time_s - s.time_s) for s, c, r in self.hits if abs(time_s - s.time_s) < 0.12}
        for row in range(_ROWS - 1, -1, -1):
            for column in range(_COLUMNS):
                x, y, z = self.spot(column, row)
                low = y - 0.005 * down.get((column, row), 0.0)
                edge = 0.42 * _KEY_M
                top = [
                    (x - edge, low, z + edge),
                    (x + edge, low, z + edge),
                    (x + edge, low, z - edge),
                    (x - edge, low, z - edge),
                ]
                shade = tone(self.keys, 1 - 0.25 * (y - low) / 0.005)
                canvas.patch(top, shade)


def _pressed(since_s: float) -> float:
    """How far a key is down, 0 to 1, around the instant at which it hits its bottom."""
    if since_s < 0:
        return float(max(0.0, 1 + since_s / 0.025) ** 2)
    return float(max(0.0, 1 - max(0.0, since_s - 0.04) / 0.06))


def _typing_hand(board: _Keyboard, side: int, skin: Colour) -> Actor:
    """A hand that goes to each of its keys and dips a finger; keys left of the middle are the left hand's."""
    mine = [(s, c, r) for s, c, r in board.hits if (c >= _COLUMNS // 2) == bool(side)]
    rest = board.spot(3 if side == 0 else 8, 1)
    xs, zs = [], []
    for stroke, column, row in mine:
        x, _, z = board.spot(column, row)
        at = stroke.time_s - 0.03
        xs.append((at, rest[0] + 0.75 * (x - rest[0])))
        zs.append((at, rest[2] + 0.8 * (z - rest[2])))
    x_track, z_track = _stair_to(rest[0], xs), _stair_to(rest[2], zs)

    def draw(canvas: Canvas, time_s: float) -> None:
        x, z = x_track(time_s), z_track(time_s)
        near = [(s, c, r) for s, c, r in mine if abs(time_s - s.time_s) < 0.12]
        wrist = (x + (0.01 if side else -0.01), 0.045, z - 0.12)
        lean = -0.15 if side else 0.15
        across = (-1.0, 0.0, 0.0) if side else (1.0, 0.0, 0.0)
        _draw_typing_hand(canvas, wrist, (lean, -0.1, 1.0), across, skin, x, z, near, board, time_s)
        canvas.limb(wrist, (wrist[0] - lean * 0.6, 0.05, z - 0.32), 0.026, 0.036, skin)

    return draw


def _draw_typing_hand(
    canvas: Canvas,
    wrist: Point,
    along: Point,
    across: Point,
    skin: Colour,
    x: float,
    z: float,
    near: list[tuple[Stroke, int, int]],
    board: _Keyboard,
    time_s: float,
) -> None:
    palm = (wrist[0] + 0.045 * along[0], wrist[1], wrist[2] + 0.05)
    canvas.limb(wrist, palm, 0.028, 0.036, skin)
    for finger in range(4):
        aside = across[0] * (0.027 - 0.018 * finger)
        tip = (x + aside * 1.25, 0.03, z + 0.008 * (1 - abs(finger - 1.3)))
        for stroke, column, row in near:
            spot = board.spot(column, row)
            if int(abs(spot[0] * 997) + column) % 4 == finger:
                press = _pressed(time_s - stroke.time_s)
                tip = (tip[0] + press * (spot[0] - tip[0]), 0.03 - 0.017 * press, tip[2] + press * (spot[2] - tip[2]))
        knuckle = (palm[0] + aside, 0.05, palm[2] + 0.012)
        middle = (0.5 * (knuckle[0] + tip[0]), 0.055, 0.5 * (knuckle[2] + tip[2]) + 0.005)
        canvas.limb(knuckle, middle, 0.0095, 0.0085, tone(skin, 1 - 0.03 * finger))
        canvas.limb(middle, tip, 0.0085, 0.007, tone(skin, 1 - 0.03 * finger))
    canvas.limb(
        (wrist[0] + across[0] * 0.02, 0.045, wrist[2] + 0.02),
        (palm[0] + across[0] * 0.045, 0.03, palm[2] + 0.02),
        0.012,
        0.009,
        tone(skin, 0.93),
    )


def _stair_to(start: float, steps: list[tuple[float, float]]) -> Track:
    """A track that arrives at each (time_s, value) after a quick move and waits there for the next."""
    pieces: list[tuple[float, float, str]] = []
    value, free_s = start, 0.0
    for at, following in steps:
        begin = max(free_s, at - 0.12)
        pieces += [(begin, value, "line"), (max(at, begin + 0.01), following, "smooth")]
        value, free_s = following, max(at, begin + 0.01) + 0.04
    return Track(start, pieces or [(0.1, start, "line")])
