"""From the name of a model to its guide."""

from pathlib import Path

import torch

from phonofilm.device import choose_device, choose_precision
from phonofilm.errors import OptionError
from phonofilm.scenes.guide import Guide
from phonofilm.scenes.mini import MiniGuide
from phonofilm.weights.load import load_nets
from phonofilm.weights.registry import OWN, find_model


def load_guide(model: str, device: str, precision: str, weights_dir: Path | None) -> Guide:
    """The model of that name, ready for clips; the arguments are those of `Phonofilm.load`.

    Raises ModelError or OptionError.
    """
    place = choose_device(device)
    dtype = choose_precision(precision, place)
    row = find_model(model)
    if row.published:
        from phonofilm.encoders.clip_tokens import clip_tokens
        from phonofilm.scenes.feature_cache import FeatureCache
        from phonofilm.scenes.mmaudio import MmaudioGuide
        from phonofilm.weights.fetch import cache_folder
        from phonofilm.weights.mmaudio import MmaudioParts

        clip_tokens([""])  # a missing vocabulary is told now, not after the picture was encoded
        parts = MmaudioParts.find(row, weights_dir, place, dtype)
        return MmaudioGuide(parts, FeatureCache(cache_folder() / "features"))
    if weights_dir is not None and not row.outside:
        raise OptionError(
            f"a folder of weights is for the mmaudio models and for {OWN!r}, and {model} has its weights in the "
            "package; leave it out"
        )
    nets = load_nets(model, place, dtype, weights_dir)
    return MiniGuide.load(nets, dtype if place.type == "cpu" else torch.float32, weights_dir)
