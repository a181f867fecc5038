"""What a style is made of: how it is described, how fast it goes, in which modes, by which progressions, who plays."""

from dataclasses import dataclass
from typing import Literal

from phonofilm.score.form import Arc
from phonofilm.score.instruments import Role
from phonofilm.score.tempo import TempoRange

HitTreatment = Literal["stinger", "accent", "pluck", "none"]


@dataclass(frozen=True)
class Layer:
    """One part of the texture. enters: intensity from which it plays. level_db: against the loudest part."""

    role: Role
    texture: str
    players: tuple[str, ...]
    enters: float
    level_db: float


@dataclass(frozen=True)
class Style:
    """What is typical of a style.

    sentences: what it is like; prompts are compared with them. modes: (mode, name in PROGRESSIONS). energy: 0..1.
    silences: how readily it falls silent, 0..1. slow: bars of one chord. swing: how late eighths off the beat are, in
    beats. looseness: of time and loudness; 1 is that of an ensemble. reverberation: size of the room, 0..1.
    """

    name: str
    sentences: tuple[str, ...]
    tempo: TempoRange
    modes: tuple[tuple[str, str], ...]
    arc: Arc
    energy: float
    layers: tuple[Layer, ...]
    hits: HitTreatment
    silences: float = 0.0
    slow: int = 1
    swing: float = 0.0
    looseness: float = 1.0
    reverberation: float = 0.5
