"""Plots of people on their feet: walking and running over several grounds, as a whole or the feet alone."""

import math
from bisect import bisect_right
from dataclasses import dataclass

from phonofilm.data.simulate.bodies import Clothes, Pose, draw_figure
from phonofilm.data.simulate.canvas import Canvas
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Blow, Plan, Setting, force_words, pace_words

GROUNDS = {
    "wood": ("planks", "wooden boards", ("walking on wood", "footsteps long", "movement step hard")),
    "stone": ("tiles", "tiles", ("heels on tile", "footstep on hard floor", "movement step hard")),
    "gravel": ("gravel", "gravel", ("shoes in gravel", "breaking gravel", "gravel crunch")),
    "snow": ("snow", "snow", ("footstep on snow",)),
    "earth": ("grass", "grass", ("walking in dirt", "movement step soft")),
    "water": ("water", "shallow water", ("footstep on water",)),
    "metal": ("metal", "a metal floor", ("footstep on metal",)),
}

FOOT_SHARE = 0.11
"""Length of a foot as a share of the height of its owner, as it is drawn."""


@dataclass(frozen=True)
class _Step:
    """A foot set down at time_s on x, and lifted again at lift_s."""

    time_s: float
    lift_s: float
    x: float
    strength: float


@dataclass(frozen=True)
class _Gait:
    """How a figure goes. feet: the steps of each foot; sunk_m: how deep shoes sink into the ground."""

    feet: tuple[tuple[_Step, ...], tuple[_Step, ...]]
    tall_m: float
    runs: bool
    side: float
    speed: float
    start_x: float
    stop_s: float
    begin_s: float
    clothes: Clothes

    def foot(self, number: int, time_s: float) -> tuple[Point, float]:
        """Where a foot is, and its pitch: it pushes off with the toes, swings through, and lands on the heel."""
        steps = self.feet[number]
        depth = -0.055 * self.tall_m if number == 0 else 0.055 * self.tall_m
        index = bisect_right([step.time_s for step in steps], time_s) - 1
        last = steps[max(0, index)]
        if index < 0 or time_s < last.lift_s or index + 1 == len(steps):
            late = max(0.0, 1 - max(0.0, last.lift_s - time_s) / 0.15) if index + 1 < len(steps) else 0.0
            landed = max(0.0, 1 - max(0.0, time_s - last.time_s) / 0.07)
            return (last.x, 0.012 * self.tall_m * late, depth), 0.5 * late * late - 0.3 * landed
        following = steps[index + 1]
        share = (time_s - last.lift_s) / (following.time_s - last.lift_s)
        along = share * share * (3 - 2 * share)
        # The foot is let fall: fastest at the instant of contact.
        high = (0.11 if self.runs else 0.055) * self.tall_m * math.sin(math.pi * min(1.0, share) ** 0.8)
        start = 0.012 * self.tall_m * (1 - share)
        pitch = 0.5 + (0.5 if self.runs else 0.2) * math.sin(math.pi * share) - 0.8 * share
        return (last.x + along * (following.x - last.x), high + start, depth), pitch

    def hip_x(self, time_s: float) -> float:
        """Ahead evenly, easing in and out."""
        ease = 0.35
        since = min(max(0.0, time_s - self.begin_s), self.stop_s - self.begin_s)
        gone = since - ease * (1 - math.exp(-since / ease))
        return self.start_x + self.side * self.speed * gone

    def draw(self, canvas: Canvas, time_s: float) -> None:
        left, left_pitch = self.foot(0, time_s)
        right, right_pitch = self.foot(1, time_s)
        x = 0.35 * self.hip_x(time_s) + 0.65 * 0.5 * (left[0] + right[0])
        spread = abs(left[0] - right[0])
        leg = 0.5 * self.tall_m
        low = math.sqrt(max(0.1, leg * leg - 0.25 * spread * spread))
        lifted = min(left[1], right[1])
        hip = (x, 0.985 * low * (0.95 if self.runs else 0.99) + 0.6 * lifted, 0.0)
        swing = 0.8 if self.runs else 0.55
        ahead = (right[0] - left[0]) * self.side * swing
        hands = []
        for sign, depth in ((1, -0.1 * self.tall_m), (-1, 0.1 * self.tall_m)):
            reach = sign * ahead * 0.6
            bend = 0.08 * self.tall_m if self.runs else 0.0
            high = hip[1] + 0.02 * self.tall_m + bend + 0.15 * abs(reach)
            hands.append((x + self.side * (reach + 0.02), high, depth))
        canvas.shadow((x, 0.0, 0.0), 0.16 * self.tall_m, 0.35)
        lean = 0.3 if self.runs else 0.05
        pose = Pose(hip, (left, right), (left_pitch, right_pitch), (hands[0], hands[1]), lean, self.side)
        draw_figure(canvas, pose, self.clothes, self.tall_m)


def footsteps(setting: Setting) -> Plan:
    """Someone walks or runs across the picture, sometimes stops; sometimes only the legs are seen."""
    rng = setting.rng
    ground = setting.pick(*GROUNDS)
    texture, words, labels = GROUNDS[ground]
    runs = bool(rng.random() < 0.3)
    tall = setting.between(1.45, 1.95)
    gap = setting.between(0.27, 0.38) if runs else setting.between(0.42, 0.72)
    stride = tall * (setting.between(0.4, 0.62) if runs else setting.between(0.26, 0.42))
    gait, steps = _gait(setting, runs, tall, gap, stride)
    size = 0.35 if ground in ("wood", "metal") else 0.25
    blows = tuple(
        Blow(s.time_s, s.strength, (s.x, 0.0, 0.0), "step", ground, size, 0, FOOT_SHARE * tall) for s in steps
    )
    spread = max(abs(gait.start_x - step.x) for step in steps) / 2
    close = bool(rng.random() < 0.3)
    middle = 0.5 * (steps[0].x + steps[-1].x)
    going = "runs" if runs else "walks"
    pace = pace_words([step.time_s for step in steps])
    captions = (
        f"{'running' if runs else 'footsteps'} on {words}",
        f"A person {going} on {words}.",
        f"Footsteps on {words}, {pace}, {force_words([s.strength for s in steps])}, the shoes heard close by {{where}}",
        f"{'running steps' if runs else 'steps'}, {words}, {pace}",
        f"the tread of shoes on {words}",
    )
    return Plan(
        actors=(gait.draw,),
        captions=captions,
        reach_m=min(max(0.55 * tall if close else 1.0 * tall, 0.9 * spread), setting.between(1.0, 2.2) * tall),
        target=(middle, 0.22 * tall if close else 0.5 * tall, 0.0),
        pitches=(0.0, 0.25) if rng.random() < 0.75 else (0.3, 0.7),
        blows=blows,
        labels=(labels,),
        grounds=(texture,),
        backs=("wall", "crop", "sky", "planks", "gradient", "stone"),
        back_m=setting.between(0.8, 4.0),
    )


def _gait(setting: Setting, runs: bool, tall: float, gap: float, stride: float) -> tuple[_Gait, list[_Step]]:
    """A gait and its audible steps: left and right in turn, at human times, with a pause at a stop."""
    rng = setting.rng
    side = float(rng.choice([-1, 1]))
    duration = setting.duration_s
    begin_s = setting.between(0.2, 0.7) + gap
    stop_s = duration - 0.3 if rng.random() < 0.65 else setting.between(0.6, 0.9) * duration
    times: list[float] = []
    now_s = begin_s
    while now_s < stop_s:
        times.append(now_s)
        now_s += gap * float(1 + rng.normal(0, 0.04))
    total = stride * len(times)
    start = -side * total / 2
    planted = [_Step(-1.0, begin_s - 0.8 * gap, start, 0.0), _Step(-1.0, times[0] + 0.2 * gap, start, 0.0)]
    feet: tuple[list[_Step], list[_Step]] = ([planted[0]], [planted[1]])
    audible = []
    mean = setting.between(0.4, 0.8) if not runs else setting.between(0.6, 0.95)
    for number, time_s in enumerate(times):
        following = times[number + 1] if number + 1 < len(times) else math.inf
        # Walking, a foot stays until a little after the other is down; running, it leaves before.
        lift_s = following - 0.3 * gap if runs else following + 0.18 * gap
        last = number + 1 == len(times)
        x = start + side * stride * (number + (0.5 if last else 1.0))
        step = _Step(time_s, lift_s, x, min(1.0, max(0.15, mean + float(rng.normal(0, 0.08)))) * (0.7 if last else 1))
        feet[number % 2].append(step)
        audible.append(step)
    clothes = Clothes(
        setting.skin(), setting.colour(), setting.colour(20, 150), setting.colour(10, 200), setting.colour(10, 120)
    )
    speed = stride / gap
    both = (tuple(feet[0]), tuple(feet[1]))
    return _Gait(both, tall, runs, side, speed, start, times[-1], begin_s - 0.5 * gap, clothes), audible
