"""The recipe of the flow network: flow matching on latents of composed examples, with conditions dropped at random.

Dimension letters as in `train/batches.py`.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from phonofilm.data.captions import LabelCaptions, load_captions
from phonofilm.device import matmul_dtype
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import InputError, ModelError
from phonofilm.flow.network import FlowConfig, FlowNetwork, initialise
from phonofilm.flow.path import direction, point
from phonofilm.train.batches import Batch, Dropout, FlowBatches, Words
from phonofilm.train.degrade import MINI_DEGRADATION, Degradation
from phonofilm.train.loop import Loop, falling

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FlowRecipe:
    """Everything that decides what comes out of a run. A batch holds `batch_steps` latent steps, in pieces of one of
    the lengths in `lengths`."""

    net: FlowConfig
    steps: int
    batch_steps: int
    lengths: tuple[int, ...]
    learning_rate: float
    warmup: int
    weight_decay: float
    decay: float
    degradation: Degradation
    dropout: Dropout
    seed: int
    save_every_s: float


def mini_flow() -> FlowRecipe:
    """The recipe of the shipped network: 14 million weights, pieces of 4 and 8 seconds."""
    return FlowRecipe(
        net=FlowConfig(
            latent_dim=64,
            clip_dim=384,
            sync_dim=10,
            text_dim=384,
            width=192,
            heads=3,
            joint_blocks=2,
            fused_blocks=4,
            text_tokens=8,
            sync_segment=1,
            latent_kernel=3,
            version="v2",
        ),
        steps=7_000,
        batch_steps=1408,
        lengths=(88, 88, 176),
        learning_rate=6e-4,
        warmup=400,
        weight_decay=1e-2,
        decay=0.9995,
        degradation=MINI_DEGRADATION,
        dropout=Dropout(text=0.15, image=0.75, everything=0.1, sync=0.05, wrong_image=0.15),
        seed=3,
        save_every_s=150.0,
    )


def mini_tuning() -> FlowRecipe:
    """The recipe by which the shipped network goes on with other recordings, in small steps."""
    return replace(mini_flow(), steps=2_000, lengths=(88,), learning_rate=2e-4, warmup=100, seed=5)


def times(count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """(B,) training times, logit-normal: most effort in the middle of the path (Esser et al. 2024)."""
    return torch.sigmoid(torch.randn(count, generator=generator, device=device))


def flow_loss(network: FlowNetwork, batch: Batch, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at random times, conditions replaced by the empty ones where not shown."""
    data = network.normalise(batch.latents)  # (B, L, Z)
    count, steps, _ = data.shape
    clip, sync, text = network.empty_features(count, batch.image.shape[1], batch.sync.shape[1])
    shown = (batch.has_image[:, None] & batch.image_rows)[:, :, None]  # (B, I, 1)
    clip = torch.where(shown, batch.image, clip)
    sync = torch.where(batch.has_sync[:, None, None], batch.sync, sync)
    text = torch.where(batch.has_text[:, None, None], batch.text, text)
    noise = torch.randn(data.shape, generator=generator, device=data.device)
    t = times(count, generator, data.device)
    guess = network(point(noise, data, t), t, network.conditions(clip, sync, text, steps))  # (B, L, Z)
    result: Tensor = (guess - direction(noise, data)).square().mean()
    return result


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same batch on another device."""
    return Batch(**{name: getattr(batch, name).to(device) for name in Batch.__dataclass_fields__})


def finished_weights(weights: Path, net: FlowConfig) -> dict[str, Tensor]:
    """The finished weights of a network. Raises ModelError when there are none or they are of another network."""
    try:
        with safe_open(weights, "pt") as file:
            config = file.metadata()["config"]
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ModelError(f"cannot begin from {weights} ({error}); give a flow.safetensors of an earlier run") from error
    if FlowConfig.from_json(config) != net:
        raise ModelError(f"{weights} is another network than the recipe's; give one of the same recipe")
    return state


def begin_from(network: FlowNetwork, weights: Path) -> None:
    """Put finished weights into a network. Raises ModelError when there are none or they are of another network."""
    network.load_state_dict(finished_weights(weights, network.config))


def train_flow(
    run: Path,
    device: torch.device,
    recipe: FlowRecipe,
    start: Path | None = None,
    captions: dict[str, LabelCaptions] | None = None,
) -> FlowNetwork:
    """Train (or go on training) on the shards in `run`/shards; checkpoints live in `run`. Returns the average.

    start: finished weights of the same network to begin from instead of random ones; they bring their statistics of the
    latents. captions: of all labels in the shards, the package's own when None. Raises ModelError when weights do not
    fit, InputError when there are no shards.
    """
    if not any((run / "shards").glob("*.safetensors")):
        raise InputError(f"no examples in {run / 'shards'}; train the stage 'shards' first")
    logger.info("encoding the captions")
    words = Words(load_captions() if captions is None else captions, SentenceEncoder.load())
    network = FlowNetwork(recipe.net, matmul_dtype(device)).to(device)
    if start is None:
        initialise(network, torch.Generator().manual_seed(recipe.seed))
    else:
        begin_from(network, start)
    optimiser = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay, fused=True
    )
    loop = Loop(run / "flow.pt", network, optimiser, recipe, device)
    # A resumed run draws other examples than the first part did, not the same ones again.
    source = FlowBatches(
        run / "shards", words, recipe.net.text_tokens, recipe.degradation, recipe.dropout, recipe.seed + loop.first
    )
    generator = torch.Generator(device).manual_seed(recipe.seed + loop.first)
    if not loop.first and start is None:
        flat = torch.cat([shard.latents.float().flatten(0, 1) for shard in source.shards.values()])  # (N, Z)
        network.latent_mean.copy_(flat.mean(0))
        network.latent_std.copy_(flat.std(0))
    for step in range(loop.first, recipe.steps):
        length = recipe.lengths[int(source.generator.integers(len(recipe.lengths)))]
        batch = to_device(source.draw(recipe.batch_steps // length, length), device)
        loss = flow_loss(network, batch, generator)
        rate = recipe.learning_rate * falling(step, recipe.steps, recipe.warmup)
        if loop.descend(step, rate, loss, 1.0, loss):
            logger.info("%d examples", source.refresh())
    return loop.average.network  # type: ignore[return-value]
