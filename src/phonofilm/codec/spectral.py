"""Log-mel spectrograms, as MMAudio's checkpoints take them, so that vocoders are interchangeable.

The transform is not centred: (n_fft - hop) / 2 samples are reflected at each end, so S samples give exactly S / hop
frames and frame t is centred on sample (t + 1/2) hop. Filters are Slaney's (area 1, scale linear below 1 kHz).

Dimension letters: B batch, S samples, T mel frames, M mel bands, K frequency bins.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

MAGNITUDE_FLOOR = 1e-9
MEL_FLOOR = 1e-5


@dataclass(frozen=True)
class MelConfig:
    """Constants of one log-mel front end. The vocoders of 16 kHz were trained on decimal logarithms, those of 44.1 kHz
    on natural ones."""

    rate_hz: int
    n_fft: int
    hop: int
    bands: int
    low_hz: float
    high_hz: float
    logarithm: Literal["natural", "decimal"]


MEL_16K = MelConfig(rate_hz=16000, n_fft=1024, hop=256, bands=80, low_hz=0.0, high_hz=8000.0, logarithm="decimal")
MEL_44K = MelConfig(rate_hz=44100, n_fft=2048, hop=512, bands=128, low_hz=0.0, high_hz=22050.0, logarithm="natural")


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz (15 mel), 27 steps per factor 6.4 above."""
    return torch.where(hz < 1000.0, hz * 3 / 200, 15 + torch.log(hz.clamp_min(1000.0) / 1000) * 27 / math.log(6.4))


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`."""
    return torch.where(mel < 15.0, mel * 200 / 3, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27))


def mel_filters(config: MelConfig) -> Tensor:
    """(M, K) float32 triangular filters of unit area."""
    bins_hz = torch.linspace(0, config.rate_hz / 2, config.n_fft // 2 + 1, dtype=torch.float64)  # (K,)
    limits = hz_to_mel(torch.tensor([config.low_hz, config.high_hz], dtype=torch.float64))
    edges_hz = mel_to_hz(torch.linspace(float(limits[0]), float(limits[1]), config.bands + 2, dtype=torch.float64))
    width_hz = edges_hz[1:] - edges_hz[:-1]  # (M+1,)
    ramps = edges_hz[:, None] - bins_hz[None, :]  # (M+2, K)
    rising = -ramps[:-2] / width_hz[:-1, None]
    falling = ramps[2:] / width_hz[1:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0)  # (M, K)
    return (triangles * (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).float()


class MelSpectrogram(nn.Module):
    """Waveform → log-mel spectrogram."""

    filters: Tensor
    window: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("filters", mel_filters(config), persistent=False)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """wave (B, S) within ±1, S a multiple of the hop and longer than (n_fft - hop) / 2 → (B, M, S / hop)."""
        pad = (self.config.n_fft - self.config.hop) // 2
        wave = nn.functional.pad(wave.clamp(-1, 1)[:, None], (pad, pad), mode="reflect")[:, 0]
        spectrum = torch.stft(
            wave, self.config.n_fft, self.config.hop, window=self.window, center=False, return_complex=True
        )  # (B, K, T)
        magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + MAGNITUDE_FLOOR)
        mel = (self.filters @ magnitude).clamp_min(MEL_FLOOR)  # (B, M, T)
        return torch.log(mel) if self.config.logarithm == "natural" else torch.log10(mel)
