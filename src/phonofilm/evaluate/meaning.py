"""Does a sound mean what was asked for? A listener trained on real recordings is asked what it hears.

What the measure does not see: how good a sound is (a dull, noisy or looped bark is still a bark), whether it is in
time, in the right place or at the right level, and anything outside the listener's classes (a "violin" and a "drum"
are both music). The listener has learnt from the same collection of recordings that the generator has, so it is kinder
to sounds in that collection's manner than a person would be; and it makes mistakes on real recordings too, so a share
of agreement reads against its own accuracy, never against 1. It was trained to lean towards the ten classes asked for
here: real sounds of other kinds, short hits above all, are often heard as one of them, so agreement on one prompt is
weaker evidence than its score suggests. Read the whole confusion table.

Dimension letters: C channels, S samples, P prompts, K classes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from phonofilm.codec.listener import Listener
from phonofilm.codec.spectral import MEL_44K
from phonofilm.errors import ModelError
from phonofilm.types import FloatArray, Waveform

PROMPTS: Mapping[str, str] = {
    "dog barking": "dog",
    "rain": "rain",
    "sea waves": "sea waves",
    "baby crying": "crying baby",
    "clock ticking": "clock tick",
    "person sneezing": "person sneeze",
    "helicopter": "helicopter",
    "chainsaw": "chainsaw",
    "rooster": "rooster",
    "fire crackling": "fire crackling",
}
"""The ten prompts that agreement is measured on, and the class that each asks for."""

Make = Callable[[str, int], Waveform]
"""(prompt, seed) → a generated sound."""


@dataclass(frozen=True)
class Judgement:
    """What the listener hears in one sound.

    scores: (class, score) by falling score. Each score is a yes or no of its own, 0 to 1: they do not add up to 1, and
    the sound of rain with a dog may score high on both. All are 0 for silence, and then `top` is None.
    """

    scores: tuple[tuple[str, float], ...]

    @property
    def top(self) -> str | None:
        return self.scores[0][0] if self.scores[0][1] > 0 else None

    def top_among(self, names: Collection[str]) -> str | None:
        """The one of `names` with the highest score; None when all are 0. Raises ModelError for an unknown one."""
        best = max(names, key=self.score)
        return best if self.score(best) > 0 else None

    def score(self, name: str) -> float:
        """The score of one class. Raises ModelError when the listener has no such class."""
        for known, score in self.scores:
            if known == name:
                return score
        raise ModelError(f"the listener has no class {name!r}; it knows {', '.join(sorted(n for n, _ in self.scores))}")


@dataclass(frozen=True)
class Agreement:
    """How often generated sounds are heard as what was asked for.

    confusion: (P, K + 1) int, how many of a prompt's sounds were heard as each class; the last column is silence.
    asked: the class each prompt asks for.
    """

    prompts: tuple[str, ...]
    asked: tuple[str, ...]
    classes: tuple[str, ...]
    confusion: npt.NDArray[np.int64]

    @property
    def each(self) -> dict[str, float]:
        """Share of agreement of every prompt."""
        rows = zip(self.prompts, self.asked, self.confusion, strict=True)
        return {prompt: float(row[self.classes.index(asked)] / row.sum()) for prompt, asked, row in rows}

    @property
    def share(self) -> float:
        """Share of agreement over all prompts and seeds."""
        return float(np.mean(list(self.each.values())))

    def table(self) -> str:
        """One line a prompt: the share, then what was heard and how often."""
        heard = (*self.classes, "silence")
        lines = []
        for prompt, row in zip(self.prompts, self.confusion, strict=True):
            order = [int(k) for k in np.argsort(-row, kind="stable") if row[k]]
            lines.append(f"{prompt:16} {self.each[prompt]:4.0%}  " + ", ".join(f"{heard[k]} {row[k]}" for k in order))
        return "\n".join(lines)


def hearable(waveform: Waveform) -> Tensor:
    """(1, S) the sound as the listener takes it: the mean of its channels at 44.1 kHz."""
    mono: FloatArray = waveform.samples.mean(axis=0)  # (S,)
    if waveform.rate_hz != MEL_44K.rate_hz and len(mono):
        mono = np.asarray(soxr.resample(mono, waveform.rate_hz, MEL_44K.rate_hz), np.float32)  # (S',)
    return torch.from_numpy(mono)[None]


def judge(waveform: Waveform, listener: Listener) -> Judgement:
    """What is heard in a sound of any rate, level, length and number of channels (they are averaged)."""
    scores = listener.scores(hearable(waveform))[0].tolist()  # K numbers
    return Judgement(tuple(sorted(zip(listener.config.classes, scores, strict=True), key=lambda row: -row[1])))


def agreement(
    make: Make,
    listener: Listener,
    seeds: Sequence[int],
    prompts: Mapping[str, str] = PROMPTS,
    among: Collection[str] | None = None,
) -> Agreement:
    """Make every prompt with every seed and count what is heard; a sound agrees when its top class is the one asked.

    The top is taken among all classes of the listener, or among those given. Raises ModelError when a class asked for
    is not one of them.

    Does not see: how good a sound is (a dull or looped bark is still a bark), whether it is in time, in its place or at
    its level, and anything outside the classes. The listener has learnt from the recordings that the generator has, and
    errs on real ones too: read a share against the listener's own accuracy, never against 1.
    """
    classes = tuple(name for name in listener.config.classes if among is None or name in among)
    unknown = sorted(set(prompts.values()) - set(classes))
    if unknown:
        raise ModelError(f"the listener has no class {', '.join(unknown)}; it knows {', '.join(classes)}")
    confusion = np.zeros((len(prompts), len(classes) + 1), np.int64)
    for row, prompt in zip(confusion, prompts, strict=True):
        for seed in seeds:
            top = judge(make(prompt, seed), listener).top_among(classes)
            row[classes.index(top) if top is not None else len(classes)] += 1
    return Agreement(tuple(prompts), tuple(prompts.values()), classes, confusion)


def mean_score(sounds: Iterable[Waveform], listener: Listener, name: str) -> float:
    """Mean score of one class over some sounds; a negative prompt that names it must lower this.

    It compares sets of sounds made alike but for one thing; a single score is no probability.
    """
    return float(np.mean([judge(sound, listener).score(name) for sound in sounds]))
