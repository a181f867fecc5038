"""Variety: copies have none, strangers have what recordings have, level is none."""

import math

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from phonofilm.evaluate.variety import mean_distance, spectra, variety
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


def band(centre_hz: float, seed: int = 0) -> FloatArray:
    white = np.random.default_rng(seed).normal(0, 0.1, RATE_HZ // 2)
    sos = butter(2, (centre_hz / 2, centre_hz * 1.5), "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, white), np.float32)


def mono(wave: FloatArray) -> Waveform:
    return Waveform(np.asarray(wave, np.float32)[None], RATE_HZ)


def test_the_mean_is_over_pairs_of_other_sources() -> None:
    points = np.asarray([[0.0], [1.0], [5.0]])
    assert mean_distance(points) == pytest.approx((1 + 5 + 4) / 3)
    assert mean_distance(points, ["a", "a", "b"]) == pytest.approx((5 + 4) / 2)
    assert math.isnan(mean_distance(points[:1]))
    assert math.isnan(mean_distance(points, ["a", "a", "a"]))


def test_spectra_ignore_level_and_silence_has_one() -> None:
    wave = band(1000)
    plain, louder = spectra([mono(wave), mono(4 * wave)])
    np.testing.assert_allclose(plain, louder, atol=0.2)
    assert np.all(spectra([mono(np.zeros(100, np.float32))]) == pytest.approx(0, abs=1e-6))


def test_copies_have_no_variety_and_strangers_have_all_of_it() -> None:
    real = [mono(band(hz, seed)) for seed, hz in enumerate((300, 1000, 3000))]
    vectors = np.asarray([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    groups = ["a", "b", "c"]
    same = variety([real[0]] * 3, np.zeros((3, 2)), real, vectors, groups)
    assert same.embedding_ratio == 0
    assert same.spectrum_ratio == pytest.approx(0, abs=1e-9)
    again = variety(real, vectors, real, vectors, groups)
    assert again.embedding_ratio == pytest.approx(1)
    assert again.spectrum_ratio == pytest.approx(1)
    assert again.real_spectrum_db > 5
