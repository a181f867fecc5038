"""Thirty labels: they are the classes that recordings are sorted into, and sentences are ranked as they should be."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from phonofilm.codec.listener import SENTENCE_WIDTH, Listener, ListenerConfig
from phonofilm.data.manifest import Recording
from phonofilm.data.sound_classes import BY_CATEGORY, OTHERS, RULES, TEN, THIRTY, classes_of
from phonofilm.errors import ModelError
from phonofilm.evaluate.labels import LABELS, likeness, text_agreement
from phonofilm.evaluate.meaning import PROMPTS
from phonofilm.types import Waveform


class Places(Listener):
    """A listener for which sound n and sentence n lie at the n-th corner."""

    def __init__(self, words: int = 8) -> None:
        super().__init__(ListenerConfig(("a",), 64, 1, (1,), 1, 0.0, 7.0, 215, words))

    def embed(self, wave: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(wave[:, 0].long(), 8).float()

    def place_sounds(self, embedding: torch.Tensor) -> torch.Tensor:
        return embedding

    def place_sentences(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors[:, :8]


def encode(sentences: Sequence[str]) -> torch.Tensor:
    vectors = torch.zeros(len(sentences), SENTENCE_WIDTH)
    vectors[torch.arange(len(sentences)), torch.tensor([int(sentence) for sentence in sentences])] = 1
    return vectors


def sound(number: int) -> Waveform:
    return Waveform(np.full((1, 10), number, np.float32), 44_100)


def recording(label: str, category: str) -> Recording:
    return Recording(Path(label), label, label, category, 1, label)


def test_there_are_thirty_and_the_ten_are_among_them() -> None:
    assert len(LABELS) == len(set(LABELS.values())) == 30
    assert tuple(LABELS.values()) == THIRTY
    assert tuple(PROMPTS.values()) == TEN
    assert not set(THIRTY) & set(OTHERS)


def test_rules_name_known_classes_only() -> None:
    known = {*THIRTY, *OTHERS}
    assert {name for _, _, names in RULES for name in names} | set(BY_CATEGORY.values()) == known


@pytest.mark.parametrize(
    ("label", "category", "classes"),
    [
        ("dog bark", "animals", ("dog",)),
        ("rain and thunder", "nature", ("rain", "thunder")),
        ("grand piano note D#4", "music_instruments", ("piano", "music")),
        ("mechanical keyboard key press", "impacts_foley", ("keyboard",)),
        ("police siren", "vehicles_machines", ("alarm",)),
        ("door slam tunnel", "impacts_foley", ("door", "impact")),
        ("jazz vibraphone", "music_instruments", ("music",)),
        ("stomp train station", "vehicles_machines", ()),
        ("wolf howl", "animals", ("animal",)),
        ("modern phone", "vehicles_machines", ()),
    ],
)
def test_labels_are_sorted_as_meant(label: str, category: str, classes: tuple[str, ...]) -> None:
    assert classes_of(recording(label, category)) == classes


def test_sentences_are_ranked() -> None:
    made = {"0": [sound(0), sound(0)], "1": [sound(1), sound(2)], "2": [sound(2), sound(2)]}
    result = text_agreement(made, Places(), encode)
    assert result.ranks == ((1, 1), (1, 2), (1, 1))
    assert result.first == pytest.approx(5 / 6)
    assert result.first_five == 1
    assert result.each == {"0": 1.0, "1": 0.5, "2": 1.0}
    assert result.own == pytest.approx(5 / 6)
    assert result.others == pytest.approx(1 / 12)


def test_a_listener_without_sentences_says_so() -> None:
    listener = Listener(ListenerConfig(("a",), 128, 1, (1,), 4, 0.0, 7.0, 215, 0)).eval()
    with pytest.raises(ModelError, match="no sentences"):
        likeness([Waveform(np.zeros((1, 50_000), np.float32), 44_100)], ["0"], listener, encode)
