"""Whatever bytes a weights file holds: the numbers that were written come out, or one line says that they do not."""

import io
import random
import shutil
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from phonofilm.errors import ModelError
from phonofilm.weights.fetch import LOCK_NAME, cache_folder, locate, verify
from phonofilm.weights.foreign import check_sums, read_foreign
from phonofilm.weights.prepare import prepared, prepared_path
from phonofilm.weights.registry import find_model

CPU = torch.device("cpu")
STATE = {"a.weight": torch.arange(12.0).view(3, 4), "b.bias": torch.arange(5.0)}


def stored(kind: str) -> bytes:
    """STATE in one of the formats that published files have."""
    if kind == "safetensors":
        return save(STATE)
    out = io.BytesIO()
    torch.save(STATE, out, _use_new_zipfile_serialization=kind == "zip")
    return out.getvalue()


def read(path: Path) -> dict[str, Tensor] | None:
    """What comes out of a file, None where it is refused; the refusal is checked to be one line that names the file."""
    refusal = ""
    try:
        check_sums(path)
        return read_foreign(path, "vocoder")
    except ModelError as error:
        refusal = str(error)
    assert refusal.startswith(str(path))
    assert "\n" not in refusal
    return None


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    whole = stored(kind)
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pth")
    path.write_bytes(whole)
    assert read(path) is not None
    for length in range(0, len(whole), 1 + len(whole) // 150):
        path.write_bytes(whole[:length])
        assert read(path) is None, f"{length} of {len(whole)} bytes were taken for the whole"


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_flipped_bits_are_refused_or_do_no_harm(tmp_path: Path, kind: str) -> None:
    whole = stored(kind)
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pth")
    chance = random.Random(7)
    for _ in range(250):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        state = read(path)
        # Only zip files carry checksums. Names are compared with those of the network afterwards.
        if kind == "zip" and state is not None and state.keys() == STATE.keys():
            assert all(torch.equal(state[key], value) for key, value in STATE.items())


@pytest.mark.parametrize("fault", ["kind", "encrypted", "disks", "name"])
def test_a_broken_table_of_contents_is_one_line(tmp_path: Path, fault: str) -> None:
    data = bytearray(stored("zip"))
    entry, end = data.find(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    if fault == "kind":  # of compression: there is none of this number
        struct.pack_into("<H", data, entry + 10, 77)
    elif fault == "encrypted":
        struct.pack_into("<H", data, entry + 8, 1)
    elif fault == "disks":
        locator = data.rfind(b"PK\x06\x07")
        struct.pack_into("<I", data, locator + 16 if locator >= 0 else end + 4, 9)
    else:  # no UTF-8, although the flag says so
        struct.pack_into("<H", data, entry + 8, 1 << 11)
        data[entry + 46] = 0xFF
    path = tmp_path / "a.pth"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"cannot be read as weights|is damaged") as caught:
        check_sums(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("state", [{0: torch.ones(1)}, {"a": torch.ones(1), 3: torch.ones(1)}, {"a": 1.0}, {}, [], 3])
@pytest.mark.parametrize("part", ["flow", "vae", "vocoder"])
def test_what_is_no_table_of_named_tensors_is_refused(tmp_path: Path, state: object, part: str) -> None:
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="holds no network; fetch it again"):
        read_foreign(tmp_path / "a.pth", part)


def test_other_zip_files_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"no pickle at all" * 9)
        archive.writestr("archive/version", b"3\n")
    assert read(tmp_path / "a.pth") is None


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not exist; run 'phonofilm models pull'"):
        read_foreign(tmp_path / "a.pth", "flow")
    for name in ("b.pth", "b.safetensors"):
        (tmp_path / name).mkdir()
        with pytest.raises(ModelError, match="cannot be read as weights"):
            read_foreign(tmp_path / name, "flow")


# Prepared files.


def test_an_error_while_it_is_made_leaves_nothing_and_is_not_renamed(tmp_path: Path) -> None:
    def make() -> list[dict[str, Tensor]]:
        raise ModelError("the source is wrong")

    with pytest.raises(ModelError, match=r"^the source is wrong$"):
        prepared(tmp_path / "a.safetensors", make, CPU)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ModelError, match=r"cannot be written to .*another folder with PHONOFILM_CACHE") as caught:
        prepared(tmp_path / "file" / "prepared" / "a.safetensors", lambda: [STATE], CPU)
    assert "\n" not in str(caught.value)


def test_a_source_that_was_replaced_is_prepared_anew(tmp_path: Path) -> None:
    source = tmp_path / "net.pth"
    made: list[float] = []
    for value in (1.0, 2.0, 2.0):
        if not made or made[-1] != value:
            torch.save({"a": torch.full((3 + len(made),), value)}, source)

        def make() -> list[dict[str, Tensor]]:
            state = read_foreign(source, "vae")
            made.append(float(state["a"][0]))
            return [state]

        found = prepared(prepared_path(tmp_path / "cache", "vae", source, torch.float32), make, CPU)
        assert found["a"][0] == value
    assert made == [1.0, 2.0]


# Where files are looked for, and by which lock they are judged.


@pytest.mark.parametrize(
    ("chosen", "folder"),
    [
        ({"PHONOFILM_CACHE": "/one", "XDG_CACHE_HOME": "/two"}, "/one"),
        ({"XDG_CACHE_HOME": "/two"}, "/two/phonofilm"),
        ({"HOME": "/three", "PHONOFILM_CACHE": ""}, "/three/.cache/phonofilm"),
    ],
)
def test_the_cache_lies_where_the_user_says(
    monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], folder: str
) -> None:
    for name in ("PHONOFILM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_files_side_by_side_are_not_judged_by_a_lock_of_others(tmp_path: Path) -> None:
    """Many programs call a file lock.json, and the folder above may be anybody's."""
    row = find_model("mmaudio-small-16k")
    flat = tmp_path / "project" / "flat"
    flat.mkdir(parents=True)
    for file in row.published:
        (flat / file.name).write_bytes(b"x")
    (tmp_path / "project" / LOCK_NAME).write_text('{"version": 1}')
    located = locate(row, flat)
    assert located.missing == ()
    assert not any(verify(located.paths[file.part], file) for file in row.published)
    pinned = row.published[0]
    (flat / LOCK_NAME).write_text(f'{{"{pinned.name}": "{"0" * 64}"}}')
    with pytest.raises(ModelError, match="is not the file that was first fetched"):
        verify(flat / pinned.name, pinned)


def test_a_folder_goes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    row = find_model("mmaudio-small-16k")
    for file in row.published:
        place = tmp_path / "cache" / "published" / file.folder / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    own = tmp_path / "own"
    (own / "weights").mkdir(parents=True)
    flow = row.published[0]
    shutil.copy(tmp_path / "cache" / "published" / flow.folder / flow.name, own / flow.folder / flow.name)
    paths = locate(row, own).paths
    assert paths.pop("flow") == own / flow.folder / flow.name
    assert all(path.is_relative_to(tmp_path / "cache") for path in paths.values())
    assert len(paths) == 4
