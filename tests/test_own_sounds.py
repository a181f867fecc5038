"""Anybody's recordings: read by their names, laid out as they sound, learnt by the shipped network, and used."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm import Phonofilm
from phonofilm.data.captions import load_captions
from phonofilm.data.manifest import build_store, read_index
from phonofilm.data.own_labels import captions_for, kind_of
from phonofilm.data.scenes import MINI_SCENES, Composer
from phonofilm.data.things import even_shares
from phonofilm.encoders.rhythm import RHYTHM_FILE, load_rhythms
from phonofilm.errors import InputError, ModelError, OptionError
from phonofilm.train.mini import TUNING_STAGES, train_mini
from phonofilm.train.rhythms import build_rhythms
from phonofilm.weights.load import load_nets
from phonofilm.weights.registry import FLOW_FILE, find_model

RATE = 44100
CPU = torch.device("cpu")


def zap(seconds: float = 0.4) -> np.ndarray:
    """A falling tone that dies away."""
    t = np.arange(int(seconds * RATE)) / RATE
    return 0.5 * np.sin(2 * np.pi * 3000 * t * np.exp(-3 * t)) * np.exp(-9 * t)


def hum(seconds: float = 2.0) -> np.ndarray:
    """Noise that goes on."""
    return np.random.default_rng(1).normal(0, 0.1, int(seconds * RATE))


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Two recordings of a blow and one of a hum, called after what they are."""
    folder = tmp_path / "sounds"
    (folder / "Force Field").mkdir(parents=True)
    soundfile.write(folder / "Laser_Zap-01.wav", zap(), RATE)
    soundfile.write(folder / "laserZap 2.flac", zap(0.5), RATE)
    soundfile.write(folder / "Force Field" / "003.wav", hum(), RATE)
    (folder / "notes.txt").write_text("no sound")
    return folder


def test_without_an_index_files_are_called_by_their_names(sounds: Path) -> None:
    recordings = read_index(sounds)
    assert sorted(row.label for row in recordings) == ["force field", "laser zap", "laser zap"]
    assert not any(row.held_out for row in recordings), "of a few sounds none is kept away"
    assert len({row.group for row in recordings}) == 3


def test_an_index_of_path_and_label_is_enough(sounds: Path) -> None:
    (sounds / "index.tsv").write_text("path\tlabel\nLaser_Zap-01.wav\tray gun\n")
    (row,) = read_index(sounds)
    assert (row.label, row.caption, row.tier, row.held_out) == ("ray gun", "", 1, False)


@given(st.integers(1, 40), st.floats(0.01, 30))
def test_even_shares_add_up_and_grow_with_what_there_is(count: int, seconds: float) -> None:
    share = even_shares(np.asarray([float(count), count + 1.0]), np.asarray([seconds, seconds]))
    assert share.sum() == pytest.approx(1)
    assert share[1] >= share[0] > 0


def test_kinds_are_heard() -> None:
    assert kind_of(zap().astype(np.float32)) == "event"
    assert kind_of(hum().astype(np.float32)) == "texture"
    rest = np.zeros(RATE // 2)
    assert kind_of(np.concatenate([rest, zap(), rest, zap(), rest, zap(), rest]).astype(np.float32)) == "events"
    assert kind_of(np.zeros(100, np.float32)) == "event"


def test_own_labels_get_words_and_a_table_beside_them_says_it_better(sounds: Path, tmp_path: Path) -> None:
    recordings = read_index(sounds)
    store = build_store(recordings, sounds, tmp_path / "store")
    table = captions_for(recordings, store, sounds)
    assert table["laser zap"].kind == "event"
    assert table["force field"].kind == "texture"
    assert "laser zap" in table["laser zap"].descriptions
    assert table["rain"] == load_captions()["rain"]
    (sounds / "captions.tsv").write_text("label\tkind\tdescriptions\nlaser zap\tevents\ta ray gun is fired\n")
    assert captions_for(recordings, store, sounds)["laser zap"].descriptions == ("a ray gun is fired",)


def test_nothing_to_learn_from_is_told(sounds: Path, tmp_path: Path) -> None:
    (sounds / "index.tsv").write_text("path\tlabel\tcategory\nLaser_Zap-01.wav\ta voice\tspeech\n")
    recordings = read_index(sounds)
    store = build_store(recordings, sounds, tmp_path / "store")
    with pytest.raises(InputError, match="speech or held out"):
        Composer(recordings, store, captions_for(recordings, store, sounds), MINI_SCENES, even=True)


def test_rhythms_of_own_labels_join_those_of_the_package(sounds: Path, tmp_path: Path) -> None:
    recordings = read_index(sounds)
    store = build_store(recordings, sounds, tmp_path / "store")
    build_rhythms(recordings, store, captions_for(recordings, store, sounds), tmp_path / RHYTHM_FILE, load_rhythms())
    before, after = load_rhythms(), load_rhythms(tmp_path / RHYTHM_FILE)
    count = len(before.labels)
    assert after.labels[:count] == before.labels
    assert after.patterns[:count] == before.patterns
    assert torch.allclose(after.vectors[:count], before.vectors, atol=1e-3)
    assert set(after.labels[count:]) == {"laser zap", "force field"}
    assert after.strikes[after.labels.index("laser zap")]


def test_what_the_package_has_is_taken_where_a_folder_of_weights_lacks_it(tmp_path: Path) -> None:
    mini = find_model("mini")
    shutil.copyfile(mini.file(FLOW_FILE), tmp_path / FLOW_FILE)
    own, shipped = (load_nets(name, CPU, torch.float32, tmp_path) for name in ("own", "mini"))
    assert own.row.number not in (0, shipped.row.number), "the watermark tells them apart"
    for one, other in zip(own.flow.parameters(), shipped.flow.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_without_weights_or_with_others_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="one that you trained"):
        Phonofilm.load("own", "cpu")
    with pytest.raises(ModelError, match=r"holds no flow\.safetensors"):
        Phonofilm.load("own", "cpu", weights_dir=tmp_path)
    (tmp_path / FLOW_FILE).write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read"):
        Phonofilm.load("own", "cpu", weights_dir=tmp_path)
    shutil.copyfile(find_model("mini").file("vae.safetensors"), tmp_path / FLOW_FILE)
    with pytest.raises(ModelError, match="of another network"):
        Phonofilm.load("own", "cpu", weights_dir=tmp_path)
    with pytest.raises(OptionError, match="has its weights in the package"):
        Phonofilm.load("mini", "cpu", weights_dir=tmp_path)


def test_tuning_has_stages_and_a_folder_of_its_own(sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is no folder"):
        train_mini(tmp_path / "nowhere", tmp_path / "run", CPU, tune=True)
    assert not (tmp_path / "run").exists()
    with pytest.raises(OptionError, match="no stage of tuning is called 'vae'; there are shards"):
        train_mini(sounds, tmp_path / "run", CPU, ("vae",), tune=True)
    train_mini(sounds, tmp_path / "run", CPU, (), tune=True)
    with pytest.raises(OptionError, match="holds a tuning"):
        train_mini(sounds, tmp_path / "run", CPU, ())
    with pytest.raises(InputError, match="train the stage 'shards' first"):
        train_mini(sounds, tmp_path / "run", CPU, ("flow",), tune=True)


@pytest.mark.thorough
def test_the_shipped_network_learns_them_and_makes_sound(sounds: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_mini(sounds, run, CPU, TUNING_STAGES, trial=True, tune=True)
    assert {path.name for path in (run / "export").iterdir()} >= {FLOW_FILE, RHYTHM_FILE, "ATTRIBUTION.md"}
    film = Phonofilm.load("own", "cpu", weights_dir=run / "export")
    (take,) = film.make("a laser zap", tmp_path / "zap.wav", seconds=2.0)
    assert film.model == "own"
    assert np.abs(take.sound.samples).max() > 0.01
    changed = load_nets("own", CPU, torch.float32, run / "export").flow.state_dict()
    shipped = load_nets("mini", CPU, torch.float32).flow.state_dict()
    assert any(not torch.equal(changed[key], shipped[key]) for key in shipped)
