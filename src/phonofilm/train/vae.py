"""The recipe of the mel autoencoder: absolute error on normalised log-mel plus a light Kullback-Leibler term.

Dimension letters as in `codec/vae.py`.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.codec.vae import MelVae, VaeConfig
from phonofilm.data.manifest import build_store, crops, read_index
from phonofilm.train.state import Average, load_state, save_state

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VaeRecipe:
    """Everything that decides what comes out of a run."""

    net: VaeConfig
    steps: int
    batch: int
    latent_steps: int
    learning_rate: float
    kl_weight: float
    decay: float
    seed: int
    save_every_s: float


def mini_vae() -> VaeRecipe:
    """The recipe of the shipped autoencoder: 64 numbers per 46 ms."""
    return VaeRecipe(
        net=VaeConfig(bands=128, patch=4, latent=64, width=224, hidden=672, blocks=3, kernel=5),
        steps=5_000,
        batch=24,
        latent_steps=32,
        learning_rate=1e-3,
        kl_weight=2e-3,
        decay=0.999,
        seed=1,
        save_every_s=120.0,
    )


@torch.no_grad()
def mel_statistics(mel: MelSpectrogram, batches: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and deviation (M,) of log-mel over the frames that are not digital silence."""
    frames = torch.cat([mel(batch).transpose(1, 2).flatten(0, 1) for batch in batches])  # (B T, M)
    frames = frames[frames.mean(dim=1) > -11.0]
    # A band may be empty in most recordings (narrow-band sources): a floor keeps it from being blown up.
    return frames.mean(dim=0), frames.std(dim=0).clamp_min(0.5)


def vae_loss(vae: MelVae, mel: Tensor, kl_weight: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(loss, mean absolute error in normalised units) of one batch of log-mel (B, M, T)."""
    target = vae.normalise(mel)  # (B, T, M)
    mean, log_variance = vae.moments(target)  # 2 x (B, L, Z)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    guess = vae.frames(mean + noise * (0.5 * log_variance).exp())  # (B, T, M)
    error = (guess - target).abs().mean()
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    return error + kl_weight * divergence, error.detach()


def train_vae(sounds: Path, run: Path, device: torch.device, recipe: VaeRecipe) -> MelVae:
    """Train (or go on training) the autoencoder; checkpoints and the result live in `run`. Returns the average."""
    recordings = read_index(sounds)
    store = build_store(recordings, run.parent / "store")
    indices = [i for i, recording in enumerate(recordings) if not recording.held_out]
    mel = MelSpectrogram(MEL_44K).to(device)
    torch.manual_seed(recipe.seed)
    generator = torch.Generator(device).manual_seed(recipe.seed)
    length = recipe.latent_steps * recipe.net.patch * MEL_44K.hop
    source = crops(store, indices, length, recipe.batch, np.random.default_rng(recipe.seed))
    vae = MelVae(recipe.net).to(device)
    optimiser = torch.optim.AdamW(vae.parameters(), recipe.learning_rate, betas=(0.9, 0.95), weight_decay=1e-3)
    average, first = Average(vae, recipe.decay), 0
    state = load_state(run / "vae.pt", device)
    if state is None:
        batches = [torch.from_numpy(next(source)).to(device) for _ in range(40)]
        vae.data_mean.copy_(mel_statistics(mel, batches)[0])
        vae.data_std.copy_(mel_statistics(mel, batches)[1])
    else:
        vae.load_state_dict(state["net"])
        average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
        source = crops(store, indices, length, recipe.batch, np.random.default_rng(recipe.seed + first))
    saved, total, counted = time.monotonic(), 0.0, 0
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * min(1, (step + 1) / 200) * max(0.02, 1 - step / recipe.steps)
        spectrum = mel(torch.from_numpy(next(source)).to(device))  # (B, M, T)
        with torch.autocast(device.type, torch.bfloat16):
            loss, error = vae_loss(vae, spectrum, recipe.kl_weight, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        average.update(vae, step)
        total, counted = total + float(error), counted + 1
        if time.monotonic() - saved > recipe.save_every_s or step + 1 == recipe.steps:
            logger.info("vae step %d: mean absolute error %.4f", step + 1, total / counted)
            saved, total, counted = time.monotonic(), 0.0, 0
            net, kept = vae.state_dict(), average.network.state_dict()
            save_state(
                run / "vae.pt",
                {"step": step + 1, "net": net, "average": kept, "optimiser": optimiser.state_dict()},
            )
    return average.network  # type: ignore[return-value]
