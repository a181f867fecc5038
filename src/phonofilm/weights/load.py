"""From the name of a model to networks ready to be read.

Weights lie in safetensors with their configuration as JSON in the metadata, and the file's hash is checked before a
number of it is used.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from phonofilm.codec.codec import Codec
from phonofilm.codec.vae import MelVae, VaeConfig
from phonofilm.codec.vocoder import Vocoder, VocoderConfig
from phonofilm.errors import ModelError
from phonofilm.flow.network import FlowConfig, FlowNetwork, initialise, settle
from phonofilm.weights.registry import FLOW_FILE, OWN, ModelRow, find_model, is_trained, untrained

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Sampling:
    """How a model wants to be sampled: steps, guidance, latent steps of its windows (see `windows.py`).

    rescale: how far the spread that guidance adds is taken back (see `flow.sampler.guided`). guided_since: time of the
    path, 0 noise to 1 sound, before which nothing is guided where nothing is said about times. steady: guidance there.
    """

    steps: int
    guidance: float
    window: int
    overlap: int
    rescale: float = 0.0
    guided_since: float = 0.0
    steady: float = 0.0

    def scale(self, *, timed: bool) -> float:
        """Guidance where something, or nothing, is said about times."""
        return self.guidance if timed or not self.steady else self.steady


@dataclass(frozen=True)
class Nets:
    """The networks of one model; read-only, so that requests can share them."""

    row: ModelRow
    flow: FlowNetwork
    codec: Codec
    sampling: Sampling
    device: torch.device


MINI_SAMPLING = Sampling(steps=8, guidance=6.0, window=216, overlap=44, rescale=0.7, guided_since=0.1, steady=4.5)
"""Found on held-out prompts; figures in docs/log.md. Trained on 176 steps (8.2 s), good up to 216 (10 s)."""


def save_net(net: nn.Module, config: str, path: Path, dtype: torch.dtype) -> str:
    """Write weights with their configuration (JSON) and return the file's sha256."""
    # Statistics stay float32: they are small, and a mean rounded to 8 bits shifts every sample.
    buffers = dict(net.named_buffers())
    tensors: dict[str, Tensor] = {
        key: (value if key in buffers else value.to(dtype)).contiguous() for key, value in net.state_dict().items()
    }
    save_file(tensors, path, {"config": config})
    path.chmod(0o644)  # safetensors writes files that only their owner may read
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_net(path: Path, sha256: str, build: Callable[[str], Net], device: torch.device) -> Net:
    """The network in a file of ours, float32, in evaluation mode. `build` makes it from its configuration.

    Raises ModelError when the file is missing, damaged, or does not fit the network.
    """
    if not path.exists():
        raise ModelError(f"weights {path} are missing; install phonofilm again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ModelError(
            f"weights {path} are damaged (sha256 {found[:12]}, wanted {sha256[:12]}); install phonofilm again"
        )
    return _read(path, build, device, "install phonofilm again")


def read_own(path: Path, build: Callable[[str], Net], device: torch.device) -> Net:
    """As `read_net`, of a file that somebody has trained. Raises ModelError."""
    return _read(path, build, device, "train it again with this version of phonofilm")


def _read(path: Path, build: Callable[[str], Net], device: torch.device, advice: str) -> Net:
    try:
        with safe_open(path, "pt") as file:
            config = file.metadata()["config"]
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ModelError(f"weights {path} cannot be read ({error}); {advice}") from error
    try:
        # Not on the meta device: initialising there imports torch's compiler (1.4 s); these small nets take 0.1 s here.
        with torch.random.fork_rng(devices=[]):
            net = build(config)
        net.load_state_dict(state, strict=True, assign=True)
    except (ModelError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"weights {path} are of another network ({said}); {advice}") from error
    return net.to(device).eval().requires_grad_(False)


def _config(kind: type[Any], text: str) -> Any:
    values = json.loads(text)
    wanted = {field.name for field in dataclasses.fields(kind)}
    if set(values) != wanted:
        raise ValueError(f"configured by {', '.join(sorted(values))}, expected {', '.join(sorted(wanted))}")
    return kind(**values)


def load_nets(name: str, device: torch.device, dtype: torch.dtype, folder: Path | None = None) -> Nets:
    """The networks of a model by name, of `own` those in `folder`: what is not there is `mini`'s. Raises ModelError."""
    row = find_model(name)
    if row.name == OWN:
        source = find_model("mini")
        if not is_trained(folder):
            raise untrained(folder)
    elif row.folder is None:
        return _tiny(row, device, dtype)
    else:
        source = row
    hashes = {file.name: file.sha256 for file in source.files}

    def read(file: str, build: Callable[[str], Net]) -> Net:
        if row.name == OWN and folder is not None and (folder / file).is_file():
            return read_own(folder / file, build, device)
        return read_net(source.file(file), hashes[file], build, device)

    flow = read(FLOW_FILE, lambda text: FlowNetwork(FlowConfig.from_json(text), dtype))
    settle(flow)
    vae = read("vae.safetensors", lambda text: MelVae(_config(VaeConfig, text)))
    vocoder = read("vocoder.safetensors", lambda text: Vocoder(_config(VocoderConfig, text)))
    return Nets(row, flow, Codec(vae, vocoder), MINI_SAMPLING, device)


def _tiny(row: ModelRow, device: torch.device, dtype: torch.dtype) -> Nets:
    """Random networks with mini's interfaces, a hundredth of its size."""
    flow = FlowNetwork(
        FlowConfig(
            latent_dim=64,
            clip_dim=384,
            sync_dim=10,
            text_dim=384,
            width=64,
            heads=1,
            joint_blocks=1,
            fused_blocks=1,
            text_tokens=8,
            sync_segment=1,
            latent_kernel=3,
            version="v2",
        ),
        dtype,
    )
    generator = torch.Generator().manual_seed(0)
    initialise(flow, generator)
    vae = MelVae(VaeConfig(bands=128, patch=4, latent=64, width=32, hidden=64, blocks=1, kernel=5))
    vocoder = Vocoder(
        VocoderConfig(bands=128, noise=8, width=32, hidden=64, blocks=1, kernel=7, hop=512, splits=2, n_fft=1024)
    )
    for net in (vae, vocoder):
        for parameter in net.parameters():
            parameter.data.normal_(0.0, 0.05, generator=generator)
        net.to(device).eval().requires_grad_(False)
    for parameter in flow.parameters():
        # Training starts with closed gates; here prompts and cues must change the sound at once.
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    flow.to(device).eval().requires_grad_(False)
    return Nets(row, flow, Codec(vae, vocoder), Sampling(steps=2, guidance=2.0, window=88, overlap=16), device)
