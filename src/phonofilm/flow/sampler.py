"""Solvers that carry noise along any velocity field. They know nothing of networks or conditions.

State, times and sums are float32, whatever the field computes with.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SMALLEST_SPREAD = 1e-6
Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x, scalar t) → dx/dt of the shape of x."""


def even_times(steps: int) -> Tensor:
    """`steps` equal steps from 0 to 1: (steps + 1) times in float32."""
    return torch.linspace(0.0, 1.0, steps + 1)


def euler(velocity: Velocity, start: Tensor, times: Tensor, after_step: Callable[[int], None] | None = None) -> Tensor:
    """Follow `velocity` from `start` at times[0] to times[-1] by Euler's method: one evaluation per step, order 1.

    `after_step` is told how many steps are done; raising in it stops the run.
    """
    x = start.float()
    times = times.to(x.device)
    for index in range(len(times) - 1):
        x = x + (times[index + 1] - times[index]) * velocity(x, times[index]).float()
        if after_step is not None:
            after_step(index + 1)
    return x


def heun(velocity: Velocity, start: Tensor, times: Tensor, after_step: Callable[[int], None] | None = None) -> Tensor:
    """As `euler`, by Heun's method: two evaluations per step, order 2."""
    x = start.float()
    times = times.to(x.device)
    for index in range(len(times) - 1):
        step = times[index + 1] - times[index]
        here = velocity(x, times[index]).float()
        there = velocity(x + step * here, times[index + 1]).float()
        x = x + step / 2 * (here + there)
        if after_step is not None:
            after_step(index + 1)
    return x


def guided(all_of_them: Velocity, weights: Sequence[float], rescale: float = 0.0) -> Velocity:
    """Classifier-free guidance (Ho & Salimans 2022), with any number of conditions (Liu et al. 2022).

    `all_of_them` answers x (B, ...) with (W B, ...): the velocities under each of the W conditions, one after another.
    The result is their weighted sum, (B, ...); the weights add up to 1. Two of them, scale and 1 - scale, push from the
    second, the empty or negative conditions, towards the first.

    rescale: how far, 0 to 1, what is reached at t = 1 gets back the spread it has under the first conditions alone (Lin
    et al. 2024, section 3.4). Guidance makes everything larger, the louder the more it pulls; sound gets harsh by it.
    """

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        parts = all_of_them(x, t).float().chunk(len(weights))  # W of (B, ...)
        pushed = sum((weight * part for weight, part in zip(weights, parts, strict=True)), torch.zeros_like(x))
        if not rescale:
            return pushed
        left = 1 - t
        alone, guided_end = x + left * parts[0], x + left * pushed
        inner = tuple(range(1, x.dim()))
        ratio = alone.std(inner, keepdim=True) / guided_end.std(inner, keepdim=True).clamp_min(SMALLEST_SPREAD)
        return (guided_end * (1 + rescale * (ratio - 1)) - x) / left

    return velocity
