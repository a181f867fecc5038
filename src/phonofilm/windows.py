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

Field = Callable[[Tensor, Tensor], Tensor]
"""(x (B, W, C), t) → velocity (B, W, C) of one window."""
SHORTEST_SHARE = 0.3
"""A cut never makes a window shorter than this share of the longest: little context makes poor sound."""
KEPT_FIELDS = 16
"""Windows whose conditions are kept from step to step (1 to 3 MB each). Those of longer sounds are made anew, for 3 %
of a step, so that memory does not grow with the length."""


@dataclass(frozen=True)
class Window:
    """Latent steps [first, end) of the whole."""

    first: int
    end: int

    @property
    def steps(self) -> int:
        return self.end - self.first

    def moved(self, steps: int) -> "Window":
        """The same window so many steps later."""
        return Window(self.first + steps, self.end + steps)


def plan(steps: int, window: int, overlap: int, cuts: Sequence[float] = ()) -> list[Window]:
    """Windows that cover `steps` latent steps, each of at most `window`, neighbours sharing exactly `overlap`.

    They are evenly spread, but where the lengths allow it the middle of an overlap is put on one of `cuts` (steps at
    which shots begin): what is seen changes there anyway.
    """
    assert 0 <= overlap < window, f"overlap {overlap} must be under the window {window}"
    if steps <= window:
        return [Window(0, steps)]
    reach = window - overlap  # from the first step of a window to that of the next, at most
    count = ceil((steps - overlap) / reach)
    firsts = [0]
    for number in range(1, count):
        low = max(firsts[-1] + ceil(SHORTEST_SHARE * reach), steps - overlap - (count - number) * reach)
        high = firsts[-1] + reach
        even = round(number * (steps - overlap) / count)
        on_cuts = [first for first in (round(cut - overlap / 2) for cut in cuts) if low <= first <= high]
        wanted = min(on_cuts, key=lambda first: abs(first - even), default=even)
        firsts.append(min(max(wanted, low), high))
    ends = [first + overlap for first in firsts[1:]] + [steps]
    return [Window(first, end) for first, end in zip(firsts, ends, strict=True)]


def around(first: int, end: int, steps: int, length: int, context: int) -> Window:
    """A window of at least `length` steps of a whole of `steps`, with [first, end) in its middle as far as the borders
    let it, and at least `context` steps at either side of that where there are so many."""
    wanted = min(steps, max(length, end - first + 2 * context))
    low = min(max(0, (first + end - wanted) // 2), steps - wanted)
    return Window(low, low + wanted)


def joined(windows: Sequence[Window]) -> list[Window]:
    """The stretches that windows cover together, in order."""
    result: list[Window] = []
    for window in sorted(windows, key=lambda window: window.first):
        if result and window.first <= result[-1].end:
            result[-1] = Window(result[-1].first, max(result[-1].end, window.end))
        else:
            result.append(window)
    return result


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


def remembered(make: Callable[[int], Field]) -> Callable[[int], Field]:
    """The same fields by window number, made once as far as KEPT_FIELDS reaches."""
    kept: dict[int, Field] = {}

    def get(number: int) -> Field:
        if number not in kept:
            made = make(number)
            if number >= KEPT_FIELDS:
                return made
            kept[number] = made
        return kept[number]

    return get


def blended(windows: Sequence[Window], field: Callable[[int], Field]) -> Field:
    """One velocity for the whole out of the fields of the windows, to hand to a sampler: x (B, L, C), t → (B, L, C)."""
    weights = ramps(windows)

    def whole(x: Tensor, t: Tensor) -> Tensor:
        if len(windows) == 1:
            return field(0)(x, t)
        total = torch.zeros_like(x)
        norm = torch.zeros(x.shape[1], device=x.device)
        for number, (window, weight) in enumerate(zip(windows, weights, strict=True)):
            span = slice(window.first, window.end)
            total[:, span] += weight.to(x.device)[:, None] * field(number)(x[:, span], t)
            norm[span] += weight.to(x.device)
        return total / norm[:, None]

    return whole
