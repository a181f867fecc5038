"""One prompt for everything: musical phrases to the score, the rest to the effects."""

import csv
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.errors import OptionError
from phonofilm.score.split import read_prompt
from score_requests import KnownSentences


@cache
def known() -> KnownSentences:
    return KnownSentences()


@pytest.fixture(scope="module")
def encoder() -> KnownSentences:
    return known()


MUSICAL = (
    "thriller",
    "horror movie",
    "music",
    "tension",
    "film noir",
    "melancholy",
    "choir",
    "a person playing guitar",
    "someone plays the flute",
    "synthwave",
    "romantic",
    "slow build",
    "marching band",
    "strings",
    "heavy metal",
    "uplifting",
)
AUDIBLE = (
    "footsteps on concrete",
    "rain",
    "guitar string breaks",
    "wind",
    "dog barking",
    "a cello case falls",
    "train horn",
    "church bell ringing",
    "marine life",
    "ocean",
    "typing",
    "scream",
    "crowd cheering",
    "jellyfish pulsating underwater",
    "cutting vegetables",
    "a man falls off a piano stool",
)


@pytest.mark.parametrize("phrase", MUSICAL)
def test_musical_phrases_go_to_the_music(phrase: str, encoder: KnownSentences) -> None:
    reading = read_prompt(phrase, "", encoder)
    assert (reading.music, reading.effects) == ((phrase,), ())


@pytest.mark.parametrize("phrase", AUDIBLE)
def test_audible_phrases_go_to_the_effects(phrase: str, encoder: KnownSentences) -> None:
    reading = read_prompt(phrase, "", encoder)
    assert (reading.music, reading.effects) == ((), (phrase,))


def test_the_prompt_of_the_announcement(encoder: KnownSentences) -> None:
    prompt = "movie, thriller, horror movie, music, tension, atmosphere, footsteps on concrete"
    reading = read_prompt(prompt, "", encoder)
    assert reading.music == ("movie", "thriller", "horror movie", "music", "tension")
    assert reading.effects == ("atmosphere", "footsteps on concrete")
    assert reading.music_words == "movie, thriller, horror movie, music, tension"


def test_a_phrase_of_both_is_parted(encoder: KnownSentences) -> None:
    reading = read_prompt("a man walks through the rain while tense strings play", "", encoder)
    assert reading.music == ("tense strings play",)
    assert reading.effects == ("a man walks through the rain",)
    assert read_prompt("violin and piano", "", encoder).music == ("violin and piano",)


def test_music_can_be_forbidden(encoder: KnownSentences) -> None:
    for reading in (
        read_prompt("rain, thriller", "none", encoder),
        read_prompt("no music, rain, thriller", "", encoder),
    ):
        assert reading.forbidden
        assert reading.music == ()
        assert reading.music_words == ""
        assert reading.effects == ("rain",)


def test_words_for_the_music_are_not_judged(encoder: KnownSentences) -> None:
    reading = read_prompt("rain, sad", "footsteps, slow build", encoder)
    assert reading.music == ("footsteps", "slow build", "sad")
    assert reading.effects == ("rain",)


def test_nothing_asked_is_nothing_read(encoder: KnownSentences) -> None:
    reading = read_prompt("", "", encoder)
    assert (reading.music, reading.effects, reading.forbidden) == ((), (), False)


def test_none_and_some_music_together_are_refused(encoder: KnownSentences) -> None:
    with pytest.raises(OptionError, match="forbids music and asks for some"):
        read_prompt("rain", "none, strings", encoder)


PROMPTS = Path(__file__).parent / "data" / "prompts.tsv"
"""Labelled by hand: what of a prompt is for the music, what for the effects. The rules were written with the tuning
half in view; the held-out half was written at the same time and first tried when they stood (2 of 146 missed, one of
which is mended since); `later` came after them (8 of 158 missed at first, six of which are mended).
"""
ALLOWED_SHARE = 0.02
EFFECTS = ("rain", "church bells", "footsteps on gravel", "singing birds", "Regen", "дождь", "a piano falls")
REFUSALS = (
    "no music please",
    "without any music",
    "but no music",
    "No Music!",
    "(no background music)",
    "don't add music",
    "sans musique",
    "ohne Musik",
    "sin música",
    "без музыки",
    "音楽なし",
)
UNKNOWN_SCRIPTS = st.text(
    st.sampled_from("абвгдежзиклмнопрстαβγδεζηθικλμνξοπラリルレロ雨風雷水木파도비हवपनमطرحسب "), min_size=1
)


def labelled() -> list[dict[str, str]]:
    with PROMPTS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.thorough
def test_prompts_are_read_as_they_are_labelled(encoder: KnownSentences) -> None:
    asked, wrong = Counter[str](), Counter[str]()
    missed = []
    for row in labelled():
        reading = read_prompt(row["prompt"], "", encoder)
        asked[row["half"]] += 1
        said = (reading.music_words, reading.effects_words, reading.forbidden)
        if said != (row["music"], row["effects"], row["kind"] == "forbidden"):
            wrong[row["half"]] += 1
            missed.append((row["prompt"], said))
    assert sum(asked.values()) > 450
    assert wrong["tuning"] == 0, missed
    assert all(wrong[half] <= ALLOWED_SHARE * count for half, count in asked.items()), missed


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_refusal_of_music_is_understood_before_and_behind(effect: str, refusal: str, encoder: KnownSentences) -> None:
    for prompt in (f"{effect}, {refusal}", f"{effect}. {refusal}", f"{refusal}, {effect}", f"{refusal}: {effect}"):
        for text in (prompt, unicodedata.normalize("NFD", prompt)):
            reading = read_prompt(text, "", encoder)
            assert (reading.music, reading.effects, reading.forbidden) == ((), (effect,), True), text


@settings(max_examples=40, deadline=None)
@given(UNKNOWN_SCRIPTS)
def test_what_the_encoder_cannot_read_is_no_music(words: str) -> None:
    reading = read_prompt(words, "", known())
    assert reading.music == ()
    assert not reading.forbidden


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from((*MUSICAL, *AUDIBLE, "church bells", "wind chimes")), min_size=1, unique=True))
def test_each_phrase_goes_one_way_whatever_stands_beside_it(phrases: list[str]) -> None:
    reading = read_prompt(", ".join(phrases), "", known())
    assert reading.music == tuple(phrase for phrase in phrases if phrase in MUSICAL)
    assert reading.effects == tuple(phrase for phrase in phrases if phrase not in MUSICAL)


@pytest.mark.parametrize(
    "prompt", ["music without drums", "beat without melody", "jazz, no vocals", "not too loud music"]
)
def test_what_music_shall_be_without_does_not_forbid_it(prompt: str, encoder: KnownSentences) -> None:
    reading = read_prompt(prompt, "", encoder)
    assert not reading.forbidden
    assert reading.music


def test_bells_belong_to_the_music_that_they_play_in(encoder: KnownSentences) -> None:
    assert read_prompt("music with church bells", "", encoder).music == ("music with church bells",)
    assert read_prompt("music with a car horn", "", encoder).effects == ("a car horn",)
    assert read_prompt("bells playing a melody", "", encoder).effects == ()
