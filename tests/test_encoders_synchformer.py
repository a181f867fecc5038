"""Synchformer's visual encoder against published features, and in pieces against itself."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import recipe
from phonofilm.encoders.synchformer import (
    SYNCHFORMER,
    Synchformer,
    SynchformerConfig,
    SyncWatcher,
    prepare_synchformer,
)
from phonofilm.errors import ModelError

DATA = Path(__file__).parent / "data"
SMALL = SynchformerConfig(patch=4, grid=3, tubelets=8, width=24, heads=2, layers=2)
EDGE = SMALL.patch * SMALL.grid


def published_shapes(config: SynchformerConfig) -> dict[str, tuple[int, ...]]:
    """The real file's entries, with the sizes of `config` in the place of its own."""
    keys = json.loads((DATA / "keys_synchformer.json").read_text())["keys"]
    swap = {768: config.width, 2304: 3 * config.width, 3072: 4 * config.width, 16: config.patch}
    swap |= {197: 1 + config.grid**2}
    layers = tuple(f"vfeat_extractor.blocks.{layer}." for layer in range(config.layers))
    return {
        key: tuple(swap.get(size, size) for size in shape)
        for key, shape in keys.items()
        if ".blocks." not in key or key.startswith(layers)
    }


def state_of(config: SynchformerConfig) -> dict[str, Tensor]:
    return {key: torch.from_numpy(recipe.param(key, shape)) for key, shape in published_shapes(config).items()}


def loaded(config: SynchformerConfig, dtype: torch.dtype = torch.float32) -> Synchformer:
    with torch.device("meta"):
        network = Synchformer(dtype, config)
    network.load_state_dict(prepare_synchformer(state_of(config), dtype, config), strict=True, assign=True)
    return network.eval().requires_grad_(False)


def frames(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, EDGE, EDGE, 3), generator=generator, dtype=torch.uint8)


def plain_features(pixels: Tensor, config: SynchformerConfig) -> Tensor:
    """One segment (16, Y, X, 3) by the words of the paper, token by token; (8, D)."""
    state = {key.removeprefix("vfeat_extractor."): value for key, value in state_of(config).items()}

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    def attention(x: Tensor, name: str, group: Tensor) -> Tensor:
        query, key, value = linear(x, f"{name}.qkv").unflatten(-1, (3, config.heads, -1)).permute(1, 2, 0, 3)
        seen = (group[:, None] == group[None]) | (torch.arange(len(x)) == 0)  # one's own group and the first token
        seen[0] = True
        scores = query @ key.transpose(1, 2) / (config.width / config.heads) ** 0.5
        mixed = scores.masked_fill(~seen, -torch.inf).softmax(-1) @ value  # (H, N, E)
        return linear(mixed.transpose(0, 1).flatten(1), f"{name}.proj")

    video = (pixels.float() / 127.5 - 1).permute(3, 0, 1, 2)[None]  # (1, 3, 16, Y, X)
    weight, bias = state["patch_embed_3d.proj.weight"], state["patch_embed_3d.proj.bias"]
    x = F.conv3d(video, weight, bias, stride=weight.shape[2:])[0].flatten(2).permute(1, 2, 0)  # (8, P, D)
    x = x + state["pos_embed"][:, 1:] + state["temp_embed"][0, :, None]
    x = torch.cat([state["cls_token"][0] + state["pos_embed"][0, :1], x.flatten(0, 1)])  # (N, D)
    places = config.grid**2
    index = torch.arange(len(x)) - 1
    frame, place = index // places, index % places
    frame[0] = place[0] = -1
    for layer in range(config.layers):
        name = f"blocks.{layer}"
        x = x + attention(norm(x, f"{name}.norm3"), f"{name}.timeattn", place)
        x = x + attention(norm(x, f"{name}.norm1"), f"{name}.attn", frame)
        x = x + linear(F.gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
    x = norm(x[1:], "norm").unflatten(0, (config.tubelets, places))
    own = {key.removeprefix("spatial_attn_agg."): v for key, v in state.items() if key.startswith("spatial_attn_agg.")}
    layer_ = torch.nn.TransformerEncoderLayer(
        config.width, config.heads, 4 * config.width, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
    )
    token = own.pop("cls_token")
    layer_.load_state_dict(own)
    with torch.no_grad():
        whole = layer_(torch.cat([token.expand(config.tubelets, -1, -1), x], dim=1))
    return whole[:, 0]


def test_a_segment_is_the_plain_formula() -> None:
    pixels = frames(16)
    torch.testing.assert_close(
        loaded(SMALL).segments(pixels[None])[0], plain_features(pixels, SMALL), atol=2e-5, rtol=1e-4
    )


def test_the_whole_is_its_segments() -> None:
    network, pixels = loaded(SMALL), frames(16 + 8 * 3 + 5)
    whole = network.features(pixels)
    assert whole.shape == (4 * 8, SMALL.width)
    segments = network.segments(torch.stack([pixels[8 * k : 8 * k + 16] for k in range(4)]))
    torch.testing.assert_close(whole, segments.flatten(0, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("came", "segments"), [(16, 1), (24, 2), (45, 4), (41, 4), (9, 1), (1, 2)])
def test_a_watcher_sees_what_the_whole_does(came: int, segments: int) -> None:
    network, pixels = loaded(SMALL), frames(came)
    watcher = SyncWatcher(network, lambda picture: picture)
    for number, picture in enumerate(pixels.numpy()):
        watcher.add(picture, Fraction(number, 25))
    filled = torch.cat([pixels, pixels[-1:].expand(60, -1, -1, -1)])[: 8 * (segments + 1)]
    torch.testing.assert_close(watcher.features(segments), network.features(filled), atol=1e-5, rtol=1e-5)


def test_a_repeated_picture_is_prepared_once() -> None:
    prepared: list[int] = []
    picture = frames(1).numpy()[0]
    watcher = SyncWatcher(loaded(SMALL), lambda given: (prepared.append(1), given)[1])
    for number in range(16):
        watcher.add(picture, Fraction(number, 25))
    assert len(prepared) == 1
    assert watcher.features(1).shape == (8, SMALL.width)


def test_bf16_products_stay_close() -> None:
    pixels = frames(16)
    exact, rounded = loaded(SMALL).features(pixels), loaded(SMALL, torch.bfloat16).features(pixels)
    assert rounded.dtype == torch.float32
    assert (rounded - exact).square().mean().sqrt() < 0.03 * exact.square().mean().sqrt()


def test_the_published_entries_are_the_ones_that_are_taken() -> None:
    with torch.device("meta"):
        network = Synchformer(torch.float32)
        published = {key: torch.empty(shape) for key, shape in published_shapes(SYNCHFORMER).items()}
        prepared = prepare_synchformer(published, torch.float32)
    wanted = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in prepared.items()} == wanted


def test_other_files_are_refused() -> None:
    state = state_of(SMALL)
    state["afeat_extractor.anything"] = torch.zeros(1)
    prepare_synchformer(state, torch.float32, SMALL)
    missing = {key: value for key, value in state.items() if not key.endswith("norm3.weight")}
    with pytest.raises(ModelError, match=r"blocks.0.norm3.weight is missing.*fetch it again"):
        prepare_synchformer(missing, torch.float32, SMALL)
    with pytest.raises(ModelError, match="extra is not known"):
        prepare_synchformer({**state, "vfeat_extractor.extra": torch.zeros(1)}, torch.float32, SMALL)
    with pytest.raises(ModelError, match=r"temp_embed is \(1, 9, 24\) for \(1, 8, 24\)"):
        prepare_synchformer({**state, "vfeat_extractor.temp_embed": torch.zeros(1, 9, 24)}, torch.float32, SMALL)


@pytest.mark.slow
def test_published_features() -> None:
    """All traces and the features of two segments; suggested tolerance 2e-4."""
    known = np.load(DATA / "synchformer.npz")
    network = loaded(SYNCHFORMER)
    video = torch.from_numpy(recipe.tensor("input/sync_video_24", (1, 24, 3, 224, 224), 0.5))[0]
    levels = (video.permute(0, 2, 3, 1) + 1) * 127.5
    traces: dict[str, list[Tensor]] = {}

    def keep(name: str) -> object:
        return lambda module, given, made: traces.setdefault(name, []).append(made)

    hooks = [block.register_forward_hook(keep(f"block{k}")) for k, block in enumerate(network.blocks)]
    hooks.append(network.norm.register_forward_hook(keep("norm")))
    features = network.features(levels)
    assert np.abs(features.numpy() - known["features"][0]).max() < 2e-5
    for layer in range(12):
        found = torch.cat(traces[f"block{layer}"])[:, ::97, ::29].numpy()
        assert np.abs(found - known[f"trace_block{layer}"]).max() < 2e-4
    for hook in hooks:
        hook.remove()
