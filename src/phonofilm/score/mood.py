"""What kind of music is meant: words to the nearest styles, and to energy, brightness, speed and growth.

Style and mood are compared as sentence vectors, so that words that nobody listed still find their style.

Dimension letters: K sentences, D width of a sentence vector.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from phonofilm.score.form import Arc
from phonofilm.score.instruments import Wanted, wanted_instruments
from phonofilm.score.style import Style
from phonofilm.score.styles import STYLES
from phonofilm.score.tempo import TempoRange
from phonofilm.score.theory import BRIGHT_MODES

NO_WORDS = "cinematic background music"
"""What is composed when nothing was said but that there shall be music."""
BEST_SENTENCES = 2
LEAST_NEAR = 0.27
"""Of 52 words for music 4 are less near to any style (chiptune, sitar, gamelan, bossa nova, which no style is like), of
17 others and meaningless ones 12."""
SHARPNESS = 25.0
"""How strongly the nearest style wins; at this value 0.05 nearer counts for three and a half times as much."""
WHOLE_SHARE = 0.5
"""Of the likeness: what the whole prompt says, against what its single phrases say at best."""
AXES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "energy": (
        ("fast", "energetic", "intense", "loud", "powerful", "frantic", "driving", "wild"),
        ("calm", "gentle", "soft", "quiet", "peaceful", "still", "delicate", "relaxed"),
    ),
    "brightness": (
        ("happy", "bright", "cheerful", "joyful", "hopeful", "sunny", "playful", "triumphant"),
        ("sad", "dark", "gloomy", "sinister", "sorrowful", "bleak", "tragic", "melancholy"),
    ),
}
"""What lies at the two ends of an axis; the axis is the line from the mean of one end to that of the other."""
FAST = re.compile(r"\b(fast|quick|rapid|uptempo|up-tempo|allegro|presto|hurried|rushing)\b")
SLOW = re.compile(r"\b(slow|slowly|adagio|largo|lento|unhurried)\b(?! build)")
"""Speed goes by words: sentence vectors put slow and fast next to each other."""
WORD_SPEED = 0.7
GROWS = ("slow build", "builds up slowly to a climax", "growing tension, rising crescendo")
GROWS_FROM = 0.55
AXIS_SCALE = 2.5
"""Single words lie 0.2 to 0.4 out on their axis."""
ENERGY_SHARE = 0.4
"""How far words for loud or soft move the energy of the style."""
CLEAR = 0.13
"""From this difference to the opposite pole on, words count as saying something about an axis."""

Vectors = npt.NDArray[np.float64]


class SentenceVectors(Protocol):
    """Anything that turns K sentences into K unit vectors (K, D) that numpy can read."""

    def encode(self, sentences: Sequence[str]) -> npt.ArrayLike: ...


@dataclass(frozen=True)
class Mood:
    """What the music should be. weights: the nearest styles, adding up to 1. energy 0..1, brightness -1..1.

    near: cosine of the words to the nearest of the sentences that describe styles.
    """

    style: Style
    weights: tuple[tuple[str, float], ...]
    energy: float
    brightness: float
    tempo: TempoRange
    modes: tuple[tuple[str, str], ...]
    arc: Arc
    wanted: Wanted
    near: float

    @property
    def unlearnt(self) -> bool:
        """Whether the words come near to no style and name no instrument."""
        return self.near < LEAST_NEAR and not self.wanted.named


def read_mood(words: str, encoder: SentenceVectors) -> Mood:
    """The mood that words ask for. Raises what the encoder raises (OptionError for too long a text)."""
    text = words.strip() or NO_WORDS
    phrases = [phrase.strip() for phrase in text.split(",") if phrase.strip()]
    asked, styles, up, down, grow = _encode_groups(
        [
            [text, *phrases],
            [sentence for style in STYLES for sentence in style.sentences],
            [sentence for pole, _ in AXES.values() for sentence in pole],
            [sentence for _, pole in AXES.values() for sentence in pole],
            GROWS,
        ],
        encoder,
    )  # (K, D) each
    weights = _style_weights(asked, styles)
    style = max(STYLES, key=lambda each: weights[each.name])
    leans = _leans(asked, up, down)
    energy = sum(weights[each.name] * each.energy for each in STYLES)
    energy = float(np.clip(energy + ENERGY_SHARE * leans["energy"], 0, 1))
    grows = float((asked @ grow.T).max()) >= GROWS_FROM
    wanted = wanted_instruments(text)
    return Mood(
        style,
        tuple(
            sorted(
                ((name, round(weight, 3)) for name, weight in weights.items() if weight >= 0.02),
                key=lambda pair: -pair[1],
            )
        ),
        energy,
        leans["brightness"],
        _tempo(style, _speed(text, leans["energy"])),
        _modes(style, leans["brightness"]),
        "build" if grows else style.arc,
        wanted,
        float((asked @ styles.T).max()),
    )


def _encode_groups(groups: Sequence[Sequence[str]], encoder: SentenceVectors) -> list[Vectors]:
    """The vectors of several lists of sentences, all found in one go."""
    vectors = np.asarray(encoder.encode([sentence for group in groups for sentence in group]), np.float64)
    return np.split(vectors, np.cumsum([len(group) for group in groups])[:-1])


def _style_weights(asked: Vectors, sentences: Vectors) -> dict[str, float]:
    """Weights of all styles by likeness: the whole prompt and its best phrase against the best sentences of each."""
    likeness, at = [], 0
    for style in STYLES:
        own = sentences[at : at + len(style.sentences)]
        at += len(own)
        near = np.sort(asked @ own.T, axis=1)[:, -BEST_SENTENCES:].mean(axis=1)  # (K,)
        likeness.append(WHOLE_SHARE * near[0] + (1 - WHOLE_SHARE) * near[1:].max())
    power = np.exp(SHARPNESS * (np.asarray(likeness) - max(likeness)))
    return dict(zip((style.name for style in STYLES), (power / power.sum()).tolist(), strict=True))


def _leans(asked: Vectors, up: Vectors, down: Vectors) -> dict[str, float]:
    """Where the words lie on each axis, -1..1; 0 where they say nothing about it."""
    found, at_up, at_down = {}, 0, 0
    for name, (one, other) in AXES.items():
        axis = up[at_up : at_up + len(one)].mean(axis=0) - down[at_down : at_down + len(other)].mean(axis=0)  # (D,)
        at_up, at_down = at_up + len(one), at_down + len(other)
        places = asked @ (axis / np.linalg.norm(axis))  # (K,)
        strongest = float(places[np.argmax(np.abs(places))])
        found[name] = 0.0 if abs(strongest) < CLEAR else float(np.clip(AXIS_SCALE * strongest, -1, 1))
    return found


def _speed(text: str, energy: float) -> float:
    """How fast within its range a style is to go, -1..1: by words for it, else by the energy that was asked for."""
    said = (FAST.search(text.lower()) is not None) - (SLOW.search(text.lower()) is not None)
    return WORD_SPEED * said if said else 0.4 * energy


def _tempo(style: Style, speed: float) -> TempoRange:
    """The range of the style, or the part of it that words for slow or fast leave."""
    low, high = style.tempo.low_bpm, style.tempo.high_bpm
    if speed > 0:
        low += min(1.0, speed) * 0.6 * (high - low)
    else:
        high += max(-1.0, speed) * 0.6 * (high - low)
    return replace(style.tempo, low_bpm=low, high_bpm=high)


def _modes(style: Style, brightness: float) -> tuple[tuple[str, str], ...]:
    """The modes of the style; where the words are clearly bright or dark, those that are so too, if it has any."""
    if abs(brightness) < CLEAR:
        return style.modes
    fitting = tuple(pair for pair in style.modes if (pair[0] in BRIGHT_MODES) == (brightness > 0))
    return fitting or style.modes
