"""An instrument that is seen is played when it is struck: no note without a stroke, no stroke without a note."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.score.instruments import BY_NAME
from phonofilm.score.midi import midi_bytes
from phonofilm.score.mood import Mood, read_mood
from phonofilm.score.played import STRINGS, STRUM_S, Stroke, can_follow, instrument_in, play_along
from phonofilm.score.render import render
from phonofilm.score.theory import MODES, NAMES, scale
from score_requests import KnownSentences

GUITAR, DRUMS, HARP = BY_NAME["steel guitar"], BY_NAME["drums"], BY_NAME["harp"]
SECONDS = Fraction(12)


@pytest.fixture(scope="module")
def mood() -> Mood:
    return read_mood("solo steel guitar", KnownSentences())


def strokes_at(times_s: list[float], strength: float = 0.5, place: float = 0.0) -> list[Stroke]:
    return [Stroke(time_s, strength, place) for time_s in times_s]


times = st.lists(st.integers(0, 235), min_size=2, max_size=40, unique=True).map(
    lambda ticks: [tick / 20 for tick in sorted(ticks)]
)


@settings(max_examples=40)
@given(times_s=times, strength=st.floats(0, 1), seed=st.integers(0, 50), player=st.sampled_from([GUITAR, HARP, DRUMS]))
def test_every_note_begins_with_a_stroke_and_every_stroke_with_a_note(
    mood: Mood, times_s: list[float], strength: float, seed: int, player: object
) -> None:
    instrument = player
    score = play_along(instrument, strokes_at(times_s, strength), SECONDS, mood, seed)  # type: ignore[arg-type]
    (part,) = score.parts
    starts_s = [note.start_s for note in part.notes]
    for time_s in times_s:
        assert min(abs(start_s - time_s) for start_s in starts_s) < 1e-9
    for start_s in starts_s:
        assert any(-1e-9 <= start_s - time_s <= STRINGS * STRUM_S for time_s in times_s)
    for note in part.notes:
        assert 0 <= note.start_s < note.end_s <= float(SECONDS)
        assert part.drums or GUITAR.low <= note.pitch or note.pitch >= HARP.low
        assert 1 <= note.velocity <= 127


def test_harder_strokes_are_louder_and_places_are_kept(mood: Mood) -> None:
    soft = play_along(GUITAR, strokes_at([1, 2, 3], 0.2, -0.5), SECONDS, mood, 0).parts[0]
    hard = play_along(GUITAR, strokes_at([1, 3, 5], 0.9, 0.5), SECONDS, mood, 0).parts[0]
    assert max(note.velocity for note in soft.notes) < min(note.velocity for note in hard.notes)
    assert soft.place == -0.5
    assert hard.place == 0.5
    assert len(hard.notes) == 3 * STRINGS  # hard strokes with rests between them are strummed


def test_drums_are_told_apart_by_place(mood: Mood) -> None:
    strokes = [Stroke(1, 0.3, -0.8), Stroke(2, 0.3, 0.0), Stroke(3, 0.3, 0.8), Stroke(4, 0.3, 0.0)]
    pitches = [note.pitch for note in play_along(DRUMS, strokes, SECONDS, mood, 0).parts[0].notes]
    assert len(set(pitches)) == 4


def test_chords_belong_to_the_key_and_takes_differ(mood: Mood) -> None:
    strokes = strokes_at([index * 0.4 for index in range(28)])
    pieces = [play_along(GUITAR, strokes, SECONDS, mood, seed) for seed in range(6)]
    assert len({tuple(note.pitch for note in piece.parts[0].notes) for piece in pieces}) > 3
    again = play_along(GUITAR, strokes, SECONDS, mood, 3)
    assert again.parts == pieces[3].parts
    for piece in pieces:
        assert len(piece.chords) > 4
        inside = scale(NAMES.index(piece.key), piece.mode)
        pitches = [note.pitch % 12 for note in piece.parts[0].notes]
        assert piece.mode in MODES
        assert np.mean([pitch in inside for pitch in pitches]) > 0.8


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("an acoustic guitar strummed", "steel guitar"),
        ("a piano playing", "piano"),
        ("drums playing", "drums"),
        ("a violin playing", "violin"),
        ("a dog barking", None),
        ("", None),
    ],
)
def test_what_is_seen_names_its_player(label: str, name: str | None) -> None:
    found = instrument_in(label)
    assert (found.name if found else None) == name


def test_bowed_instruments_and_resting_hands_are_not_followed() -> None:
    many = strokes_at([float(time_s) for time_s in range(12)])
    assert can_follow(GUITAR, many, SECONDS)
    assert not can_follow(BY_NAME["violin"], many, SECONDS)
    assert not can_follow(GUITAR, many[:2], SECONDS)


def test_it_sounds_when_it_is_struck(mood: Mood) -> None:
    pytest.importorskip("pretty_midi")
    times_s = [1.0, 2.3, 4.1, 7.7]
    score = play_along(GUITAR, strokes_at(times_s, 0.9), SECONDS, mood, 0)
    sound = render(score, 22_050).samples.mean(0)
    assert np.abs(sound[: round(0.98 * 22_050)]).max() < 1e-3
    power = np.convolve(sound**2, np.ones(220) / 220, "same")
    for time_s in times_s:
        at = round(time_s * 22_050)
        assert power[at : at + 2205].max() > 2 * power[max(0, at - 1100) : at - 300].max()
    assert midi_bytes(score)[:4] == b"MThd"
