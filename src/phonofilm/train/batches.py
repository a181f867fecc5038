"""Batches for the flow network out of shards: latents, degraded cue curves, words, and what a picture would suggest.

The image stream of `mini` is a sequence of sentence embeddings of expected sounds, so it is trained on other
descriptions of the same label, blurred with noise and with embeddings of other labels, as an ImageNet network would
have it; sometimes it is plainly wrong while the words are right.

Dimension letters: B batch, L latent steps, Z latent width, N = L * P curve points, D sync width, I image rows,
T text tokens, E embedding width, K distinct sentences.
"""

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonofilm.data.captions import LabelCaptions
from phonofilm.data.shards import Shard, read_shard
from phonofilm.data.things import load_things, thing_of
from phonofilm.encoders.prompts import phrases
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.flow.sync_features import sync_features
from phonofilm.train.degrade import Degradation, degrade

logger = logging.getLogger(__name__)

CURVE_RATE_HZ = Fraction(44100, 512)
NAMED = 0.3
"""Share of the descriptions that are the thing's name and not the label's: of the big cats one in sixty was recorded as
a lion, and a lion is what people ask for."""
SILENCE = ("silence", "nothing can be heard", "a silent scene without any sound")


@dataclass(frozen=True)
class Batch:
    """One step's material. The three `has_*` (B,) bool say which conditions are shown; the rest become empty ones.

    latents (B, L, Z); sync (B, L, D); image (B, I, E) with image_rows (B, I) bool; text (B, T, E).
    """

    latents: Tensor
    sync: Tensor
    image: Tensor
    image_rows: Tensor
    text: Tensor
    has_sync: Tensor
    has_image: Tensor
    has_text: Tensor


@dataclass(frozen=True)
class Dropout:
    """Shares of examples without words, without picture, without any condition, and with a wrong picture."""

    text: float
    image: float
    everything: float
    sync: float
    wrong_image: float


class Words:
    """Every description of every label as embeddings, made once."""

    def __init__(self, captions: dict[str, LabelCaptions], encoder: SentenceEncoder) -> None:
        sentences: dict[str, int] = {text: number for number, text in enumerate(SILENCE)}
        self.whole: dict[str, list[int]] = {}
        self.parts: dict[str, list[list[int]]] = {}
        self.named: dict[str, list[int]] = {}
        things = load_things()
        for label, row in captions.items():
            thing = thing_of(label, things)
            if thing is not None and thing.words:
                self.named[label] = [sentences.setdefault(text, len(sentences)) for text in thing.words]
            self.whole[label] = [sentences.setdefault(text, len(sentences)) for text in row.descriptions]
            self.parts[label] = [
                [sentences.setdefault(phrase, len(sentences)) for phrase in phrases(text)] for text in row.descriptions
            ]
        rows = list(sentences)
        chunks = [encoder.encode(rows[i : i + 256]) for i in range(0, len(rows), 256)]
        self.table = torch.cat(chunks) * chunks[0].shape[1] ** 0.5  # (K, E)


class FlowBatches:
    """Draws batches from the shards in a folder; notices shards that appear while training."""

    def __init__(
        self, folder: Path, words: Words, text_tokens: int, how: Degradation, dropout: Dropout, seed: int
    ) -> None:
        self.folder, self.words, self.text_tokens = folder, words, text_tokens
        self.how, self.dropout = how, dropout
        self.generator = np.random.default_rng(seed)
        self.shards: dict[Path, Shard] = {}
        self.refresh()

    def refresh(self) -> int:
        """Read shards that are new in the folder; the number of examples there are now."""
        for path in sorted(self.folder.glob("*.safetensors")):
            if path not in self.shards:
                self.shards[path] = read_shard(path)
        return sum(len(shard.labels) for shard in self.shards.values())

    def draw(self, batch: int, steps: int) -> Batch:
        """A batch of `batch` random pieces of `steps` latent steps."""
        shards = list(self.shards.values())
        sizes = np.asarray([len(shard.labels) for shard in shards])
        columns: list[list[Tensor]] = [[], [], [], [], []]
        for _ in range(batch):
            shard = shards[int(self.generator.choice(len(shards), p=sizes / sizes.sum()))]
            for column, value in zip(columns, self._example(shard, steps), strict=True):
                column.append(value)
        latents, sync, image, image_rows, text = (torch.stack(column) for column in columns)
        nothing = torch.from_numpy(self.generator.random(batch) < self.dropout.everything)
        shown = [
            torch.from_numpy(self.generator.random(batch) >= share) & ~nothing
            for share in (self.dropout.sync, self.dropout.image, self.dropout.text)
        ]
        return Batch(latents, sync, image, image_rows, text, *shown)

    def _example(self, shard: Shard, steps: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        index = int(self.generator.integers(len(shard.labels)))
        points = shard.curves.shape[2] // shard.latents.shape[1]
        first = int(self.generator.integers(0, shard.latents.shape[1] - steps + 1))
        latents = shard.latents[index, first : first + steps].float()  # (L, Z)
        curves = shard.curves[index, :, first * points : (first + steps) * points].float().numpy() / 255  # (2, N)
        onset, activity = degrade(curves[0], curves[1], CURVE_RATE_HZ, self.how, self.generator)
        sync = sync_features(
            None if onset is None else torch.from_numpy(onset),
            None if activity is None else torch.from_numpy(activity),
            steps,
            points,
        )
        labels = [shard.names[number] for number in shard.labels[index].tolist() if number >= 0]
        image, rows = self._image(labels, shard.names, steps)
        return latents, sync, image, rows, self._text(labels)

    def _text(self, labels: list[str]) -> Tensor:
        """(T, E): one description or name of each label, its phrases repeated in a circle."""
        numbers: list[int] = []
        for label in labels if self.generator.random() < 0.5 else labels[::-1]:
            named, choices = self._name(label), self.words.parts[label]
            numbers += choices[int(self.generator.integers(len(choices)))] if named is None else [named]
        if not numbers:
            numbers = [int(self.generator.integers(len(SILENCE)))]
        result: Tensor = self.words.table[[numbers[i % len(numbers)] for i in range(self.text_tokens)]]
        return result

    def _image(self, labels: list[str], names: tuple[str, ...], steps: int) -> tuple[Tensor, Tensor]:
        """(I, E) rows of a blurred other description, and which of them are known."""
        count = image_rows(steps)
        width = self.words.table.shape[1]
        if self.generator.random() < self.dropout.wrong_image or not labels:
            labels = [names[int(self.generator.integers(len(names)))]]
        vector = self._description(labels[0])
        for other in labels[1:]:
            vector = vector + self.generator.uniform(0, 1) * self._description(other)
        stray = self._description(names[int(self.generator.integers(len(names)))])
        blend = 0.5 * self.generator.random((count, 1)).astype(np.float32) * self.generator.random()
        noise = self.generator.standard_normal((count, width)).astype(np.float32) * 0.5 * self.generator.random()
        rows = vector + torch.from_numpy(blend) * stray + torch.from_numpy(noise)
        rows = rows * (width**0.5 / rows.norm(dim=1, keepdim=True))
        known = self.generator.random(count) >= self.generator.choice([0.0, 0.3, 0.7])
        return rows.float(), torch.from_numpy(known)

    def _description(self, label: str) -> Tensor:
        named, choices = self._name(label), self.words.whole[label]
        number = choices[int(self.generator.integers(len(choices)))] if named is None else named
        result: Tensor = self.words.table[number]
        return result

    def _name(self, label: str) -> int | None:
        """Now and then, a name of the thing that the label is an example of."""
        named = self.words.named.get(label)
        if not named or self.generator.random() >= NAMED:
            return None
        return named[int(self.generator.integers(len(named)))]


def image_rows(latent_steps: int) -> int:
    """Rows of the image stream for a number of latent steps: about four a second."""
    return max(1, round(latent_steps * 4 * 2048 / 44100))
