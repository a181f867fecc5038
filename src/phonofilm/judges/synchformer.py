"""Synchformer's half that listens, and the part that compares: by how much sound comes before or after the picture.

A segment of 0.64 s of sound becomes 6 vectors by a spectrogram transformer (AST) whose answer is summed up over
frequency, one segment every 0.32 s. With the 8 vectors that the picture half makes of the same time
(`encoders/synchformer`), fourteen segments (4.8 s) go through three layers that choose among 21 offsets.

Synchformer: Iashin et al. 2024, https://arxiv.org/abs/2401.16423 (code MIT). AST: Gong et al. 2021,
https://arxiv.org/abs/2104.01778. The published file is MMAudio's: the model 24-01-04T16-39-21, trained on AudioSet.

Dimension letters: B batch, S samples, G segments, T frames, K frequency bins, M mel bands, N tokens, D width, H heads,
P Q patches down (frequency) and along (time), O offsets.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.attention import SelfAttention
from phonofilm.judges.mel import bins_hz, triangles_over_hz

RATE_HZ = 16000
SEGMENT_SAMPLES, STEP_SAMPLES = 10240, 5120
SEGMENTS = 14
"""What is compared at a time: 4.8 s."""
COMPARED_S = ((SEGMENTS - 1) * STEP_SAMPLES + SEGMENT_SAMPLES) / RATE_HZ
WINDOW, HOP, N_FFT = 400, 160, 1024
BANDS, FRAMES = 128, 66
LOG_OFFSET = 1e-6
MEAN, DEVIATION = -4.2677393, 4.5689974
"""Of AudioSet's spectrograms, as AST was trained with."""
PATCH, STRIDE = 16, 10
DOWN, ALONG = 12, 6
SEEN_A_SEGMENT = 8
OFFSETS_S = tuple(round(-2 + 0.2 * index, 1) for index in range(21))
PICTURE_PREFIX = "vfeat_extractor."
"""What belongs to the picture half in the published file."""


@dataclass(frozen=True)
class SynchformerJudgeConfig:
    """Sizes of the half that listens (width D, heads, layers) and of the part that compares."""

    width: int
    heads: int
    layers: int
    comparing_heads: int
    comparing_layers: int


SYNCHFORMER_JUDGE = SynchformerJudgeConfig(width=768, heads=12, layers=12, comparing_heads=8, comparing_layers=3)


class _Dense(nn.Module):
    """A linear layer under the name that AST's keys have."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) → (..., O)."""
        result: Tensor = self.dense(x)
        return result


class _HeardAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads)
        self.output = _Dense(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        result: Tensor = self.output(self.attention(x))
        return result


class _HeardLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = _HeardAttention(width, heads)
        self.intermediate = _Dense(width, 4 * width)
        self.output = _Dense(4 * width, width)
        self.layernorm_before = nn.LayerNorm(width, 1e-12)
        self.layernorm_after = nn.LayerNorm(width, 1e-12)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        x = x + self.attention(self.layernorm_before(x))
        result: Tensor = x + self.output(F.gelu(self.intermediate(self.layernorm_after(x))))
        return result


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(1, width, PATCH, STRIDE)


class _Embeddings(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.distillation_token = nn.Parameter(torch.empty(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.empty(1, 2 + DOWN * ALONG, width))
        self.patch_embeddings = _Patches(width)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, T) → (B, N, D)."""
        patches = self.patch_embeddings.projection(mel[:, None]).flatten(2).transpose(1, 2)  # (B, P Q, D)
        own = torch.cat([self.cls_token, self.distillation_token], 1).expand(len(mel), -1, -1)
        return torch.cat([own, patches], 1) + self.position_embeddings


class _Encoder(nn.Module):
    def __init__(self, config: SynchformerJudgeConfig) -> None:
        super().__init__()
        self.layer = nn.Sequential(*(_HeardLayer(config.width, config.heads) for _ in range(config.layers)))


class _Ast(nn.Module):
    def __init__(self, config: SynchformerJudgeConfig) -> None:
        super().__init__()
        width = config.width
        self.embeddings = _Embeddings(width)
        self.encoder = _Encoder(config)
        self.layernorm = nn.LayerNorm(width, 1e-12)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, T) → (B, N, D)."""
        result: Tensor = self.layernorm(self.encoder.layer(self.embeddings(mel)))
        return result


class _Summary(nn.TransformerEncoderLayer):
    """A transformer layer over a column of patches and a token of its own, of which only that token is kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, 4 * width, 0.0, F.gelu, 1e-6, batch_first=True, norm_first=True)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))

    def summed(self, x: Tensor) -> Tensor:
        """(B, P, D) → (B, D)."""
        return self(torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1))[:, 0]  # type: ignore[no-any-return]


class _Listening(nn.Module):
    def __init__(self, config: SynchformerJudgeConfig) -> None:
        super().__init__()
        self.ast = _Ast(config)
        self.freq_attn_agg = _Summary(config.width, config.heads)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, T) → (B, Q, D)."""
        x = self.ast(mel)[:, 2:]  # (B, P Q, D)
        columns = x.reshape(len(x), DOWN, ALONG, -1).transpose(1, 2)  # (B, Q, P, D)
        return self.freq_attn_agg.summed(columns.flatten(0, 1)).view(len(x), ALONG, -1)


class _ComparingAttention(SelfAttention):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        result: Tensor = self.proj(super().forward(x))
        return result


class _ComparingBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.ln2 = nn.LayerNorm(width)
        self.attn = _ComparingAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        x = x + self.attn(self.ln1(x))
        result: Tensor = x + self.mlp(self.ln2(x))
        return result


class _Positions(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pos_emb = nn.Parameter(torch.empty(1, 2 + SEGMENTS * (SEEN_A_SEGMENT + ALONG), width))


class _Comparing(nn.Module):
    def __init__(self, config: SynchformerJudgeConfig) -> None:
        super().__init__()
        width = config.width
        self.vis_in_lnorm = nn.LayerNorm(width)
        self.aud_in_lnorm = nn.LayerNorm(width)
        self.OFF_tok = nn.Parameter(torch.empty(1, 1, width))
        self.MOD_tok = nn.Parameter(torch.empty(1, 1, width))
        self.pos_emb_cfg = _Positions(width)
        self.blocks = nn.Sequential(
            *(_ComparingBlock(width, config.comparing_heads) for _ in range(config.comparing_layers))
        )
        self.ln_f = nn.LayerNorm(width)
        self.off_head = nn.Linear(width, len(OFFSETS_S))

    def forward(self, seen: Tensor, heard: Tensor) -> Tensor:
        """(B, 112, D) and (B, 84, D) → (B, O)."""
        first, between = (token.expand(len(seen), -1, -1) for token in (self.OFF_tok, self.MOD_tok))
        x = torch.cat([first, self.vis_in_lnorm(seen), between, self.aud_in_lnorm(heard)], 1)
        x = self.ln_f(self.blocks(x + self.pos_emb_cfg.pos_emb))
        result: Tensor = self.off_head(x[:, 0])
        return result


class SynchformerJudge(nn.Module):
    """Everything of the published file but the picture half, with its published keys."""

    def __init__(self, config: SynchformerJudgeConfig = SYNCHFORMER_JUDGE) -> None:
        super().__init__()
        width = config.width
        self.afeat_extractor = _Listening(config)
        self.vproj = nn.Linear(width, width)
        self.aproj = nn.Linear(width, width)
        self.transformer = _Comparing(config)

    @torch.no_grad()
    def listen(self, samples: Tensor) -> Tensor:
        """Samples (S,) at 16 kHz, full scale 1 → (G, 6, D): a segment of 0.64 s every 0.32 s. S must hold one."""
        assert len(samples) >= SEGMENT_SAMPLES, f"{len(samples)} samples are fewer than {SEGMENT_SAMPLES}"
        result: Tensor = self.afeat_extractor(spectrogram(samples.unfold(0, SEGMENT_SAMPLES, STEP_SAMPLES)))
        return result

    @torch.no_grad()
    def compare(self, seen: Tensor, heard: Tensor) -> Tensor:
        """Fourteen segments as the picture half sees them (B, 14, 8, D) and as heard (B, 14, 6, D) → logits (B, O)
        over OFFSETS_S."""
        wanted = (SEGMENTS, SEEN_A_SEGMENT), (SEGMENTS, ALONG)
        assert (seen.shape[1:3], heard.shape[1:3]) == wanted, f"segments are {seen.shape} and {heard.shape}"
        result: Tensor = self.transformer(self.vproj(seen).flatten(1, 2), self.aproj(heard).flatten(1, 2))
        return result


def spectrogram(segments: Tensor) -> Tensor:
    """Segments (G, 10240) → log-mel (G, M, 66), scaled as AST takes it.

    The last frame is zero before the scaling: 65 fit into a segment, and the network was trained with this filling.
    """
    window = torch.hann_window(WINDOW, device=segments.device)
    power = torch.stft(segments, N_FFT, HOP, WINDOW, window, return_complex=True).abs().square()  # (G, K, 65)
    filters = triangles_over_hz(bins_hz(RATE_HZ, N_FFT), BANDS, 0.0, RATE_HZ / 2).to(segments.device)
    log_mel = torch.log(filters @ power + LOG_OFFSET)  # (G, M, 65)
    filled = F.pad(log_mel, (0, FRAMES - log_mel.shape[2]))
    return (filled - MEAN) / (2 * DEVIATION)
