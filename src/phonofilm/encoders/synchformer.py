"""When things happen in the picture: the visual encoder of Synchformer, whose features keep MMAudio's sound in step.

Frames at 25 a second are cut into segments of 16 that overlap by 8; each segment is encoded alone, by attention over
time at each place and over space in each pair of frames in turn, and gives 8 features.

Synchformer: Iashin et al. 2024, https://arxiv.org/abs/2401.16423. Divided space-time attention (TimeSformer): Bertasius
et al. 2021, https://arxiv.org/abs/2102.05095.

Dimension letters: F frames, K segments, T tubelets (pairs of frames) in a segment (8), P places (14 x 14), N = 1 + T P
tokens, D width (768), H heads, E head width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.errors import ModelError
from phonofilm.types import ByteArray

EDGE = 224
SEGMENT_FRAMES = 16
STEP_FRAMES = 8
TUBELET_FRAMES = 2
NORM_EPS = 1e-6
WHITE_HALF = 127.5
"""Levels 0..255 are taken to -1..1."""
CPU_SEGMENTS, CUDA_SEGMENTS = 1, 24
"""Segments in one pass: on a CPU more of them leave the cache and gain nothing."""
_PREFIX = "vfeat_extractor."
_UNUSED = "patch_embed.proj."
"""A second, flat patch layer that lies in the file and takes no part."""


@dataclass(frozen=True)
class SynchformerConfig:
    """Sizes: edge of a patch in pixels, places along an edge of the picture, tubelets in a segment."""

    patch: int
    grid: int
    tubelets: int
    width: int
    heads: int
    layers: int


SYNCHFORMER = SynchformerConfig(patch=16, grid=14, tubelets=8, width=768, heads=12, layers=12)


class _Linear(nn.Module):
    """A linear layer whose product is computed in `matmul_dtype`."""

    def __init__(self, inputs: int, outputs: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.weight = nn.Parameter(torch.empty(outputs, inputs, dtype=matmul_dtype))
        self.bias = nn.Parameter(torch.empty(outputs, dtype=matmul_dtype))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.matmul_dtype), self.weight, self.bias)


class _Attention(nn.Module):
    """Attention in groups: the first token asks everything, every other asks its group and the first token."""

    def __init__(self, width: int, heads: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = _Linear(width, 3 * width, matmul_dtype)
        self.proj = _Linear(width, width, matmul_dtype)

    def forward(self, x: Tensor, tubelets: int, over_time: bool) -> Tensor:
        """(K, N, D) → (K, N, D). Groups are the tubelets at one place, or the places of one tubelet."""
        segments, tokens, width = x.shape
        places = (tokens - 1) // tubelets
        made = self.qkv(x).view(segments, tokens, 3, self.heads, -1)  # (K, N, 3, H, E)
        whole = made.permute(2, 0, 3, 1, 4)  # (3, K, H, N, E)
        first = F.scaled_dot_product_attention(whole[0, :, :, :1], whole[1], whole[2])  # (K, H, 1, E)
        others = made[:, 1:].view(segments, tubelets, places, 3, self.heads, -1)  # (K, T, P, 3, H, E)
        others = others.permute(3, 0, 2, 4, 1, 5) if over_time else others.permute(3, 0, 1, 4, 2, 5)
        query, key, value = others  # (K, P, H, T, E) each, or (K, T, H, P, E)
        groups = query.shape[1]
        shared = made[:, :1].permute(2, 0, 1, 3, 4)[1:, :, :, :, None]  # (2, K, 1, H, 1, E)
        shared = shared.expand(-1, -1, groups, -1, -1, -1)
        key, value = torch.cat([shared[0], key], dim=3), torch.cat([shared[1], value], dim=3)
        mixed = _small_attention(query, key, value) if over_time else _attention(query, key, value)
        mixed = mixed.permute(0, 3, 1, 2, 4) if over_time else mixed.permute(0, 1, 3, 2, 4)  # (K, T, P, H, E)
        together = torch.cat([first.flatten(1)[:, None], mixed.reshape(segments, tokens - 1, width)], dim=1)
        result: Tensor = self.proj(together)  # (K, N, D)
        return result


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(K, G, H, Q, E) over (K, G, H, R, E) → (K, G, H, Q, E)."""
    mixed = F.scaled_dot_product_attention(query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1))
    return mixed.view(*query.shape)


def _small_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same, written out: the fused kernel handles one head at a time, and a group of 8 is too little for that."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # (K, G, H, Q, R)
    mixed: Tensor = scores.float().softmax(-1).to(value.dtype) @ value  # (K, G, H, Q, E)
    return mixed


class _Mlp(nn.Module):
    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.fc1 = _Linear(width, 4 * width, matmul_dtype)
        self.fc2 = _Linear(4 * width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class _Block(nn.Module):
    """Attention over time, attention over space, MLP; each after its norm and added to what came in."""

    def __init__(self, config: SynchformerConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        width = config.width
        self.tubelets = config.tubelets
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, eps=NORM_EPS) for _ in range(3))
        self.attn = _Attention(width, config.heads, matmul_dtype)
        self.timeattn = _Attention(width, config.heads, matmul_dtype)
        self.mlp = _Mlp(width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(K, N, D) float32 → the same."""
        x = x + self.timeattn(self.norm3(x), self.tubelets, over_time=True)
        x += self.attn(self.norm1(x), self.tubelets, over_time=False)
        x += self.mlp(self.norm2(x))
        return x


class _PackedAttention(nn.Module):
    """The aggregation's attention under its published names; one token asks."""

    def __init__(self, width: int, heads: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = heads
        self.matmul_dtype = matmul_dtype
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width, dtype=matmul_dtype))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width, dtype=matmul_dtype))
        self.out_proj = _Linear(width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, 1, D), for the first token."""
        width, weight, bias = x.shape[-1], self.in_proj_weight, self.in_proj_bias
        x = x.to(self.matmul_dtype)
        query = F.linear(x[:, :1], weight[:width], bias[:width])  # (B, 1, D)
        key, value = F.linear(x, weight[width:], bias[width:]).chunk(2, -1)  # (B, N, D) each
        query, key, value = (
            part.view(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in (query, key, value)
        )  # (B, H, 1 or N, E)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (B, H, 1, E)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, 1, D)
        return result


class _Aggregation(nn.Module):
    """The places of one tubelet → one feature, by a transformer layer of which only a learned token's row is used."""

    def __init__(self, config: SynchformerConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        width = config.width
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.self_attn = _PackedAttention(width, config.heads, matmul_dtype)
        self.linear1 = _Linear(width, 4 * width, matmul_dtype)
        self.linear2 = _Linear(4 * width, width, matmul_dtype)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=NORM_EPS) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, P, D) → (B, D)."""
        token = self.cls_token.expand(len(x), -1, -1)  # (B, 1, D)
        row = token + self.self_attn(self.norm1(torch.cat([token, x], dim=1)))  # (B, 1, D)
        row = row + self.linear2(F.gelu(self.linear1(self.norm2(row))))
        result: Tensor = row[:, 0]
        return result


class Synchformer(nn.Module):
    """The encoder, with weights from `prepare_synchformer`. Read-only after loading."""

    def __init__(self, matmul_dtype: torch.dtype, config: SynchformerConfig = SYNCHFORMER) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.tubelet_embed = _Linear(3 * TUBELET_FRAMES * config.patch**2, width, matmul_dtype)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(config.tubelets * config.grid**2, width))
        self.blocks = nn.ModuleList(_Block(config, matmul_dtype) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.spatial_attn_agg = _Aggregation(config, matmul_dtype)

    @torch.no_grad()
    def embed(self, pixels: Tensor) -> Tensor:
        """Frames (F, Y, X, 3), F even, levels 0..255 → tubelets (F / 2, P, D), without their positions."""
        config = self.config
        patch, grid = config.patch, config.grid
        pieces = pixels.reshape(-1, TUBELET_FRAMES, grid, patch, grid, patch, 3)  # (T, 2, G, p, G, p, 3)
        flat = pieces.permute(0, 2, 4, 6, 1, 3, 5).reshape(len(pieces), grid**2, -1)  # (T, P, 3 2 p p)
        result: Tensor = self.tubelet_embed(flat.float() / WHITE_HALF - 1).float()  # (T, P, D)
        return result

    @torch.no_grad()
    def encode(self, tubelets: Tensor) -> Tensor:
        """Tubelets of whole segments (K, T, P, D) → features (K, T, D) float32."""
        count = CUDA_SEGMENTS if tubelets.is_cuda else CPU_SEGMENTS
        return torch.cat([self._encode(part) for part in torch.split(tubelets, count)])

    def _encode(self, tubelets: Tensor) -> Tensor:
        segments, per_segment, places, width = tubelets.shape
        x = tubelets.flatten(1, 2) + self.positions  # (K, T P, D)
        x = torch.cat([self.cls_token.expand(segments, -1, -1), x], dim=1)  # (K, N, D)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x[:, 1:]).view(segments * per_segment, places, width)  # (K T, P, D)
        return self.spatial_attn_agg(x).view(segments, per_segment, width)  # type: ignore[no-any-return]

    def segments(self, pixels: Tensor) -> Tensor:
        """Segments of frames (K, 16, Y, X, 3), levels 0..255 → (K, 8, D) float32."""
        tubelets = self.embed(pixels.flatten(0, 1))  # (K T, P, D)
        return self.encode(tubelets.view(len(pixels), -1, *tubelets.shape[1:]))

    def features(self, pixels: Tensor) -> Tensor:
        """All frames of a clip (F, Y, X, 3), F >= 16, levels 0..255 → (8 K, D) with K = (F - 16) // 8 + 1."""
        count = (len(pixels) - SEGMENT_FRAMES) // STEP_FRAMES + 1
        tubelets = self.embed(pixels[: STEP_FRAMES * (count + 1)])  # (4 (K + 1), P, D)
        step = STEP_FRAMES // TUBELET_FRAMES
        starts = [slice(step * k, step * k + self.config.tubelets) for k in range(count)]
        return torch.cat([self.encode(tubelets[span][None])[0] for span in starts])


class SyncWatcher:
    """Encodes a clip while it is decoded; a segment's tubelets are kept and nothing else."""

    def __init__(self, encoder: Synchformer, prepare: Callable[[ByteArray], ByteArray]) -> None:
        """prepare: what turns a picture into what the encoder takes."""
        self._encoder, self._prepare = encoder, prepare
        self._device = encoder.cls_token.device
        self._picture: ByteArray | None = None
        self._pixels: ByteArray | None = None
        self._pair: list[ByteArray] = []
        self._tubelets: list[Tensor] = []
        self._made: list[Tensor] = []

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """The next frame (H, W, 3) of a clock of 25 a second."""
        if picture is not self._picture:
            self._picture, self._pixels = picture, self._prepare(picture)
        assert self._pixels is not None
        self._add(self._pixels)

    def features(self, segments: int) -> Tensor:
        """(8 K, D) of the first K = `segments`; the last frame stands still where fewer came."""
        assert self._pixels is not None, "no frame came"
        while len(self._made) < segments:
            self._add(self._pixels)
        return torch.cat(self._made[:segments])

    def _add(self, pixels: ByteArray) -> None:
        self._pair.append(pixels)
        if len(self._pair) < TUBELET_FRAMES:
            return
        frames = torch.from_numpy(np.stack(self._pair)).to(self._device)
        self._pair = []
        self._tubelets.append(self._encoder.embed(frames)[0])  # (P, D)
        if len(self._tubelets) == self._encoder.config.tubelets:
            self._made.append(self._encoder.encode(torch.stack(self._tubelets)[None])[0].cpu())  # (8, D)
            self._tubelets = self._tubelets[STEP_FRAMES // TUBELET_FRAMES :]


def prepare_synchformer(
    state: Mapping[str, Tensor], matmul_dtype: torch.dtype, config: SynchformerConfig = SYNCHFORMER
) -> dict[str, Tensor]:
    """The published state as the state of `Synchformer(matmul_dtype, config)`.

    Entries without the prefix of the visual encoder belong to other parts of the file and are left out. Raises
    ModelError when an entry is missing, not known, or of another shape.
    """
    own = {key.removeprefix(_PREFIX): value for key, value in state.items() if key.startswith(_PREFIX)}
    own = {key: value for key, value in own.items() if not key.startswith(_UNUSED)}
    with torch.device("meta"):
        wanted = {key: tuple(value.shape) for key, value in Synchformer(torch.float32, config).state_dict().items()}
    wanted |= _published_shapes(config)
    del wanted["positions"], wanted["tubelet_embed.weight"], wanted["tubelet_embed.bias"]
    wrong = [f"{key} is missing" for key in wanted if key not in own]
    wrong += [f"{_PREFIX}{key} is not known" for key in own if key not in wanted]
    wrong += [
        f"{key} is {tuple(own[key].shape)} for {shape}"
        for key, shape in wanted.items()
        if key in own and tuple(own[key].shape) != shape
    ]
    if wrong:
        raise ModelError(
            f"this is not Synchformer's file ({len(wrong)} entries: {'; '.join(wrong[:3])}); fetch it again"
        )
    places = own.pop("pos_embed")[0].float()  # (1 + P, D)
    times = own.pop("temp_embed")[0].float()  # (T, D)
    prepared = {
        "cls_token": own.pop("cls_token").float() + places[0],
        "positions": (times[:, None] + places[None, 1:]).flatten(0, 1).contiguous(),
        "tubelet_embed.weight": own.pop("patch_embed_3d.proj.weight").flatten(1).to(matmul_dtype),
        "tubelet_embed.bias": own.pop("patch_embed_3d.proj.bias").to(matmul_dtype),
    }
    for key, value in own.items():
        plain = "norm" in key or key.endswith("cls_token")
        prepared[key] = value.float() if plain else value.to(matmul_dtype)
    return prepared


def _published_shapes(config: SynchformerConfig) -> dict[str, tuple[int, ...]]:
    """The entries that `prepare_synchformer` folds."""
    width, patch = config.width, config.patch
    return {
        "pos_embed": (1, 1 + config.grid**2, width),
        "temp_embed": (1, config.tubelets, width),
        "patch_embed_3d.proj.weight": (width, 3, TUBELET_FRAMES, patch, patch),
        "patch_embed_3d.proj.bias": (width,),
    }
