"""What a plot hands over: who moves how, what sounds where in the world, and in what words; still without a camera."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import Canvas
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.textures import Colour, Textures
from phonofilm.data.simulate.truth import Phoneme

Actor = Callable[[Canvas, float], None]
"""Draws something as it is at a time (s) of the film."""
Path = Callable[[float], Point]

SIDE, ASLANT, ABOVE = (0.02, 0.2), (0.25, 0.75), (0.9, 1.35)
"""Ranges of the camera's pitch (radians)."""


@dataclass(frozen=True)
class Blow:
    """One short sound at a point of the world; the other fields as in `truth.Event`.

    shows_m: size of what is seen to move or stop at that instant, where it may be small; 0 where nothing is.
    """

    time_s: float
    strength: float
    at: Point
    contact: str
    material: str
    size: float
    source: int
    shows_m: float = math.inf


@dataclass(frozen=True)
class Hum:
    """A continuous sound on a path through the world; the other fields as in `truth.Stretch`."""

    start_s: float
    end_s: float
    what: str
    levels: tuple[tuple[float, float], ...]
    path: Path
    source: int
    rate_hz: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A scene without a camera. reach_m: half of the width that shows it; target: what the camera looks at.

    captions may hold {where}, which becomes "on the left" or the like. labels: one tuple per source. grounds and
    backs: kinds of texture, or none; back_m: how far behind the target the back stands. dark: lit by itself.
    """

    actors: tuple[Actor, ...]
    captions: tuple[str, ...]
    reach_m: float
    target: Point
    pitches: tuple[float, float]
    blows: tuple[Blow, ...] = ()
    hums: tuple[Hum, ...] = ()
    phonemes: tuple[Phoneme, ...] = ()
    transcript: str = ""
    silent: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    grounds: tuple[str, ...] = ("wood", "tiles", "stone", "cloth", "crop", "noise")
    backs: tuple[str, ...] = ("wall", "crop", "gradient", "noise", "planks")
    back_m: float = 1.0
    dark: bool = False


@dataclass(frozen=True)
class Setting:
    """What a plot is given: its length, a source of chance, and textures."""

    duration_s: float
    rng: np.random.Generator
    textures: Textures

    def colour(self, low: float = 20, high: float = 235) -> Colour:
        """Any colour."""
        red, green, blue = self.rng.uniform(low, high, 3)
        return float(red), float(green), float(blue)

    def skin(self) -> Colour:
        """A colour that human skin has."""
        dark, light = np.array([70, 44, 32]), np.array([240, 200, 175])
        red, green, blue = dark + float(self.rng.uniform(0.05, 1)) * (light - dark)
        return float(red), float(green), float(blue)

    def pick(self, *choices: str) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def pick_number(self, *choices: float) -> float:
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


COLOURS: dict[str, tuple[Colour, ...]] = {
    "wood": ((150, 104, 62), (186, 140, 90), (104, 68, 40)),
    "metal": ((150, 154, 160), (96, 100, 108), (190, 170, 110)),
    "glass": ((150, 200, 190), (120, 170, 210), (190, 220, 215)),
    "stone": ((128, 124, 118), (160, 152, 142), (92, 92, 96)),
    "plastic": ((210, 50, 44), (40, 100, 200), (240, 200, 40), (240, 240, 236)),
    "rubber": ((200, 60, 50), (40, 120, 70), (60, 60, 170), (50, 48, 50)),
    "cloth": ((150, 120, 170), (190, 160, 120), (90, 110, 130)),
    "skin": ((228, 210, 180), (200, 170, 130)),
    "food": ((226, 120, 40), (90, 150, 60), (200, 50, 50), (230, 210, 150)),
}


def material_colour(setting: Setting, material: str) -> Colour:
    """A colour that things of a material have."""
    choices = COLOURS[material]
    red, green, blue = choices[int(setting.rng.integers(len(choices)))]
    factor = setting.between(0.8, 1.15)
    return min(255.0, red * factor), min(255.0, green * factor), min(255.0, blue * factor)


def times_words(count: int) -> str:
    """How often: "once", "twice", "three times", "several times", "many times"."""
    words = {1: "once", 2: "twice", 3: "three times", 4: "four times", 5: "five times"}
    return words.get(count, "several times" if count < 12 else "many times")


def pace_words(times_s: Sequence[float]) -> str:
    """How a row of blows goes in time: "at a slow even pace", "in quick irregular bursts" and the like."""
    if len(times_s) < 3:
        return "once or twice with silence around"
    gaps = np.diff(np.sort(np.asarray(times_s)))
    middle = float(np.median(gaps))
    speed = "fast" if middle < 0.3 else "brisk" if middle < 0.55 else "slow"
    if gaps.max() > 2.5 * middle:
        return f"in {speed} bursts with pauses between them"
    even = float(gaps.std() / gaps.mean()) < 0.15
    return f"at a {speed} {'even' if even else 'irregular'} pace"


def force_words(strengths: Sequence[float]) -> str:
    """ "softly", "firmly" or "hard"."""
    mean = float(np.mean(strengths)) if len(strengths) else 0.5
    return "softly" if mean < 0.4 else "firmly" if mean < 0.68 else "hard"


def joined(*actors: Actor) -> Actor:
    """Several actors as one."""

    def draw(canvas: Canvas, time_s: float) -> None:
        for actor in actors:
            actor(canvas, time_s)

    return draw
