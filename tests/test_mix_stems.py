"""Layers together: room for words and hits, loudness, peaks, and stems that add up."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.mix.ducking import CLEAR_DB, DEEPEST_DB, HIT_DIP_DB, under_hits, under_words
from phonofilm.mix.layer_names import DIALOGUE, EFFECTS, MUSIC
from phonofilm.mix.loudness import integrated_lufs, limit, true_peak
from phonofilm.mix.stems import Mixed, mix_stems
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 22_050
SPOKEN = [(2.0, 2.9), (3.2, 4.0), (7.0, 8.0)]
SECONDS = 11


def noise(seconds: float, level: float, seed: int = 0, channels: int = 2) -> Waveform:
    random = np.random.default_rng(seed)
    samples = random.standard_normal((channels, round(seconds * RATE_HZ))) * level
    return Waveform(samples.astype(np.float32), RATE_HZ)


def speech(level: float = 0.1) -> Waveform:
    """Syllables at four a second within SPOKEN, in the band of speech."""
    time = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    envelope = np.zeros(len(time))
    for first, end in SPOKEN:
        envelope += ((time >= first) & (time < end)) * np.sin(np.pi * 4 * (time - first)) ** 2
    carrier = np.random.default_rng(3).standard_normal(len(time))
    carrier = scipy.signal.sosfilt(scipy.signal.butter(2, (300, 3000), "bandpass", fs=RATE_HZ, output="sos"), carrier)
    return Waveform(np.repeat((level * 3 * carrier * envelope)[None], 2, 0).astype(np.float32), RATE_HZ)


def gain_db(gain: FloatArray, at_s: float) -> float:
    return 20 * np.log10(float(gain[round(at_s * RATE_HZ)]))


def test_a_bed_steps_back_before_words_and_returns_after() -> None:
    gain = under_words(noise(SECONDS, 0.2), speech())
    assert gain_db(gain, 0.5) == 0
    assert gain_db(gain, 1.999) < -8
    assert gain_db(gain, 3.05) < -8, "the pause within a phrase"
    assert gain_db(gain, 5.5) > -0.1, "between phrases"
    assert gain_db(gain, 10.5) == 0
    assert gain.min() >= 10 ** (-DEEPEST_DB / 20) - 1e-6
    assert np.abs(np.diff(20 * np.log10(gain))).max() * RATE_HZ < 200, "no faster than 200 dB a second"


def test_only_as_far_as_words_need() -> None:
    loud, faint = under_words(noise(SECONDS, 0.2), speech()), under_words(noise(SECONDS, 0.001), speech())
    assert faint.min() == 1
    middle = under_words(noise(SECONDS, 0.1), speech())
    assert loud.min() < middle.min() < 1
    rumble = noise(SECONDS, 0.2)
    low = scipy.signal.sosfilt(scipy.signal.butter(6, 60, fs=RATE_HZ, output="sos"), rumble.samples, axis=1)
    assert under_words(Waveform(low.astype(np.float32), RATE_HZ), speech()).min() > loud.min() + 0.2


def test_without_words_nothing_moves() -> None:
    bed = noise(2, 0.1)
    assert np.array_equal(under_words(bed, noise(2, 0.0)), np.ones(2 * RATE_HZ, np.float32))


def test_music_dips_at_hits_and_nowhere_else() -> None:
    effects = np.zeros(4 * RATE_HZ)
    for first in (1.0, 3.0):
        at = round(first * RATE_HZ)
        effects[at : at + 2000] = np.exp(-np.arange(2000) / 400) * np.random.default_rng(1).standard_normal(2000) * 0.4
    gain = under_hits(noise(4, 0.05, channels=1), Waveform(effects[None].astype(np.float32), RATE_HZ))
    assert gain_db(gain, 1.03) == pytest.approx(-HIT_DIP_DB, abs=0.2)
    assert gain_db(gain, 2.0) == 0
    assert gain_db(gain, 0.9) == 0
    steady = under_hits(noise(4, 0.05, channels=1), noise(4, 0.1, seed=2, channels=1))
    assert steady.min() == 1


def layers(seed: int = 0) -> tuple[Waveform, Waveform, Waveform]:
    random = np.random.default_rng(seed)
    effects = noise(SECONDS, 0.003, seed).samples.copy()
    for first in (0.5, 2.5, 6.0, 9.0):
        at = round(first * RATE_HZ)
        effects[:, at : at + 3000] += np.exp(-np.arange(3000) / 500) * random.standard_normal(3000) * 0.3
    return Waveform(effects.astype(np.float32), RATE_HZ), noise(SECONDS, 0.05, seed + 1), speech()


def assert_adds_up(mixed: Mixed) -> None:
    total = sum(stem.samples.astype(np.float64) for stem in mixed.stems.values())
    left = ((total - mixed.mix.samples) ** 2).sum()
    assert left <= 1e-6 * (mixed.mix.samples.astype(np.float64) ** 2).sum(), "-60 dB"


@pytest.mark.parametrize("target", [-16.0, -23.0, -27.0])
def test_loudness_peaks_and_stems(target: float) -> None:
    mixed = mix_stems(*layers(), target)
    assert integrated_lufs(mixed.mix) == pytest.approx(target, abs=0.7)
    assert true_peak(mixed.mix) <= 10 ** (-1 / 20)
    assert list(mixed.stems) == [EFFECTS, DIALOGUE, MUSIC]
    assert_adds_up(mixed)


def test_words_are_clear_of_the_rest() -> None:
    mixed = mix_stems(*layers(), -16.0)
    sections = scipy.signal.butter(2, (300, 4000), "bandpass", fs=RATE_HZ, output="sos")
    power = {name: scipy.signal.sosfilt(sections, stem.samples) ** 2 for name, stem in mixed.stems.items()}
    for first, end in SPOKEN:
        here = slice(round(first * RATE_HZ), round(end * RATE_HZ))
        words, music = power[DIALOGUE][:, here].mean(), power[MUSIC][:, here].mean()
        assert 10 * np.log10(words / music) > CLEAR_DB - 1


def test_layers_that_are_missing_or_silent() -> None:
    effects, music, words = layers()
    silent = Waveform(np.zeros_like(effects.samples), RATE_HZ)
    assert list(mix_stems(effects, None, None, -16.0).stems) == [EFFECTS]
    assert_adds_up(mix_stems(silent, music, words, -16.0))
    assert not mix_stems(silent, silent, silent, -16.0).mix.samples.any()
    untouched = mix_stems(effects, None, None, None)
    assert np.array_equal(untouched.mix.samples, limit(effects).samples)


@settings(max_examples=15)
@given(st.integers(1, 2), st.integers(1, 12_000), st.floats(1e-5, 3), st.integers(0, 99))
def test_any_layers_add_up_under_full_scale(channels: int, count: int, level: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    three = [
        Waveform((random.standard_normal((channels, count)) * level).astype(np.float32), RATE_HZ) for _ in range(3)
    ]
    mixed = mix_stems(three[0], three[1], three[2], -16.0)
    assert mixed.mix.samples.shape == (channels, count)
    assert true_peak(mixed.mix) <= 10 ** (-0.9 / 20)
    assert_adds_up(mixed)


def test_a_quiet_room_stays_quiet_under_words() -> None:
    room = noise(SECONDS, 0.0005)
    mixed = mix_stems(room, None, speech(), -16.0)
    assert integrated_lufs(mixed.stems[EFFECTS]) < -40
    assert integrated_lufs(mixed.mix) == pytest.approx(-16, abs=0.7)
