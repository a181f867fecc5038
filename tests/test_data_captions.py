"""The caption table: complete, valid, strictly read; mixtures joined readably."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.data.captions import KINDS, LabelCaptions, join, load_captions, pick
from phonofilm.errors import InputError

INDEX = Path(__file__).parents[1].parent / "shared/sounds/index.tsv"
SPEECH_WORDS = re.compile(
    r"\b(speech|speak(s|ing|er)?|spoken|talk(s|ing)?|says?|said|saying|dialogue|conversations?|narrat\w+|"
    r"announce\w*|words?|sentences?|voice-?over|reads|reading|aloud|chat(s|ting)?)\b"
)
PROMPTS = {
    "dog bark": "dog barking",
    "rain": "rain",
    "sea waves": "sea waves",
    "baby cry": "baby crying",
    "clock tick": "clock ticking",
    "person sneeze": "person sneezing",
    "helicopter": "helicopter",
    "chainsaw": "chainsaw",
    "rooster": "rooster",
    "fire crackling": "fire crackling",
}
HEADER = "label\tkind\tdescriptions\n"


@pytest.fixture(scope="module")
def table() -> dict[str, LabelCaptions]:
    return load_captions()


def test_every_row_is_valid(table: dict[str, LabelCaptions]) -> None:
    for label, row in table.items():
        assert row.label == label
        assert row.kind in KINDS, label
        assert len(row.descriptions) >= 3, label
        assert len({text.lower() for text in row.descriptions}) == len(row.descriptions), label
        assert all(text == " ".join(text.split()) and len(text) <= 120 for text in row.descriptions), label


def test_every_kind_is_used(table: dict[str, LabelCaptions]) -> None:
    assert {row.kind for row in table.values()} == set(KINDS)


def test_speech_words_stand_only_in_speech_rows(table: dict[str, LabelCaptions]) -> None:
    wrong = [
        (label, text)
        for label, row in table.items()
        if row.kind != "speech"
        for text in row.descriptions
        if SPEECH_WORDS.search(text)
    ]
    assert not wrong


@pytest.mark.parametrize(("label", "prompt"), PROMPTS.items())
def test_important_labels_have_many_descriptions_and_the_plain_prompt(
    table: dict[str, LabelCaptions], label: str, prompt: str
) -> None:
    assert len(table[label].descriptions) >= 12
    assert prompt in table[label].descriptions


@pytest.mark.skipif(not INDEX.exists(), reason="the training sounds are not beside this project")
def test_every_label_of_the_training_sounds_has_a_row(table: dict[str, LabelCaptions]) -> None:
    with INDEX.open(encoding="utf-8", newline="") as lines:
        labels = {row["label"] for row in csv.DictReader(lines, delimiter="\t")}
    assert labels == set(table)


@given(seed=st.integers(0, 2**32 - 1))
def test_pick_is_repeatable_and_from_the_row(seed: int) -> None:
    first = pick("rain", np.random.default_rng(seed))
    assert first == pick("rain", np.random.default_rng(seed))
    assert first in load_captions()["rain"].descriptions


def test_pick_reaches_every_description() -> None:
    row = LabelCaptions("hum", "texture", ("a hum", "humming", "a machine hums"))
    generator = np.random.default_rng(0)
    assert {pick("hum", generator, {"hum": row}) for _ in range(100)} == set(row.descriptions)


def test_pick_names_an_unknown_label() -> None:
    with pytest.raises(InputError, match="no captions"):
        pick("no such label", np.random.default_rng(0))


@given(
    captions=st.lists(
        st.sampled_from(["rain on a roof", "a dog barks", "dog barking", "wind"]), min_size=1, max_size=4
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_join_keeps_every_caption(captions: list[str], seed: int) -> None:
    joined = join(captions, np.random.default_rng(seed))
    assert joined == join(captions, np.random.default_rng(seed))
    for caption in set(captions):
        assert joined.count(caption) >= captions.count(caption)
    if len(captions) == 1:
        assert joined == captions[0]


def test_join_has_several_styles_and_while_only_before_a_clause() -> None:
    generator = np.random.default_rng(1)
    joined = {join(["rain on a roof", "a dog barks"], generator) for _ in range(300)}
    assert "rain on a roof, a dog barks" in joined
    assert "rain on a roof while a dog barks" in joined
    assert "a dog barks while rain on a roof" not in joined
    assert "rain on a roof with a dog barks in the background" not in joined
    assert "a dog barks with rain on a roof in the background" in joined
    assert len(joined) >= 6


@pytest.mark.parametrize("captions", [[], [""], ["rain", "  "]])
def test_join_refuses_nothing(captions: list[str]) -> None:
    with pytest.raises(InputError):
        join(captions, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns"),
        ("label\tkind\tdescriptions\tmood\n", "columns"),
        (HEADER, "no rows"),
        (HEADER + "rain\ttexture\n", "filled fields"),
        (HEADER + "\n", "filled fields"),
        (HEADER + "rain\ttexture\t \n", "filled fields"),
        (HEADER + "rain\tweather\train\n", "unknown"),
        (HEADER + "rain\ttexture\train |  | drizzle\n", "blank"),
        (HEADER + "rain\ttexture\train | rain\n", "twice"),
        (HEADER + "rain\ttexture\train\nrain\ttexture\tdrizzle\n", "comes twice"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "captions.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_captions(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_captions(tmp_path / "none.tsv")
