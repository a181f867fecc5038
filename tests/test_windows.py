"""Windows cover everything, overlap as asked, and blend to the same result as the whole where the field allows it."""

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from phonofilm.windows import KEPT_FIELDS, Field, blended, plan, ramps, remembered


@given(st.integers(1, 3000), st.integers(40, 220), st.integers(0, 39), st.lists(st.floats(0, 3000), max_size=20))
def test_plan_covers_all_and_overlaps(steps: int, window: int, overlap: int, cuts: list[float]) -> None:
    windows = plan(steps, window, overlap, cuts)
    assert windows[0].first == 0
    assert windows[-1].end == steps
    assert all(0 < part.steps <= window for part in windows)
    for left, right in pairwise(windows):
        assert left.end - right.first == overlap
        assert left.first < right.first


@given(st.integers(400, 3000))
def test_without_cuts_windows_are_alike(steps: int) -> None:
    lengths = [part.steps for part in plan(steps, 216, 44)]
    assert max(lengths) - min(lengths) <= 1


def test_joints_meet_cuts_in_reach() -> None:
    # 500 steps in windows of 216 that share 44: three windows, whose joints may lie anywhere near 174 and 326.
    even = plan(500, 216, 44)
    assert len(even) == 3
    joints = [(left.end + right.first) / 2 for left, right in pairwise(plan(500, 216, 44, [30, 180, 190, 330]))]
    assert joints == [180, 330]
    assert plan(500, 216, 44, [30.0, 480.0]) == even  # no window can be so short, or so long


@given(st.integers(200, 900))
def test_blending_a_local_field_is_exact(steps: int) -> None:
    """A field that looks at each step alone gives the same in windows as at once."""
    windows = plan(steps, 176, 40, [100.0, 300.0])
    target = torch.sin(torch.arange(steps * 3, dtype=torch.float32)).reshape(1, steps, 3)

    def field(number: int) -> Field:
        part = windows[number]
        return lambda x, t: target[:, part.first : part.end] - x * t

    x, t = torch.randn(1, steps, 3), torch.tensor(0.3)
    torch.testing.assert_close(blended(windows, field)(x, t), target - x * t, atol=1e-5, rtol=1e-5)


def test_ramps_are_positive() -> None:
    assert all(bool((weight > 0).all()) for weight in ramps(plan(1000, 176, 44)))


def test_only_so_many_fields_are_kept() -> None:
    made: list[int] = []

    def make(number: int) -> Field:
        made.append(number)

        def field(x: Tensor, t: Tensor) -> Tensor:
            return x + number

        return field

    get = remembered(make)
    for _ in range(2):
        for number in range(KEPT_FIELDS + 3):
            assert float(get(number)(torch.zeros(1), torch.zeros(1))) == number
    assert len(made) == KEPT_FIELDS + 2 * 3
