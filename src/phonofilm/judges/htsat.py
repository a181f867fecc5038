"""HTSAT, the half of LAION-CLAP that hears: a Swin transformer over a log-mel spectrogram folded into a square.

1024 frames by 64 bands are cut in time into four quarters, laid one under the other: 256 by 256. Attention is within
windows of 8 by 8 patches, which every second layer shifts by half their edge.

HTSAT: Chen et al. 2022, https://arxiv.org/abs/2202.00874. Swin: Liu et al. 2021, https://arxiv.org/abs/2103.14030.

Dimension letters: B batch, S samples, T frames, M mel bands, Y X patches down and along, N patches of
a window, V windows of a picture, D width, H heads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.mlp import Mlp
from phonofilm.judges.stored_mel import StoredLogMel, StoredSpectrogram

RATE_HZ = 48000
FFT, HOP, BANDS = 1024, 480, 64
EDGE, PATCH, WINDOW = 256, 4, 8
QUARTERS = EDGE // BANDS
FRAMES = EDGE * QUARTERS
APART = -100.0
"""Added to scores of patches that lie side by side only because the picture was rolled."""


@dataclass(frozen=True)
class HtsatConfig:
    """Sizes. width: of the first stage; each of the later ones has twice that of the one before. layers, heads: of the
    four stages."""

    width: int
    layers: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]

    @property
    def outputs(self) -> int:
        """Width of what comes out."""
        return int(self.width * 2 ** (len(self.layers) - 1))


HTSAT_BASE = HtsatConfig(width=128, layers=(2, 2, 12, 2), heads=(4, 8, 16, 32))


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 256, 256) → (B, Y, X, D)."""
        result: Tensor = self.norm(self.proj(picture[:, None]).permute(0, 2, 3, 1))
        return result


class _Attention(nn.Module):
    """Within windows, with a learned number for every distance of two patches added to their score."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, apart: Tensor | None) -> Tensor:
        """Windows (B V, N, D) → (B V, N, D). apart: (V, N, N), added to the scores of each picture's windows."""
        qkv = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (B V, H, N, D / H) each
        count = WINDOW * WINDOW
        near = self.relative_position_bias_table[_distances().to(x.device).flatten()]  # (N², H)
        added = near.view(count, count, -1).permute(2, 0, 1)[None]  # (1, H, N, N)
        if apart is not None:
            added = (added + apart[:, None]).repeat(len(x) // len(apart), 1, 1, 1)  # (B V, H, N, N)
        answer = F.scaled_dot_product_attention(query, key, value, attn_mask=added)
        result: Tensor = self.proj(answer.transpose(1, 2).flatten(2))
        return result


def _distances() -> Tensor:
    """(N, N): which row of the table belongs to two patches of a window."""
    place = torch.arange(WINDOW)
    down, along = place.repeat_interleave(WINDOW), place.repeat(WINDOW)  # (N,)
    apart_down, apart_along = (axis[:, None] - axis[None] + WINDOW - 1 for axis in (down, along))
    return apart_down * (2 * WINDOW - 1) + apart_along


class _Block(nn.Module):
    """edge: Y = X. shifted: whether the windows are moved by half their edge."""

    def __init__(self, width: int, heads: int, edge: int, shifted: bool) -> None:
        super().__init__()
        self.shift = WINDOW // 2 if shifted and edge > WINDOW else 0
        self.norm1 = nn.LayerNorm(width)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, Y, X, D) → (B, Y, X, D)."""
        y = self.norm1(x)
        if self.shift:
            rolled = torch.roll(y, (-self.shift, -self.shift), (1, 2))
            mixed = _joined(self.attn(windows(rolled), _apart(y.shape[1], self.shift).to(x.device)), y.shape)
            x = x + torch.roll(mixed, (self.shift, self.shift), (1, 2))
        else:
            x = x + _joined(self.attn(windows(y), None), y.shape)
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


def windows(x: Tensor) -> Tensor:
    """(B, Y, X, D) → (B V, N, D)."""
    batch, tall, wide, width = x.shape
    cut = x.view(batch, tall // WINDOW, WINDOW, wide // WINDOW, WINDOW, width)
    return cut.transpose(2, 3).reshape(-1, WINDOW * WINDOW, width)


def _joined(x: Tensor, shape: torch.Size) -> Tensor:
    """(B V, N, D) → (B, Y, X, D), the inverse of `windows`."""
    batch, tall, wide, width = shape
    cut = x.view(batch, tall // WINDOW, wide // WINDOW, WINDOW, WINDOW, width)
    return cut.transpose(2, 3).reshape(shape)


def _apart(edge: int, shift: int) -> Tensor:
    """(V, N, N): APART where two patches of a window were not neighbours before the picture was rolled, else 0."""
    place = torch.arange(edge)
    part = (place >= edge - WINDOW).long() + (place >= edge - shift).long()  # (Y,)
    parts = windows((3 * part[:, None] + part[None])[None, ..., None])[..., 0]  # (V, N)
    return torch.where(parts[:, :, None] == parts[:, None], 0.0, APART)


class _Merging(nn.Module):
    """Four neighbours become one patch of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, Y, X, D) → (B, Y / 2, X / 2, 2 D)."""
        four = [x[:, down::2, along::2] for along in (0, 1) for down in (0, 1)]
        result: Tensor = self.reduction(self.norm(torch.cat(four, 3)))
        return result


class _Stage(nn.Module):
    def __init__(self, width: int, heads: int, layers: int, edge: int, last: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_Block(width, heads, edge, bool(index % 2)) for index in range(layers)))
        self.downsample = nn.Identity() if last else _Merging(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, Y, X, D) → the input of the next stage."""
        result: Tensor = self.downsample(self.blocks(x))
        return result


class Htsat(nn.Module):
    """The network with its published keys, without its head for classes."""

    def __init__(self, config: HtsatConfig) -> None:
        super().__init__()
        self.spectrogram_extractor = StoredSpectrogram(FFT, HOP)
        self.logmel_extractor = StoredLogMel(FFT, BANDS)
        self.bn0 = nn.BatchNorm2d(BANDS)
        self.patch_embed = _Patches(config.width)
        last = len(config.layers) - 1
        stages = enumerate(zip(config.heads, config.layers, strict=True))
        self.layers = nn.Sequential(
            *(
                _Stage(config.width * 2**index, heads, layers, EDGE // PATCH // 2**index, index == last)
                for index, (heads, layers) in stages
            )
        )
        self.norm = nn.LayerNorm(config.outputs)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (B, S) at 48 kHz, 10 s of them → (B, 8 D)."""
        x = self.logmel_extractor(self.spectrogram_extractor(samples))  # (B, T, M)
        x = self.bn0(x.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)  # the bands are its channels
        x = self.norm(self.layers(self.patch_embed(folded(x))))  # (B, 8, 8, 8 D)
        result: Tensor = x.mean((1, 2))
        return result


def folded(mel: Tensor) -> Tensor:
    """(B, T, M), T up to 1024 → (B, 256, 256): stretched to 1024 frames, then quarter under quarter."""
    stretched = F.interpolate(mel[:, None], (FRAMES, BANDS), mode="bicubic", align_corners=True)[:, 0]
    return stretched.view(-1, QUARTERS, EDGE, BANDS).transpose(2, 3).reshape(-1, EDGE, EDGE)
