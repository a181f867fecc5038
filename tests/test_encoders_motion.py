"""What is put right in a film before its motion is measured: black bars, held pictures, flicker."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders.bars import BAR_LEVEL, shown_part, without_bars
from phonofilm.encoders.motion import find_motion, held_still, repeats, steadied
from phonofilm.types import Frames

HEIGHT, WIDTH = 90, 160


@given(
    top=st.integers(0, 25),
    bottom=st.integers(0, 25),
    left=st.integers(0, 45),
    right=st.integers(0, 45),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_what_is_lit_is_the_picture(top: int, bottom: int, left: int, right: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    brightest = generator.integers(0, BAR_LEVEL, (HEIGHT, WIDTH), endpoint=True).astype(np.uint8)
    brightest[top : HEIGHT - bottom, left : WIDTH - right] = generator.integers(BAR_LEVEL + 1, 255)
    shown = shown_part(brightest)
    high, wide = top + bottom >= 2, left + right >= 0.02 * WIDTH
    if not high and not wide:
        assert shown is None
        return
    assert shown is not None
    assert (shown.top, shown.bottom) == ((top, HEIGHT - bottom) if high else (0, HEIGHT))
    assert (shown.left, shown.right) == ((left, WIDTH - right) if wide else (0, WIDTH))
    edges = [2 * end / WIDTH - 1 for end in (shown.left, shown.right)]
    assert [shown.middle - shown.reach, shown.middle + shown.reach] == pytest.approx(edges)


def test_a_lamp_in_the_night_and_darkness_have_no_bars() -> None:
    dark = np.full((HEIGHT, WIDTH), 3, np.uint8)
    assert shown_part(dark) is None
    dark[40:60, 70:90] = 200
    assert shown_part(dark) is None


def scene(count: int) -> np.ndarray:
    """(F, H, W) a disc that runs from left to right over a ground with some structure."""
    ground = 90 + 40 * np.random.default_rng(0).normal(size=(HEIGHT // 6, WIDTH // 6 + 1)).clip(-1, 1)
    ground = np.kron(ground, np.ones((6, 6)))[:HEIGHT, :WIDTH]
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack(
        [np.where(np.hypot(columns - 20 - 4 * k, rows - 45) < 12, 220, ground) for k in range(count)]
    ).astype(np.uint8)


def coloured(luma: np.ndarray, rate_hz: int = 25) -> Frames:
    return Frames(np.repeat(luma[..., None], 3, -1), tuple(Fraction(k, rate_hz) for k in range(len(luma))))


def test_motion_is_that_of_the_picture_inside() -> None:
    film = scene(12)
    boxed = np.zeros((len(film), 2 * HEIGHT, 2 * WIDTH), np.uint8)
    boxed[:, 30 : 30 + HEIGHT, 100 : 100 + WIDTH] = film
    bare, found = find_motion(coloured(film)), find_motion(coloured(boxed))
    assert (bare.middle, bare.reach) == (0, 1)
    assert found.reach == pytest.approx(0.5)
    assert found.middle == pytest.approx((100 + WIDTH / 2) / WIDTH - 1)
    # velocities are in widths of the picture, wherever it lies in the frame
    assert found.fastest.max((1, 2)) == pytest.approx(bare.fastest.max((1, 2)), rel=0.35)
    across = [float((m.right * m.change).sum() / m.change.sum()) for m in (bare, found)]
    assert across[1] == pytest.approx(across[0], rel=0.25)


def test_the_camera_can_be_held_still() -> None:
    ground = np.kron(np.random.default_rng(1).integers(60, 200, (30, 60)), np.ones((6, 6)))
    panned = np.stack([ground[6 + k : 6 + k + HEIGHT, 3 * k : 3 * k + WIDTH] for k in range(12)]).astype(np.uint8)
    motion = find_motion(coloured(panned))
    assert motion.pictures.shape == (12, HEIGHT // 2, WIDTH // 2)
    before, after = held_still(motion)
    moved = np.abs(np.diff(motion.pictures.astype(np.float32), axis=0)).mean()
    assert np.abs(after - before)[:, 3:-3, 3:-3].mean() < 0.25 * moved


@given(step=st.integers(-4, 4), tone=st.integers(100, 200), paper=st.sampled_from([40, 255]))
@settings(max_examples=8, deadline=None)
def test_a_thing_on_plain_paper_moves_and_not_the_camera(step: int, tone: int, paper: int) -> None:
    pixels = np.full((8, 90, 160, 3), paper, np.uint8)
    for number, picture in enumerate(pixels):
        at = 60 + step * number
        picture[40:58, at : at + 18] = tone
    motion = find_motion(Frames(pixels, tuple(Fraction(number, 25) for number in range(len(pixels)))))
    assert np.abs(motion.camera).max(initial=0) == 0
    assert np.sign((motion.right * motion.change).sum()) == np.sign(step)


def test_enlarging_keeps_the_area_and_the_grey_levels() -> None:
    film = scene(3)
    boxed = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    boxed[:, 20:70] = film[:, 20:70]
    shown = shown_part(boxed.max(0))
    assert shown is not None
    part = without_bars(boxed, shown)
    assert part.shape[1] * part.shape[2] == pytest.approx(HEIGHT * WIDTH, rel=0.05)
    assert part.mean() == pytest.approx(film[:, 20:70].mean(), rel=0.02)


@pytest.mark.parametrize("pattern", [(3,), (6,), (2, 3), (3, 3, 4), (1, 1, 1, 2)])
def test_held_pictures_are_dropped_at_any_cadence(pattern: tuple[int, ...]) -> None:
    film = scene(30).astype(np.float32)
    holds = [pattern[k % len(pattern)] for k in range(len(film))]
    found = repeats(np.repeat(film, holds, axis=0))
    wanted = np.concatenate([[False] + [True] * (hold - 1) for hold in holds])
    assert not found[~wanted].any()
    assert found[wanted].mean() > 0.8


def test_what_rests_between_strokes_is_not_held() -> None:
    moving = scene(8).astype(np.float32)
    rests = [np.repeat(moving[-1:], 6, axis=0), np.repeat(moving[:1], 5, axis=0)]
    film = np.concatenate([moving, rests[0], moving[::-1], rests[1]] * 5)
    assert not repeats(film).any()


@pytest.mark.thorough
def test_flicker_goes_and_fades_and_flashes_stay() -> None:
    film = scene(30).astype(np.float32)
    assert steadied(film) is film
    fading = film * np.linspace(1, 0.3, len(film), dtype=np.float32)[:, None, None]
    assert steadied(fading) == pytest.approx(fading, rel=0.03)
    flash = film.copy()
    flash[14] *= 1.5
    assert steadied(flash) is flash
    flickering = film * np.random.default_rng(0).normal(1, 0.08, len(film)).astype(np.float32)[:, None, None]
    before, after = (np.abs(np.diff(part.mean((1, 2)))).mean() for part in (flickering, steadied(flickering)))
    assert after < 0.3 * before
