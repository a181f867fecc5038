"""Harmony: every symbol has a meaning, voices lead well, pieces come home."""

from itertools import pairwise

import numpy as np
import pytest

from phonofilm.score.form import BarPlan
from phonofilm.score.harmony import HIGHEST, LOWEST, chords_of, lead
from phonofilm.score.progressions import PROGRESSIONS
from phonofilm.score.styles import STYLES
from phonofilm.score.theory import MODES, chord, fitted_scale, scale

NAMES = sorted(PROGRESSIONS)


def loop_of(name: str) -> list[str]:
    wanted = PROGRESSIONS[name]
    return [symbol for loop in (*wanted.main, *wanted.contrast) for symbol in loop] + [*wanted.cadence, wanted.last]


@pytest.mark.parametrize(
    ("symbol", "notes"),
    [
        ("I", (0, 4, 7)),
        ("i", (0, 3, 7)),
        ("V7", (7, 11, 2, 5)),
        ("bVI", (8, 0, 3)),
        ("ii9", (2, 5, 9, 0, 4)),
        ("iih7", (2, 5, 8, 0)),
        ("#ivo7", (6, 9, 0, 3)),
        ("Vsus4", (7, 0, 2)),
        ("i9", (0, 3, 7, 10, 2)),
    ],
)
def test_symbols_mean_their_notes(symbol: str, notes: tuple[int, ...]) -> None:
    assert chord(symbol, 0).notes == notes
    assert chord(symbol, 5).notes == tuple((note + 5) % 12 for note in notes)


def test_modes_and_progressions_of_all_styles_exist() -> None:
    for style in STYLES:
        for mode, name in style.modes:
            assert mode in MODES
            assert name in PROGRESSIONS


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_bent_to_a_chord_holds_it(name: str) -> None:
    for symbol in loop_of(name):
        for mode in MODES:
            assert set(chord(symbol, 3).notes) <= set(fitted_scale(3, mode, chord(symbol, 3)))
    assert fitted_scale(0, "major", chord("I", 0)) == scale(0, "major")


@pytest.mark.parametrize("name", NAMES)
def test_voices_lead_well(name: str) -> None:
    chords = [chord(symbol, 2) for symbol in loop_of(name)]
    harmonies = lead(chords, 2)
    parallels, steps = 0, []
    for one, other in pairwise(harmonies):
        for low in range(4):
            for high in range(low + 1, 4):
                before, after = one.voices[high] - one.voices[low], other.voices[high] - other.voices[low]
                moved = one.voices[low] != other.voices[low]
                same_way = (other.voices[low] - one.voices[low]) * (other.voices[high] - one.voices[high]) > 0
                parallels += moved and same_way and before % 12 == after % 12 and before % 12 in (0, 7)
        steps += [abs(a - b) for a, b in zip(one.upper, other.upper, strict=True)]
    assert parallels == 0
    assert np.mean(steps) < 2
    for harmony in harmonies:
        assert LOWEST <= harmony.upper[0] < harmony.upper[1] < harmony.upper[2] <= HIGHEST
        assert harmony.bass < harmony.upper[0]
        assert harmony.bass % 12 == harmony.chord.root
        # The third (or what is suspended in its place) is there.
        assert harmony.chord.notes[1] in {pitch % 12 for pitch in harmony.upper}


def test_a_piece_ends_with_the_cadence_of_its_style() -> None:
    wanted = PROGRESSIONS["classical"]
    plans = [BarPlan("statement", bar, 8, "A", 0.5, None, False) for bar in range(8)]
    chords = chords_of(plans, wanted, 0, 1, np.random.default_rng(0))
    assert [each.symbol for each in chords[-3:]] == ["ii7", "V7", "I"]
    assert len(chords) == 9
