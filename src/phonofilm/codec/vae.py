"""A small variational autoencoder between log-mel spectrograms and latents (Kingma & Welling 2014).

One latent stands for `patch` mel frames. The spectrogram is normalised per band with stored statistics, so that quiet
high bands weigh as much as loud low ones.

Dimension letters: B batch, M mel bands, T mel frames, L = T / patch latent steps, Z latent width, W network width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phonofilm.codec.convnext import ConvNextBlock

LOG_VARIANCE_RANGE = (-12.0, 6.0)


@dataclass(frozen=True)
class VaeConfig:
    """Dimensions of the autoencoder."""

    bands: int
    patch: int
    latent: int
    width: int
    hidden: int
    blocks: int
    kernel: int


class MelVae(nn.Module):
    """Log-mel ↔ latents."""

    data_mean: Tensor
    data_std: Tensor

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        flat = config.bands * config.patch
        self.register_buffer("data_mean", torch.zeros(config.bands))
        self.register_buffer("data_std", torch.ones(config.bands))
        self.encode_in = nn.Linear(flat, config.width)
        self.encode_blocks = nn.ModuleList(self._block() for _ in range(config.blocks))
        self.encode_out = nn.Linear(config.width, 2 * config.latent)
        self.decode_in = nn.Linear(config.latent, config.width)
        self.decode_blocks = nn.ModuleList(self._block() for _ in range(config.blocks))
        self.decode_out = nn.Linear(config.width, flat)

    def _block(self) -> ConvNextBlock:
        return ConvNextBlock(self.config.width, self.config.hidden, self.config.kernel, 1 / self.config.blocks)

    def normalise(self, mel: Tensor) -> Tensor:
        """(B, M, T) log-mel → (B, T, M) with zero mean and unit deviation per band."""
        return (mel.transpose(1, 2) - self.data_mean) / self.data_std  # (B, T, M)

    def moments(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised frames (B, T, M), T a multiple of `patch` → mean and log variance, each (B, L, Z)."""
        batch, count, bands = frames.shape
        x = self.encode_in(frames.reshape(batch, count // self.config.patch, self.config.patch * bands))  # (B, L, W)
        for block in self.encode_blocks:
            x = block(x)
        mean, log_variance = self.encode_out(x).float().chunk(2, dim=-1)  # 2 x (B, L, Z)
        return mean, log_variance.clamp(*LOG_VARIANCE_RANGE)

    def frames(self, latents: Tensor) -> Tensor:
        """Latents (B, L, Z) → normalised frames (B, T, M)."""
        x = self.decode_in(latents)  # (B, L, W)
        for block in self.decode_blocks:
            x = block(x)
        batch, steps, _ = x.shape
        result: Tensor = (
            self.decode_out(x).float().reshape(batch, steps * self.config.patch, self.config.bands)
        )  # (B, T, M)
        return result

    def encode(self, mel: Tensor) -> Tensor:
        """Log-mel (B, M, T) → mean latents (B, L, Z)."""
        return self.moments(self.normalise(mel))[0]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, L, Z) → log-mel (B, M, T)."""
        return (self.frames(latents) * self.data_std + self.data_mean).transpose(1, 2)  # (B, M, T)
