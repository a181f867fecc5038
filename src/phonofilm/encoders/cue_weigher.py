"""What an event is worth beside the others of its film.

The networks of the cue finder (`encoders/cue_network.py`) look half a second either way. Whether a stroke strikes shows
in the other strokes as well: arms that only gesture do so all the time, a clock ticks evenly, and what is sure of
itself in one place makes the doubtful at the same place likely. So every peak of heat is told of all others, by
attention between detections (Hu et al. 2018, "Relation Networks for Object Detection"), and its log odds are raised or
lowered. It is told no pictures and nothing that tells drawn films from real ones (light, camera), and which side
something is on does not count, only how far apart two are.

Dimension letters: E candidates, F features of one, R of two, V networks, T points of the clock, H width, A heads.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from phonofilm.encoders.cue_features import CLOCK_HZ, USUAL_STEP_S
from phonofilm.encoders.motion import DoubleArray, Motion
from phonofilm.errors import ModelError
from phonofilm.types import FloatArray

WEIGHER_FILE = "cues_weighed.safetensors"
LEAST_CANDIDATE = 0.08
"""Peaks from this heat on are weighed. In simulated films nine events in ten have one."""
BETWEEN = 3
SPAN_S, MARGIN_S = 6.0, 2.0
"""A long film is weighed in stretches, each beside what lies so far before and after: ten seconds, as films it learnt
from last."""
SHORTEST_GAP_S, LONGEST_GAP_S = 0.02, 3.0
HOTTEST = (1, 3, 8)
"""Of so many of the hottest candidates the mean log odds are told."""
FARTHEST = 5.0
"""Features, in standard deviations, are told up to here."""


@dataclass(frozen=True)
class Candidates:
    """Peaks of heat in one stretch of a film. times_s, odds: instants and log odds (E,), places -1..1 (E,);
    features (E, F)."""

    times_s: DoubleArray
    odds: FloatArray
    places: FloatArray
    features: FloatArray


@dataclass(frozen=True)
class WeigherConfig:
    """Dimensions of the network. features: F."""

    features: int
    width: int
    layers: int
    heads: int


def candidates_of(
    curves: FloatArray,
    logits: FloatArray,
    points: npt.NDArray[np.int64],
    times_s: DoubleArray,
    motion: Motion,
    hand: tuple[FloatArray, FloatArray],
    length_s: float,
) -> Candidates:
    """What is told of the peaks at `points` of the clock, whose instants are times_s (E,), in a film of length_s.

    curves (5 + kinds + 1, T): what the networks say together; logits (V, T): how hot each of them says it is; hand:
    times and strengths of the hand-made events.
    """
    heat = curves[0, points].clip(1e-5, 1 - 1e-6)
    odds = np.log(heat / (1 - heat))  # (E,)
    count = len(points)
    # Before the first and after the last candidate nothing lies for LONGEST_GAP_S.
    gaps_s = np.diff(np.concatenate([times_s[:1] - LONGEST_GAP_S, times_s, times_s[-1:] + LONGEST_GAP_S]))
    step_s = np.maximum(np.diff(motion.times_s), 1e-3)
    own_step_s = step_s[(np.searchsorted(motion.times_s, times_s) - 1).clip(0, len(step_s) - 1)]
    apart_s, strength = _nearest(times_s, *hand)
    alone = (
        odds,
        *logits[:, points],
        curves[1, points],
        *curves[2:4, points],
        np.abs(curves[4, points]),
        *curves[5:, points],
        np.log(own_step_s / USUAL_STEP_S),
        *(np.log(gap_s.clip(SHORTEST_GAP_S, LONGEST_GAP_S)) for gap_s in (gaps_s[:-1], gaps_s[1:])),
        np.log(np.minimum(apart_s, 1) + 0.01),
        strength,
    )
    hottest = np.sort(odds)[::-1]
    film = (
        math.log(float(np.median(step_s)) / USUAL_STEP_S),
        math.log((count + 1) / (length_s + 1)),
        *(float(hottest[:most].mean()) if count else 0.0 for most in HOTTEST),
    )
    features = np.stack([*alone, *(np.full(count, value) for value in film)], 1).astype(np.float32)  # (E, F)
    return Candidates(times_s, odds.astype(np.float32), curves[4, points], features)


def _nearest(times_s: DoubleArray, hand_s: FloatArray, strengths: FloatArray) -> tuple[npt.NDArray[Any], FloatArray]:
    """How far (s) the nearest hand-made event is from each candidate, and how strong it is."""
    if not len(hand_s) or not len(times_s):
        return np.full(len(times_s), LONGEST_GAP_S, np.float32), np.zeros(len(times_s), np.float32)
    apart_s = np.abs(times_s[:, None] - hand_s)  # (E, hand-made)
    nearest = apart_s.argmin(1)
    return apart_s.min(1), strengths[nearest]


def feature_count(networks: int, contacts: int) -> int:
    """F, for so many networks that know so many kinds of contact."""
    return 1 + networks + 4 + contacts + 1 + 5 + 2 + len(HOTTEST)


def between(candidates: Candidates) -> FloatArray:
    """(E, E, R) how far apart in time and across the picture every two candidates are."""
    apart_s = candidates.times_s[:, None] - candidates.times_s
    across = np.abs(candidates.places[:, None] - candidates.places)
    return np.stack([np.log(np.abs(apart_s) + 0.02) / 2, np.tanh(apart_s), across], -1).astype(np.float32)


class _Layer(nn.Module):
    """Attention between candidates, which knows how far apart they are, and a step of each by itself."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attend_norm, self.own_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.near = nn.Sequential(nn.Linear(BETWEEN, 16), nn.ReLU(), nn.Linear(16, heads))
        self.own = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, apart: Tensor, there: Tensor) -> Tensor:
        """x (B, E, H), apart (B, E, E, R), there (B, E) bool → (B, E, H)."""
        batch, count, width = x.shape
        parts = self.attend(self.attend_norm(x)).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, A, E, H / A) each
        bias = self.near(apart).permute(0, 3, 1, 2).masked_fill(~there[:, None, None], -1e4)  # (B, A, E, E)
        y = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + self.dropout(self.attended(y.transpose(1, 2).reshape(batch, count, width)))
        return x + torch.as_tensor(self.dropout(self.own(self.own_norm(x))))


class Weigher(nn.Module):
    """Candidates → their log odds beside each other.

    While it learns, dropout, and forget: the share of features that are withheld of all candidates of a film, so that
    it leans on none of them. mean, spread: of the features, (F,), set from what it learns from.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: WeigherConfig, dropout: float = 0.0, forget: float = 0.0) -> None:
        super().__init__()
        self.config, self.forget = config, forget
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))
        self.told = nn.Linear(config.features, config.width)
        self.layers = nn.ModuleList(_Layer(config.width, config.heads, dropout) for _ in range(config.layers))
        self.norm, self.raised = nn.LayerNorm(config.width), nn.Linear(config.width, 1)
        self.kept = nn.Parameter(torch.ones(1))
        nn.init.zeros_(self.raised.weight)  # so that it begins by changing nothing
        nn.init.zeros_(self.raised.bias)

    def forward(self, features: Tensor, odds: Tensor, apart: Tensor, there: Tensor) -> Tensor:
        """features (B, E, F), odds (B, E), apart (B, E, E, R), there (B, E) bool → log odds (B, E)."""
        x = ((features - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)
        if self.training and self.forget:
            x = x * (torch.rand(len(x), 1, x.shape[2], device=x.device) >= self.forget)
        x = self.told(x)
        for layer in self.layers:
            x = layer(x, apart, there)
        return torch.as_tensor(self.kept * odds + self.raised(self.norm(x))[..., 0])

    @torch.inference_mode()
    def weigh(self, candidates: Candidates) -> FloatArray:
        """(E,) the log odds of the candidates of one stretch."""
        if not len(candidates.odds):
            return candidates.odds
        rows = (candidates.features, candidates.odds, between(candidates))
        features, odds, apart = (torch.from_numpy(row)[None] for row in rows)
        weighed: FloatArray = self(features, odds, apart, torch.ones(1, odds.shape[1], dtype=torch.bool))[0].numpy()
        return weighed


@dataclass(frozen=True)
class Stretch:
    """Points of the clock: what is looked at [low, high), and what is kept of it [first, end)."""

    low: int
    first: int
    end: int
    high: int


def stretches(count: int) -> list[Stretch]:
    """Where a film of T = count points is weighed; each point is kept once."""
    span, margin = round(SPAN_S * CLOCK_HZ), round(MARGIN_S * CLOCK_HZ)
    if count <= span + 2 * margin:
        return [Stretch(0, 0, count, count)]
    firsts = range(0, count, span)
    return [
        Stretch(max(0, first - margin), first, min(count, first + span), min(count, first + span + margin))
        for first in firsts
    ]


def save_weigher(weigher: Weigher, path: Path) -> None:
    """Write weights as fp16 safetensors with the config in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.half().contiguous() for key, value in weigher.state_dict().items()}
    save_file(tensors, path, metadata={"config": json.dumps(asdict(weigher.config))})
    path.chmod(0o644)  # safetensors writes files that only their owner may read


def read_weigher(path: Path) -> Weigher:
    """The network at `path`, float32. Raises ModelError when the file is missing or does not fit."""
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"cue weigher {path} cannot be read ({error}); install Phonofilm again") from error
    if not isinstance(config, dict) or set(config) != {field.name for field in fields(WeigherConfig)}:
        raise ModelError(f"cue weigher {path} has a config of another version; install Phonofilm again")
    weigher = Weigher(WeigherConfig(**config))
    if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in weigher.state_dict().items()}:
        raise ModelError(f"cue weigher {path} holds other weights than its config says; install Phonofilm again")
    weigher.load_state_dict(tensors)
    return weigher.eval().requires_grad_(False)
