"""The tables inside the flow network against published ones: time embedding, rotations, stretched rows, step times."""

from pathlib import Path

import numpy as np
import pytest
import torch

from phonofilm.flow.conditions import nearest_rows, rotations
from phonofilm.flow.network import TimeEmbedding
from phonofilm.flow.sampler import even_times
from phonofilm.flow.variants import LARGE_44K_V2, SMALL_16K

TABLES = np.load(Path(__file__).parent / "data" / "tables.npz")
CPU = torch.device("cpu")
LENGTHS = {"16k": 250, "44k": 345}


@pytest.mark.parametrize(("name", "config", "tolerance"), [("v1_256", SMALL_16K, 1e-6), ("v2_896", LARGE_44K_V2, 2e-3)])
def test_time(name: str, config: object, tolerance: float) -> None:
    embedding = TimeEmbedding(config)  # type: ignore[arg-type]
    found = embedding.table(torch.from_numpy(TABLES["t_values"]).float()).numpy()
    assert np.abs(found - TABLES[f"temb_{name}"]).max() <= tolerance


@pytest.mark.parametrize("rate", LENGTHS)
def test_rotations(rate: str) -> None:
    length = LENGTHS[rate]
    latents = rotations(length, 1.0, 64, CPU)[::25].numpy()
    frames = rotations(64, length / 64, 64, CPU)[::9].numpy()
    for name, found in (("latent", latents), ("clip", frames)):
        assert np.abs(found.real - TABLES[f"rope_{name}_{rate}_cos"]).max() < 1e-6
        assert np.abs(found.imag - TABLES[f"rope_{name}_{rate}_sin"]).max() < 1e-6


@pytest.mark.parametrize("rate", LENGTHS)
def test_stretched_rows(rate: str) -> None:
    assert np.array_equal(nearest_rows(192, LENGTHS[rate], CPU).numpy(), TABLES[f"sync_index_{rate}"])


def test_step_times() -> None:
    assert np.array_equal(even_times(25).numpy(), TABLES["euler25_t"])
