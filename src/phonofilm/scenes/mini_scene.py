"""What the network of `mini` is told about one soundtrack.

Dimension letters: I image rows, L latent steps, N curve points, T text tokens, E embedding width.
"""

from dataclasses import dataclass
from hashlib import sha256

from torch import Tensor

from phonofilm.encoders.rhythm import Rhythm
from phonofilm.scenes.guide import Scene

TIMING = 4.0
"""Guidance of the times alone, beside the model's own for words and picture."""


@dataclass(frozen=True)
class LocalWords:
    """What is to be heard in some latent steps [first, end) only: text (T, E)."""

    first: int
    end: int
    text: Tensor


@dataclass(frozen=True)
class MiniScene(Scene):
    """Everything the network is told about one soundtrack, before windows.

    steps: latent steps L. image (I, E), known (I,) bool; onset and activity (N,) or None where nothing is known; text
    and negative (T, E) or None. cuts: latent steps at which shots begin. local: words of single cues. rhythm: that of
    a thing that strikes where nothing else says when, played anew for each take; None where nothing does. dry: nothing
    goes on between hits. lasting: the words name nothing but what goes on. swell_db: how much such a sound swells, None
    where that is not known or not to be touched. timing: guidance of the times alone. parts: what shots are told that
    ask for something else. own: a number of this clip, or of these words where there is none: two sounds drawn from one
    noise would swell and sink together.
    """

    steps: int
    image: Tensor
    known: Tensor
    onset: Tensor | None
    activity: Tensor | None
    text: Tensor | None
    negative: Tensor | None
    cuts: tuple[float, ...]
    local: tuple[LocalWords, ...] = ()
    rhythm: Rhythm | None = None
    dry: bool = False
    lasting: bool = False
    swell_db: float | None = None
    timing: float = TIMING
    parts: tuple["ScenePart", ...] = ()
    own: int = 0

    @property
    def untimed(self) -> bool:
        """Whether some of it is played anew for each take."""
        return self.rhythm is not None or any(part.scene.untimed for part in self.parts)


@dataclass(frozen=True)
class ScenePart:
    """What holds in some latent steps [first, end) only. scene: as if it held everywhere."""

    first: int
    end: int
    scene: MiniScene


def told_in_turn(scene: MiniScene) -> list[ScenePart]:
    """What is told from the first to the last latent step: by the parts, and by the scene itself between them."""
    turns, done = [], 0
    for part in sorted(scene.parts, key=lambda part: part.first):
        if done < part.first:
            turns.append(ScenePart(done, part.first, scene))
        turns.append(part)
        done = part.end
    return turns if done >= scene.steps else [*turns, ScenePart(done, scene.steps, scene)]


def number_of(text: str) -> int:
    """A number for a text, the same everywhere, in 32 bits."""
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big")
