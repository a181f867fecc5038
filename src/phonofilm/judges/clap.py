"""LAION-CLAP: sound and sentences in one space, in which what belongs together is near.

LAION-CLAP: Wu et al. 2023, https://arxiv.org/abs/2211.06687 (code and weights CC0). Its halves are HTSAT (`htsat`), in
the size "base" and without fusion of several pieces, and RoBERTa (`roberta`).

Dimension letters: B batch, S samples, N tokens, E width of the common space.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.htsat import HTSAT_BASE, RATE_HZ, Htsat, HtsatConfig
from phonofilm.judges.roberta import ROBERTA_BASE, Roberta, RobertaConfig

LONGEST_S = 10.0
"""Longer sound is cut at random in the original."""
LENGTH_SAMPLES = int(LONGEST_S * RATE_HZ)
LONGEST_TOKENS = 77
MARKS = (0, 2)
"""Before and after a sentence."""
UNREAD = (
    "text_transform.",
    "audio_transform.",
    "logit_scale_",
    "text_branch.embeddings.position_ids",
    "audio_branch.tscam_conv.",
    "audio_branch.head.",
)
"""Of the published file, what vectors do not depend on: heads of training, scales, tables of indices."""
UNREAD_ENDINGS = (".relative_position_index", ".attn_mask")
"""The same, in every layer."""


@dataclass(frozen=True)
class ClapConfig:
    """Sizes. width: of the common space, E."""

    width: int
    sound: HtsatConfig
    text: RobertaConfig


CLAP = ClapConfig(width=512, sound=HTSAT_BASE, text=ROBERTA_BASE)


class Clap(nn.Module):
    """Both halves with their published keys."""

    def __init__(self, config: ClapConfig = CLAP) -> None:
        super().__init__()
        self.audio_branch = Htsat(config.sound)
        self.text_branch = Roberta(config.text)
        self.audio_projection = _projection(config.sound.outputs, config.width)
        self.text_projection = _projection(config.text.width, config.width)

    @torch.no_grad()
    def hear(self, samples: Tensor) -> Tensor:
        """Samples (S,) at 48 kHz, full scale 1, 10 s at most → (E,) of length 1."""
        heard: Tensor = F.normalize(self.audio_projection(self.audio_branch(ten_seconds(samples)[None])), dim=1)
        return heard[0]

    @torch.no_grad()
    def read(self, tokens: Tensor) -> Tensor:
        """Tokens (N,) of one sentence, with the marks at both ends, 77 at most → (E,) of length 1."""
        assert len(tokens) <= LONGEST_TOKENS, f"{len(tokens)} tokens are more than {LONGEST_TOKENS}"
        read: Tensor = F.normalize(self.text_projection(self.text_branch(tokens[None])), dim=1)
        return read[0]


def _projection(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width))


def ten_seconds(samples: Tensor) -> Tensor:
    """(S,), S ≤ 480,000 → (480,000,): repeated as often as it fits whole, then silence."""
    assert 0 < len(samples) <= LENGTH_SAMPLES, f"{len(samples)} samples are not 1 to {LENGTH_SAMPLES}"
    repeated = samples.repeat(LENGTH_SAMPLES // len(samples))
    return F.pad(repeated, (0, LENGTH_SAMPLES - len(repeated)))
