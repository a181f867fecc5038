"""The records of a score: what is asked for, what is played, and where the bars of it lie."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.types import FloatArray

SHORTEST_S = 0.5
LONGEST_S = 3600.0


def can_last(duration_s: Fraction) -> bool:
    """Whether a piece can be so long."""
    return SHORTEST_S <= duration_s <= LONGEST_S


@dataclass(frozen=True)
class Hit:
    """A strong cue of the picture: when, and how strong from 0 to 1."""

    time_s: float
    strength: float


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """The picture that a score is for.

    duration_s: length of the picture. cuts_s: where scenes change.
    activity: (N,) float32 0..1, point n at n / activity_rate_hz; may be empty.
    """

    duration_s: Fraction
    cuts_s: tuple[float, ...]
    hits: tuple[Hit, ...]
    activity: FloatArray
    activity_rate_hz: Fraction

    def __post_init__(self) -> None:
        if not can_last(self.duration_s):
            raise OptionError(
                f"music for {float(self.duration_s):.2f} s was asked for; it can be {SHORTEST_S:g} to {LONGEST_S:g} s "
                f"long: use a clip of that length, or forbid music (none)"
            )


@dataclass(frozen=True)
class Note:
    """One note: seconds from the first frame, MIDI pitch (60 is middle C) and velocity (1..127)."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """What one player plays. `programme` is General MIDI, counted from 0; of a drum kit when `drums`.

    place: -1 left .. 1 right. distance: 0 near .. 1 far, how much of the room is heard. gain: of the whole part.
    swell: (seconds, gain 0..1) points of the expression pedal; straight between them.
    """

    name: str
    programme: int
    drums: bool
    notes: tuple[Note, ...]
    place: float
    distance: float
    gain: float
    swell: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Bar:
    """One bar: where its downbeat is, how many beats it has, and how long each of them lasts."""

    start_s: float
    beats: int
    beat_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.beats * self.beat_s


@dataclass(frozen=True)
class TempoMap:
    """The bars, in order and without gaps; the last chord falls on `final_s`, the end of the last of them."""

    bars: tuple[Bar, ...]
    final_s: float
    beat_s: float

    @property
    def downbeats_s(self) -> tuple[float, ...]:
        return (*(bar.start_s for bar in self.bars), self.final_s)

    def seconds(self, bar: int, beat: float) -> float:
        """When a beat (from 0, may be broken or beyond the bar) of a bar sounds; bar len(bars) is the final one."""
        while bar < len(self.bars) and beat >= self.bars[bar].beats:
            beat -= self.bars[bar].beats
            bar += 1
        if bar >= len(self.bars):
            return self.final_s + beat * self.beat_s
        return self.bars[bar].start_s + beat * self.bars[bar].beat_s


@dataclass(frozen=True)
class Section:
    """A stretch of the form: its name, its bars from `first` up to but not with `end`."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, eq=False)
class Score:
    """A composed piece, ready to be rendered or written down. `chords` and `motif` are told for people and tests."""

    duration_s: Fraction
    style: str
    key: str
    mode: str
    tempo_bpm: float
    tempo: TempoMap
    sections: tuple[Section, ...]
    chords: tuple[str, ...]
    motif: tuple[tuple[float, int], ...]
    parts: tuple[Part, ...]
    reverberation: float

    @property
    def instruments(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)


def per_bar(request: ScoreRequest, tempo: TempoMap) -> FloatArray:
    """The picture's activity of each bar, scaled so that its usual range fills 0..1; 0.5 where nothing is known."""
    count = len(tempo.bars)
    if not len(request.activity):
        return np.full(count, 0.5, np.float32)
    rate_hz = float(request.activity_rate_hz)
    means = []
    for bar in tempo.bars:
        first = min(len(request.activity) - 1, math.floor(bar.start_s * rate_hz))
        means.append(float(request.activity[first : max(first + 1, math.ceil(bar.end_s * rate_hz))].mean()))
    low, high = np.percentile(request.activity, [5, 95])
    if high - low < 0.05:
        return np.full(count, 0.5, np.float32)
    scaled: FloatArray = ((np.asarray(means) - low) / (high - low)).clip(0, 1).astype(np.float32)
    return scaled
