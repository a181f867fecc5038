"""The autoencoder: closed forms of its parts, what must not change the result, and the conformance vectors."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import recipe
from phonofilm.codec.mp_vae import (
    MP_VAE_16K,
    MP_VAE_44K,
    Attention,
    MpConv,
    MpVae,
    MpVaeConfig,
    mp_vae_published_shapes,
    prepare_mp_vae,
)
from phonofilm.errors import ModelError

DATA = Path(__file__).parent / "data"
SMALL = MpVaeConfig(bands=6, embed=3, width=16)
CASES = {"16k": MP_VAE_16K, "44k": MP_VAE_44K}


def filled(config: MpVaeConfig, mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """A published state by the recipe."""
    state = {"data_mean": mean, "data_std": std}
    for key, shape in mp_vae_published_shapes(config).items():
        if key not in state:
            state[key] = torch.from_numpy(np.asarray(recipe.param(key, shape))).reshape(shape)
    return state


def built(state: dict[str, Tensor], config: MpVaeConfig, dtype: torch.dtype = torch.float32) -> MpVae:
    with torch.device("meta"):
        vae = MpVae(config, with_encoder=True, matmul_dtype=dtype)
    vae.load_state_dict(prepare_mp_vae(state, config, with_encoder=True), strict=True, assign=True)
    return vae


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(scope="module")
def small_state() -> dict[str, Tensor]:
    return filled(SMALL, torch.full((1, 6, 1), -2.0), torch.full((1, 6, 1), 1.5))


@pytest.fixture(scope="module")
def small(small_state: dict[str, Tensor]) -> MpVae:
    return built(small_state, SMALL)


def test_a_convolution_is_the_plain_one() -> None:
    conv = MpConv(5, 7, 3, torch.float32)
    conv.weight.copy_(noise(7, 5, 3))
    x = noise(2, 11, 5)
    plain = F.conv1d(x.transpose(1, 2), conv.weight, padding=1).transpose(1, 2)
    torch.testing.assert_close(conv(x), plain)


def test_prepared_filters_have_unit_norm_and_take_scale_away(small_state: dict[str, Tensor]) -> None:
    prepared = prepare_mp_vae(small_state, SMALL, with_encoder=True)
    for key, weight in prepared.items():
        if key.endswith("weight") and "conv_out" not in key:
            norms = weight.flatten(1).norm(dim=1)
            torch.testing.assert_close(norms, torch.ones_like(norms), atol=1e-3, rtol=0)
    gain = 1 + float(small_state["decoder.learnable_gain"])
    norms = prepared["decoder.conv_out.weight"].flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, torch.full_like(norms, gain), atol=1e-3, rtol=0)


def test_attention_is_the_written_out_one(small_state: dict[str, Tensor]) -> None:
    width, x = 4 * SMALL.width, noise(2, 9, 4 * SMALL.width)
    prefix = "decoder.mid.attn_1."
    prepared = prepare_mp_vae(small_state, SMALL, with_encoder=True)
    attention = Attention(width, torch.float32)
    attention.load_state_dict({k.removeprefix(prefix): w for k, w in prepared.items() if k.startswith(prefix)})

    def unit(w: Tensor) -> Tensor:
        flat = w.flatten(1)
        rms = flat.pow(2).mean(dim=1, keepdim=True).sqrt()
        return flat / (1e-4 + rms) / math.sqrt(flat.shape[1])

    # As the file has it: channel c * 3 + {q, k, v}.
    qkv = (x @ unit(small_state[prefix + "qkv.weight"]).T).unflatten(2, (width, 3))
    q, k, v = (part / (1e-4 + part.pow(2).mean(dim=2, keepdim=True).sqrt()) for part in qkv.unbind(3))
    mixed = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(width), dim=2) @ v
    branch = mixed @ unit(small_state[prefix + "proj_out.weight"]).T
    torch.testing.assert_close(attention(x), (0.7 * x + 0.3 * branch) / math.sqrt(0.58), atol=1e-5, rtol=1e-4)


def test_magnitude_is_kept(small: MpVae) -> None:
    """Unit noise in, about unit magnitude out, in both directions: the point of the whole construction."""
    raw = (small.decode(noise(4, 3, 60)) + 2) / 1.5
    assert 0.4 < float(raw.std()) < 2.5
    mean, _ = small.encode(noise(4, 6, 120) * 1.5 - 2)
    assert 0.4 < float(mean.std()) < 2.5


@pytest.mark.parametrize("steps", [1, 2, 17])
def test_lengths_and_shapes(small: MpVae, steps: int) -> None:
    mel = small.decode(noise(2, 3, steps))
    assert mel.shape == (2, 6, 2 * steps)
    assert [part.shape for part in small.encode(mel)] == [(2, 3, steps)] * 2
    # An odd last frame makes no pair and is left out.
    longer = F.pad(mel, (0, 1))
    assert small.encode(longer)[0].shape == (2, 3, steps)


def test_batched_equals_single(small: MpVae) -> None:
    latents, mel = noise(3, 3, 10), noise(3, 6, 20)
    decoded, encoded = small.decode(latents), small.encode(mel)
    for row in range(3):
        torch.testing.assert_close(small.decode(latents[row : row + 1])[0], decoded[row], atol=1e-5, rtol=1e-5)
        for part, whole in zip(small.encode(mel[row : row + 1]), encoded, strict=True):
            torch.testing.assert_close(part[0], whole[row], atol=1e-5, rtol=1e-5)


def test_bf16_products_stay_near(small: MpVae, small_state: dict[str, Tensor]) -> None:
    latents = noise(1, 3, 40)
    rounded = built(small_state, SMALL, torch.bfloat16).decode(latents)
    assert rounded.dtype == torch.float32
    assert float((rounded - small.decode(latents)).norm() / (small.decode(latents) + 2).norm()) < 0.03


@pytest.mark.parametrize("rate", ["16k", "44k"])
def test_keys_are_the_published_ones(rate: str) -> None:
    keys = json.loads((DATA / f"keys_vae_{rate}.json").read_text())["keys"]
    assert mp_vae_published_shapes(CASES[rate]) == {key: tuple(shape) for key, shape in keys.items()}


def test_files_that_do_not_fit_are_refused(small_state: dict[str, Tensor]) -> None:
    without = {key: tensor for key, tensor in small_state.items() if not key.startswith("decoder.mid")}
    with pytest.raises(ModelError, match=r"lacks decoder\.mid\.block_1\.conv1\.weight, .* and 3 more"):
        prepare_mp_vae(without, SMALL, with_encoder=True)
    with pytest.raises(ModelError, match="unexpected stranger"):
        prepare_mp_vae(small_state | {"stranger": torch.zeros(1)}, SMALL, with_encoder=True)
    with pytest.raises(ModelError, match=r"wrongly shaped data_mean \(1, 7, 1\)"):
        prepare_mp_vae(small_state | {"data_mean": torch.zeros(1, 7, 1)}, SMALL, with_encoder=True)


def test_the_encoder_may_be_missing_where_it_is_not_wanted(small: MpVae, small_state: dict[str, Tensor]) -> None:
    decoder_only = {key: tensor for key, tensor in small_state.items() if not key.startswith("encoder.")}
    prepared = prepare_mp_vae(small_state, SMALL, with_encoder=False)
    assert prepared.keys() == prepare_mp_vae(decoder_only, SMALL, with_encoder=False).keys()
    vae = MpVae(SMALL, with_encoder=False, matmul_dtype=torch.float32)
    vae.load_state_dict(prepared, strict=True)
    assert torch.equal(vae.decode(noise(1, 3, 5)), small.decode(noise(1, 3, 5)))
    with pytest.raises(ModelError, match="lacks encoder"):
        prepare_mp_vae(decoder_only, SMALL, with_encoder=True)


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["16k", "44k"])
def test_vectors(rate: str) -> None:
    config, stored = CASES[rate], dict(np.load(DATA / f"vae_{rate}.npz"))
    vae = built(filled(config, *(torch.from_numpy(stored[key]) for key in ("data_mean", "data_std"))), config)
    traces: dict[str, Tensor] = {}
    names = [name for name in stored if name.startswith("trace_")]
    for name in names:
        path = name.removeprefix("trace_").replace("dec.", "decoder.").replace("enc.", "encoder.")
        vae.get_submodule(path).register_forward_hook(
            lambda _, __, y, name=name: traces.update({name: y.transpose(1, 2)[:, ::61, ::3].clone()})
        )
    with torch.inference_mode():
        mel = vae.decode(torch.from_numpy(recipe.tensor(f"input/z_{rate}", (1, config.embed, 50))))
        mean, log_variance = vae.encode(torch.from_numpy(np.load(DATA / f"mel_{rate}.npz")["mel"]))
    traces |= {
        "decode_mel": mel,
        "decode_raw": ((mel - vae.data_mean) / vae.data_std)[:, :, ::5],
        "encode_mean": mean,
        "encode_logvar": log_variance,
        "w_eff_conv_in": vae.decoder.conv_in.weight[::97],
    }
    for name in (*names, "decode_mel", "decode_raw", "encode_mean", "encode_logvar", "w_eff_conv_in"):
        np.testing.assert_allclose(traces[name], stored[name], atol=1e-4, rtol=0, err_msg=name)
