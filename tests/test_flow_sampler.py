"""Paths and solvers on fields whose answer is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from phonofilm.flow.path import direction, point
from phonofilm.flow.sampler import euler, even_times, guided, heun


def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(3, 4, 2, generator=generator), torch.randn(3, 4, 2, generator=generator)


def test_path_starts_in_noise_and_ends_in_data() -> None:
    noise, data = pair()
    torch.testing.assert_close(point(noise, data, torch.tensor([0.0, 1.0, 0.5]))[0], noise[0])
    torch.testing.assert_close(point(noise, data, torch.tensor([0.0, 1.0, 0.5]))[1], data[1])
    before, after = (point(noise, data, torch.full((3,), t)) for t in (0.25, 0.75))
    torch.testing.assert_close((after - before) / 0.5, direction(noise, data))


@given(steps=st.integers(1, 30))
@settings(max_examples=10)
def test_straight_line_is_solved_exactly(steps: int) -> None:
    noise, data = pair()
    for solve in (euler, heun):
        end = solve(lambda x, t: direction(noise, data), noise, even_times(steps))
        torch.testing.assert_close(end, data, rtol=0, atol=3e-6)


@pytest.mark.parametrize(("solve", "order"), [(euler, 1), (heun, 2)])
def test_order_on_decay(solve: object, order: int) -> None:
    """x' = -x: doubling the steps divides the error by 2 to the order."""
    assert callable(solve)
    start = torch.ones(1)
    errors = [abs(float(solve(lambda x, t: -x, start, even_times(steps))) - math.exp(-1)) for steps in (8, 16)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_uneven_times_and_time_dependent_field() -> None:
    """x' = 2 t is exact for Heun on any times."""
    times = torch.tensor([0.0, 0.1, 0.15, 0.6, 1.0])
    torch.testing.assert_close(heun(lambda x, t: 2 * t.expand(x.shape), torch.zeros(2), times), torch.ones(2))


def test_steps_are_reported_and_state_is_float32() -> None:
    seen: list[int] = []
    end = euler(lambda x, t: x.bfloat16(), torch.ones(2, dtype=torch.bfloat16), even_times(3), seen.append)
    assert seen == [1, 2, 3]
    assert end.dtype == torch.float32


def test_guidance_pushes_away_from_the_second_half() -> None:
    noise, data = pair()
    velocity = guided(lambda x, t: torch.cat([noise, data]), (4.5, -3.5))
    torch.testing.assert_close(velocity(noise, torch.tensor(0.0)), 4.5 * noise - 3.5 * data)
    same = guided(lambda x, t: torch.cat([noise, noise]), (4.5, -3.5))
    torch.testing.assert_close(same(noise, torch.tensor(0.0)), noise)


@given(rescale=st.floats(0.0, 1.0), t=st.floats(0.0, 0.95), scale=st.floats(1.5, 9.0))
@settings(max_examples=30)
def test_rescaling_gives_back_the_spread_of_the_conditions_alone(rescale: float, t: float, scale: float) -> None:
    noise, data = pair()
    time = torch.tensor(t)

    def both(x: Tensor, t: Tensor) -> Tensor:
        return torch.cat([data - x, -noise - x])

    plain, kept = (guided(both, (scale, 1 - scale), share)(noise, time) for share in (0.0, rescale))
    ends = [noise + (1 - time) * v for v in (data - noise, plain, kept)]
    alone, pushed, held = (end.std((1, 2)) for end in ends)
    torch.testing.assert_close(held, pushed + rescale * (alone - pushed), rtol=1e-3, atol=1e-4)
    # only the size changes: what is reached points where it pointed
    torch.testing.assert_close(
        torch.nn.functional.cosine_similarity(ends[1].flatten(1), ends[2].flatten(1)), torch.ones(3), rtol=0, atol=1e-4
    )
