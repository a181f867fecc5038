"""The two published mel front ends against their conformance vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch

import recipe
from phonofilm.codec.spectral import MEL_16K, MEL_44K, MelSpectrogram

DATA = Path(__file__).parent / "data"
CASES = {"16k": MEL_16K, "44k": MEL_44K}


@pytest.mark.parametrize("rate", CASES)
def test_vectors(rate: str) -> None:
    config, stored = CASES[rate], dict(np.load(DATA / f"mel_{rate}.npz"))
    mel = MelSpectrogram(config)
    wave = torch.from_numpy(recipe.tensor(f"input/wave_{rate}", (1, config.hop * 86), 0.2))
    np.testing.assert_allclose(mel(wave)[:, :, ::4], stored["mel_full"], atol=1e-4, rtol=0)
    # From here on nearly silent: the logarithm's floor is reached.
    wave[:, config.hop * 60 :] *= 1e-6
    np.testing.assert_allclose(mel(wave), stored["mel"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(mel.filters.sum(1), stored["mel_basis_sum"], atol=1e-6, rtol=1e-5)
    np.testing.assert_allclose(mel.filters[::9, ::23], stored["mel_basis_sample"], atol=1e-7, rtol=1e-5)
    np.testing.assert_allclose(mel.window[::41], stored["window_sample"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("rate", CASES)
def test_silence_is_the_floor(rate: str) -> None:
    config = CASES[rate]
    silence = MelSpectrogram(config)(torch.zeros(1, config.hop * 10))
    floor = -5.0 if config.logarithm == "decimal" else float(np.log(1e-5))
    assert silence.shape == (1, config.bands, 10)
    # The magnitude's own floor (1e-9 under the root) lifts wide bands a little above it.
    assert floor <= float(silence.min()) <= floor + 0.01
    assert float(silence.max()) < floor + 1.0


def test_ten_times_louder_is_one_decade_or_its_natural_logarithm() -> None:
    for config, step in ((MEL_16K, 1.0), (MEL_44K, float(np.log(10)))):
        wave = 0.01 * torch.randn(1, config.hop * 20, generator=torch.Generator().manual_seed(0))
        louder = MelSpectrogram(config)(10 * wave) - MelSpectrogram(config)(wave)
        assert float((louder - step).abs().max()) < 1e-3
