"""ImageBind's halves for pictures and sound: two transformers into one space, in which what belongs together is near.

Pictures go in as pairs of frames, three square crops of each, sound as three pieces of 2 s; each is one vector of
length 1, and a film or a sound is the mean of its own.

ImageBind: Girdhar et al. 2023, https://arxiv.org/abs/2305.05665 (code and weights CC BY-NC-SA 4.0; this is our own
implementation, the weights stay under their licence). Spectrograms as Kaldi makes them.

Dimension letters: F frames, Y X pixel rows and columns, B batch, C channels of a picture, S samples, T spectrogram
frames, K frequency bins, M mel bands, N tokens, D width, E width of the common space.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.mel import bins_hz, triangles_over_mels
from phonofilm.judges.mlp import Mlp

EDGE = 224
PICTURE_PATCH = 14
PICTURE_MEAN = (0.48145466, 0.4578275, 0.40821073)
PICTURE_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
PAIR = 2
RATE_HZ = 16000
PIECES = 3
PIECE_SAMPLES = 2 * RATE_HZ
SOUND_PATCH, SOUND_STRIDE = 16, 10
WINDOW, HOP, N_FFT = 400, 160, 512
PREEMPHASIS = 0.97
BANDS, LOW_HZ, FRAMES = 128, 20.0, 204
SOUND_MEAN, SOUND_DEVIATION = -4.268, 9.138
NORM_EPS = 1e-6
PARTS = ("preprocessors", "trunks", "heads", "postprocessors")
UNREAD = (
    "modality_postprocessors.audio.",
    *(f"modality_{part}.{sense}." for part in PARTS for sense in ("text", "depth", "thermal", "imu")),
)
"""Of the published file, what we have no use for: other senses, and a factor that a cosine does not see."""


@dataclass(frozen=True)
class ImageBindConfig:
    """Sizes. width: of the common space, E. picture_..., sound_...: of the two transformers."""

    width: int
    picture_width: int
    picture_layers: int
    picture_heads: int
    sound_width: int
    sound_layers: int
    sound_heads: int


IMAGEBIND = ImageBindConfig(
    width=1024,
    picture_width=1280,
    picture_layers=32,
    picture_heads=16,
    sound_width=768,
    sound_layers=12,
    sound_heads=12,
)


class _Block(nn.Module):
    """extra: whether a learned key and value stand beside those of the tokens."""

    def __init__(self, width: int, heads: int, extra: bool) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, add_bias_kv=extra, batch_first=True)
        self.norm_1 = nn.LayerNorm(width, NORM_EPS)
        self.mlp = Mlp(width)
        self.norm_2 = nn.LayerNorm(width, NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        y = self.norm_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        result: Tensor = x + self.mlp(self.norm_2(x))
        return result


class _Trunk(nn.Module):
    def __init__(self, width: int, layers: int, heads: int, extra: bool, norm_first: bool) -> None:
        super().__init__()
        first = nn.LayerNorm(width, NORM_EPS) if norm_first else nn.Identity()
        self.pre_transformer_layer = nn.Sequential(first)
        self.blocks = nn.Sequential(*(_Block(width, heads, extra) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        result: Tensor = self.blocks(self.pre_transformer_layer(x))
        return result


class _Positions(nn.Module):
    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, width))


class _PictureStem(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        kernel = (PAIR, PICTURE_PATCH, PICTURE_PATCH)
        # The first place of the sequence doubles stills in the original; there are none here.
        self.proj = nn.Sequential(nn.Identity(), nn.Conv3d(3, width, kernel, kernel, bias=False))

    def forward(self, pairs: Tensor) -> Tensor:
        """(B, C, 2, 224, 224) → (B, N, D)."""
        result: Tensor = self.proj(pairs).flatten(2).transpose(1, 2)
        return result


class _SoundStem(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, SOUND_PATCH, SOUND_STRIDE, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, M, T) → (B, N, D)."""
        result: Tensor = self.norm_layer(self.proj(log_mel[:, None]).flatten(2).transpose(1, 2))
        return result


class _Entrance(nn.Module):
    """Patches, with a token before them and positions added."""

    def __init__(self, stem: nn.Module, patches: int, width: int) -> None:
        super().__init__()
        self.rgbt_stem = stem
        self.pos_embedding_helper = _Positions(1 + patches, width)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """What the stem takes → (B, N, D)."""
        patches = self.rgbt_stem(x)
        return (
            torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], 1) + self.pos_embedding_helper.pos_embed
        )


class ImageBind(nn.Module):
    """Both halves with their published keys (`imagebind_huge`)."""

    def __init__(self, config: ImageBindConfig = IMAGEBIND) -> None:
        super().__init__()
        seen, heard = config.picture_width, config.sound_width
        squares = (EDGE // PICTURE_PATCH) ** 2
        down, along = ((size - SOUND_PATCH) // SOUND_STRIDE + 1 for size in (BANDS, FRAMES))
        self.modality_preprocessors = nn.ModuleDict(
            {
                "vision": _Entrance(_PictureStem(seen), squares, seen),
                "audio": _Entrance(_SoundStem(heard), down * along, heard),
            }
        )
        self.modality_trunks = nn.ModuleDict(
            {
                "vision": _Trunk(seen, config.picture_layers, config.picture_heads, extra=False, norm_first=True),
                "audio": _Trunk(heard, config.sound_layers, config.sound_heads, extra=True, norm_first=False),
            }
        )
        self.modality_heads = nn.ModuleDict({"vision": _head(seen, config.width), "audio": _head(heard, config.width)})

    @torch.no_grad()
    def see(self, pixels: Tensor) -> Tensor:
        """Frames (F, Y, X, 3) uint8 whose shorter edge is 224 → (E,), the mean over neighbouring pairs and crops."""
        assert len(pixels) >= PAIR, "a pair of frames is wanted"
        pairs = torch.cat([pixels[index : index + PAIR] for index in range(len(pixels) - 1)])  # (2 (F - 1), Y, X, 3)
        vectors = [self._vectors("vision", _scaled(crop)) for crop in crops(pairs)]  # (F - 1, E) each
        return torch.stack(vectors).mean((0, 1))

    @torch.no_grad()
    def hear(self, samples: Tensor) -> Tensor:
        """Samples (S,) at 16 kHz, full scale 1, 2 s or more → (E,), the mean over first, middle and last 2 s."""
        return self._vectors("audio", torch.stack([spectrogram(piece) for piece in pieces(samples)])).mean(0)

    def _vectors(self, sense: str, x: Tensor) -> Tensor:
        """(B, E) of length 1."""
        tokens = self.modality_trunks[sense](self.modality_preprocessors[sense](x))  # (B, N, D)
        return F.normalize(self.modality_heads[sense](tokens[:, 0]), dim=1)


def _head(width: int, outputs: int) -> nn.Sequential:
    # The second place of the sequence picks the first token in the original, which here is picked before.
    return nn.Sequential(nn.LayerNorm(width, NORM_EPS), nn.Identity(), nn.Linear(width, outputs, bias=False))


def crops(pixels: Tensor) -> list[Tensor]:
    """(F, Y, X, 3) → three squares (F, 224, 224, 3): both ends of the longer edge, and between them its middle."""
    spare_y, spare_x = pixels.shape[1] - EDGE, pixels.shape[2] - EDGE
    assert min(spare_y, spare_x) == 0, f"the shorter edge must be {EDGE}, frames are {tuple(pixels.shape)}"
    starts = [(0, 0), (math.ceil(spare_y / 2), math.ceil(spare_x / 2)), (spare_y, spare_x)]
    return [pixels[:, top : top + EDGE, left : left + EDGE] for top, left in starts]


def _scaled(pairs: Tensor) -> Tensor:
    """(2 B, Y, X, 3) uint8 → (B, C, 2, Y, X)."""
    mean, deviation = (pairs.new_tensor(values, dtype=torch.float32) for values in (PICTURE_MEAN, PICTURE_DEVIATION))
    x = (pairs.float() / 255 - mean) / deviation
    return x.view(-1, PAIR, *x.shape[1:]).permute(0, 4, 1, 2, 3).contiguous()


def pieces(samples: Tensor) -> list[Tensor]:
    """(S,) → first, middle and last 2 s."""
    spare = len(samples) - PIECE_SAMPLES
    assert spare >= 0, f"{len(samples)} samples are fewer than {PIECE_SAMPLES}"
    starts = [spare * index // (PIECES - 1) for index in range(PIECES)]
    return [samples[start : start + PIECE_SAMPLES] for start in starts]


def spectrogram(samples: Tensor) -> Tensor:
    """Samples (S,) → log-mel (M, 204) in Kaldi's manner, filled up with zeros before the scaling."""
    centred = samples - samples.mean()
    frames = centred.unfold(0, WINDOW, HOP)  # (T, WINDOW)
    frames = frames - frames.mean(1, keepdim=True)
    before = F.pad(frames[:, None], (1, 0), mode="replicate")[:, 0, :-1]
    window = torch.hann_window(WINDOW, periodic=False, device=samples.device)
    power = torch.fft.rfft((frames - PREEMPHASIS * before) * window, N_FFT).abs().square()  # (T, K)
    filters = triangles_over_mels(bins_hz(RATE_HZ, N_FFT), BANDS, LOW_HZ, RATE_HZ / 2).to(samples.device)
    filters[:, -1] = 0  # Kaldi's filters leave the highest bin out
    log_mel = torch.log((power @ filters.T).clamp_min(torch.finfo(torch.float32).eps))[:FRAMES]  # (T, M)
    filled = F.pad(log_mel.T, (0, FRAMES - len(log_mel)))  # (M, 204)
    return (filled - SOUND_MEAN) / SOUND_DEVIATION
