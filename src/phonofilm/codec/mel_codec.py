"""The codec of the published MMAudio checkpoints: their autoencoder and their vocoder, put together.

Dimension letters: B batch, L latent steps, C latent width, M mel bands, T mel frames, S samples.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from phonofilm.codec.bigvgan import BigVgan
from phonofilm.codec.mp_vae import FRAMES_A_STEP, MpVae
from phonofilm.codec.spectral import MelConfig, MelSpectrogram

TILE_FRAMES = 768
"""Mel frames vocoded at once, so that memory stays the same for an hour of sound. At 44.1 kHz they are 8.9 s: the usual
8 s are one tile."""
WHOLE_STEPS = 2048
"""Latent steps that the autoencoder decodes at once (48 s at 44.1 kHz). Its attention spans all steps, so this is part
of what is computed and no matter of taste: up to here the result is the published one. Longer sound, for which nothing
is published, is decoded in windows of this length that overlap, and faded from one to the next."""
CONTEXT_STEPS = 256
"""Steps that a window reaches beyond the stretch it stands for."""
FADE_STEPS = 32
"""Half the length of the fade from one window to the next."""


class HearingCodec:
    """Waveform → latents: what is left of the codec without its vocoder. The network is only read."""

    def __init__(self, vae: MpVae, mel: MelConfig) -> None:
        assert vae.config.bands == mel.bands, "autoencoder and spectrogram disagree on the mel bands"
        self.vae, self.mel = vae, MelSpectrogram(mel)

    def encode(self, wave: Tensor) -> Tensor:
        """(B, S), S a multiple of the samples of a latent step → mean latents (B, L, C).

        Raises ModelError when the autoencoder was loaded without its encoder.
        """
        return self.vae.encode(self.mel.to(wave.device)(wave))[0].transpose(1, 2)  # (B, L, C)


class MelCodec:
    """Waveform ↔ latents, mono. The networks are only read."""

    def __init__(self, vae: MpVae, vocoder: BigVgan, mel: MelConfig) -> None:
        assert vae.config.bands == vocoder.config.bands == mel.bands, "codec parts disagree on the mel bands"
        assert vocoder.config.hop == mel.hop, "vocoder and spectrogram disagree on the hop"
        self.vae, self.vocoder = vae, vocoder
        self.mel = MelSpectrogram(mel)

    @property
    def samples_a_step(self) -> int:
        """Audio samples that one latent step stands for."""
        return FRAMES_A_STEP * self.mel.config.hop

    @property
    def rate_hz(self) -> int:
        return self.mel.config.rate_hz

    def encode(self, wave: Tensor) -> Tensor:
        """As `HearingCodec.encode`. Raises ModelError when the autoencoder was loaded without its encoder."""
        return HearingCodec(self.vae, self.mel.config).encode(wave)

    def decode(self, latents: Tensor, seed: int) -> Tensor:
        """(L, C) → (S,) with S = L * samples_a_step. This vocoder adds no noise, so the seed changes nothing."""
        wave = latents.new_empty(len(latents) * self.samples_a_step, dtype=torch.float32)
        first = 0
        for piece in self.decode_tiles(latents, seed):
            wave[first : first + len(piece)] = piece
            first += len(piece)
        return wave

    def decode_tiles(self, latents: Tensor, seed: int) -> Iterator[Tensor]:
        """As `decode`, piece after piece (S',), in constant memory but for the spectrogram."""
        del seed
        if len(latents) == 0:
            return
        mel = self.decode_mel(latents)  # (1, M, T)
        frames, hop = mel.shape[2], self.mel.config.hop
        margin = self.vocoder.config.margin_frames
        # Tiles of one length: the margins of a short last one would cost as much as those of a full one.
        length = -(-frames // -(-frames // TILE_FRAMES))
        for first in range(0, frames, length):
            end = min(first + length, frames)
            low, high = max(0, first - margin), min(frames, end + margin)
            wave = self.vocoder(mel[:, :, low:high])[0]  # (S'',)
            yield wave[(first - low) * hop : (end - low) * hop].clone()

    def decode_mel(self, latents: Tensor) -> Tensor:
        """(L, C) → log-mel (1, M, 2 L); up to WHOLE_STEPS at once, beyond that window after window."""
        columns = latents.T[None]  # (1, C, L)
        steps = len(latents)
        if steps <= WHOLE_STEPS:
            return self.vae.decode(columns)
        mel = latents.new_empty(1, self.vae.config.bands, FRAMES_A_STEP * steps, dtype=torch.float32)
        body = WHOLE_STEPS - 2 * CONTEXT_STEPS
        for first in range(0, steps, body):
            low, high = max(0, first - CONTEXT_STEPS), min(steps, first + body + CONTEXT_STEPS)
            part = self.vae.decode(columns[:, :, low:high])  # (1, M, 2 (high - low))
            if first > 0:
                fade = FRAMES_A_STEP * FADE_STEPS
                cut, part_cut = FRAMES_A_STEP * first, FRAMES_A_STEP * (first - low)
                share = (torch.arange(2 * fade, device=mel.device) + 0.5) / (2 * fade)  # (2 fade,)
                size = min(2 * fade, part.shape[2] - part_cut + fade)  # shorter where the sound ends within the fade
                new = part[:, :, part_cut - fade : part_cut - fade + size]
                mel[:, :, cut - fade : cut - fade + size].lerp_(new, share[:size])
                part, low = part[:, :, part_cut - fade + size :], first - FADE_STEPS + size // FRAMES_A_STEP
            mel[:, :, FRAMES_A_STEP * low : FRAMES_A_STEP * high] = part
        return mel
