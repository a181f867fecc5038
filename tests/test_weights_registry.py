"""The table of models says what the published files are called, what they hold, and under which licence."""

import json
import re
from pathlib import Path

import pytest

from phonofilm.flow.variants import VARIANTS
from phonofilm.weights.foreign import published_shapes
from phonofilm.weights.registry import MODELS, find_model

DATA = Path(__file__).parent / "data"
FAMILY = {
    "mmaudio-small-16k": ("small_16k", "mmaudio_small_16k.pth", "v1-16.pth", "best_netG.pt"),
    "mmaudio-small-44k": ("small_44k", "mmaudio_small_44k.pth", "v1-44.pth", "bigvgan_generator.pt"),
    "mmaudio-medium-44k": ("medium_44k", "mmaudio_medium_44k.pth", "v1-44.pth", "bigvgan_generator.pt"),
    "mmaudio-large-44k": ("large_44k", "mmaudio_large_44k.pth", "v1-44.pth", "bigvgan_generator.pt"),
    "mmaudio-large-44k-v2": ("large_44k_v2", "mmaudio_large_44k_v2.pth", "v1-44.pth", "bigvgan_generator.pt"),
}


@pytest.mark.parametrize("name", FAMILY)
def test_a_model_of_the_family_has_five_parts(name: str) -> None:
    row = find_model(name)
    variant, flow, vae, vocoder = FAMILY[name]
    assert row.variant == variant
    names = {file.part: file.name for file in row.published}
    assert names == {
        "flow": flow,
        "vae": vae,
        "vocoder": vocoder,
        "synchformer": "synchformer_state_dict.pth",
        "clip": "open_clip_pytorch_model.bin",
    }
    assert row.weights_licence == "CC BY-NC 4.0: non-commercial"
    assert all(file.licence and file.megabytes > 0 for file in row.published)


@pytest.mark.parametrize(
    ("part", "variant", "keys"),
    [
        ("flow", "small_16k", "flow_small_16k"),
        ("flow", "large_44k_v2", "flow_large_44k_v2"),
        ("vae", "small_16k", "vae_16k"),
        ("vae", "large_44k_v2", "vae_44k"),
        ("vocoder", "small_16k", "vocoder_16k"),
        ("vocoder", "large_44k_v2", "vocoder_44k"),
        ("synchformer", "small_16k", "synchformer"),
        ("clip", "small_16k", "clip_vit_h14_378"),
    ],
)
def test_entries_are_those_of_the_published_files(part: str, variant: str, keys: str) -> None:
    listed = json.loads((DATA / f"keys_{keys}.json").read_text())["keys"]
    found = {key: list(shape) for key, shape in published_shapes(part, variant).items()}
    assert found.items() <= listed.items()
    # Of CLIP we leave out the temperature and the projection of whole sentences.
    assert set(listed) - set(found) <= ({"logit_scale", "text_projection", "attn_mask"} if part == "clip" else set())


@pytest.mark.parametrize("name", FAMILY)
def test_sizes_and_sums_fit_the_files(name: str) -> None:
    """As published sizes are rounded, within 8 % of those of the entries; Synchformer's file has a half not read."""
    for file in find_model(name).published:
        entries = published_shapes(file.part, find_model(name).variant)
        count = 0
        for shape in entries.values():
            size = 1
            for length in shape:
                size *= length
            count += size
        if file.part == "synchformer":
            assert file.megabytes > 4e-6 * count
        else:
            assert file.megabytes == pytest.approx(4e-6 * count, rel=0.08)
        assert re.fullmatch("[0-9a-f]{32}", file.md5) or (file.md5 == "" and file.hub)
        assert file.sha256 == ""


def test_addresses() -> None:
    files = {file.name: file for name in FAMILY for file in find_model(name).published}
    assert len(files) == 11
    for file in files.values():
        if file.hub:
            assert file.source.endswith(file.name)
        else:
            assert file.source == f"https://github.com/hkchengrex/MMAudio/releases/download/v0.1/{file.name}"
    assert {file.hub for file in files.values()} - {""} == {
        "hkchengrex/MMAudio",
        "nvidia/bigvgan_v2_44khz_128band_512x",
        "apple/DFN5B-CLIP-ViT-H-14-384",
    }
    assert all(files[f"mmaudio_{name}.pth"].source == f"weights/mmaudio_{name}.pth" for name in VARIANTS)


def test_our_own_models_have_nothing_to_fetch() -> None:
    for name in ("mini", "tiny"):
        assert MODELS[name].published == ()
        assert MODELS[name].variant == ""
