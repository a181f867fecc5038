"""A log-mel front end whose Fourier transform and filters are stored in the published file, as torchlibrosa does.

So it is exactly the one that the network was trained behind; nothing is computed anew.

Dimension letters: B batch, S samples, T frames, K frequency bins, M mel bands.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOOR = 1e-10


class _Stft(nn.Module):
    """The Fourier transform as two convolutions, whose kernels hold the window."""

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.conv_real = nn.Conv1d(1, n_fft // 2 + 1, n_fft, hop, bias=False)
        self.conv_imag = nn.Conv1d(1, n_fft // 2 + 1, n_fft, hop, bias=False)


class StoredSpectrogram(nn.Module):
    """Samples → power, frames centred, ends mirrored."""

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.pad = n_fft // 2
        self.stft = _Stft(n_fft, hop)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, S) → (B, T, K)."""
        padded = F.pad(samples[:, None], (self.pad, self.pad), mode="reflect")  # (B, 1, S + 2 pad)
        real, imaginary = self.stft.conv_real(padded), self.stft.conv_imag(padded)  # (B, K, T) each
        power: Tensor = (real**2 + imaginary**2).transpose(1, 2)
        return power


class StoredLogMel(nn.Module):
    """Power → decibels of mel bands."""

    def __init__(self, n_fft: int, bands: int) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.empty(n_fft // 2 + 1, bands))

    def forward(self, power: Tensor) -> Tensor:
        """(B, T, K) → (B, T, M)."""
        return 10 * torch.log10((power @ self.melW).clamp_min(FLOOR))
