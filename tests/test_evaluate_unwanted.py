"""What nobody asked for: levels with a stated false alarm, rates that count, stillness that hears hits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.codec.listener import Listener, ListenerConfig
from phonofilm.evaluate.unwanted import LEVELS, level_for, stillness, uninvited
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


class Teller(Listener):
    """A listener that reads its scores off the first two samples."""

    def __init__(self) -> None:
        super().__init__(ListenerConfig(("speech", "music"), 64, 1, (1,), 1, 0.0, 7.0, 215, 0))

    def scores(self, wave: torch.Tensor) -> torch.Tensor:
        return wave[:, :2]


def scored(speech: float, music: float) -> Waveform:
    return Waveform(np.asarray([[speech, music, 0.0]], np.float32), RATE_HZ)


def test_rates_count_each_and_either() -> None:
    sounds = [scored(0.9, 0.0), scored(0.1, 0.9), scored(0.9, 0.9), scored(0.0, 0.0)]
    found = uninvited(sounds, Teller(), {"speech": 0.5, "music": 0.5})
    assert found.each == {"speech": 0.5, "music": 0.5}
    assert found.any == 0.75
    assert found.count == 4
    assert uninvited(sounds, Teller(), {"speech": 0.95}).any == 0
    assert math.isnan(uninvited([], Teller()).any)
    assert set(LEVELS) == {"speech", "music"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0, 1))
def test_a_level_keeps_its_promise_and_is_the_lowest(scores: list[float], allowed: float) -> None:
    level = level_for(scores, allowed)
    assert np.mean(np.asarray(scores) >= level) <= allowed
    lower = np.nextafter(level, -1.0)
    assert level == 0 or np.mean(np.asarray(scores) >= lower) > allowed


def hits(count: int) -> FloatArray:
    wave = np.random.default_rng(0).normal(0, 1e-4, 4 * RATE_HZ)
    for index in range(count):
        first = RATE_HZ // 2 + index * RATE_HZ // 2
        wave[first : first + 2000] += np.random.default_rng(index).normal(0, 0.3, 2000) * np.exp(-np.arange(2000) / 300)
    return wave.astype(np.float32)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_hits_are_not_still(count: int) -> None:
    found = stillness(Waveform(hits(count)[None], RATE_HZ))
    assert found.onsets == count
    assert not found.still


def test_silence_and_even_ambience_are_still() -> None:
    silent = stillness(Waveform(np.zeros((2, RATE_HZ), np.float32), RATE_HZ))
    assert silent.level_lufs == -math.inf
    assert silent.still
    wind = np.random.default_rng(1).normal(0, 0.05, 4 * RATE_HZ).astype(np.float32)
    loud = stillness(Waveform(wind[None], RATE_HZ))
    assert loud.level_lufs > -40
    assert loud.onsets == 0
    assert loud.still
    assert stillness(Waveform(hits(3)[None] * np.float32(1e-3), RATE_HZ)).still  # hits that nobody hears
