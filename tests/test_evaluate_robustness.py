"""Timing against simulated truth, and what is left of it under damage, measured with finders whose faults are known."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clips import make_clip
from phonofilm.cues import CueCurves, bumps
from phonofilm.data.simulate.damage import DAMAGES
from phonofilm.data.simulate.files import shooting
from phonofilm.data.simulate.scene import compose
from phonofilm.data.simulate.truth import Event, Truth
from phonofilm.errors import MediaError, OptionError
from phonofilm.evaluate.robustness import JudgedFilm, measure_robustness, real_films, simulated_films
from phonofilm.evaluate.sync import matches
from phonofilm.evaluate.truth_sync import (
    Onsets,
    TruthSync,
    measure_made_sound,
    measure_truth,
    pairs,
    score_against_truth,
    true_onsets,
)
from phonofilm.media.encode import TimedPicture
from phonofilm.types import FloatArray, Waveform

HERE = Path("film.mp4")


def truth_of(times_s: list[float], strengths: list[float] | None = None, scene: str = "hammer") -> Truth:
    strengths = strengths or [0.8] * len(times_s)
    events = tuple(
        Event(time_s, strength, 0.5, "strike", "metal", 0.3, 0)
        for time_s, strength in zip(times_s, strengths, strict=True)
    )
    return Truth(scene, 1, 10.0, events, (), (), "", ("A hammer.",), (), (), (("hammer",),))


def at(*times_s: float) -> FloatArray:
    return np.array(times_s, np.float32)


def test_a_perfect_finder_scores_one() -> None:
    for plot in ("hammer", "bouncing balls", "typing"):
        truth = compose(10_000_000, plot=plot).truth
        true, _ = true_onsets(truth)
        row = score_against_truth(true, truth)
        assert row.score.f1 == 1
        assert max(row.place_errors) == 0
        # Finding every keystroke of a fast hand is no mistake, though only those that can be told apart are asked for.
        everything = at(*(event.time_s for event in truth.events))
        assert score_against_truth(Onsets(everything), truth).score.false_share == 0


def test_close_and_faint_events_are_not_asked_for() -> None:
    true, others = true_onsets(truth_of([1.0, 1.05, 2.0, 3.0], [0.3, 0.9, 0.5, 0.01]))
    assert true.times_s == pytest.approx([1.05, 2.0])
    assert others == pytest.approx([1.0, 3.0])


def test_lateness_misses_and_inventions_are_counted() -> None:
    truth = truth_of([1.0, 2.0, 3.0, 4.0])
    row = score_against_truth(Onsets(at(1.02, 2.03, 3.04, 7.0, 8.0), np.zeros(5, np.float32)), truth)
    sync = TruthSync((row,))
    assert sync.hit_share == pytest.approx(0.75)
    assert sync.false_share == pytest.approx(0.4)
    assert sync.f1 == pytest.approx(2 * 3 / 9)
    assert sync.median_lateness_ms == pytest.approx(30, abs=0.01)
    assert sync.place_error == pytest.approx(0.5)


def test_what_is_found_where_nothing_sounds_lowers_the_whole() -> None:
    loud, still = truth_of([1.0, 2.0]), truth_of([], scene="silent hand")
    found = iter([Onsets(at(1.0, 2.0)), Onsets(at(5.0, 6.0))])
    sync = measure_truth(lambda path: next(found), [(HERE, loud), (HERE, still)])
    assert sync.mean_f1 == 1
    assert sync.f1 == pytest.approx(4 / 6)
    assert sync.invented_per_minute == pytest.approx(12)
    assert list(sync.by_plot()) == ["hammer", "silent hand"]
    assert sync.table().count("\n") == 3


def test_curves_give_times_and_places() -> None:
    rate_hz = Fraction(100)
    onset = bumps(at(1.004, 2.0), at(1, 1), rate_hz, 1000)
    curves = CueCurves(rate_hz, onset, onset, np.full(1000, 0.4, np.float32))
    sync = measure_truth(lambda path: curves, [(HERE, truth_of([1.0, 2.0]))])
    assert (sync.f1, sync.place_error) == (1, pytest.approx(0.1))
    assert sync.median_error_ms < 5


def test_sound_is_judged_by_its_onsets() -> None:
    sound = np.zeros((2, 441_000), np.float32)
    for time_s in (1.0, 2.5, 4.0):
        first = round(time_s * 44_100)
        sound[:, first : first + 4000] = np.random.default_rng(0).normal(0, 0.3, 4000) * np.exp(-np.arange(4000) / 900)
    sync = measure_made_sound(lambda path: Waveform(sound, 44_100), [(HERE, truth_of([1.0, 2.5, 4.0]))])
    assert sync.f1 == 1
    assert sync.median_error_ms < 15


times = st.lists(st.floats(0, 10, width=32), max_size=12).map(lambda values: np.array(sorted(values), np.float32))


@settings(max_examples=100)
@given(times, times)
def test_pairs_are_the_matches_of_sync(found_s: FloatArray, true_s: FloatArray) -> None:
    errors = [float(found_s[k] - true_s[r]) for k, r in pairs(found_s, true_s, 0.08)]
    assert errors == matches(found_s, true_s, 0.08)


def flashing(count: int = 100) -> JudgedFilm:
    """A grey film at 25 frames a second that is white at 1, 2 and 3 s."""
    pixels = np.full((count, 36, 64, 3), 60, np.uint8)
    pixels[[25, 50, 75]] = 240
    film = [(picture, Fraction(k, 25)) for k, picture in enumerate(pixels)]
    return JudgedFilm("flash", lambda: film, Fraction(count, 25), at(1, 2, 3))


def bright_moments(pictures: Iterable[TimedPicture], end_s: Fraction) -> FloatArray:
    return at(*(float(time_s) for picture, time_s in pictures if picture.mean() > 200))


def test_robustness_tells_which_damage_hurts() -> None:
    result = measure_robustness(
        bright_moments,
        [flashing(), flashing()],
        damages={name: DAMAGES[name] for name in ("blur", "noise", "darkness")},
    )
    assert result.clean.f1 == 1
    ratios = {(row.damage, row.level): row.ratio for row in result.rows}
    assert len(ratios) == 9
    assert all(ratios[name, level] == 1 for name in ("blur", "noise") for level in (1, 2, 3))
    assert all(ratios["darkness", level] == 0 for level in (1, 2, 3))
    assert result.worst.damage == "darkness"
    assert "darkness" in result.table()


def test_a_damage_measured_alone_gives_the_same_figure() -> None:
    damages = {name: DAMAGES[name] for name in ("dropped", "low_rate")}
    both = measure_robustness(bright_moments, [flashing()], damages=damages, levels=(3,))
    alone = measure_robustness(bright_moments, [flashing()], damages={"low_rate": DAMAGES["low_rate"]}, levels=(3,))
    assert both.rows[1] == alone.rows[0]


def test_films_are_damaged_at_their_own_size_and_keep_their_end() -> None:
    seen: list[tuple[tuple[int, ...], Fraction]] = []

    def look(pictures: Iterable[TimedPicture], end_s: Fraction) -> FloatArray:
        seen.append((next(iter(pictures))[0].shape, end_s))
        return at(1)

    measure_robustness(look, [flashing()], levels=(3,))
    assert set(seen) == {((36, 64, 3), Fraction(4))}
    assert len(seen) == 1 + len(DAMAGES)


def test_no_film_is_an_error() -> None:
    with pytest.raises(OptionError, match="no film"):
        measure_robustness(bright_moments, [])


@pytest.mark.thorough
def test_simulated_films_are_those_of_data_simulate() -> None:
    films = list(simulated_films([10_000_000, 10_000_001], ("hammer", "silent still")))
    assert [film.heard.scene for film in films if isinstance(film.heard, Truth)] == ["hammer", "silent still"]
    for film, seed in zip(films, (10_000_000, 10_000_001), strict=True):
        how = shooting(seed, 0.0)
        first, again = ([(picture.copy(), time_s) for picture, time_s in film.pictures()] for _ in range(2))
        assert all(picture.shape == (how.height, how.width, 3) for picture, _ in first)
        assert [time_s for _, time_s in first] == [time_s for _, time_s in again]
        assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
        assert isinstance(film.heard, Truth)
        assert first[-1][1] < film.heard.duration_s <= float(film.end_s) + 1e-3


def clips(folder: Path) -> Iterator[Path]:
    yield make_clip(folder / "click.mp4", [Fraction(k, 25) for k in range(50)], sound="click", click_s=1.0)
    yield make_clip(folder / "mute.mp4")


def test_real_films_are_judged_by_their_own_sound(tmp_path: Path) -> None:
    films = real_films(clips(tmp_path))
    film = next(films)
    assert isinstance(film.heard, np.ndarray)
    assert film.heard == pytest.approx([1.0], abs=0.02)
    assert film.score(at(1.03)).score.f1 == 1
    assert film.end_s == 2
    assert len(list(film.pictures())) == 50
    with pytest.raises(MediaError, match="no sound to compare"):
        next(films)
