"""What a voice engine is: words go in, sound with the times of its words and speech sounds comes out.

Dimension letters: S samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.types import FloatArray

SLOWEST, FASTEST = 0.5, 2.0
"""Rates outside are not understood well, and engines refuse them."""


@dataclass(frozen=True)
class Mark:
    """A word, or a speech sound in the International Phonetic Alphabet, and when it is spoken."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Spoken:
    """One line as a voice speaks it.

    samples: (S,) float32, full scale ±1. words, phonemes: in order, times in seconds from the first sample, each ending
    where the next begins or before. The phoneme of a stop (p, b, t, ...) begins at its release; the closure is before.
    """

    samples: FloatArray
    rate_hz: int
    words: tuple[Mark, ...]
    phonemes: tuple[Mark, ...]

    def __post_init__(self) -> None:
        assert self.samples.ndim == 1, f"samples must be (S,), not {self.samples.shape}"
        assert self.samples.dtype == np.float32, f"samples must be float32, not {self.samples.dtype}"

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


class VoiceEngine(Protocol):
    """Something that can speak.

    name: what it is called in options and notes. voices: its voices, the most different first, at least one.
    """

    @property
    def name(self) -> str: ...

    @property
    def voices(self) -> tuple[str, ...]: ...

    def knows(self, voice: str) -> bool:
        """Whether it can speak in this voice, which may be one that `voices` does not list."""
        ...

    def speak(self, text: str, voice: str, rate: float) -> Spoken:
        """Speak a text; rate 1 is the voice's own speed, 2 twice as fast. The same words sound the same each time.

        Raises OptionError for an unknown voice, and InputError for a text of which nothing can be spoken.
        """
        ...


def check_rate(rate: float) -> None:
    """Raises OptionError for a rate that no engine speaks at."""
    if not SLOWEST <= rate <= FASTEST:
        raise OptionError(f"speech rate {rate:g} is outside {SLOWEST:g} to {FASTEST:g}; 1 is the voice's own speed")


def parse_voices(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=voice` options as a mapping. Raises OptionError for one that is not such a pair or comes twice."""
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, equals, voice = (part.strip() for part in pair.partition("="))
        if not equals or not voice:
            raise OptionError(f"voice {pair!r} is not NAME=voice; write for example ANNA=f2")
        if name.casefold() in (known.casefold() for known in chosen):
            raise OptionError(f"the voice of {name!r} is given twice; give it once")
        chosen[name] = voice
    return chosen


def assign_voices(
    speakers: Sequence[str], engine: VoiceEngine, overrides: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """A voice for each speaker, and what is to be said about it.

    Speakers get the engine's voices in the order in which they first speak, each a different one as long as there are
    any; `overrides` (names without regard to case) go first. Raises OptionError for a name that speaks no line and for
    an unknown voice.
    """
    named = {speaker.casefold(): speaker for speaker in speakers}
    given: dict[str, str] = {}
    for name, voice in overrides.items():
        if name.casefold() not in named:
            known = ", ".join(speaker or "(no name)" for speaker in speakers)
            raise OptionError(f"no line is spoken by {name!r}; the speakers are {known}")
        if not engine.knows(voice):
            listed = ", ".join(engine.voices[:12])
            hint = ", and a language before a +, as in de+m3" if "+" in voice else ""
            raise OptionError(f"{engine.name} has no voice {voice!r}; it has {listed}{hint}")
        given[named[name.casefold()]] = voice
    free = [voice for voice in engine.voices if voice not in given.values()]
    notes, wanting = [], [speaker for speaker in speakers if speaker not in given]
    if len(wanting) > len(free):
        notes.append(f"{engine.name} has fewer voices than there are speakers; some share one")
    pool = free or list(engine.voices)
    given.update({speaker: pool[index % len(pool)] for index, speaker in enumerate(wanting)})
    return {speaker: given[speaker] for speaker in speakers}, tuple(notes)
