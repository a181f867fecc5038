"""Is it still in time when the film is bad? Events found in damaged pictures, compared with those in clean ones.

Dimension letters: H height, W width, R true events.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from phonofilm.data.simulate.damage import DAMAGES, LEVELS, Damage
from phonofilm.data.simulate.files import film_pictures, shooting
from phonofilm.data.simulate.truth import Truth
from phonofilm.errors import MediaError, OptionError
from phonofilm.evaluate.sync import TOLERANCE_S, compare_onsets, matches
from phonofilm.evaluate.truth_sync import Onsets, TruthRow, TruthSync, onsets_of_sound, score_against_truth
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.encode import TimedPicture
from phonofilm.media.frames import decode_frames
from phonofilm.media.probe import probe
from phonofilm.types import ClipInfo, FloatArray, FrameRequest

EventsOf = Callable[[Iterable[TimedPicture], Fraction], FloatArray]
"""What is measured: pictures (H, W, 3) with their instants, and when the last one ends → events in seconds, rising."""

RATE_HZ = 44_100
LARGEST_REAL = 854 * 480
"""Pixels of a picture of a real clip, which is held in memory while it is damaged; larger ones are made smaller."""


@dataclass(frozen=True)
class JudgedFilm:
    """A film at its own size, and when something is heard in it: by its truth, or by its real sound (R,).

    pictures: painted or decoded anew for whoever asks, so that no film need be kept. end_s: when the last one ends.
    """

    name: str
    pictures: Callable[[], Iterable[TimedPicture]]
    end_s: Fraction
    heard: Truth | FloatArray

    def score(self, found_s: FloatArray) -> TruthRow:
        """Times (K,), rising, against what is heard."""
        if isinstance(self.heard, Truth):
            return score_against_truth(Onsets(found_s), self.heard)
        errors = matches(found_s, self.heard, TOLERANCE_S)
        score = compare_onsets(found_s, self.heard, float(self.end_s))
        return TruthRow(self.name, 0, float(self.end_s), score, tuple(errors), ())


@dataclass(frozen=True)
class DamageRow:
    """All films under one damage at one level. ratio: of F1 to that of the clean films; nan where that is 0."""

    damage: str
    level: int
    sync: TruthSync
    ratio: float


@dataclass(frozen=True)
class Robustness:
    """The films as they are, and under every damage at every level."""

    clean: TruthSync
    rows: tuple[DamageRow, ...]

    @property
    def worst(self) -> DamageRow:
        return min(self.rows, key=lambda row: row.ratio)

    def table(self) -> str:
        """Lines of text: one a damage, with the ratio, the F1 and the median error of each level."""
        events = sum(row.score.real for row in self.clean.rows)
        whole = f"F1 {self.clean.f1:.3f}, median {self.clean.median_error_ms:.0f} ms"
        lines = [f"{len(self.clean.rows)} films, {events} events, clean: {whole}"]
        for name in dict.fromkeys(row.damage for row in self.rows):
            cells = [
                f"   {row.ratio:.2f} (F1 {row.sync.f1:.2f}, {row.sync.median_error_ms:3.0f} ms)"
                for row in self.rows
                if row.damage == name
            ]
            lines.append(f"{name:<15}" + "".join(cells))
        return "\n".join(lines)


def measure_robustness(
    events_of: EventsOf,
    films: Iterable[JudgedFilm],
    *,
    damages: Mapping[str, Damage] = DAMAGES,
    levels: Sequence[int] = LEVELS,
    seed: int = 0,
) -> Robustness:
    """Every film clean and under every damage and level; F1 is of all events of all films together.

    Does not see damages that come together, nor what the sound makes of the events, nor whether a person could still
    see what is asked for: the truth stays that of the clean film. A finder that is bad on clean films loses little:
    read the ratio beside the F1. A film is damaged at its own size, before anybody makes it smaller to look at it.
    Films are asked for one at a time and held in memory: 1.7 GB for ten seconds of 720p at 60 frames a second. Raises
    OptionError when there are none.
    """
    clean: list[TruthRow] = []
    found: dict[tuple[str, int], list[TruthRow]] = {(name, level): [] for name in damages for level in levels}
    for number, film in enumerate(films):
        pictures = list(film.pictures())  # painting takes longer than looking
        clean.append(film.score(events_of(pictures, film.end_s)))
        for (name, level), rows in found.items():
            # Chance by name, so that a damage measured alone gives the figure it has among the others.
            generator = np.random.default_rng([seed, number, level, *name.encode()])
            rows.append(film.score(events_of(damages[name](pictures, level, generator), film.end_s)))
    if not clean:
        raise OptionError("no film to measure on; give at least one")
    whole = TruthSync(tuple(clean))
    scored = [(name, level, TruthSync(tuple(rows))) for (name, level), rows in found.items()]
    return Robustness(
        whole,
        tuple(
            DamageRow(name, level, sync, sync.f1 / whole.f1 if whole.f1 else float("nan"))
            for name, level, sync in scored
        ),
    )


def simulated_films(seeds: Iterable[int], plots: Sequence[str | None] = (None,)) -> Iterator[JudgedFilm]:
    """Scenes as `data simulate` films them, clean; plots in turn (None: by chance). Raises MissingExtraError."""
    for number, seed in enumerate(seeds):
        yield _simulated(seed, plots[number % len(plots)])


def _simulated(seed: int, plot: str | None) -> JudgedFilm:
    how = shooting(seed, 0.0)
    truth, _, end_s = film_pictures(seed, how, plot)
    return JudgedFilm(f"{truth.scene} {seed}", lambda: film_pictures(seed, how, plot)[1], end_s, truth)


def real_films(clips: Iterable[Path]) -> Iterator[JudgedFilm]:
    """Clips with sharp onsets in their own sound, which stands for the truth. Raises MediaError for one without sound.

    The onsets are those a detector hears: also of what is not in the picture, so F1 stays well below 1 for any finder.
    """
    for path in clips:
        clip = probe(path)
        sound = read_clip_audio(clip, RATE_HZ)
        if sound is None:
            raise MediaError(f"{path} has no sound to compare with; give a clip that has its real sound")
        yield JudgedFilm(path.name, partial(_decoded, clip), clip.duration_s, onsets_of_sound(sound).times_s)


def _decoded(clip: ClipInfo) -> Iterator[TimedPicture]:
    """Every picture of a clip, edges even, as 4:2:0 wants them."""
    edges = clip.video.width, clip.video.height
    scale = min(1.0, (LARGEST_REAL / (edges[0] * edges[1])) ** 0.5)
    width, height = (max(2, 2 * int(edge * scale / 2)) for edge in edges)
    (frames,) = decode_frames(clip, [FrameRequest(None, width, height)])
    return zip(frames.pixels, frames.times_s, strict=True)
