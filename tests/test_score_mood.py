"""Words to moods: styles by meaning, instruments by name, mode and tempo by what the words lean to."""

import pytest

from phonofilm.score.instruments import BY_NAME, INSTRUMENTS, wanted_instruments
from phonofilm.score.mood import read_mood
from phonofilm.score.styles import BY_STYLE, STYLES
from phonofilm.score.theory import BRIGHT_MODES
from score_requests import KnownSentences


@pytest.fixture(scope="module")
def encoder() -> KnownSentences:
    return KnownSentences()


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("someone is following her through a dark alley", "thriller"),
        ("demons in the attic", "horror"),
        ("whales glide through the blue deep", "wonder"),
        ("a clumsy kitten", "comedy"),
        ("helicopter pursuit with explosions", "action"),
        ("she weeps at his grave", "sad"),
        ("first kiss", "romance"),
        ("startup presentation", "documentary"),
        ("chillhop", "lo-fi"),
        ("rave", "electronic"),
        ("symphony", "orchestral"),
        ("campfire singalong", "solo guitar"),
        ("a pianist", "solo piano"),
        ("a drummer", "drums"),
        ("knights and dragons", "fantasy"),
        ("yoga", "ambient"),
        ("smoky bar with a saxophone", "jazz"),
        ("punk band", "rock"),
    ],
)
def test_words_that_are_on_no_list_find_their_style(words: str, style: str, encoder: KnownSentences) -> None:
    mood = read_mood(words, encoder)
    assert mood.style.name == style
    assert sum(weight for _, weight in mood.weights) == pytest.approx(1, abs=0.15)
    assert mood.weights[0][0] == style


def test_bright_and_dark_words_choose_the_mode(encoder: KnownSentences) -> None:
    for words, bright in (("sad piano", False), ("joyful piano", True)):
        assert {mode in BRIGHT_MODES for mode, _ in read_mood(words, encoder).modes} == {bright}


def test_slow_and_fast_narrow_the_tempo(encoder: KnownSentences) -> None:
    plain, slow, fast = (read_mood(f"{word}lofi hip hop", encoder).tempo for word in ("", "slow ", "fast "))
    assert slow.high_bpm < plain.high_bpm
    assert fast.low_bpm > plain.low_bpm


def test_words_for_growth_make_it_grow(encoder: KnownSentences) -> None:
    assert read_mood("sad strings, slow build", encoder).arc == "build"
    assert read_mood("sad strings", encoder).arc != "build"


def test_no_words_make_some_music(encoder: KnownSentences) -> None:
    assert read_mood("  ", encoder).style in STYLES


@pytest.mark.parametrize(
    ("words", "named", "forbidden", "alone"),
    [
        ("tense strings, slow build", ["strings"], [], False),
        ("solo cello", ["cello"], [], True),
        ("violin and piano", ["violin", "piano"], [], False),
        ("french horn", ["french horn"], [], False),
        ("electric guitar with drums", ["electric guitar", "drums"], [], False),
        ("happy tune without piano", [], ["piano"], False),
        ("no drums, harp", ["harp"], ["drums"], False),
        ("cello solo with orchestra", ["cello", "strings"], [], False),
        ("sharp, organic", [], [], False),
    ],
)
def test_instruments_are_found(words: str, named: list[str], forbidden: list[str], alone: bool) -> None:
    wanted = wanted_instruments(words)
    assert [one.name for one in wanted.named] == named
    assert [one.name for one in wanted.forbidden] == forbidden
    assert wanted.alone is alone


def test_tables_fit_together() -> None:
    assert len(BY_NAME) == len(INSTRUMENTS)
    assert len(BY_STYLE) == len(STYLES)
    for one in INSTRUMENTS:
        assert 0 <= one.low < one.high <= 127
        assert 0 <= one.programme <= 127
    for style in STYLES:
        assert any(layer.enters == 0 for layer in style.layers)
        for layer in style.layers:
            assert all(name in BY_NAME for name in layer.players)
