"""PaSST: a transformer over patches of a log-mel spectrogram, taught to name the 527 classes of AudioSet.

PaSST-S, stride 10, weights averaged over training ("swa"), as the package hear21passt loads it when nothing is said.

PaSST: Koutini et al. 2022, https://arxiv.org/abs/2110.05069 (code and weights Apache-2.0).

Dimension letters: B batch, S samples, T frames, K frequency bins, M mel bands, N tokens, D width, H heads, P Q patches
down (frequency) and along (time).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.judgement import Judgement
from phonofilm.judges.mel import bins_hz, triangles_over_mels
from phonofilm.judges.mlp import Mlp

RATE_HZ = 32000
LENGTH_SAMPLES = 10 * RATE_HZ
"""What it was trained on; shorter sound is followed by silence."""
PREEMPHASIS = 0.97
WINDOW, HOP, N_FFT = 800, 320, 1024
BANDS, LOW_HZ, HIGH_HZ = 128, 0.0, 15000.0
LOG_OFFSET = 1e-5
PATCH, STRIDE = 16, 10
DOWN, ALONG = 12, 99
CLASSES = 527
NORM_EPS = 1e-6


@dataclass(frozen=True)
class PasstConfig:
    """Sizes. width: D. heads: H."""

    width: int
    heads: int
    layers: int


PASST = PasstConfig(width=768, heads=12, layers=12)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        qkv = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (B, H, N, D / H) each
        answer: Tensor = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.proj(answer.transpose(1, 2).flatten(2))
        return result


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, NORM_EPS)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, NORM_EPS)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        x = x + self.attn(self.norm1(x))
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, PATCH, STRIDE)


class Passt(nn.Module):
    """The network with its published keys.

    `head_dist` is in the file and names classes only while it is trained; the features are those of both tokens.
    """

    def __init__(self, config: PasstConfig = PASST) -> None:
        super().__init__()
        width = config.width
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.dist_token = nn.Parameter(torch.empty(1, 1, width))
        self.new_pos_embed = nn.Parameter(torch.empty(1, 2, width))
        self.freq_new_pos_embed = nn.Parameter(torch.empty(1, width, DOWN, 1))
        self.time_new_pos_embed = nn.Parameter(torch.empty(1, width, 1, ALONG))
        self.patch_embed = _Patches(width)
        self.blocks = nn.Sequential(*(_Block(width, config.heads) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(width, NORM_EPS)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CLASSES))
        self.head_dist = nn.Linear(width, CLASSES)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Judgement:
        """Samples (B, S) at 32 kHz, full scale 1 → features (B, D) and logits (B, 527).

        Cut to ten seconds, or filled up to them with silence, as in the benchmark: a film of eight seconds is judged
        with two of silence behind it.
        """
        padded = F.pad(samples[:, :LENGTH_SAMPLES], (0, max(0, LENGTH_SAMPLES - samples.shape[1])))
        x = self.patch_embed.proj(spectrogram(padded)[:, None])  # (B, D, P, Q)
        x = x + self.time_new_pos_embed + self.freq_new_pos_embed
        own = torch.cat([self.cls_token, self.dist_token], 1) + self.new_pos_embed  # (1, 2, D)
        x = torch.cat([own.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1)  # (B, N, D)
        features = self.norm(self.blocks(x))[:, :2].mean(1)  # (B, D)
        return Judgement(features, self.head(features))


def spectrogram(samples: Tensor) -> Tensor:
    """Samples (B, S) → log-mel (B, M, T), roughly -1 to 1."""
    x = samples[:, 1:] - PREEMPHASIS * samples[:, :-1]
    window = torch.hann_window(WINDOW, periodic=False, device=x.device)
    power = torch.stft(x, N_FFT, HOP, WINDOW, window, return_complex=True).abs().square()  # (B, K, T)
    filters = triangles_over_mels(bins_hz(RATE_HZ, N_FFT), BANDS, LOW_HZ, HIGH_HZ).to(x.device)
    filters[:, -1] = 0  # Kaldi's filters leave the highest bin out
    log_mel: Tensor = torch.log(filters @ power + LOG_OFFSET)
    return (log_mel + 4.5) / 5
