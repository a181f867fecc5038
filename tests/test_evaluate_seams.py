"""Seams: a joint that is there is found, one that is not is not."""

import numpy as np
import pytest

from phonofilm.errors import InputError
from phonofilm.evaluate.seams import MINI_STEP_S, joints_s, seams
from phonofilm.types import FloatArray, Waveform
from phonofilm.weights.load import MINI_SAMPLING, Sampling

RATE_HZ = 44_100
SECONDS = 12


def noise(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 0.1, SECONDS * RATE_HZ).astype(np.float32)


def mono(wave: FloatArray) -> Waveform:
    return Waveform(np.asarray(wave, np.float32)[None], RATE_HZ)


def test_even_noise_has_no_seam() -> None:
    found = seams(mono(noise()), [4.0, 8.0])
    assert found.mean == pytest.approx(1, abs=0.02)
    assert found.largest < 1.2
    assert found.joints == 2


def test_a_splice_is_heard() -> None:
    wave = noise()
    wave[4 * RATE_HZ :] *= 8  # louder from here on
    wave[8 * RATE_HZ - 2000 : 8 * RATE_HZ + 2000] = 0  # and a gap
    assert seams(mono(wave), [4.0]).largest > 1.8
    assert seams(mono(wave), [8.0]).largest > 1.8
    assert seams(mono(wave), [2.0]).largest < 1.5


def test_level_means_nothing() -> None:
    wave = noise(1)
    assert seams(mono(wave * 0.1), [6.0]).mean == pytest.approx(seams(mono(wave), [6.0]).mean, rel=1e-3)


def test_what_has_no_joints_is_refused() -> None:
    with pytest.raises(InputError, match="0 joints"):
        seams(mono(noise()), [])
    with pytest.raises(InputError, match="joints"):
        seams(mono(noise()), [float(t) / 2 for t in range(2 * SECONDS + 1)])
    with pytest.raises(InputError, match="100 samples"):
        seams(Waveform(np.zeros((1, 100), np.float32), RATE_HZ), [0.0])


def test_joints_lie_where_windows_overlap() -> None:
    sampling = Sampling(steps=1, guidance=1.0, window=100, overlap=20)
    assert joints_s(100, 0.1, sampling) == []
    assert joints_s(180, 0.1, sampling) == pytest.approx([8.0, 9.0, 10.0])
    assert len(joints_s(1000, MINI_STEP_S, MINI_SAMPLING)) % 3 == 0
