"""Files that others have published, as plain states: what is wrapped is unwrapped, what is of no use is dropped.

Every rename and every left-out entry stands here with its reason; the networks themselves keep the published keys, and
what is folded into other numbers is folded by their own `prepare_...`. So are the two parts of which we read a half:
Synchformer's picture half (`vfeat_extractor.`) and CLIP's towers, one at a time.
"""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeGuard

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from phonofilm.codec.bigvgan import BIGVGAN_16K, BIGVGAN_44K, bigvgan_published_shapes
from phonofilm.codec.mp_vae import MP_VAE_16K, MP_VAE_44K, mp_vae_published_shapes
from phonofilm.encoders.clip import CLIP_VIT_H14_378
from phonofilm.encoders.clip import published_keys as clip_shapes
from phonofilm.encoders.synchformer import published_keys as synchformer_shapes
from phonofilm.errors import ModelError
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.variants import VARIANTS
from phonofilm.weights.registry import MODELS

Shapes = dict[str, tuple[int, ...]]

WRAPPERS = {"vocoder": "generator", "panns": "model", "clap": "state_dict"}
"""Training stores these parts' states under a name of their own, beside the optimiser's or the sampler's."""
SPREAD = "module."
"""What training on several devices puts before every name."""
FLOW_TABLES = ("t_embed.freqs", "latent_rot", "clip_rot")
"""Tables that some published flow files carry along; we compute them, in float32, for any length."""
_ARRAY: Callable[..., object] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
_SCALAR: Callable[..., object] = np.float64().__reduce__()[0]  # type: ignore[assignment]
NUMBERS: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
    *((_ARRAY, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bhilBHILfd"),
]
"""What numpy's arrays are made of in a pickle. Some files keep the state of their training's sampler in such; they are
numbers and run nothing."""
WEIGHT_NORM = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
"""Weight norm by torch's newer names → by the older ones, which the published vocoders have."""


def read_foreign(path: Path, part: str) -> dict[str, Tensor]:
    """The state of a part in a published file, mapped from disk where its format allows; never any code.

    Raises ModelError when the file is no such thing, damaged, or cut short.
    """
    try:
        loaded = _load(path)
    except FileNotFoundError as error:
        raise ModelError(
            f"{path} does not exist; run 'phonofilm models pull', or look into the weights folder"
        ) from error
    except Exception as error:  # torch.load raises many kinds for what is no checkpoint
        raise _unreadable(path, error) from error
    wrapper = WRAPPERS.get(part)
    if wrapper is not None and isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
        loaded = loaded[wrapper]
    if not _is_state(loaded):
        raise ModelError(f"{path} holds no network; fetch it again, or name another weights folder")
    if part == "flow":
        return {key: value for key, value in loaded.items() if key not in FLOW_TABLES}
    if part == "clap":
        return {key.removeprefix(SPREAD): value for key, value in loaded.items()}
    if part == "vocoder":
        return {_renamed(key): value for key, value in loaded.items()}
    return dict(loaded)


def _is_state(loaded: object) -> TypeGuard[dict[str, Tensor]]:
    if not isinstance(loaded, dict) or not loaded:
        return False
    return all(isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items())


def _load(path: Path) -> object:
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    with warnings.catch_warnings(), torch.serialization.safe_globals(NUMBERS):
        warnings.simplefilter("ignore")  # about pickles that fail right afterwards
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):  # files in the format before torch 1.6
                raise
            return torch.load(path, map_location="cpu", weights_only=True)


def _renamed(key: str) -> str:
    for foreign, ours in WEIGHT_NORM.items():
        key = key.replace(foreign, ours)
    return key


def _unreadable(path: Path, error: Exception) -> ModelError:
    text = " ".join(str(error).split())
    if "Unsupported global" in text or "Unsupported class" in text:
        reason = "it holds something else than tensors, such as code, which is never run"
    elif isinstance(error, OSError | SafetensorError) or "PytorchStreamReader" in text:
        reason = f"{text.split('. ')[0]:.120}: it is damaged or cut short"
    else:
        reason = "it is damaged, cut short, or no checkpoint"
    return ModelError(f"{path} cannot be read as weights ({reason}); remove it and fetch it again")


def check_sums(path: Path) -> None:
    """Compare the contents of a file with the checksums that torch stores with them, where it does (zip files).

    Raises ModelError when they differ. Mapping a file from disk would not notice.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except Exception as error:  # a broken directory of names, kinds or sizes raises many kinds
        raise _unreadable(path, error) from error
    if bad is not None:
        raise ModelError(f"{path} is damaged (the checksum of {bad} in it is wrong); remove it and fetch it again")


def published_shapes(part: str, variant: str) -> Shapes:
    """The entries that we read of a published file: of its part, for one of `flow/variants.py`."""
    small = variant.endswith("16k")
    if part == "flow":
        with torch.device("meta"):
            network = FlowNetwork(VARIANTS[variant], torch.float32)
        return {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if part == "vae":
        return mp_vae_published_shapes(MP_VAE_16K if small else MP_VAE_44K)
    if part == "vocoder":
        return bigvgan_published_shapes(BIGVGAN_16K if small else BIGVGAN_44K)
    return clip_shapes(CLIP_VIT_H14_378) if part == "clip" else synchformer_shapes()


def check_flow(state: dict[str, Tensor], variant: str) -> None:
    """Raises ModelError when the entries are not those of a published flow network, naming the first three."""
    wanted = published_shapes("flow", variant)
    faults = [f"{key} is missing" for key in wanted if key not in state]
    faults += [f"{key} is not known" for key in state if key not in wanted]
    shapes = {key: tuple(state[key].shape) for key in wanted if key in state}
    faults += [f"{key} is {shape} for {wanted[key]}" for key, shape in shapes.items() if shape != wanted[key]]
    if faults:
        raise ModelError(
            f"this is not the network {variant}, {len(faults)} entries differ: {'; '.join(faults[:3])}; put the right "
            "file there, or choose the model it belongs to"
        )


def looks_like(state: dict[str, Tensor]) -> str:
    """Which published file a state seems to be, as "mmaudio_small_44k.pth (flow of mmaudio-small-44k)"; "" for none."""
    shapes = {_renamed(key): tuple(value.shape) for key, value in state.items() if key not in FLOW_TABLES}
    for row in MODELS.values():
        for file in row.published:
            if published_shapes(file.part, row.variant).items() <= shapes.items():
                return f"{file.name} ({file.part} of {row.name})"
    return ""
