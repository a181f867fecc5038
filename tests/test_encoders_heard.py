"""What one would hear: a whole table without speech, vectors in step with it, and doubt where nothing is known."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders import heard
from phonofilm.encoders.heard import CLASSES, KINDS, HeardTable, build_table, expected_sounds, load_table, named_shots
from phonofilm.encoders.sentences import WIDTH, SentenceEncoder
from phonofilm.errors import ModelError

# Numbers that are well known, from all parts of the list: a shift by one anywhere would miss some of them.
KNOWN_NUMBERS = {
    0: "tench", 7: "cock", 30: "bullfrog", 99: "goose", 134: "crane bird", 151: "Chihuahua", 162: "beagle",
    207: "golden retriever", 250: "Siberian husky", 259: "Pomeranian", 281: "tabby cat", 291: "lion", 340: "zebra",
    386: "African elephant", 388: "giant panda", 402: "acoustic guitar", 409: "analog clock", 463: "bucket",
    508: "computer keyboard", 517: "construction crane", 541: "drum", 594: "harp", 609: "jeep", 671: "mountain bike",
    701: "parachute", 769: "ruler", 817: "sports car", 847: "tank", 895: "warplane", 918: "crossword puzzle",
    920: "traffic light", 954: "banana", 963: "pizza", 978: "seashore", 980: "volcano", 999: "toilet tissue",
}  # fmt: skip
SPEECH = {
    "speech", "speak", "speaks", "speaking", "talk", "talks", "talking", "voice", "voices", "word", "words", "say",
    "says", "saying", "shout", "shouting", "whisper", "whispering", "conversation", "chatting", "murmuring", "singer",
    "announcer", "announcement", "cheering", "lyrics",
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> HeardTable:
    return load_table()


def one_hot(*indices: int) -> torch.Tensor:
    return torch.eye(CLASSES)[list(indices)]


def test_the_table_is_whole(table: HeardTable) -> None:
    assert len(table.names) == len(set(table.names)) == CLASSES
    assert set(table.kinds) == set(KINDS)
    for name, kind, sentence in zip(table.names, table.kinds, table.sentences, strict=True):
        assert (sentence == "") == (kind == "silence"), name
        assert len(sentence) <= 80, name
        assert sentence == sentence.strip().removesuffix("."), name


def test_the_classes_stand_in_imagenet_order(table: HeardTable) -> None:
    assert {index: table.names[index] for index in KNOWN_NUMBERS} == KNOWN_NUMBERS


def test_no_sentence_holds_speech(table: HeardTable) -> None:
    for sentence in table.sentences:
        assert not SPEECH & set(sentence.replace(",", "").lower().split()), sentence


def test_vectors_are_those_of_the_sentences(table: HeardTable) -> None:
    encoder = SentenceEncoder.load()
    picked = [index for index in range(0, CLASSES, 29) if table.sentences[index]]
    fresh = encoder.encode([table.sentences[index] for index in picked])
    torch.testing.assert_close(table.vectors[picked], fresh, atol=5e-4, rtol=0)
    silent = torch.tensor([not sentence for sentence in table.sentences])
    assert (table.vectors[silent] == 0).all()
    torch.testing.assert_close(table.vectors[~silent].norm(dim=1), torch.ones(int((~silent).sum())))


class Counting:
    """A stand-in encoder, so that the file can be built without seconds of work."""

    def encode(self, sentences: object) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.arange(1.0, CLASSES + 1)[:, None].repeat(1, WIDTH), dim=1)


def test_a_built_file_is_read_back_and_a_stale_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "heard.safetensors"
    build_table(Counting(), path)
    monkeypatch.setattr(heard, "VECTORS_FILE", path)
    assert load_table().vectors.shape == (CLASSES, WIDTH)
    changed = tmp_path / "heard.tsv"
    changed.write_text(heard.TABLE_FILE.read_text(encoding="utf-8").replace("a drum", "a big drum"), encoding="utf-8")
    monkeypatch.setattr(heard, "TABLE_FILE", changed)
    with pytest.raises(ModelError, match="build_table"):
        load_table()


def test_a_damaged_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tmp_path / "heard.tsv"
    short.write_text("index\tname\tkind\theard\n0\ttench\tambience\twater\n", encoding="utf-8")
    monkeypatch.setattr(heard, "TABLE_FILE", short)
    with pytest.raises(ModelError, match="damaged"):
        load_table()
    monkeypatch.setattr(heard, "TABLE_FILE", tmp_path / "missing.tsv")
    with pytest.raises(ModelError, match="reinstall"):
        load_table()


@settings(max_examples=40)
@given(frames=st.integers(0, 9), sharpness=st.floats(0.5, 40.0), seed=st.integers(0, 10_000))
def test_any_probabilities_give_finite_rows(frames: int, sharpness: float, seed: int, table: HeardTable) -> None:
    logits = torch.randn(frames, CLASSES, generator=torch.Generator().manual_seed(seed)) * sharpness
    sounds = expected_sounds(logits.softmax(dim=1), table)
    assert sounds.features.shape == (frames, WIDTH)
    assert sounds.known.shape == (frames,)
    assert torch.isfinite(sounds.features).all()
    assert ((sounds.known >= 0) & (sounds.known <= 1)).all()
    assert 0 <= sounds.confidence <= 1
    assert (sounds.label == "") == (sounds.kind == "silence")
    norms = sounds.features[sounds.known > 0].norm(dim=1)
    torch.testing.assert_close(norms, torch.full_like(norms, math.sqrt(WIDTH)))


@settings(max_examples=20)
@given(index=st.integers(0, CLASSES - 1))
def test_a_certain_class_is_its_sentence(index: int, table: HeardTable) -> None:
    sounds = expected_sounds(one_hot(index, index), table)
    if table.kinds[index] == "silence":
        assert (sounds.label, float(sounds.known.max())) == ("", 0.0)
        return
    assert (sounds.label, sounds.kind) == (table.sentences[index], table.kinds[index])
    assert sounds.confidence > 0.99
    torch.testing.assert_close(sounds.features[0], table.vectors[index] * math.sqrt(WIDTH), atol=1e-3, rtol=0)


def test_doubt_between_unlike_things_is_not_known(table: HeardTable) -> None:
    spread = one_hot(918, 701, 30, 895, 409, 594, 963, 978).mean(dim=0, keepdim=True)
    sounds = expected_sounds(spread, table)
    assert (sounds.label, float(sounds.known)) == ("", 0.0)


def test_doubt_between_dogs_is_a_known_bark(table: HeardTable) -> None:
    dogs = one_hot(*range(180, 220, 5)).mean(dim=0, keepdim=True)
    assert float(dogs.max()) < 0.2
    sounds = expected_sounds(dogs, table)
    assert float(sounds.known) > 0.9
    assert "bark" in sounds.label


def test_the_label_follows_the_frames_that_are_known(table: HeardTable) -> None:
    unknown = torch.full((1, CLASSES), 1 / CLASSES)
    sounds = expected_sounds(torch.cat([unknown, unknown, one_hot(541, 541)]), table)
    assert sounds.label == "drums playing"
    assert sounds.known.tolist() == pytest.approx([0, 0, 1, 1])
    assert sounds.confidence == pytest.approx(0.5, abs=0.01)


def test_no_frames_expect_nothing(table: HeardTable) -> None:
    sounds = expected_sounds(torch.zeros(0, CLASSES), table)
    assert (sounds.features.shape, sounds.label, sounds.confidence) == ((0, WIDTH), "", 0.0)


def test_each_shot_is_named_by_its_own_rows(table: HeardTable) -> None:
    """Four rows a second: two seconds of one thing, two of another; a shot between two rows names nothing."""
    rows = torch.cat([one_hot(*[7] * 8), one_hot(*[207] * 8)])
    shots = named_shots(rows, table, 4.0, [2.0, 3.76, 3.9], 4.0, 0.5)
    assert [(shot.label, shot.kind, shot.known_share) for shot in shots] == [
        (table.sentences[7], table.kinds[7], 1.0),
        (table.sentences[207], table.kinds[207], 1.0),
        ("", "silence", 0.0),
        ("", "silence", 0.0),
    ]
    assert [(shot.start_s, shot.end_s) for shot in shots] == [(0.0, 2.0), (2.0, 3.76), (3.76, 3.9), (3.9, 4.0)]
