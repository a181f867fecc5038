"""Meaning where nobody says anything: what the picture names is what should be heard.

A film of a thing that sounds is easily had for a few things and not for thirty, so the naming is taken as given: the
film is a plain one, and every frame of it is said to show the thing. What is measured is all that follows from that.

Dimension letters: K things.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from phonofilm.codec.listener import Listener
from phonofilm.data.sound_classes import THIRTY
from phonofilm.evaluate.meaning import judge
from phonofilm.media.encode import write_film
from phonofilm.pipeline import Phonofilm
from phonofilm.types import ByteArray, Waveform

PICTURES: Mapping[str, str] = {
    "golden retriever": "dog",
    "papillon": "dog",
    "cock": "rooster",
    "robin": "bird",
    "goldfinch": "bird",
    "cricket": "insect",
    "lion": "roar",
    "tiger": "roar",
    "conch": "sea waves",
    "seashore": "sea waves",
    "analog clock": "clock tick",
    "stopwatch": "clock tick",
    "crib": "crying baby",
    "bassinet": "crying baby",
    "passenger car": "train",
    "steam locomotive": "train",
    "jeep": "car engine",
    "minivan": "car engine",
    "chainsaw": "chainsaw",
    "power drill": "drill",
    "fire screen": "fire crackling",
    "water jug": "pouring water",
    "revolver": "gunshot",
    "rifle": "gunshot",
    "ping-pong ball": "ping pong",
    "running shoe": "footsteps",
    "computer keyboard": "keyboard",
    "cannon": "explosion",
    "prison": "door",
    "handkerchief": "person sneeze",
    "dial telephone": "alarm",
}
"""ImageNet class → the class of the listener that a film of it should be heard as."""
STRUCK = frozenset({"gunshot", "ping pong", "footsteps", "keyboard", "explosion", "door", "person sneeze"})
"""Classes that are heard where something is seen to strike: their film has a ball that bounces, the others' rests."""
FILM_S, RATE_HZ, SIDES = 6, 25, (180, 320)
BOUNCE_HZ, BOUNCE_SHARE, BALL = 0.8, 0.6, 36
"""Bounces a second, their height as a share of the picture's, and the edge of what bounces, in pixels."""

MakeSeen = Callable[[str, Path, int], Sequence[Waveform]]
"""(name of a picture's class, film, number of takes) → the takes."""


@dataclass(frozen=True)
class PictureRow:
    """One thing: the class it should be heard as, the mean score of that class, the share of takes in which it is first
    of the thirty."""

    name: str
    asked: str
    score: float
    first: float


@dataclass(frozen=True)
class Pictures:
    """All K things."""

    rows: tuple[PictureRow, ...]

    @property
    def score(self) -> float:
        return float(np.mean([row.score for row in self.rows]))

    @property
    def first(self) -> float:
        return float(np.mean([row.first for row in self.rows]))


def write_plain_film(path: Path, *, struck: bool) -> None:
    """A film of FILM_S seconds: a ball over a ground that it strikes, or rests on."""
    height, width = SIDES
    ground = height - height // 6
    picture = np.full((height, width, 3), 120, np.uint8)
    picture[ground:] = (60, 70, 50)
    # Without something to see behind the ball, its motion would be taken for the camera's.
    picture[:ground:20] = picture[:ground, ::20] = 135

    def frames() -> Iterator[tuple[ByteArray, Fraction]]:
        for number in range(FILM_S * RATE_HZ):
            share = (number / RATE_HZ * BOUNCE_HZ + 0.5) % 1 if struck else 0.0
            bottom = ground - round(BOUNCE_SHARE * height * 4 * share * (1 - share))
            frame = picture.copy()
            frame[bottom - BALL : bottom, (width - BALL) // 2 : (width + BALL) // 2] = (230, 120, 40)
            yield frame, Fraction(number, RATE_HZ)

    write_film(path, frames(), Fraction(FILM_S), None, crf=16)


def making(film: Phonofilm, target: Path) -> MakeSeen | None:
    """Takes of a model whose classifier of pictures is certain, or None where it has none.

    target: a sound file that may be overwritten.
    """
    if film.seeing(next(iter(PICTURES))) is None:
        return None

    def make(name: str, path: Path, takes: int) -> list[Waveform]:
        seeing = film.seeing(name)
        assert seeing is not None, "it has a classifier"
        return [take.sound for take in seeing.add_sound(path, target, audio_only=True, mono=True, takes=takes)]

    return make


def measure_pictures(
    make: MakeSeen, listener: Listener, takes: int, names: Sequence[str] = tuple(PICTURES)
) -> Pictures:
    """Whether takes of a film in which a thing is seen are heard as that thing, when nobody says anything.

    Does not see: whether the thing is recognised in a real picture, since the naming is given; whether the sound is in
    time with it; and all that agreement does not see.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        films = {struck: Path(folder) / f"struck_{struck}.mp4" for struck in (False, True)}
        for struck, path in films.items():
            write_plain_film(path, struck=struck)
        for name in names:
            asked = PICTURES[name]
            heard = [judge(sound, listener) for sound in make(name, films[asked in STRUCK], takes)]
            score = float(np.mean([one.score(asked) for one in heard]))
            first = float(np.mean([one.top_among(THIRTY) == asked for one in heard]))
            rows.append(PictureRow(name, asked, score, first))
    return Pictures(tuple(rows))
