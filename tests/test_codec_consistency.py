"""A sound brought closer to its spectrogram."""

import pytest
import torch

from phonofilm.codec.consistency import REACH_FRAMES, brought_closer
from phonofilm.codec.spectral import MEL_44K, MelSpectrogram

FRONT = MelSpectrogram(MEL_44K)
HOP = MEL_44K.hop


def noise(seed: int, frames: int = 60) -> torch.Tensor:
    """(1, S) white noise within ±1."""
    return 0.1 * torch.randn(1, frames * HOP, generator=torch.Generator().manual_seed(seed))


def test_a_sound_that_fits_stays_as_it_is() -> None:
    wave = noise(0)
    torch.testing.assert_close(brought_closer(wave, FRONT(wave), FRONT), wave, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_the_difference_shrinks_by_about_the_share(share: float) -> None:
    wave = noise(1)
    # Slow enough in time and frequency that gains a window long can follow.
    bend = (
        0.8 * torch.sin(torch.arange(60) / 12.0)[None, None] + 0.5 * torch.cos(torch.arange(128) / 20.0)[None, :, None]
    )
    wanted = FRONT(wave) + bend
    left = (FRONT(brought_closer(wave, wanted, FRONT, share)) - wanted)[:, :, 4:-4].abs().mean()
    assert float(left / bend.abs().mean()) == pytest.approx(1 - share, abs=0.15)


def test_other_noise_comes_nearer_and_a_click_stays_where_it_is() -> None:
    wave, wanted = noise(2), FRONT(noise(3))
    assert (FRONT(brought_closer(wave, wanted, FRONT)) - wanted).abs().mean() < 0.75 * (
        FRONT(wave) - wanted
    ).abs().mean()
    click = torch.zeros(1, 60 * HOP)
    click[0, 30 * HOP + 100] = 0.5
    assert int(brought_closer(click, FRONT(click) + 0.5, FRONT)[0].abs().argmax()) == 30 * HOP + 100


def test_nothing_farther_away_than_said_matters() -> None:
    wave, wanted = noise(4), FRONT(noise(5))
    other, unlike = wave.clone(), wanted.clone()
    other[:, : 20 * HOP], unlike[:, :, :20] = noise(6)[:, : 20 * HOP], 0.0
    one, two = brought_closer(wave, wanted, FRONT), brought_closer(other, unlike, FRONT)
    first = (20 + REACH_FRAMES) * HOP
    torch.testing.assert_close(one[:, first:], two[:, first:], atol=1e-6, rtol=1e-4)


def test_silence_and_one_frame_survive() -> None:
    silent = torch.zeros(1, 8 * HOP)
    assert brought_closer(silent, FRONT(silent) + 2, FRONT).abs().max() < 1e-6
    short = noise(7, 2)
    assert brought_closer(short, FRONT(short), FRONT).shape == short.shape
