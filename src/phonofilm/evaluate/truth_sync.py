"""Is it in time, where the truth is known exactly? Events found in simulated films, or heard in sound made for them.

Dimension letters: K events found, R true events.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonofilm.codec.onsets import detect_onsets
from phonofilm.cues import PEAK_DISTANCE_S, CueCurves, peaks
from phonofilm.data.simulate.truth import Event, Truth
from phonofilm.evaluate.sync import TOLERANCE_S, SyncScore, compare_onsets, f_measure
from phonofilm.types import FloatArray, Waveform

FAINTEST = 0.05
"""Events of less strength than this are not asked for; finding one is no mistake either."""


@dataclass(frozen=True)
class Onsets:
    """Times in seconds, rising, and where they are seen or heard (-1 left to 1 right); places None: not known."""

    times_s: FloatArray
    places: FloatArray | None = None


@dataclass(frozen=True)
class TruthRow:
    """One film. errors_s: of the hits, found minus true. place_errors: of the hits, absolute, 0 to 2."""

    plot: str
    seed: int
    duration_s: float
    score: SyncScore
    errors_s: tuple[float, ...]
    place_errors: tuple[float, ...]


@dataclass(frozen=True)
class TruthSync:
    """All films together. Shares are 0 to 1; nan where nothing was hit or no place is known."""

    rows: tuple[TruthRow, ...]

    @property
    def hit_share(self) -> float:
        true = sum(row.score.real for row in self.rows)
        return sum(len(row.errors_s) for row in self.rows) / true if true else float("nan")

    @property
    def false_share(self) -> float:
        found = sum(row.score.generated for row in self.rows)
        return 1 - sum(len(row.errors_s) for row in self.rows) / found if found else 0.0

    @property
    def f1(self) -> float:
        """Of all events of all films: each counts alike, and what is found in films without events counts as false."""
        hits, found, true = (
            sum(count)
            for count in zip(
                *((len(row.errors_s), row.score.generated, row.score.real) for row in self.rows), strict=True
            )
        )
        return f_measure(hits, found, true)

    @property
    def mean_f1(self) -> float:
        """Each film counts alike; only films that have events."""
        return _mean([row.score.f1 for row in self.rows if row.score.real])

    @property
    def mean_f1_minus_chance(self) -> float:
        return _mean([row.score.f1_minus_chance for row in self.rows if row.score.real])

    @property
    def median_error_ms(self) -> float:
        return _median_ms([abs(error) for row in self.rows for error in row.errors_s])

    @property
    def median_lateness_ms(self) -> float:
        """Positive: found or heard after the truth."""
        return _median_ms([error for row in self.rows for error in row.errors_s])

    @property
    def place_error(self) -> float:
        """Mean over all hits, in half widths of the picture."""
        return _mean([error for row in self.rows for error in row.place_errors])

    @property
    def invented_per_minute(self) -> float:
        """Events found in films that have none."""
        still = [row for row in self.rows if not row.score.real]
        minutes = sum(row.duration_s for row in still) / 60
        return sum(row.score.generated for row in still) / minutes if still else float("nan")

    def by_plot(self) -> dict[str, "TruthSync"]:
        """The same for each plot, in alphabetical order."""
        plots = sorted({row.plot for row in self.rows})
        return {plot: TruthSync(tuple(row for row in self.rows if row.plot == plot)) for plot in plots}

    def table(self) -> str:
        """Lines of text: one a plot, the last for all."""
        head = f"{'plot':<34}{'films':>6}{'events':>7}{'F1':>6}{'hit':>6}{'false':>6}{'ms':>7}{'late':>7}{'place':>7}"
        parts = [*self.by_plot().items(), ("all", self)]
        return "\n".join([head, *(f"{name:<34}{part._line()}" for name, part in parts)])

    def _line(self) -> str:
        events = sum(row.score.real for row in self.rows)
        shares = f"{self.f1:6.2f}{self.hit_share:6.2f}{self.false_share:6.2f}"
        return (
            f"{len(self.rows):6d}{events:7d}{shares}"
            f"{self.median_error_ms:7.1f}{self.median_lateness_ms:7.1f}{self.place_error:7.2f}"
        )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _median_ms(values: list[float]) -> float:
    return float(np.median(values)) * 1000 if values else float("nan")


def onsets_of_curves(curves: CueCurves) -> Onsets:
    """The events that cue curves hold, each with the place of its instant."""
    times_s, _ = peaks(curves.onset, curves.rate_hz)
    points = np.round(times_s * float(curves.rate_hz)).astype(np.int64).clip(0, len(curves.onset) - 1)
    return Onsets(times_s, curves.place[points])


def onsets_of_sound(sound: Waveform) -> Onsets:
    """The onsets heard in a sound, all channels summed; without places."""
    return Onsets(np.sort(detect_onsets(sound.samples.mean(axis=0).astype(np.float32), sound.rate_hz)[0]))


def true_onsets(truth: Truth) -> tuple[Onsets, FloatArray]:
    """Events that can be told apart (R,), and the times of all others.

    Of two that are closer than PEAK_DISTANCE_S the stronger stays, as in cue curves. Fainter ones than FAINTEST, those
    that are heard but not seen, and those at the very edge, where what happens beside the picture is heard from, are
    not asked for.
    """
    kept: list[Event] = []
    for event in sorted(truth.events, key=lambda event: -event.strength):
        apart = all(abs(event.time_s - other.time_s) >= PEAK_DISTANCE_S for other in kept)
        if apart and event.seen and event.strength >= FAINTEST and abs(event.place) < 1:
            kept.append(event)
    kept.sort(key=lambda event: event.time_s)
    others = [event.time_s for event in truth.events if event not in kept]
    times_s, places = [event.time_s for event in kept], [event.place for event in kept]
    return Onsets(np.array(times_s, np.float32), np.array(places, np.float32)), np.array(others, np.float32)


def pairs(found_s: FloatArray, true_s: FloatArray, tolerance_s: float) -> list[tuple[int, int]]:
    """Which of the found (K,) is which of the true (R,): the matching of `sync.matches`, as indices."""
    out, k, r = [], 0, 0
    while k < len(found_s) and r < len(true_s):
        error = float(found_s[k] - true_s[r])
        if abs(error) <= tolerance_s:
            out.append((k, r))
            k, r = k + 1, r + 1
        elif error < 0:
            k += 1
        else:
            r += 1
    return out


def score_against_truth(found: Onsets, truth: Truth, tolerance_s: float = TOLERANCE_S) -> TruthRow:
    """One film's events, found in its picture or heard in its sound, against the truth.

    Does not see how strong an event was found, nor of what kind; nor continuous sound. What is found within the
    tolerance of an event that was not asked for (see `true_onsets`) counts neither for nor against.
    """
    true, others = true_onsets(truth)
    paired = pairs(found.times_s, true.times_s, tolerance_s)
    hit = {k for k, _ in paired}
    counted = [
        k for k, time_s in enumerate(found.times_s) if k in hit or not np.any(np.abs(others - time_s) <= tolerance_s)
    ]
    score = compare_onsets(found.times_s[counted], true.times_s, truth.duration_s, tolerance_s)
    places: tuple[float, ...] = ()
    if found.places is not None and true.places is not None:
        places = tuple(abs(float(found.places[k] - true.places[r])) for k, r in paired)
    errors = tuple(float(found.times_s[k] - true.times_s[r]) for k, r in paired)
    return TruthRow(truth.scene, truth.seed, truth.duration_s, score, errors, places)


def measure_truth(
    find: Callable[[Path], Onsets | CueCurves], films: Iterable[tuple[Path, Truth]], tolerance_s: float = TOLERANCE_S
) -> TruthSync:
    """A finder of events run over simulated films: F1, hits, false ones, timing and place, also for each plot.

    Does not see how the finder does on real pictures: simulated blows are cleaner than most. Films without events are
    in it, and whatever is found there is false.
    """
    return TruthSync(tuple(score_against_truth(_onsets(find(path)), truth, tolerance_s) for path, truth in films))


def measure_made_sound(
    make: Callable[[Path], Waveform], films: Iterable[tuple[Path, Truth]], tolerance_s: float = TOLERANCE_S
) -> TruthSync:
    """Finished sound, made for simulated films, against their truth.

    Does not see what an onset sounds like. The detector of onsets has errors of its own: it misses blows under loud
    ambience and hears some in crackling fire; the true sound of the film measured in the same way is the ceiling.
    """
    return measure_truth(lambda path: onsets_of_sound(make(path)), films, tolerance_s)


def _onsets(found: Onsets | CueCurves) -> Onsets:
    return onsets_of_curves(found) if isinstance(found, CueCurves) else found
