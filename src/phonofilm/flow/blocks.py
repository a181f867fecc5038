"""The transformer blocks: modulated streams, each with its own weights, that meet in one attention.

A block of the multimodal diffusion transformer (Esser et al. 2024) with adaptive layer norm (Peebles & Xie 2023).

Dimension letters: B batch, N tokens, D width, A heads, E head width, P pairs of rotary channels, Q queries and keys
(2) or keys only (1), R distinct modulation rows.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phonofilm.device import linear
from phonofilm.flow.layers import Linear, SwiGlu, TimeConv

NORM_EPS = 1e-5
RMS_EPS = 1.1920928955078125e-07  # machine epsilon of float32, whatever the dtype of the products
LINE_KERNEL = 3  # of the convolutions in latent and image streams


class HeadNorm(nn.Module):
    """Root-mean-square norm of each head with a learned weight (Zhang & Sennrich 2019)."""

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(head_width))


class Attention(nn.Module):
    """Makes the queries, keys and values of one stream.

    The published rows run (head, channel, q/k/v), which leaves q, k and v interleaved in the product. `settle` sorts
    them apart once and for all; until then each call does it.
    """

    def __init__(self, width: int, heads: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = heads
        self.sorted_rows = False
        self.qkv = Linear(width, 3 * width, matmul_dtype, bias=True)
        self.q_norm = HeadNorm(width // heads)
        self.k_norm = HeadNorm(width // heads)

    def sort_rows(self) -> None:
        """Rows in the order (q/k/v, head, channel), in place."""
        if not self.sorted_rows:
            assert self.qkv.bias is not None
            self.qkv.weight.data, self.qkv.bias.data = self._apart()
            self.sorted_rows = True

    def _apart(self) -> tuple[Tensor, Tensor]:
        """Weight (3 D, D) and bias (3 D) with q, k and v apart."""
        weight, bias = self.qkv.weight, self.qkv.bias
        assert bias is not None
        if self.sorted_rows:
            return weight, bias
        width = weight.shape[1]
        return weight.view(width, 3, width).transpose(0, 1).reshape(-1, width), bias.view(width, 3).t().reshape(-1)

    def forward(self, x: Tensor, turn: Tensor | None, with_query: bool) -> tuple[Tensor | None, Tensor, Tensor]:
        """(B, N, D), rotations (N, P) → scaled query (or None), key, value, each (B, A, N, E)."""
        batch, count, width = x.shape
        dtype, head_width = self.qkv.matmul_dtype, width // self.heads
        first = 0 if with_query else 1
        weight, bias = (part[first * width :].to(dtype) for part in self._apart())
        made = linear(x.to(dtype), weight, bias)  # (B, N, (2 or 3) D)
        shaped = made.view(batch, count, 3 - first, self.heads, head_width)  # (B, N, 2 or 3, A, E)
        turning, value = torch.split(shaped, [2 - first, 1], dim=2)
        # Attention's 1 / sqrt(E) is taken into the query's norm.
        norms = torch.stack([self.q_norm.weight * head_width**-0.5, self.k_norm.weight])[first:, None]  # (1 or 2, 1, E)
        turned: Tensor = _Turned.apply(turning, norms, turn)  # type: ignore[no-untyped-call]
        return turned[0] if with_query else None, turned[-1], value.squeeze(2).transpose(1, 2)


class _Turned(torch.autograd.Function):
    """RMS norm and rotation of queries and keys, in float32.

    Written out because it is all memory traffic: half the passes over memory that autograd would make of it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, norms: Tensor, turn: Tensor | None) -> Tensor:
        """(B, N, Q, A, E), weights (Q, 1, E), rotations (N, P) → (Q, B, A, N, E) in the dtype of x."""
        y = torch.empty(x.shape, dtype=torch.float32, device=x.device).copy_(x)  # (B, N, Q, A, E)
        inverse = torch.linalg.vector_norm(y, dim=-1, keepdim=True)
        inverse = inverse.square_().div_(x.shape[-1]).add_(RMS_EPS).rsqrt_()  # (B, N, Q, A, 1)
        y.mul_(inverse)
        ctx.save_for_backward(y, inverse, norms)
        ctx.turn, ctx.dtype = turn, x.dtype
        result = _rotate_(y * norms, turn).permute(2, 0, 3, 1, 4)  # (Q, B, A, N, E)
        return result.to(x.dtype, memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """(Q, B, A, N, E) → (B, N, Q, A, E) and (Q, 1, E)."""
        y, inverse, norms = ctx.saved_tensors
        g = torch.empty_like(y).copy_(grad.permute(1, 3, 0, 2, 4))  # (B, N, Q, A, E)
        g = _rotate_(g, None if ctx.turn is None else ctx.turn.conj())
        product = g * y
        grad_norms = product.flatten(0, 1).sum(0).sum(1, keepdim=True)  # (Q, 1, E)
        along = product.mul_(norms).mean(-1, keepdim=True)  # (B, N, Q, A, 1)
        grad_x = g.mul_(norms).addcmul_(y, along, value=-1).mul_(inverse)
        return grad_x.to(ctx.dtype), grad_norms, None


def _rotate_(y: Tensor, turn: Tensor | None) -> Tensor:
    """Turn neighbouring channels of y (B, N, Q, A, E) by `turn` (N, P), in place."""
    if turn is not None:
        torch.view_as_complex(y.view(*y.shape[:-1], -1, 2)).mul_(turn[:, None, None])  # (B, N, Q, A, P)
    return y


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention of scaled queries, without mask: (B, A, N, E) → (B, N, D)."""
    if query.device.type == "cpu" and torch.is_grad_enabled():
        # The fused kernel's backward pass is slow on CPUs: 37 against 11 ms in bf16 (B 32, A 3, N 112, E 64, one core).
        mixed = (query @ key.transpose(-1, -2)).softmax(-1) @ value  # (B, A, N, E)
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, scale=1.0)  # (B, A, N, E)
    return mixed.transpose(1, 2).flatten(2)  # (B, N, D)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without own weights, then scale and shift, in float32: x (B, N, D), shift and scale (B, 1 or N, D)."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPS) * (1 + scale.float()) + shift.float()


class StreamBlock(nn.Module):
    """One stream of a block. `gives_only`: it hands keys and values to the others and ends there."""

    def __init__(self, width: int, heads: int, kernel: int, gives_only: bool, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.gives_only = gives_only
        self.attn = Attention(width, heads, matmul_dtype)
        # Position 0 is the SiLU of the published key names. It is the same for all blocks, so the network applies it.
        rows = (2 if gives_only else 6) * width
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), Linear(width, rows, matmul_dtype, bias=True))
        if not gives_only:
            self.linear1 = (
                Linear(width, width, matmul_dtype, bias=True)
                if kernel == 1
                else TimeConv(width, width, kernel, matmul_dtype, bias=True)
            )
            self.ffn = SwiGlu(width, kernel, matmul_dtype)

    def modulation(self, activated: Tensor, rows: Tensor | None) -> tuple[Tensor, ...]:
        """SiLU of the modulating vectors → 2 or 6 tensors (B, 1 or N, D).

        activated: (B, 1 or N, D), or (R, D) with `rows` (B, N), which says where each of them goes.
        """
        made: Tensor = self.adaLN_modulation[1](activated)  # (..., 2 D or 6 D)
        if rows is not None:
            made = made[rows]  # (B, N, 2 D or 6 D)
        return made.chunk(2 if self.gives_only else 6, dim=-1)

    def finish(self, x: Tensor, attended: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        """The stream (B, N, D) and what attention gave it (B, N, D) → the stream after this block."""
        _, _, gate1, shift2, scale2, gate2 = modulation
        x = x + self.linear1(attended).float() * gate1.float()  # (B, N, D)
        inner: Tensor = self.ffn(modulated(x, shift2, scale2))  # (B, N, D)
        return x + inner.float() * gate2.float()

    def forward(self, x: Tensor, activated: Tensor, rows: Tensor | None, turn: Tensor | None) -> Tensor:
        """The block of a stream that is alone: (B, N, D), SiLU of the modulating vectors (B, R, D) → (B, N, D)."""
        modulation = self.modulation(activated, rows)
        query, key, value = self.attn(modulated(x, modulation[0], modulation[1]), turn, True)
        return self.finish(x, attend(query, key, value), modulation)


class JointBlock(nn.Module):
    """Latent, image and text streams that attend to each other. After the last such block only latents go on."""

    def __init__(self, width: int, heads: int, last: bool, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.latent_block = StreamBlock(width, heads, LINE_KERNEL, False, matmul_dtype)
        self.clip_block = StreamBlock(width, heads, LINE_KERNEL, last, matmul_dtype)
        self.text_block = StreamBlock(width, heads, 1, last, matmul_dtype)
        self.last = last

    def forward(
        self,
        streams: tuple[Tensor, Tensor, Tensor],
        activated: tuple[Tensor, Tensor, Tensor],
        rows: Tensor | None,
        turns: tuple[Tensor, Tensor, None],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Streams (latents, image, text), each (B, N, D), and SiLU of their modulating vectors → streams."""
        blocks: tuple[StreamBlock, ...] = (self.latent_block, self.clip_block, self.text_block)
        modulations = [
            block.modulation(vectors, rows if block is self.latent_block else None)
            for block, vectors in zip(blocks, activated, strict=True)
        ]
        made = [
            block.attn(modulated(x, modulation[0], modulation[1]), turn, not block.gives_only)
            for block, x, modulation, turn in zip(blocks, streams, modulations, turns, strict=True)
        ]
        query = torch.cat([part[0] for part in made if part[0] is not None], dim=2)  # (B, A, sum of N, E)
        key = torch.cat([part[1] for part in made], dim=2)
        value = torch.cat([part[2] for part in made], dim=2)
        counts = [part[0].shape[2] for part in made if part[0] is not None]
        attended = torch.split(attend(query, key, value), counts, dim=1)  # each (B, N, D)
        done = [
            block.finish(x, own, modulation)
            for block, x, own, modulation in zip(blocks, streams, attended, modulations, strict=False)
        ]
        return (done[0], streams[1], streams[2]) if self.last else (done[0], done[1], done[2])
