"""Minimal filtering against the plain convolution in double precision."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from phonofilm.device import linear
from phonofilm.flow import minimal_filter
from phonofilm.flow.layers import SwiGlu, TimeConv
from phonofilm.flow.minimal_filter import FEWEST_ROWS, LEAST_WIDTH, STEPS, Tiles, convolve

LONG = FEWEST_ROWS * STEPS


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def exactly(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv1d of channel-last data in float64, rounded once."""
    made = F.conv1d(x.double().transpose(1, 2), weight.double(), None if bias is None else bias.double(), padding=1)
    return made.transpose(1, 2).float()


@settings(max_examples=50)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 23),
    inputs=st.integers(1, 40),
    outputs=st.integers(1, 40),
    bias=st.booleans(),
    taps_first=st.booleans(),
)
def test_it_is_a_convolution(batch: int, length: int, inputs: int, outputs: int, bias: bool, taps_first: bool) -> None:
    x, weight = drawn(batch, length, inputs), drawn(outputs, inputs, 3)
    lying = weight.permute(
        (2, 0, 1) if taps_first else (0, 2, 1)
    ).contiguous()  # as expanding and narrowing layers have it
    view = lying.permute((1, 2, 0) if taps_first else (0, 2, 1))
    offset = drawn(outputs) if bias else None
    with torch.inference_mode():
        found = convolve(Tiles.of(x), view, offset)
    torch.testing.assert_close(found, exactly(x, weight, offset), rtol=1e-4, atol=1e-4)


def test_several_blocks_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that holds 16 rows cuts 40 output channels into three blocks: the same result to rounding."""
    x, weight = drawn(2, 30, 24), drawn(40, 24, 3)
    with torch.inference_mode():
        whole = convolve(Tiles.of(x), weight)
        monkeypatch.setattr(minimal_filter, "CACHED_BYTES", 1)
        torch.testing.assert_close(convolve(Tiles.of(x), weight), whole, rtol=1e-5, atol=1e-5)


def test_it_rounds_little_worse_than_the_direct_product() -> None:
    """At the widths of MMAudio, where a velocity may be off by 1e-4 in all: root mean square of the error."""
    x, weight = drawn(1, 200, 896), drawn(256, 896, 3) / (3 * 896) ** 0.5
    wanted = exactly(x, weight, None)
    windows = F.pad(x, (0, 0, 1, 1)).unfold(1, 3, 1).flatten(2)  # (1, 200, 3 I)
    with torch.inference_mode():
        direct, found = linear(windows, weight.flatten(1)), convolve(Tiles.of(x), weight)
    assert (found - wanted).square().mean() < 9 * (direct - wanted).square().mean()
    assert (found - wanted).abs().max() < 2e-5


def test_long_inputs_of_wide_float32_layers_take_it_and_nothing_else_does() -> None:
    wide = LEAST_WIDTH
    long, short = drawn(1, LONG, wide), drawn(1, LONG - STEPS, wide)
    layer = TimeConv(wide, wide, 3, torch.float32, True)
    assert not layer.pays_in_tiles(long)  # gradients are wanted
    with torch.inference_mode():
        assert layer.pays_in_tiles(long)
        assert not layer.pays_in_tiles(short)
        assert not TimeConv(wide, wide - 1, 3, torch.float32, True).pays_in_tiles(long)
        assert not TimeConv(wide, wide, 7, torch.float32, True).pays_in_tiles(long)
        assert not TimeConv(wide, wide, 3, torch.bfloat16, True).pays_in_tiles(long)


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 10), (10, 6)])
def test_layers_say_the_same_either_way(inputs: int, outputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimal_filter, "LEAST_WIDTH", 1)
    layer = TimeConv(inputs, outputs, 3, torch.float32, True)
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    x = drawn(2, LONG, inputs)
    direct = layer(x)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), direct, rtol=1e-4, atol=1e-4)


def test_a_swiglu_says_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimal_filter, "LEAST_WIDTH", 1)
    layer = SwiGlu(12, 3, torch.float32)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(0))
    x = drawn(1, LONG, 12)
    direct = layer(x)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), direct, rtol=1e-4, atol=1e-4)
