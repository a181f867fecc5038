"""What the shipped model makes of pictures in which nothing is struck, and of words that strike."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clips import even_times, make_clip
from phonofilm import Phonofilm
from phonofilm.codec.onsets import detect_onsets
from phonofilm.evaluate.sync import matches
from phonofilm.scenes import mini

pytestmark = pytest.mark.thorough

STILL = even_times(36, Fraction(12))


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("still")
    return make_clip(folder / "still.mp4", STILL, rate_hz=Fraction(12), number_mask=0)


@pytest.mark.parametrize("prompt", ["a horse galloping", "birds singing"])
def test_every_take_is_heard_where_the_picture_holds_no_hit(still: Path, prompt: str) -> None:
    film = Phonofilm.load("mini")
    takes = film.add_sound(still, still.with_suffix(".wav"), prompt=prompt, audio_only=True, takes=4)
    for take in takes:
        assert take.cues is not None
        assert not take.cues.events
        loudest = max(float(np.square(part).mean()) for part in np.array_split(take.sound.samples[0], 60))
        assert 10 * np.log10(loudest) > -40, take.seed


@pytest.mark.parametrize("prompt", ["a clock ticking", "hammering a nail", "someone knocking on a door"])
def test_words_that_strike_are_heard_when_they_are_played(
    prompt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[np.ndarray] = []
    timed = mini.MiniGuide._timed

    def noted(guide: mini.MiniGuide, scene: mini.MiniScene, seed: int) -> mini.MiniScene:
        scene = timed(guide, scene, seed)
        told.append(guide._hits_s(scene.onset))
        return scene

    monkeypatch.setattr(mini.MiniGuide, "_timed", noted)
    (take,) = Phonofilm.load("mini").make(prompt, tmp_path / "take.wav", seconds=5, mono=True)
    heard, _ = detect_onsets(take.sound.samples[0], take.sound.rate_hz)
    hits_s = max(told, key=lambda times_s: len(matches(heard, times_s, 0.08)))  # a take may have been drawn again
    assert len(matches(heard, hits_s, 0.08)) >= 0.8 * len(hits_s)
    assert len(heard) <= 1.3 * len(hits_s)


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, 1), ({"takes": 2}, 1), ({"prompt": "rain"}, 0), ({"cues": "cues.json"}, 0), ({"music": "solo piano"}, 0)],
)
def test_a_quiet_room_that_nobody_asked_for_is_said_once(
    still: Path, options: dict[str, Any], said: int, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    film = Phonofilm.load("mini")
    if "cues" in options:
        options = {"cues": still.with_name("cues.json")}
        options["cues"].write_text(film.spot(still).to_json(), encoding="utf-8")
    film.add_sound(still, tmp_path / "still.wav", audio_only=True, **options)
    assert caplog.text.count("still.mp4: the picture names no sound that is known") == said
