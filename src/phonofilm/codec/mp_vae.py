"""The autoencoders of the published MMAudio checkpoints: log-mel spectrogram ↔ latents, two frames a step.

A one-dimensional convolution network that keeps the magnitude of its data (Karras et al. 2024, "Analyzing and improving
the training dynamics of diffusion models"): every filter has unit norm, branches are joined by a weighted sum that
keeps the variance, and there are no biases. The filters are normalised once, by `prepare_mp_vae`, not at each call.

Data is channel-last, which is how oneDNN and cuDNN like it best; the file's order is restored at the borders.

Dimension letters: B batch, L latent steps, T mel frames, M mel bands, E latent width, H base width, I channels in,
O channels out, K kernel.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phonofilm.codec.published import check_published
from phonofilm.errors import ModelError

EPSILON = 1e-4
SILU_RMS = 0.596
"""Root mean square of silu of a standard normal variable: dividing by it keeps the magnitude."""
BRANCH_SHARE = 0.3
LARGEST_ACTIVATION = 256.0
LOG_VARIANCE_RANGE = (-30.0, 20.0)
FRAMES_A_STEP = 2
LEVELS = 3


@dataclass(frozen=True)
class MpVaeConfig:
    """bands M, embed E (latent width) and width H of the outermost level; the inner two have 2 H and 4 H."""

    bands: int
    embed: int
    width: int


MP_VAE_16K = MpVaeConfig(bands=80, embed=20, width=384)
MP_VAE_44K = MpVaeConfig(bands=128, embed=40, width=512)


def _pixel_norm(x: Tensor) -> Tensor:
    """(..., C) → the same, each step brought to a root mean square of 1."""
    rms = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
    result: Tensor = x / (rms + EPSILON)
    return result


def _silu(x: Tensor) -> Tensor:
    return F.silu(x) / SILU_RMS


def _joined(trunk: Tensor, branch: Tensor) -> Tensor:
    """Weighted sum of two tensors of unit magnitude that has unit magnitude again."""
    return torch.lerp(trunk, branch, BRANCH_SHARE) / math.hypot(1 - BRANCH_SHARE, BRANCH_SHARE)


class MpConv(nn.Module):
    """Convolution over time without bias, odd kernel, zero padding that keeps the length."""

    def __init__(self, inputs: int, outputs: int, kernel: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, O) float32."""
        rows = x.to(self.matmul_dtype)[:, None].permute(0, 3, 1, 2)  # (B, I, 1, L), channels last in memory
        weight = self.weight.to(self.matmul_dtype)[:, :, None]  # (O, I, 1, K)
        y = F.conv2d(rows, weight, padding=(0, weight.shape[-1] // 2))  # (B, O, 1, L)
        return y[:, :, 0].transpose(1, 2).float()  # (B, L, O)


class ResBlock(nn.Module):
    """Two convolutions of 3, joined to their input."""

    def __init__(self, inputs: int, outputs: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.conv1 = MpConv(inputs, outputs, 3, matmul_dtype)
        self.conv2 = MpConv(outputs, outputs, 3, matmul_dtype)
        self.nin_shortcut = MpConv(inputs, outputs, 1, matmul_dtype) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, O)."""
        x = _pixel_norm(x)
        branch = self.conv2(_silu(self.conv1(_silu(x))))  # (B, L, O)
        return _joined(x if self.nin_shortcut is None else self.nin_shortcut(x), branch)


class Attention(nn.Module):
    """One head over all steps, with queries, keys and values of unit magnitude.

    `qkv.weight` holds the queries' rows, then the keys', then the values'; the file has them interleaved.
    """

    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.qkv = MpConv(width, 3 * width, 1, matmul_dtype)
        self.proj_out = MpConv(width, width, 1, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, I)."""
        parts = self.qkv(x).unflatten(2, (3, -1))  # (B, L, 3, I)
        q, k, v = _pixel_norm(parts).to(self.matmul_dtype).unbind(2)  # (B, L, I) each
        # The scale is 1 / sqrt(I), and the scores are never in memory as a whole.
        mixed = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]  # (B, L, I)
        return _joined(x, self.proj_out(mixed))


class Middle(nn.Module):
    """The innermost part, the only one that sees all steps at once."""

    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.block_1 = ResBlock(width, width, matmul_dtype)
        self.attn_1 = Attention(width, matmul_dtype)
        self.block_2 = ResBlock(width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, I)."""
        result: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return result


class Downsample(nn.Module):
    """Halve the time axis."""

    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.conv1 = MpConv(width, width, 1, matmul_dtype)
        self.conv2 = MpConv(width, width, 1, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) → (B, T // 2, I)."""
        half = x.shape[1] // 2
        pairs = self.conv1(x)[:, : 2 * half].unflatten(1, (half, 2))  # (B, T/2, 2, I)
        result: Tensor = self.conv2(pairs.mean(dim=2))
        return result


class Upsample(nn.Module):
    """Double the time axis."""

    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.conv = MpConv(width, width, 3, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, 2 L, I)."""
        result: Tensor = self.conv(x.repeat_interleave(2, dim=1))
        return result


class Level(nn.Module):
    """The blocks of one width and the change of rate after them; the attributes have the file's names."""

    def __init__(
        self, inputs: int, outputs: int, blocks: int, rate: Literal["same", "half", "double"], matmul_dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            ResBlock(outputs if index else inputs, outputs, matmul_dtype) for index in range(blocks)
        )
        self.downsample = Downsample(outputs, matmul_dtype) if rate == "half" else None
        self.upsample = Upsample(outputs, matmul_dtype) if rate == "double" else None

    def forward(self, x: Tensor, largest: float) -> Tensor:
        """(B, L, I) → (B, L', O); each block's output is clamped to ± largest."""
        for block in self.block:
            x = block(x)
            if largest < math.inf:
                x = x.clamp_(-largest, largest)
        for resampler in (self.downsample, self.upsample):
            if resampler is not None:
                x = resampler(x)  # (B, L', O)
        return x


class Encoder(nn.Module):
    """Normalised mel → mean and logarithm of the variance."""

    def __init__(self, config: MpVaeConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(LEVELS)]
        self.conv_in = MpConv(config.bands, widths[0], 3, matmul_dtype)
        self.down = nn.ModuleList(
            Level(widths[max(0, level - 1)], widths[level], 2, "half" if level == 0 else "same", matmul_dtype)
            for level in range(LEVELS)
        )
        self.mid = Middle(widths[-1], matmul_dtype)
        self.conv_out = MpConv(widths[-1], 2 * config.embed, 3, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, M) → (B, T // 2, 2 E)."""
        x = self.conv_in(x)
        for level in self.down:
            x = level(x, math.inf)
        result: Tensor = self.conv_out(_silu(self.mid(x)))
        return result


class Decoder(nn.Module):
    """Latents → normalised mel."""

    def __init__(self, config: MpVaeConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(LEVELS)]
        self.conv_in = MpConv(config.embed, widths[-1], 3, matmul_dtype)
        self.mid = Middle(widths[-1], matmul_dtype)
        self.up = nn.ModuleList(
            Level(
                widths[min(LEVELS - 1, level + 1)], widths[level], 3, "double" if level == 1 else "same", matmul_dtype
            )
            for level in range(LEVELS)
        )
        self.conv_out = MpConv(widths[0], config.bands, 3, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, E) → (B, 2 L, M)."""
        x = self.mid(self.conv_in(x)).clamp(-LARGEST_ACTIVATION, LARGEST_ACTIVATION)  # (B, L, 4 H)
        for level in reversed(self.up):
            x = level(x, LARGEST_ACTIVATION)
        result: Tensor = self.conv_out(_silu(x))
        return result


class MpVae(nn.Module):
    """Log-mel spectrogram ↔ latents. Weights are empty until a prepared state is loaded; then they are only read."""

    data_mean: Tensor
    data_std: Tensor

    def __init__(self, config: MpVaeConfig, with_encoder: bool, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("data_mean", torch.empty(1, config.bands, 1))
        self.register_buffer("data_std", torch.empty(1, config.bands, 1))
        self.encoder = Encoder(config, matmul_dtype) if with_encoder else None
        self.decoder = Decoder(config, matmul_dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, E, L) as the flow network makes them → log-mel (B, M, 2 L)."""
        raw = self.decoder(latents.transpose(1, 2)).transpose(1, 2)  # (B, M, T)
        return torch.addcmul(self.data_mean, raw, self.data_std)

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel (B, M, T) → mean and logarithm of the variance, each (B, E, T // 2)."""
        if self.encoder is None:
            raise ModelError(
                "this autoencoder was loaded without its encoder, and encode() needs it; load it with with_encoder=True"
            )
        rows = ((mel - self.data_mean) / self.data_std).transpose(1, 2)  # (B, T, M)
        mean, log_variance = self.encoder(rows).transpose(1, 2).chunk(2, dim=1)  # (B, E, L) each
        return mean, log_variance.clamp(*LOG_VARIANCE_RANGE)


def mp_vae_published_shapes(config: MpVaeConfig) -> dict[str, tuple[int, ...]]:
    """Every key of the published file, encoder included, with its shape."""
    with torch.device("meta"):
        state = MpVae(config, with_encoder=True, matmul_dtype=torch.float32).state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    return shapes | {"encoder.learnable_gain": (), "decoder.learnable_gain": ()}


def prepare_mp_vae(state: dict[str, Tensor], config: MpVaeConfig, with_encoder: bool) -> dict[str, Tensor]:
    """A published state → the state of `MpVae`: filters normalised, gains folded in, attention rows put in order.

    Without the encoder its keys may be missing, and are dropped. Raises ModelError when keys do not fit.
    """
    expected = mp_vae_published_shapes(config)
    if not with_encoder:
        expected = {key: shape for key, shape in expected.items() if not key.startswith("encoder.")}
        state = {key: tensor for key, tensor in state.items() if not key.startswith("encoder.")}
    check_published(state, expected, "autoencoder", f"{config.bands}-band one")
    prepared = {}
    for key, tensor in state.items():
        if not key.endswith(".weight"):
            if not key.endswith(".learnable_gain"):
                prepared[key] = tensor.float()
            continue
        weight = _unit_filters(tensor.float())  # (O, I, K)
        if key.endswith(".conv_out.weight"):
            weight = weight * (1 + state[key.replace("conv_out.weight", "learnable_gain")].float())
        elif key.endswith(".qkv.weight"):
            width = weight.shape[1]
            weight = weight.view(width, 3, width, 1).transpose(0, 1).flatten(0, 1)  # (I, 3, I, 1) → (3 I, I, 1)
        prepared[key] = weight.contiguous()
    return prepared


def _unit_filters(weight: Tensor) -> Tensor:
    """(O, I, K) → filters of root mean square 1 / sqrt(I K)."""
    fan_in = weight[0].numel()
    rms = torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True) / math.sqrt(fan_in)  # (O, 1, 1)
    unit: Tensor = weight / (EPSILON + rms) / math.sqrt(fan_in)
    return unit
