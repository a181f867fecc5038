"""The tokens that CLIP's text tower reads: cleaned text, cut into pieces of words by byte pair encoding.

The vocabulary is the published list of merges. It comes inside the package `mmsegmentation` (a plain wheel without
torch), is read from there without importing it, and is checked by its hash. `tokenizers` does the encoding.

Byte pair encoding: Sennrich et al. 2016, https://arxiv.org/abs/1508.07909. Bytes as its alphabet: Radford et al. 2019.

Dimension letters: B texts, T tokens (77).
"""

import gzip
import hashlib
import html
import importlib
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import torch
from tokenizers import AddedToken, Encoding, Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps
from torch import Tensor

from phonofilm.errors import MissingExtraError, ModelError

TOKENS = 77
START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY = 49_408
"""256 bytes, the same at the end of a word, the merges in order, START, END."""
FILLING = 0

PACKAGE = "mmseg"
MERGES_FILE = Path("utils", "bpe_simple_vocab_16e6.txt.gz")
MERGES_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
MERGES = VOCABULARY - 2 * 256 - 2
"""Used of the file, after its first line, which names a version. What follows was never trained on."""
END_OF_WORD = "</w>"

PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
"""Merging stays within a piece: an English ending, a run of letters, one digit, or a run of other signs."""
SHOWN = 40
"""Characters quoted of what was cut off."""

_log = logging.getLogger(__name__)


class _TextFixer(Protocol):
    """What is used of the package `ftfy`, which is imported only when texts are read."""

    def fix_text(self, text: str) -> str: ...


def clip_tokens(texts: Sequence[str]) -> Tensor:
    """Texts as (B, T) int64: start token, up to T - 2 tokens of the text, end token, zeros.

    What does not fit is left out as it was in training, with one warning per text that says how much. Setting up takes
    0.2 s, so hand in all texts at once. Raises MissingExtraError when the extra `mmaudio` is not installed, ModelError
    when the vocabulary is damaged.
    """
    return _rows(texts, _text_fixer(), _tokenizer(_read_merges()))


def _rows(texts: Sequence[str], fixer: _TextFixer, tokenizer: Tokenizer) -> Tensor:
    """Texts as (B, T) int64."""
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    tokens = torch.full((len(texts), TOKENS), FILLING, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        clean = _cleaned(text, fixer)
        encoding = tokenizer.encode(clean)
        _warn_if_cut(clean, encoding)
        ids = [start, *encoding.ids[: TOKENS - 2], end]
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def _cleaned(text: str, fixer: _TextFixer) -> str:
    """Text as in CLIP's training: wrongly decoded letters and HTML put right, white space single, lower case."""
    # Twice, because captions from the web are often escaped twice.
    plain = html.unescape(html.unescape(fixer.fix_text(text)))
    return " ".join(plain.split()).lower()


def _warn_if_cut(text: str, encoding: Encoding) -> None:
    room = TOKENS - 2
    if len(encoding.ids) > room:
        rest = text[encoding.offsets[room][0] :].strip()
        shown = f"{rest[:SHOWN]}..." if len(rest) > SHOWN else rest
        _log.warning(
            "a text has %d tokens and CLIP reads %d: the last %d are left out, from %r on; shorten it to have all read",
            len(encoding.ids),
            room,
            len(encoding.ids) - room,
            shown,
        )


def _tokenizer(merges: list[tuple[str, str]]) -> Tokenizer:
    # By code point, as the 256 signs that stand for bytes are numbered.
    letters = sorted(ByteLevel.alphabet())
    names = [*letters, *(letter + END_OF_WORD for letter in letters), *map("".join, merges)]
    vocabulary = {name: number for number, name in enumerate([*names, START, END])}
    tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix=END_OF_WORD))
    tokenizer.pre_tokenizer = Steps(
        [
            Split(Regex(PIECES), behavior="removed", invert=True),
            ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    # A marker typed into a text is read as the token, as in training.
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in (START, END)])
    return tokenizer


def _read_merges() -> list[tuple[str, str]]:
    # find_spec only looks for the package; its import would want mmcv and torch.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _missing("mmsegmentation")
    path = Path(spec.submodule_search_locations[0]) / MERGES_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); reinstall mmsegmentation") from error
    if hashlib.sha256(content).hexdigest() != MERGES_SHA256:
        raise ModelError(f"{path} is not the vocabulary of CLIP (its sha256 differs); install mmsegmentation==1.2.2")
    lines = gzip.decompress(content).decode("utf-8").split("\n")[1 : 1 + MERGES]
    return [cast(tuple[str, str], tuple(line.split())) for line in lines]


def _text_fixer() -> _TextFixer:
    try:
        # By name, so that the type check does not need the extra.
        return cast(_TextFixer, importlib.import_module("ftfy"))
    except ImportError as error:
        raise _missing("ftfy") from error


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(
        f"texts for CLIP need {package}, which is not installed; run pip install 'phonofilm[mmaudio]'"
    )
