"""CLIP's towers against published vectors and keys, and the properties that their users rely on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import recipe
from phonofilm.encoders import clip
from phonofilm.encoders.clip import (
    CLIP_VIT_H14_378,
    ClipConfig,
    ClipImage,
    ClipText,
    prepare_clip_image,
    prepare_clip_text,
    published_keys,
)
from phonofilm.errors import ModelError

DATA = Path(__file__).parent / "data"
TINY = ClipConfig(
    pixels=62,
    patch=14,
    image_width=160,
    image_heads=2,
    image_layers=3,
    text_tokens=77,
    text_vocabulary=500,
    text_width=64,
    text_heads=4,
    text_layers=2,
    embed=48,
)
TOLERANCE = 2e-6


def tiny_state() -> dict[str, Tensor]:
    shapes = json.loads((DATA / "keys_clip_tiny.json").read_text(encoding="utf-8"))
    return {key: torch.from_numpy(np.asarray(recipe.param(key, tuple(shape)))) for key, shape in shapes.items()}


def image_tower(dtype: torch.dtype = torch.float32) -> ClipImage:
    network = ClipImage(TINY, dtype)
    network.load_state_dict(prepare_clip_image(tiny_state(), TINY, dtype), strict=True, assign=True)
    return network.requires_grad_(False)


def text_tower(dtype: torch.dtype = torch.float32) -> ClipText:
    network = ClipText(TINY, dtype)
    network.load_state_dict(prepare_clip_text(tiny_state(), TINY, dtype), strict=True, assign=True)
    return network.requires_grad_(False)


def levels() -> Tensor:
    """The published frames, (3, 62, 62, 3), as levels 0..255."""
    frames = recipe.tensor("input/clip_tiny_frames", (3, 3, 62, 62), std=0.25, mean=0.5)
    return torch.from_numpy(frames).clamp(0, 1).permute(0, 2, 3, 1) * 255


def random_pixels(frames: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, 62, 62, 3), dtype=torch.uint8, generator=generator)


def random_tokens(texts: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 500, (texts, 77), generator=torch.Generator().manual_seed(seed))


def assert_near(result: Tensor, wanted: Tensor, tolerance: float = TOLERANCE) -> None:
    torch.testing.assert_close(result, wanted, atol=tolerance, rtol=0)


def test_both_towers_give_the_published_vectors() -> None:
    with np.load(DATA / "clip_tiny.npz") as file:
        image, text, tokens = (torch.from_numpy(file[name]) for name in ("image", "text", "tokens"))
    assert_near(image_tower()(levels()), image)
    assert_near(text_tower()(tokens), text)


def test_bf16_products_stay_near_the_published_vectors() -> None:
    with np.load(DATA / "clip_tiny.npz") as file:
        image, text, tokens = (torch.from_numpy(file[name]) for name in ("image", "text", "tokens"))
    assert_near(image_tower(torch.bfloat16)(levels()), image, 8e-3)
    assert_near(text_tower(torch.bfloat16)(tokens), text, 8e-3)


@pytest.mark.parametrize(
    ("name", "config"), [("keys_clip_tiny", TINY), ("keys_clip_vit_h14_378", CLIP_VIT_H14_378)], ids=["tiny", "full"]
)
def test_keys_and_shapes_are_the_published_ones(name: str, config: ClipConfig) -> None:
    content = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    wanted = {key: tuple(shape) for key, shape in content.get("keys", content).items()}
    assert wanted.pop("logit_scale") == ()
    assert wanted.pop("text_projection") == (config.text_width, config.embed)
    assert published_keys(config) == wanted


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_full_networks_take_what_is_prepared_for_them(dtype: torch.dtype) -> None:
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in published_keys(CLIP_VIT_H14_378).items()}
        image, text = ClipImage(CLIP_VIT_H14_378, dtype), ClipText(CLIP_VIT_H14_378, dtype)
    for network, prepare in ((image, prepare_clip_image), (text, prepare_clip_text)):
        built = {key: (value.shape, value.dtype) for key, value in network.state_dict().items()}
        prepared = prepare(state, matmul_dtype=dtype)
        assert {key: (value.shape, value.dtype) for key, value in prepared.items()} == built
        network.load_state_dict(prepared, strict=True, assign=True)


def test_a_wrong_file_is_refused_and_the_first_three_entries_are_named() -> None:
    state = tiny_state()
    for key in list(state)[3:7]:
        del state[key]
    state["visual.extra"] = torch.zeros(1)
    state["ln_final.bias"] = torch.zeros(3)
    for prepare in (prepare_clip_image, prepare_clip_text):
        with pytest.raises(ModelError) as caught:
            prepare(state, TINY)
        message = str(caught.value)
        assert "4 missing (visual.class_embedding, visual.positional_embedding, visual.proj)" in message
        assert "1 not known (visual.extra)" in message
        assert "1 of the wrong shape (ln_final.bias (3,) for (64,))" in message
        assert "\n" not in message


def test_another_model_is_refused() -> None:
    with pytest.raises(ModelError, match="missing"):
        prepare_clip_image(tiny_state(), replace(TINY, image_layers=4))
    with pytest.raises(ModelError, match="not known"):
        prepare_clip_text(tiny_state(), replace(TINY, text_layers=1))


def test_what_only_compares_pictures_with_sentences_may_be_absent() -> None:
    state = tiny_state()
    del state["logit_scale"], state["text_projection"]
    state["attn_mask"] = torch.zeros(77, 77)
    assert prepare_clip_image(state, TINY).keys() == ClipImage(TINY, torch.float32).state_dict().keys()
    assert prepare_clip_text(state, TINY).keys() == ClipText(TINY, torch.float32).state_dict().keys()


def test_preparing_leaves_the_published_state_alone() -> None:
    state = tiny_state()
    prepare_clip_image(state, TINY)
    prepare_clip_text(state, TINY)
    before = tiny_state()
    assert state.keys() == before.keys()
    assert all(torch.equal(state[key], before[key]) for key in state)


@settings(max_examples=8)
@given(count=st.integers(0, 5), seed=st.integers(0, 99), dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_frames_do_not_depend_on_their_company(count: int, seed: int, dtype: torch.dtype) -> None:
    network, pixels = image_tower(dtype), random_pixels(count, seed)
    together = network(pixels)
    assert together.shape == (count, TINY.embed)
    assert together.dtype == torch.float32
    assert_near(together.norm(dim=1), torch.ones(count))
    for index in range(count):
        assert_near(network(pixels[index : index + 1])[0], together[index], TOLERANCE if dtype.itemsize == 4 else 8e-3)


def test_texts_do_not_depend_on_their_company() -> None:
    network, tokens = text_tower(), random_tokens(3)
    together = network(tokens)
    assert_near(together.norm(dim=-1), torch.ones(3, 77))
    assert_near(together, torch.cat([network(row[None]) for row in tokens]))


@settings(max_examples=10)
@given(place=st.integers(0, 76))
def test_a_token_is_seen_by_itself_and_those_after_it_only(place: int) -> None:
    network, tokens = text_tower(), random_tokens(1)
    other = tokens.clone()
    other[0, place] = (other[0, place] + 1) % 500
    before, after = network(tokens)[0], network(other)[0]
    assert_near(before[:place], after[:place], 1e-6)
    assert ((before[place:] - after[place:]).abs().amax(1) > 1e-5).all()


def test_pixels_beyond_the_last_whole_patch_are_unused() -> None:
    network, pixels = image_tower(), random_pixels(1)
    other = pixels.clone()
    other[:, 56:] = 0
    other[:, :, 56:] = 255
    assert torch.equal(network(pixels), network(other))
    other[0, 55, 55] = 255 - other[0, 55, 55]
    assert not torch.equal(network(pixels), network(other))


def test_bytes_and_levels_are_read_alike() -> None:
    network, pixels = image_tower(), random_pixels(2)
    assert torch.equal(network(pixels), network(pixels.float()))


def test_folded_patches_equal_a_convolution_of_scaled_pixels() -> None:
    state, network, pixels = tiny_state(), image_tower(), random_pixels(2)
    mean, std = torch.tensor(clip.MEAN), torch.tensor(clip.STD)
    scaled = ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)  # (F, 3, Y, X)
    patches = F.conv2d(scaled, state["visual.conv1.weight"], stride=14).flatten(2).transpose(1, 2)  # (F, G², D)
    first = state["visual.class_embedding"].expand(2, 1, -1)
    x = torch.cat([first, patches], 1) + state["visual.positional_embedding"]
    wanted = F.layer_norm(x, (160,), state["visual.ln_pre.weight"], state["visual.ln_pre.bias"])
    tokens, mask = network._tokens(pixels)
    assert mask is None
    assert_near(tokens, wanted, 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_last_block_for_one_token_equals_the_whole_block(dtype: torch.dtype) -> None:
    network = image_tower(dtype)
    tokens, mask = network._tokens(random_pixels(2))
    block = network.transformer.resblocks[-1]
    tolerance = 1e-5 if dtype == torch.float32 else 5e-2
    assert_near(block(tokens, mask, queries=1), block(tokens, mask)[:, :1], tolerance)


def test_spare_rows_are_never_looked_at() -> None:
    network = image_tower(torch.bfloat16)
    tokens, mask = network._tokens(random_pixels(2))
    assert mask is not None
    assert tokens.shape[1] % clip.ROW_STEP == 0
    other = tokens.clone()
    other[:, 17:] = 7.0
    block = network.transformer.resblocks[0]
    assert torch.equal(block(tokens, mask)[:, :17], block(other, mask)[:, :17])


def test_towers_of_the_full_size_are_built_without_memory() -> None:
    with torch.device("meta"):
        networks = ClipImage(CLIP_VIT_H14_378, torch.float32), ClipText(CLIP_VIT_H14_378, torch.float32)
    counts = [sum(value.numel() for value in network.state_dict().values()) for network in networks]
    # The class token is in the table of places; text_projection and logit_scale are dropped.
    assert sum(counts) == 986_714_881 - 1280 - 1024**2 - 1
