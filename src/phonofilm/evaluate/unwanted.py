"""What should not be there: speech or music that nobody asked for, and hits where nothing happens.

Dimension letters: N sounds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phonofilm.codec.listener import Listener
from phonofilm.codec.onsets import detect_onsets
from phonofilm.evaluate.meaning import judge
from phonofilm.mix.loudness import integrated_lufs
from phonofilm.types import Waveform

LEVELS: Mapping[str, float] = {"speech": 0.3, "music": 0.5}
"""Score from which a class counts as heard. By these, a listener that had not heard their sources raised a false alarm
on 1.3 % (speech) and 7.4 % (music) of 529 real recordings without either, on none and 2.8 % of the sources of at least
2 s; it found all recordings of speech and two thirds of those of music. The false alarms for music are struck metal
that rings; a level without them would miss most music."""
QUIET_LUFS = -45.0
"""Below this a room is taken for quiet."""


@dataclass(frozen=True)
class Uninvited:
    """Over `count` sounds: the share in which each class is heard, and in which any is."""

    count: int
    each: dict[str, float]
    any: float


@dataclass(frozen=True)
class Stillness:
    """What is heard of a scene in which nothing happens. level_lufs is -inf for digital silence."""

    level_lufs: float
    onsets: int

    @property
    def still(self) -> bool:
        """Quiet, or sound that goes on without hits."""
        return self.level_lufs <= QUIET_LUFS or not self.onsets


def uninvited(sounds: Iterable[Waveform], listener: Listener, levels: Mapping[str, float] = LEVELS) -> Uninvited:
    """Share of the sounds in which each class of `levels` is heard, though none was asked for: hand in only such
    sounds.

    Over real recordings without speech and music the same figure is the share of false alarms; a share of takes below
    it says nothing. Over recordings of speech or music it is the share found.

    Does not see: a trace under other sounds; singing and babble that the listener takes for a voice; a tonal machine or
    a bell, which it may take for music. The listener has never heard generated sound.
    """
    rows = np.asarray(
        [[judge(sound, listener).score(name) >= level for name, level in levels.items()] for sound in sounds]
    )
    if not len(rows):
        return Uninvited(0, dict.fromkeys(levels, math.nan), math.nan)
    shares = rows.mean(axis=0)
    return Uninvited(len(rows), dict(zip(levels, shares.tolist(), strict=True)), float(rows.any(axis=1).mean()))


def level_for(scores: Sequence[float], false_alarms: float) -> float:
    """The lowest level that at most a share `false_alarms` of the N scores reaches; just above 1 when none does.

    scores: of one class, over real recordings that hold none of it and that the listener has not heard.
    """
    order = np.sort(np.asarray(scores, np.float64))[::-1]
    allowed = math.floor(false_alarms * len(order))
    return float(np.nextafter(order[allowed], 2.0)) if allowed < len(order) else 0.0


def stillness(sound: Waveform) -> Stillness:
    """Level and number of onsets of a take of a scene without events.

    Does not see: whether the ambience fits the place; sounds that swell without an onset; hits under what the onset
    finder counts (a tenth of a change in level, 55 dB under full scale).
    """
    mono = sound.samples.mean(axis=0).astype(np.float32)  # (S,)
    return Stillness(integrated_lufs(sound), len(detect_onsets(mono, sound.rate_hz)[0]))
