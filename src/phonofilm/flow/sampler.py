"""Solvers that carry noise along any velocity field. They know nothing of networks or conditions.

State, times and sums are float32, whatever the field computes with.
"""

from collections.abc import Callable

import torch
from torch import Tensor

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


def guided(both: Velocity, scale: float) -> Velocity:
    """Classifier-free guidance (Ho & Salimans 2022).

    `both` answers x (B, ...) with (2 B, ...): first the velocities under the conditions, then those under the empty or
    negative ones. The result is scale · conditional + (1 - scale) · empty, (B, ...).
    """

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        wanted, unwanted = both(x, t).float().chunk(2)  # each (B, ...)
        return scale * wanted + (1 - scale) * unwanted

    return velocity
