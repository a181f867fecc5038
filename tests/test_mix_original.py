"""The clip's own sound: brought under the new one, and found again in what holds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.errors import OptionError
from phonofilm.mix.loudness import limit
from phonofilm.mix.original import brought_under, found_in
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


def noise(seed: int, channels: int = 1, count: int = 5000) -> FloatArray:
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, count))).astype(np.float32)


def hits(seed: int, channels: int, count: int = 3 * RATE_HZ) -> Waveform:
    """Sounds that ring and die away, at other times for every seed."""
    generator = np.random.default_rng(seed)
    at, sound = np.arange(count) / RATE_HZ, np.zeros((channels, count))
    for start_s, pitch_hz in zip(generator.uniform(0, 2.8, 6), generator.uniform(100, 4000, 6), strict=True):
        ring = np.sin(2 * np.pi * pitch_hz * at) + 0.5 * generator.standard_normal(count)
        sound += (
            generator.uniform(0.05, 0.2, (channels, 1))
            * ring
            * np.exp(-8 * np.maximum(0, at - start_s))
            * (at >= start_s)
        )
    return Waveform(sound.astype(np.float32), RATE_HZ)


@pytest.mark.parametrize("original_db", [-60.0, -6.0, 0.0, 6.0])
@pytest.mark.parametrize(("new_channels", "old_channels"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_it_gets_the_channels_of_the_new(new_channels: int, old_channels: int, original_db: float) -> None:
    new, old = Waveform(noise(0, new_channels), RATE_HZ), Waveform(noise(9, old_channels), RATE_HZ)
    under = brought_under(old, new, original_db)
    assert under.channels == new_channels
    wanted = old.samples if old_channels <= new_channels else old.samples.mean(axis=0, keepdims=True)
    assert np.abs(under.samples - wanted * 10 ** (original_db / 20)).max() < 1e-6


def test_layers_that_do_not_fit() -> None:
    new = Waveform(np.zeros((2, 100), np.float32), RATE_HZ)
    for other in (Waveform(np.zeros((2, 99), np.float32), RATE_HZ), Waveform(np.zeros((2, 100), np.float32), 48_000)):
        with pytest.raises(OptionError, match="the layers differ"):
            brought_under(other, new, -6.0)


@pytest.mark.thorough
@settings(max_examples=12)
@given(st.integers(0, 1000), st.floats(-20, 6), st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
def test_its_level_is_found_again(seed: int, original_db: float, channels: tuple[int, int]) -> None:
    new, own = hits(seed, channels[0]), hits(seed + 5000, channels[1])
    under = brought_under(own, new, original_db)
    found = found_in(limit(Waveform(new.samples + under.samples, RATE_HZ)), own)
    assert found is not None
    assert found.samples.shape == new.samples.shape
    level_db = 10 * np.log10((found.samples**2).sum() / (under.samples**2).sum())
    assert abs(level_db) < 0.8  # the limiter takes some of it away


@pytest.mark.thorough
@settings(max_examples=12)
@given(st.integers(0, 1000), st.integers(1, 2), st.integers(30, 3000))
def test_other_sounds_are_not_taken_for_it(seed: int, channels: int, late: int) -> None:
    own = hits(seed, channels)
    others = [hits(seed + 5000, channels), Waveform(noise(seed, channels, own.samples.shape[1]), RATE_HZ)]
    # Nor the same sound out of step, nor silence.
    others += [Waveform(np.roll(own.samples, late, axis=1), RATE_HZ), Waveform(own.samples * np.float32(0), RATE_HZ)]
    assert all(found_in(other, own) is None for other in others)
    assert found_in(own, others[-1]) is None
