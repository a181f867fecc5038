"""Published files are read strictly and never run; what is made of them is written once, whole, and then mapped."""

import dataclasses
import os
import pickle
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import recipe
from original_layout import fill, write_original_layout
from phonofilm.codec.bigvgan import BigVganConfig
from phonofilm.codec.mp_vae import MpVaeConfig
from phonofilm.errors import ModelError
from phonofilm.flow.network import FlowNetwork, settle
from phonofilm.flow.variants import SMALL_16K, VARIANTS
from phonofilm.weights import foreign, mmaudio, prepare
from phonofilm.weights.foreign import check_sums, looks_like, published_shapes, read_foreign
from phonofilm.weights.mmaudio import MmaudioParts
from phonofilm.weights.prepare import prepared, prepared_path
from phonofilm.weights.registry import find_model

CPU = torch.device("cpu")
DTYPES = [torch.float32, torch.bfloat16]
ROW = find_model("mmaudio-small-16k")
SMALL_FLOW = dataclasses.replace(
    SMALL_16K, latent_dim=4, clip_dim=16, sync_dim=24, text_dim=16, width=64, heads=1, joint_blocks=2, fused_blocks=1
)
OTHER_FLOW = dataclasses.replace(SMALL_FLOW, latent_dim=8)
VAE_16K, VAE_44K = MpVaeConfig(bands=80, embed=4, width=8), MpVaeConfig(bands=128, embed=8, width=8)
VOCODER = BigVganConfig(80, 16, (16, 16), (3,), (1,), final="tanh", final_bias=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PHONOFILM_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "prepared"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the original layout, of networks a thousandth of the published size under the published names."""
    monkeypatch.setitem(VARIANTS, "small_16k", SMALL_FLOW)
    monkeypatch.setitem(VARIANTS, "small_44k", OTHER_FLOW)
    for module in (foreign, mmaudio):
        monkeypatch.setattr(module, "MP_VAE_16K", VAE_16K)
        monkeypatch.setattr(module, "MP_VAE_44K", VAE_44K)
        monkeypatch.setattr(module, "BIGVGAN_16K", VOCODER)
    folder = tmp_path / "layout"
    write_original_layout(folder, ROW.name, ("flow", "vae", "vocoder"))
    for file in ROW.published:
        if file.part in ("synchformer", "clip"):
            (folder / file.folder / file.name).write_bytes(b"not needed here")
    return folder


def parts(layout: Path, dtype: torch.dtype = torch.float32) -> MmaudioParts:
    return MmaudioParts.find(ROW, layout, CPU, dtype)


def path_of(layout: Path, part: str) -> Path:
    return next(layout / file.folder / file.name for file in ROW.published if file.part == part)


def reference(state: dict[str, Tensor], dtype: torch.dtype) -> FlowNetwork:
    network = FlowNetwork(SMALL_FLOW, dtype)
    network.load_state_dict(state, strict=True)
    settle(network)
    return network.eval().requires_grad_(False)


def velocity(network: FlowNetwork) -> Tensor:
    def make(name: str, *shape: int) -> Tensor:
        return torch.from_numpy(recipe.tensor(f"input/{name}", shape))

    told = network.conditions(make("clip", 1, 8, 16), make("sync", 1, 24, 24), make("text", 1, 77, 16), 20)
    return network(make("latent", 1, 20, 4), torch.tensor([0.3]), told)


# Writing.


@settings(max_examples=30)
@given(
    st.lists(
        st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=3), st.sampled_from(DTYPES)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_in_pieces_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[tuple[list[int], torch.dtype]]]
) -> None:
    pieces = [
        {f"{number}.{index}": torch.randn(shape).to(dtype) for index, (shape, dtype) in enumerate(piece)}
        for number, piece in enumerate(shapes)
    ]
    path = tmp_path_factory.mktemp("pieces") / "a.safetensors"
    found = prepared(path, lambda: iter(pieces), CPU)
    wanted = {key: value for piece in pieces for key, value in piece.items()}
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
    assert all(found[key].dtype == value.dtype for key, value in wanted.items())


def test_strided_tensors_are_written_in_their_own_order(tmp_path: Path) -> None:
    value = torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1)
    found = prepared(tmp_path / "a.safetensors", lambda: [{"a": value}], CPU)
    assert torch.equal(found["a"], value)


def test_it_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.safetensors"
    made = []

    def make() -> list[dict[str, Tensor]]:
        made.append(1)
        return [{"a": torch.ones(2)}]

    for _ in range(3):
        prepared(path, make, CPU)
    assert len(made) == 1
    path.write_bytes(path.read_bytes()[:-1])
    assert torch.equal(prepared(path, make, CPU)["a"], torch.ones(2))
    path.write_bytes(b"no safetensors at all")
    prepared(path, make, CPU)
    assert len(made) == 3


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def make() -> Iterator[dict[str, Tensor]]:
        yield {"a": torch.ones(1000)}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared(tmp_path / "a.safetensors", make, CPU)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    old, young = tmp_path / "a.safetensors.x1.partial", tmp_path / "a.safetensors.x2.partial"
    for partial in (old, young):
        partial.write_bytes(b"half")
    os.utime(old, (0, 0))
    prepared(path, lambda: [{"a": torch.ones(1)}], CPU)
    assert sorted(tmp_path.iterdir()) == [path, young], "another process may be writing the young one"


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepare, "_write_pieces", full)
    with pytest.raises(ModelError, match=r"No space left on device.*make room there") as caught:
        prepared(tmp_path / "a.safetensors", lambda: [{"a": torch.ones(1)}], CPU)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb") as out:
        prepare._write_pieces([{"a": torch.ones(1 << 20)}], out)


def test_another_source_is_another_file(tmp_path: Path) -> None:
    source = tmp_path / "net.pth"
    source.write_bytes(b"one")
    first = prepared_path(tmp_path, "flow", source, torch.float32)
    assert first == prepared_path(tmp_path, "flow", source, torch.float32)
    assert first != prepared_path(tmp_path, "flow", source, torch.bfloat16)
    os.utime(source, (1, 1))
    assert first != prepared_path(tmp_path, "flow", source, torch.float32)
    with pytest.raises(ModelError, match="cannot be read"):
        prepared_path(tmp_path, "flow", tmp_path / "none.pth", torch.float32)


# Loading.


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_flow_network_is_that_of_the_file(layout: Path, cache: Path, dtype: torch.dtype) -> None:
    wanted = velocity(reference(fill(published_shapes("flow", "small_16k")), dtype))
    for _ in range(2):
        assert torch.equal(velocity(parts(layout, dtype).flow()), wanted)
    (file,) = cache.glob("*-flow-*")
    with safe_open(file, "pt") as stored:
        kinds = {stored.get_slice(key).get_dtype() for key in stored.keys()}  # noqa: SIM118
    assert kinds == ({"F32"} if dtype == torch.float32 else {"F32", "BF16"})


def test_networks_are_read_only_and_not_held(layout: Path) -> None:
    found = parts(layout)
    network = found.flow()
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(tensor.is_meta for tensor in [*network.parameters(), *network.buffers()])
    assert found.flow() is not network


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_codec(layout: Path, dtype: torch.dtype) -> None:
    codec = parts(layout, dtype).codec()
    wave = codec.decode(torch.from_numpy(recipe.tensor("input/z", (10, 4))), 0)
    assert wave.isfinite().all()
    assert wave.std() > 0


def test_the_licence_is_logged_until_the_first_use(layout: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts(layout)
    assert "weights: CC BY-NC 4.0: non-commercial" in caplog.text
    caplog.clear()
    parts(layout).flow()
    assert caplog.text == ""


def test_tables_and_wrappers_of_published_files_are_passed_over(layout: Path, cache: Path) -> None:
    wanted = velocity(parts(layout).flow())
    path = path_of(layout, "flow")
    state = torch.load(path, weights_only=True)
    tables = {"t_embed.freqs": torch.ones(128), "latent_rot": torch.ones(1, 250, 32, 2, 2), "clip_rot": torch.ones(1)}
    torch.save({**state, **tables}, path)
    assert torch.equal(velocity(parts(layout).flow()), wanted)
    plain = parts(layout).codec()
    path = path_of(layout, "vocoder")
    state = torch.load(path, weights_only=True)["generator"]
    renames = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    newer = {}
    for key, value in state.items():
        name, _, last = key.rpartition(".")
        newer[f"{name}.{renames.get(last, last)}"] = value
    torch.save({"generator": newer, "steps": 3}, path)
    again = parts(layout).codec()
    latents = torch.from_numpy(recipe.tensor("input/z", (10, 4)))
    assert torch.equal(again.decode(latents, 0), plain.decode(latents, 0))


@pytest.mark.parametrize("kind", ["safetensors", "legacy", "half precision"])
def test_other_containers(layout: Path, kind: str) -> None:
    wanted = velocity(parts(layout).flow())
    path = path_of(layout, "flow")
    state = torch.load(path, weights_only=True)
    path.unlink()
    if kind == "safetensors":
        save_file(state, path.with_suffix(".safetensors"))
    elif kind == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({key: value.half() for key, value in state.items()}, path)
    found = velocity(parts(layout).flow())
    if kind == "half precision":
        torch.testing.assert_close(found, wanted, atol=0.02 * float(wanted.std()), rtol=0)
    else:
        assert torch.equal(found, wanted)


def test_a_prepared_file_with_other_entries_is_made_again(
    layout: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = velocity(parts(layout).flow())
    (file,) = cache.glob("*-flow-*")
    save_file({"a": torch.ones(1)}, file)
    assert torch.equal(velocity(parts(layout).flow()), wanted)
    assert "it is made again" in caplog.text
    caplog.clear()
    assert torch.equal(velocity(parts(layout).flow()), wanted)
    assert caplog.text == ""


# Files that are not what they should be.


class Code:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def damage(kind: str, path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    if kind == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    elif kind == "page":
        path.write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "half":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "cut":
        path.write_bytes(data[:-10])
    elif kind == "flipped":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda item: item.file_size)
        middle = largest.header_offset + largest.file_size // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    elif kind == "code":
        torch.save({"a": Code(tmp_path / "ran")}, path)
    elif kind.startswith("pickle"):
        path.write_bytes(pickle.dumps(Code(tmp_path / "ran"), protocol=int(kind[-1])))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "no weights")
    elif kind == "list":
        torch.save([torch.ones(2)], path)
    else:
        torch.save({"optimizer": {"lr": 1}}, path)


DAMAGES = [
    "text",
    "page",
    "empty",
    "half",
    "cut",
    "flipped",
    "code",
    "pickle 2",
    "pickle 4",
    "zip",
    "list",
    "optimizer",
]


@pytest.mark.parametrize("part", ["flow", "vae", "vocoder"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_one_clear_line(layout: Path, cache: Path, tmp_path: Path, kind: str, part: str) -> None:
    path = path_of(layout, part)
    damage(kind, path, tmp_path)
    with pytest.raises(ModelError) as caught:
        parts(layout)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "fetch it again" in text
    assert "\n" not in text
    assert len(text) < len(str(path)) + 250
    assert ("code" in text) == (kind in ("code", "pickle 2"))
    assert not (tmp_path / "ran").exists(), "code in a file was run"
    made = [file.name.split("-float32-")[0] for file in cache.glob("*")]
    before = {"flow": [], "vae": ["mmaudio_small_16k-flow"], "vocoder": ["mmaudio_small_16k-flow", "v1-16-vae"]}
    assert sorted(made) == before[part]


def test_damage_that_mapping_would_not_notice(layout: Path, tmp_path: Path) -> None:
    path = path_of(layout, "flow")
    damage("flipped", path, tmp_path)
    assert read_foreign(path, "flow")
    with pytest.raises(ModelError, match="the checksum of"):
        check_sums(path)


def test_a_checkpoint_of_another_variant_is_named(layout: Path, cache: Path) -> None:
    flow, vae = path_of(layout, "flow"), path_of(layout, "vae")
    right = flow.read_bytes()
    torch.save(fill(published_shapes("flow", "small_44k")), flow)
    with pytest.raises(ModelError, match=r"looks like mmaudio_small_44k.pth \(flow of mmaudio-small-44k\)"):
        parts(layout)
    torch.save(fill(published_shapes("vae", "small_44k")), vae)
    shutil.copy(vae, flow)
    with pytest.raises(ModelError, match=r"mmaudio_small_16k.pth looks like v1-44.pth"):
        parts(layout)
    assert list(cache.glob("*")) == []
    flow.write_bytes(right)
    with pytest.raises(ModelError, match=r"v1-16.pth looks like v1-44.pth \(vae of mmaudio-small-44k\)"):
        parts(layout)


@pytest.mark.parametrize("fault", ["missing", "not known", "shape"])
def test_every_entry_counts(layout: Path, fault: str) -> None:
    path = path_of(layout, "flow")
    state = torch.load(path, weights_only=True)
    if fault == "missing":
        del state["fused_blocks.0.linear1.weight"]
    elif fault == "not known":
        state["extra.weight"] = torch.ones(1)
    else:
        state["final_layer.conv.bias"] = torch.ones(5)
    torch.save(state, path)
    with pytest.raises(
        ModelError, match=r"1 entries differ: .*(linear1.weight is missing|extra|final_layer.conv.bias)"
    ):
        parts(layout).flow()


@pytest.mark.thorough
def test_every_published_file_is_recognised() -> None:
    """By its entries alone, at full size on the meta device."""
    for name in ("mmaudio-small-16k", "mmaudio-large-44k", "mmaudio-large-44k-v2"):
        row = find_model(name)
        for file in row.published:
            shapes = published_shapes(file.part, row.variant)
            state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
            assert looks_like(state).startswith(f"{file.name} ({file.part} of ")
    assert looks_like({"a": torch.ones(1)}) == ""


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_small_published_network_at_full_size(tmp_path: Path, dtype: torch.dtype) -> None:
    """Filled by the recipe, in the original layout, loaded twice: made once, the same numbers as without a detour."""
    write_original_layout(tmp_path, ROW.name, ("flow",))
    path = path_of(tmp_path, "flow")
    found = MmaudioParts(ROW, {"flow": path}, CPU, dtype)
    whole = FlowNetwork(SMALL_16K, dtype)
    whole.load_state_dict(torch.load(path, weights_only=True), strict=True)
    settle(whole)
    wanted = whole.state_dict()
    for _ in range(2):
        state = found.flow().state_dict()
        assert state.keys() == wanted.keys()
        assert all(torch.equal(state[key], value) for key, value in wanted.items())
