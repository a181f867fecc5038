"""Plots under water: a jellyfish."""

import math
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import Canvas, tone
from phonofilm.data.simulate.moves import Wobble, wobble
from phonofilm.data.simulate.stage import Actor, Hum, Plan, Setting
from phonofilm.data.simulate.textures import Colour


def jellyfish(setting: Setting) -> Plan:
    """A jellyfish under water: its bell closes and opens, and each beat drives it upwards."""
    period = setting.between(1.1, 2.4)
    colour = (setting.between(140, 250), setting.between(120, 210), setting.between(180, 255))
    drift = wobble(setting.rng, 0.15, (0.04, 0.12))
    phase, size = setting.between(0, period), setting.between(0.12, 0.3)
    animal = _Jellyfish(period, phase, colour, size, drift, int(setting.rng.integers(6, 12)))
    times = np.arange(0, setting.duration_s + 0.15, 0.15).clip(0, setting.duration_s)
    levels = tuple((float(t), 0.35 + 0.45 * animal.beat(float(t))) for t in times)
    hum = Hum(0.0, setting.duration_s, "underwater", levels, lambda time_s: (drift(time_s), 0.0, 0.0), 0, 1 / period)
    return Plan(
        actors=(animal.draw, _bubbles(setting)),
        captions=(
            "jellyfish pulsating under water",
            "A jellyfish swims under water with slow beats.",
            "Muffled underwater sound that swells softly with every pulse of a jellyfish, a few bubbles rise {where}",
            "underwater ambience, deep and muffled, slow pulses",
        ),
        reach_m=0.7,
        target=(0.0, -0.05, 0.0),
        pitches=(-0.1, 0.1),
        hums=(hum,),
        labels=(("underground ambience", "water bubbles", "movement diving loop"),),
        grounds=(),
        backs=("deep",),
        back_m=0.8,
    )


def _bubbles(setting: Setting) -> Actor:
    count = int(setting.rng.integers(4, 22))
    places = setting.rng.uniform(-1, 1, (count, 3)) * (0.9, 0.6, 0.5)

    def draw(canvas: Canvas, time_s: float) -> None:
        rising = places.copy()
        rising[:, 1] = (places[:, 1] + 0.18 * time_s + 0.6) % 1.2 - 0.6
        canvas.dots(rising, np.full(count, 0.008), np.full((count, 3), 190.0))

    return draw


@dataclass(frozen=True)
class _Jellyfish:
    period: float
    phase: float
    colour: Colour
    size: float
    drift: Wobble
    arms: int

    def beat(self, time_s: float) -> float:
        """How far the bell is closed, 0 to 1: it closes fast and opens slowly."""
        share = ((time_s + self.phase) / self.period) % 1
        if share < 0.35:
            return math.sin(math.pi * share / 0.35) ** 2
        return 0.12 * math.sin(math.pi * (share - 0.35) / 0.65)

    def draw(self, canvas: Canvas, time_s: float) -> None:
        close, size = self.beat(time_s), self.size
        x = self.drift(time_s)
        y = 0.05 * (time_s - 3) + 0.04 * math.sin(2 * math.pi * (time_s + self.phase - 0.4) / self.period)
        wide, high = size * (1 - 0.38 * close), size * (0.75 + 0.35 * close)
        for number in range(self.arms):
            share = (number + 0.5) / self.arms * 2 - 1
            down = np.linspace(0, 1, 9)
            wave = 0.12 * size * np.sin(2 * np.pi * (0.5 * time_s - 0.8 * down) + number)
            across = x + wide * share * (1 - 0.4 * down * close) + wave * down
            points = np.stack([across, y - 2.4 * size * down * (1 + 0.1 * close), 0 * down], 1)
            canvas.line(points, 0.03 * size, tone(self.colour, 0.7))
        turn = np.linspace(0, np.pi, 20)
        edge = np.stack([x + wide * np.cos(turn), y + high * np.sin(turn), 0 * turn], 1)
        frill = np.linspace(1, -1, 12)
        hem = np.stack([x - wide * frill, y - 0.08 * size * np.abs(np.sin(6 * frill + 2 * time_s)), 0 * frill], 1)
        body = np.concatenate([edge, hem])
        canvas.patch(body, self.colour, share=0.55)
        inner = (body - (x, y, 0)) * (0.6, 0.62, 1) + (x, y + 0.1 * high, -0.01)
        canvas.patch(inner, tone(self.colour, 1.2), share=0.4)
