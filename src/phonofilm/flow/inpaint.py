"""One part of a sound made otherwise than the rest: held to what is known, or told something else.

When sound is to grow into an earlier one, at every time the known part is put where the straight path from noise to it
passes (as Lugmayr et al. 2022, RePaint, https://arxiv.org/abs/2201.09865, do it for diffusion), and the network sees it
beside the part that is free.

Dimension letters: B batch, L latent steps, C latent width.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from phonofilm.flow.path import point
from phonofilm.flow.sampler import Velocity

EARLY_SHARE = 0.25
"""Share of the steps that are walked several times. Level and colour are settled there: with one walk, a stretch of
wind of 1.3 s came out 2 to 17 dB under its surroundings, with four 1 to 3 dB."""
EARLY_WALKS = 4


def inpaint(
    velocity: Velocity,
    noise: Tensor,
    known: Tensor,
    free: Tensor,
    times: Tensor,
    generator: torch.Generator,
    after_step: Callable[[int], None] | None = None,
) -> Tensor:
    """Follow `velocity` from `noise` (B, L, C) along `times`, held to `known` (B, L, C) where not `free` (L) bool.

    Returns (B, L, C) float32, equal to `known` outside `free`. Early steps are walked EARLY_WALKS times: after each the
    state is brought back to the time before with fresh noise from `generator` (on the CPU). `after_step` is told how
    many walks are done, `walks(len(times) - 1)` in all; raising in it stops the run.
    """
    x, known, inside = noise.float(), known.float(), free[:, None]
    times = times.to(x.device)
    steps, done = len(times) - 1, 0
    for index in range(steps):
        here, there = times[index], times[index + 1]
        for walk in range(EARLY_WALKS if index < _early(steps) else 1):
            if walk:
                x = _back(x, here, there, generator)
            held = point(noise, known, here.expand(len(noise)))  # (B, L, C)
            x = torch.where(inside, x, held)
            x = x + (there - here) * velocity(x, here).float()
            done += 1
            if after_step is not None:
                after_step(done)
    return torch.where(inside, x, known)


def walks(steps: int) -> int:
    """How often `inpaint` asks for the velocity on that many steps."""
    return steps + (EARLY_WALKS - 1) * _early(steps)


def _early(steps: int) -> int:
    return round(EARLY_SHARE * steps)


def _back(x: Tensor, here: Tensor, there: Tensor, generator: torch.Generator) -> Tensor:
    """From time `there` back to `here`: the share of the data shrinks as on the path, fresh noise fills the rest up."""
    shrink = here / there
    lack = (1 - here) ** 2 - (shrink * (1 - there)) ** 2
    fresh = torch.randn(x.shape, generator=generator).to(x.device)
    return shrink * x + lack.clamp_min(0).sqrt() * fresh


def mixed(outside: Velocity, within: Velocity, inside: Tensor) -> Velocity:
    """One velocity where `inside` (L,) bool, another elsewhere; both see the whole state (B, L, C), so they agree."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return torch.where(inside[:, None], within(x, t), outside(x, t))

    return velocity
