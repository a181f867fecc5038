"""One prompt for everything: musical phrases to the score, the rest to the effects."""

import pytest

from phonofilm.errors import OptionError
from phonofilm.score.split import read_prompt
from score_requests import KnownSentences


@pytest.fixture(scope="module")
def encoder() -> KnownSentences:
    return KnownSentences()


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
