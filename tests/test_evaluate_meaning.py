"""Meaning: what the shipped listener hears in sounds of known nature, and that agreement is counted rightly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

import phonofilm.weights
from phonofilm.codec.listener import Listener, ListenerConfig, read_listener
from phonofilm.errors import ModelError
from phonofilm.evaluate.meaning import PROMPTS, Judgement, agreement, judge, mean_score
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100


class Labeller(Listener):
    """A listener that reads its answer off the waveform: sample 0 is the number of the class it hears."""

    def __init__(self) -> None:
        names = (*PROMPTS.values(), "speech", "music")
        super().__init__(ListenerConfig(names, 64, 1, (1,), 1, 0.0, 7.0, 215, 0))

    def scores(self, wave: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(wave), len(self.config.classes))
        number = int(wave[0, 0])
        if number >= 0:
            scores[0, number] = 0.9
        return scores


@pytest.fixture(scope="module")
def listener() -> Listener:
    """The shipped one."""
    return read_listener(Path(phonofilm.weights.__path__[0]) / "mini" / "listener.safetensors")


def heard(number: int) -> Waveform:
    return Waveform(np.full((1, 100), number, np.float32), RATE_HZ)


def ticks(seconds: int = 5, period_s: float = 1.0) -> FloatArray:
    """Short bright clicks, as of a clock, over a faint hiss."""
    generator = np.random.default_rng(0)
    wave = generator.normal(0, 1e-4, seconds * RATE_HZ)
    decay = np.exp(-np.arange(1_500) / 150)
    for time_s in np.arange(0.3, seconds - 0.1, period_s):
        first = int(time_s * RATE_HZ)
        wave[first : first + 1_500] += 0.4 * decay * generator.normal(0, 1, 1_500)
    return np.asarray(wave, np.float32)


def hiss(seconds: int = 5) -> FloatArray:
    """Steady noise with falling highs, as of rain."""
    white = np.random.default_rng(1).normal(0, 0.1, seconds * RATE_HZ)
    return np.asarray(sosfilt(butter(1, (500, 9_000), "bandpass", fs=RATE_HZ, output="sos"), white), np.float32)


def mono(samples: FloatArray, rate_hz: int = RATE_HZ) -> Waveform:
    return Waveform(samples[None], rate_hz)


def test_ticks_are_a_clock_and_hiss_is_rain(listener: Listener) -> None:
    clock, rain = judge(mono(ticks()), listener), judge(mono(hiss()), listener)
    assert clock.score("clock tick") > clock.score("rain")
    assert rain.score("rain") > rain.score("clock tick")
    assert clock.score("clock tick") > rain.score("clock tick")
    assert rain.score("rain") > clock.score("rain")


@pytest.mark.parametrize("make", [ticks, hiss])
def test_channels_rate_and_level_mean_little(listener: Listener, make: Callable[[], FloatArray]) -> None:
    wave = make()
    plain = dict(judge(mono(wave), listener).scores)
    stereo = dict(judge(Waveform(np.stack([wave, wave]), RATE_HZ), listener).scores)
    quiet = dict(judge(mono(wave * np.float32(0.02)), listener).scores)
    for name, score in plain.items():
        assert stereo[name] == pytest.approx(score, abs=1e-3)
        assert quiet[name] == pytest.approx(score, abs=2e-3)


def test_another_rate_is_resampled(listener: Listener) -> None:
    wave = np.asarray(np.repeat(hiss()[::2], 1), np.float32)
    assert judge(mono(wave, RATE_HZ // 2), listener).score("speech") < 0.5


def test_silence_is_nothing(listener: Listener) -> None:
    judgement = judge(mono(np.zeros(RATE_HZ, np.float32)), listener)
    assert judgement.top is None
    assert max(score for _, score in judgement.scores) == 0
    assert judge(mono(np.zeros(0, np.float32)), listener).top is None


def test_scores_fall_and_name_every_class(listener: Listener) -> None:
    judgement = judge(mono(ticks(2)), listener)
    values = [score for _, score in judgement.scores]
    assert values == sorted(values, reverse=True)
    assert {name for name, _ in judgement.scores} == set(listener.config.classes) >= set(PROMPTS.values())
    assert {"speech", "music"} <= set(listener.config.classes)


def test_the_weights_are_small(listener: Listener) -> None:
    path = Path(phonofilm.weights.__path__[0]) / "mini" / "listener.safetensors"
    assert path.stat().st_size <= 1_500_000
    assert sum(value.numel() for value in listener.parameters()) <= 700_000


def test_agreement_counts_what_is_heard() -> None:
    names = list(PROMPTS)
    result = agreement(lambda prompt, seed: heard(names.index(prompt) if seed < 3 else 1), Labeller(), range(4))
    assert result.confusion.sum() == 40
    assert result.each["rain"] == 1.0
    assert result.each["dog barking"] == 0.75
    assert result.share == pytest.approx((9 * 0.75 + 1) / 10)
    assert "rain 1" in result.table().splitlines()[0]


def test_silence_never_agrees() -> None:
    result = agreement(lambda prompt, seed: heard(-1), Labeller(), [0, 1])
    assert result.share == 0
    assert result.confusion[:, -1].tolist() == [2] * 10


def test_a_class_the_listener_lacks_is_an_error() -> None:
    with pytest.raises(ModelError, match="no class violin"):
        agreement(lambda prompt, seed: heard(0), Labeller(), [0], {"a violin": "violin"})
    with pytest.raises(ModelError, match="no class 'violin'"):
        Judgement((("dog", 0.5),)).score("violin")


def test_mean_score() -> None:
    assert mean_score([heard(10), heard(11), heard(0), heard(1)], Labeller(), "dog") == pytest.approx(0.225)


def test_a_choice_among_some_classes_leaves_the_others_out() -> None:
    result = agreement(lambda prompt, seed: heard(10), Labeller(), [0], {"rain": "rain"}, among=("rain", "speech"))
    assert result.classes == ("rain", "speech")
    assert result.confusion.tolist() == [[0, 1, 0]]
    assert Judgement((("dog", 0.5), ("rain", 0.2))).top_among(("rain",)) == "rain"
    assert Judgement((("dog", 0.0), ("rain", 0.0))).top_among(("rain", "dog")) is None
