"""Mel front end against its specification, tiles against the whole, lengths and seeds."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.codec.codec import Codec
from phonofilm.codec.spectral import MEL_44K, MelSpectrogram, hz_to_mel, mel_filters, mel_to_hz
from phonofilm.codec.vae import MelVae, VaeConfig
from phonofilm.codec.vocoder import Vocoder, VocoderConfig

VECTORS = Path(__file__).parents[2] / "shared/mmaudio/conformance/mel_44k.npz"


@pytest.fixture(scope="module")
def codec() -> Codec:
    torch.manual_seed(0)
    vae = MelVae(VaeConfig(bands=128, patch=4, latent=8, width=16, hidden=32, blocks=2, kernel=5))
    # Kernel and depth as in mini: the tiles' margin is made for its reach.
    vocoder = Vocoder(
        VocoderConfig(bands=128, noise=4, width=16, hidden=32, blocks=6, kernel=7, hop=512, splits=2, n_fft=1024)
    )
    return Codec(vae.eval().requires_grad_(False), vocoder.eval().requires_grad_(False))


@given(st.floats(1, 22000))
def test_the_mel_scale_can_be_undone(hz: float) -> None:
    there = hz_to_mel(torch.tensor(hz, dtype=torch.float64))
    assert float(mel_to_hz(there)) == pytest.approx(hz, rel=1e-9)


def test_filters_have_unit_area() -> None:
    width_hz = MEL_44K.rate_hz / MEL_44K.n_fft
    areas = mel_filters(MEL_44K).sum(1) * width_hz
    # Narrow triangles at the bottom hold one or two bins, so their sampled area wobbles.
    assert float(areas[40:].sub(1).abs().max()) < 0.03


@pytest.mark.skipif(not VECTORS.exists(), reason="conformance vectors are not here")
def test_mel_matches_the_vectors() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    import recipe

    wave = torch.from_numpy(recipe.tensor("input/wave_44k", (1, 512 * 86), 0.2))
    stored = np.load(VECTORS)
    mel = MelSpectrogram(MEL_44K)
    assert np.abs(mel(wave).numpy()[:, :, ::4] - stored["mel_full"]).max() < 1e-4
    wave[:, 512 * 60 :] *= 1e-6
    assert np.abs(mel(wave).numpy() - stored["mel"]).max() < 1e-4


def test_a_frame_is_centred_where_it_says() -> None:
    wave = torch.zeros(1, 512 * 40)
    wave[0, 512 * 20 + 256] = 1.0
    energy = MelSpectrogram(MEL_44K)(wave).exp().sum(1)[0]
    assert int(energy.argmax()) == 20
    assert float(energy[19]) == pytest.approx(float(energy[21]), rel=1e-3)


@settings(max_examples=8)
@given(st.integers(1, 40))
def test_lengths_are_exact(codec: Codec, steps: int) -> None:
    wave = codec.decode(torch.zeros(steps, 8), seed=1)
    assert wave.shape == (steps * codec.samples_a_step,)
    if steps > 1:
        assert codec.encode(wave[None]).shape == (1, steps, 8)


@pytest.mark.thorough
def test_tiles_equal_the_whole(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    whole = codec.decode(latents, seed=3)
    monkeypatch.setattr("phonofilm.codec.codec.TILE_FRAMES", 50)
    torch.testing.assert_close(codec.decode(latents, seed=3), whole, atol=1e-5, rtol=1e-4)


def test_the_seed_decides_the_fine_structure(codec: Codec) -> None:
    latents = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(codec.decode(latents, seed=3), codec.decode(latents, seed=3))
    assert not torch.equal(codec.decode(latents, seed=3), codec.decode(latents, seed=4))


def test_batched_equals_single(codec: Codec) -> None:
    latents = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    together = codec.vae.decode(latents)
    for row, latent in zip(together, latents, strict=True):
        torch.testing.assert_close(row, codec.vae.decode(latent[None])[0], atol=1e-5, rtol=1e-5)
