"""Requests for scores with known cuts, hits and activity, and their moods."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.score.mood import Mood, read_mood
from phonofilm.score.piece import Hit, ScoreRequest


def request(
    duration_s: float = 20.0, cuts_s: Sequence[float] = (4.3, 9.1, 13.7), hits: Sequence[Hit] = ()
) -> ScoreRequest:
    """A request whose picture grows livelier towards its end."""
    activity = np.linspace(0.1, 0.9, round(12 * duration_s)).astype(np.float32)
    length = Fraction(duration_s).limit_denominator(1000)
    return ScoreRequest(length, tuple(cuts_s), tuple(hits), activity, Fraction(12))


class KnownSentences:
    """The sentence encoder, asked only once for each sentence."""

    def __init__(self) -> None:
        self._encoder = SentenceEncoder.load()
        self._known: dict[str, np.ndarray] = {}

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        self._known |= dict(zip(new, np.asarray(self._encoder.encode(new)), strict=True))
        return np.stack([self._known[sentence] for sentence in sentences])


def mood_reader() -> Callable[[str], Mood]:
    """A function from words to their mood."""
    encoder = KnownSentences()
    return lambda words: read_mood(words, encoder)
