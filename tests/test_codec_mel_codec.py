"""Latents to sound: lengths, tiles against the whole, long sound, and the fade between windows."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import recipe
from phonofilm.codec import mel_codec
from phonofilm.codec.bigvgan import BigVgan, BigVganConfig, anti_alias_filter, bigvgan_published_shapes, prepare_bigvgan
from phonofilm.codec.mel_codec import MelCodec
from phonofilm.codec.mp_vae import MpVae, MpVaeConfig, mp_vae_published_shapes, prepare_mp_vae
from phonofilm.codec.spectral import MEL_16K
from phonofilm.errors import ModelError

VAE = MpVaeConfig(bands=6, embed=3, width=8)
VOCODER = BigVganConfig(6, 16, (4, 2), (3, 7), (1, 3), final="clamp", final_bias=False)
MEL = replace(MEL_16K, n_fft=128, hop=8, bands=6)


def _vae(with_encoder: bool) -> MpVae:
    state = {key: torch.from_numpy(recipe.tensor(key, shape)) for key, shape in mp_vae_published_shapes(VAE).items()}
    state["data_std"] = torch.ones(1, 6, 1)
    vae = MpVae(VAE, with_encoder, torch.float32)
    vae.load_state_dict(prepare_mp_vae(state, VAE, with_encoder), strict=True)
    return vae


def _vocoder() -> BigVgan:
    taps = anti_alias_filter().view(1, 1, -1)
    state = {
        key: taps if key.endswith("filter") else torch.from_numpy(recipe.param(key, shape))
        for key, shape in bigvgan_published_shapes(VOCODER).items()
    }
    vocoder = BigVgan(VOCODER, torch.float32)
    vocoder.load_state_dict(prepare_bigvgan(state, VOCODER), strict=True)
    return vocoder


@pytest.fixture(scope="module")
def codec() -> MelCodec:
    return MelCodec(_vae(with_encoder=True), _vocoder(), MEL)


def latents(steps: int) -> Tensor:
    return torch.randn(steps, 3, generator=torch.Generator().manual_seed(steps))


@settings(max_examples=10)
@given(st.integers(0, 60))
def test_lengths_are_exact(codec: MelCodec, steps: int) -> None:
    wave = codec.decode(latents(steps), seed=1)
    assert wave.shape == (steps * codec.samples_a_step,)
    if steps > 4:
        assert codec.encode(wave[None]).shape == (1, steps, 3)


@pytest.mark.thorough
@settings(max_examples=10)
@given(st.integers(1, 90), st.integers(1, 200))
def test_tiles_equal_the_whole(codec: MelCodec, steps: int, tile: int) -> None:
    whole = codec.decode(latents(steps), seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mel_codec, "TILE_FRAMES", tile)
        pieces = list(codec.decode_tiles(latents(steps), seed=0))
    assert len(pieces) >= -(-2 * steps // tile)
    torch.testing.assert_close(torch.cat(pieces), whole, atol=2e-6, rtol=0)


def test_the_seed_changes_nothing(codec: MelCodec) -> None:
    assert torch.equal(codec.decode(latents(9), seed=1), codec.decode(latents(9), seed=2))


def test_no_call_grows_with_the_sound(codec: MelCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour takes no more memory than a minute: neither network is ever handed more than its window."""
    monkeypatch.setattr(mel_codec, "TILE_FRAMES", 64)
    monkeypatch.setattr(mel_codec, "WHOLE_STEPS", 96)
    monkeypatch.setattr(mel_codec, "CONTEXT_STEPS", 16)
    monkeypatch.setattr(mel_codec, "FADE_STEPS", 4)
    sizes: list[int] = []
    decode, forward = codec.vae.decode, codec.vocoder.forward
    monkeypatch.setattr(codec.vae, "decode", lambda z: (sizes.append(2 * z.shape[2]), decode(z))[1])
    monkeypatch.setattr(codec.vocoder, "forward", lambda mel: (sizes.append(mel.shape[2]), forward(mel))[1])
    wave = codec.decode(latents(700), seed=0)
    assert wave.shape == (700 * 16,)
    assert max(sizes) <= max(2 * 96, 64 + 2 * VOCODER.margin_frames)


@pytest.mark.parametrize("steps", [97, 128, 129, 130, 131, 133, 192, 193, 200])
def test_windows_agree_where_the_attention_does_not_matter(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """With the attention taken out the decoder sees few steps, so windows and whole are the same, fades included."""
    codec = MelCodec(_vae(with_encoder=False), _vocoder(), MEL)
    codec.vae.decoder.mid.attn_1 = torch.nn.Identity()
    whole = codec.decode_mel(latents(steps))
    monkeypatch.setattr(mel_codec, "WHOLE_STEPS", 96)
    monkeypatch.setattr(mel_codec, "CONTEXT_STEPS", 32)
    monkeypatch.setattr(mel_codec, "FADE_STEPS", 4)
    torch.testing.assert_close(codec.decode_mel(latents(steps)), whole, atol=1e-5, rtol=0)


def test_windows_are_faded_without_a_step(codec: MelCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a drone the mel changes no faster at the joins than elsewhere."""
    monkeypatch.setattr(mel_codec, "WHOLE_STEPS", 96)
    monkeypatch.setattr(mel_codec, "CONTEXT_STEPS", 16)
    monkeypatch.setattr(mel_codec, "FADE_STEPS", 4)
    mel = codec.decode_mel(latents(1).expand(400, -1) + 0.1 * latents(400))
    flux = mel.diff(dim=2).norm(dim=1)[0]  # (T - 1,)
    # Cuts are 64 steps, so 128 frames, apart.
    joins = torch.cat([flux[cut - 8 : cut + 8] for cut in range(128, 800, 128)])
    assert float(joins.max()) <= float(flux[20:-20].max())
    assert float(joins.mean()) < 1.2 * float(flux.mean())


def test_without_the_encoder_nothing_is_encoded() -> None:
    codec = MelCodec(_vae(with_encoder=False), _vocoder(), MEL)
    assert codec.decode(latents(3), seed=0).shape == (48,)
    with pytest.raises(ModelError, match="without its encoder"):
        codec.encode(torch.zeros(1, 16 * 8))
