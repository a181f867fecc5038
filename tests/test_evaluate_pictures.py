"""What is heard where only the picture says what to hear."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from phonofilm import Phonofilm
from phonofilm.data.sound_classes import THIRTY
from phonofilm.encoders.heard import load_table
from phonofilm.encoders.seen import CLASSES, Certain
from phonofilm.evaluate.pictures import PICTURES, STRUCK, making, measure_pictures, write_plain_film
from phonofilm.evaluate.run import load_listener
from phonofilm.types import Waveform


def test_every_thing_has_a_picture_and_a_class() -> None:
    table = load_table()
    for name, asked in PICTURES.items():
        assert table.sentences[table.names.index(name)], f"a picture of {name} is heard as something"
        assert asked in THIRTY
    assert set(PICTURES.values()) >= STRUCK


def test_a_certain_classifier_sees_the_thing_in_everything() -> None:
    rows = Certain(load_table().names.index("lion")).classify(np.zeros((3, 224, 224, 3), np.uint8))
    assert rows.shape == (3, CLASSES)
    assert np.allclose(rows.sum(1), 1)
    assert set(rows.argmax(1).tolist()) == {load_table().names.index("lion")}


@pytest.mark.thorough
@pytest.mark.parametrize("struck", [False, True])
def test_the_film_of_what_strikes_strikes_and_the_other_rests(tmp_path: Path, struck: bool) -> None:
    write_plain_film(tmp_path / "film.mp4", struck=struck)
    sheet = Phonofilm.load("mini", "cpu").spot(tmp_path / "film.mp4")
    assert sheet.duration_s == 6
    assert len(sheet.events) == (5 if struck else 0)
    for number, cue in enumerate(sheet.events):
        assert cue.start_s == pytest.approx((number + 0.5) / 0.8, abs=0.06)


def test_scores_are_those_of_the_sounds_that_come(tmp_path: Path) -> None:
    """Silence is heard as nothing, so what is made of nothing scores nothing, and a film goes to each thing."""
    films: dict[str, Path] = {}

    def make(name: str, film: Path, takes: int) -> Sequence[Waveform]:
        films[name] = film
        return [Waveform(np.zeros((1, 44100), np.float32), 44100)] * takes

    result = measure_pictures(make, load_listener(), 2, ("lion", "rifle"))
    assert (result.score, result.first) == (0, 0)
    assert films["lion"] != films["rifle"]


@pytest.mark.thorough
def test_a_film_of_the_sea_is_heard_as_the_sea(tmp_path: Path) -> None:
    make = making(Phonofilm.load("mini", "cpu"), tmp_path / "take.wav")
    assert make is not None
    result = measure_pictures(make, load_listener(), 1, ("seashore",))
    assert result.rows[0].score > 0.5


def test_a_model_that_names_nothing_is_not_asked(tmp_path: Path) -> None:
    class Blind:
        def seeing(self, name: str) -> None:
            return None

    assert making(cast("Phonofilm", Blind()), tmp_path / "take.wav") is None
