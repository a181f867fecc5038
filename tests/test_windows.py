"""Windows cover everything, overlap enough, and blend to the same result as the whole where the field allows it."""

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from phonofilm.windows import blended, plan, ramps


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(40, 220), st.integers(0, 39))
def test_plan_covers_all_and_overlaps(steps: int, window: int, overlap: int) -> None:
    windows = plan(steps, window, overlap)
    assert windows[0].first == 0
    assert windows[-1].end == steps
    assert all(part.steps <= window for part in windows)
    for left, right in pairwise(windows):
        assert left.end - right.first >= min(overlap, left.steps)


@settings(deadline=None)
@given(st.integers(200, 900))
def test_blending_a_local_field_is_exact(steps: int) -> None:
    """A field that looks at each step alone gives the same in windows as at once."""
    windows = plan(steps, 176, 40)
    target = torch.sin(torch.arange(steps * 3, dtype=torch.float32)).reshape(1, steps, 3)

    def field(number: int, x: Tensor, t: Tensor) -> Tensor:
        part = windows[number]
        return target[:, part.first : part.end] - x * t

    x, t = torch.randn(1, steps, 3), torch.tensor(0.3)
    torch.testing.assert_close(blended(windows, field)(x, t), target - x * t, atol=1e-5, rtol=1e-5)


def test_ramps_are_positive() -> None:
    assert all(bool((weight > 0).all()) for weight in ramps(plan(1000, 176, 44)))
