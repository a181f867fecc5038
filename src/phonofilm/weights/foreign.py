"""Files that others have published, as plain states: what is wrapped is unwrapped, what is of no use is dropped.

Every rename and every left-out entry stands here with its reason; the networks themselves keep the published keys, and
what is folded into other numbers is folded by their own `prepare_...`.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from phonofilm.errors import ModelError
from phonofilm.flow.network import FlowConfig, FlowNetwork
from phonofilm.flow.variants import VARIANTS

WRAPPER = "generator"
"""Vocoder training stores the state under this name, beside the optimiser's."""
FLOW_TABLES = ("t_embed.freqs", "latent_rot", "clip_rot")
"""Tables that some published flow files carry along; we compute them, in float32, for any length."""


def read_foreign(path: Path) -> dict[str, Tensor]:
    """The state in a published file, mapped from disk where its format allows; never any code.

    Raises ModelError when the file is no such thing, damaged, or cut short.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):  # files in the format before torch 1.6
                raise
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist; run 'phonofilm models pull', or look into --weights-dir") from error
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # torch.load raises many kinds for what is no checkpoint
        raise _unreadable(path, error) from error
    if isinstance(loaded, dict) and isinstance(loaded.get(WRAPPER), dict):
        loaded = loaded[WRAPPER]
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ModelError(f"{path} holds no network; fetch it again, or give another --weights-dir")
    return dict(loaded)


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = " ".join(str(error).split()).split(". ")[0]
    return ModelError(
        f"{path} cannot be read as weights ({type(error).__name__}: {reason:.120}); it is damaged, cut short, or no "
        "checkpoint: remove it and fetch it again"
    )


def flow_state(state: dict[str, Tensor], variant: str, path: Path) -> dict[str, Tensor]:
    """The entries of a published flow network, checked by name and shape.

    Raises ModelError when they are not those of `variant`, naming the one that they are.
    """
    own = {key: value for key, value in state.items() if key not in FLOW_TABLES}
    faults = _faults(own, VARIANTS[variant])
    if faults:
        others = [name for name, config in VARIANTS.items() if not _faults(own, config)]
        is_other = f"it is {others[0]}: " if others else ""
        raise ModelError(
            f"{path} is not the network {variant} ({is_other}{len(faults)} entries differ: {'; '.join(faults[:3])}); "
            "put the right file there, or choose the model it belongs to"
        )
    return own


def _faults(state: dict[str, Tensor], config: FlowConfig) -> list[str]:
    with torch.device("meta"):
        network = FlowNetwork(config, torch.float32)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    faults = [f"{key} is missing" for key in wanted if key not in state]
    faults += [f"{key} is not known" for key in state if key not in wanted]
    shapes = {key: tuple(state[key].shape) for key in wanted if key in state}
    return faults + [f"{key} is {shape} for {wanted[key]}" for key, shape in shapes.items() if shape != wanted[key]]
