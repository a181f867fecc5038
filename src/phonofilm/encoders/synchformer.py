"""Synchformer's picture half: what moves when, as features that keep a model's sound in time with the picture.

A clip at 25 frames a second is read in segments of 16 frames, one every 8. A segment becomes 8 vectors, one per
tubelet (2 frames). Attention is divided: over time at each place, then over space in each tubelet. Weights come from
`prepare_synchformer`, which folds the scaling of pixels into the patch product and, in the layer that sums a tubelet
up, the one query into the keys.

Synchformer: Iashin et al. 2024, https://arxiv.org/abs/2401.16423. Divided attention: Bertasius et al. 2021,
https://arxiv.org/abs/2102.05095.

Dimension letters: F frames, K segments, U tubelets (8 in a segment), P patches of a tubelet, N = 1 + U P tokens,
G groups of tokens, R tokens of a group, D width, H heads, E = D / H, Y X pixel rows and columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.device import linear
from phonofilm.encoders.published import check_published

MIDDLE = 128
"""Taken off every level: -128..127 are exact in bf16."""
HALF_RANGE = 127.5
"""Level v is v / 127.5 - 1 to the network."""
SEGMENT_FRAMES = 16
STEP_FRAMES = 8
TUBELET_FRAMES = 2
TUBELETS = SEGMENT_FRAMES // TUBELET_FRAMES
STEP_TUBELETS = STEP_FRAMES // TUBELET_FRAMES
"""Neighbouring segments share the patch products of half their tubelets, and nothing after those."""
PLACES_TOGETHER = 4
"""Places whose attention over time is one masked attention: 8 queries alone are too few for matrix units. On one CPU
core all 196 took 8.4, 4.2, 3.3, 5.2 and 5.4 ms in bf16 by 1, 2, 4, 7 and 14; 5.7, 4.8, 5.6, 6.9 and 8.7 in float32."""
CPU_SEGMENTS, CUDA_SEGMENTS = 1, 24
"""Segments in one pass. On one CPU core 1, 2 and 4 took 2.55, 2.59 and 2.65 s a segment in float32, 0.71, 0.66 and 0.67
in bf16; more cost memory only. On a GPU 24 is all of eight seconds; smaller passes were not tried."""
NORM_EPS = 1e-6

_PREFIX = "vfeat_extractor."
"""What belongs to the picture half in the published file; the rest of it listens and compares."""


@dataclass(frozen=True)
class SynchformerConfig:
    """Sizes. Pictures are squares of `pixels`, patches of `patch`; the patches must come in fours."""

    pixels: int
    patch: int
    width: int
    heads: int
    layers: int

    @property
    def patches(self) -> int:
        """P."""
        return (self.pixels // self.patch) ** 2


SYNCHFORMER = SynchformerConfig(pixels=224, patch=16, width=768, heads=12, layers=12)


class _Linear(nn.Module):
    """A linear layer whose product is computed in `matmul_dtype`."""

    def __init__(self, inputs: int, outputs: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, dtype=matmul_dtype))
        self.bias = nn.Parameter(torch.empty(outputs, dtype=matmul_dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) → (..., O) in the dtype of the weights."""
        return linear(x.to(self.weight.dtype), self.weight, self.bias)


class _Attention(nn.Module):
    """Divided attention: a patch looks at the class token and at its own group, the class token at everything."""

    def __init__(self, config: SynchformerConfig, over_time: bool, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = config.heads
        self.over_time = over_time
        self.qkv = _Linear(config.width, 3 * config.width, matmul_dtype)
        self.proj = _Linear(config.width, config.width, matmul_dtype)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(K, N, D) → (K, N, D). mask: added to the scores (R, 1 + R) within a group."""
        segments, tokens, _ = x.shape
        qkv = self.qkv(x).view(segments, tokens, 3, self.heads, -1)  # (K, N, 3, H, E)
        query, key, value = (part.transpose(1, 2) for part in qkv.unbind(2))  # (K, H, N, E) each
        everything = F.scaled_dot_product_attention(query[:, :, :1], key, value)  # (K, H, 1, E)

        own = self._grouped(qkv[:, 1:])  # (K, G, R, 3, H, E)
        first = qkv[:, None, :1, 1:].expand(-1, own.shape[1], -1, -1, -1, -1)  # (K, G, 1, 2, H, E)
        pairs = torch.cat([first, own[..., 1:, :, :]], 2).flatten(0, 1)  # (K G, 1 + R, 2, H, E)
        key, value = pairs.permute(2, 0, 3, 1, 4)  # (K G, H, 1 + R, E) each
        query = own[..., 0, :, :].flatten(0, 1).transpose(1, 2)  # (K G, H, R, E)
        answer = F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)  # (K G, R, H, E)

        mixed = torch.cat([everything.transpose(1, 2), self._ungrouped(answer, segments)], 1)  # (K, N, H, E)
        result: Tensor = self.proj(mixed.flatten(2))
        return result

    def _grouped(self, patches: Tensor) -> Tensor:
        """(K, U P, ...) → (K, G, R, ...): a few places in all tubelets over time, one tubelet over space."""
        if not self.over_time:
            return patches.reshape(len(patches), TUBELETS, -1, *patches.shape[2:])
        by_place = patches.reshape(len(patches), TUBELETS, -1, PLACES_TOGETHER, *patches.shape[2:])
        return by_place.transpose(1, 2).flatten(2, 3)

    def _ungrouped(self, groups: Tensor, segments: int) -> Tensor:
        """(K G, R, ...) → (K, U P, ...), the inverse of `_grouped`."""
        if not self.over_time:
            return groups.reshape(segments, -1, *groups.shape[2:])
        by_place = groups.reshape(segments, -1, TUBELETS, PLACES_TOGETHER, *groups.shape[2:])
        return by_place.transpose(1, 2).flatten(1, 3)


class _Mlp(nn.Module):
    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.fc1 = _Linear(width, 4 * width, matmul_dtype)
        self.fc2 = _Linear(4 * width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class _Block(nn.Module):
    """Attention over time, attention over space, MLP: each with a norm before it and a sum after it."""

    def __init__(self, config: SynchformerConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.norm3 = _norm(config.width)
        self.timeattn = _Attention(config, True, matmul_dtype)
        self.norm1 = _norm(config.width)
        self.attn = _Attention(config, False, matmul_dtype)
        self.norm2 = _norm(config.width)
        self.mlp = _Mlp(config.width, matmul_dtype)

    def forward(self, x: Tensor, time_mask: Tensor) -> Tensor:
        """(K, N, D) float32 → the same tensor, changed."""
        x += self.timeattn(self.norm3(x), time_mask)
        x += self.attn(self.norm1(x), None)
        x += self.mlp(self.norm2(x))
        return x


class _Summary(nn.Module):
    """A transformer layer over a tubelet and a token of its own, of which only that token is kept.

    The token's query is the same for every tubelet, so it is multiplied into the keys beforehand (`ask`), and the
    values are made of the one weighted mean instead of every patch: 22 GFLOP a segment become 0.2.
    """

    def __init__(self, config: SynchformerConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        width = config.width
        self.cls_token = nn.Parameter(torch.empty(width))
        self.ask = nn.Parameter(torch.empty(config.heads, width))
        self.value = nn.Parameter(torch.empty(config.heads, width, width // config.heads))
        self.value_bias = nn.Parameter(torch.empty(width))
        self.out_proj = _Linear(width, width, matmul_dtype)
        self.norm1 = _norm(width)
        self.norm2 = _norm(width)
        self.linear1 = _Linear(width, 4 * width, matmul_dtype)
        self.linear2 = _Linear(4 * width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(K U, P, D) → (K U, D) float32."""
        own = self.norm1(self.cls_token).expand(len(x), 1, -1)  # (K U, 1, D)
        seen = torch.cat([own, self.norm1(x)], 1)  # (K U, 1 + P, D)
        weights = (seen @ self.ask.T).softmax(1)  # (K U, 1 + P, H)
        means = weights.transpose(1, 2) @ seen  # (K U, H, D)
        values = torch.bmm(means.transpose(0, 1), self.value)  # (H, K U, E)
        y = self.cls_token + self.out_proj(values.transpose(0, 1).flatten(1) + self.value_bias)  # (K U, D)
        result: Tensor = y + self.linear2(F.gelu(self.linear1(self.norm2(y))))
        return result


class Synchformer(nn.Module):
    """The picture half, with weights from `prepare_synchformer`. Read-only after loading."""

    def __init__(self, matmul_dtype: torch.dtype, config: SynchformerConfig = SYNCHFORMER) -> None:
        super().__init__()
        assert config.patches % PLACES_TOGETHER == 0
        width = config.width
        self.config = config
        self.matmul_dtype = matmul_dtype
        self.patches = _Linear(TUBELET_FRAMES * config.patch**2 * 3, width, matmul_dtype)
        self.first = nn.Parameter(torch.empty(width))
        self.places = nn.Parameter(torch.empty(config.patches, width))
        self.times = nn.Parameter(torch.empty(TUBELETS, width))
        self.blocks = nn.ModuleList(_Block(config, matmul_dtype) for _ in range(config.layers))
        self.norm = _norm(width)
        self.spatial_attn_agg = _Summary(config, matmul_dtype)

    def features(self, pixels: Tensor) -> Tensor:
        """A whole clip at 25 frames a second: (F, Y, X, 3) → (8 K, D) float32, K = `segment_count(F)`.

        Pixels are red, green, blue in levels 0..255: uint8, or float32 for levels in between. Frames after the last
        whole segment are not read; of a clip shorter than a segment the last frame is repeated. F may be 0.
        """
        stream = SynchformerStream(self)
        return torch.cat([*(stream.push(part) for part in torch.split(pixels, STEP_FRAMES)), stream.finish()])

    @torch.no_grad()
    def segments(self, pixels: Tensor) -> Tensor:
        """Segments by themselves: (K, 16, Y, X, 3) → (K, 8, D) float32; a segment does not depend on the others."""
        rows = [self.first.new_empty(0, TUBELETS, self.config.width)]
        for part in torch.split(pixels, CUDA_SEGMENTS if self.first.is_cuda else CPU_SEGMENTS):
            if not len(part):
                continue
            tubelets = self.tubelets(part.flatten(0, 1))  # (K U, P, D)
            rows.append(self.encode(tubelets.view(len(part), TUBELETS, *tubelets.shape[1:])))
        return torch.cat(rows)

    @torch.no_grad()
    def tubelets(self, pixels: Tensor) -> Tensor:
        """The patch product, which knows nothing of segments: (2 U, Y, X, 3) → (U, P, D) in `matmul_dtype`."""
        edge, patch = self.config.pixels, self.config.patch
        assert pixels.shape[1:] == (edge, edge, 3), f"pixels must be (F, {edge}, {edge}, 3), not {tuple(pixels.shape)}"
        cut = pixels.to(self.first.device).reshape(-1, TUBELET_FRAMES, edge // patch, patch, edge // patch, patch, 3)
        flat = cut.permute(0, 2, 4, 1, 3, 5, 6).reshape(len(cut), self.config.patches, -1)  # (U, P, 2 patch² 3)
        levels = flat.to(self.matmul_dtype if flat.dtype == torch.uint8 else torch.float32) - MIDDLE
        result: Tensor = self.patches(levels)
        return result

    @torch.no_grad()
    def encode(self, tubelets: Tensor) -> Tensor:
        """Segments of patch products (K, 8, P, D) → (K, 8, D) float32. Takes about 100 MB a segment in float32."""
        segments, _, patches, width = tubelets.shape
        x = torch.empty(segments, 1 + TUBELETS * patches, width, device=tubelets.device)  # (K, N, D)
        x[:, 0] = self.first
        torch.add(self.times[:, None] + self.places, tubelets, out=x[:, 1:].view(tubelets.shape))
        mask = self._time_mask()
        for block in self.blocks:
            x = block(x, mask)
        seen = self.norm(x[:, 1:]).view(-1, patches, width)  # (K U, P, D)
        result: Tensor = self.spatial_attn_agg(seen)  # (K U, D)
        return result.view(segments, TUBELETS, width)

    def _time_mask(self) -> Tensor:
        """(R, 1 + R) for a group of a few places, tubelet by tubelet: to the class token and to the same place only."""
        place = torch.arange(TUBELETS * PLACES_TOGETHER, device=self.first.device) % PLACES_TOGETHER
        apart = F.pad(place[:, None] != place, (1, 0))  # (R, 1 + R)
        return torch.zeros(apart.shape, dtype=self.matmul_dtype, device=apart.device).masked_fill(apart, -torch.inf)


class SynchformerStream:
    """The features of one clip while its frames come in, in constant memory.

    A segment whose frames are those of the segment before, level for level, is not encoded again: a still picture of
    any length costs one segment.
    """

    def __init__(self, network: Synchformer, segments: int | None = None) -> None:
        """segments: how many to encode in one pass; None leaves that to the device."""
        self._network = network
        usual = CUDA_SEGMENTS if network.first.is_cuda else CPU_SEGMENTS
        self._pass_frames = STEP_FRAMES * (usual if segments is None else segments)
        self._count = 0
        self._waiting: Tensor | None = None  # (F, Y, X, 3), fewer than _pass_frames
        self._step: Tensor | None = None  # the last step that was taken in, (8, Y, X, 3)
        self._half: Tensor | None = None  # its patch products, (4, P, D)
        self._stands = False  # whether it repeats the step before it
        self._last: Tensor | None = None  # the last segment's features, (8, D)

    def push(self, pixels: Tensor) -> Tensor:
        """More frames, (F, Y, X, 3) as in `Synchformer.features`; returns the rows they completed, (8 K, D)."""
        self._count += len(pixels)
        waiting = pixels if self._waiting is None else torch.cat([self._waiting, pixels])
        ready = len(waiting) // self._pass_frames * self._pass_frames
        # A copy: a view would hold on to all that was pushed, and the caller may write there.
        self._waiting = waiting[ready:].clone()
        return self._take(waiting[:ready])

    def finish(self) -> Tensor:
        """No more frames: the last rows, (8 K, D)."""
        if self._waiting is None or not self._count:
            return self._no_rows()
        rows = self._no_rows()
        if self._count < SEGMENT_FRAMES:
            newest = self._waiting if len(self._waiting) else self._step
            assert newest is not None
            rows = self.push(newest[-1:].expand(SEGMENT_FRAMES - self._count, -1, -1, -1))
        whole = len(self._waiting) // STEP_FRAMES * STEP_FRAMES
        return torch.cat([rows, self._take(self._waiting[:whole])])

    def _take(self, pixels: Tensor) -> Tensor:
        """Whole steps, (8 S, Y, X, 3) → the rows of the segments that end in them, (8 K, D)."""
        parts = [self._pass(part) for part in torch.split(pixels, self._pass_frames) if len(part)]
        return torch.cat([self._no_rows(), *parts])

    @torch.no_grad()
    def _pass(self, pixels: Tensor) -> Tensor:
        """As `_take`, for as many steps as go through the network together."""
        halves = list(torch.split(self._network.tubelets(pixels), STEP_TUBELETS))  # (4, P, D) each
        stands = []
        for step in torch.split(pixels, STEP_FRAMES):
            stands.append(self._step is not None and torch.equal(step, self._step))
            self._step = step
        if self._half is not None:
            halves, stands = [self._half, *halves], [self._stands, *stands]
        self._step, self._half, self._stands = pixels[-STEP_FRAMES:].clone(), halves[-1].clone(), stands[-1]

        # A segment in which both steps repeat those before them is the segment before.
        repeats = [one and other for one, other in pairwise(stands)]
        new = [torch.cat(pair) for pair, repeat in zip(pairwise(halves), repeats, strict=True) if not repeat]
        encoded = iter(self._network.encode(torch.stack(new)) if new else ())  # (8, D) each
        rows = [self._no_rows()]
        for repeat in repeats:
            if not repeat:
                self._last = next(encoded)
            assert self._last is not None
            rows.append(self._last)
        return torch.cat(rows)

    def _no_rows(self) -> Tensor:
        return self._network.first.new_empty(0, self._network.config.width)


def segment_count(frames: int) -> int:
    """K: the segments in a clip of so many frames at 25 a second, at least one where there is a frame."""
    return max(min(frames, 1), (frames - SEGMENT_FRAMES) // STEP_FRAMES + 1)


def published_keys(config: SynchformerConfig = SYNCHFORMER) -> dict[str, tuple[int, ...]]:
    """Every entry of the picture half in the published file, with its shape."""
    width, patch, summary = config.width, config.patch, "spatial_attn_agg"
    keys: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + config.patches, width),
        "temp_embed": (1, TUBELETS, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        "patch_embed_3d.proj.weight": (width, 3, TUBELET_FRAMES, patch, patch),
        "patch_embed_3d.proj.bias": (width,),
        f"{summary}.cls_token": (1, 1, width),
        f"{summary}.self_attn.in_proj_weight": (3 * width, width),
        f"{summary}.self_attn.in_proj_bias": (3 * width,),
    }
    norms = ["norm", f"{summary}.norm1", f"{summary}.norm2"]
    linears = {f"{summary}.self_attn.out_proj": (1, 1), f"{summary}.linear1": (4, 1), f"{summary}.linear2": (1, 4)}
    for block in (f"blocks.{layer}" for layer in range(config.layers)):
        norms += [f"{block}.norm{number}" for number in (1, 2, 3)]
        linears |= {f"{block}.{name}.qkv": (3, 1) for name in ("attn", "timeattn")}
        linears |= {f"{block}.{name}.proj": (1, 1) for name in ("attn", "timeattn")}
        linears |= {f"{block}.mlp.fc1": (4, 1), f"{block}.mlp.fc2": (1, 4)}
    for name in norms:
        keys |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    for name, (outputs, inputs) in linears.items():
        keys |= {f"{name}.weight": (outputs * width, inputs * width), f"{name}.bias": (outputs * width,)}
    return {_PREFIX + key: shape for key, shape in keys.items()}


def prepare_synchformer(
    state: Mapping[str, Tensor],
    config: SynchformerConfig = SYNCHFORMER,
    matmul_dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """The published state as the state of `Synchformer(matmul_dtype, config)`.

    The published file also holds the half that listens; entries outside `vfeat_extractor.` are passed over. Raises
    ModelError when one inside is missing, not known, or of another shape.
    """
    _check(state, config)
    own = {key.removeprefix(_PREFIX): value for key, value in state.items() if key.startswith(_PREFIX)}
    del own["patch_embed.proj.weight"], own["patch_embed.proj.bias"]  # of an encoder for stills; nothing reads them
    kernels = own.pop("patch_embed_3d.proj.weight").double()  # (D, 3, 2, patch, patch)
    # Level v enters as v - MIDDLE; kernel · (v / 127.5 - 1) is a product with that and a constant.
    constant = kernels.sum((1, 2, 3, 4)) * (MIDDLE / HALF_RANGE - 1)  # (D,)
    places = own.pop("pos_embed")[0].float()  # (1 + P, D)
    prepared = {
        "patches.weight": (kernels / HALF_RANGE).permute(0, 2, 3, 4, 1).flatten(1).to(matmul_dtype),  # (D, 2 patch² 3)
        "patches.bias": (own.pop("patch_embed_3d.proj.bias").double() + constant).to(matmul_dtype),
        "first": own.pop("cls_token")[0, 0].float() + places[0],
        "places": places[1:].clone(),
        "times": own.pop("temp_embed")[0].float(),
        **_summary_state(own, config),
    }
    for key, value in own.items():
        product = "norm" not in key
        prepared[key] = value.to(matmul_dtype if product else torch.float32)
    return {key: value.contiguous() for key, value in prepared.items()}


def _summary_state(own: dict[str, Tensor], config: SynchformerConfig) -> dict[str, Tensor]:
    """Takes the attention of `_Summary` out of the state, and gives what it became."""
    name = "spatial_attn_agg"
    heads, width = config.heads, config.width
    token = own.pop(f"{name}.cls_token")[0, 0].double()  # (D,)
    weights = own.pop(f"{name}.self_attn.in_proj_weight").double().view(3, heads, -1, width)  # (3, H, E, D)
    biases = own.pop(f"{name}.self_attn.in_proj_bias").double().view(3, heads, -1)  # (3, H, E)
    scale, shift = own[f"{name}.norm1.weight"].double(), own[f"{name}.norm1.bias"].double()
    normed = F.layer_norm(token, (width,), scale, shift, NORM_EPS)
    query = weights[0] @ normed + biases[0]  # (H, E)
    # What the key's bias adds to a score is the same for all keys, which a softmax does not see.
    ask = torch.einsum("he,hed->hd", query, weights[1]) / weights.shape[2] ** 0.5
    moved = {key: own.pop(f"{name}.self_attn.{key}") for key in ("out_proj.weight", "out_proj.bias")}
    own |= {f"{name}.{key}": value for key, value in moved.items()}
    return {
        f"{name}.cls_token": token.float(),
        f"{name}.ask": ask.float(),
        f"{name}.value": weights[2].transpose(1, 2).float(),  # (H, D, E)
        f"{name}.value_bias": biases[2].flatten().float(),
    }


def _check(state: Mapping[str, Tensor], config: SynchformerConfig) -> None:
    """Raises ModelError when the state is not the published one, naming up to three entries."""
    wanted = published_keys(config)
    unknown = [key for key in state if key not in wanted and key.startswith(_PREFIX)]
    check_published(state, wanted, unknown, "Synchformer")


def _norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=NORM_EPS)
