"""Convolutions, norms and attention against the plain operations of torch, forwards and backwards."""

from fractions import Fraction
from math import floor

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from phonofilm.flow.blocks import RMS_EPS, Attention, attend
from phonofilm.flow.conditions import nearest_rows, rotations
from phonofilm.flow.layers import TimeConv
from phonofilm.flow.network import settle

CPU = torch.device("cpu")


def random_conv(inputs: int, outputs: int, kernel: int, bias: bool, dtype: torch.dtype = torch.float32) -> TimeConv:
    layer = TimeConv(inputs, outputs, kernel, dtype, bias)
    generator = torch.Generator().manual_seed(inputs + outputs)
    for weight in layer.parameters():
        nn.init.normal_(weight, generator=generator)
    return layer


def gradients(result: Tensor, of: list[Tensor]) -> tuple[Tensor, ...]:
    wave = torch.sin(torch.arange(result.numel(), dtype=result.dtype)).view(result.shape)
    return torch.autograd.grad((result * wave).sum(), of)


@settings(max_examples=25)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 12),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    kernel=st.sampled_from([1, 3, 7]),
    bias=st.booleans(),
)
def test_time_conv_is_conv1d(batch: int, length: int, inputs: int, outputs: int, kernel: int, bias: bool) -> None:
    layer = random_conv(inputs, outputs, kernel, bias)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, length, inputs, generator=generator, requires_grad=True)
    variables = [x, *layer.parameters()]
    found = layer(x)
    weight = layer.weight.contiguous()  # conv1d has no backward pass for other orders
    wanted = F.conv1d(x.transpose(1, 2), weight, layer.bias, padding=kernel // 2).transpose(1, 2)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    for own, plain in zip(gradients(found, variables), gradients(wanted, variables), strict=True):
        torch.testing.assert_close(own, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("inputs", "outputs"), [(16, 48), (48, 16)])
def test_time_conv_in_bf16(inputs: int, outputs: int) -> None:
    """Relative error (root mean square) under 1 %, forwards and backwards."""
    exact, rounded = (random_conv(inputs, outputs, 3, True, dtype) for dtype in (torch.float32, torch.bfloat16))
    x = torch.randn(2, 20, inputs, generator=torch.Generator().manual_seed(0), requires_grad=True)
    wanted = [exact(x), *gradients(exact(x), [x, *exact.parameters()])]
    found = [rounded(x), *gradients(rounded(x).float(), [x, *rounded.parameters()])]
    for one, other in zip(found, wanted, strict=True):
        assert (one.float() - other).square().mean().sqrt() < 0.01 * other.square().mean().sqrt()


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3)])
def test_memory_order_of_weights_does_not_matter(inputs: int, outputs: int) -> None:
    layer = random_conv(inputs, outputs, 3, True)
    x = torch.randn(1, 9, inputs, generator=torch.Generator().manual_seed(0))
    wanted = layer(x)
    order = layer.weight.stride()
    layer.load_state_dict({key: value.clone() for key, value in layer.state_dict().items()}, assign=True)
    layer.weight.data = layer.weight.data.contiguous()
    torch.testing.assert_close(layer(x), wanted)
    settle(layer)
    assert layer.weight.stride() == order
    torch.testing.assert_close(layer(x), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("turned", [True, False])
def test_attention_is_the_plain_formula(turned: bool) -> None:
    """Interleaved q, k, v; RMS norm; rotation of neighbouring channels; softmax. Values and gradients."""
    batch, count, heads, head_width = 2, 7, 3, 8
    layer = Attention(heads * head_width, heads, torch.float32)
    generator = torch.Generator().manual_seed(3)
    for weight in layer.parameters():
        nn.init.normal_(weight, generator=generator)
    x = torch.randn(batch, count, heads * head_width, generator=generator, requires_grad=True)
    turn = rotations(count, 1.7, head_width, CPU) if turned else None
    variables = [x, *layer.parameters()]

    query, key, value = layer(x, turn, True)
    assert query is not None
    found = attend(query, key, value)
    with torch.no_grad():
        torch.testing.assert_close(attend(query, key, value), found)  # both kernels agree

    made = F.linear(x, layer.qkv.weight, layer.qkv.bias).view(batch, count, heads, head_width, 3).transpose(1, 2)
    plain = []
    for part, norm in ((made[..., 0], layer.q_norm), (made[..., 1], layer.k_norm)):
        y = part * torch.rsqrt(part.square().mean(-1, keepdim=True) + RMS_EPS) * norm.weight
        if turned:
            angle = torch.outer(torch.arange(count) * 1.7, 10000.0 ** (-torch.arange(0, head_width, 2) / head_width))
            a, b = y[..., ::2], y[..., 1::2]
            y = torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)
        plain.append(y)
    mixed = ((plain[0] @ plain[1].transpose(-1, -2)) * head_width**-0.5).softmax(-1) @ made[..., 2]
    wanted = mixed.transpose(1, 2).flatten(2)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    for own, other in zip(gradients(found, variables), gradients(wanted, variables), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)
    alone = layer(x, turn, False)
    assert alone[0] is None
    torch.testing.assert_close(alone[1], key)


@given(source=st.integers(1, 400), target=st.integers(1, 700))
@settings(max_examples=50)
def test_nearest_rows_are_the_nearest(source: int, target: int) -> None:
    """By exact fractions, but for a quotient that is whole, where float32 may fall to either side."""
    found = nearest_rows(source, target, CPU).tolist()
    for row, place in enumerate(found):
        exact = (row + Fraction(1, 2)) * Fraction(source, target)
        assert place == floor(exact) or (exact.denominator == 1 and place == exact - 1)


def test_rotations_share_one_time_axis() -> None:
    """Image feature j of 16 stands where latent 4 j of 64 stands."""
    latents, images = rotations(64, 1.0, 32, CPU), rotations(16, 4.0, 32, CPU)
    torch.testing.assert_close(latents[::4], images)
    torch.testing.assert_close(latents.abs(), torch.ones(64, 16))
