"""Resizing against the published levels, and against facts that hold for any good resize."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.encoders.resize import clip_pixels, sync_pixels
from phonofilm.types import ByteArray
from recipe import value

DATA = Path(__file__).parent / "data"
SIZES = {"360p": (90, 160), "tall": (300, 200), "sq": (384, 384)}


def published_frames(name: str) -> ByteArray:
    """(2, H, W, 3): blocks of 5 x 5 with hard edges."""
    height, width = SIZES[name]
    shape = (2, 3, height // 5 + 1, width // 5 + 1)
    levels = value(f"input/frames_{name}", int(np.prod(shape))).reshape(shape) * 0.5 + 0.5
    blocks = levels.repeat(5, 2).repeat(5, 3)[:, :, :height, :width]
    return np.floor(blocks * 256).astype(np.uint8).transpose(0, 2, 3, 1)


def random_picture(height: int, width: int, seed: int = 0) -> ByteArray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", SIZES)
def test_published_levels(name: str) -> None:
    published = np.load(DATA / "preprocess.npz")
    frames = published_frames(name)
    clip = np.stack([clip_pixels(frame) for frame in frames]).transpose(0, 3, 1, 2)
    sync = np.stack([sync_pixels(frame) for frame in frames]).transpose(0, 3, 1, 2)
    assert clip.shape == (2, 3, 384, 384)
    assert sync.shape == (2, 3, 224, 224)
    assert np.array_equal(clip[:, :, ::13, ::11], published[f"{name}.clip_u8"])
    assert np.array_equal(sync[:, :, ::7, ::5], published[f"{name}.sync_u8"])


@settings(max_examples=25)
@given(height=st.integers(1, 500), width=st.integers(1, 500), level=st.integers(0, 255))
def test_a_flat_picture_stays_flat(height: int, width: int, level: int) -> None:
    shorter = min(height, width)
    height, width = min(height, 20 * shorter), min(width, 20 * shorter)
    flat = np.full((height, width, 3), level, np.uint8)
    for result, edge in ((clip_pixels(flat), 384), (sync_pixels(flat), 224)):
        assert result.shape == (edge, edge, 3)
        assert result.flags.c_contiguous
        assert (result == level).all()


@pytest.mark.parametrize(("height", "width"), [(90, 160), (201, 333), (500, 240)])
def test_turning_the_picture_turns_the_result(height: int, width: int) -> None:
    rgb = random_picture(height, width) // 2 + 64  # no level is clamped on the way
    turned = np.ascontiguousarray(rgb.transpose(1, 0, 2))
    # Not level for level: the pass over rows rounds first.
    assert np.abs(clip_pixels(turned).transpose(1, 0, 2).astype(int) - clip_pixels(rgb)).max() <= 2
    assert np.abs(sync_pixels(turned).transpose(1, 0, 2).astype(int) - sync_pixels(rgb)).max() <= 2


def test_a_picture_of_the_right_size_is_untouched() -> None:
    assert np.array_equal(clip_pixels(random_picture(384, 384)), random_picture(384, 384))
    assert np.array_equal(sync_pixels(random_picture(224, 224)), random_picture(224, 224))


@pytest.mark.parametrize(("extra", "offset"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (7, 4)])
def test_the_centre_is_cut_with_halves_going_to_the_even_side(extra: int, offset: int) -> None:
    wide, tall = random_picture(224, 224 + extra), random_picture(224 + extra, 224)
    assert np.array_equal(sync_pixels(wide), wide[:, offset : offset + 224])
    assert np.array_equal(sync_pixels(tall), tall[offset : offset + 224])


def test_views_are_fine() -> None:
    rgb = random_picture(120, 200)
    assert np.array_equal(clip_pixels(rgb[::-1, ::-1]), clip_pixels(np.ascontiguousarray(rgb[::-1, ::-1])))
