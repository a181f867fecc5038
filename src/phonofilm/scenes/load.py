"""From the name of a model to its guide."""

from pathlib import Path

import torch

from phonofilm.device import choose_device, choose_precision
from phonofilm.scenes.guide import Guide
from phonofilm.scenes.mini import MiniGuide
from phonofilm.weights.load import load_nets


def load_guide(model: str, device: str, precision: str, weights_dir: Path | None) -> Guide:
    """The model of that name, ready for clips; the arguments are those of `Phonofilm.load`.

    Raises ModelError or OptionError.
    """
    place = choose_device(device)
    dtype = choose_precision(precision, place)
    return MiniGuide.load(load_nets(model, place, dtype), dtype if place.type == "cpu" else torch.float32)
