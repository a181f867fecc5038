"""Mel filters in the three manners of the networks here, which differ where it matters: a network hears only its own.

The scale is that of HTK, 1127 ln(1 + f / 700), in all of them. Triangles are drawn over mels (Kaldi, TensorFlow's
VGGish) or over hertz (torchaudio, after HTK's definition of the corners); none is scaled to unit area.

Dimension letters: M mel bands, K frequency bins.
"""

import torch
from torch import Tensor


def hz_to_mel(hz: Tensor) -> Tensor:
    """HTK's mel scale."""
    return 1127 * torch.log1p(hz / 700)


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`."""
    return 700 * torch.expm1(mel / 1127)


def triangles_over_mels(bins_hz: Tensor, bands: int, low_hz: float, high_hz: float) -> Tensor:
    """(M, K) float32 filters whose sides are straight over mels. bins_hz: (K,) float64."""
    return _triangles(hz_to_mel(bins_hz), _corners(bands, low_hz, high_hz))


def triangles_over_hz(bins_hz: Tensor, bands: int, low_hz: float, high_hz: float) -> Tensor:
    """(M, K) float32 filters whose sides are straight over hertz. bins_hz: (K,) float64."""
    return _triangles(bins_hz, mel_to_hz(_corners(bands, low_hz, high_hz)))


def bins_hz(rate_hz: int, n_fft: int) -> Tensor:
    """(K,) float64 frequencies of the bins of a real Fourier transform, 0 to half the rate."""
    return torch.linspace(0, rate_hz / 2, n_fft // 2 + 1, dtype=torch.float64)


def _corners(bands: int, low_hz: float, high_hz: float) -> Tensor:
    """(M + 2,) in mels, evenly spaced."""
    low, high = hz_to_mel(torch.tensor([low_hz, high_hz], dtype=torch.float64)).tolist()
    return torch.linspace(low, high, bands + 2, dtype=torch.float64)


def _triangles(bins: Tensor, corners: Tensor) -> Tensor:
    """(K,) and (M + 2,) on one scale → (M, K)."""
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return torch.minimum(rising, falling).clamp_min(0).float()  # (M, K)
