"""Recipe-filled files in the layout of the published MMAudio checkpoints: random numbers under the right names.

    python tests/original_layout.py FOLDER mmaudio-small-16k

writes what `--weights-dir FOLDER` takes, one file after the other, leaving out those that are there (the CLIP file
alone has 4 GB; the 44.1 kHz models share all but the flow network).
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import recipe
from phonofilm.codec.bigvgan import BIGVGAN_16K, BIGVGAN_44K, anti_alias_filter, bigvgan_published_shapes
from phonofilm.codec.mp_vae import MP_VAE_16K, MP_VAE_44K, mp_vae_published_shapes
from phonofilm.encoders.clip import CLIP_VIT_H14_378
from phonofilm.encoders.clip import published_keys as clip_shapes
from phonofilm.encoders.synchformer import published_keys as sync_shapes
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.variants import VARIANTS
from phonofilm.weights.registry import ModelRow, find_model

Shapes = dict[str, tuple[int, ...]]
DATA = Path(__file__).parent / "data"


def shapes_of(row: ModelRow, part: str) -> Shapes:
    """The entries of a published file."""
    small = row.variant.endswith("16k")
    if part == "flow":
        with torch.device("meta"):
            network = FlowNetwork(VARIANTS[row.variant], torch.float32)
        return {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if part == "vae":
        return mp_vae_published_shapes(MP_VAE_16K if small else MP_VAE_44K)
    if part == "vocoder":
        return bigvgan_published_shapes(BIGVGAN_16K if small else BIGVGAN_44K)
    return clip_shapes(CLIP_VIT_H14_378) if part == "clip" else sync_shapes()


def fill(shapes: Shapes) -> dict[str, Tensor]:
    """The recipe's values; what it leaves to the module has the module's."""
    state = {}
    for key, shape in shapes.items():
        made = recipe.param(key, shape)
        if made is not None:
            state[key] = torch.from_numpy(made.reshape(shape))
        elif key.endswith("filter"):
            state[key] = anti_alias_filter().view(shape)
        else:  # statistics of spectrograms: the vectors hold those of the published file
            known = np.load(DATA / ("vae_16k.npz" if shape[1] == 80 else "vae_44k.npz"))
            state[key] = torch.from_numpy(known[key])
    return state


def write_original_layout(folder: Path, model: str) -> None:
    """Write every file of a model that is not there yet."""
    row = find_model(model)
    for file in row.published:
        path = folder / file.folder / file.name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        state: dict[str, object] = dict(fill(shapes_of(row, file.part)))
        partial = path.with_suffix(".partial")
        torch.save({"generator": state} if file.part == "vocoder" else state, partial)
        partial.rename(path)
        print(path, json.dumps(path.stat().st_size))


if __name__ == "__main__":
    write_original_layout(Path(sys.argv[1]), sys.argv[2])
