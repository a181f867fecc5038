"""What every training run does between drawing a batch and the next: descend, average, tell, and keep its state."""

import logging
import math
import time
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from phonofilm.train.state import Average, load_state, of_this_network, save_state

logger = logging.getLogger(__name__)


class Schedule(Protocol):
    """What a loop is told by the recipe of a network. steps: of the whole run. decay: of the running average."""

    @property
    def steps(self) -> int: ...

    @property
    def decay(self) -> float: ...

    @property
    def save_every_s(self) -> float: ...


class Loop:
    """One run of one network. `first` is the step to begin at: 0, or where the checkpoint of an earlier run ended."""

    def __init__(
        self,
        checkpoint: Path,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        recipe: Schedule,
        device: torch.device,
    ) -> None:
        self.checkpoint, self.network, self.optimiser = checkpoint, network, optimiser
        self.steps, self.save_every_s = recipe.steps, recipe.save_every_s
        self.average, self.first, self._begun = Average(network, recipe.decay), 0, False
        state = load_state(checkpoint, device)
        if state is not None:
            with of_this_network(checkpoint):
                network.load_state_dict(state["net"])
                self.average.network.load_state_dict(state["average"])
                optimiser.load_state_dict(state["optimiser"])
                _match_strides(optimiser)
            self.first = state["step"]
        self._saved_s, self._total, self._counted = time.monotonic(), 0.0, 0
        self._begun_s = self._saved_s

    def descend(self, step: int, rate: float, loss: Tensor, longest: float, shown: Tensor) -> bool:
        """One step down `loss` at learning rate `rate`, the gradient cut to a length of `longest`.

        `shown` is the figure for the log. Returns whether a checkpoint was written.
        """
        if not self._begun:
            # By now the data are ready, which can take long; the next line comes with the first checkpoint.
            logger.info("%s: training, from step %d of %d", self.checkpoint.stem, step + 1, self.steps)
            self._begun, self._begun_s = True, time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = float(rate)  # a numpy number in a checkpoint cannot be read back with weights_only
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), longest)
        self.optimiser.step()
        self.average.update(self.network, step)
        self._total, self._counted = self._total + float(shown.detach()), self._counted + 1
        if time.monotonic() - self._saved_s <= self.save_every_s and step + 1 < self.steps:
            return False
        each_s = (time.monotonic() - self._begun_s) / (step + 1 - self.first)
        left = f"{math.ceil(each_s * (self.steps - step - 1) / 60)} min left"
        logger.info("%s step %d: %.4f, %s", self.checkpoint.stem, step + 1, self._total / self._counted, left)
        self._saved_s, self._total, self._counted = time.monotonic(), 0.0, 0
        net, kept = self.network.state_dict(), self.average.network.state_dict()
        rows = {"step": step + 1, "net": net, "average": kept, "optimiser": self.optimiser.state_dict()}
        save_state(self.checkpoint, rows)
        return True


def falling(step: int, steps: int, warmup: int) -> float:
    """Share of the full learning rate: up over `warmup` steps, then down in a straight line to 2 %."""
    return min(1, (step + 1) / warmup) * max(0.02, 1 - step / steps)


def _match_strides(optimiser: torch.optim.Optimizer) -> None:
    """Lay the moments out in memory as the weights are: AdamW's fused update walks both by address."""
    for weight, moments in optimiser.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            moments[name] = torch.empty_like(weight).copy_(moments[name])
