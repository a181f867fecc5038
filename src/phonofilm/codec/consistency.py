"""A sound brought closer to the spectrogram that it was made from.

A small vocoder's sound does not have quite the log-mel that it was told: noise comes out with gusts of its own, so rain
crackles, and the top bands are too loud. The difference is taken off as a gain for each moment and band: one projection
step in the manner of Griffin and Lim (1984), with the phases that the vocoder chose.

Dimension letters: B batch, M mel bands, T mel frames, K frequency bins, S samples.
"""

import torch
from torch import Tensor, nn

from phonofilm.codec.spectral import MelSpectrogram

SHARE = 0.6
"""Share of the difference taken off. The spectrograms come from latents and are smoother than real ones; all of it
would take the life out of noise. At this share the spread of the log-mel over time is that of real rain (0.43 nepers
for 0.44; 0.58 without)."""
LARGEST_GAIN = 3.0
"""In nepers (26 dB), so that a band that came out empty is not raised into noise."""
REACH_FRAMES = 4
"""A sample depends on the spectrogram this many frames around it: two windows of four hops, one in, one out."""


def brought_closer(wave: Tensor, mel: Tensor, front: MelSpectrogram, share: float = SHARE) -> Tensor:
    """wave (B, S) made from the log-mel (B, M, T) of `front`, S = T * hop → (B, S) whose log-mel is nearer to it."""
    size, hop = front.config.n_fft, front.config.hop
    batch, count = wave.shape
    nepers = (share * (mel - front(wave))).clamp(-LARGEST_GAIN, LARGEST_GAIN)  # (B, M, T)
    weight = front.filters / front.filters.sum(0).clamp_min(1e-9)  # (M, K), how much each band has to say of a bin
    gain = torch.exp(weight.T @ nepers)  # (B, K, T)
    edge = (size - hop) // 2
    padded = nn.functional.pad(wave[:, None], (edge, edge), mode="reflect")[:, 0]
    spectrum = torch.stft(padded, size, hop, window=front.window, center=False, return_complex=True)  # (B, K, T)
    pieces = torch.fft.irfft(spectrum * gain, size, dim=1) * front.window[:, None]  # (B, size, T)
    length = padded.shape[1]
    total = _overlapped(pieces, length, hop)  # (B, length)
    squared = (front.window**2)[None, :, None].expand(1, size, mel.shape[2])
    norm = _overlapped(squared, length, hop).clamp_min(1e-6)  # (1, length)
    return (total / norm)[:, edge : edge + count].reshape(batch, count)


def _overlapped(pieces: Tensor, length: int, hop: int) -> Tensor:
    """(B, size, T) → (B, length): pieces added up, each one hop after the last."""
    return nn.functional.fold(pieces, (1, length), (1, pieces.shape[1]), stride=(1, hop))[:, 0, 0]
