"""The recipe on a handful of made-up recordings: every stage runs, loses error, stops and goes on."""

import dataclasses
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.codec.spectral import MEL_44K
from phonofilm.codec.vae import MelVae
from phonofilm.cues import bumps, peaks
from phonofilm.data.captions import LabelCaptions
from phonofilm.data.manifest import SampleStore, build_store, crops, read_index
from phonofilm.data.scenes import MINI_SCENES, Composer, cut_events, level
from phonofilm.data.shards import read_shard, write_shard
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import InputError, ModelError, OptionError, OutputError
from phonofilm.flow.network import FlowNetwork, initialise
from phonofilm.train.batches import FlowBatches, Words, image_rows
from phonofilm.train.degrade import MINI_DEGRADATION, degrade, degrade_onsets
from phonofilm.train.flow import begin_from, flow_loss, mini_flow, train_flow
from phonofilm.train.loop import Loop
from phonofilm.train.mini import WHOLE, cut_short, train_mini
from phonofilm.train.state import load_state, save_state
from phonofilm.train.vae import VaeRecipe, mini_vae, train_vae
from phonofilm.train.vocoder import energy_distance, mini_vocoder, train_vocoder
from phonofilm.weights.load import save_net

RATE = Fraction(44100, 512)
CAPTIONS = {
    "knock": LabelCaptions("knock", "event", ("a knock on wood", "knocking", "someone knocks")),
    "hiss": LabelCaptions("hiss", "texture", ("a steady hiss", "hissing air", "steam")),
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short recordings with an index: decaying knocks and steady hisses."""
    folder = tmp_path_factory.mktemp("sounds")
    generator = np.random.default_rng(0)
    lines = ["path\tlabel\tcaption\tcategory\ttier\tsource_repo\tsource_ref"]
    for number in range(12):
        noise = generator.normal(0, 0.1, 22050)
        label = "knock" if number % 2 else "hiss"
        if label == "knock":
            noise = noise * np.exp(-np.arange(22050) / 1500)
        soundfile.write(folder / f"{number}.wav", noise, 44100)
        lines.append(f"{number}.wav\t{label}\t{label}\tnature\t1\trepo\thttps://example.org/s/{number}")
    (folder / "index.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def store(sounds: Path) -> SampleStore:
    return build_store(read_index(sounds), sounds, sounds / "store")


def test_the_store_gives_back_the_samples(sounds: Path, store: SampleStore) -> None:
    written, _ = soundfile.read(sounds / "3.wav", dtype="float32")
    assert np.abs(store.samples(3) - written).max() < 1e-4
    assert np.array_equal(store.samples(3, -10, 20)[10:], store.samples(3)[:10])
    assert not store.samples(3, -10, 20)[:10].any()


def test_takes_of_one_source_are_on_one_side(sounds: Path) -> None:
    for recording in read_index(sounds):
        twin = dataclasses.replace(recording, path=Path("other.wav"))
        assert twin.held_out == recording.held_out


def test_an_index_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no index\.tsv and no sound file"):
        read_index(tmp_path)
    (tmp_path / "index.tsv").write_text("path\tcaption\na.wav\tknock\n")
    with pytest.raises(InputError, match="has no column label"):
        read_index(tmp_path)


def test_crops_have_their_shape(store: SampleStore) -> None:
    batch = next(crops(store, list(range(12)), 4096, 5, np.random.default_rng(0)))
    assert batch.shape == (5, 4096)
    assert np.abs(batch).max() <= 1


def test_scenes_are_seeded_levelled_and_named(sounds: Path, store: SampleStore) -> None:
    composer = Composer(read_index(sounds), store, CAPTIONS, MINI_SCENES)
    first, labels = composer.compose(88200, np.random.default_rng(5))
    again, _ = composer.compose(88200, np.random.default_rng(5))
    assert np.array_equal(first, again)
    assert set(labels) <= {"knock", "hiss"}
    assert np.abs(first).max() <= 0.951
    steady = level(np.random.default_rng(0).normal(0, 0.001, 88200).astype(np.float32))
    assert 20 * np.log10(steady.std()) == pytest.approx(-20, abs=1)


def test_a_named_thing_may_rest_and_a_bed_lies_under_the_hits(sounds: Path, store: SampleStore) -> None:
    nothing = dataclasses.replace(MINI_SCENES, second_sound=0, bed=0, unstruck=0, room=0, colour=0, near_silence=0)
    index = read_index(sounds)
    resting = Composer(index, store, CAPTIONS, dataclasses.replace(nothing, unstruck=1))
    bedded = Composer(index, store, CAPTIONS, dataclasses.replace(nothing, bed=1))
    seen = set()
    for seed in range(12):
        sound, labels = resting.compose(88200, np.random.default_rng(seed))
        if labels == ("knock",):
            assert 20 * np.log10(sound.std()) < -50
        sound, labels = bedded.compose(88200, np.random.default_rng(seed))
        seen.add(labels)
    assert seen == {("knock", "hiss"), ("hiss",), ("hiss", "knock")}, "under what strikes lies nothing but a texture"


def test_events_are_parted_only_where_it_is_quiet_before() -> None:
    decay = np.exp(-np.arange(22050) / 1500)
    knock = 0.5 * np.random.default_rng(0).normal(0, 1, 22050).clip(-1, 1) * decay
    apart = np.concatenate([np.zeros(4410), knock, knock, knock]).astype(np.float32)
    assert len(cut_events(apart)) == 3
    held = (0.2 * np.sin(2 * np.pi * 300 * np.arange(66150) / 44100)).astype(np.float32)
    held[33075:] *= 3.0
    assert len(cut_events(np.concatenate([np.zeros(4410, np.float32), held]))) <= 1


def test_degraded_onsets_stay_near_the_true_ones() -> None:
    times = np.arange(0.5, 7.5, 0.5, dtype=np.float32)
    clean = bumps(times, np.full(len(times), 0.8, np.float32), RATE, 700)
    mild = dataclasses.replace(MINI_DEGRADATION, dropped=0.0, invented_per_s=0.0)
    found, _ = peaks(degrade_onsets(clean, RATE, mild, np.random.default_rng(0)), RATE)
    assert len(found) == len(times)
    assert np.abs(found - times).max() < 0.06


def test_curves_are_withheld_as_often_as_asked() -> None:
    curve = np.zeros(100, np.float32)
    generator = np.random.default_rng(0)
    results = [degrade(curve, curve, RATE, MINI_DEGRADATION, generator) for _ in range(400)]
    assert np.mean([onset is None for onset, _ in results]) == pytest.approx(MINI_DEGRADATION.no_onsets_known, abs=0.05)


def test_the_energy_distance_prefers_the_right_noise_to_a_mean() -> None:
    """Two fresh draws of the true noise are nearer to it than silence or one fixed sound twice."""
    generator = torch.Generator().manual_seed(0)
    real, first, second = (0.1 * torch.randn(4, 8192, generator=generator) for _ in range(3))
    right = energy_distance(real, first, second, [512])
    assert right < energy_distance(real, first, first, [512])
    assert right < energy_distance(real, 0 * first, 0 * first, [512])


def test_the_autoencoder_learns_stops_and_goes_on(sounds: Path, store: SampleStore, tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        mini_vae(),
        net=dataclasses.replace(mini_vae().net, width=32, hidden=64, blocks=1, latent=16),
        steps=3,
        batch=2,
        latent_steps=8,
        save_every_s=0.0,
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run/store").symlink_to(sounds / "store")

    def run(steps: int) -> VaeRecipe:
        return dataclasses.replace(recipe, steps=steps)

    train_vae(sounds, tmp_path / "run", torch.device("cpu"), run(3))
    train_vae(sounds, tmp_path / "run", torch.device("cpu"), run(5))
    state = torch.load(tmp_path / "run/vae.pt", weights_only=True)
    assert state["step"] == 5
    assert not list((tmp_path / "run").glob("*.partial"))


def test_the_vocoder_learns_stops_and_goes_on(sounds: Path, store: SampleStore, tmp_path: Path) -> None:
    net = dataclasses.replace(mini_vocoder().net, width=16, hidden=32, blocks=1)
    recipe = dataclasses.replace(mini_vocoder(), net=net, batch=2, frames=12, save_every_s=0.0)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/store").symlink_to(sounds / "store")
    vae = MelVae(dataclasses.replace(mini_vae().net, width=32, hidden=64, blocks=1)).eval()
    for steps, coder in ((2, None), (4, vae)):
        run = dataclasses.replace(recipe, steps=steps)
        vocoder = train_vocoder(sounds, tmp_path / "run", torch.device("cpu"), run, coder)
    assert torch.load(tmp_path / "run/vocoder.pt", weights_only=True)["step"] == 4
    assert all(bool(torch.isfinite(value).all()) for value in vocoder.state_dict().values())


def test_flow_training_loses_error_on_shards(sounds: Path, store: SampleStore, tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = MelVae(dataclasses.replace(mini_vae().net, width=32, hidden=64, blocks=1)).eval()
    composer = Composer(read_index(sounds), store, CAPTIONS, MINI_SCENES)
    write_shard(tmp_path / "0000.safetensors", composer, vae, 4, 16, seed=1)
    shard = read_shard(tmp_path / "0000.safetensors")
    assert shard.latents.shape == (4, 16, 64)
    assert shard.curves.shape == (4, 2, 16 * vae.config.patch)

    recipe = mini_flow()
    net = dataclasses.replace(recipe.net, width=64, heads=1, joint_blocks=1, fused_blocks=1)
    network = FlowNetwork(net, torch.float32)
    initialise(network, torch.Generator().manual_seed(0))
    flat = shard.latents.float().flatten(0, 1)
    network.latent_mean.copy_(flat.mean(0))
    network.latent_std.copy_(flat.std(0).clamp_min(1e-3))
    source = FlowBatches(tmp_path, Words(CAPTIONS, SentenceEncoder.load()), 8, recipe.degradation, recipe.dropout, 0)
    assert source.refresh() == 4
    batch = source.draw(6, 16)
    assert batch.sync.shape == (6, 16, 2 * vae.config.patch + 2)
    assert batch.image.shape == (6, image_rows(16), 384)
    assert batch.text.shape == (6, 8, 384)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        loss = flow_loss(network, source.draw(6, 16), torch.Generator().manual_seed(1))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    assert network.empty_string_feat.grad is not None
    assert MEL_44K.hop * vae.config.patch == 2048


def test_a_run_begins_from_finished_weights(tmp_path: Path) -> None:
    net = dataclasses.replace(mini_flow().net, width=64, heads=1, joint_blocks=1, fused_blocks=1)
    finished, begun = FlowNetwork(net, torch.float32), FlowNetwork(net, torch.bfloat16)
    initialise(finished, torch.Generator().manual_seed(7))
    finished.latent_mean.fill_(0.25)
    weights = tmp_path / "flow.safetensors"
    save_net(finished, net.to_json(), weights, torch.float32)
    begin_from(begun, weights)
    assert all(torch.equal(value, begun.state_dict()[key]) for key, value in finished.state_dict().items())
    other = FlowNetwork(dataclasses.replace(net, fused_blocks=2), torch.float32)
    with pytest.raises(ModelError, match="another network"):
        begin_from(other, weights)
    with pytest.raises(ModelError, match="cannot begin from"):
        begin_from(begun, tmp_path / "none.safetensors")


def test_a_run_goes_on_from_the_middle_whatever_kind_of_number_its_rate_is(tmp_path: Path) -> None:
    def loop(steps: int) -> Loop:
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 1)
        optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
        recipe = dataclasses.replace(mini_vae(), steps=steps, decay=0.9, save_every_s=0.0)
        return Loop(tmp_path / "run.pt", network, optimiser, recipe, torch.device("cpu"))

    first = loop(10)
    for step in range(4):
        loss = first.network(torch.ones(2, 3)).square().mean()
        assert first.descend(step, np.float64(1e-3) * np.cos(step), loss, 1.0, loss)
    again = loop(10)
    assert again.first == 4
    for one, other in zip(first.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def small_sounds(folder: Path, level: float, label: str = "knock") -> Path:
    """Two recordings of one length, so that files of another level are of the same names and sizes."""
    folder.mkdir()
    rows = ["path\tlabel\tcaption\tcategory\ttier\tsource_repo\tsource_ref"]
    for number in range(2):
        soundfile.write(folder / f"{number}.wav", np.full(4000, level * (number + 1)), 44100)
        rows.append(f"{number}.wav\t{label}\tknocking\tnature\t1\trepo\tref {number}")
    (folder / "index.tsv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_store_gives_back_only_the_recordings_that_it_was_made_of(tmp_path: Path) -> None:
    sounds, store = small_sounds(tmp_path / "sounds", 0.1), tmp_path / "run/store"
    first = build_store(read_index(sounds), sounds, store)
    shutil.copytree(sounds, tmp_path / "moved")
    again = build_store(read_index(tmp_path / "moved"), tmp_path / "moved", store)
    assert np.array_equal(first.samples(1), again.samples(1)), "a folder may be moved"
    for other in (small_sounds(tmp_path / "louder", 0.3), small_sounds(tmp_path / "called", 0.1, "hiss")):
        with pytest.raises(InputError, match="holds other recordings than"):
            build_store(read_index(other), other, store)
    (store / "pcm.i16").write_bytes(b"cut off")
    assert np.array_equal(build_store(read_index(sounds), sounds, store).samples(1), first.samples(1))


def test_the_runs_of_one_folder_have_stores_of_their_own(tmp_path: Path) -> None:
    net = dataclasses.replace(mini_vae().net, width=32, hidden=64, blocks=1, latent=16)
    recipe = dataclasses.replace(mini_vae(), net=net, steps=1, batch=2, latent_steps=8)
    for name, loud in (("one", 0.1), ("two", 0.3)):
        sounds = small_sounds(tmp_path / name, loud)
        train_vae(sounds, tmp_path / "runs" / name, torch.device("cpu"), recipe)
        store = SampleStore(tmp_path / "runs" / name / "store")
        assert store.samples(0).mean() == pytest.approx(loud, abs=1e-3)


def test_missing_recordings_are_told_before_any_is_decoded(tmp_path: Path) -> None:
    sounds = small_sounds(tmp_path / "sounds", 0.1)
    (sounds / "1.wav").unlink()
    with pytest.raises(InputError, match=r"1 of 2 recordings .*1\.wav"):
        build_store(read_index(sounds), sounds, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [("a.wav\tknock\tknock\tnature\tx\trepo\tref", "line 3: tier is 'x'"), ("a.wav\tknock", "line 3 has no caption")],
)
def test_an_odd_row_of_the_index_is_named(row: str, said: str, tmp_path: Path) -> None:
    sounds = small_sounds(tmp_path / "sounds", 0.1)
    lines = (sounds / "index.tsv").read_text().splitlines()
    (sounds / "index.tsv").write_text("\n".join([*lines[:2], row]))
    with pytest.raises(InputError, match=said):
        read_index(sounds)
    (sounds / "index.tsv").write_bytes(lines[0].encode() + b"\n\xff\xfe")
    with pytest.raises(InputError, match="save it as UTF-8"):
        read_index(sounds)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04" + bytes(200)])
def test_a_damaged_checkpoint_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"vae\.pt is damaged.*remove it"):
        load_state(path, torch.device("cpu"))


def test_a_checkpoint_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    save_state(path, {"net": {}})
    with pytest.raises(ModelError, match="no checkpoint of a run"):
        load_state(path, torch.device("cpu"))
    save_state(path, {"net": {}, "average": {}, "optimiser": {}, "step": 3})
    network = torch.nn.Linear(3, 1)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    recipe = dataclasses.replace(mini_vae(), steps=9, decay=0.9, save_every_s=0.0)
    with pytest.raises(ModelError, match="another network"):
        Loop(path, network, optimiser, recipe, torch.device("cpu"))


def test_what_a_run_lacks_is_told_before_anything_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cpu, file, run = torch.device("cpu"), tmp_path / "file", tmp_path / "run"
    file.write_text("")
    with pytest.raises(InputError, match="train the stage 'shards' first"):
        train_flow(run, cpu, mini_flow())
    with pytest.raises(OutputError, match="cannot make the folder"):
        train_mini(tmp_path, file, cpu)
    with pytest.raises(OptionError, match="no stage is called 'vea'"):
        train_mini(tmp_path, run, cpu, ("vae", "vea"))
    with pytest.raises(OptionError, match="'flow', which begins from it, is not run"):
        train_mini(tmp_path, run, cpu, ("vae",), file)
    with pytest.raises(ModelError, match="cannot begin from"):
        train_mini(tmp_path, run, cpu, start=file)
    assert not run.exists()


def test_a_stage_says_when_it_begins_to_train(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = torch.nn.Linear(3, 1)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    caplog.set_level("INFO", "phonofilm")
    recipe = dataclasses.replace(mini_vae(), steps=9, decay=0.9, save_every_s=99.0)
    loop = Loop(tmp_path / "vae.pt", network, optimiser, recipe, torch.device("cpu"))
    for step in range(2):
        loss = network(torch.ones(2, 3)).square().mean()
        loop.descend(step, 1e-3, loss, 1.0, loss)
    assert caplog.messages == ["vae: training, from step 1 of 9"]


def test_a_trial_and_a_run_do_not_go_on_from_each_other(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "vae.pt").touch()
    with pytest.raises(OptionError, match="holds a run that is no trial"):
        train_mini(tmp_path, tmp_path / "run", torch.device("cpu"), (), trial=True)
    for _ in range(2):
        train_mini(tmp_path, tmp_path / "trial", torch.device("cpu"), (), trial=True)
    with pytest.raises(OptionError, match="holds a trial"):
        train_mini(tmp_path, tmp_path / "trial", torch.device("cpu"), ())


@given(st.integers(1, 10_000), st.none() | st.integers(1, 10_000))
def test_a_cut_recipe_has_no_more_steps_and_is_else_the_same(steps: int, most: int | None) -> None:
    recipe = dataclasses.replace(mini_flow(), steps=steps)
    cut = cut_short(recipe, dataclasses.replace(WHOLE, steps=most))
    assert cut.steps == (steps if most is None else min(steps, most))
    assert dataclasses.replace(cut, steps=steps) == recipe
