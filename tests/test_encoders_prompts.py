"""Prompts as a text stream: every word is heard, the parts stand in order, rows have unit variance."""

import re
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.encoders.prompts import TOKENS, as_sounds, grouped, phrases, prompt_features
from phonofilm.encoders.sentences import WIDTH, SentenceEncoder


class Spelling:
    """A stand-in encoder: each text becomes its own unit vector, and the texts are kept."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        self.texts = list(sentences)
        return torch.eye(len(self.texts), 64)


@given(st.text(max_size=1000))
def test_no_word_is_lost(prompt: str) -> None:
    said = [word for word in re.findall(r"\w+", prompt) if word.lower() not in {"and", "with"}]
    heard = re.findall(r"\w+", " ".join(phrases(prompt)))
    assert [word for word in heard if word.lower() not in {"and", "with"}] == said


@given(st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), max_size=30), st.integers(1, 9))
def test_grouping_keeps_every_part_in_order(parts: list[str], groups: int) -> None:
    made = grouped(parts, groups)
    assert len(made) == min(groups, len(parts))
    assert ", ".join(made) == ", ".join(parts)


@given(st.text(min_size=1, max_size=200).filter(str.strip), st.integers(2, 12))
def test_rows_are_scaled(prompt: str, tokens: int) -> None:
    stream = prompt_features(prompt, Spelling(), tokens)
    assert stream is not None
    assert stream.shape == (tokens, 64)
    torch.testing.assert_close(stream.square().mean(dim=1), torch.ones(tokens))


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("rain", ("rain",)),
        ("rain on a tin roof, distant thunder", ("rain on a tin roof", "distant thunder")),
        ("a dog barking and panting; wind.", ("a dog barking", "panting", "wind")),
        ("a train with a whistle\nAND birds", ("a train", "a whistle", "birds")),
        ("rain, and thunder", ("rain", "thunder")),
        ("and", ("and",)),
        ("a crowd of 1,000 people, 2.5 s of silence", ("a crowd of 1,000 people", "2.5 s of silence")),
        ("bandits withdraw", ("bandits withdraw",)),
        ("a saw moves back and forth and stops", ("a saw moves back and forth", "stops")),
        ("steps up and down, knocking again and again", ("steps up and down", "knocking again and again")),
        (" , ;\n", (", ;",)),
        ("  \n ", ()),
        ("\U0001f436 a dog barks\ufe0f, rain\U0001f327\ufe0f on \U0001f3e0 roofs", ("a dog barks", "rain on roofs")),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 laughing", ("laughing",)),
        ("water at 20\u00b0", ("water at 20\u00b0",)),
    ],
)
def test_examples(prompt: str, parts: tuple[str, ...]) -> None:
    assert phrases(prompt) == parts


@given(st.lists(st.sampled_from(["rain", "tin,", "and", "roof.", "\u0915\u094d\u200d\u0937"]), min_size=1), st.data())
def test_the_kind_of_space_between_words_says_nothing(words: list[str], data: st.DataObject) -> None:
    spaces = data.draw(st.lists(st.text(" \t\n\r\u00a0", min_size=1), min_size=len(words), max_size=len(words)))
    spaced = "".join(word + space for word, space in zip(words, spaces, strict=True))
    assert phrases(spaced) == phrases(" ".join(words))


def test_a_place_is_its_ambience_and_what_is_heard_there_is_not() -> None:
    assert as_sounds(["forest", "a dark forest", "woods at night", "the village in the morning"]) == (
        "forest ambience",
        "a dark forest ambience",
        "woods at night ambience",
        "the village in the morning ambience",
    )
    others = ("birds in a forest", "forest fire", "a church bell", "footsteps in a hall", "rain", "force field")
    assert as_sounds(others) == others


def test_phrases_repeat_from_the_first() -> None:
    stream = prompt_features("rain, wind, sea", Spelling(), 8)
    assert stream is not None
    assert stream.argmax(dim=1).tolist() == [0, 1, 2, 0, 1, 2, 0, 1]


def test_an_empty_prompt_is_none() -> None:
    assert prompt_features("", Spelling()) is None
    assert prompt_features(" \n\t", Spelling()) is None


def test_with_the_real_encoder() -> None:
    stream = prompt_features("footsteps on concrete, traffic", SentenceEncoder.load())
    assert stream is not None
    assert stream.shape == (TOKENS, WIDTH)
    assert stream.dtype == torch.float32
    assert 0.98 < float(stream.std()) < 1.02
