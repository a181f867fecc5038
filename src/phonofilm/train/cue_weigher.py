"""The recipe of the cue weigher: peaks of heat of whole films, which of them are events, and the training.

It learns from what the finished networks say of the films they have learnt from, each of which they have seen a few
times in pieces, and never in the order it has.

Dimension letters: B films of a batch, E candidates, F features, R features of two, K events.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from phonofilm.encoders.cue_features import CLOCK_HZ
from phonofilm.encoders.cue_finder import CueFinder
from phonofilm.encoders.cue_weigher import Candidates, Weigher, WeigherConfig, between, feature_count, save_weigher
from phonofilm.encoders.motion import DoubleArray
from phonofilm.errors import InputError
from phonofilm.train.cue_examples import CueExample, CueShard
from phonofilm.train.loop import Loop, falling
from phonofilm.train.state import fill_with_average, load_state, save_state
from phonofilm.types import FloatArray

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeigherRecipe:
    """Everything that decides what comes out of a run.

    name: of its checkpoint. tolerance_s: a candidate is an event when it is the nearest to one within this time.
    beside_weight: how much a second candidate within it counts, which could be the event as well. steps: few; with five
    times as many, what simulated films gained real ones lost.
    """

    name: str
    width: int
    layers: int
    heads: int
    dropout: float
    forget: float
    steps: int
    batch: int
    tolerance_s: float
    beside_weight: float
    learning_rate: float
    warmup: int
    weight_decay: float
    decay: float
    seed: int
    save_every_s: float


def mini_weigher() -> WeigherRecipe:
    """The recipe of the shipped weigher."""
    return WeigherRecipe(
        name="cue_weigher",
        width=64,
        layers=2,
        heads=4,
        dropout=0.15,
        forget=0.3,
        steps=300,
        batch=48,
        tolerance_s=0.075,
        beside_weight=0.3,
        learning_rate=2e-3,
        warmup=50,
        weight_decay=0.02,
        decay=0.98,
        seed=0,
        save_every_s=120.0,
    )


@dataclass(frozen=True)
class WeighedFilm:
    """One stretch of a film: its candidates, wanted (E,) 1 for events, counted (E,) how much each counts."""

    candidates: Candidates
    wanted: FloatArray
    counted: FloatArray


def films_of(finder: CueFinder, examples: Iterable[CueExample], recipe: WeigherRecipe) -> list[WeighedFilm]:
    """What the networks say of films, beside the truth; films in which they see nothing are left out."""
    films = []
    for example in examples:
        motion, table = example.motion, example.events
        length_s = float(motion.times_s[-1] + np.median(np.diff(motion.times_s)))
        heat = finder.heat(motion, example.hand, round(length_s * CLOCK_HZ) + 1)
        for candidates, _ in finder.candidates(heat, motion, example.hand, length_s):
            if len(candidates.times_s):
                asked, free = table.times_s[table.asked], table.times_s[~table.asked]
                films.append(WeighedFilm(candidates, *wanted_of(candidates.times_s, asked, free, recipe)))
    return films


def wanted_of(
    times_s: DoubleArray, asked_s: FloatArray, free_s: FloatArray, recipe: WeigherRecipe
) -> tuple[FloatArray, FloatArray]:
    """Which of the candidates at times_s (E,) are events, and how much each counts, (E,) each.

    asked_s: instants (K,) of events; free_s: of those of which either may be said. Nearest pairs are matched first.
    """
    wanted, counted = np.zeros(len(times_s), np.float32), np.ones(len(times_s), np.float32)
    apart_s = np.abs(times_s[:, None] - asked_s)  # (E, K)
    left = apart_s.copy()
    while left.size and left.min() <= recipe.tolerance_s:
        candidate, event = np.unravel_index(left.argmin(), left.shape)
        wanted[candidate] = 1
        left[candidate], left[:, event] = np.inf, np.inf
    beside = apart_s.min(1, initial=np.inf) <= 1.3 * recipe.tolerance_s
    counted[beside & (wanted == 0)] = recipe.beside_weight
    free = np.abs(times_s[:, None] - free_s).min(1, initial=np.inf) <= recipe.tolerance_s
    counted[free & (wanted == 0)] = 0
    return wanted, counted


def loss_of(weigher: Weigher, films: list[WeighedFilm]) -> Tensor:
    """How wrong a weigher is about some films."""
    most = max(len(film.wanted) for film in films)

    def padded(rows: list[FloatArray], *dimensions: int) -> Tensor:
        out = torch.zeros(len(rows), *dimensions)
        for number, row in enumerate(rows):
            out[number][tuple(slice(0, size) for size in row.shape)] = torch.from_numpy(row)
        return out.to(weigher.mean.device)

    features = padded([film.candidates.features for film in films], most, weigher.config.features)
    odds = padded([film.candidates.odds for film in films], most)
    apart = [between(film.candidates) for film in films]
    wanted, counted = padded([film.wanted for film in films], most), padded([film.counted for film in films], most)
    there = padded([np.ones(len(film.wanted), np.float32) for film in films], most) > 0
    weighed = weigher(features, odds, padded(apart, most, most, apart[0].shape[-1]), there)
    wrong = nn.functional.binary_cross_entropy_with_logits(weighed, wanted, reduction="none")
    return (wrong * counted).sum() / counted.sum().clamp_min(1)


def train_weigher(run: Path, device: torch.device, recipe: WeigherRecipe, finder: CueFinder) -> Weigher:
    """Train (or go on training) on run/cue_examples; returns the running average, ready to use.

    Raises InputError when there are no films.
    """
    config = _config(recipe, finder)
    state = load_state(run / f"{recipe.name}.pt", torch.device("cpu"))
    if state is not None and state["step"] >= recipe.steps:
        return finished_weigher(run, recipe, finder)
    paths = sorted((run / "cue_examples").glob("*.safetensors"))
    if not paths:
        raise InputError(f"no films in {run / 'cue_examples'}; run the stage 'scenes' first")
    films: list[WeighedFilm] = []
    for path in paths:
        shard = CueShard(path)
        films += films_of(finder, (shard.example(index) for index in range(len(shard))), recipe)
    return fit(run, device, recipe, config, films)


def fit(
    run: Path, device: torch.device, recipe: WeigherRecipe, config: WeigherConfig, films: list[WeighedFilm]
) -> Weigher:
    """Train (or go on training) on films; returns the running average, ready to use.

    Without films, since the networks see nothing yet, what comes out changes nothing.
    """
    torch.manual_seed(recipe.seed)
    weigher = Weigher(config, recipe.dropout, recipe.forget).to(device)
    features = np.concatenate([np.zeros((0, config.features)), *(film.candidates.features for film in films)])
    if films:
        weigher.mean.copy_(torch.from_numpy(features.mean(0)))
        weigher.spread.copy_(torch.from_numpy(features.std(0) + 1e-3))
    optimiser = torch.optim.AdamW(weigher.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    loop = Loop(run / f"{recipe.name}.pt", weigher, optimiser, recipe, device)
    generator = np.random.default_rng((recipe.seed, loop.first))
    logger.info("%s: %d films, %d candidates", recipe.name, len(films), len(features))
    if not films:
        logger.warning("the cue networks see nothing in any film; the weigher is left as it begins")
        rows = {"net": weigher.state_dict(), "average": weigher.state_dict(), "optimiser": optimiser.state_dict()}
        save_state(run / f"{recipe.name}.pt", {"step": recipe.steps, **rows})
        return weigher.eval()
    for step in range(loop.first, recipe.steps):
        chosen = generator.integers(len(films), size=recipe.batch)
        loss = loss_of(weigher, [films[int(index)] for index in chosen])
        rate = recipe.learning_rate * falling(step, recipe.steps, recipe.warmup)
        loop.descend(step, rate, loss, 1.0, loss)
    return loop.average.network.eval()  # type: ignore[return-value]


def _config(recipe: WeigherRecipe, finder: CueFinder) -> WeigherConfig:
    features = feature_count(len(finder.networks), len(finder.networks[0].config.contacts))
    return WeigherConfig(features, recipe.width, recipe.layers, recipe.heads)


def finished_weigher(run: Path, recipe: WeigherRecipe, finder: CueFinder) -> Weigher:
    """The averaged weigher of a run. Raises InputError when it is not trained yet."""
    weigher = Weigher(_config(recipe, finder))
    fill_with_average(weigher, run, recipe.name, "cues")
    return weigher.eval()


def export_weigher(run: Path, path: Path, recipe: WeigherRecipe, finder: CueFinder) -> str:
    """Write the averaged weights of a run as `save_weigher` does; returns the file's sha256. Raises InputError."""
    save_weigher(finished_weigher(run, recipe, finder), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
