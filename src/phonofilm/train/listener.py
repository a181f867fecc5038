"""The recipe of the listener: a multi-label classifier of log-mels, with heavy augmentation for few recordings.

Recordings are split by source (`Recording.group`), never by take. `train_listener` makes the shipped weights from all
but the held-out tenth; `cross_validate` trains one network a fold and judges every recording of the ten named classes
with a network that has not heard its source.

Sentences are taught in the same run: each of the descriptions that the generator is trained with is to lie nearer to
the sounds of its label than the descriptions of all other labels do.

Dimension letters: B batch, S samples, M mel bands, T steps of the log-mel, C classes, R recordings, L labels, D width
of a sentence vector, P width of the space that sounds and sentences share.
"""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from phonofilm.codec.listener import (
    BANDS,
    HOP,
    SHORTEST_FRAMES,
    Listener,
    ListenerConfig,
    coarse,
    reference_level,
)
from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.data.captions import LabelCaptions
from phonofilm.data.manifest import Recording, SampleStore, build_store, read_index
from phonofilm.data.own_labels import captions_for
from phonofilm.data.sound_classes import OTHERS, TEN, THIRTY, classes_of
from phonofilm.device import fast_products
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.train.loop import Loop
from phonofilm.types import FloatArray

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListenerRecipe:
    """Everything that decides what comes out of a run. Levels in nepers of amplitude, pitch in mel bands."""

    net: ListenerConfig
    steps: int
    batch: int
    crop_frames: tuple[int, ...]
    ten_weight: float
    twenty_weight: float
    words_weight: float
    words_sharpness: float
    words_kinship: float
    mix_share: float
    mix_gain_nepers: float
    stretch: float
    pitch_bands: float
    equaliser_nepers: float
    floor_nepers: tuple[float, float]
    label_smoothing: float
    learning_rate: float
    weight_decay: float
    decay: float
    seed: int
    save_every_s: float


def mini_listener() -> ListenerRecipe:
    """The recipe of the shipped listener."""
    return ListenerRecipe(
        net=ListenerConfig(
            classes=THIRTY + OTHERS,
            bands=BANDS,
            stem=16,
            widths=(32, 64, 128),
            head=256,
            dropout=0.3,
            range_nepers=7.0,
            window_frames=215,
            words=64,
        ),
        steps=12_000,
        batch=32,
        crop_frames=(86, 108, 129, 172),
        ten_weight=3.0,
        twenty_weight=2.0,
        words_weight=0.3,
        words_sharpness=15.0,
        words_kinship=0.05,
        mix_share=0.4,
        mix_gain_nepers=0.8,
        stretch=0.15,
        pitch_bands=3.0,
        equaliser_nepers=0.5,
        floor_nepers=(-9.0, -4.5),
        label_smoothing=0.01,
        learning_rate=3e-3,
        weight_decay=0.02,
        decay=0.998,
        seed=5,
        save_every_s=120.0,
    )


class MelStore:
    """Log-mel of every recording, each at full peak, in one memory-mapped fp16 file."""

    def __init__(self, store: SampleStore, path: Path) -> None:
        counts = [max(4, -(-span.count // HOP)) for span in store.spans]
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        if not path.exists():
            partial = path.with_suffix(".partial")
            mel = MelSpectrogram(MEL_44K)
            with partial.open("wb") as file:
                for index, count in enumerate(counts):
                    wave = store.samples(index, 0, count * HOP) / max(store.spans[index].peak, 1e-4)
                    for first in range(0, count, 2048):  # 48 s at a time
                        piece = torch.from_numpy(wave[first * HOP : (first + 2048) * HOP])
                        piece = nn.functional.pad(piece, (0, max(0, 4 * HOP - len(piece))))
                        frames = coarse(mel(piece[None]))[0].T[: count - first]  # (T, M)
                        file.write(frames.numpy().astype(np.float16).tobytes())
            os.replace(partial, path)
        self.data: npt.NDArray[np.float16] = np.memmap(path, np.float16, "r").reshape(-1, BANDS)
        assert len(self.data) == self.starts[-1], f"{path} belongs to another index: delete it"

    def frames(self, index: int) -> npt.NDArray[np.float16]:
        """(T, M) log-mel of recording `index`."""
        return self.data[self.starts[index] : self.starts[index + 1]]


SILENT_MEL = float(np.log(1e-5))


def draw_crop(frames: npt.NDArray[np.float16], length: int, generator: np.random.Generator) -> FloatArray:
    """(length, M) random piece that holds something; short recordings are placed anywhere, or repeated."""
    out = np.full((length, frames.shape[1]), SILENT_MEL, np.float32)
    if len(frames) <= length:
        at = int(generator.integers(0, length - len(frames) + 1))
        repeat = len(frames) < length // 2 and generator.random() < 0.5
        while at < length:
            part = frames[: length - at]
            out[at : at + len(part)] = part
            at += len(frames) + int(generator.integers(2, length // 2))
            if not repeat:
                break
        return out
    for _ in range(6):
        start = int(generator.integers(0, len(frames) - length + 1))
        out[:] = frames[start : start + length]
        if out.max() > 0.5:  # the loudest bin of a recording at full peak reaches about 2
            break
    return out


def augment(mel: Tensor, targets: Tensor, recipe: ListenerRecipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Change everything that does not change what is heard. mel (B, M, T), targets (B, C) → the same shapes."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    batch, bands, count = mel.shape
    speed = torch.exp(uniform(-recipe.stretch, recipe.stretch, batch))
    pitch = torch.exp(uniform(-0.03, 0.03, batch))
    bend = torch.zeros(batch, 2, 3)  # x is time, y is pitch
    bend[:, 0, 0], bend[:, 0, 2] = 1 / speed, uniform(-0.15, 0.15, batch)
    bend[:, 1, 1], bend[:, 1, 2] = pitch, uniform(-recipe.pitch_bands, recipe.pitch_bands, batch) * 2 / bands
    grid = nn.functional.affine_grid(bend, [batch, 1, bands, count], align_corners=False)
    mel = nn.functional.grid_sample(mel[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
    mel = mel - reference_level(mel)

    def smooth_curve(points: int, size: int) -> Tensor:
        knots = torch.randn(batch, 1, points, generator=generator)
        return nn.functional.interpolate(knots, size, mode="linear", align_corners=True)[:, 0]  # (B, size)

    mel = mel + recipe.equaliser_nepers * smooth_curve(7, bands)[:, :, None]
    other = torch.randperm(batch, generator=generator)
    mixed = uniform(0, 1, batch) < recipe.mix_share
    gain = uniform(-recipe.mix_gain_nepers, recipe.mix_gain_nepers, batch)
    both = torch.logaddexp(mel, mel[other] + gain[:, None, None])
    mel = torch.where(mixed[:, None, None], both, mel)
    targets = torch.where(mixed[:, None], torch.maximum(targets, targets[other]), targets)
    floor = uniform(*recipe.floor_nepers, batch)[:, None] + 0.7 * smooth_curve(4, bands)  # (B, M)
    ripple = torch.randn(mel.shape, generator=generator)
    mel = torch.logaddexp(mel, floor[:, :, None] + 0.4 * ripple)
    return blur_and_mask(mel, uniform), targets


def blur_and_mask(mel: Tensor, uniform: Callable[..., Tensor]) -> Tensor:
    """Smear as a vocoder may, cut the highs, hide stretches and bands (SpecAugment, Park et al. 2019). (B, M, T)."""
    batch, bands, count = mel.shape
    blurred = nn.functional.avg_pool2d(mel[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    mel = torch.lerp(mel, blurred, (uniform(-1, 1, batch)).clamp_min(0)[:, None, None])
    quiet = torch.full((), -9.0)
    cut = uniform(0.6, 3.0, batch) * bands
    mel = torch.where(torch.arange(bands)[None, :, None] > cut[:, None, None], quiet, mel)
    for axis, size, widest in ((1, bands, 0.1), (1, bands, 0.1), (2, count, 0.1), (2, count, 0.1)):
        width = uniform(0, widest, batch) * size
        start = uniform(0, 1, batch) * (size - width)
        place = torch.arange(size)[None]
        hidden = (place >= start[:, None]) & (place < (start + width)[:, None])  # (B, size)
        mel = torch.where(hidden[:, :, None] if axis == 1 else hidden[:, None, :], quiet, mel)
    return mel


@dataclass(frozen=True)
class Sentences:
    """Descriptions of every label as vectors.

    vectors: one (descriptions, D) tensor a label. labels: (R,) which label each recording has. kin: (L, L) how much a
    label's description is right for another label's sound, rows adding up to 1; near synonyms share.
    """

    vectors: list[Tensor]
    labels: npt.NDArray[np.int64]
    kin: Tensor


@dataclass(frozen=True)
class Material:
    """What there is to train on: log-mels, per recording its classes as (R, C) float32, and the sentences."""

    recordings: list[Recording]
    mels: MelStore
    targets: FloatArray
    sentences: Sentences


def read_sentences(recordings: list[Recording], table: dict[str, LabelCaptions], kinship: float) -> Sentences:
    """The descriptions of the recordings' labels as vectors; `kinship` is the temperature of their kin."""
    encoder = SentenceEncoder.load()
    labels = sorted({recording.label for recording in recordings})
    counts = [len(table[label].descriptions) for label in labels]
    flat = encoder.encode([text for label in labels for text in table[label].descriptions])
    vectors = list(torch.split(flat, counts))  # L times (descriptions, D)
    means = nn.functional.normalize(torch.stack([rows.mean(dim=0) for rows in vectors]), dim=-1)  # (L, D)
    places = {label: index for index, label in enumerate(labels)}
    own = np.asarray([places[recording.label] for recording in recordings])
    return Sentences(vectors, own, ((means @ means.T) / kinship).softmax(dim=-1))


def read_material(sounds: Path, run: Path, recipe: ListenerRecipe) -> Material:
    """Recordings, their log-mels (made once, in `run`), their classes and their sentences."""
    recordings, classes = read_index(sounds), recipe.net.classes
    store = build_store(recordings, sounds, run / "store")
    mels = MelStore(store, run / "mels.f16")
    targets = np.zeros((len(recordings), len(classes)), np.float32)
    for row, recording in zip(targets, recordings, strict=True):
        row[[classes.index(name) for name in classes_of(recording)]] = 1
    sentences = read_sentences(recordings, captions_for(recordings, store, sounds), recipe.words_kinship)
    return Material(recordings, mels, targets, sentences)


MOST_VARIETY = 100


def draw_weights(material: Material, indices: list[int], recipe: ListenerRecipe) -> npt.NDArray[np.float64]:
    """Chance of each of `indices`; those without a class are never drawn.

    A class is drawn as often as the root of the number of its sources, since it is the variety that has to be learnt;
    the thirty named ones several times as often.
    """
    targets = material.targets[indices]  # (R, C)
    groups = np.asarray([material.recordings[i].group for i in indices])
    variety = np.asarray([len(set(groups[column > 0])) for column in targets.T], np.float64)  # (C,)
    shares = np.sqrt(np.minimum(variety, MOST_VARIETY)) / np.maximum(targets.sum(axis=0), 1)
    shares[: len(TEN)] *= recipe.ten_weight
    shares[len(TEN) : len(THIRTY)] *= recipe.twenty_weight
    weight: npt.NDArray[np.float64] = (targets * shares).max(axis=1)
    weight /= weight.sum()
    return weight


def draw_batch(
    material: Material,
    chosen: list[int],
    recipe: ListenerRecipe,
    generator: np.random.Generator,
    noise: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Augmented random pieces of the `chosen` recordings: log-mel (B, M, T), classes (B, C), labels (B, L)."""
    length = int(generator.choice(recipe.crop_frames))
    crops = np.stack([draw_crop(material.mels.frames(i), length, generator) for i in chosen])  # (B, T, M)
    mel, targets = torch.from_numpy(crops).transpose(1, 2), torch.from_numpy(material.targets[chosen])
    labels = nn.functional.one_hot(
        torch.from_numpy(material.sentences.labels[chosen]), len(material.sentences.vectors)
    )  # (B, L)
    mel, both = augment(mel, torch.cat([targets, labels], dim=1), recipe, noise)
    return mel, both[:, : targets.shape[1]], both[:, targets.shape[1] :]


def loss_of(
    listener: Listener, batch: tuple[Tensor, Tensor, Tensor], sentences: Tensor, kin: Tensor, recipe: ListenerRecipe
) -> Tensor:
    """Each class a question of its own (binary cross entropy), which is the likeliest (cross entropy), and which of the
    `sentences` (L, D), one a label, tells of it (cross entropy against the kin of its labels).

    The first two look at the same logits: one sets where yes begins, the other learns faster from few recordings.
    """
    mel, targets, labels = batch
    with fast_products(torch.device("cpu")):
        embedding = listener(mel)  # (B, H)
        logits = listener.answers(embedding)  # (B, C)
    smooth = targets * (1 - 2 * recipe.label_smoothing) + recipe.label_smoothing
    each = nn.functional.binary_cross_entropy_with_logits(logits, smooth, reduction="sum") / len(mel)
    which = nn.functional.cross_entropy(logits, targets / targets.sum(dim=1, keepdim=True))
    likeness = listener.place_sounds(embedding.float()) @ listener.place_sentences(sentences).T  # (B, L)
    told = (labels / labels.sum(dim=1, keepdim=True)) @ kin  # (B, L)
    words = nn.functional.cross_entropy(recipe.words_sharpness * likeness, told)
    return 0.3 * each + which + recipe.words_weight * words


def fit(material: Material, indices: list[int], recipe: ListenerRecipe, checkpoint: Path) -> Listener:
    """Train (or go on training) on the recordings `indices`; returns the running average, ready to judge."""
    torch.manual_seed(recipe.seed)
    listener = Listener(recipe.net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(listener.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    loop = Loop(checkpoint, listener, optimiser, recipe, torch.device("cpu"))
    generator = np.random.default_rng((recipe.seed, loop.first))
    noise = torch.Generator().manual_seed(recipe.seed + loop.first)
    weights = draw_weights(material, indices, recipe)
    vectors, kin = material.sentences.vectors, material.sentences.kin
    for step in range(loop.first, recipe.steps):
        chosen = [indices[i] for i in generator.choice(len(indices), recipe.batch, p=weights)]
        sentences = torch.stack([rows[int(generator.integers(len(rows)))] for rows in vectors])  # (L, D)
        batch = draw_batch(material, chosen, recipe, generator, noise)
        loss = loss_of(listener, batch, sentences, kin, recipe)
        cosine = max(0.01, 0.5 + 0.5 * np.cos(np.pi * step / recipe.steps))
        loop.descend(step, recipe.learning_rate * min(1, (step + 1) / 200) * cosine, loss, 1.0, loss)
    return loop.average.network.eval()  # type: ignore[return-value]


def train_listener(sounds: Path, run: Path, recipe: ListenerRecipe) -> Listener:
    """The listener that is shipped: everything but the held-out tenth."""
    material = read_material(sounds, run, recipe)
    return fit(material, [i for i, r in enumerate(material.recordings) if not r.held_out], recipe, run / "listener.pt")


@torch.no_grad()
def embed(listener: Listener, mels: MelStore, indices: list[int]) -> Tensor:
    """Embeddings (R, H) of whole recordings (their first 20 s), unchanged."""
    out = []
    for index in indices:
        mel = torch.from_numpy(mels.frames(index)[:860].astype(np.float32)).T[None]  # (1, M, T)
        mel = nn.functional.pad(mel, (0, max(0, SHORTEST_FRAMES - mel.shape[2])), value=SILENT_MEL)
        out.append(listener.heard(mel)[0])
    return torch.stack(out)


@torch.no_grad()
def hear(listener: Listener, mels: MelStore, indices: list[int]) -> FloatArray:
    """Scores (R, C) of whole recordings (their first 20 s), unchanged."""
    scores: FloatArray = listener.answers(embed(listener, mels, indices)).sigmoid().numpy()
    return scores


def folds_of(recordings: list[Recording], count: int) -> npt.NDArray[np.int64]:
    """(R,) which fold hears each recording: sources stay together, labels are spread evenly."""
    fold_of_group: dict[str, int] = {}
    filled: Counter[tuple[str, int]] = Counter()
    sizes = Counter(recording.group for recording in recordings)
    order = sorted(recordings, key=lambda r: (-sizes[r.group], hashlib.sha256(r.group.encode()).digest()))
    for recording in order:
        label, group = recording.label, recording.group
        if group not in fold_of_group:
            start = hashlib.sha256(label.encode()).digest()[0]
            fold_of_group[group] = min(range(count), key=lambda k: (filled[label, k], (k + start) % count))
        filled[label, fold_of_group[group]] += 1
    return np.asarray([fold_of_group[recording.group] for recording in recordings])


def cross_validate(sounds: Path, run: Path, recipe: ListenerRecipe, folds: int) -> tuple[Material, FloatArray]:
    """Train one listener a fold; scores (R, C) of every recording by a listener that has not heard its source."""
    material = read_material(sounds, run, recipe)
    fold = folds_of(material.recordings, folds)
    scores = np.zeros_like(material.targets)
    for k in range(folds):
        listener = fit(material, np.flatnonzero(fold != k).tolist(), recipe, run / f"fold{k}.pt")
        away = np.flatnonzero(fold == k).tolist()
        scores[away] = hear(listener, material.mels, away)
        figures = accuracies(scores[away], material.targets[away], recipe.net.classes)
        logger.info("fold %d: %s", k, {name: f"{share:.2f}" for name, share in figures.items()})
    return material, scores


def accuracies(scores: FloatArray, targets: FloatArray, classes: tuple[str, ...]) -> dict[str, float]:
    """Share of recordings whose highest score, among all classes, is a class of theirs: per class and "ten", "all".

    scores, targets: (R, C). "ten" is the mean over the ten named classes, "all" the share over all recordings.
    """
    labelled = targets.any(axis=1)
    right = np.take_along_axis(targets, scores.argmax(axis=1)[:, None], axis=1)[:, 0]  # (R,)
    each = {name: float(right[targets[:, c] > 0].mean()) for c, name in enumerate(classes) if targets[:, c].any()}
    ten = [each[name] for name in TEN if name in each]
    return {**each, "ten": float(np.mean(ten)), "all": float(right[labelled].mean())}
