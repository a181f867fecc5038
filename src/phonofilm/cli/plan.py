"""What `add` will read and write, settled before a model is loaded: a wrong name is told at once."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phonofilm.cues import read_cue_sheet
from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.media.audio import made_here
from phonofilm.media.files import is_same, make_folder
from phonofilm.media.probe import probe
from phonofilm.outputs import (
    MIX,
    REDO,
    Destination,
    check_apart,
    destination,
    newest_take,
    numbered,
    stem_path,
    sure_layers,
    take_paths,
)
from phonofilm.settings import AddOptions, MakeOptions, checked_spans
from phonofilm.types import ClipInfo
from phonofilm.voice.casting import read_casting
from phonofilm.weights.fetch import cache_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Where results shall go. word: what is put into the names of those that nobody has named.

    take: the earlier take that is made anew, None for the newest.
    """

    output: Path | None
    folder: Path | None
    audio_only: bool
    word: str
    options: AddOptions
    take: Path | None = None


@dataclass(frozen=True)
class Plan:
    """One clip and where its takes go, or why it cannot be done. take: the earlier one that is made anew, if any."""

    clip: Path
    info: ClipInfo | None = None
    goal: Destination | None = None
    error: PhonofilmError | None = None
    take: Path | None = None

    def ready(self) -> tuple[ClipInfo, Destination]:
        """The clip, and where its takes go. Raises what stands in the way."""
        if self.error is not None:
            raise self.error
        assert self.info is not None, "a plan without an error has a clip"
        assert self.goal is not None, "a plan without an error has a goal"
        # That the name had to change is told already.
        return self.info, replace(self.goal, named=self.goal.path, said=True)


READ = ("dialogue", "key", "certificate", "certificate_key")
"""Options that name a file to read."""


def check_read(options: AddOptions | MakeOptions, take: Path | None = None) -> None:
    """Raises OptionError when a file that is read only after the model was loaded is not there, and PhonofilmError
    when a transcript, or who speaks it, is not as it must be."""
    named = {f"--{name.replace('_', '-')}": getattr(options, name, "") for name in READ}
    for flag, path in {**named, "--take": take or ""}.items():
        if path and not Path(path).is_file():
            lack = "that is a folder; name a file" if Path(path).is_dir() else "there is no such file; check the path"
            raise OptionError(f"{flag} is {path}, and {lack}")
    if isinstance(options, AddOptions):
        read_casting(options.dialogue, options.voices, options.voice_engine, cache_folder() / "voices")


def plan(clips: Sequence[Path], wish: Wish, spans: Sequence[tuple[float, float]], cues: Path | None) -> list[Plan]:
    """A plan for each clip; what is wrong with one does not stop the others.

    spans, cues: what is made anew, and an edited cue sheet. Raises
    OptionError when results would meet each other or a clip, OutputError when there can be no folder for them.
    """
    if wish.output is not None and len(clips) > 1:
        raise OptionError(f"--output names one file and {len(clips)} clips came; use --out-dir")
    if wish.output is not None and wish.folder is not None:
        raise OptionError("--output and --out-dir both came; give one of them")
    plans = [_aimed(clip, wish) for clip in _unsounded(clips)]
    _check_apart(plans, wish)
    if wish.folder is not None:
        make_folder(wish.folder)
    return [_checked(one, wish, spans, cues) for one in plans]


def _unsounded(clips: Sequence[Path]) -> list[Path]:
    """The clips without those that were made here, which `*.mp4` names too the second time, and which is said.

    Raises OptionError when none is left. One that comes alone is meant.
    """
    made = [clip for clip in clips if len(clips) > 1 and made_here(clip)]
    if made and len(made) == len(clips):
        raise OptionError(f"all {len(clips)} clips have their sound from phonofilm already; give one alone to go on")
    for clip in made:
        logger.warning("%s has its sound from phonofilm already and is left out; to go on from it, give it alone", clip)
    return [clip for clip in clips if clip not in made]


def _aimed(clip: Path, wish: Wish) -> Plan:
    try:
        info = probe(clip)
        return Plan(clip, info, destination(info, wish.output, wish.audio_only, wish.word, wish.folder))
    except PhonofilmError as error:
        return Plan(clip, error=error)


def _checked(one: Plan, wish: Wish, spans: Sequence[tuple[float, float]], cues: Path | None) -> Plan:
    if one.info is None or one.goal is None:
        return one
    try:
        take = None
        checked_spans(spans, one.info.duration_s)
        layers = sure_layers(one.info, wish.audio_only, wish.options)
        paths = take_paths(one.info, one.goal, wish.audio_only, wish.options.takes, layers)
        if wish.word == REDO:
            folders = [one.goal.path.parent]
            take = wish.take or newest_take(one.info, wish.audio_only, folders)
            check_apart(paths, take, bool(layers))
        if cues is not None:
            read_cue_sheet(cues, one.info)
    except PhonofilmError as error:
        return replace(one, error=error)
    return replace(one, take=take)


def _check_apart(plans: Sequence[Plan], wish: Wish) -> None:
    """Raises OptionError when a result would be written over that of another clip, or over a clip yet to be read."""
    seen: dict[str, Path] = {}
    stems = wish.options.stems or bool(wish.options.timeline)
    for one in plans:
        paths = [] if one.goal is None else numbered(one.goal.path, wish.options.takes)
        for path in paths:
            other = next((clip for clip in _others(plans, one) if is_same(path, clip)), None)
            if other is not None:
                raise OptionError(
                    f"{one.clip} would be written to {path}, which is the clip {other}; give --out-dir, or rename one"
                )
        # Films of two kinds lie side by side, but their stems would have one name.
        names = {os.path.realpath(path) for path in [*paths, *(stem_path(p, MIX) for p in paths if stems)]}
        met = next((seen[name] for name in names if name in seen), None)
        if met is not None:
            raise OptionError(
                f"two clips would be written to {paths[0]}, {met} and {one.clip}; rename one or use two folders"
            )
        seen |= dict.fromkeys(names, one.clip)


def _others(plans: Sequence[Plan], one: Plan) -> list[Path]:
    return [other.clip for other in plans if other is not one]
