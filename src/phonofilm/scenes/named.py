"""What the words of a prompt name for `mini`: the text stream, when it strikes, whether it goes on, how much it swells.

Dimension letters: T text tokens, E embedding width.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from phonofilm.encoders.prompts import prompt_features, read_as
from phonofilm.encoders.rhythm import Rhythm, RhythmTable, goes_on, learnt, rhythm_of, swell_of
from phonofilm.encoders.sentences import SentenceEncoder

LEAST_SWELL_DB = 1.0
"""Less is not asked for: a sound as steady as a test tone is no recording's."""


@dataclass(frozen=True)
class Named:
    """Reads words. tokens: T, phrases that the network reads at most."""

    rhythms: RhythmTable
    sentences: SentenceEncoder
    tokens: int

    def text(self, prompt: str) -> Tensor | None:
        """(T, E) what the network reads of a prompt; None without words."""
        return prompt_features(prompt, self.sentences, self.tokens)

    def rhythm(self, prompt: str, text: Tensor) -> Rhythm | None:
        """When what the words name would be heard. text: (T, E) the prompt's text stream."""
        texts = read_as(prompt, len(text))
        return rhythm_of(texts, F.normalize(text[: len(texts)], dim=1), self.rhythms)

    def unlearnt(self, text: Tensor | None) -> bool:
        """Whether words (T, E) come near to no sound that was learnt."""
        return text is not None and not learnt(F.normalize(text, dim=1), self.rhythms)

    def words_go_on(self, prompt: str) -> bool:
        """Whether a prompt names nothing but what goes on."""
        return self.goes_on(self.text(prompt))

    def goes_on(self, text: Tensor | None) -> bool:
        """Whether words (T, E) name nothing but what goes on."""
        return text is not None and goes_on(F.normalize(text, dim=1), self.rhythms)

    def swell_db(self, text: Tensor | None) -> float | None:
        """How much what words (T, E) name swells at most, dB; None where it does not go on or that is not known."""
        if text is None or not self.goes_on(text):
            return None
        found = swell_of(F.normalize(text, dim=1), self.rhythms)
        return None if found is None else max(LEAST_SWELL_DB, found)
