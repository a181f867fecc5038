"""The network of the cue finder: what moves in a film → when something strikes, where, how, and how much goes on.

It does not see pictures but what moves in them (`encoders/motion.py`), so that it can be taught on drawn scenes: a ball
of five pixels and a real one move alike. One of the two networks that are shipped is shown the pictures too, small and
grey: what lies under noise is lost in motion that was measured. The same small filters look at every block of every
pair of frames and of the pairs beside it. Soft attention gathers what they find into a few slots, wherever in the
picture it is, and the mean place of a slot's attention is the place of what it holds. Slots are brought from the pairs,
at whatever instants those lie, to an even clock by the time they overlap, and dilated convolutions (van den Oord et al.
2016) look half a second either way. A soft heat says at which points of the clock an event is near, an offset how far
off it is (as centres of objects are found by Zhou et al. 2019, "Objects as Points").

The strikes and events of the hand-made curves (`encoders/cue_curves.py`) are told to the network as well, and left out
at times while it learns, so that it need not rely on them.

Dimension letters: P pairs of frames, S pairs of all clips of a batch, Y X blocks, y x half as many,
C features of a block, G of a pair, A N H widths, K slots, B batch, T points of the clock, L features of a point.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from phonofilm.encoders.cue_features import (
    BLOCK_FEATURES,
    CLOCK_FEATURES,
    PAIR_FEATURES,
    PICTURE_FEATURES,
    Features,
)
from phonofilm.errors import ModelError


@dataclass(frozen=True)
class CueFinderConfig:
    """Dimensions of the network, the names of its kinds of contact, and the least heat that is an event.

    fine, look: filters that look at the pictures; 0 of a network that is not shown any.
    """

    contacts: tuple[str, ...]
    fine: int
    look: int
    near: int
    block: int
    coarse: int
    slots: int
    slot: int
    width: int
    dilations: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class Batch:
    """Several clips: the pairs of all of them in one row, a blank one after each clip; filled (S,) 0 there, else 1.

    shown (S,): 1 where pictures are shown, else 0.
    """

    pictures: Tensor
    shown: Tensor
    blocks: Tensor
    pairs: Tensor
    filled: Tensor
    clock: Tensor
    spread: tuple[Tensor, ...]

    def on(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(
            self.pictures.to(device),
            self.shown.to(device),
            self.blocks.to(device),
            self.pairs.to(device),
            self.filled.to(device),
            self.clock.to(device),
            tuple(part.to(device) for part in self.spread),
        )


@dataclass(frozen=True)
class Answers:
    """For every point of the clock: heat (B, T) and strength and activity as logits, offset (in points, to the nearest
    event), place -1..1, contact (B, T, kinds + 1) logits, the last one for none."""

    heat: Tensor
    offset: Tensor
    strength: Tensor
    activity: Tensor
    place: Tensor
    contact: Tensor


def together(clips: list[Features]) -> Batch:
    """Several clips of one grid of blocks and as many clock points as a batch."""
    return Batch(
        torch.cat([_with_blank(clip.pictures) for clip in clips]).contiguous(memory_format=torch.channels_last),
        torch.cat([_with_blank(torch.full((len(clip.pairs),), float(clip.shown))) for clip in clips]),
        torch.cat([_with_blank(clip.blocks) for clip in clips]).contiguous(memory_format=torch.channels_last),
        torch.cat([_with_blank(clip.pairs) for clip in clips]),
        torch.cat([_with_blank(torch.ones(len(clip.pairs))) for clip in clips]),
        torch.stack([clip.clock for clip in clips]),
        tuple(nn.functional.pad(clip.spread, (0, 1)) for clip in clips),
    )


def _with_blank(values: Tensor) -> Tensor:
    """(P, ...) → (P + 1, ...)."""
    return torch.cat([values, values.new_zeros(1, *values.shape[1:])])


def _with_neighbours(x: Tensor, filled: Tensor) -> Tensor:
    """(S, A, Y, X) → (S, 3 A, Y, X): what was there one pair before, now, and one pair after."""
    x = x * filled.to(x.dtype)[:, None, None, None]
    blank = torch.zeros_like(x[:1])
    return torch.cat([torch.cat([blank, x[:-1]]), x, torch.cat([x[1:], blank])], 1)


class Stage(nn.Module):
    """One dilated convolution in time with a residual."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, H) → the same."""
        y = torch.relu(self.wide(self.norm(x).transpose(1, 2))).transpose(1, 2)
        return x + torch.as_tensor(self.out(y))


class CueNetwork(nn.Module):
    """Features → answers on the clock."""

    def __init__(self, config: CueFinderConfig) -> None:
        super().__init__()
        self.config = config
        if config.look:
            self.look_fine = nn.Conv2d(PICTURE_FEATURES, config.fine, 5, stride=2, padding=2)
            self.look = nn.Conv2d(config.fine, config.look, 3, stride=2, padding=1)
            self.see_looked = nn.Conv2d(config.look, config.near, 3, padding=1, bias=False)
        self.see = nn.Conv2d(BLOCK_FEATURES, config.near, 3, padding=1)
        self.follow = nn.Conv2d(3 * config.near, config.block, 1, bias=False)
        self.follow_norm = nn.BatchNorm2d(config.block)
        self.halve = nn.Conv2d(config.block, config.coarse, 3, stride=2, padding=1, bias=False)
        self.halve_norm = nn.BatchNorm2d(config.coarse)
        self.follow_coarse = nn.Conv2d(3 * config.coarse, config.coarse, 1, bias=False)
        self.coarse_norm = nn.BatchNorm2d(config.coarse)
        self.attend = nn.Conv2d(config.coarse, config.slots, 1)
        self.hold = nn.Conv2d(config.coarse, config.slots * config.slot, 1)
        gathered = config.slots * (config.slot + 3) + 2 * config.coarse + PAIR_FEATURES
        self.gather = nn.Linear(gathered, config.width)
        self.arrive = nn.Linear(config.width + CLOCK_FEATURES, config.width)
        self.stages = nn.ModuleList(Stage(config.width, dilation) for dilation in config.dilations)
        self.norm = nn.LayerNorm(config.width)
        self.curves = nn.Linear(config.width, 4)
        self.which_slot = nn.Linear(config.width, config.slots)
        self.contact = nn.Linear(config.width, len(config.contacts) + 1)
        nn.init.constant_(self.curves.bias[0], -3.0)  # events are rare

    def forward(self, batch: Batch) -> Answers:
        """Batch → answers (B, T)."""
        slots, across = self._slots(batch)  # (S, H), (S, K)
        counts = [spread.shape[1] for spread in batch.spread]
        parts = torch.split(torch.cat([slots, across], 1), counts)
        moved = [spread @ part for spread, part in zip(batch.spread, parts, strict=True)]
        x, sides = torch.split(torch.stack(moved), [slots.shape[1], across.shape[1]], dim=2)  # (B, T, H), (B, T, K)
        x = torch.relu(self.arrive(torch.cat([x, batch.clock], 2)))  # (B, T, H)
        for stage in self.stages:
            x = stage(x)
        x = self.norm(x)
        heat, offset, strength, activity = self.curves(x).float().unbind(2)
        place = (self.which_slot(x).float().softmax(2) * sides.float()).sum(2)  # (B, T)
        return Answers(heat, offset, strength, activity, place, self.contact(x).float())

    def _slots(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What each pair holds (S, H), and where across the picture each slot looks (S, K)."""
        config = self.config
        x = self.see(batch.blocks)  # (S, A, Y, X)
        if config.look:
            looked = torch.relu(self.look(torch.relu(self.look_fine(batch.pictures))))  # (S, N, Y, X)
            x = x + self.see_looked(looked * batch.shown.to(looked.dtype)[:, None, None, None])
        x = torch.relu(x)
        x = torch.relu(self.follow_norm(self.follow(_with_neighbours(x, batch.filled))))  # (S, A', Y, X)
        x = torch.relu(self.halve_norm(self.halve(x)))  # (S, A'', y, x)
        x = x + torch.relu(self.coarse_norm(self.follow_coarse(_with_neighbours(x, batch.filled))))
        logits = self.attend(x).float().flatten(2)  # (S, K, y x)
        weight = logits.softmax(2)
        held = self.hold(x).flatten(2).unflatten(1, (config.slots, config.slot))  # (S, K, slot, y x)
        held = (held @ weight[..., None].to(held.dtype))[..., 0].float()  # (S, K, slot)
        rows, columns = x.shape[2:]
        down, across = torch.meshgrid(_centres(rows), _centres(columns), indexing="ij")
        across, down = weight @ across.flatten(), weight @ down.flatten()  # (S, K)
        amount = logits.logsumexp(2) - math.log(rows * columns)
        flat = x.flatten(2)
        gathered = [
            held.flatten(1),
            across.abs(),
            down,
            amount,
            flat.mean(2).float(),
            flat.amax(2).float(),
            batch.pairs,
        ]
        return torch.relu(self.gather(torch.cat(gathered, 1))), across


def _centres(count: int) -> Tensor:
    """Centres of `count` equal parts of -1..1."""
    return (torch.arange(count) + 0.5) * (2 / count) - 1


LARGE = 4096
"""Matrices of this many weights and more are kept in bytes."""


def save_cue_finder(network: CueNetwork, path: Path) -> None:
    """Write weights as safetensors with the config in the metadata: matrices in bytes, all else as fp16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        if value.dim() > 1 and value.numel() >= LARGE:
            tensors |= _in_bytes(key, value.float())
        elif not _is_counter(key):
            tensors[key] = value.half().contiguous()
    save_file(tensors, path, metadata={"config": json.dumps(asdict(network.config))})
    path.chmod(0o644)  # safetensors writes files that only their owner may read


def read_cue_network(path: Path) -> CueNetwork:
    """The network at `path`, float32. Raises ModelError when the file is missing or does not fit."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            kept = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cue finder {path} cannot be read ({error}); install Phonofilm again") from error
    network = CueNetwork(_config(metadata, path))
    tensors = _out_of_bytes(kept)
    wanted = {k: v.shape for k, v in network.state_dict().items() if not _is_counter(k)}
    if {k: v.shape for k, v in tensors.items()} != wanted:
        raise ModelError(f"cue finder {path} holds other weights than its config says; install Phonofilm again")
    network.load_state_dict(tensors, strict=False)  # the counters alone are left out
    return network.eval()


def _in_bytes(key: str, matrix: Tensor) -> dict[str, Tensor]:
    """A matrix (N, ...) as int8 with a step (N,) for each row: the error is at most half of a row's step."""
    steps = (matrix.flatten(1).abs().amax(1) / 127).clamp_min(1e-7).half().float()  # (N,)
    whole = (matrix / _beside(steps, matrix)).round().clamp(-127, 127).to(torch.int8)
    return {key: whole.contiguous(), f"{key}.steps": steps.half()}


def _out_of_bytes(kept: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file as float32."""
    steps = {key.removesuffix(".steps"): value.float() for key, value in kept.items() if key.endswith(".steps")}
    tensors = {key: value.float() for key, value in kept.items() if not key.endswith(".steps")}
    for key, rows in steps.items():
        if key in tensors and len(rows) == len(tensors[key]):
            tensors[key] = tensors[key] * _beside(rows, tensors[key])
    return tensors


def _beside(rows: Tensor, matrix: Tensor) -> Tensor:
    """(N,) → (N, 1, ...), to be multiplied with a matrix."""
    return rows.view(-1, *(1 for _ in matrix.shape[1:]))


def _is_counter(key: str) -> bool:
    """Batch normalisation counts its batches; the count is of no use after training."""
    return key.endswith("num_batches_tracked")


def _config(metadata: dict[str, str], path: Path) -> CueFinderConfig:
    try:
        row: dict[str, Any] = json.loads(metadata["config"])
    except (KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"cue finder {path} has no readable config; install Phonofilm again") from error
    if set(row) != {field.name for field in fields(CueFinderConfig)}:
        raise ModelError(f"cue finder {path} has a config of another version; install Phonofilm again")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return CueFinderConfig(**values)
