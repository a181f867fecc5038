"""The recipe of the cue finder: how the motion of simulated films is varied, what is asked of it, and the training.

Dimension letters: B batch, T points of the clock, P pairs of frames, K events.
"""

import hashlib
import logging
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from phonofilm.data.simulate.truth import CONTACTS
from phonofilm.device import fast_products
from phonofilm.encoders.cue_features import CLOCK_HZ, Features, between, features_of
from phonofilm.encoders.cue_network import Answers, Batch, CueFinderConfig, CueNetwork, save_cue_finder, together
from phonofilm.errors import InputError
from phonofilm.train.cue_examples import CueExample, CueShard
from phonofilm.train.cue_variety import Variety, varied
from phonofilm.train.loop import Loop
from phonofilm.train.state import fill_with_average
from phonofilm.types import FloatArray

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CueRecipe:
    """Everything that decides what comes out of a run.

    name: of its checkpoint. crop_s: length of a training example. heat_s: how far from an event the heat still is 0.6.
    event_weight: how much more a point at an event counts than one without. *_weight: of the parts of the loss.
    untold_share: examples that are not told the hand-made events.
    """

    name: str
    net: CueFinderConfig
    steps: int
    batch: int
    crop_s: float
    heat_s: float
    event_weight: float
    offset_weight: float
    strength_weight: float
    activity_weight: float
    place_weight: float
    contact_weight: float
    none_weight: float
    variety: Variety
    untold_share: float
    learning_rate: float
    warmup: int
    weight_decay: float
    decay: float
    seed: int
    save_every_s: float


def mini_cue_finder() -> CueRecipe:
    """The recipe of the network that knows motion alone."""
    return CueRecipe(
        name="cue_finder",
        net=CueFinderConfig(
            contacts=CONTACTS,
            fine=0,
            look=0,
            near=16,
            block=24,
            coarse=48,
            slots=6,
            slot=16,
            width=128,
            dilations=(1, 2, 4, 8, 1, 2, 4, 8),
            threshold=0.4,
        ),
        steps=9_000,
        batch=16,
        crop_s=3.0,
        heat_s=0.025,
        event_weight=3.0,
        offset_weight=0.5,
        strength_weight=0.3,
        activity_weight=0.3,
        place_weight=0.5,
        contact_weight=0.2,
        none_weight=0.05,
        variety=Variety(
            speed=(-0.5, 1.0),
            stretch=0.25,
            contrast=(-0.5, 1.5),
            close_share=0.5,
            close_zoom=3.0,
            grain=0.02,
            jolt_share=0.25,
            sway_share=0.4,
            soft_share=0.4,
            quick_share=0.35,
            quickest=3.0,
            lost_share=0.35,
            hidden_share=0.15,
            speckle=12.0,
            gamma=0.6,
        ),
        untold_share=0.3,
        learning_rate=3e-3,
        warmup=100,
        weight_decay=0.02,
        decay=0.998,
        seed=7,
        save_every_s=120.0,
    )


def mini_shown_cue_finder() -> CueRecipe:
    """The recipe of the network that is shown the pictures too."""
    recipe = mini_cue_finder()
    net = replace(recipe.net, fine=16, look=32, near=32, block=48, coarse=64)
    return replace(recipe, name="cue_finder_shown", net=net, steps=5_400, learning_rate=2e-3, seed=21)


@dataclass(frozen=True)
class Targets:
    """What is asked at every point of the clock (B, T) float32.

    heat 0..1 and counted (0 where a finder is free); weight, how near the next event is, with its offset (points),
    strength and place; contact (B, T) int64, the number of kinds for none; activity and place of what goes on.
    """

    heat: Tensor
    counted: Tensor
    weight: Tensor
    offset: Tensor
    strength: Tensor
    event_place: Tensor
    contact: Tensor
    activity: Tensor
    place: Tensor

    def on(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


def draw_features(
    example: CueExample, recipe: CueRecipe, generator: np.random.Generator
) -> tuple[Features, tuple[FloatArray, ...]]:
    """A piece of a film and its targets, the columns of `Targets` (T,)."""
    count = round(recipe.crop_s * CLOCK_HZ)
    spare = max(0.0, float(example.motion.times_s[-1]) - recipe.crop_s)
    first_s = float(generator.uniform(-0.1, spare + 0.1))
    hand = None if generator.random() < recipe.untold_share else example.hand
    part = between(example.motion, first_s - 0.05, first_s + recipe.crop_s + 0.05)
    told = features_of(part, hand, first_s, count, torch.float32, example.shown and recipe.net.look > 0)
    return told, targets_of(example, first_s, count, recipe)


def targets_of(example: CueExample, first_s: float, count: int, recipe: CueRecipe) -> tuple[FloatArray, ...]:
    """The columns of `Targets` on the points first_s + n / CLOCK_HZ, n < count; nothing is asked beyond the film."""
    points_s = first_s + np.arange(count) / CLOCK_HZ
    table, times_s = example.events, example.motion.times_s
    inside = (points_s >= times_s[0] - 0.5 / CLOCK_HZ) & (points_s <= times_s[-1] + 0.5 / CLOCK_HZ)
    asked = table.only(table.asked)
    heat, free = np.zeros(count), np.zeros(count, bool)
    columns = np.zeros((4, count))
    columns[3] = len(recipe.net.contacts)
    if len(asked.times_s):
        away_s = asked.times_s - points_s[:, None]  # (T, K)
        nearest = np.abs(away_s).argmin(1)
        off_s = away_s[np.arange(count), nearest]
        heat = np.exp(-0.5 * (off_s / recipe.heat_s) ** 2)
        rows = (asked.strengths[nearest], asked.places[nearest], asked.contacts[nearest])
        columns = np.stack([off_s * CLOCK_HZ, *rows])
        columns[3, heat < 0.5] = len(recipe.net.contacts)
    if not table.asked.all():
        other_s = np.abs(table.times_s[~table.asked] - points_s[:, None]).min(1)
        free = (other_s < 2 * recipe.heat_s) & (heat < 0.1)
    points = np.arange(count) + round(first_s * CLOCK_HZ)
    known = (points >= 0) & (points < len(example.activity))
    activity, place = (curve[points.clip(0, len(curve) - 1)] for curve in (example.activity, example.place))
    weight = np.where((heat > 0.2) & inside, heat, 0)
    parts = (heat, inside & ~free, weight, *columns, np.where(known, activity, 0), place)
    return tuple(np.asarray(part, np.float32) for part in parts)


def draw_batch(shard: CueShard, recipe: CueRecipe, generator: np.random.Generator) -> tuple[Batch, Targets]:
    """Random varied pieces of films of one shard."""
    chosen = generator.choice(len(shard), recipe.batch, replace=len(shard) < recipe.batch)
    drawn = [
        draw_features(varied(shard.example(int(index)), recipe.variety, generator), recipe, generator)
        for index in chosen
    ]
    columns = [torch.from_numpy(np.stack(rows)) for rows in zip(*(rows for _, rows in drawn), strict=True)]
    columns[6] = columns[6].long()
    return together([features for features, _ in drawn]), Targets(*columns)


def loss_of(answers: Answers, targets: Targets, recipe: CueRecipe) -> Tensor:
    """How wrong the answers are; each part is asked only where it has a meaning."""

    def bits(logits: Tensor, wanted: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")

    def mean(values: Tensor, weight: Tensor) -> Tensor:
        return (values * weight).sum() / weight.sum().clamp_min(1)

    stress = 1 + (recipe.event_weight - 1) * targets.heat
    heat = mean(bits(answers.heat, targets.heat), targets.counted * stress)
    missed = nn.functional.smooth_l1_loss(answers.offset, targets.offset, reduction="none", beta=0.3)
    offset = mean(missed, targets.weight)
    strength = mean(bits(answers.strength, targets.strength), targets.weight)
    activity = mean(bits(answers.activity, targets.activity), targets.counted)
    side = mean((answers.place - targets.event_place).abs(), targets.weight)
    side = side + mean((answers.place - targets.place).abs(), targets.activity * (targets.heat < 0.1))
    contact = nn.functional.cross_entropy(answers.contact.transpose(1, 2), targets.contact, reduction="none")
    contact = mean(contact, torch.where(targets.weight > 0, targets.weight, recipe.none_weight * targets.counted))
    return (
        4 * heat
        + recipe.offset_weight * offset
        + recipe.strength_weight * strength
        + recipe.activity_weight * activity
        + recipe.place_weight * side
        + recipe.contact_weight * contact
    )


def train_cue_finder(run: Path, device: torch.device, recipe: CueRecipe) -> CueNetwork:
    """Train (or go on training) on run/cue_examples; returns the running average, ready to use.

    Shards that are made meanwhile are taken up. Raises InputError when there are none.
    """
    torch.manual_seed(recipe.seed)
    network = CueNetwork(recipe.net).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    loop = Loop(run / f"{recipe.name}.pt", network, optimiser, recipe, device)
    generator = np.random.default_rng((recipe.seed, loop.first))
    shards: dict[Path, CueShard] = {}
    for step in range(loop.first, recipe.steps):
        if step % 100 == 0 or not shards:
            _take_up(shards, run / "cue_examples")
        shard = list(shards.values())[int(generator.integers(len(shards)))]
        batch, targets = draw_batch(shard, recipe, generator)
        with fast_products(device):
            answers = network(batch.on(device))
        loss = loss_of(answers, targets.on(device), recipe)
        cosine = max(0.01, 0.5 + 0.5 * np.cos(np.pi * step / recipe.steps))
        loop.descend(step, recipe.learning_rate * min(1, (step + 1) / recipe.warmup) * cosine, loss, 1.0, loss)
    return loop.average.network.eval()  # type: ignore[return-value]


def _take_up(shards: dict[Path, CueShard], folder: Path) -> None:
    """Open the shards that have come."""
    for path in sorted(folder.glob("*.safetensors")):
        if path not in shards:
            shards[path] = CueShard(path)
    if not shards:
        raise InputError(f"no films in {folder}; run the stage 'scenes' first")


def export_cue_finder(run: Path, path: Path, recipe: CueRecipe) -> str:
    """Write the averaged weights of a run as `save_cue_finder` does; returns the file's sha256.

    Raises InputError before any training.
    """
    network = CueNetwork(recipe.net)
    fill_with_average(network, run, recipe.name, "cues")
    save_cue_finder(network, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
