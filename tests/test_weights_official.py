"""Files of the field's judges: found where they are said to be, read strictly, and told from everything else."""

from pathlib import Path

import numpy as np
import pytest
import torch

from judge_networks import SMALL_PASST, WORDS, small_networks, states, write_files, write_words
from phonofilm.errors import ModelError
from phonofilm.judges.passt import Passt
from phonofilm.weights import official
from phonofilm.weights.official import JUDGES, find_judge

CPU = torch.device("cpu")
LOADERS = {
    "panns": official.load_panns,
    "vggish": official.load_vggish,
    "passt": official.load_passt,
    "synchformer": official.load_synchformer,
    "imagebind": official.load_imagebind,
    "clap": official.load_clap,
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_networks(monkeypatch)
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("PHONOFILM_WEIGHTS_DIR", raising=False)


def store(folder: Path, name: str, state: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / JUDGES[name].file.name
    torch.save(state, path)
    write_words(folder)
    return path


def test_every_row_says_what_it_is_and_where_it_comes_from() -> None:
    assert list(JUDGES) == ["panns", "vggish", "passt", "synchformer", "imagebind", "clap"]
    for row in JUDGES.values():
        assert official.address(row.file).startswith("https://")
        assert row.file.licence
        assert row.code_licence
        assert row.file.megabytes > 100


@pytest.mark.parametrize("name", LOADERS)
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, name)
    loaded = LOADERS[name](tmp_path, CPU)
    network = loaded[{"synchformer": 1, "clap": 0}[name]] if isinstance(loaded, tuple) else loaded
    written = states()[name]
    for key, value in network.state_dict().items():
        assert torch.equal(value, written[key]), key
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", LOADERS)
def test_files_may_lie_in_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = "ext_weights" if name == "synchformer" else "weights"
    write_files(tmp_path / folder, name)
    write_words(tmp_path)  # RoBERTa's lie in a folder of their own
    monkeypatch.setenv("PHONOFILM_WEIGHTS_DIR", str(tmp_path))
    assert find_judge(name, None) == tmp_path / folder / JUDGES[name].file.name
    LOADERS[name](None, CPU)


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_file_is_named_with_its_source(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        LOADERS[name](tmp_path, CPU)
    message = str(caught.value)
    assert JUDGES[name].file.name in message
    assert official.address(JUDGES[name].file) in message
    assert str(tmp_path) in message
    assert "\n" not in message
    with pytest.raises(ModelError, match="no weights folder is named"):
        LOADERS[name](None, CPU)


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_another_network_is_refused(tmp_path: Path, name: str, fault: str) -> None:
    state = states()[name]
    victim = next(key for key, value in state.items() if value.ndim > 1)
    if fault == "missing":
        del state[victim]
    elif fault == "unknown":
        state["extra.weight"] = torch.zeros(2)
    else:
        state[victim] = torch.zeros(1, 2)
    path = store(tmp_path, name, state)
    if name == "synchformer" and fault == "unknown":
        state["vfeat_extractor.extra"] = state.pop("extra.weight")
        path = store(tmp_path, name, state)
    with pytest.raises(ModelError) as caught:
        LOADERS[name](tmp_path, CPU)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert ("extra" if fault == "unknown" else victim) in message


@pytest.mark.parametrize("name", LOADERS)
def test_one_network_s_file_is_not_another_s(tmp_path: Path, name: str) -> None:
    other = "vggish" if name != "vggish" else "passt"
    store(tmp_path, name, states()[other])
    with pytest.raises(ModelError, match="is not the"):
        LOADERS[name](tmp_path, CPU)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path, "passt", states()["passt"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="is damaged"):
        official.load_passt(tmp_path, CPU)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        official.load_passt(tmp_path, CPU)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / JUDGES["passt"].file.name
    torch.save({"head.1.bias": Passt(SMALL_PASST)}, path)
    with pytest.raises(ModelError, match="which is never run"):
        official.load_passt(tmp_path, CPU)


@pytest.mark.parametrize("zipped", [True, False])
def test_panns_file_may_hold_the_state_of_its_sampler(tmp_path: Path, zipped: bool) -> None:
    """Training wrote numpy's arrays and numbers beside the network, in the format of its time."""
    sampler = {"indexes": np.arange(5), "pointers": [np.int64(3), np.float64(0.5)], "seen": np.zeros(2, bool)}
    path = tmp_path / JUDGES["panns"].file.name
    whole = {"iteration": 600_000, "model": states()["panns"], "sampler": sampler}
    torch.save(whole, path, _use_new_zipfile_serialization=zipped)
    assert official.load_panns(tmp_path, CPU).fc1.weight.shape == (16, 16)


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    store(tmp_path, "passt", {key: value.half() for key, value in states()["passt"].items()})
    network = official.load_passt(tmp_path, CPU)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_sentences_are_cut_marked_and_bounded(tmp_path: Path) -> None:
    write_files(tmp_path, "clap")
    network, tokenize = official.load_clap(tmp_path, CPU)
    assert tokenize("a dog barks").tolist() == [0, 4, 5, 6, 2]
    assert tokenize("a cat").tolist() == [0, 4, 3, 2]
    long = tokenize("rain " * 100)
    assert len(long) == 77
    assert long[-1] == 2
    assert network.read(long).shape == (16,)


def test_clap_wants_its_words_too(tmp_path: Path) -> None:
    write_files(tmp_path, "clap")
    words = tmp_path / "roberta-base" / "tokenizer.json"
    words.unlink()
    assert find_judge("clap", tmp_path) is None
    with pytest.raises(ModelError, match=r"wants the file roberta-base/tokenizer\.json .*FacebookAI/roberta-base"):
        official.load_clap(tmp_path, CPU)


def test_words_of_another_network_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, "clap")
    path = write_words(tmp_path, (*WORDS, "thunder"))
    with pytest.raises(ModelError, match=r"is not RoBERTa's tokenizer: .* \(9, 0, 2\) and not \(8, 0, 2\)"):
        official.load_clap(tmp_path, CPU)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read as a tokenizer"):
        official.load_clap(tmp_path, CPU)


def test_clap_is_found_where_the_hub_s_library_keeps_it(tmp_path: Path) -> None:
    write_files(tmp_path / "files", "clap")
    for hub, name in (
        ("lukewys--laion_clap", JUDGES["clap"].file.name),
        ("FacebookAI--roberta-base", "tokenizer.json"),
    ):
        snapshot = tmp_path / "hub" / f"models--{hub}" / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot / name).symlink_to(next((tmp_path / "files").rglob(name)))
    assert (
        find_judge("clap", None)
        == tmp_path / "hub/models--lukewys--laion_clap/snapshots/abc" / JUDGES["clap"].file.name
    )
    official.load_clap(None, CPU)
