"""Recipe-filled files in the layout of the published MMAudio checkpoints: random numbers under the right names.

    python tests/original_layout.py FOLDER mmaudio-small-16k [flow vae vocoder synchformer clip]

writes what `--weights-dir FOLDER` takes, one file after the other, leaving out those that are there (the CLIP file
alone has 4 GB; the 44.1 kHz models share all but the flow network).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import recipe
from phonofilm.codec.bigvgan import anti_alias_filter
from phonofilm.weights.foreign import Shapes, published_shapes
from phonofilm.weights.registry import find_model

DATA = Path(__file__).parent / "data"
PARTS = ("flow", "vae", "vocoder", "synchformer", "clip")


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


def write_original_layout(folder: Path, model: str, parts: Sequence[str] = PARTS) -> list[Path]:
    """Write the files of a model that are not there yet; the paths of all of them."""
    row = find_model(model)
    paths = []
    for file in row.published:
        if file.part not in parts:
            continue
        path = folder / file.folder / file.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            state: dict[str, object] = dict(fill(published_shapes(file.part, row.variant)))
            partial = path.with_suffix(".partial")
            torch.save({"generator": state} if file.part == "vocoder" else state, partial)
            partial.rename(path)
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write_original_layout(Path(sys.argv[1]), sys.argv[2], sys.argv[3:] or PARTS):
        print(written, written.stat().st_size)
