"""What a model finds in simulated films, against their truth: as they are, and under every damage.

The films are those of `data simulate`, written as ordinary files, so that the model sees them as it sees any clip.
"""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from phonofilm.data.simulate.truth import Truth
from phonofilm.evaluate.robustness import JudgedFilm, Robustness, measure_robustness, simulated_films
from phonofilm.evaluate.truth_sync import Onsets, TruthSync, score_against_truth
from phonofilm.media.encode import TimedPicture, write_film
from phonofilm.pipeline import Phonofilm
from phonofilm.types import FloatArray

FIRST_SEED = 30_000_000
"""No scene of this seed or a higher one is painted for training."""
STRIKING = ("chopping", "hammer", "drum strokes", "arm strokes", "bouncing balls", "footsteps", "jolts", "clapping")
"""Plots of the films that are damaged: in each something strikes."""
QUALITY_CRF = 16
"""Fine enough that what is measured is the damage and not the writing of the file."""


@dataclass(frozen=True)
class Spotter:
    """Asks a model what it sees in pictures, through a file in `folder`."""

    film: Phonofilm
    folder: Path

    def onsets(self, pictures: Iterable[TimedPicture], end_s: Fraction) -> Onsets:
        """Events of pictures (H, W, 3), edges even, with the places they are seen at; spans count by their start."""
        path = self.folder / "film.mp4"
        write_film(path, pictures, end_s, None, crf=QUALITY_CRF)
        events = sorted(self.film.spot(path).events, key=lambda cue: cue.start_s)
        places = np.array([cue.place for cue in events], np.float32)
        return Onsets(np.array([cue.start_s for cue in events], np.float32), places)

    def times(self, pictures: Iterable[TimedPicture], end_s: Fraction) -> FloatArray:
        """Only their times, in seconds."""
        return self.onsets(pictures, end_s).times_s


def measure_spotting(film: Phonofilm, films: Iterable[JudgedFilm]) -> TruthSync:
    """Events that a model sees in simulated films, as files, against their truth.

    Does not see how the model does on real pictures, nor what its sound makes of the events: blows in simulated films
    are cleaner than most.
    """
    with tempfile.TemporaryDirectory() as folder:
        spotter = Spotter(film, Path(folder))
        rows = []
        for judged in films:
            assert isinstance(judged.heard, Truth), "simulated films have their truth"
            rows.append(score_against_truth(spotter.onsets(judged.pictures(), judged.end_s), judged.heard))
        return TruthSync(tuple(rows))


def measure_damage(film: Phonofilm, films: Iterable[JudgedFilm], levels: Sequence[int]) -> Robustness:
    """The same under every damage; see `measure_robustness`."""
    with tempfile.TemporaryDirectory() as folder:
        return measure_robustness(Spotter(film, Path(folder)).times, films, levels=levels)


def unseen_films(count: int) -> Iterable[JudgedFilm]:
    """Films of seeds that nothing was trained on, of all plots by chance. Raises MissingExtraError without OpenCV."""
    return simulated_films(range(FIRST_SEED, FIRST_SEED + count))


def striking_films(count: int) -> Iterable[JudgedFilm]:
    """The same of plots in which something strikes, in turn."""
    return simulated_films(range(FIRST_SEED, FIRST_SEED + count), STRIKING)
