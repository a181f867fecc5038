"""CLIP's tokens: known numbers, clean-up, and never a silent cut."""

import gzip
import importlib
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from phonofilm.encoders import clip_tokens as module
from phonofilm.encoders.clip_tokens import TOKENS, clip_tokens
from phonofilm.errors import MissingExtraError, ModelError

START, END = 49_406, 49_407
# Numbers that CLIP's own tokenizer gives.
KNOWN = {
    "": [],
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "A person riding a motorcycle": [320, 2533, 6765, 320, 10297],
    "Hi there": [1883, 997],
    "1234 don't!! 😀": [272, 273, 274, 275, 847, 713, 748, 7334],
}


def test_known_texts_give_known_tokens() -> None:
    tokens = clip_tokens(list(KNOWN))
    assert tokens.dtype == torch.int64
    assert tokens.shape == (len(KNOWN), 77)
    for row, wanted in zip(tokens.tolist(), KNOWN.values(), strict=True):
        assert row == [START, *wanted, END] + [0] * (75 - len(wanted))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  A\tPhoto \n of   a CAT ", "a photo of a cat"),
        ("dog &amp;amp; cat", "dog & cat"),
        ("\u201cwe\u2019ll\u201d \uff57ait", '"we\'ll" wait'),
        ("cafÃ©", "café"),
        ("DON'T", "don't"),
    ],
)
def test_texts_are_cleaned(text: str, same: str) -> None:
    first, second = clip_tokens([text, same])
    assert torch.equal(first, second)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return module._tokenizer(module._read_merges())


@pytest.mark.thorough
@settings(max_examples=50)
@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_every_row_has_a_start_an_end_and_zeros(texts: list[str], tokenizer: Tokenizer) -> None:
    assume(not any("<|" in text for text in texts))  # the next test is about markers
    tokens = module._rows(texts, module._text_fixer(), tokenizer)
    assert tokens.shape == (len(texts), TOKENS)
    for row in tokens.tolist():
        assert row[0] == START
        last = row.index(END)
        assert not any(row[last + 1 :])
        assert all(0 < token < START or token == 0 for token in row[1:last])


def test_a_marker_in_a_text_is_that_token() -> None:
    (row,) = clip_tokens(["a <|endoftext|> cat"]).tolist()
    assert row[:6] == [START, 320, END, 2368, END, 0]


@pytest.mark.thorough
def test_together_equals_alone() -> None:
    texts = ["rain on a roof", "", "a dog barks twice"]
    assert torch.equal(clip_tokens(texts), torch.cat([clip_tokens([text]) for text in texts]))
    assert clip_tokens([]).shape == (0, 77)


def test_the_longest_text_that_fits_is_read_whole(caplog: pytest.LogCaptureFixture) -> None:
    (row,) = clip_tokens(["cat " * 75]).tolist()
    assert row == [START, *[2368] * 75, END]
    assert not caplog.records


def test_a_cut_keeps_the_end_and_says_how_much_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    long = "cat " * 75 + "and a very loud dog"
    rows = clip_tokens(["a cat", long])
    assert rows[1].tolist() == [START, *[2368] * 75, END]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "80 tokens and CLIP reads 75: the last 5 are left out, from 'and a very loud dog' on" in record.getMessage()


def test_the_vocabulary_is_whole(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == module.VOCABULARY
    assert [tokenizer.token_to_id(name) for name in ("!", "!</w>", module.START, module.END)] == [0, 256, START, END]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r"mmsegmentation.*pip install 'phonofilm\[mmaudio\]'"):
            clip_tokens(["a cat"])

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"ftfy.*pip install 'phonofilm\[mmaudio\]'"):
        clip_tokens(["a cat"])


def test_a_damaged_vocabulary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    with pytest.raises(ModelError, match="cannot be read"):
        clip_tokens(["a cat"])
    path = tmp_path / module.MERGES_FILE
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"#version\ni n\n"))
    with pytest.raises(ModelError, match="sha256"):
        clip_tokens(["a cat"])
