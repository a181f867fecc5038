# ruff: noqa: RUF001 - these letters are the point
"""Lines in scripts that English is not written in: told by their letters, read by a voice of their language."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.voice.dialogue import make_dialogue
from phonofilm.voice.engines import load_engine
from phonofilm.voice.languages import WRITINGS, languages_of, script_of, voices_of_lines
from phonofilm.voice.script import Line, parse_script
from phonofilm.voice.speak import VoiceEngine
from voice_parts import LetterVoice, clip_of

GREETINGS = {
    "ru": "Привет, как дела?",
    "uk": "Привіт, як справи?",
    "el": "Γεια σου, τι κάνεις;",
    "ar": "مرحبا كيف حالك",
    "fa": "چطوری پدر",
    "he": "שלום מה שלומך",
    "cmn": "你好，你怎么样？",
    "ja": "元気ですか",
    "ko": "안녕하세요 반갑습니다",
    "hi": "नमस्ते आप कैसे हैं",
    "th": "สวัสดีครับ",
}


@pytest.fixture(scope="module")
def espeak() -> VoiceEngine:
    pytest.importorskip("espeakng_loader")
    return load_engine("espeak", Path())


def lines_of(*said: tuple[str, str]) -> list[Line]:
    return [Line(name, text, None, None, number) for number, (name, text) in enumerate(said, 1)]


@given(st.text())
def test_what_has_no_letters_of_another_script_is_left_alone(text: str) -> None:
    assert languages_of([text.encode("ascii", "ignore").decode()]) == [""]
    script = script_of(text)
    assert (languages_of([text]) == [""]) == (script == "")
    assert script_of("".join(letter for letter in text if not letter.isalpha())) == ""


@given(st.sampled_from(sorted(GREETINGS)), st.sampled_from(["", "?!", " 12", " OK"]))
def test_the_letters_tell_the_language(language: str, tail: str) -> None:
    assert languages_of([GREETINGS[language] + tail]) == [language]


def test_one_line_helps_another_and_most_letters_count() -> None:
    assert languages_of(["Так", "Привіт"]) == ["uk", "uk"]
    assert languages_of(["東京", "ありがとう"]) == ["ja", "ja"]
    assert languages_of(["东京", "Where is Москва?", "Wo ist André?"]) == ["cmn", "", ""]


def test_every_language_is_one_that_espeak_has(espeak: VoiceEngine) -> None:
    for writing in WRITINGS.values():
        read = (writing.usual, *(language for _, language in writing.others))
        assert [language for language in read if not espeak.knows(f"{language}+f2")] == []


def test_nobody_is_spelled_who_did_not_choose_it(espeak: VoiceEngine) -> None:
    lines = lines_of(("ANNA", "Hello"), ("ANNA", GREETINGS["ru"]), ("", GREETINGS["ru"]))
    voices, notes = voices_of_lines(lines, {"ANNA": "m3", "": "f2"}, (), espeak)
    assert voices == ["m3", "ru+m3", "ru+f2"]
    assert len(notes) == 2
    assert "voices 'ANNA=LANGUAGE+f2'" in notes[0]
    assert "voices '=LANGUAGE+f2'" in notes[1]


@pytest.mark.parametrize(("voice", "warned"), [("f2", True), ("fr+f2", True), ("ru-LV+f2", False), ("bg+m3", False)])
def test_a_chosen_voice_is_kept_and_warned_of_where_it_does_not_fit(
    espeak: VoiceEngine, voice: str, warned: bool
) -> None:
    voices, notes = voices_of_lines(lines_of(("ANNA", GREETINGS["ru"])), {"ANNA": voice}, {"ANNA"}, espeak)
    assert voices == [voice]
    assert [("voices 'ANNA=ru+f2'" in note) for note in notes] == [True] * warned


def test_an_engine_without_the_language_says_so() -> None:
    voices, notes = voices_of_lines(lines_of(("A", GREETINGS["ru"])), {"A": "low"}, (), LetterVoice())
    assert voices == ["low"]
    assert "letters has no voice for Cyrillic letters" in notes[0]


def test_kanji_are_said_to_be_unread(espeak: VoiceEngine) -> None:
    _, notes = voices_of_lines(lines_of(("A", GREETINGS["ja"])), {"A": "m3"}, (), espeak)
    assert any("no kanji" in note for note in notes)


def test_russian_is_spoken_and_not_spelled(espeak: VoiceEngine) -> None:
    script = parse_script(f"0.5-3 ANNA: {GREETINGS['ru']} John", "test")
    made = make_dialogue(script, clip_of(4.0), (), espeak, 44_100, 0, {})
    (line,) = made.lines
    assert line.voice == "ru+m3"
    assert [word.text.strip(",?") for word in line.words] == ["Привет", "как", "дела", "John"]
    assert line.end_s - line.start_s < 2.5
    assert not any("(" in mark.text for mark in espeak.speak("Привет John", "ru+m3", 1.0).phonemes)
    spelled = make_dialogue(script, clip_of(9.0), (), espeak, 44_100, 0, {"anna": "m3"})
    assert any("does not read them" in note for note in spelled.notes)
