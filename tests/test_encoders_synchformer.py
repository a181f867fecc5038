"""Synchformer against published vectors, against a plain formulation of its own, and as a stream."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import recipe
from phonofilm.encoders.synchformer import (
    SYNCHFORMER,
    Synchformer,
    SynchformerConfig,
    SynchformerStream,
    prepare_synchformer,
    published_keys,
    segment_count,
)
from phonofilm.errors import ModelError

DATA = Path(__file__).parent / "data"
SMALL = SynchformerConfig(pixels=32, patch=8, width=32, heads=2, layers=2)
LISTENING_HALF = {"afeat_extractor.proj.weight": torch.zeros(2), "vproj.weight": torch.zeros(3)}


def published_state(config: SynchformerConfig) -> dict[str, Tensor]:
    shapes = published_keys(config)
    return {key: torch.from_numpy(np.asarray(recipe.param(key, shape))) for key, shape in shapes.items()}


def loaded(config: SynchformerConfig = SMALL, dtype: torch.dtype = torch.float32) -> Synchformer:
    with torch.device("meta"):
        network = Synchformer(dtype, config)
    state = prepare_synchformer(published_state(config), config, dtype)
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_(False)


def random_frames(count: int, seed: int = 0) -> Tensor:
    """(F, 32, 32, 3) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, SMALL.pixels, SMALL.pixels, 3), dtype=torch.uint8, generator=generator)


def close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    assert found.shape == wanted.shape
    difference = float((found - wanted).abs().max()) if found.numel() else 0.0
    assert difference <= tolerance, f"differs by {difference:.1e}"


class Plain:
    """The network as its papers write it, one segment at a time: no sharing, no folding, all queries, all scores."""

    def __init__(self, config: SynchformerConfig) -> None:
        self.config = config
        self.state = {key.removeprefix("vfeat_extractor."): v for key, v in published_state(config).items()}

    def features(self, pixels: Tensor) -> Tensor:
        """(F, Y, X, 3) → (8 K, D), F at least 16."""
        return torch.cat([self.segment(pixels[first : first + 16]) for first in range(0, len(pixels) - 15, 8)])

    def segment(self, pixels: Tensor) -> Tensor:
        """(16, Y, X, 3) → (8, D)."""
        w = self.state
        film = (pixels.float() / 127.5 - 1).permute(3, 0, 1, 2)[None]  # (1, 3, F, Y, X)
        patch = self.config.patch
        conv = F.conv3d(film, w["patch_embed_3d.proj.weight"], w["patch_embed_3d.proj.bias"], stride=(2, patch, patch))
        x = conv[0].flatten(2).permute(1, 2, 0)  # (U, P, D)
        x = x + w["pos_embed"][0, 1:] + w["temp_embed"][0][:, None]
        first = w["cls_token"][0] + w["pos_embed"][0, :1]  # (1, D)
        x = torch.cat([first, x.flatten(0, 1)])  # (N, D)
        for layer in range(self.config.layers):
            name = f"blocks.{layer}"
            x = x + self.attention(self.norm(x, f"{name}.norm3"), f"{name}.timeattn", over_time=True)
            x = x + self.attention(self.norm(x, f"{name}.norm1"), f"{name}.attn", over_time=False)
            x = x + self.mlp(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1", f"{name}.mlp.fc2")
        x = self.norm(x[1:], "norm").view(8, self.config.patches, -1)
        return torch.stack([self.summary(tubelet) for tubelet in x])

    def attention(self, x: Tensor, name: str, over_time: bool) -> Tensor:
        q, k, v = self.linear(x, f"{name}.qkv").chunk(3, -1)
        number = torch.arange(len(x) - 1)
        kind = number % self.config.patches if over_time else number // self.config.patches
        allowed = torch.ones(len(x), len(x), dtype=torch.bool)
        allowed[1:, 1:] = kind[:, None] == kind
        return self.linear(self.heads(q, k, v, allowed), f"{name}.proj")

    def heads(self, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
        q, k, v = (part.view(len(part), self.config.heads, -1) for part in (q, k, v))
        scores = torch.einsum("qhe,khe->hqk", q, k) / q.shape[-1] ** 0.5
        weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        return torch.einsum("hqk,khe->qhe", weights, v).flatten(1)

    def summary(self, tubelet: Tensor) -> Tensor:
        name, w = "spatial_attn_agg", self.state
        x = torch.cat([w[f"{name}.cls_token"][0], tubelet])
        packed = F.linear(
            self.norm(x, f"{name}.norm1"), w[f"{name}.self_attn.in_proj_weight"], w[f"{name}.self_attn.in_proj_bias"]
        )
        everything = torch.ones(len(x), len(x), dtype=torch.bool)
        x = x + self.linear(self.heads(*packed.chunk(3, -1), everything), f"{name}.self_attn.out_proj")
        x = x + self.mlp(self.norm(x, f"{name}.norm2"), f"{name}.linear1", f"{name}.linear2")
        return x[0]

    def mlp(self, x: Tensor, opening: str, closing: str) -> Tensor:
        return self.linear(F.gelu(self.linear(x, opening)), closing)

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"], 1e-6)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_equals_the_plain_formulation(heads: int) -> None:
    config = SynchformerConfig(pixels=32, patch=8, width=32, heads=heads, layers=2)
    pixels = random_frames(35)
    close(loaded(config).features(pixels), Plain(config).features(pixels), 1e-5)


def test_bf16_is_near() -> None:
    pixels = random_frames(24)
    exact, near = loaded().features(pixels), loaded(dtype=torch.bfloat16).features(pixels)
    assert near.dtype == torch.float32
    assert 0 < float((near - exact).pow(2).mean().sqrt()) < 0.02 * float(exact.std())


def test_levels_in_between_are_read_too() -> None:
    pixels = random_frames(16)
    network = loaded()
    assert torch.equal(network.features(pixels.float()), network.features(pixels))
    close(network.features(pixels.float() + 0.5), Plain(SMALL).features(pixels.float() + 0.5), 1e-5)


def test_segments_do_not_depend_on_each_other() -> None:
    network, pixels = loaded(), random_frames(48)
    pieces = torch.stack([pixels[first : first + 16] for first in range(0, 33, 8)])
    rows = network.segments(pieces)
    assert rows.shape == (5, 8, 32)
    close(rows.flatten(0, 1), network.features(pixels), 1e-5)
    together = network.encode(torch.cat([network.tubelets(piece)[None] for piece in pieces]))
    close(together, rows, 1e-5)
    assert network.segments(pieces[:0]).shape == (0, 8, 32)


@pytest.mark.thorough
@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(0, 60), max_size=8),
    count=st.integers(0, 60),
    segments=st.integers(1, 4),
)
def test_a_stream_gives_what_the_whole_clip_gives(cuts: list[int], count: int, segments: int) -> None:
    network, pixels = loaded(), random_frames(count)
    stream = SynchformerStream(network, segments)
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    rows = [stream.push(pixels[first:end]) for first, end in pairwise(edges)]
    rows.append(stream.finish())
    close(torch.cat(rows), network.features(pixels), 1e-5)
    assert sum(map(len, rows)) == 8 * segment_count(count)


@pytest.mark.parametrize("count", range(1, 16))
def test_a_short_clip_holds_its_last_frame(count: int) -> None:
    pixels = random_frames(count)
    held = torch.cat([pixels, pixels[-1:].expand(16 - count, -1, -1, -1)])
    close(loaded().features(pixels), loaded().features(held), 1e-6)


def test_the_caller_may_write_over_what_was_pushed() -> None:
    network, pixels = loaded(), random_frames(40)
    stream, one = SynchformerStream(network), torch.empty(1, 32, 32, 3, dtype=torch.uint8)
    rows = []
    for picture in pixels:
        one[0] = picture
        rows.append(stream.push(one))
    close(torch.cat([*rows, stream.finish()]), network.features(pixels), 1e-6)


@pytest.mark.thorough
@settings(max_examples=20)
@given(kinds=st.lists(st.integers(0, 1), min_size=2, max_size=9), segments=st.integers(1, 3))
def test_what_stands_still_is_encoded_once(kinds: list[int], segments: int) -> None:
    """Steps of 8 frames of two kinds: only a segment that differs from the one before goes through the network."""
    network = loaded()
    steps = [random_frames(8, seed=kind) for kind in kinds]
    passes: list[int] = []
    network.norm.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))
    stream = SynchformerStream(network, segments)
    rows = torch.cat([*(stream.push(step) for step in steps), stream.finish()])
    pairs = list(pairwise(kinds))
    assert sum(passes) == 1 + sum(pair != before for before, pair in pairwise(pairs))
    close(rows, Plain(SMALL).features(torch.cat(steps)), 1e-5)


def test_a_stream_keeps_its_size() -> None:
    network = loaded()
    stream = SynchformerStream(network)
    sizes = set()
    for number in range(40):
        stream.push(random_frames(8, seed=number))
        held = [value for value in vars(stream).values() if isinstance(value, Tensor)]
        sizes.add(sum(value.untyped_storage().nbytes() for value in held))
    assert len(sizes) <= 3  # nothing yet, one step, then the same for ever


def test_lengths_are_the_published_ones() -> None:
    for row in json.loads((DATA / "seq_lengths.json").read_text(encoding="utf-8")):
        assert 8 * segment_count(int(row["duration"] * 25)) == row["sync"]
    assert [segment_count(frames) for frames in (0, 1, 15, 16, 23, 24)] == [0, 1, 1, 1, 1, 2]


def test_keys_are_the_published_ones() -> None:
    stored = json.loads((DATA / "keys_synchformer.json").read_text(encoding="utf-8"))["keys"]
    assert published_keys() == {key: tuple(shape) for key, shape in stored.items()}
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in published_keys().items()}
        network = Synchformer(torch.bfloat16, SYNCHFORMER)
        network.load_state_dict(prepare_synchformer(state | LISTENING_HALF, matmul_dtype=torch.bfloat16), strict=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("vfeat_extractor.norm.weight"), "1 missing .vfeat_extractor.norm.weight"),
        (lambda state: state.update({"vfeat_extractor.extra": torch.zeros(1)}), "1 not known .vfeat_extractor.extra"),
        (lambda state: state.update({"vfeat_extractor.norm.bias": torch.zeros(5)}), r"norm.bias \(5,\) for \(32,\)"),
        (lambda state: state.clear(), "missing .vfeat_extractor.cls_token, .*, .*; fetch it again"),
    ],
)
def test_another_file_is_refused(change: object, words: str) -> None:
    state = published_state(SMALL) | LISTENING_HALF
    prepare_synchformer(state, SMALL)
    assert callable(change)
    change(state)
    with pytest.raises(ModelError, match=words):
        prepare_synchformer(state, SMALL)


@pytest.mark.thorough
def test_building_costs_nothing() -> None:
    code = "import sys, torch\nfrom phonofilm.encoders.synchformer import Synchformer\nwith torch.device('meta'):\n"
    code += "    Synchformer(torch.float32)\nsys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_published_vectors(dtype: torch.dtype) -> None:
    """122 million values: features, and what every block makes of the two segments."""
    film = torch.from_numpy(recipe.tensor("input/sync_video_24", (1, 24, 3, 224, 224), 0.5))
    levels = ((film[0] + 1) * 127.5).permute(0, 2, 3, 1)  # (F, Y, X, 3)
    network = loaded(SYNCHFORMER, dtype)
    stages = {f"trace_block{k}": block for k, block in enumerate(network.blocks)} | {"trace_norm": network.norm}
    seen: dict[str, list[Tensor]] = {name: [] for name in stages}
    for name, stage in stages.items():
        stage.register_forward_hook(lambda _, __, x, name=name: seen[name].append(x[:, ::97, ::29].float().clone()))
    features = network.features(levels)
    tubelets = network.tubelets(levels).flatten(0, 1)  # (U P, D)
    both = torch.stack([tubelets[: 8 * 196], tubelets[4 * 196 :]])
    found = {name: torch.cat(parts) for name, parts in seen.items()} | {"trace_patch": both[:, ::97, ::29]}
    found["features"] = features[None]
    with np.load(DATA / "synchformer.npz") as stored:
        assert set(found) == set(stored.files)
        for name in stored.files:
            wanted = torch.from_numpy(stored[name])
            # The patch product is rounded to bf16 itself; everything after that adds up in float32.
            close(found[name].float(), wanted, 2e-4 if dtype == torch.float32 else 0.03 * float(wanted.std()) + 0.02)
