"""Parts of people: hands, arms that bend at the elbow, and a whole figure that can stand, walk and wave."""

import math
from dataclasses import dataclass

from phonofilm.data.simulate.canvas import MIDDLE, Canvas, tone
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.textures import Colour


def added(a: Point, b: Point) -> Point:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def between(a: Point, b: Point, share: float) -> Point:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])


def bent(start: Point, end: Point, first_m: float, second_m: float, side: float) -> tuple[Point, Point]:
    """Joint and end of a limb of two parts that reaches from `start` towards `end` in the plane of x and y.

    side: 1 bends towards positive x, as a knee of someone who walks that way; -1 the other way.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    far = min(max(1e-6, math.hypot(dx, dy)), 0.999 * (first_m + second_m))
    reach = math.atan2(dy, dx)
    end = (start[0] + far * math.cos(reach), start[1] + far * math.sin(reach), end[2])
    corner = (first_m * first_m + far * far - second_m * second_m) / (2 * first_m * far)
    angle = reach + side * math.acos(min(1.0, max(-1.0, corner)))
    joint = (start[0] + first_m * math.cos(angle), start[1] + first_m * math.sin(angle), 0.5 * (start[2] + end[2]))
    return joint, end


def draw_fist(canvas: Canvas, at: Point, size_m: float, skin: Colour, layer: int = MIDDLE) -> None:
    """A closed hand around something; size_m: its width."""
    half = 0.5 * size_m
    canvas.limb((at[0] - 0.6 * half, at[1], at[2]), (at[0] + 0.6 * half, at[1], at[2]), half, half, skin, layer)
    for finger in range(4):
        x = at[0] + (finger - 1.5) * 0.45 * half
        top, low = (x, at[1] + 0.3 * half, at[2] - 0.7 * half), (x, at[1] - 0.6 * half, at[2] - 0.7 * half)
        canvas.limb(top, low, 0.22 * half, 0.2 * half, tone(skin, 0.9 + 0.04 * finger), layer)


def draw_hand(
    canvas: Canvas, wrist: Point, along: Point, across: Point, size_m: float, skin: Colour, curl: float = 0.0
) -> None:
    """An open hand. along: unit vector from the wrist to the fingers; across: unit vector to the thumb's side;
    curl: 0 flat to 1 bent downwards."""

    def spot(forward: float, aside: float, down: float = 0.0) -> Point:
        return (
            wrist[0] + size_m * (forward * along[0] + aside * across[0]),
            wrist[1] + size_m * (forward * along[1] + aside * across[1] - down),
            wrist[2] + size_m * (forward * along[2] + aside * across[2]),
        )

    canvas.limb(spot(0.1, 0), spot(0.42, 0), 0.16 * size_m, 0.21 * size_m, skin)
    for finger, long in enumerate((0.4, 0.46, 0.42, 0.33)):
        aside = 0.17 - 0.115 * finger
        knuckle, middle = spot(0.5, aside), spot(0.5 + 0.55 * long * (1 - 0.3 * curl), 1.1 * aside, 0.1 * curl)
        tip = spot(0.5 + long * (1 - 0.6 * curl), 1.15 * aside, 0.38 * curl)
        shade = tone(skin, 1 - 0.04 * finger)
        canvas.limb(knuckle, middle, 0.065 * size_m, 0.058 * size_m, shade)
        canvas.limb(middle, tip, 0.058 * size_m, 0.045 * size_m, shade)
    canvas.limb(spot(0.2, 0.16), spot(0.5, 0.36, 0.2 * curl), 0.075 * size_m, 0.055 * size_m, tone(skin, 0.95))


@dataclass(frozen=True)
class Clothes:
    """Colours of a person."""

    skin: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    hair: Colour


@dataclass(frozen=True)
class Pose:
    """Where a person's joints are (m). side: 1 faces right, -1 left."""

    hip: Point
    feet: tuple[Point, Point]
    feet_pitch: tuple[float, float]
    hands: tuple[Point, Point]
    lean: float
    side: float


def draw_figure(canvas: Canvas, pose: Pose, clothes: Clothes, tall_m: float) -> None:
    """A person of a height, seen from anywhere; the far arm and leg are drawn first by their depth."""
    leg, arm, thick = 0.25 * tall_m, 0.17 * tall_m, 0.045 * tall_m
    side = pose.side
    neck = added(pose.hip, (side * pose.lean * 0.3 * tall_m, 0.3 * tall_m, 0.0))
    head = added(neck, (side * (pose.lean * 0.1 + 0.015) * tall_m, 0.085 * tall_m, 0.0))
    for number, depth in enumerate((-0.055 * tall_m, 0.055 * tall_m)):
        foot, pitch = pose.feet[number], pose.feet_pitch[number]
        hip = added(pose.hip, (0, 0, depth))
        ankle = added(foot, (0, 0.045 * tall_m, 0))
        knee, ankle = bent(hip, ankle, leg, 0.245 * tall_m, side)
        dim = 0.72 if depth > 0 else 1.0
        canvas.limb(hip, knee, 0.062 * tall_m, 0.045 * tall_m, tone(clothes.trousers, dim))
        canvas.limb(knee, ankle, 0.043 * tall_m, 0.028 * tall_m, tone(clothes.trousers, 0.94 * dim))
        c, s = math.cos(pitch), math.sin(pitch)
        heel = added(ankle, (side * (-0.02 * c - 0.03 * s) * tall_m, (-0.03 * c + 0.02 * s) * tall_m, -0.003))
        toe = added(ankle, (side * (0.085 * c - 0.03 * s) * tall_m, (-0.03 * c - 0.085 * s) * tall_m, -0.003))
        canvas.limb(heel, toe, 0.021 * tall_m, 0.016 * tall_m, tone(clothes.shoes, dim))
        shoulder = added(neck, (0, -0.03 * tall_m, 1.6 * depth))
        elbow, wrist = bent(shoulder, pose.hands[number], arm, 0.16 * tall_m, -side)
        canvas.limb(shoulder, elbow, 0.033 * tall_m, 0.027 * tall_m, tone(clothes.shirt, dim))
        canvas.limb(elbow, wrist, 0.026 * tall_m, 0.02 * tall_m, tone(clothes.skin, dim))
        canvas.disc(wrist, 0.026 * tall_m, tone(clothes.skin, dim))
    canvas.limb(pose.hip, added(neck, (0, -0.05 * tall_m, 0)), 0.07 * tall_m, 0.075 * tall_m, clothes.shirt)
    canvas.limb(neck, head, 0.03 * tall_m, 0.03 * tall_m, clothes.skin)
    canvas.limb(head, added(head, (0, 0.02 * tall_m, 0)), 0.058 * tall_m, 0.062 * tall_m, clothes.skin)
    crown = added(head, (-side * 0.012 * tall_m, 0.045 * tall_m, 0))
    canvas.limb(crown, added(crown, (-side * 0.025 * tall_m, -0.03 * tall_m, 0)), thick * 1.25, thick, clothes.hair)
