"""Meaning over thirty labels and over any words.

The thirty are what people ask for, chosen across the categories of the recordings: animals, weather, people, household,
tools, vehicles, water, alarms, weapons, sport, instruments. The listener names one of thirty (`meaning.agreement` with
`among`), or is shown all thirty prompts as sentences and says which one fits (`text_agreement`).

Dimension letters: P prompts, N sounds, D width of a sentence vector, Q width of the space shared with sounds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from phonofilm.codec.listener import Listener
from phonofilm.evaluate.meaning import PROMPTS, hearable
from phonofilm.types import Waveform

Encode = Callable[[Sequence[str]], Tensor]
"""Sentences → vectors (K, D), as `SentenceEncoder.encode` makes them."""

LABELS: Mapping[str, str] = {
    **PROMPTS,
    "birds singing": "bird",
    "crickets chirping": "insect",
    "lion roaring": "roar",
    "thunder": "thunder",
    "person laughing": "laughing",
    "person chewing": "chewing",
    "footsteps": "footsteps",
    "door slamming": "door",
    "glass breaking": "breaking glass",
    "typing on a keyboard": "keyboard",
    "train passing": "train",
    "car engine running": "car engine",
    "electric drill": "drill",
    "piano": "piano",
    "drums": "drum",
    "pouring water": "pouring water",
    "gunshot": "gunshot",
    "explosion": "explosion",
    "police siren": "alarm",
    "ping pong ball bouncing": "ping pong",
}
"""Prompt → the class of the listener that it asks for."""


@dataclass(frozen=True)
class TextAgreement:
    """How well sounds fit the sentences they were made from.

    ranks: for each of the P prompts, the place of a sound's own sentence among all, 1 the best. own, others: mean
    likeness (-1 to 1) to the own sentence and to all others.
    """

    prompts: tuple[str, ...]
    ranks: tuple[tuple[int, ...], ...]
    own: float
    others: float

    @property
    def each(self) -> dict[str, float]:
        """Share of first places of every prompt."""
        return {prompt: self._within(row, 1) for prompt, row in zip(self.prompts, self.ranks, strict=True)}

    @property
    def first(self) -> float:
        """Share of sounds whose own sentence fits best, the mean over prompts."""
        return float(np.mean(list(self.each.values())))

    @property
    def first_five(self) -> float:
        """Share of sounds whose own sentence is among the five that fit best, the mean over prompts."""
        return float(np.mean([self._within(row, 5) for row in self.ranks]))

    @staticmethod
    def _within(row: tuple[int, ...], last: int) -> float:
        return float(np.mean([rank <= last for rank in row]))


def likeness(
    sounds: Sequence[Waveform], sentences: Sequence[str], listener: Listener, encode: Encode
) -> npt.NDArray[np.float32]:
    """(N, P) how much each sound fits each sentence, -1 to 1; 0 for silence. Raises ModelError without a words head."""
    embedding = torch.cat([listener.embed(hearable(sound)) for sound in sounds])  # (N, H)
    told = listener.place_sentences(encode(sentences))  # (P, Q)
    fits: npt.NDArray[np.float32] = (listener.place_sounds(embedding) @ told.T).numpy()
    return fits


def text_agreement(made: Mapping[str, Sequence[Waveform]], listener: Listener, encode: Encode) -> TextAgreement:
    """Rank every sound's own prompt among all the prompts; `made` holds the N sounds of each.

    Does not see: what a sentence vector does not say (order, number, "without"); words far from the few thousand
    descriptions that the head was taught; and all that agreement does not see. It was taught with the descriptions that
    the generator was trained with: read it against the same figure over recordings.
    """
    prompts = tuple(made)
    ranks, own, others = [], [], []
    for place, sounds in enumerate(made.values()):
        fits = likeness(sounds, prompts, listener, encode)  # (N, P)
        mine = fits[:, place]
        ranks.append(tuple(((fits > mine[:, None]).sum(axis=1) + 1).tolist()))
        own.append(float(mine.mean()))
        others.append(float(np.delete(fits, place, axis=1).mean()) if len(prompts) > 1 else 0.0)
    return TextAgreement(prompts, tuple(ranks), float(np.mean(own)), float(np.mean(others)))
