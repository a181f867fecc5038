"""The caption table: complete, valid, strictly read; mixtures joined readably."""

import csv
import re
from pathlib import Path

import pytest

from phonofilm.data.captions import KINDS, LabelCaptions, load_captions
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


def test_a_table_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "captions.tsv"
    path.write_text(HEADER + "rain\ttexture\train\n", encoding="utf-8-sig")
    assert load_captions(path)["rain"].descriptions == ("rain",)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_captions(tmp_path / "none.tsv")
