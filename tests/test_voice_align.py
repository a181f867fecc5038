# ruff: noqa: RUF001 - speech sounds are written in the phonetic alphabet
"""Placing and fitting: inside the clip, in order, nobody over themselves, bounds kept, closures where lips meet."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.errors import InputError, OptionError
from phonofilm.voice.align import align_script
from phonofilm.voice.dialogue import make_dialogue
from phonofilm.voice.fit import QUICKEST, SLOWEST, fit_line, place_line, units_of
from phonofilm.voice.place import place_lines
from phonofilm.voice.script import Line, Script, parse_script
from phonofilm.voice.speak import Mark, Spoken
from phonofilm.voice.visemes import is_shut, is_vowel, opening
from voice_parts import LetterVoice, clip_of, mouth_of, talking

VOICE = LetterVoice()
VOICES = {"A": "low", "B": "high", "": "middle"}
TEXT = "mama ape papa boat"


def voiced(script: Script) -> list[str]:
    """The voice of each line."""
    return [VOICES[line.speaker] for line in script.lines]


def test_lips_of_speech_sounds() -> None:
    assert [opening(symbol) for symbol in ("p", "b", "m", "mˈ")] == [0, 0, 0, 0]
    assert opening("ɑː") == opening("aɪ") == 1
    assert 0 < opening("f") < opening("s") < opening("ɛ") < 1
    assert opening("") < 0.1
    assert is_vowel("uː")
    assert not is_vowel("t")
    assert is_shut("m")
    assert not is_shut("")


@given(st.text("abmpsteo ", min_size=1, max_size=20).filter(str.strip), st.floats(0.6, 1.6))
@settings(max_examples=40)
def test_units_last_as_long_as_the_line(text: str, rate: float) -> None:
    spoken = VOICE.speak(text, "low", rate)
    units = units_of(spoken)
    assert sum(unit.natural_s for unit in units) == pytest.approx(spoken.duration_s, abs=1e-6)
    assert all(unit.natural_s > 0 for unit in units)


@given(st.integers(0, 10_000), st.floats(0.2, 1.5), st.floats(0.7, 1.5))
@settings(max_examples=30)
def test_stretching_stays_within_bounds_and_room(seed: int, begin_s: float, length: float) -> None:
    random = np.random.default_rng(seed)
    times = np.arange(0, 4, 0.04)
    mouth = mouth_of(times, random.uniform(0, 1, len(times)), np.ones(len(times)))
    spoken = VOICE.speak(TEXT, "low", 1.0)
    end_s = begin_s + length * spoken.duration_s
    fitted = fit_line(spoken, mouth, begin_s, end_s, 0.1, 3.9)
    assert fitted.begin_s >= 0.1 - 1e-6
    assert fitted.end_s <= 3.9 + 1e-6
    slopes = np.diff(fitted.to_s) / np.diff(fitted.from_s)
    assert slopes.min() >= QUICKEST - 0.01
    assert slopes.max() <= SLOWEST + 0.01


def test_closures_meet_closed_lips() -> None:
    """The mouth says the line with one vowel longer; the fit finds the closure after it."""
    spoken = VOICE.speak("sasa pasa", "low", 1.0)
    truth, clock_s, marks = [], 0.6, []
    for mark in spoken.phonemes:
        length_s = (mark.end_s - mark.start_s) * (1.3 if len(marks) == 1 else 1.0)
        marks.append((clock_s, clock_s + length_s, mark.text))
        clock_s += length_s
    times = np.arange(0, 3, 0.04)
    for time in times + 0.02:
        heard = [symbol for begin, end, symbol in marks if begin <= time < end]
        truth.append(opening(heard[0]) if heard else 0.05)
    mouth = mouth_of(times, np.array(truth), np.ones(len(times)))
    fitted = fit_line(spoken, mouth, 0.6, clock_s, 0.0, 3.0)
    assert fitted.stretched
    assert fitted.fit is not None
    assert fitted.fit > 0.7
    closure_s = next(mark.start_s for mark in spoken.phonemes if mark.text == "p")
    expected_s = next(begin for begin, _, symbol in marks if symbol == "p")
    assert np.interp(closure_s, fitted.from_s, fitted.to_s) == pytest.approx(expected_s, abs=0.04)


def test_a_mouth_that_says_something_else_is_not_followed() -> None:
    times = np.arange(0, 3, 0.04)
    spoken = VOICE.speak("aaaa mmmm aaaa mmmm", "low", 1.0)
    wrong = [
        1 - opening(next((m.text for m in spoken.phonemes if m.start_s <= t - 0.5 < m.end_s), "")) for t in times + 0.02
    ]
    mouth = mouth_of(times, np.array(wrong), np.ones(len(times)))
    fitted = fit_line(spoken, mouth, 0.5, 0.5 + spoken.duration_s, 0.0, 3.0)
    assert not fitted.stretched
    assert fitted.fit is not None
    assert fitted.fit < 0.2
    assert fitted.end_s - fitted.begin_s == pytest.approx(spoken.duration_s)


def test_too_long_a_line_is_pressed_into_its_room() -> None:
    fitted = place_line(VOICE.speak(TEXT, "low", 1.0), 0.5, 0.2, 0.7)
    assert (fitted.begin_s, fitted.end_s) == (0.2, 0.7)


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from(("mama", "papa boat", "see you"))), min_size=1, max_size=5
    ),
    st.lists(st.floats(0, 9), min_size=0, max_size=3),
    st.booleans(),
    st.integers(0, 99),
)
@settings(max_examples=25)
def test_lines_stay_in_the_clip_in_order_and_apart(
    said: list[tuple[str, str]], starts: list[float], timed: bool, seed: int
) -> None:
    duration_s = 10.0
    mouths = [talking(duration_s, [(start, start + 1)], place=0.1 * k) for k, start in enumerate(starts)]
    times = [(2.0 * k, 2.0 * k + 1.5) if timed and k % 2 else (None, None) for k in range(len(said))]
    lines = tuple(
        Line(name, text, *time, number) for number, ((name, text), time) in enumerate(zip(said, times, strict=True), 1)
    )
    spoken, notes = align_script(Script(lines, ()), voiced(Script(lines, ())), mouths, VOICE, duration_s, seed)
    assert [one.line for one in spoken] == list(lines)
    for one in spoken:
        assert one.start_s >= -1e-6
        assert one.end_s <= duration_s + 1e-6
        assert len(one.samples) == pytest.approx((one.end_s - one.start_s) * one.rate_hz, abs=2)
        assert one.mouth is not None or one.fit is None
        assert all(one.start_s - 1e-6 <= word.start_s <= word.end_s <= one.end_s + 1e-6 for word in one.words)
        if not one.fitted:
            assert any(note.startswith(f"line {one.line.number}:") for note in notes)
    for name in "AB":
        own = [one for one in spoken if one.line.speaker == name]
        assert all(before.end_s <= after.start_s + 1e-6 for before, after in itertools.pairwise(own))


def test_lines_without_times_go_where_mouths_move() -> None:
    mouth = talking(6.0, [(1.0, 2.1), (3.5, 4.6)])
    script = parse_script("A: papa mama boat\nA: see you soon", "test")
    spoken, notes = align_script(script, voiced(script), [mouth], VOICE, 6.0, 0)
    assert spoken[0].start_s == pytest.approx(1.0, abs=0.25)
    assert spoken[1].start_s == pytest.approx(3.5, abs=0.25)
    assert not any("no mouth moves" in note for note in notes)


def test_two_speakers_get_the_mouths_that_move_in_their_turn() -> None:
    left, right = talking(6.0, [(0.5, 1.6)], place=-0.5), talking(6.0, [(3.0, 4.1)], place=0.5)
    script = parse_script("A: papa mama boat\nB: mama papa boat", "test")
    spoken, _ = align_script(script, voiced(script), [right, left], VOICE, 6.0, 0)
    assert [one.place for one in spoken] == [-0.5, 0.5]


def test_given_times_are_kept_and_met() -> None:
    mouth = talking(6.0, [(2.2, 3.3)])
    script = parse_script("2.0-3.5 A: papa mama boat", "test")
    spans = place_lines(script.lines, [1.1], [mouth], 6.0)
    assert spans[0].begin_s == pytest.approx(2.2, abs=0.13)
    assert place_lines(script.lines, [1.1], [], 6.0)[0].begin_s == pytest.approx(2.0, abs=0.05)


def test_where_no_face_is_seen_lines_follow_each_other() -> None:
    script = parse_script("A: papa\nB: mama", "test")
    spoken, notes = align_script(script, voiced(script), [], VOICE, 8.0, 0)
    assert spoken[0].start_s < 0.1
    assert spoken[1].start_s - spoken[0].end_s < 0.3
    assert sum("no face is seen" in note for note in notes) == 2


def test_too_many_words_for_the_clip_are_an_error() -> None:
    script = parse_script("A: papa mama boat\nA: papa mama boat", "t")
    with pytest.raises(InputError, match="take at least"):
        align_script(script, voiced(script), [], VOICE, 1.0, 0)


def test_a_silent_face_is_said_and_not_stretched_to() -> None:
    script = parse_script("A: papa mama boat", "test")
    spoken, notes = align_script(script, voiced(script), [talking(4.0, [])], VOICE, 4.0, 0)
    assert spoken[0].mouth is None
    assert not spoken[0].fitted
    assert any("no mouth moves" in note for note in notes)


def test_dialogue_is_as_long_as_the_clip_and_sounds_where_it_says() -> None:
    clip = clip_of(3.337)
    script = parse_script("A: papa mama\nB: see you", "test")
    mouths = [talking(3.3, [(0.5, 1.3)]), talking(3.3, [(1.8, 2.4)])]
    one = make_dialogue(script, clip, mouths, VOICE, 44_100, 3, {"b": "middle"})
    assert one.stem.samples.shape == (1, round(3.337 * 44_100))
    assert one.voices == {"A": "low", "B": "middle"}
    again = make_dialogue(script, clip, mouths, VOICE, 44_100, 3, {"b": "middle"})
    np.testing.assert_array_equal(one.stem.samples, again.stem.samples)
    times = np.arange(one.stem.samples.shape[1]) / 44_100
    spoken = np.zeros(len(times), bool)
    for line in one.lines:
        inside = (times >= line.start_s) & (times <= line.end_s)
        assert np.abs(one.stem.samples[0, inside]).max() > 0.05
        spoken |= (times >= line.start_s - 0.01) & (times <= line.end_s + 0.01)
    assert np.abs(one.stem.samples[0, ~spoken]).max() < 1e-3
    with pytest.raises(OptionError, match="no line is spoken by"):
        make_dialogue(script, clip, mouths, VOICE, 44_100, 3, {"C": "low"})


def test_a_pause_between_sentences_may_give_most() -> None:
    spoken = VOICE.speak("mama papa", "low", 1.0)
    cut = spoken.words[0].end_s
    later = tuple(
        Mark(
            mark.text,
            mark.start_s + 0.2 * (mark.start_s >= cut - 1e-9),
            mark.end_s + 0.2 * (mark.start_s >= cut - 1e-9),
        )
        for mark in spoken.phonemes
    )
    samples = np.concatenate([spoken.samples, np.zeros(round(0.2 * spoken.rate_hz), np.float32)])
    units = units_of(Spoken(samples, spoken.rate_hz, (), later))
    assert max(unit.slowest for unit in units) == 3.0
