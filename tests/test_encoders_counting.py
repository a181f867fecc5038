"""How often words say that a thing is heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.encoders.counting import MOST_HITS, NUMERALS, Count, count_of


@pytest.mark.parametrize(
    ("phrase", "hits"),
    [
        ("two gunshots", 2),
        ("Three loud knocks on a door", 3),
        ("a dog barks twice", 2),
        ("the bell rings five times", 5),
        ("12 drum hits", 12),
        ("a single gunshot", 1),
        ("one hand clap", 1),
        ("a door slams once", 1),
        ("knocking three times", 3),
    ],
)
def test_numbers_are_read(phrase: str, hits: int) -> None:
    assert count_of(phrase) == Count(hits)


@pytest.mark.parametrize(
    "phrase",
    [
        "a gunshot",
        "An explosion far away.",
        "a knock on the doors",
        "a loud bang",
        "a glass of beer",
        "a door slams",
        "the glass breaks",
        "someone sneezes",
        "a string snaps",
    ],
)
def test_one_thing_is_one_sound(phrase: str) -> None:
    assert count_of(phrase) == Count(once=True)


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "gunshot",
        "gunshots",
        "a clock ticks",
        "a man chops wood",
        "the vibraphone plays a melody",
        "footsteps",
        "a dog barking",
        "two men hammering on metal",
        "a series of knocks",
        "a few gunshots",
        "the clock ticks steadily",
        "9 mm gunshots",
        "five seconds of knocks",
        "hammer on a metal anvil",
        "a hundred and 99 knocks",
        "one of the dogs barks",
        "0 knocks",
        "knocks, again and again",
    ],
)
def test_what_says_no_number_gives_none(phrase: str) -> None:
    assert count_of(phrase) == Count()


@given(st.text(max_size=60))
def test_any_words_are_understood(phrase: str) -> None:
    count = count_of(phrase)
    assert count.hits is None or (1 <= count.hits <= MOST_HITS and not count.once)
    assert count_of(phrase.upper()) == count_of(phrase.upper().lower())


@given(st.integers(1, 12), st.sampled_from(["gunshots", "door knocks", "barks"]))
def test_numerals_and_digits_mean_the_same(number: int, noun: str) -> None:
    if number > 1:
        assert count_of(f"{NUMERALS[number - 1]} {noun}") == count_of(f"{number} {noun}") == Count(number)


@pytest.mark.parametrize("phrase", ["a mouse click", "UI click", "single footstep on wood", "a beep", "button click"])
def test_what_a_moment_is_called_is_one(phrase: str) -> None:
    assert count_of(phrase) == Count(1)
    assert count_of(f"{phrase}s" if " on " not in phrase else "footsteps on wood").hits is None
