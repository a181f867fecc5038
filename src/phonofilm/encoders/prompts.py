"""A prompt as the text stream: one vector for each of its phrases.

A sentence vector blurs "a dog barking, heavy rain" into one meaning. So the network gets the parts, and can attend to
the dog where it sees the dog.

Dimension letters: P tokens of the text stream, K phrases, D width (384).
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from torch import Tensor

from phonofilm.settings import plain_prompt

TOKENS = 8

_BORDER = re.compile(
    r";+"  # always a border
    r"|,(?!\d)|(?<!\d),"  # but not the comma in 1,000
    r"|[.!?]+(?=\s|$)"  # nor the point in 2.5
    # nor the "and" inside "back and forth", "up and down", "over and over"
    r"|(?<!\bback)(?<!\bup)(?<!\bto)(?<!\bin)(?<!\bon)(?<!\bagain)(?<!\bover)(?<!\bround)\sand\s|\swith\s",
    re.IGNORECASE,
)
PLACES = (
    "alley|arena|attic|basement|battlefield|bog|campsite|canyon|castle|cathedral|cavern|church|classroom|countryside|"
    "crypt|dawn|desert|dungeon|evening|forest|garden|graveyard|gym|hall|harbou?r|hospital|inn|island|jungle|"
    "laboratory|library|mall|market|marsh|meadow|moor|morning|mountains?|museum|nature|night|oasis|office|orchard|"
    "playground|prairie|prison|pub|rainforest|ruins|savanna|schoolyard|spaceship|swamp|temple|tundra|valley|village|"
    "warehouse|woodland|woods"
)
"""Of 110 places and hours those whose bare name comes near to no sound that goes on, or to one that strikes ("forest":
a falling tree), and whose ambience does."""
_PLACE = re.compile(
    rf"(?:(?:the|an?)\s+)?(?:[\w-]+\s+)?(?:{PLACES})(?:\s+(?:at|in|by|during|before|after)\s+(?:the\s+)?"
    r"(?:[\w-]+\s+)?(?:night|day|daytime|dawn|dusk|noon|morning|evening|summer|winter|spring|autumn))?",
    re.IGNORECASE,
)
_LINK_AT_AN_END = re.compile(r"^(?:and|with)\s+|\s+(?:and|with)$", re.IGNORECASE)
_WORD = re.compile(r"\w")


class SentenceVectors(Protocol):
    """What this file needs of a sentence encoder."""

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(K, D) float32, rows of norm 1."""
        ...


def phrases(prompt: str) -> tuple[str, ...]:
    """The parts of a prompt, in order: cut at , ; . ! ? and at "and" and "with" between words.

    Emoji, and parts without a letter or digit, are left out, unless nothing else is there. What kind of space stands
    between words says nothing, line ends included. An empty prompt has no phrases.
    """
    parts = (_LINK_AT_AN_END.sub("", part.strip()) for part in _BORDER.split(plain_prompt(prompt)))
    found = tuple(" ".join(part.split()) for part in parts if _WORD.search(part))
    whole = " ".join(prompt.split())
    return found or ((whole,) if whole else ())


def read_as(prompt: str, tokens: int) -> tuple[str, ...]:
    """What the network reads of a prompt: at most `tokens` texts, bare names of places as their ambience."""
    return grouped(as_sounds(phrases(prompt)), tokens)


def as_sounds(parts: Sequence[str]) -> tuple[str, ...]:
    """The same where a part names only a place or an hour: its ambience is meant."""
    return tuple(f"{part} ambience" if _PLACE.fullmatch(part) else part for part in parts)


def grouped(parts: Sequence[str], groups: int) -> tuple[str, ...]:
    """At most `groups` texts that together hold every part: where there are more parts, neighbours share a text."""
    count = min(groups, len(parts))
    edges = [len(parts) * index // count for index in range(count)] + [len(parts)] if count else []
    return tuple(", ".join(parts[first:end]) for first, end in pairwise(edges))


def prompt_features(prompt: str, encoder: SentenceVectors, tokens: int = TOKENS) -> Tensor | None:
    """The text stream of a prompt: (P, D) float32 with P = tokens, values of unit variance; None for an empty prompt.

    The rows are the prompt's phrases, repeated from the first until all are filled, so that the mean of the rows is the
    mean of the phrases. Beyond P phrases, neighbouring ones are read together, so that none is lost.
    Bare names of places are read as their ambience.
    Raises OptionError as the encoder does for too many tokens in one phrase.
    """
    parts = read_as(prompt, tokens)
    if not parts:
        return None
    vectors = encoder.encode(list(parts))  # (K, D)
    return vectors[[index % len(parts) for index in range(tokens)]] * math.sqrt(vectors.shape[1])  # (P, D)
