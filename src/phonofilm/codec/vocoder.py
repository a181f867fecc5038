"""Log-mel spectrogram → waveform: a ConvNeXt stack with an inverse-STFT head (Vocos, Siuzdak 2023), fed with noise.

Most of what Phonofilm makes is noise-like (rain, fire, the clatter of an impact), whose phases a deterministic network
cannot know: it would average them into a metallic ring. So noise channels enter beside the spectrogram and the network
learns to turn them into the missing fine structure, trained by an energy distance (see `train/vocoder.py`).

Each mel frame yields `splits` short synthesis frames: windows of 23 ms keep attacks sharper than the 46 ms of the
analysis.

Dimension letters: B batch, M mel bands, T mel frames, W width, N noise channels, P = T * splits synthesis frames,
K bins, S = T * hop samples.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phonofilm.codec.convnext import ConvNextBlock

LARGEST_LOG_MAGNITUDE = 6.0
"""e^6 = 403 per bin is above what a full-scale sine gives in a window of 1024; it only stops overflow."""


@dataclass(frozen=True)
class VocoderConfig:
    """Dimensions of the vocoder; the synthesis hop is hop / splits and the synthesis window n_fft."""

    bands: int
    noise: int
    width: int
    hidden: int
    blocks: int
    kernel: int
    hop: int
    splits: int
    n_fft: int


class Vocoder(nn.Module):
    """Log-mel and noise → waveform."""

    data_mean: Tensor
    data_std: Tensor
    window: Tensor

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.n_fft // 2 + 1
        self.register_buffer("data_mean", torch.zeros(config.bands))
        self.register_buffer("data_std", torch.ones(config.bands))
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.embed = nn.Conv1d(config.bands + config.noise, config.width, config.kernel, padding=config.kernel // 2)
        self.norm_in = nn.LayerNorm(config.width, eps=1e-6)
        self.blocks = nn.ModuleList(
            ConvNextBlock(config.width, config.hidden, config.kernel, 1 / config.blocks) for _ in range(config.blocks)
        )
        self.norm_out = nn.LayerNorm(config.width, eps=1e-6)
        self.head = nn.Linear(config.width, config.splits * 2 * bins)

    def noise_shape(self, batch: int, frames: int) -> tuple[int, int, int]:
        """Shape of the standard normal noise that `forward` takes for a spectrogram of B, T."""
        return batch, self.config.noise, frames

    def forward(self, mel: Tensor, noise: Tensor) -> Tensor:
        """mel (B, M, T), noise (B, N, T) standard normal → wave (B, S)."""
        x = (mel - self.data_mean[:, None]) / self.data_std[:, None]
        x = self.embed(torch.cat([x, noise], dim=1)).transpose(1, 2)  # (B, T, W)
        x = self.norm_in(x)
        for block in self.blocks:
            x = block(x)
        x = self.head(self.norm_out(x)).float()  # (B, T, splits * 2K)
        batch, frames, _ = x.shape
        x = x.reshape(batch, frames * self.config.splits, 2, -1)  # (B, P, 2, K)
        magnitude = torch.exp(x[:, :, 0].clamp_max(LARGEST_LOG_MAGNITUDE))  # (B, P, K)
        phase = x[:, :, 1]
        return self._overlap_add(torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase)))

    def _overlap_add(self, spectrum: Tensor) -> Tensor:
        """(B, P, K) complex → (B, S): windowed inverse transforms added up, divided by the summed squared window.

        Synthesis frame p is centred on sample (p + 1/2) hop / splits, so mel frame t keeps its centre.
        """
        n_fft, hop = self.config.n_fft, self.config.hop // self.config.splits
        pieces = torch.fft.irfft(spectrum, n_fft, dim=-1) * self.window  # (B, P, n_fft)
        count = pieces.shape[1]
        length = (count - 1) * hop + n_fft
        wave = _fold(pieces, length, hop)  # (B, length)
        weight = _fold((self.window**2).expand(1, count, n_fft), length, hop)  # (1, length)
        edge = (n_fft - hop) // 2
        return wave[:, edge : edge + count * hop] / weight[:, edge : edge + count * hop].clamp_min(1e-6)  # (B, S)


def _fold(pieces: Tensor, length: int, hop: int) -> Tensor:
    """Overlap-add (B, P, n_fft) → (B, length)."""
    columns = pieces.transpose(1, 2)  # (B, n_fft, P)
    folded = nn.functional.fold(columns, (1, length), (1, pieces.shape[-1]), stride=(1, hop))
    return folded[:, 0, 0]
