"""Examples as the flow network eats them: latents, cue curves and labels, a few thousand to a file.

One shard is a safetensors file: latents (N, L, Z) float16, curves (N, 2, L * patch) uint8 (onset, activity; 255 = 1),
labels (N, 2) int16 into the list of labels in the metadata, -1 for none. Shards are written one by one, so training can
start on the first while the rest are made, and each is seeded by its number alone, so that several processes can share
the work.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from phonofilm.codec.onsets import sound_curves
from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.codec.vae import MelVae
from phonofilm.data.scenes import Composer
from phonofilm.device import fast_products
from phonofilm.types import FloatArray


@dataclass(frozen=True)
class Shard:
    """N examples; shapes at the head of the file."""

    latents: Tensor
    curves: Tensor
    labels: Tensor
    names: tuple[str, ...]


def write_shard(path: Path, composer: Composer, vae: MelVae, examples: int, latent_steps: int, seed: int) -> None:
    """Compose and encode `examples` examples of `latent_steps` latents and write them to `path` atomically."""
    generator = np.random.default_rng(seed)
    mel = MelSpectrogram(MEL_44K)
    length = latent_steps * vae.config.patch * MEL_44K.hop
    index = {label: number for number, label in enumerate(composer.labels)}
    latents, curves, labels = [], [], []
    for _ in range(examples):
        sound, heard = composer.compose(length, generator)
        curves.append(_curve_bytes(sound))
        labels.append([index[label] for label in heard] + [-1] * (2 - len(heard)))
        with torch.inference_mode(), fast_products(torch.device("cpu")):
            latents.append(vae.encode(mel(torch.from_numpy(sound)[None]))[0].half())  # (L, Z)
    partial = path.with_suffix(".partial")
    tensors = {
        "latents": torch.stack(latents),
        "curves": torch.stack(curves),
        "labels": torch.tensor(labels, dtype=torch.int16),
    }
    save_file(tensors, partial, {"labels": json.dumps(composer.labels)})
    os.replace(partial, path)


def _curve_bytes(sound: FloatArray) -> Tensor:
    """(2, L * patch) uint8 onset and activity of one example; point n stands for the start of mel frame n."""
    curves = sound_curves(sound, MEL_44K.rate_hz)
    stacked = np.stack([curves.onset, curves.activity])  # (2, N)
    count = len(sound) // MEL_44K.hop
    return torch.from_numpy(np.round(stacked[:, :count].clip(0, 1) * 255).astype(np.uint8))


def read_shard(path: Path) -> Shard:
    """A shard from disk."""
    with safe_open(path, "pt") as file:
        names = tuple(json.loads(file.metadata()["labels"]))
        return Shard(file.get_tensor("latents"), file.get_tensor("curves"), file.get_tensor("labels"), names)
