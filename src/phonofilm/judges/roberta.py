"""RoBERTa, the half of LAION-CLAP that reads: twelve layers over the pieces of words of one sentence.

RoBERTa: Liu et al. 2019, https://arxiv.org/abs/1907.11692.

Dimension letters: B batch, N tokens, D width, H heads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.attention import SelfAttention

FIRST_POSITION = 2
"""The positions before it stand for what is filled up, of which there is nothing here."""
NORM_EPS = 1e-5


@dataclass(frozen=True)
class RobertaConfig:
    """Sizes. words: pieces of words that there are. positions: of the table, two more than a sentence may be long."""

    words: int
    positions: int
    width: int
    heads: int
    layers: int


ROBERTA_BASE = RobertaConfig(words=50265, positions=514, width=768, heads=12, layers=12)


class _Embeddings(nn.Module):
    def __init__(self, config: RobertaConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.words, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.token_type_embeddings = nn.Embedding(1, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, NORM_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N) → (B, N, D)."""
        places = torch.arange(FIRST_POSITION, FIRST_POSITION + tokens.shape[1], device=tokens.device)
        x = self.word_embeddings(tokens) + self.position_embeddings(places) + self.token_type_embeddings.weight[0]
        result: Tensor = self.LayerNorm(x)
        return result


class _Output(nn.Module):
    """What is added, and the norm after the sum."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, NORM_EPS)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """(B, N, I) and (B, N, D) → (B, N, D)."""
        result: Tensor = self.LayerNorm(self.dense(x) + before)
        return result


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.add_module("self", SelfAttention(width, heads))  # the published name, which Python has another use for
        self.output = _Output(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        result: Tensor = self.output(self.get_submodule("self")(x), x)
        return result


class _Widening(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 4 * width)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = _Attention(width, heads)
        self.intermediate = _Widening(width)
        self.output = _Output(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        x = self.attention(x)
        result: Tensor = self.output(F.gelu(self.intermediate.dense(x)), x)
        return result


class _Encoder(nn.Module):
    def __init__(self, config: RobertaConfig) -> None:
        super().__init__()
        self.layer = nn.Sequential(*(_Layer(config.width, config.heads) for _ in range(config.layers)))


class _Pooler(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)


class Roberta(nn.Module):
    """The network with its published keys."""

    def __init__(self, config: RobertaConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)
        self.pooler = _Pooler(config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N) of sentences of one length, with the marks at both ends → (B, D)."""
        x = self.encoder.layer(self.embeddings(tokens))
        return torch.tanh(self.pooler.dense(x[:, 0]))
