"""What every player reads: the bars, their chords and voices, and the events that players write down."""

from dataclasses import dataclass

import numpy as np

from phonofilm.score.form import BarPlan
from phonofilm.score.harmony import Harmony
from phonofilm.score.instruments import Instrument
from phonofilm.score.piece import TempoMap
from phonofilm.score.theory import ladder


@dataclass(frozen=True)
class Event:
    """A note in musical time: `beat` from 0 within `bar`, `beats` long; weight 0..1 is its accent."""

    bar: int
    beat: float
    beats: float
    pitch: int
    weight: float


@dataclass(frozen=True, eq=False)
class Ground:
    """The bars, one harmony for each and one for the last chord, and the key."""

    tempo: TempoMap
    plans: tuple[BarPlan, ...]
    harmonies: tuple[Harmony, ...]
    tonic: int
    mode: str
    final_beats: float

    @property
    def count(self) -> int:
        return len(self.plans)

    def beats(self, bar: int) -> int:
        return self.tempo.bars[bar].beats

    def tones(self, bar: int, low: int, high: int) -> list[int]:
        """The chord tones of a bar within a range, low to high."""
        return ladder(self.harmonies[bar].chord.notes, low, high)

    def changes(self, bar: int) -> bool:
        """Whether a bar has another chord than the one before it."""
        return bar == 0 or self.harmonies[bar].chord != self.harmonies[bar - 1].chord


@dataclass(frozen=True, eq=False)
class Seat:
    """A player in a layer: the bars in which he plays (of the final chord too, the last entry), and his own dice."""

    instrument: Instrument
    active: tuple[bool, ...]
    rng: np.random.Generator
    low: int
    high: int

    def runs(self) -> list[tuple[int, int]]:
        """Stretches of bars that are played without a break: first, end."""
        found, start = [], None
        for bar, on in enumerate((*self.active, False)):
            if on and start is None:
                start = bar
            if not on and start is not None:
                found.append((start, bar))
                start = None
        return found

    def fit(self, pitch: int) -> int:
        """A pitch moved by octaves into the range of the seat."""
        while pitch < self.low:
            pitch += 12
        while pitch > self.high:
            pitch -= 12
        return max(pitch, self.instrument.low)
