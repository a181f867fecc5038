"""The two halves of sound as latents: autoencoder and vocoder, put together.

Dimension letters: B batch, L latent steps, Z latent width, M mel bands, T mel frames, S samples.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from phonofilm.codec.consistency import REACH_FRAMES, brought_closer
from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.codec.vae import MelVae
from phonofilm.codec.vocoder import Vocoder

TILE_FRAMES = 1024
"""Mel frames vocoded at once (12 s): memory stays the same for an hour of sound."""
MARGIN_FRAMES = 24 + REACH_FRAMES
"""Frames of context at each side of a tile. The vocoder sees (7 convolutions of 7) 21 frames and its windows one more,
so tiles with this margin give the same samples as the whole."""


class Codec:
    """Waveform ↔ latents at 44.1 kHz, mono. The networks are only read."""

    def __init__(self, vae: MelVae, vocoder: Vocoder) -> None:
        assert vae.config.bands == vocoder.config.bands == MEL_44K.bands, "codec parts disagree on the mel bands"
        self.vae, self.vocoder = vae, vocoder
        self.mel = MelSpectrogram(MEL_44K)

    @property
    def samples_a_step(self) -> int:
        """Audio samples that one latent step stands for."""
        return self.vae.config.patch * MEL_44K.hop

    @property
    def rate_hz(self) -> int:
        return MEL_44K.rate_hz

    def encode(self, wave: Tensor) -> Tensor:
        """(B, S), S a multiple of samples_a_step → mean latents (B, L, Z)."""
        return self.vae.encode(self.mel(wave))

    def decode(self, latents: Tensor, seed: int) -> Tensor:
        """(L, Z) → (S,) with S = L * samples_a_step. The same seed gives the same fine structure."""
        return torch.cat(list(self.decode_tiles(latents, seed)))

    def decode_tiles(self, latents: Tensor, seed: int) -> Iterator[Tensor]:
        """As `decode`, piece after piece (S',), in constant memory but for the spectrogram."""
        mel = self.vae.decode(latents[None])  # (1, M, T)
        frames = mel.shape[2]
        # One generator for all noise, drawn before tiling, so that the tiles do not change the sound.
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(self.vocoder.noise_shape(1, frames), generator=generator).to(mel.device)  # (1, N, T)
        for first in range(0, frames, TILE_FRAMES):
            end = min(first + TILE_FRAMES, frames)
            low, high = max(0, first - MARGIN_FRAMES), min(frames, end + MARGIN_FRAMES)
            told = mel[:, :, low:high]
            wave = brought_closer(self.vocoder(told, noise[:, :, low:high]), told, self.mel.to(told.device))[
                0
            ]  # (S'',)
            yield wave[(first - low) * MEL_44K.hop : (end - low) * MEL_44K.hop].clone()
