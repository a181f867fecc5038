"""The recipe of the vocoder: a spectral energy distance (Gritsenko et al. 2020), no discriminator.

Two waveforms y, y' are made from one spectrogram with different noise, and the loss

    E d(x, y) - 1/2 E d(y, y')

pulls each towards the true sound x while pushing the two apart as far as true sounds of that spectrogram differ. With d
a Euclidean distance between features it is smallest only where the network's sounds are distributed as the real ones
(Szekely & Rizzo 2013), so noise comes out as noise. It is as stable as a plain regression, which matters when the whole
training has an hour of two cores.

Dimension letters: B batch, S samples, P frames of one resolution, K bins.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.codec.vae import MelVae
from phonofilm.codec.vocoder import Vocoder, VocoderConfig
from phonofilm.data.manifest import training_crops
from phonofilm.device import fast_products
from phonofilm.train.loop import Loop, falling
from phonofilm.train.vae import set_statistics

RESOLUTIONS = (128, 256, 512, 1024, 2048)
LOG_FLOOR = 2e-4
"""Bins under -74 dB full scale count as silence."""
RESOLUTIONS_A_STEP = 2
"""The transforms cost more than the network, so each step looks through two of the windows, drawn at random."""


@dataclass(frozen=True)
class VocoderRecipe:
    """Everything that decides what comes out of a run."""

    net: VocoderConfig
    steps: int
    batch: int
    frames: int
    learning_rate: float
    latent_share: float
    latent_noise: float
    decay: float
    seed: int
    save_every_s: float


def mini_vocoder() -> VocoderRecipe:
    """The recipe of the shipped vocoder; once there is an autoencoder, most spectrograms pass through it."""
    return VocoderRecipe(
        net=VocoderConfig(
            bands=128, noise=64, width=320, hidden=960, blocks=6, kernel=7, hop=512, splits=2, n_fft=1024
        ),
        steps=6_000,
        batch=12,
        frames=40,
        learning_rate=8e-4,
        latent_share=0.7,
        latent_noise=0.1,
        decay=0.999,
        seed=2,
        save_every_s=120.0,
    )


def spectrum_features(wave: Tensor, n_fft: int) -> Tensor:
    """(B, S) → (B, P, K) logarithms of amplitudes relative to a full-scale sine."""
    window = torch.hann_window(n_fft, device=wave.device)
    spectrum = torch.stft(wave, n_fft, n_fft // 4, window=window * (4 / n_fft), center=False, return_complex=True)
    parts = torch.view_as_real(spectrum)  # (B, K, P, 2)
    return 0.5 * torch.log(parts.square().sum(dim=-1) + LOG_FLOOR**2).transpose(1, 2)  # (B, P, K)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean over frames of the Euclidean distance between two feature maps (B, P, K)."""
    return torch.sqrt((a - b).square().mean(dim=-1) + 1e-8).mean()


def energy_distance(real: Tensor, first: Tensor, second: Tensor, resolutions: list[int]) -> Tensor:
    """The loss of the head of this file, averaged over the resolutions. All waveforms (B, S)."""
    total = torch.zeros((), device=real.device)
    for n_fft in resolutions:
        x, y, z = spectrum_features(torch.cat([real, first, second]), n_fft).chunk(3)  # 3 x (B, P, K)
        total = total + 0.5 * (distance(x, y) + distance(x, z) - distance(y, z))
    return total / len(resolutions)


def _through_latents(vae: MelVae, mel: Tensor, share: float, noise: float, generator: torch.Generator) -> Tensor:
    """Replace a share of the spectrograms by what the autoencoder makes of slightly noisy latents of them."""
    with torch.no_grad(), fast_products(mel.device):
        latents = vae.encode(mel)
        latents = latents + noise * torch.randn(latents.shape, generator=generator, device=mel.device)
        coded = vae.decode(latents).float()
    chosen = torch.rand(len(mel), 1, 1, generator=generator, device=mel.device) < share
    return torch.where(chosen, coded, mel)


def train_vocoder(sounds: Path, run: Path, device: torch.device, recipe: VocoderRecipe, vae: MelVae | None) -> Vocoder:
    """Train (or go on training) the vocoder; checkpoints live in `run`. Returns the average.

    vae: the finished autoencoder, or None while there is none yet; a later call with it goes on from the checkpoint.
    """
    mel = MelSpectrogram(MEL_44K).to(device)
    torch.manual_seed(recipe.seed)
    generator = torch.Generator(device).manual_seed(recipe.seed)
    draw = torch.Generator().manual_seed(recipe.seed)
    length = recipe.frames * MEL_44K.hop
    vocoder = Vocoder(recipe.net).to(device)
    optimiser = torch.optim.AdamW(vocoder.parameters(), recipe.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
    loop = Loop(run / "vocoder.pt", vocoder, optimiser, recipe, device)
    source = training_crops(sounds, run / "store", length, recipe.batch, recipe.seed + loop.first)
    if not loop.first:
        set_statistics(vocoder, mel, source, device)
    for step in range(loop.first, recipe.steps):
        wave = torch.from_numpy(next(source)).to(device)  # (B, S)
        spectrum = mel(wave)  # (B, M, T)
        if vae is not None:
            spectrum = _through_latents(vae, spectrum, recipe.latent_share, recipe.latent_noise, generator)
        twice = torch.cat([spectrum, spectrum])  # (2B, M, T)
        noise = torch.randn(vocoder.noise_shape(*twice.shape[::2]), generator=generator, device=device)
        with fast_products(device):
            made = vocoder(twice, noise)  # (2B, S)
        chosen = torch.randperm(len(RESOLUTIONS), generator=draw)[:RESOLUTIONS_A_STEP]
        first_made, second_made = made.float().chunk(2)  # 2 x (B, S)
        loss = energy_distance(wave, first_made, second_made, [RESOLUTIONS[i] for i in chosen.tolist()])
        loop.descend(step, recipe.learning_rate * falling(step, recipe.steps, 300), loss, 2.0, loss)
    return loop.average.network  # type: ignore[return-value]
