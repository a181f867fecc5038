"""The recipe of the mel autoencoder: absolute error on normalised log-mel plus a light Kullback-Leibler term.

Dimension letters as in `codec/vae.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.codec.vae import MelVae, VaeConfig
from phonofilm.codec.vocoder import Vocoder
from phonofilm.data.manifest import training_crops
from phonofilm.device import fast_products
from phonofilm.train.loop import Loop, falling
from phonofilm.types import FloatArray

STATISTICS_BATCHES = 40


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


def set_statistics(
    net: MelVae | Vocoder, mel: MelSpectrogram, source: Iterator[FloatArray], device: torch.device
) -> None:
    """Measure `mel_statistics` on the first STATISTICS_BATCHES batches of `source` and keep them in the network."""
    batches = [torch.from_numpy(next(source)).to(device) for _ in range(STATISTICS_BATCHES)]
    mean, deviation = mel_statistics(mel, batches)
    net.data_mean.copy_(mean)
    net.data_std.copy_(deviation)


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
    mel = MelSpectrogram(MEL_44K).to(device)
    torch.manual_seed(recipe.seed)
    generator = torch.Generator(device).manual_seed(recipe.seed)
    length = recipe.latent_steps * recipe.net.patch * MEL_44K.hop
    vae = MelVae(recipe.net).to(device)
    optimiser = torch.optim.AdamW(vae.parameters(), recipe.learning_rate, betas=(0.9, 0.95), weight_decay=1e-3)
    loop = Loop(run / "vae.pt", vae, optimiser, recipe, device)
    # A resumed run draws other pieces than the first part did, not the same ones again.
    source = training_crops(sounds, run / "store", length, recipe.batch, recipe.seed + loop.first)
    if not loop.first:
        set_statistics(vae, mel, source, device)
    for step in range(loop.first, recipe.steps):
        spectrum = mel(torch.from_numpy(next(source)).to(device))  # (B, M, T)
        with fast_products(device):
            loss, error = vae_loss(vae, spectrum, recipe.kl_weight, generator)
        loop.descend(step, recipe.learning_rate * falling(step, recipe.steps, 200), loss, 1.0, error)
    return loop.average.network  # type: ignore[return-value]
