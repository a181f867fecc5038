"""What a training run keeps on disk, so that it can be stopped at any moment and go on.

One file holds everything: step, weights, their running average, the optimiser and the random states. It is written
beside itself and moved into place, so a stop while writing costs nothing.
"""

import copy
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from phonofilm.errors import InputError, ModelError

PARTS = {"step", "net", "average", "optimiser"}


class Average:
    """Exponential moving average of a network's weights (Polyak & Juditsky 1992), warmed up over the first steps."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Blend in the weights after step `step`; early on the average forgets faster, so that it is never stale."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own: list[Tensor] = list(self.network.parameters())
        new: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(own, new, 1 - decay)
        for kept, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(buffer)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The checkpoint at `path`, or None when the run is new. Raises ModelError when it cannot be read."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} is damaged, or no checkpoint; remove it to begin its stage anew") from error
    if not isinstance(state, dict) or not set(state) >= PARTS:
        raise ModelError(f"{path} is no checkpoint of a run; remove it to begin its stage anew, or give another --run")
    return state


@contextmanager
def of_this_network(path: Path) -> Iterator[None]:
    """Round the putting of a checkpoint's weights into a network: raises ModelError when they are another's."""
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is of another network than the recipe's; remove it to begin its stage anew, or give another --run"
        ) from error


def fill_with_average(network: nn.Module, run: Path, name: str, stage: str) -> None:
    """Put the averaged weights of a checkpoint into a network. Raises InputError before its stage was trained."""
    path = run / f"{name}.pt"
    state = load_state(path, torch.device("cpu"))
    if state is None:
        raise InputError(f"no {name}.pt in {run}; train the stage {stage!r} first")
    with of_this_network(path):
        network.load_state_dict(state["average"])
