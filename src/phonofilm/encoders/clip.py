"""CLIP: frames and words as features that share one space; the ViT-H/14-378 that the MMAudio models look and read with.

The image tower gives one vector per frame, the text tower one per token. Both keep the published names and shapes of
their blocks. What can be folded into weights once is folded by `prepare_clip_image` and `prepare_clip_text`:
the scaling of pixels into the patch product, the factor of quick GELU into the layers around it, the class token and
the biases of the patches into the table of places.

CLIP: Radford et al. 2021, https://arxiv.org/abs/2103.00020. ViT: Dosovitskiy et al. 2020,
https://arxiv.org/abs/2010.11929. Quick GELU: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

Dimension letters: F frames, Y X pixel rows and columns, G patches along an edge, P pixels along an edge of a patch,
B batch, T tokens, D width, H heads, E width of the image features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.device import linear
from phonofilm.encoders.published import check_published

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue, on a scale where white is 1."""
WHITE = 255.0
MIDDLE = 128
"""Taken off every level: -128..127 are exact in bf16, and products around zero round less."""
QUICK_GELU = 1.702
"""x sigmoid(1.702 x) = silu(1.702 x) / 1.702."""
NORM_EPS = 1e-5
CPU_FRAMES, CUDA_FRAMES = 2, 64
"""Frames in one pass. On one CPU core, four blocks took 174, 156, 162 and 173 ms a frame in bf16 for 1, 2, 4 and 8, and
685, 674, 674 and 724 ms in float32. On a GPU 64 is all of eight seconds; smaller passes were not tried."""
ROW_STEP = 32
"""bf16 attention of one frame on a CPU core takes 12 ms over 730 keys, but 8 ms over 736 with six masked: at full size
about 4 % of the whole tower."""

_UNUSED = frozenset({"logit_scale", "text_projection", "attn_mask"})
"""Entries of the published file for comparing pictures with sentences, and a table that SDPA has built in."""
_IMAGE = "visual."


@dataclass(frozen=True)
class ClipConfig:
    """Sizes of both towers. Pictures are squares of `pixels`; what lies beyond the last whole patch is unused."""

    pixels: int
    patch: int
    image_width: int
    image_heads: int
    image_layers: int
    text_tokens: int
    text_vocabulary: int
    text_width: int
    text_heads: int
    text_layers: int
    embed: int

    @property
    def grid(self) -> int:
        """G: patches along an edge."""
        return self.pixels // self.patch


CLIP_VIT_H14_378 = ClipConfig(
    pixels=384,
    patch=14,
    image_width=1280,
    image_heads=16,
    image_layers=32,
    text_tokens=77,
    text_vocabulary=49_408,
    text_width=1024,
    text_heads=16,
    text_layers=24,
    embed=1024,
)
"""ViT-H-14-378-quickgelu, on pictures of 384 pixels as MMAudio feeds it: a grid of 27."""


class _Linear(nn.Module):
    """A linear layer whose product is computed in `matmul_dtype`; no copy where the weights have it already."""

    def __init__(self, inputs: int, outputs: int, matmul_dtype: torch.dtype, bias: bool = True) -> None:
        super().__init__()
        self.matmul_dtype = matmul_dtype
        self.weight = nn.Parameter(torch.empty(outputs, inputs, dtype=matmul_dtype))
        self.bias = nn.Parameter(torch.empty(outputs, dtype=matmul_dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return _product(x, self.weight, self.bias, self.matmul_dtype)


class _Attention(nn.Module):
    """Multi-head attention with the three projections packed as query, key, value."""

    def __init__(self, width: int, heads: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.matmul_dtype = matmul_dtype
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width, dtype=matmul_dtype))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width, dtype=matmul_dtype))
        self.out_proj = _Linear(width, width, matmul_dtype)

    def forward(self, x: Tensor, mask: Tensor | None, causal: bool, queries: int | None) -> Tensor:
        """(B, T, D) → (B, queries or T, D): only the first `queries` tokens ask, all of them answer."""
        width, weight, bias = self.width, self.in_proj_weight, self.in_proj_bias
        if queries is None:
            query, key, value = _product(x, weight, bias, self.matmul_dtype).chunk(3, -1)  # (B, T, D) each
        else:
            query = _product(x[:, :queries], weight[:width], bias[:width], self.matmul_dtype)  # (B, queries, D)
            key, value = _product(x, weight[width:], bias[width:], self.matmul_dtype).chunk(2, -1)  # (B, T, D) each
        query, key, value = (part.view(*part.shape[:2], self.heads, -1) for part in (query, key, value))
        query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)  # (B, H, T, D/H) each
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, queries or T, D)
        return result


class _Mlp(nn.Module):
    """c_proj(quick_gelu(c_fc(x))), the factors of quick GELU being in the weights."""

    def __init__(self, width: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.c_fc = _Linear(width, 4 * width, matmul_dtype)
        self.c_proj = _Linear(4 * width, width, matmul_dtype)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.c_proj(F.silu(self.c_fc(x), inplace=True))
        return result


class _Block(nn.Module):
    """Attention and MLP, each with a norm before it and a sum after it (pre-LN)."""

    def __init__(self, width: int, heads: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.ln_1 = _norm(width)
        self.attn = _Attention(width, heads, matmul_dtype)
        self.ln_2 = _norm(width)
        self.mlp = _Mlp(width, matmul_dtype)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, causal: bool = False, queries: int | None = None
    ) -> Tensor:
        """x: (B, T, D) float32. mask: added to scores, broadcast to (B, H, T, T). Returns (B, queries or T, D)."""
        attended = self.attn(self.ln_1(x), mask, causal, queries)
        x = x[:, :queries] + attended
        x += self.mlp(self.ln_2(x))
        return x


class _Transformer(nn.Module):
    """A row of blocks, under the name that the published file has for it."""

    def __init__(self, width: int, heads: int, layers: int, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width, heads, matmul_dtype) for _ in range(layers))


class ClipImage(nn.Module):
    """The image tower, with weights from `prepare_clip_image`. Read-only after loading."""

    def __init__(self, config: ClipConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        width = config.image_width
        self.config = config
        self.matmul_dtype = matmul_dtype
        self.patches = _Linear(3 * config.patch**2, width, matmul_dtype, bias=False)
        self.places = nn.Parameter(torch.empty(1 + config.grid**2, width))
        self.ln_pre = _norm(width)
        self.transformer = _Transformer(width, config.image_heads, config.image_layers, matmul_dtype)
        self.ln_post = _norm(width)
        self.proj = _Linear(width, config.embed, torch.float32, bias=False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Pictures to features of norm 1.

        pixels: (F, Y, X, 3) of `config.pixels` squared, red, green, blue in levels 0..255: uint8, or float32 for
        levels in between. Returns (F, E) float32; a row does not depend on the other frames. F may be 0.
        """
        edge = self.config.pixels
        assert pixels.shape[1:] == (edge, edge, 3), f"pixels must be (F, {edge}, {edge}, 3), not {tuple(pixels.shape)}"
        if not len(pixels):
            return self.places.new_empty(0, self.config.embed)
        frames = CUDA_FRAMES if pixels.is_cuda else CPU_FRAMES
        return torch.cat([self._encode(part) for part in torch.split(pixels, frames)])

    def _encode(self, pixels: Tensor) -> Tensor:
        """(F, Y, X, 3) → (F, E)."""
        x, mask = self._tokens(pixels)  # (F, T, D)
        *blocks, last = self.transformer.resblocks
        for block in blocks:
            x = block(x, mask)
        # Nothing but the class token is read after the last block.
        x = last(x, mask, queries=1)[:, 0]  # (F, D)
        return F.normalize(self.proj(self.ln_post(x)), dim=-1)  # (F, E)

    def _tokens(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """(F, Y, X, 3) → what enters the blocks, (F, T, D) with T = 1 + G² or up to ROW_STEP - 1 more, and the mask."""
        grid, patch = self.config.grid, self.config.patch
        used = pixels[:, : grid * patch, : grid * patch]
        pieces = used.reshape(-1, grid, patch, grid, patch, 3)  # (F, G, P, G, P, 3)
        flat = pieces.transpose(2, 3).reshape(len(pixels), grid**2, -1)  # (F, G², P² 3)
        levels = flat.to(self.matmul_dtype if flat.dtype == torch.uint8 else torch.float32) - MIDDLE
        count = 1 + grid**2
        spare = -count % ROW_STEP if self.matmul_dtype != torch.float32 and not pixels.is_cuda else 0
        x = F.pad(self.places, (0, 0, 0, spare)).repeat(len(pixels), 1, 1)  # (F, T, D)
        x[:, 1:count] += self.patches(levels)
        return self.ln_pre(x), self._mask(count, spare, x.device) if spare else None

    def _mask(self, count: int, spare: int, device: torch.device) -> Tensor:
        """(1, 1, 1, T): the spare keys are never looked at."""
        mask = torch.zeros(1, 1, 1, count + spare, dtype=self.matmul_dtype, device=device)
        mask[..., count:] = -torch.inf
        return mask


class ClipText(nn.Module):
    """The text tower, with weights from `prepare_clip_text`. Read-only after loading."""

    def __init__(self, config: ClipConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        width = config.text_width
        self.config = config
        # Weights handed in: nn.Embedding's own random start, on the meta device, imports torch._dynamo (over 1 s).
        words = torch.empty(config.text_vocabulary, width)
        self.token_embedding = nn.Embedding(config.text_vocabulary, width, _weight=words)
        self.positional_embedding = nn.Parameter(torch.empty(config.text_tokens, width))
        self.transformer = _Transformer(width, config.text_heads, config.text_layers, matmul_dtype)
        self.ln_final = _norm(width)

    @torch.no_grad()
    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T) int64, padded to `config.text_tokens`, to one vector of norm 1 each, (B, T, D) float32.

        A token sees itself and those before it. Those after the end token are features too: MMAudio reads them all.
        """
        count = self.config.text_tokens
        assert tokens.shape[1:] == (count,), f"tokens must be (B, {count}), not {tuple(tokens.shape)}"
        x = self.token_embedding(tokens) + self.positional_embedding  # (B, T, D)
        for block in self.transformer.resblocks:
            x = block(x, causal=True)
        return F.normalize(self.ln_final(x), dim=-1)


def published_keys(config: ClipConfig) -> dict[str, tuple[int, ...]]:
    """Every entry of the published file that is used, both towers, with its shape."""
    wide, narrow, grid, patch = config.image_width, config.text_width, config.grid, config.patch
    return {
        f"{_IMAGE}class_embedding": (wide,),
        f"{_IMAGE}positional_embedding": (1 + grid**2, wide),
        f"{_IMAGE}proj": (wide, config.embed),
        f"{_IMAGE}conv1.weight": (wide, 3, patch, patch),
        **_norm_keys(f"{_IMAGE}ln_pre", wide),
        **_block_keys(_IMAGE, wide, config.image_layers),
        **_norm_keys(f"{_IMAGE}ln_post", wide),
        "token_embedding.weight": (config.text_vocabulary, narrow),
        "positional_embedding": (config.text_tokens, narrow),
        **_block_keys("", narrow, config.text_layers),
        **_norm_keys("ln_final", narrow),
    }


def prepare_clip_image(
    state: Mapping[str, Tensor],
    config: ClipConfig = CLIP_VIT_H14_378,
    matmul_dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """The whole published state as the state of `ClipImage(config, matmul_dtype)`.

    Raises ModelError when an entry of either tower is missing, not known, or of another shape.
    """
    _check(state, config)
    own = {key.removeprefix(_IMAGE): value for key, value in state.items() if key.startswith(_IMAGE)}
    std, mean = (torch.tensor(of, dtype=torch.float64, device=own["proj"].device) for of in (STD, MEAN))
    kernels = own.pop("conv1.weight").double()  # (D, 3, P, P)
    # Level v enters as v - MIDDLE; kernel · (v / WHITE - mean) / std is a product with that and a constant.
    weight = (kernels / (WHITE * std[:, None, None])).permute(0, 2, 3, 1).flatten(1)  # (D, P² 3)
    constant = kernels.sum((2, 3)) @ ((MIDDLE / WHITE - mean) / std)  # (D,)
    places = own.pop("positional_embedding").double()  # (1 + G², D)
    first = places[:1] + own.pop("class_embedding").double()  # (1, D)
    prepared = {
        "patches.weight": weight.to(matmul_dtype).contiguous(),
        "places": torch.cat([first, places[1:] + constant]).float(),
        "proj.weight": own.pop("proj").float().T.contiguous(),  # (E, D)
    }
    return prepared | {key: _ready(key, value, matmul_dtype) for key, value in own.items()}


def prepare_clip_text(
    state: Mapping[str, Tensor],
    config: ClipConfig = CLIP_VIT_H14_378,
    matmul_dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """The whole published state as the state of `ClipText(config, matmul_dtype)`. Raises as `prepare_clip_image`."""
    _check(state, config)
    own = {key: value for key, value in state.items() if not key.startswith(_IMAGE) and key not in _UNUSED}
    return {key: _ready(key, value, matmul_dtype) for key, value in own.items()}


def _ready(key: str, value: Tensor, matmul_dtype: torch.dtype) -> Tensor:
    """One entry of a block, norm or table as the network keeps it: scaled for quick GELU, in the dtype of its use."""
    value = value.float()
    if ".mlp.c_fc." in key:
        value = value * QUICK_GELU
    elif key.endswith(".mlp.c_proj.weight"):
        value = value / QUICK_GELU
    return value.to(matmul_dtype) if ".mlp." in key or ".attn." in key else value


def _check(state: Mapping[str, Tensor], config: ClipConfig) -> None:
    """Raises ModelError when the state is not the published one, naming up to three entries."""
    wanted = published_keys(config)
    unknown = [key for key in state if key not in wanted and key not in _UNUSED]
    check_published(state, wanted, unknown, "CLIP")


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """(..., I) → (..., O) in `dtype`."""
    return linear(x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype))


def _norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=NORM_EPS)


def _norm_keys(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _linear_keys(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _block_keys(prefix: str, width: int, layers: int) -> dict[str, tuple[int, ...]]:
    keys: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        name = f"{prefix}transformer.resblocks.{layer}"
        keys |= _norm_keys(f"{name}.ln_1", width)
        keys |= {f"{name}.attn.in_proj_weight": (3 * width, width), f"{name}.attn.in_proj_bias": (3 * width,)}
        keys |= _linear_keys(f"{name}.attn.out_proj", width, width)
        keys |= _norm_keys(f"{name}.ln_2", width)
        keys |= _linear_keys(f"{name}.mlp.c_fc", width, 4 * width)
        keys |= _linear_keys(f"{name}.mlp.c_proj", 4 * width, width)
    return keys
