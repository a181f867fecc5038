"""What sound teaches about mouths, and the recipe that learns it."""

from pathlib import Path

import numpy as np
import pytest

from phonofilm.train.lips import train_reader, write_reader
from phonofilm.types import Waveform
from phonofilm.voice.lessons import CURVE_HZ, Lesson, loudness, voice_activity
from phonofilm.voice.lip_reader import load_reader

RATE_HZ = 16_000


def _speech(duration_s: float, begin_s: float, end_s: float, seed: int = 0) -> Waveform:
    """A buzz that swells four times a second in a span, over faint noise."""
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    buzz = np.sign(np.sin(2 * np.pi * 130 * times)) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * (times - begin_s)))
    sound = np.where((times >= begin_s) & (times < end_s), 0.3 * buzz, 0)
    sound += np.random.default_rng(seed).normal(0, 1e-4, len(times))
    return Waveform(sound[None].astype(np.float32), RATE_HZ)


def test_voice_activity_finds_the_span() -> None:
    speaks = voice_activity(_speech(3.0, 0.7, 1.9))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks, [0]]))) / CURVE_HZ
    np.testing.assert_allclose(edges, [0.7, 1.9], atol=0.08)


def test_loudness_swells_with_the_voice() -> None:
    curve = loudness(_speech(3.0, 0.5, 2.5))
    assert len(curve) == 300
    assert curve.max() == pytest.approx(1, abs=0.1)
    assert curve[:40].max() < 0.05
    peaks = [index for index in range(60, 240) if curve[index] == curve[index - 8 : index + 9].max()]
    np.testing.assert_allclose(np.diff(peaks), 25, atol=3)


def _lesson(seed: int) -> Lesson:
    """A face whose measures follow the sound, in noise."""
    random = np.random.default_rng(seed)
    begin_s = float(random.uniform(0.4, 0.9))
    sound = _speech(3.0, begin_s, begin_s + 1.4, seed)
    times = np.arange(75) / 25
    heard = np.interp(times + 0.02, np.arange(300) / CURVE_HZ, loudness(sound))
    speaks = np.interp(times, np.arange(300) / CURVE_HZ, voice_activity(sound))
    measures = random.normal(0, 0.4, (75, 8))
    measures[:, 4] += 3 * heard
    measures[:, 5] += 2 * heard
    measures[:, 6] = -3.6 + 1.0 * speaks + random.normal(0, 0.2, 75)
    measures[:, 7] = -3.7 + random.normal(0, 0.2, 75)
    return Lesson(times, measures, loudness(sound), voice_activity(sound))


def test_the_recipe_learns_what_is_there_and_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = train_reader([_lesson(seed) for seed in range(5)])
    fresh = _lesson(99)
    opening, speaking = reader.read(fresh.measures, fresh.times_s)
    heard = np.interp(fresh.times_s, np.arange(300) / CURVE_HZ, fresh.loudness)
    assert np.corrcoef(opening, heard)[0, 1] > 0.85
    truth = np.interp(fresh.times_s, np.arange(300) / CURVE_HZ, fresh.speaks) > 0.5
    assert np.mean((speaking > 0.5) == truth) > 0.9
    path = tmp_path / "lips.safetensors"
    write_reader(reader, path)
    monkeypatch.setattr("phonofilm.voice.lip_reader.FILE", path)
    again = load_reader.__wrapped__().read(fresh.measures, fresh.times_s)
    np.testing.assert_allclose(again[0], opening, atol=1e-4)
    np.testing.assert_allclose(again[1], speaking, atol=1e-4)


def test_the_same_lessons_give_the_same_reader() -> None:
    lessons = [_lesson(1), _lesson(2)]
    np.testing.assert_array_equal(train_reader(lessons).opening, train_reader(lessons).opening)
