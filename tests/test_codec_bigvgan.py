"""The vocoder against a plain sequence of operations, against the conformance vectors, and in pieces."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import recipe
from phonofilm.codec import bigvgan
from phonofilm.codec.bigvgan import (
    BIGVGAN_16K,
    BIGVGAN_44K,
    BigVgan,
    BigVganConfig,
    Snake,
    anti_alias_filter,
    bigvgan_published_shapes,
    filter_matrices,
    prepare_bigvgan,
)
from phonofilm.errors import ModelError

DATA = Path(__file__).parent / "data"
SMALL = BigVganConfig(6, 32, (4, 2), (3, 7), (1, 3), final="tanh", final_bias=True)
CASES = {
    "16k": (BIGVGAN_16K, 1.0, -2.0),
    "44k": (BIGVGAN_44K, 2.2, -4.0),
}


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A published state by the recipe."""
    taps = anti_alias_filter().view(1, 1, -1)
    return {
        key: taps if key.endswith("filter") else torch.from_numpy(np.asarray(recipe.param(key, shape))).reshape(shape)
        for key, shape in shapes.items()
    }


def built(state: dict[str, Tensor], config: BigVganConfig, dtype: torch.dtype = torch.float32) -> BigVgan:
    with torch.device("meta"):
        vocoder = BigVgan(config, dtype)
    vocoder.load_state_dict(prepare_bigvgan(state, config), strict=True, assign=True)
    return vocoder


def plain_snake(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    """(B, C, L) → the same: the activation as it is written down, one operation after the other."""
    channels = x.shape[1]
    up, down = (state[f"{name}.{part}.filter"].expand(channels, 1, -1) for part in ("upsample", "downsample.lowpass"))
    x = F.pad(x, (5, 5), mode="replicate")
    x = 2 * F.conv_transpose1d(x, up, stride=2, groups=channels)[..., 15:-15]  # (B, C, 2 L)
    alpha, beta = (torch.exp(state[f"{name}.act.{key}"])[:, None] for key in ("alpha", "beta"))
    x = x + (1.0 / (beta + 1e-9)) * torch.sin(x * alpha) ** 2
    return F.conv1d(F.pad(x, (5, 6), mode="replicate"), down, stride=2, groups=channels)


def plain_bigvgan(state: dict[str, Tensor], config: BigVganConfig, mel: Tensor) -> Tensor:
    """(B, M, T) → (B, S) without any of the savings, from the published state with its weight norm folded in."""

    def conv(x: Tensor, name: str, dilation: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        padding = weight.shape[2] // 2 * dilation
        return F.conv1d(x, weight, state.get(f"{name}.bias"), padding=padding, dilation=dilation)

    def block(x: Tensor, name: str) -> Tensor:
        for index, dilation in enumerate(config.dilations):
            h = plain_snake(x, state, f"{name}.activations.{2 * index}")
            h = plain_snake(conv(h, f"{name}.convs1.{index}", dilation), state, f"{name}.activations.{2 * index + 1}")
            x = x + conv(h, f"{name}.convs2.{index}")
        return x

    x = conv(mel, "conv_pre")
    for stage, rate in enumerate(config.rates):
        name = f"ups.{stage}.0"
        x = F.conv_transpose1d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=rate, padding=rate // 2)
        first = stage * len(config.kernels)
        x = sum(block(x, f"resblocks.{first + branch}") for branch in range(len(config.kernels))) / len(config.kernels)
    wave = conv(plain_snake(x, state, "activation_post"), "conv_post")[:, 0]
    return torch.tanh(wave) if config.final == "tanh" else wave.clamp(-1, 1)


def folded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published state with weight instead of weight_g and weight_v."""
    result = dict(state)
    for key in state:
        if key.endswith(".weight_v"):
            v, g = result.pop(key), result.pop(key.replace("weight_v", "weight_g"))
            result[key.replace("weight_v", "weight")] = g * v / v.flatten(1).norm(dim=1)[:, None, None]
    return result


@pytest.fixture(scope="module")
def small_state() -> dict[str, Tensor]:
    return filled(bigvgan_published_shapes(SMALL))


@pytest.fixture(scope="module")
def small(small_state: dict[str, Tensor]) -> BigVgan:
    return built(small_state, SMALL)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=25)
@given(st.integers(1, 90), st.integers(1, 5), st.sampled_from([1, 40, 100, 49152]))
def test_the_activation_is_the_plain_one_in_pieces_of_any_size(length: int, channels: int, piece: int) -> None:
    alpha, beta = noise(channels), noise(channels) - 0.5
    snake = Snake(channels)
    snake.frequency.copy_(alpha.exp())
    snake.root.copy_((beta.exp() + 1e-9).rsqrt())
    taps = anti_alias_filter()
    x = noise(length, channels) * 2
    state = {"a.act.alpha": alpha, "a.act.beta": beta}
    state |= {f"a.{part}.filter": taps.view(1, 1, -1) for part in ("upsample", "downsample.lowpass")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bigvgan, "PIECE_VALUES", piece)
        y = snake(x, *filter_matrices(taps, taps), torch.float32)
    torch.testing.assert_close(y, plain_snake(x.T[None], state, "a")[0].T, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 9, 40])
@pytest.mark.parametrize("final", ["tanh", "clamp"])
def test_the_whole_is_the_plain_one(frames: int, final: str) -> None:
    config = replace(SMALL, final=final, final_bias=final == "tanh")
    state = filled(bigvgan_published_shapes(config))
    mel = noise(2, config.bands, frames)
    with torch.inference_mode():
        wave = built(state, config)(mel)
        plain = plain_bigvgan(folded(state), config, mel)
    assert wave.shape == (2, frames * config.hop)
    torch.testing.assert_close(wave, plain, atol=5e-6, rtol=1e-5)


def test_convolutions_in_pieces_are_the_whole(small: BigVgan, monkeypatch: pytest.MonkeyPatch) -> None:
    mel = noise(1, SMALL.bands, 40)
    whole = small(mel)
    for steps in (1, 7, 64):
        monkeypatch.setattr(bigvgan, "CONV_STEPS", steps)
        torch.testing.assert_close(small(mel), whole, atol=2e-6, rtol=0)


def test_batched_equals_single(small: BigVgan) -> None:
    mel = noise(3, SMALL.bands, 12)
    together = small(mel)
    for row, wave in zip(mel, together, strict=True):
        torch.testing.assert_close(small(row[None])[0], wave, atol=1e-6, rtol=0)


def test_a_stretch_with_its_margin_gives_the_samples_of_the_whole(small: BigVgan) -> None:
    margin, hop = SMALL.margin_frames, SMALL.hop
    mel = noise(1, SMALL.bands, 2 * margin + 40)
    whole = small(mel)[0].view(-1, hop)
    stretch = small(mel[:, :, 7 : 2 * margin + 20])[0].view(-1, hop)
    torch.testing.assert_close(stretch[margin:-margin], whole[7 + margin : margin + 20], atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("rates", "kernels", "dilations"),
    [((4, 2), (3, 7), (1, 3)), ((8,), (3, 7, 11), (1, 3, 5)), ((2, 2, 2), (3,), (1,)), ((2, 8), (5,), (2,))],
)
def test_the_margin_is_exactly_what_a_frame_sees(
    rates: tuple[int, ...], kernels: tuple[int, ...], dilations: tuple[int, ...]
) -> None:
    """A network of positive numbers, without snakes, shows by its impulse response how far each frame is heard."""
    config = BigVganConfig(1, 8, rates, kernels, dilations, final="clamp", final_bias=False)
    network = BigVgan(config, torch.float32)
    for parameter in network.parameters():
        parameter.zero_() if parameter.ndim == 1 else parameter.fill_(0.1)
    taps = torch.full((12,), 1 / 12)
    network.up_matrix, network.down_matrix = filter_matrices(taps, taps)
    margin = config.margin_frames
    mel = torch.zeros(1, 1, 2 * margin + 5)
    mel[0, 0, margin + 2] = 1.0
    heard = network(mel)[0].view(-1, config.hop).amax(dim=1).nonzero().flatten() - (margin + 2)
    assert int(heard.abs().max()) == margin


def test_the_published_vocoders_see_this_far() -> None:
    assert (BIGVGAN_16K.margin_frames, BIGVGAN_44K.margin_frames) == (38, 21)


@pytest.mark.parametrize("rate", ["16k", "44k"])
def test_keys_are_the_published_ones(rate: str) -> None:
    keys = json.loads((DATA / f"keys_vocoder_{rate}.json").read_text())["keys"]
    assert bigvgan_published_shapes(CASES[rate][0]) == {key: tuple(shape) for key, shape in keys.items()}


def test_the_filter_is_the_published_one() -> None:
    for rate in CASES:
        with np.load(DATA / f"vocoder_{rate}.npz") as stored:
            for name in ("filter_up", "filter_down"):
                np.testing.assert_allclose(anti_alias_filter(), stored[name].ravel(), atol=1e-7)


def test_both_spellings_of_weight_norm_give_the_same(small_state: dict[str, Tensor]) -> None:
    spelt = {
        key.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for key, tensor in small_state.items()
    }
    assert spelt.keys() != small_state.keys()
    one, other = prepare_bigvgan(small_state, SMALL), prepare_bigvgan(spelt, SMALL)
    assert all(torch.equal(one[key], other[key]) for key in one.keys() | other.keys())


def test_files_that_do_not_fit_are_refused(small_state: dict[str, Tensor]) -> None:
    with pytest.raises(ModelError, match=r"lacks conv_pre\.bias"):
        prepare_bigvgan({key: t for key, t in small_state.items() if key != "conv_pre.bias"}, SMALL)
    with pytest.raises(ModelError, match="unexpected stranger"):
        prepare_bigvgan(small_state | {"stranger": torch.zeros(1)}, SMALL)
    with pytest.raises(ModelError, match=r"wrongly shaped conv_post\.bias \(2,\)"):
        prepare_bigvgan(small_state | {"conv_post.bias": torch.zeros(2)}, SMALL)
    with pytest.raises(ModelError, match="differs from the others"):
        prepare_bigvgan(small_state | {"activation_post.upsample.filter": torch.ones(1, 1, 12)}, SMALL)


def test_bf16_products_stay_near(small: BigVgan, small_state: dict[str, Tensor]) -> None:
    mel = noise(1, SMALL.bands, 30)
    wave = small(mel)
    rounded = built(small_state, SMALL, torch.bfloat16)(mel)
    assert rounded.dtype == torch.float32
    assert float((rounded - wave).norm() / wave.norm()) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["16k", "44k"])
def test_vectors(rate: str) -> None:
    config, std, mean = CASES[rate]
    stored = dict(np.load(DATA / f"vocoder_{rate}.npz"))
    vocoder = built(filled(bigvgan_published_shapes(config)), config)
    traces: dict[str, Tensor] = {}
    parts = {f"trace_up{stage}": upsampler for stage, upsampler in enumerate(vocoder.ups)}
    for name, module in (parts | {"trace_conv_post": vocoder.conv_post}).items():
        module.register_forward_hook(lambda _, __, y, name=name: traces.update({name: y.T[None, ::29, ::17].clone()}))
    mel = torch.from_numpy(recipe.tensor(f"input/mel_{rate}", (1, config.bands, 40), std, mean))
    with torch.inference_mode():
        wave = vocoder(mel)[:, None]  # (1, 1, S)
    np.testing.assert_allclose(wave, stored["wave"], atol=5e-5, rtol=0)
    assert len(traces) == 7
    for name, trace in traces.items():
        np.testing.assert_allclose(trace, stored[name], atol=5e-5, rtol=0, err_msg=name)
