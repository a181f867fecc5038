"""BigVGAN, the vocoder of the published MMAudio checkpoints (Lee et al. 2023; version 2 at 44.1 kHz).

Mel frames are widened to samples in six stages; each stage is the mean of three residual blocks whose activation is
periodic ("snake", Ziyin et al. 2020) and computed at twice the rate, between two low-pass filters, so that its
harmonics do not alias.

How it is made fast, with the function left as it is:

- Data is channel-last, (steps, channels). Convolutions run as two-dimensional ones of height 1 in the layout that
  oneDNN and cuDNN need not reorder; transposed convolutions are plain ones that make all phases of a step at once.
- The activation goes over the data in pieces that stay in the cache. Both filters are products with a small banded
  matrix, one for each block of BLOCK steps: 3.7 against 20 ns a value for the plain sequence of operations.
- Weight norm, exponentials and reciprocals are computed once, by `prepare_bigvgan`.

Dimension letters: B batch, M mel bands, T mel frames, S samples, L steps of a stage, C channels, I channels in,
O channels out, K kernel, U upsampling factor, N blocks of a piece.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phonofilm.codec.published import check_published
from phonofilm.errors import ModelError

EDGE_KERNEL = 7
FILTER_TAPS = 12
FILTER_CUTOFF = 0.25
FILTER_HALF_WIDTH = 0.3
FILTER_REACH = 5
"""An activated step sees this many steps to each side, through both filters."""
BLOCK = 16
"""Steps that one product with a banded matrix filters. Longer blocks multiply more zeros, shorter ones are too small
for a matrix product; 16 was the fastest of 8, 16 and 32."""
HALO = 3
"""Steps to each side that the banded matrices read beyond their block."""
CONV_STEPS = 8192
"""Steps that one call of a convolution makes: oneDNN keeps working memory that grows with the length for each shape it
has met, which came to half a gigabyte."""
PIECE_VALUES = 49152
"""Values that the activation handles at once on a CPU: at twice the rate, in float32, they fill 0.4 MB of cache."""


@dataclass(frozen=True)
class BigVganConfig:
    """Dimensions of the network. width: channels after the first convolution, halved by each stage.

    rates: upsampling factor of each stage. kernels, dilations: of the residual blocks. final: what bounds the samples.
    """

    bands: int
    width: int
    rates: tuple[int, ...]
    kernels: tuple[int, ...]
    dilations: tuple[int, ...]
    final: Literal["tanh", "clamp"]
    final_bias: bool

    @property
    def hop(self) -> int:
        """Samples that one mel frame becomes."""
        return math.prod(self.rates)

    @property
    def margin_frames(self) -> int:
        """Mel frames to each side of a frame that its samples depend on: the exact receptive field."""
        low, high = -(EDGE_KERNEL // 2) - FILTER_REACH, self.hop - 1 + EDGE_KERNEL // 2 + FILTER_REACH
        block = sum(2 * FILTER_REACH + (max(self.kernels) // 2) * (dilation + 1) for dilation in self.dilations)
        for rate in reversed(self.rates):
            low, high = low - block, high + block
            # Output n is made from steps q and q - 1 of the input, with q = (n + U/2) // U.
            low, high = (low + rate // 2) // rate - 1, (high + rate // 2) // rate
        return max(-low, high) + EDGE_KERNEL // 2


BIGVGAN_16K = BigVganConfig(80, 1536, (4, 4, 2, 2, 2, 2), (3, 7, 11), (1, 3, 5), final="tanh", final_bias=True)
BIGVGAN_44K = BigVganConfig(128, 1536, (8, 4, 2, 2, 2, 2), (3, 7, 11), (1, 3, 5), final="clamp", final_bias=False)


class Conv(nn.Module):
    """Convolution over time with zero padding; an odd kernel keeps the length."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, dilation: int, bias: bool, matmul_dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.dilation = dilation
        self.matmul_dtype = matmul_dtype
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(L, I) → (L, O) in `matmul_dtype`; an even kernel gives L + 1 steps."""
        weight = self.weight.to(self.matmul_dtype)[:, :, None]  # (O, I, 1, K)
        bias = None if self.bias is None else self.bias.to(self.matmul_dtype)
        reach = (weight.shape[-1] - 1) * self.dilation
        before = weight.shape[-1] // 2 * self.dilation
        count = len(x) + 2 * before - reach
        result = x.new_empty(count, len(weight), dtype=self.matmul_dtype)
        # Calls of one length share one oneDNN primitive, each of which takes 40 ms to make; so the last one overlaps.
        size = count if x.is_cuda else -(-count // -(-count // CONV_STEPS))
        for start in range(0, count, size):
            first, end = min(start, count - size), min(start + size, count)
            low, high = first - before, end - before + reach
            rows = x[max(0, low) : high].to(self.matmul_dtype)
            if low < 0 or high > len(x):
                rows = F.pad(rows, (0, 0, max(0, -low), max(0, high - len(x))))
            columns = rows[None, None].permute(0, 3, 1, 2)  # (1, I, 1, L'), channels last in memory
            result[first:end] = F.conv2d(columns, weight, bias, dilation=(1, self.dilation))[0, :, 0].T
        return result


class Upsampler(nn.Module):
    """Transposed convolution of kernel 2 U and stride U, as a plain one of kernel 2 with U outputs a channel."""

    def __init__(self, inputs: int, outputs: int, rate: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.rate = rate
        self.phases = Conv(inputs, rate * outputs, 2, 1, bias=True, matmul_dtype=matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(L, I) → (L U, O) float32."""
        y = self.phases(x)  # (L + 1, U O)
        steps: Tensor = y.view(y.shape[0] * self.rate, -1)  # ((L + 1) U, O)
        return steps[self.rate // 2 : len(steps) - self.rate // 2].float()  # (L U, O)


class Snake(nn.Module):
    """Up twofold, x + sin²(frequency x) root², down again, each channel by itself.

    frequency is the file's e^alpha, root the square root of its 1 / (e^beta + 1e-9).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.empty(channels), requires_grad=False)
        self.root = nn.Parameter(torch.empty(channels), requires_grad=False)

    def forward(self, x: Tensor, up: Tensor, down: Tensor, dtype: torch.dtype) -> Tensor:
        """x (L, C) contiguous; up, down: the banded matrices of `filter_matrices` → (L, C) in `dtype`."""
        length, channels = x.shape
        piece = length if x.is_cuda else max(1, PIECE_VALUES // channels // BLOCK) * BLOCK
        result = torch.empty_like(x, dtype=dtype)
        for first in range(0, length, piece):
            count = min(piece, length - first)
            result[first : first + count] = self._piece(x, first, count, up, down)
        return result

    def _piece(self, x: Tensor, first: int, count: int, up: Tensor, down: Tensor) -> Tensor:
        """The steps first to first + count: (count, C).

        The doubled signal starts 6 values early, so row i of it is value 2 first - 6 + i.
        """
        length, channels = x.shape
        blocks = -(-count // BLOCK)
        low = first - 2 * HALO
        source = _stretch(x, low, low + (blocks + 1) * BLOCK + 2 * HALO).float()
        windows = _windows(source, 0, blocks + 1, BLOCK, BLOCK + 2 * HALO)  # (N + 1, BLOCK + 6, C)
        doubled = torch.bmm(up.expand(blocks + 1, -1, -1), windows).view(-1, channels)  # ((N + 1) 2 BLOCK, C)
        bent = doubled * self.frequency
        bent.sin_().mul_(self.root)
        doubled.addcmul_(bent, bent)
        # Beyond the ends of the whole signal the first and the last activated value are repeated.
        if low < 0:
            doubled[: -2 * low - 2 * HALO] = doubled[-2 * low - 2 * HALO]
        end = 2 * (length - low) - 2 * HALO
        if end < len(doubled):
            doubled[end:] = doubled[end - 1]
        windows = _windows(doubled, 1, blocks, 2 * BLOCK, 2 * BLOCK + FILTER_TAPS - 2)  # (N, 2 BLOCK + 10, C)
        filtered = torch.bmm(down.expand(blocks, -1, -1), windows)  # (N, BLOCK, C)
        return filtered.view(-1, channels)[:count]


def _stretch(x: Tensor, low: int, high: int) -> Tensor:
    """Rows low to high of (L, C), the first and the last repeated where there are none."""
    length = len(x)
    if low >= 0 and high <= length:
        return x[low:high]
    before, after = x[:1].expand(max(0, -low), -1), x[-1:].expand(max(0, high - length), -1)
    return torch.cat([before, x[max(0, low) : high], after])


def _windows(x: Tensor, first: int, count: int, step: int, size: int) -> Tensor:
    """(L, C) → overlapping windows (count, size, C) as a view: window n starts at row first + n step."""
    channels = x.shape[1]
    return x.as_strided((count, size, channels), (step * channels, channels, 1), x.storage_offset() + first * channels)


class AmpBlock(nn.Module):
    """Residual convolutions of one kernel and rising dilation, each between activations."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.convs1 = nn.ModuleList(
            Conv(channels, channels, kernel, dilation, bias=True, matmul_dtype=matmul_dtype) for dilation in dilations
        )
        self.convs2 = nn.ModuleList(
            Conv(channels, channels, kernel, 1, bias=True, matmul_dtype=matmul_dtype) for _ in dilations
        )
        self.activations = nn.ModuleList(Snake(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """(L, C) → (L, C)."""
        x = x.clone()
        for index, (dilated, plain) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            inner = dilated(self.activations[2 * index](x, up, down, self.matmul_dtype))  # (L, C)
            x += plain(self.activations[2 * index + 1](inner, up, down, self.matmul_dtype))
        return x


class BigVgan(nn.Module):
    """Log-mel spectrogram → waveform. Weights are empty until a prepared state is loaded; then they are only read."""

    up_matrix: Tensor
    down_matrix: Tensor

    def __init__(self, config: BigVganConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.config = config
        widths = [config.width >> stage for stage in range(len(config.rates) + 1)]
        self.conv_pre = Conv(config.bands, widths[0], EDGE_KERNEL, 1, bias=True, matmul_dtype=matmul_dtype)
        self.ups = nn.ModuleList(
            Upsampler(widths[stage], widths[stage + 1], rate, matmul_dtype) for stage, rate in enumerate(config.rates)
        )
        self.resblocks = nn.ModuleList(
            AmpBlock(width, kernel, config.dilations, matmul_dtype) for width in widths[1:] for kernel in config.kernels
        )
        self.activation_post = Snake(widths[-1])
        # One output channel is no load, so the last product stays in float32.
        self.conv_post = Conv(widths[-1], 1, EDGE_KERNEL, 1, config.final_bias, matmul_dtype=torch.float32)
        self.register_buffer("up_matrix", torch.empty(2 * BLOCK, BLOCK + 2 * HALO))
        self.register_buffer("down_matrix", torch.empty(BLOCK, 2 * BLOCK + FILTER_TAPS - 2))

    def forward(self, mel: Tensor) -> Tensor:
        """mel (B, M, T), T >= 1 → wave (B, S) within ±1, S = T * hop. Rows are computed one after the other."""
        return torch.stack([self._one(row.T) for row in mel])

    def _one(self, mel: Tensor) -> Tensor:
        """(T, M) → (S,)."""
        up, down = self.up_matrix, self.down_matrix
        branches = len(self.config.kernels)
        x = self.conv_pre(mel)  # (T, C)
        for stage, upsampler in enumerate(self.ups):
            x = upsampler(x)  # (L, C)
            blocks = self.resblocks[stage * branches : (stage + 1) * branches]
            total = blocks[0](x, up, down)
            for block in blocks[1:]:
                total += block(x, up, down)
            x = total.div_(branches)
        x = self.activation_post(x, up, down, torch.float32)
        wave: Tensor = self.conv_post(x)[:, 0]  # (S,)
        return torch.tanh(wave) if self.config.final == "tanh" else wave.clamp(-1, 1)


def anti_alias_filter() -> Tensor:
    """(12,) float32: the low-pass filter of both resamplers, a sinc in a Kaiser window (Kaiser 1974), of sum 1."""
    attenuation_db = 2.285 * (FILTER_TAPS // 2 - 1) * math.pi * 4 * FILTER_HALF_WIDTH + 7.95
    beta = 0.1102 * (attenuation_db - 8.7)  # Kaiser's rule above 50 dB
    window = torch.kaiser_window(FILTER_TAPS, periodic=False, beta=beta, dtype=torch.float64)
    time = torch.arange(FILTER_TAPS, dtype=torch.float64) - (FILTER_TAPS - 1) / 2
    taps = window * torch.sinc(2 * FILTER_CUTOFF * time)
    return (taps / taps.sum()).float()


def filter_matrices(up_filter: Tensor, down_filter: Tensor) -> tuple[Tensor, Tensor]:
    """Filters (12,) each → the banded matrices (2 BLOCK, BLOCK + 6) and (BLOCK, 2 BLOCK + 10) that apply them.

    Upsampling: value 2 t is the sum of 2 f[11 - 2 m] x[t - 3 + m] over m from 0 to 5, value 2 t + 1 that of
    2 f[10 - 2 m] x[t - 2 + m]. Downsampling: step t is the sum of f[k] u[2 t - 5 + k] over k from 0 to 11.
    """
    up = up_filter.new_zeros(2 * BLOCK, BLOCK + 2 * HALO)
    down = down_filter.new_zeros(BLOCK, 2 * BLOCK + FILTER_TAPS - 2)
    half = FILTER_TAPS // 2
    reverse = 2 * up_filter.flip(0)  # reverse[j] = 2 f[11 - j]
    for step in range(BLOCK):
        up[2 * step, step : step + half] = reverse[0::2]
        up[2 * step + 1, step + 1 : step + 1 + half] = reverse[1::2]
        down[step, 2 * step : 2 * step + FILTER_TAPS] = down_filter
    return up, down


def bigvgan_published_shapes(config: BigVganConfig) -> dict[str, tuple[int, ...]]:
    """Every key of the published file with its shape, weight norm written as weight_g and weight_v."""
    shapes: dict[str, tuple[int, ...]] = {}

    def add_conv(name: str, shape: tuple[int, int, int], bias: int) -> None:
        shapes.update({f"{name}.weight_g": (shape[0], 1, 1), f"{name}.weight_v": shape})
        if bias:
            shapes[f"{name}.bias"] = (bias,)

    def add_activation(name: str, channels: int) -> None:
        shapes.update({f"{name}.act.alpha": (channels,), f"{name}.act.beta": (channels,)})
        taps = (1, 1, FILTER_TAPS)
        shapes.update({f"{name}.upsample.filter": taps, f"{name}.downsample.lowpass.filter": taps})

    add_conv("conv_pre", (config.width, config.bands, EDGE_KERNEL), config.width)
    for stage, rate in enumerate(config.rates):
        width = config.width >> (stage + 1)
        add_conv(f"ups.{stage}.0", (2 * width, width, 2 * rate), width)
        for branch, kernel in enumerate(config.kernels):
            name = f"resblocks.{stage * len(config.kernels) + branch}"
            for index in range(len(config.dilations)):
                add_conv(f"{name}.convs1.{index}", (width, width, kernel), width)
                add_conv(f"{name}.convs2.{index}", (width, width, kernel), width)
            for index in range(2 * len(config.dilations)):
                add_activation(f"{name}.activations.{index}", width)
    last = config.width >> len(config.rates)
    add_activation("activation_post", last)
    add_conv("conv_post", (1, last, EDGE_KERNEL), int(config.final_bias))
    return shapes


def prepare_bigvgan(state: dict[str, Tensor], config: BigVganConfig) -> dict[str, Tensor]:
    """A published state → the state of `BigVgan`: weight norm folded in, exponentials and filter matrices computed.

    Weight norm may be named weight_g and weight_v or parametrizations.weight.original0 and original1. Raises ModelError
    when keys do not fit, or when the activations do not share one pair of filters.
    """
    state = {_short_name(key): tensor.float() for key, tensor in state.items()}
    check_published(state, bigvgan_published_shapes(config), "vocoder", f"{config.bands}-band BigVGAN")
    prepared: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name, _, last = key.rpartition(".")
        target, rate = name, 1
        if name.startswith("ups."):
            stage = int(name.split(".")[1])
            target, rate = f"ups.{stage}.phases", config.rates[stage]
        if last == "weight_v":
            weight = tensor * (state[f"{name}.weight_g"] / tensor.flatten(1).norm(dim=1)[:, None, None])
            prepared[f"{target}.weight"] = weight if rate == 1 else _phases(weight)
        elif last == "bias":
            prepared[f"{target}.bias"] = tensor.repeat(rate)
        elif last == "alpha":
            prepared[f"{name.removesuffix('.act')}.frequency"] = tensor.exp()
        elif last == "beta":
            prepared[f"{name.removesuffix('.act')}.root"] = (tensor.exp() + 1e-9).rsqrt()
    up, down = (_shared_filter(state, part) for part in (".upsample.filter", ".lowpass.filter"))
    prepared["up_matrix"], prepared["down_matrix"] = filter_matrices(up, down)
    return prepared


def _short_name(key: str) -> str:
    """torch's newer names of a weight-norm pair → the older ones."""
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        key = key.replace(f"parametrizations.weight.{new}", old)
    return key


def _phases(weight: Tensor) -> Tensor:
    """Transposed (I, O, 2 U) → plain (U O, I, 2): output q U + p takes tap p of step q and tap p + U of step q - 1."""
    inputs, outputs, size = weight.shape
    taps = weight.view(inputs, outputs, 2, size // 2)  # (I, O, 2, U)
    return taps.permute(3, 1, 0, 2).flip(3).flatten(0, 1).contiguous()  # (U O, I, 2)


def _shared_filter(state: dict[str, Tensor], suffix: str) -> Tensor:
    """The one filter (12,) that all keys with this ending hold."""
    filters = {key: tensor for key, tensor in state.items() if key.endswith(suffix)}
    first = next(iter(filters.values()))
    for key, tensor in filters.items():
        if not torch.allclose(tensor, first, atol=1e-6):
            raise ModelError(
                f"filter {key} of this vocoder file differs from the others; wanted one filter for all activations, "
                "so fetch the file again"
            )
    return first.flatten()
