"""Convolution over time with a kernel of three by minimal filtering: six products give four steps, and not twelve.

F(4, 3) of Winograd 1980 (Arithmetic Complexity of Computations), as Lavin & Gray 2016 (Fast Algorithms for
Convolutional Neural Networks) use it: input and kernel are read as polynomials and evaluated at six points, multiplied
there, and the steps are read off the products. The points 0, 1, -1, 1/2, -2 and infinity are not the usual symmetric
ones because these round less (Barabasz et al. 2020): the error is twice that of the direct product by the same library
(root mean square 1.0e-6 for 0.5e-6, largest of 1.8 million 1.1e-5 for 0.6e-5; 896 channels, inputs and outputs of
variance 1).

The evaluated kernel is twice as large as the kernel, so it is never kept: it is made anew for each block of output
channels, small enough to stay in the cache. That costs a tenth of the products, and no memory.

Dimension letters: B batch, L steps, W tiles of four steps, I channels in, O channels out.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from phonofilm.device import linear

KERNEL, STEPS, POINTS = 3, 4, 6
_READ = (
    (1.0, -3 / 2, -2.0, 3 / 2, 1.0, 0.0),
    (0.0, -1 / 3, 1 / 6, 5 / 6, 1 / 3, 0.0),
    (0.0, -1 / 3, 5 / 6, -1 / 6, -1 / 3, 0.0),
    (0.0, 32 / 15, 16 / 15, -32 / 15, -16 / 15, 0.0),
    (0.0, 1 / 30, -1 / 15, -1 / 30, 1 / 15, 0.0),
    (0.0, 1.0, -3 / 2, -2.0, 3 / 2, 1.0),
)
"""Six neighbouring steps → their values at the points (rows): the transposed inverse of the points' powers."""
CACHED_BYTES = 16 << 20
"""So large may the evaluated kernel of one block of output channels be."""
FEWEST_ROWS = 96
"""Fewer tiles than this (of all items together) are multiplied faster than the kernel is evaluated."""
LEAST_WIDTH = 256
"""With fewer channels on either side what is added costs as much as what is not multiplied: 192 gain nothing."""


@dataclass(frozen=True)
class Tiles:
    """A sequence at the six points. values: (6, B W, I), float32; batch and length: B and L of the sequence."""

    values: Tensor
    batch: int
    length: int

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """(B, L, I), float32."""
        batch, length, width = x.shape
        count = -(-length // STEPS)
        padded = x.new_zeros(batch, count * STEPS + KERNEL - 1, width)  # (B, 4 W + 2, I)
        padded[:, KERNEL // 2 : KERNEL // 2 + length] = x
        shape = (batch, count, POINTS, width)
        pieces = padded.as_strided(shape, (padded.stride(0), STEPS * width, width, 1))  # (B, W, 6, I)
        values = torch.matmul(x.new_tensor(_READ), pieces)  # (B, W, 6, I)
        values = values.permute(2, 0, 1, 3).contiguous()  # (6, B, W, I)
        return cls(values.flatten(1, 2), batch, length)


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether x (B, L, I) is convolved with a weight (O, I, K) faster by minimal filtering than directly."""
    if x.dtype != torch.float32 or x.device.type != "cpu" or torch.is_grad_enabled():
        return False
    outputs, inputs, kernel = weight.shape
    batch, length, _ = x.shape
    return kernel == KERNEL and min(outputs, inputs) >= LEAST_WIDTH and batch * -(-length // STEPS) >= FEWEST_ROWS


def convolve(tiles: Tiles, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `tiles` were made of, convolved: weight (O, I, 3), bias (O) → (B, L, O). Stride 1, zeros outside."""
    outputs, inputs, _ = weight.shape
    rows = min(outputs, max(16, CACHED_BYTES // (POINTS * inputs * weight.element_size()) // 16 * 16))
    steps = tiles.values.new_empty(tiles.batch, tiles.values.shape[1] // tiles.batch, STEPS, outputs)  # (B, W, 4, O)
    room = weight.new_empty(POINTS, rows, inputs)  # made once, so that its pages are
    for first in range(0, outputs, rows):
        block = slice(first, first + rows)
        kernels = _evaluated(weight[block], room)  # (6, rows or fewer, I)
        products = [linear(value, kernel) for value, kernel in zip(tiles.values, kernels, strict=True)]  # (B W, rows)
        _read_off(products, steps[..., block].flatten(0, 1))
    result = steps.flatten(1, 2)[:, : tiles.length]  # (B, L, O)
    return result if bias is None else result.add_(bias)


def _evaluated(weight: Tensor, room: Tensor) -> Tensor:
    """(O, I, 3) → the kernel at the six points, (6, O, I), in `room` (6, O or more, I)."""
    first, middle, last = weight.unbind(-1)
    made = room[:, : weight.shape[0]]
    nought, one, minus_one, half, minus_two, infinity = made
    # Copied because oneDNN takes a matrix whose rows lie apart by a reference path, a hundred times slower.
    nought.copy_(first)
    infinity.copy_(last)
    torch.add(nought, infinity, out=one)
    torch.sub(one, middle, out=minus_one)
    one.add_(middle)
    torch.add(nought, middle, alpha=1 / 2, out=half).add_(infinity, alpha=1 / 4)
    torch.add(nought, middle, alpha=-2, out=minus_two).add_(infinity, alpha=4)
    return made


def _read_off(products: list[Tensor], steps: Tensor) -> None:
    """Products at the six points, each (B W, O) → the four steps of each tile, written to `steps` (B W, 4, O)."""
    nought, one, minus_one, half, minus_two, infinity = products
    even, odd = one + minus_one, one.sub_(minus_one)
    torch.add(nought, even, out=nought).add_(half).add_(minus_two)
    steps[:, 0] = nought
    steps[:, 1] = torch.add(odd, half, alpha=1 / 2).add_(minus_two, alpha=-2)
    steps[:, 2] = even.add_(half, alpha=1 / 4).add_(minus_two, alpha=4)
    steps[:, 3] = odd.add_(half, alpha=1 / 8).add_(minus_two, alpha=-8).add_(infinity)
