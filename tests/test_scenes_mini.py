"""What the shipped model makes of pictures in which nothing is struck."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clips import even_times, make_clip
from phonofilm import Phonofilm

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
