"""Sound of any length from a network trained on eight seconds: overlapping windows that are sampled together.

At every sampling step each window gets its own velocity, and where windows overlap the velocities are averaged with
ramps (MultiDiffusion, Bar-Tal et al. 2023, https://arxiv.org/abs/2302.08113). So neighbours agree long before anything
is heard, and there is no seam to hide afterwards.

Dimension letters: B batch (takes), L latent steps in all, W latent steps of one window, C latent width, G windows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

WindowVelocity = Callable[[int, Tensor, Tensor], Tensor]
"""(window number, x (B, W, C), t) → velocity (B, W, C)."""


@dataclass(frozen=True)
class Window:
    """Latent steps [first, end) of the whole."""

    first: int
    end: int

    @property
    def steps(self) -> int:
        return self.end - self.first


def plan(steps: int, window: int, overlap: int) -> list[Window]:
    """Windows that cover `steps` latent steps, each of at most `window`, neighbours sharing at least `overlap`.

    All are equally long and evenly spread.
    """
    assert 0 <= overlap < window, f"overlap {overlap} must be under the window {window}"
    if steps <= window:
        return [Window(0, steps)]
    count = ceil((steps - overlap) / (window - overlap))
    length = min(window, ceil((steps + (count - 1) * overlap) / count) + 1)
    firsts = [round(i * (steps - length) / (count - 1)) for i in range(count)]
    return [Window(first, first + length) for first in firsts]


def ramps(windows: Sequence[Window]) -> list[Tensor]:
    """(W,) weights of each window: rising and falling over the overlaps, everywhere positive."""
    result = []
    for number, window in enumerate(windows):
        weight = torch.ones(window.steps)
        if number:
            shared = windows[number - 1].end - window.first
            weight[:shared] *= (torch.arange(shared) + 0.5) / shared
        if number + 1 < len(windows):
            shared = window.end - windows[number + 1].first
            weight[window.steps - shared :] *= 1 - (torch.arange(shared) + 0.5) / shared
        result.append(weight)
    return result


def blended(windows: Sequence[Window], velocity: WindowVelocity) -> Callable[[Tensor, Tensor], Tensor]:
    """One velocity for the whole out of one per window, to hand to a sampler: x (B, L, C), t → (B, L, C)."""
    weights = ramps(windows)

    def whole(x: Tensor, t: Tensor) -> Tensor:
        if len(windows) == 1:
            return velocity(0, x, t)
        total = torch.zeros_like(x)
        norm = torch.zeros(x.shape[1], device=x.device)
        for number, (window, weight) in enumerate(zip(windows, weights, strict=True)):
            span = slice(window.first, window.end)
            total[:, span] += weight.to(x.device)[:, None] * velocity(number, x[:, span], t)
            norm[span] += weight.to(x.device)
        return total / norm[:, None]

    return whole
