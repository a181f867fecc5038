"""The flow network: noise, time and conditions → velocity.

A multimodal transformer after MMAudio (Cheng et al. 2025): joint blocks over latent, image and text tokens, then blocks
over the latents alone; every latent is modulated by the sync feature of its moment. State-dict keys are those of the
published MMAudio checkpoints.

Dimension letters: B batch, L latent steps, C latent channels, Fc image features, Fs sync features, T text tokens,
D width.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phonofilm.errors import ModelError
from phonofilm.flow.blocks import Attention, JointBlock, StreamBlock, modulated
from phonofilm.flow.conditions import Conditions, nearest_rows, rotations
from phonofilm.flow.layers import Linear, SwiGlu, TimeConv

SYNC_KERNEL = 7
BLOCK_KERNEL = 3
TIME_BASE = 10000.0
FIRST_TIME_WIDTH = 256  # width of the time table in v1; v2 uses the network's width


@dataclass(frozen=True)
class FlowConfig:
    """Dimensions of the network. `version` "v1" or "v2" chooses activation, input projections and time table.

    `sync_segment`: sync features come in segments of so many, each position with its own learned offset.
    `latent_kernel`: kernel of the convolutions that read the latents.
    """

    latent_dim: int
    clip_dim: int
    sync_dim: int
    text_dim: int
    width: int
    heads: int
    joint_blocks: int
    fused_blocks: int
    text_tokens: int
    sync_segment: int
    latent_kernel: int
    version: str

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name == "version":
                if value not in ("v1", "v2"):
                    raise ModelError(f"flow config: version is {value!r}, wanted 'v1' or 'v2'; check the weights file")
            elif type(value) is not int or value < (0 if item.name == "fused_blocks" else 1):
                raise ModelError(f"flow config: {item.name} is {value!r}, wanted a count; check the weights file")
        if self.width % (2 * self.heads) or not self.latent_kernel % 2:
            raise ModelError(
                f"flow config: width {self.width}, heads {self.heads}, latent_kernel {self.latent_kernel}; wanted an "
                "even width per head and an odd kernel; check the weights file"
            )

    def to_json(self) -> str:
        """One JSON object with every field."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "FlowConfig":
        """The config written by `to_json`. Raises ModelError when a field is missing, unknown or impossible."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ModelError(f"flow config: not JSON ({error}); fetch the weights again") from error
        wanted = {item.name for item in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(values) != wanted:
            odd = sorted(set(values) ^ wanted) if isinstance(values, dict) else type(values).__name__
            raise ModelError(f"flow config: missing or unknown: {odd}; use the release that wrote these weights")
        return cls(**values)


class TimeEmbedding(nn.Module):
    """Time t in 0..1 → a vector of the network's width, always in float32: bf16 loses a third of the v2 table."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.version = config.version
        self.table_width = FIRST_TIME_WIDTH if config.version == "v1" else config.width
        self.mlp = nn.Sequential(
            Linear(self.table_width, config.width, torch.float32, bias=True),
            nn.SiLU(),
            Linear(config.width, config.width, torch.float32, bias=True),
        )

    def table(self, t: Tensor) -> Tensor:
        """(B) → (B, table width): cosines, then sines."""
        # In float32 and in this order: v2 angles reach 10^4, where one rounding of a frequency shows in the cosine
        # (5e-4), and the published weights were trained with these roundings.
        steps = torch.arange(0, self.table_width, 2, dtype=torch.float32, device=t.device)
        highest = 1.0 if self.version == "v1" else TIME_BASE
        frequencies = highest / TIME_BASE ** (steps / self.table_width)  # (table width / 2)
        angles = t.float()[:, None] * frequencies  # (B, table width / 2)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)

    def forward(self, t: Tensor) -> Tensor:
        """(B) → (B, D)."""
        made: Tensor = self.mlp(self.table(t))
        return made


class FinalLayer(nn.Module):
    """Modulated norm and a convolution back to latent channels."""

    def __init__(self, config: FlowConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        modulation = Linear(config.width, 2 * config.width, matmul_dtype, bias=True)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), modulation)
        self.conv = TimeConv(config.width, config.latent_dim, 7, matmul_dtype, bias=True)

    def forward(self, h: Tensor, activated: Tensor) -> Tensor:
        """(B, L, D), SiLU of the global vector (B, 1, D) → (B, L, C) in float32."""
        shift, scale = self.adaLN_modulation[1](activated).chunk(2, dim=-1)  # each (B, 1, D)
        made: Tensor = self.conv(modulated(h, shift, scale))  # (B, L, C)
        return made.float()


class FlowNetwork(nn.Module):
    """Velocity of latents on the way from noise (t = 0) to sound (t = 1).

    `matmul_dtype` is the dtype of the matrix products; everything else is float32. Weights start at zero: load them, or
    call `initialise`. Read-only in use, so that several requests can share one network.
    """

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, config: FlowConfig, matmul_dtype: torch.dtype) -> None:
        super().__init__()
        self.config = config
        self.matmul_dtype = matmul_dtype
        width, dtype = config.width, matmul_dtype
        self.register_buffer("latent_mean", torch.zeros(1, 1, config.latent_dim))
        self.register_buffer("latent_std", torch.ones(1, 1, config.latent_dim))
        self.sync_pos_emb = nn.Parameter(torch.zeros(1, 1, config.sync_segment, config.sync_dim))
        self.empty_string_feat = nn.Parameter(torch.zeros(config.text_tokens, config.text_dim))
        self.empty_clip_feat = nn.Parameter(torch.zeros(1, config.clip_dim))
        self.empty_sync_feat = nn.Parameter(torch.zeros(1, config.sync_dim))
        first = config.version == "v1"
        self.audio_input_proj = nn.Sequential(
            TimeConv(config.latent_dim, width, config.latent_kernel, dtype, bias=True),
            nn.SELU() if first else nn.SiLU(),
            SwiGlu(width, config.latent_kernel, dtype),
        )
        self.sync_input_proj = nn.Sequential(
            TimeConv(config.sync_dim, width, SYNC_KERNEL, dtype, bias=True),
            nn.SELU() if first else nn.SiLU(),
            SwiGlu(width, BLOCK_KERNEL, dtype),
        )
        between = [] if first else [nn.SiLU()]
        read_clip = Linear(config.clip_dim, width, dtype, bias=True)
        read_text = Linear(config.text_dim, width, dtype, bias=True)
        self.clip_input_proj = nn.Sequential(read_clip, *between, SwiGlu(width, BLOCK_KERNEL, dtype))
        self.text_input_proj = nn.Sequential(read_text, *between, SwiGlu(width, 1, dtype))
        self.clip_cond_proj = Linear(width, width, dtype, bias=True)
        self.text_cond_proj = Linear(width, width, dtype, bias=True)
        self.global_cond_mlp = SwiGlu(width, 1, dtype)
        self.t_embed = TimeEmbedding(config)
        last = config.joint_blocks - 1
        self.joint_blocks = nn.ModuleList(
            JointBlock(width, config.heads, index == last, dtype) for index in range(config.joint_blocks)
        )
        self.fused_blocks = nn.ModuleList(
            StreamBlock(width, config.heads, BLOCK_KERNEL, False, dtype) for _ in range(config.fused_blocks)
        )
        self.final_layer = FinalLayer(config, dtype)

    def pooled(self, clip: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Projected tokens (B, Fc, D), (B, T, D) → their summaries, each (B, D)."""
        return self.clip_cond_proj(clip.mean(1)).float(), self.text_cond_proj(text.mean(1)).float()

    def conditions(self, clip: Tensor, sync: Tensor, text: Tensor, latent_steps: int) -> Conditions:
        """Raw features (B, Fc, clip_dim), (B, Fs, sync_dim), (B, T, text_dim) → conditions for L `latent_steps`."""
        segments = -(-sync.shape[1] // self.config.sync_segment)
        offsets = self.sync_pos_emb[0, 0].repeat(segments, 1)[: sync.shape[1]]  # (Fs, sync_dim)
        sync = self.sync_input_proj(sync + offsets).float()  # (B, Fs, D)
        clip = self.clip_input_proj(clip).float()  # (B, Fc, D)
        text = self.text_input_proj(text).float()  # (B, T, D)
        clip_summary, text_summary = self.pooled(clip, text)
        count, head_width = clip.shape[1], self.config.width // self.config.heads
        return Conditions(
            clip=clip,
            sync=sync,
            text=text,
            overall=self.global_cond_mlp(clip_summary + text_summary).float(),
            latent_turn=rotations(latent_steps, 1.0, head_width, clip.device),
            clip_turn=rotations(count, latent_steps / count, head_width, clip.device),
        )

    def empty_features(self, batch: int, clip_steps: int, sync_steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """The learned stand-ins for what is missing, as raw features of the shapes that `conditions` takes.

        Gradients flow into them, so training can put them in the place of single features with `torch.where`.
        """
        return (
            self.empty_clip_feat.expand(batch, clip_steps, -1),
            self.empty_sync_feat.expand(batch, sync_steps, -1),
            self.empty_string_feat.expand(batch, -1, -1),
        )

    def empty_conditions(
        self, batch: int, clip_steps: int, sync_steps: int, latent_steps: int, text: Tensor | None
    ) -> Conditions:
        """Conditions that say nothing, or only what to stay away from: raw negative `text` (B, T, text_dim)."""
        clip, sync, silent = self.empty_features(batch, clip_steps, sync_steps)
        return self.conditions(clip, sync, silent if text is None else text, latent_steps)

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """Velocity at latents x (B, L, C) and time t (B) or scalar → (N B, L, C) in float32.

        The conditions may hold N times B clips; then row n B + b answers for x[b] under conditions[n B + b], which is
        how both sides of guidance share one pass and the reading of the latents.
        """
        times = conditions.batch // x.shape[0]
        h = self.audio_input_proj(x).float()  # (B, L, D)
        moment = self.t_embed(t.expand(x.shape[0]))  # (B, D)
        if times > 1:
            h, moment = h.repeat(times, 1, 1), moment.repeat(times, 1)  # (N B, L, D), (N B, D)
        overall = (conditions.overall + moment)[:, None]  # (N B, 1, D)
        spread, rows = conditions.spread, None
        if spread is None:
            sync = conditions.sync
            if sync.shape[1] != conditions.latent_steps:
                sync = sync[:, nearest_rows(sync.shape[1], conditions.latent_steps, x.device)]  # (N B, L, D)
            each = F.silu(overall + sync)  # (N B, L, D)
        else:
            each, rows = F.silu(overall[spread.clip, 0] + conditions.sync), spread.row  # (R, D), (N B, L)
        # Rounding here rather than in each block's product: the same values, rounded once.
        each = each.to(self.matmul_dtype)
        every = F.silu(overall).to(self.matmul_dtype)  # (N B, 1, D)
        streams = (h, conditions.clip, conditions.text)
        for joint in self.joint_blocks:
            turns = (conditions.latent_turn, conditions.clip_turn, None)
            streams = joint(streams, (each, every, every), rows, turns)
        h = streams[0]
        for fused in self.fused_blocks:
            h = fused(h, each, rows, conditions.latent_turn)
        velocity: Tensor = self.final_layer(h, every)  # (N B, L, C)
        return velocity

    velocity = forward

    def normalise(self, latents: Tensor) -> Tensor:
        """Latents of the codec (B, L, C) → zero mean and unit deviation per channel."""
        return (latents - self.latent_mean) / self.latent_std

    def unnormalise(self, latents: Tensor) -> Tensor:
        """The inverse of `normalise`."""
        return latents * self.latent_std + self.latent_mean


def initialise(network: FlowNetwork, generator: torch.Generator) -> None:
    """Fill the weights for training, in place; the same generator state gives the same weights.

    Products: Xavier uniform (Glorot & Bengio 2010); time embedding: normal, 0.02. Modulations and the last convolution
    stay zero, so that every block starts as the identity (Peebles & Xie 2023).
    """
    with torch.no_grad():
        for name, layer in _products(network):
            if layer.bias is not None:
                layer.bias.zero_()
            if "adaLN_modulation" in name or name == "final_layer.conv":
                layer.weight.zero_()
            elif name.startswith("t_embed"):
                layer.weight.normal_(0.0, 0.02, generator=generator)
            else:
                nn.init.xavier_uniform_(layer.weight, generator=generator)
        network.sync_pos_emb.normal_(0.0, 0.02, generator=generator)
        network.empty_sync_feat.normal_(0.0, 0.02, generator=generator)
        for empty in (network.empty_clip_feat, network.empty_string_feat):
            empty.normal_(0.0, 1 / math.sqrt(empty.shape[-1]), generator=generator)


def _products(network: nn.Module) -> Iterator[tuple[str, Linear | TimeConv]]:
    for name, layer in network.named_modules():
        if isinstance(layer, Linear | TimeConv):
            yield name, layer


def settle(network: nn.Module) -> None:
    """Make loaded weights ready for use without training, in place. The state dict is then for `settled` networks only.

    Weights of products are stored in the dtype they are used in (half the memory, no rounding at each call), those of
    convolutions and attentions in the memory order that needs no copy. Norms, tables and learned features keep float32.
    """
    for layer in network.modules():
        if isinstance(layer, Linear):
            layer.weight.data = layer.weight.data.to(layer.matmul_dtype)
        elif isinstance(layer, TimeConv):
            layer.weight.data = layer.arranged(layer.weight.data.to(layer.matmul_dtype))
    for layer in network.modules():
        if isinstance(layer, Attention):
            layer.sort_rows()


def settled_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a settled network as contiguous tensors, to be stored: what lies strided is stored as it lies."""
    state = network.state_dict()
    for name, layer in network.named_modules():
        if isinstance(layer, TimeConv):
            state[f"{name}.weight"] = layer.stored(layer.weight.data)
    return {key: value.contiguous() for key, value in state.items()}


def load_settled(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Put a state made by `settled_state` into a network (which may be on the meta device), without copying any of it.

    Raises RuntimeError when a key is missing, unexpected or of another shape.
    """
    strided = dict(state)
    for name, layer in network.named_modules():
        if isinstance(layer, TimeConv) and f"{name}.weight" in state:
            strided[f"{name}.weight"] = layer.restored(state[f"{name}.weight"])
        elif isinstance(layer, Attention):
            layer.sorted_rows = True
    network.load_state_dict(strided, strict=True, assign=True)
