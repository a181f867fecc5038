"""The products that the flow network is made of: linear layers, convolutions over time, SwiGLU, and their precision.

State stays in float32; each layer rounds what goes into its own product to `matmul_dtype` and nothing else. bf16
products are about ten times faster on a CPU with matrix units (1.1 against 0.13 TFLOP/s on one core), but bf16 state or
tables ruin the result, which is why a whole network is never cast.

Dimension letters: B batch, L steps, I channels in, O channels out, K kernel, H hidden width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phonofilm.device import linear
from phonofilm.flow import minimal_filter
from phonofilm.flow.minimal_filter import Tiles


class Linear(nn.Module):
    """A linear layer whose product is computed in `matmul_dtype`. Starts at zero; see `initialise`."""

    def __init__(self, inputs: int, outputs: int, matmul_dtype: torch.dtype, bias: bool) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) → (..., O) in `matmul_dtype`."""
        dtype = self.matmul_dtype
        return linear(x.to(dtype), self.weight.to(dtype), None if self.bias is None else self.bias.to(dtype))


class TimeConv(nn.Module):
    """Convolution over time of channel-last data, stride 1, odd kernel, zero padding that keeps the length.

    It is one matrix product over windows of the narrower side: an expanding layer gathers the windows of its input, a
    contracting one makes every tap's share and adds the shares up. bf16 on one CPU core, both directions: about three
    times faster than conv1d.

    The weight has the usual shape (O, I, K), but lies in memory in the order in which the product reads it. Any other
    order works and costs a copy per call; `settle` restores this one.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, matmul_dtype: torch.dtype, bias: bool) -> None:
        super().__init__()
        assert kernel % 2 == 1
        self.matmul_dtype = matmul_dtype
        self.kernel = kernel
        self.expands = outputs >= inputs
        self.weight = nn.Parameter(self.arranged(torch.zeros(outputs, inputs, kernel)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def arranged(self, weight: Tensor) -> Tensor:
        """The same (O, I, K) values in the preferred memory order."""
        return self.restored(self.stored(weight).contiguous())

    def stored(self, weight: Tensor) -> Tensor:
        """(O, I, K) → the axes in the order in which the product reads them: (O, K, I) or (K, O, I)."""
        return weight.permute((0, 2, 1) if self.expands else (2, 0, 1))

    def restored(self, weight: Tensor) -> Tensor:
        """The inverse of `stored`, as a view."""
        return weight.permute((0, 2, 1) if self.expands else (1, 2, 0))

    def windows(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, K I) in `matmul_dtype`: what `over_windows` of an expanding layer reads."""
        result: Tensor = _Unfold.apply(x, self.kernel, self.matmul_dtype)  # type: ignore[no-untyped-call]
        return result

    def over_windows(self, windows: Tensor) -> Tensor:
        """(B, L, K I) → (B, L, O) in `matmul_dtype`, for an expanding layer."""
        matrix = self.weight.permute(0, 2, 1).to(self.matmul_dtype).flatten(1)  # (O, K I)
        return linear(windows, matrix, None if self.bias is None else self.bias.to(self.matmul_dtype))

    def pays_in_tiles(self, x: Tensor) -> bool:
        """Whether `over_tiles` is the faster way for this input (B, L, I)."""
        return self.matmul_dtype == torch.float32 and minimal_filter.pays(x, self.weight)

    def over_tiles(self, tiles: Tiles) -> Tensor:
        """Tiles of (B, L, I) → (B, L, O) in float32."""
        return minimal_filter.convolve(tiles, self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, I) → (B, L, O): in `matmul_dtype` when expanding, in float32 when contracting."""
        if self.pays_in_tiles(x):
            return self.over_tiles(Tiles.of(x))
        if self.expands:
            return self.over_windows(self.windows(x))
        matrix = self.weight.permute(2, 0, 1).to(self.matmul_dtype).flatten(0, 1)  # (K O, I)
        shares = linear(x.to(self.matmul_dtype), matrix)  # (B, L, K O)
        result: Tensor = _Fold.apply(shares, self.kernel)  # type: ignore[no-untyped-call]
        return result if self.bias is None else result + self.bias


def _spans(length: int, shift: int) -> tuple[slice, slice]:
    """Where, in a row of `length`, positions l and l + shift both exist: (the span of l, the span of l + shift)."""
    count = max(0, length - abs(shift))
    first = max(0, -shift)
    return slice(first, first + count), slice(first + shift, first + shift + count)


def _unfold(x: Tensor, kernel: int, sign: int, dtype: torch.dtype) -> Tensor:
    """(B, L, I) → (B, L, K I) in `dtype`: window k of step l shows x at l + sign (k - K // 2), or zeros outside."""
    batch, length, width = x.shape
    x = x.to(dtype)  # once, and not at every tap
    result = x.new_empty(batch, length, kernel, width)
    for tap in range(kernel):
        here, there = _spans(length, sign * (tap - kernel // 2))
        result[:, : here.start, tap] = 0
        result[:, here, tap] = x[:, there]
        result[:, here.stop :, tap] = 0
    return result.view(batch, length, kernel * width)


def _fold(shares: Tensor, kernel: int, sign: int) -> Tensor:
    """(B, L, K O) → (B, L, O) in float32: step l adds share k of step l + sign (k - K // 2)."""
    batch, length, _ = shares.shape
    taps = shares.view(batch, length, kernel, -1)
    result = taps[:, :, kernel // 2].to(torch.float32, copy=True)  # (B, L, O)
    for tap in range(kernel):
        if tap != kernel // 2:
            here, there = _spans(length, sign * (tap - kernel // 2))
            result[:, here] += taps[:, there, tap]
    return result


class _Unfold(torch.autograd.Function):
    """Windows of a sequence; its gradient is the fold in mirrored order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: int, dtype: torch.dtype) -> Tensor:
        ctx.kernel, ctx.dtype = kernel, x.dtype
        return _unfold(x, kernel, 1, dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _fold(grad.contiguous(), ctx.kernel, -1).to(ctx.dtype), None, None


class _Fold(torch.autograd.Function):
    """Sum of shifted shares in float32; its gradient is the mirrored windows."""

    @staticmethod
    def forward(ctx: Any, shares: Tensor, kernel: int) -> Tensor:
        ctx.kernel, ctx.dtype = kernel, shares.dtype
        return _fold(shares, kernel, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _unfold(grad, ctx.kernel, -1, ctx.dtype), None


class SwiGlu(nn.Module):
    """w2(silu(w1 x) · w3 x) without biases (Shazeer 2020); kernel 1 means plain linear layers."""

    def __init__(self, width: int, kernel: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        hidden = -(-int(2 * 4 * width / 3) // 256) * 256
        self.w1 = _product(width, hidden, kernel, matmul_dtype)
        self.w2 = _product(hidden, width, kernel, matmul_dtype)
        self.w3 = _product(width, hidden, kernel, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) → (..., I); three-dimensional with a kernel over 1."""
        gate, value = self._opened(x)  # (..., H) each
        result: Tensor = self.w2(F.silu(gate) * value)  # (..., I)
        return result

    def _opened(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(..., I) → w1 x and w3 x, each (..., H); what a convolution reads is made once for both."""
        if not (isinstance(self.w1, TimeConv) and isinstance(self.w3, TimeConv)):
            return self.w1(x), self.w3(x)
        if self.w1.pays_in_tiles(x):
            tiles = Tiles.of(x)
            return self.w1.over_tiles(tiles), self.w3.over_tiles(tiles)
        windows = self.w1.windows(x)  # (B, L, K I)
        return self.w1.over_windows(windows), self.w3.over_windows(windows)


def _product(inputs: int, outputs: int, kernel: int, matmul_dtype: torch.dtype) -> Linear | TimeConv:
    if kernel == 1:
        return Linear(inputs, outputs, matmul_dtype, bias=False)
    return TimeConv(inputs, outputs, kernel, matmul_dtype, bias=False)
