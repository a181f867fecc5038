"""The sync measure: perfect is 1, shifted is 0, chance is what rolling gives, and clicks are found where they are."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.cli import main as cli
from phonofilm.errors import MediaError
from phonofilm.evaluate.run import SyncRow
from phonofilm.evaluate.sync import SyncScore, compare_onsets, compare_sounds, matches
from phonofilm.types import FloatArray, Waveform

TIMES = st.lists(st.floats(0, 9.9), max_size=20).map(lambda times: np.asarray(sorted(times), np.float32))


@given(TIMES, TIMES)
def test_matching_is_one_to_one_symmetric_and_within_tolerance(a: FloatArray, b: FloatArray) -> None:
    errors = matches(a, b, 0.08)
    assert len(errors) == len(matches(b, a, 0.08)) <= min(len(a), len(b))
    assert all(abs(error) <= 0.081 for error in errors)


@given(TIMES.filter(len))
def test_the_truth_scores_one(times: FloatArray) -> None:
    score = compare_onsets(times, times, 10.0)
    assert score.f1 == score.hit_share == 1
    assert score.false_share == score.median_error_ms == 0


@given(TIMES, TIMES)
def test_shares_are_shares(a: FloatArray, b: FloatArray) -> None:
    score = compare_onsets(a, b, 10.0)
    for value in (score.f1, score.chance_f1, score.hit_share, score.false_share):
        assert 0 <= value <= 1


def test_unrelated_onsets_score_about_chance() -> None:
    generator = np.random.default_rng(0)
    differences = []
    for _ in range(60):
        a, b = (np.sort(generator.uniform(0, 10, 15)).astype(np.float32) for _ in range(2))
        differences.append(compare_onsets(a, b, 10.0).f1_minus_chance)
    assert abs(float(np.mean(differences))) < 0.05


def test_a_lag_shows_as_median_error() -> None:
    times = np.arange(0.5, 9, 0.7, dtype=np.float32)
    assert compare_onsets(times + np.float32(0.03), times, 10.0).median_error_ms == pytest.approx(30, abs=0.1)


def test_sounds_are_compared_by_their_clicks() -> None:
    def clicks(times: list[float]) -> Waveform:
        wave = np.zeros((1, 44100 * 5), np.float32)
        for time_s in times:
            first = round(time_s * 44100)
            wave[0, first : first + 400] = np.random.default_rng(1).normal(0, 0.3, 400) * np.exp(-np.arange(400) / 80)
        return Waveform(wave, 44100)

    real = [0.5, 1.3, 2.6, 3.1, 4.2]
    assert compare_sounds(clicks([t + 0.02 for t in real]), clicks(real)).f1 == 1
    assert compare_sounds(clicks([t + 0.3 for t in real]), clicks(real)).f1 == 0


@pytest.mark.thorough
def test_the_mean_is_over_clips_and_the_same_as_text_and_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(clip: str, seed: int, f1: float, error_ms: float) -> SyncRow:
        return SyncRow(Path(clip), seed, SyncScore(3, 3, f1, 0.0, f1, 0.1, error_ms))

    rows = [row("a.mp4", 0, 0.2, 10.0), row("a.mp4", 1, 0.4, 30.0), row("b.mp4", 0, 0.9, 50.0)]
    rows += [row("c.mp4", 0, 0.0, math.nan)]
    failed = [(Path("bad.mp4"), MediaError("bad.mp4 is not a video"))]
    monkeypatch.setattr("phonofilm.evaluate.run.measure_sync", lambda *_: (rows, failed))
    monkeypatch.setattr("phonofilm.cli.evaluate.start_logging", lambda _: None)

    def call(*words: str) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["phonofilm", "evaluate", "sync", "a.mp4", "--model", "tiny", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        printed = capsys.readouterr()
        return printed.out, printed.err

    out, err = call("--json")
    told = json.loads(out)
    assert err == "phonofilm: bad.mp4 is not a video\n"
    assert [score.get("f1") for score in told["scores"]] == [0.2, 0.4, 0.9, 0.0, None]
    assert told["scores"][3]["median_error_ms"] is None
    assert told["mean"]["f1"] == pytest.approx((0.3 + 0.9 + 0.0) / 3)
    assert told["mean"]["f1_minus_chance"] == pytest.approx((0.3 + 0.9 + 0.0) / 3 - 0.1)
    assert told["mean"]["median_error_ms"] == pytest.approx(35.0)  # of 20 and 50
    assert (told["mean"]["clips"], told["mean"]["takes"]) == (3, 4)
    text = call()[0].splitlines()[-1]
    assert text == "mean f1 - chance 0.300, mean f1 0.400, median error 35.0 ms over 3 clips, 4 takes"
    rows.clear()
    assert json.loads(call("--json")[0])["mean"] is None
    assert "mean" not in call()[0]
