"""The flow network against published vectors and key lists, and the properties that its users rely on."""

import copy
import functools
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import recipe
from phonofilm.errors import ModelError
from phonofilm.flow import minimal_filter
from phonofilm.flow.conditions import Conditions, nearest_rows
from phonofilm.flow.guidance import field
from phonofilm.flow.network import FlowConfig, FlowNetwork, initialise, load_settled, settle, settled_state
from phonofilm.flow.sampler import euler, even_times
from phonofilm.flow.variants import LARGE_44K, LARGE_44K_V2, MEDIUM_44K, SMALL_16K, SMALL_44K

DATA = Path(__file__).parent / "data"
PUBLISHED = Path(__file__).parents[2] / "shared" / "mmaudio" / "conformance"
LENGTHS = [(50, 16, 40), (37, 11, 24)]  # latents, image features, sync features
TINY = {
    version: FlowConfig(
        latent_dim=6,
        clip_dim=32,
        sync_dim=24,
        text_dim=40,
        width=128,
        heads=2,
        joint_blocks=2,
        fused_blocks=2,
        text_tokens=11,
        sync_segment=8,
        latent_kernel=7,
        version=version,
    )
    for version in ("v1", "v2")
}
VARIANTS = {
    "small_16k": SMALL_16K,
    "small_44k": SMALL_44K,
    "medium_44k": MEDIUM_44K,
    "large_44k": LARGE_44K,
    "large_44k_v2": LARGE_44K_V2,
}
TIME = torch.tensor(0.3)


@functools.cache
def tiny_state(version: str) -> dict[str, Tensor]:
    state = FlowNetwork(TINY[version], torch.float32).state_dict()
    return {key: torch.from_numpy(recipe.param(key, value.shape)) for key, value in state.items()}


def filled(version: str, dtype: torch.dtype = torch.float32) -> FlowNetwork:
    """The tiny network with the values that follow from its key names."""
    network = FlowNetwork(TINY[version], dtype)
    network.load_state_dict(tiny_state(version))
    return network.requires_grad_(False)


def inputs(version: str, lengths: tuple[int, int, int]) -> dict[str, Tensor]:
    """The named inputs of the vectors for one set of lengths, two clips."""
    latents, images, syncs = lengths
    wanted = {
        "clip": (f"clip_{images}", (2, images, 32), 32**-0.5),
        "sync": (f"sync_{syncs}", (2, syncs, 24), 1.0),
        "text": ("text", (2, 11, 40), 40**-0.5),
        "neg": ("neg", (2, 11, 40), 40**-0.5),
        "x": (f"latent_{latents}", (2, latents, 6), 1.0),
    }
    return {
        key: torch.from_numpy(recipe.tensor(f"input/tiny_{version}/{name}", shape, std))
        for key, (name, shape, std) in wanted.items()
    }


def vectors(version: str, lengths: tuple[int, int, int]) -> dict[str, Tensor]:
    """The stored outputs for one set of lengths."""
    prefix = f"L{lengths[0]}."
    with np.load(DATA / f"flow_tiny_{version}.npz") as stored:
        return {key.removeprefix(prefix): torch.from_numpy(stored[key]) for key in stored if key.startswith(prefix)}


def conditions(network: FlowNetwork, given: dict[str, Tensor], items: slice = slice(None)) -> Conditions:
    return network.conditions(given["clip"][items], given["sync"][items], given["text"][items], given["x"].shape[1])


def negative(network: FlowNetwork, given: dict[str, Tensor], text: Tensor | None) -> Conditions:
    steps = (given["clip"].shape[1], given["sync"].shape[1], given["x"].shape[1])
    return network.empty_conditions(2, *steps, text)


def close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_published_vectors(version: str, lengths: tuple[int, int, int]) -> None:
    network, known, wanted = filled(version), inputs(version, lengths), vectors(version, lengths)
    told = conditions(network, known)
    clip_summary, text_summary = network.pooled(told.clip, told.text)
    spread = told.sync[:, nearest_rows(lengths[2], lengths[0], TIME.device)]
    for name, value in {
        "clip_f": told.clip,
        "sync_f": spread,
        "text_f": told.text,
        "clip_f_c": clip_summary,
        "text_f_c": text_summary,
    }.items():
        close(value[:1], wanted[f"cond.{name}"], 1e-5)
    without = negative(network, known, known["neg"])
    close(network(known["x"], TIME, told), wanted["v_cond"], 1e-4)
    close(network(known["x"], TIME, negative(network, known, None)), wanted["v_empty"], 1e-4)
    close(network(known["x"], TIME, without), wanted["v_negative"], 1e-4)
    end = euler(field(network, told, without, 4.5), known["x"], even_times(5))
    close(end, wanted["euler5_cfg4.5"], 2e-3)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_keys_and_shapes_are_the_published_ones(name: str) -> None:
    path = PUBLISHED / f"keys_flow_{name}.json"
    if not path.exists():
        pytest.skip("key lists are not here")
    with torch.device("meta"):
        network = FlowNetwork(VARIANTS[name], torch.float32)
    found = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert found == json.loads(path.read_text())["keys"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_batched_equals_single(version: str) -> None:
    network, known = filled(version), inputs(version, LENGTHS[1])
    times = torch.tensor([0.2, 0.9])
    together = network(known["x"], times, conditions(network, known))
    for item in range(2):
        one = slice(item, item + 1)
        close(network(known["x"][one], times[one], conditions(network, known, one)), together[one], 2e-5)


def test_guidance_begins_when_it_is_told_to() -> None:
    network, known = filled("v2"), inputs("v2", LENGTHS[0])
    told, without = conditions(network, known), negative(network, known, None)
    late, always = (field(network, told, without, 4.5, since=since) for since in (0.25, 0.0))
    alone = network(known["x"], torch.tensor(0.1), told)
    close(late(known["x"], torch.tensor(0.1)), alone, 2e-5)
    assert (always(known["x"], torch.tensor(0.1)) - alone).abs().max() > 0.01
    close(late(known["x"], TIME), always(known["x"], TIME), 1e-6)


def test_joined_conditions_equal_separate_ones() -> None:
    network, known = filled("v2"), inputs("v2", LENGTHS[0])
    told, without = conditions(network, known), negative(network, known, None)
    joined = network(known["x"], TIME, Conditions.cat([told, without]))
    close(joined, torch.cat([network(known["x"], TIME, told), network(known["x"], TIME, without)]), 2e-5)
    takes = network(known["x"].repeat(3, 1, 1), TIME, told.repeat(3))
    close(takes, network(known["x"], TIME, told).repeat(3, 1, 1), 2e-5)


def test_empty_features_in_the_place_of_a_missing_one() -> None:
    network, known = filled("v2"), inputs("v2", LENGTHS[0])
    empty = network.empty_features(2, known["clip"].shape[1], known["sync"].shape[1])
    mixed = torch.where(torch.tensor([True, False])[:, None, None], known["clip"], empty[0])
    told = network.conditions(mixed, known["sync"], known["text"], 50)
    close(told.clip[0], conditions(network, known).clip[0], 1e-5)
    close(told.clip[1], negative(network, known, None).clip[1], 1e-5)


@settings(max_examples=15)
@given(latents=st.integers(1, 60), images=st.integers(1, 20), syncs=st.integers(1, 80), tokens=st.integers(1, 20))
def test_any_lengths(latents: int, images: int, syncs: int, tokens: int) -> None:
    network = filled("v2")
    told = network.conditions(
        torch.zeros(1, images, 32), torch.zeros(1, syncs, 24), torch.zeros(1, tokens, 40), latents
    )
    velocity = network(torch.zeros(1, latents, 6), TIME, told)
    assert velocity.shape == (1, latents, 6)
    assert velocity.isfinite().all()


def test_sync_stream_reaches_the_moment_it_belongs_to() -> None:
    """With one sync row per latent, a change of a row acts most on the latents around it."""
    network, known = filled("v2"), inputs("v2", LENGTHS[0])
    sync = torch.zeros(2, 50, 24)
    changed = sync.clone()
    changed[:, 20] = 3.0
    told = [network.conditions(known["clip"], rows, known["text"], 50) for rows in (sync, changed)]
    change = (network(known["x"], TIME, told[1]) - network(known["x"], TIME, told[0])).abs().mean((0, 2))
    assert 14 <= int(change.argmax()) <= 26


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_bf16_products_stay_close_to_float32(version: str) -> None:
    """Relative error (root mean square) under 3 %; time, norms, residuals and sums stay in float32."""
    known = inputs(version, LENGTHS[0])
    exact, rounded = filled(version), filled(version, torch.bfloat16)
    wanted = exact(known["x"], TIME, conditions(exact, known))
    found = rounded(known["x"], TIME, conditions(rounded, known))
    assert found.dtype == torch.float32
    assert (found - wanted).square().mean().sqrt() < 0.03 * wanted.square().mean().sqrt()
    settle(rounded)
    assert rounded.t_embed.mlp[0].weight.dtype == torch.float32
    assert rounded.joint_blocks[0].latent_block.ffn.w1.weight.dtype == torch.bfloat16
    close(rounded(known["x"], TIME, conditions(rounded, known)), found, 0.0)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_condensed_conditions_say_the_same(lengths: tuple[int, int, int]) -> None:
    """Equal sync rows are computed once, per clip; two clips and their empty counterparts in one batch."""
    known, network = inputs("v2", lengths), filled("v2")
    still = known["sync"].clone()
    still[1, 3:] = still[1, 3]
    told = network.conditions(known["clip"], still, known["text"], lengths[0])
    both = Conditions.cat([told, network.empty_conditions(2, lengths[1], lengths[2], lengths[0], None)])
    condensed = both.condensed()
    assert condensed.spread is not None
    assert condensed.sync.dim() == 2
    assert len(condensed.sync) < 0.9 * 4 * lengths[2]
    assert condensed.condensed() is condensed
    close(network(known["x"], TIME, condensed), network(known["x"], TIME, both), 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_settled_network_can_be_stored(dtype: torch.dtype) -> None:
    """Its state is contiguous, loads into a network without memory of its own, and computes the same numbers."""
    known, network = inputs("v2", LENGTHS[0]), copy.deepcopy(filled("v2", dtype))
    settle(network)
    wanted = network(known["x"], TIME, conditions(network, known))
    state = settled_state(network)
    assert all(value.is_contiguous() for value in state.values())
    with torch.device("meta"):
        other = FlowNetwork(TINY["v2"], dtype)
    load_settled(other, state)
    close(other(known["x"], TIME, conditions(other, known)), wanted, 0.0)
    mine, theirs = (part.joint_blocks[0].latent_block.ffn.w2.weight for part in (network, other))
    assert mine.stride() == theirs.stride()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_reaches_every_weight(dtype: torch.dtype) -> None:
    """One step from noise weights gives a finite gradient to all but the queries' norms that nothing asks for."""
    network, known = filled("v2", dtype).requires_grad_(True), inputs("v2", LENGTHS[1])
    empty = network.empty_features(2, 11, 24)
    here = torch.tensor([True, False])[:, None, None]
    told = network.conditions(
        torch.where(here, known["clip"], empty[0]),
        torch.where(here, known["sync"], empty[1]),
        torch.where(here, known["text"], empty[2]),
        37,
    )
    network(known["x"], torch.tensor([0.1, 0.7]), told).square().mean().backward()
    unused = {f"joint_blocks.1.{stream}_block.attn.q_norm.weight" for stream in ("clip", "text")}
    moved = {}
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        moved[name] = float(weight.grad.abs().sum())
    assert all(math.isfinite(change) for change in moved.values())
    assert {name for name, change in moved.items() if change == 0} == unused


def test_initialise_is_seeded_and_starts_at_rest() -> None:
    networks = [FlowNetwork(TINY["v2"], torch.float32) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        initialise(network, torch.Generator().manual_seed(seed))
    first, same, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], same[key]) for key in first)
    key = "fused_blocks.0.ffn.w1.weight"
    assert not torch.equal(first[key], other[key])
    known = inputs("v2", LENGTHS[0])
    assert networks[0](known["x"], TIME, conditions(networks[0], known)).abs().max() == 0


def test_normalise_and_back() -> None:
    network, latents = filled("v1"), inputs("v1", LENGTHS[0])["x"]
    close(network.unnormalise(network.normalise(latents)), latents, 1e-5)


def test_config_goes_through_json_and_refuses_the_unknown() -> None:
    config = TINY["v2"]
    assert FlowConfig.from_json(config.to_json()) == config
    values = json.loads(config.to_json())
    broken = [
        json.dumps(values | {"depth": 3}),
        json.dumps({key: value for key, value in values.items() if key != "width"}),
        json.dumps(values | {"version": "v3"}),
        json.dumps(values | {"width": 64.0}),
        json.dumps(values | {"heads": 3}),
        json.dumps(values | {"latent_kernel": 4}),
        "[]",
        "nothing",
    ]
    for text in broken:
        with pytest.raises(ModelError, match=r"^flow config: [^\n]+$"):
            FlowConfig.from_json(text)


@pytest.mark.slow
@torch.inference_mode()
def test_small_16k_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """157 million values: the published network at its real size, convolved directly and by minimal filtering."""
    path = PUBLISHED / "flow_small_16k.npz"
    if not path.exists():
        pytest.skip("the vectors of small_16k are not here")
    network = FlowNetwork(SMALL_16K, torch.float32).requires_grad_(False)
    for key, value in network.state_dict().items():
        value.copy_(torch.from_numpy(recipe.param(key, value.shape)))
    sources = {"clip_f": ((1, 64, 1024), 1 / 32), "sync_f": ((1, 192, 768), 1.0), "text_f": ((1, 77, 1024), 1 / 32)}
    features = [torch.from_numpy(recipe.tensor(f"input/{k}", shape, std)) for k, (shape, std) in sources.items()]
    x = torch.from_numpy(recipe.tensor("input/latent_250x20", (1, 250, 20)))
    told, silent = network.conditions(*features, 250), network.empty_conditions(1, 64, 192, 250, None)
    with np.load(path) as stored:
        for fewest_rows in (sys.maxsize, 0):
            monkeypatch.setattr(minimal_filter, "FEWEST_ROWS", fewest_rows)
            close(network(x, TIME, told), torch.from_numpy(stored["v_cond"]), 1e-4)
            close(network(x, TIME, silent), torch.from_numpy(stored["v_empty"]), 1e-4)
