"""The whole recipe of `mini`, from the folder of recordings to the weights in the package.

Nine stages, each resumable: vae → vocoder → shards → flow → rhythms → scenes → cues → listener → export. The listener
makes no sound: it is the classifier that `phonofilm evaluate meaning` asks. The same code runs on a CPU and on a GPU.

Tuning teaches the shipped network other recordings: it goes on from its weights, and everything else of `mini` is used
as it is, so that four stages are left: shards → flow → rhythms → export.
"""

import csv
import dataclasses
import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import TypeVar

import torch

from phonofilm.codec.listener import Listener, save_listener
from phonofilm.codec.vae import MelVae
from phonofilm.codec.vocoder import Vocoder
from phonofilm.data.captions import LabelCaptions
from phonofilm.data.manifest import Recording, SampleStore, build_store, check_recordings, read_index
from phonofilm.data.own_labels import captions_for
from phonofilm.data.scenes import MINI_SCENES, Composer
from phonofilm.data.shards import write_shard
from phonofilm.encoders.cue_finder import CueFinder
from phonofilm.encoders.cue_weigher import WEIGHER_FILE
from phonofilm.encoders.rhythm import RHYTHM_FILE, load_rhythms
from phonofilm.errors import InputError, OptionError, OutputError
from phonofilm.flow.network import FlowNetwork
from phonofilm.train import cue_examples
from phonofilm.train.cue_finder import (
    CueRecipe,
    export_cue_finder,
    mini_cue_finder,
    mini_shown_cue_finder,
    train_cue_finder,
)
from phonofilm.train.cue_weigher import WeigherRecipe, export_weigher, mini_weigher, train_weigher
from phonofilm.train.flow import FlowRecipe, finished_weights, mini_flow, mini_tuning, train_flow
from phonofilm.train.listener import ListenerRecipe, mini_listener, train_listener
from phonofilm.train.rhythms import build_rhythms
from phonofilm.train.state import fill_with_average
from phonofilm.train.vae import VaeRecipe, mini_vae, train_vae
from phonofilm.train.vocoder import VocoderRecipe, mini_vocoder, train_vocoder
from phonofilm.weights.load import load_nets, save_net
from phonofilm.weights.registry import FLOW_FILE, find_model

logger = logging.getLogger(__name__)

Recipe = TypeVar("Recipe", VaeRecipe, VocoderRecipe, FlowRecipe, CueRecipe, WeigherRecipe, ListenerRecipe)
STAGES = ("vae", "vocoder", "shards", "flow", "rhythms", "scenes", "cues", "listener", "export")
TUNING_STAGES = ("shards", "flow", "rhythms", "export")
TUNED = "mini"
SHARDS = 67
EXAMPLES_A_SHARD = 256
LATENT_STEPS = 176
SHARD_SEED = 2000


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much of each stage is done. steps: at most so many, None for all of the recipe's. shards, examples: of the
    flow network; cue_shards, scenes: of the cue finder."""

    steps: int | None
    shards: int
    examples: int
    cue_shards: int
    scenes: int

    def cut(self, steps: int) -> int:
        """How many of a recipe's steps are done."""
        return steps if self.steps is None else min(steps, self.steps)


WHOLE = Extent(None, SHARDS, EXAMPLES_A_SHARD, cue_examples.SHARDS, cue_examples.SCENES_A_SHARD)
TRIAL = Extent(4, 1, 16, 2, 2)
"""Every stage cut short: what comes out is of no use but to show that all of them run with these recordings."""
TUNING = dataclasses.replace(WHOLE, shards=24)
TRIAL_MARK, TUNING_MARK = "trial", "tuning"
CUE_FINDERS = {"cues": mini_cue_finder(), "cues_shown": mini_shown_cue_finder()}
"""Recipes of the two networks of the cue finder, by the names of their files."""


def train_mini(
    sounds: Path,
    run: Path,
    device: torch.device,
    stages: tuple[str, ...] | None = None,
    start: Path | None = None,
    trial: bool = False,
    tune: bool = False,
) -> None:
    """Run the stages named (all when None), in order; what is finished in `run` is not done again.

    sounds: the folder of recordings, as `read_index` reads it. run: checkpoints, shards and at the end run/export.
    start: as in `train_flow`. trial: every stage is cut short, to see in minutes that all of them run. tune: the
    shipped network, or that of `start`, goes on with these recordings.

    Raises InputError when there is no folder of recordings or a stage needs an earlier one that has not run, ModelError
    when weights are damaged or of another network, OptionError for a stage that is none or a run in the folder of a run
    of another kind, OutputError when `run` is no folder.
    """
    known = TUNING_STAGES if tune else STAGES
    stages = known if stages is None else stages
    unknown = [stage for stage in stages if stage not in known]
    if unknown:
        of = " of tuning" if tune else ""
        raise OptionError(f"no stage{of} is called {unknown[0]!r}; there are {', '.join(known)}")
    if start is not None:
        if "flow" not in stages:
            raise OptionError(
                f"--start is {start}, and the stage 'flow', which begins from it, is not run; leave it out"
            )
        finished_weights(start, mini_flow().net)
    check_recordings(sounds)
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {run} ({error.strerror}); give another --run") from error
    _mark(run, TRIAL_MARK, "a trial", trial)
    _mark(run, TUNING_MARK, "a tuning", tune)
    extent = TRIAL if trial else TUNING if tune else WHOLE
    for stage in stages:
        logger.info("stage %s", stage)
        if stage == "vae":
            train_vae(sounds, run, device, cut_short(mini_vae(), extent))
        elif stage == "vocoder":
            train_vocoder(sounds, run, device, cut_short(mini_vocoder(), extent), finished_vae(run))
        elif stage == "shards":
            make_shards(sounds, run, extent, tune=tune)
        elif stage == "flow":
            recipe = cut_short(mini_tuning() if tune else mini_flow(), extent)
            begin = find_model(TUNED).checked(FLOW_FILE) if tune and start is None else start
            train_flow(run, device, recipe, begin, read_sounds(sounds, run).learnt)
        elif stage == "rhythms":
            read = read_sounds(sounds, run)
            before = load_rhythms() if tune else None
            build_rhythms(read.recordings, read.store, read.captions, run / RHYTHM_FILE, before)
        elif stage == "scenes":
            cue_examples.make_cue_examples(run, extent.cue_shards, extent.scenes)
        elif stage == "cues":
            networks = [train_cue_finder(run, device, cut_short(finder, extent)) for finder in CUE_FINDERS.values()]
            finder = CueFinder(*(network.cpu() for network in networks))
            train_weigher(run, device, cut_short(mini_weigher(), extent), finder)
        elif stage == "listener":
            train_listener(sounds, run, cut_short(mini_listener(), extent))
        elif tune:
            export_tuned(sounds, run)
        else:
            export(sounds, run)


@dataclasses.dataclass(frozen=True)
class Sounds:
    """The recordings, as they lie in the store, and what their labels sound like in words."""

    recordings: list[Recording]
    store: SampleStore
    captions: dict[str, LabelCaptions]

    @property
    def learnt(self) -> dict[str, LabelCaptions]:
        """The captions of labels that there are recordings of."""
        return {label: self.captions[label] for label in sorted({row.label for row in self.recordings})}


def read_sounds(sounds: Path, run: Path) -> Sounds:
    """What there is to learn from. Raises InputError as `read_index`, `build_store` and `captions_for` do."""
    recordings = read_index(sounds)
    store = build_store(recordings, sounds, run / "store")
    return Sounds(recordings, store, captions_for(recordings, store, sounds))


def _mark(run: Path, name: str, what: str, wanted: bool) -> None:
    """Note what a folder is for. Raises OptionError when it was begun for something else."""
    mark = run / name
    if wanted and not mark.exists():
        if any(path.name not in (TRIAL_MARK, TUNING_MARK) for path in run.iterdir()):
            raise OptionError(f"{run} holds a run that is no{what[1:]}; give an empty folder with --run")
        mark.touch()
    if mark.exists() and not wanted:
        raise OptionError(f"{run} holds {what}, which no other run can go on from; give another --run")


def cut_short(recipe: Recipe, extent: Extent) -> Recipe:
    """A recipe with no more steps than are to be done."""
    return dataclasses.replace(recipe, steps=extent.cut(recipe.steps))


def finished_vae(run: Path) -> MelVae:
    """The averaged autoencoder of a run. Raises InputError when it is not trained yet."""
    vae = MelVae(mini_vae().net)
    fill_with_average(vae, run, "vae", "vae")
    return vae.eval().requires_grad_(False)


def make_shards(sounds: Path, run: Path, extent: Extent, *, tune: bool = False) -> None:
    """Compose and encode the training examples that are not there yet; with `tune` in the shipped network's latents."""
    read = read_sounds(sounds, run)
    composer = Composer(read.recordings, read.store, read.captions, MINI_SCENES, even=tune)
    vae = shipped_vae() if tune else finished_vae(run)
    folder = run / "shards"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(extent.shards):
        path = folder / f"{number:04d}.safetensors"
        if not path.exists():
            write_shard(path, composer, vae, extent.examples, LATENT_STEPS, SHARD_SEED + number)
            logger.info("shard %d of %d", number + 1, extent.shards)


def shipped_vae() -> MelVae:
    """The autoencoder inside the package."""
    vae = load_nets(TUNED, torch.device("cpu"), torch.float32).codec.vae
    assert isinstance(vae, MelVae)
    return vae


def finished_flow(run: Path) -> FlowNetwork:
    """The averaged flow network of a run. Raises InputError when it is not trained yet."""
    flow = FlowNetwork(mini_flow().net, torch.float32)
    fill_with_average(flow, run, "flow", "flow")
    return flow


def export_tuned(sounds: Path, run: Path) -> None:
    """Write what tuning has made to run/export, with the names of those whose recordings `mini` was made of."""
    folder = run / "export"
    folder.mkdir(parents=True, exist_ok=True)
    flow = finished_flow(run)
    save_net(flow, flow.config.to_json(), folder / FLOW_FILE, torch.float16)
    if not (run / RHYTHM_FILE).is_file():
        raise InputError(f"no {RHYTHM_FILE} in {run}; run the stage 'rhythms' first")
    shutil.copyfile(run / RHYTHM_FILE, folder / RHYTHM_FILE)
    for name in ("ATTRIBUTION.md", "attribution.tsv"):
        shutil.copyfile(find_model(TUNED).file(name), folder / name)
    logger.info("tuned weights are in %s; --model own --weights-dir %s takes them", folder, folder)


def export(sounds: Path, run: Path) -> dict[str, str]:
    """Write the averaged weights as float16 to run/export, with the attribution that must travel with them.

    Returns file name → sha256, to be put into weights/registry.py.
    """
    folder = run / "export"
    folder.mkdir(parents=True, exist_ok=True)
    vocoder = Vocoder(mini_vocoder().net)
    fill_with_average(vocoder, run, "vocoder", "vocoder")
    flow = finished_flow(run)
    nets = (
        ("vae.safetensors", finished_vae(run), json.dumps(dataclasses.asdict(mini_vae().net))),
        ("vocoder.safetensors", vocoder, json.dumps(dataclasses.asdict(mini_vocoder().net))),
        (FLOW_FILE, flow, flow.config.to_json()),
    )
    hashes = {name: save_net(net, config, folder / name, torch.float16) for name, net, config in nets}
    for name, recipe in CUE_FINDERS.items():
        hashes[f"{name}.safetensors"] = export_cue_finder(run, folder / f"{name}.safetensors", recipe)
    finder = CueFinder.load(*(folder / f"{name}.safetensors" for name in CUE_FINDERS))
    hashes[WEIGHER_FILE] = export_weigher(run, folder / WEIGHER_FILE, mini_weigher(), finder)
    listener = Listener(mini_listener().net)
    fill_with_average(listener, run, "listener", "listener")
    save_listener(listener, folder / "listener.safetensors")
    hashes["listener.safetensors"] = hashlib.sha256((folder / "listener.safetensors").read_bytes()).hexdigest()
    for name, digest in hashes.items():
        logger.info("%s %s", digest, name)
    if (run / RHYTHM_FILE).is_file():
        shutil.copyfile(run / RHYTHM_FILE, folder / RHYTHM_FILE)
    if (sounds / "ATTRIBUTION.md").is_file():
        shutil.copyfile(sounds / "ATTRIBUTION.md", folder / "ATTRIBUTION.md")
        _write_attribution(sounds, folder / "attribution.tsv")
    return hashes


def _write_attribution(sounds: Path, target: Path) -> None:
    """Who made each recording: the columns that ATTRIBUTION.md points to."""
    with (sounds / "index.tsv").open(encoding="utf-8", newline="") as source, target.open("w", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        columns = ("path", "label", "licence", "author", "source_repo", "source_ref")
        writer.writerow(columns)
        for row in csv.DictReader(source, delimiter="\t"):
            writer.writerow([row.get(column, "") for column in columns])
