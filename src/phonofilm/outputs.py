"""Where results go: names beside the clip, numbers for takes, checked before anything is computed."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from phonofilm.errors import MediaError, OptionError, OutputError
from phonofilm.media.audio import check_sound_path, made_here
from phonofilm.media.files import check_named, check_other
from phonofilm.media.holding import Place, place_for, warn_of_change
from phonofilm.media.mux import check_output
from phonofilm.media.suffixes import is_sound, parted
from phonofilm.mix.layer_names import DIALOGUE, EFFECTS, MUSIC, ORIGINAL
from phonofilm.settings import AddOptions
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)

SOUND, REDO = "sound", "redo"
"""What is put into the names of takes, and of those that were made anew in part; those count on: redo2, redo3."""
NOTES = ".mid"
PADDED = (".mp3", ".m4a")
"""Kinds of sound whose encoders need some silence before and after."""
ELSEWHERE = "move it away, or name another output (-o)"
MIX = "mix"
"""The name of everything together, among the names of the stems."""
MOST_NAMED = 4
"""Takes that a message names."""
NOTES_DELAY_S = 60.0
"""Notes are written after their music, and at most this much later; where they are younger, somebody has worked on
them."""


@dataclass(frozen=True)
class Destination:
    """Where the takes of a clip go.

    named: as it was asked for, or as results are called by default. path: with the ending of a container that holds the
    clip, before takes are numbered. asked: somebody named it. copied: as in `Place`. said: that it goes elsewhere has
    been told.
    """

    named: Path
    path: Path
    asked: bool
    copied: bool = True
    said: bool = False


def default_path(clip: ClipInfo, audio_only: bool, word: str, folder: Path | None = None) -> Path:
    """Where a result goes that nobody has named: beside the clip, or in a folder."""
    stem, suffix = parted(clip.path)
    suffix = "" if is_sound(clip.path) else suffix
    return (folder or clip.path.parent) / f"{stem}.{word}{'.wav' if audio_only else suffix}"


def destination(
    info: ClipInfo, output: Path | None, audio_only: bool, word: str, folder: Path | None = None
) -> Destination:
    """Where takes go, by names alone; those made anew in part where there is nothing yet of that name.

    Raises OutputError or MediaError when no film can be written of the clip.
    """
    if output is None and word == REDO:
        word = _free_word(info, folder or info.path.parent)
    named = default_path(info, audio_only, word, folder) if output is None else output
    check_named(named)
    place = Place(named, copied=True) if audio_only else place_for(info, named)
    return Destination(named, place.path, output is not None, place.copied)


def take_paths(
    info: ClipInfo, goal: Destination, audio_only: bool, takes: int, layers: Sequence[str] = ()
) -> list[Path]:
    """Where each take goes; checked before anything is computed. Raises OutputError.

    What was not named by anybody, but takes its place because the container cannot hold the clip, overwrites nothing.
    layers: names of those that are written beside each take, as `check_layers` takes them. Under names that nobody
    gave, only what we have made is replaced.
    """
    paths = numbered(goal.path, takes)
    for path in (*numbered(goal.named, takes), *paths):
        if audio_only:
            check_sound_path(path)
        check_output(info, path)
    taken = next((path for path in paths if path.exists()), None)
    if goal.asked and goal.path != goal.named and taken is not None:
        raise OutputError(
            f"{goal.named} cannot hold this {info.video.codec} picture with sound, and {taken}, which would be written "
            f"instead, is there already; name {goal.path.name} as the output (-o) to replace it, or another"
        )
    if not goal.asked:
        _check_ours(paths)
    check_layers(goal, paths, layers)
    if not goal.said:
        warn_of_change(info, goal.named, Place(goal.path, goal.copied))
    return paths


def check_layers(goal: Destination, paths: Sequence[Path], layers: Sequence[str]) -> None:
    """Raises OutputError where a layer of a take, or the notes of its music, would take the place of what others made,
    under a name that nobody gave.

    paths: where the takes go.
    """
    if goal.asked:
        return
    files = [stem_path(path, layer) for path in paths for layer in layers]
    _check_ours(files)
    music = [stem_path(path, MUSIC) for path in paths] if MUSIC in layers else []
    changed = next((file.with_suffix(NOTES) for file in music if not notes_made_here(file)), None)
    if changed is not None:
        raise OutputError(f"{changed} is there already and was made or changed by others; {ELSEWHERE}")


def notes_made_here(music: Path) -> bool:
    """Whether nothing of others would be lost with the notes beside a file of music.

    They carry no comment, so their age tells.
    """
    notes = music.with_suffix(NOTES)
    if not notes.exists():
        return True
    return music.exists() and made_here(music) and notes.stat().st_mtime - music.stat().st_mtime <= NOTES_DELAY_S


def _check_ours(paths: Sequence[Path]) -> None:
    """Raises OutputError where a file stands in the way that was not made here."""
    foreign = next((path for path in paths if path.exists() and not made_here(path)), None)
    if foreign is not None:
        raise OutputError(f"{foreign} is there already and was not made here; {ELSEWHERE}")


def sure_layers(info: ClipInfo, audio_only: bool, chosen: AddOptions) -> tuple[str, ...]:
    """Names of the layers that takes will have beside them, as far as the options alone tell: not whether there will be
    music."""
    if not (chosen.stems or chosen.timeline):
        return ()
    mix = () if audio_only else (MIX,)
    spoken = (DIALOGUE,) if chosen.dialogue else ()
    return EFFECTS, *mix, *spoken, *((ORIGINAL,) if chosen.keep_original and info.audio else ())


def sound_paths(output: Path, takes: int, asked: bool = True, loop: bool = False) -> list[Path]:
    """Where takes go that are sound without a picture; checked before anything is computed. Raises OutputError.

    asked: somebody named it; else only what we have made is replaced. loop: it is to be played in a circle.
    """
    paths = numbered(output, takes)
    for path in paths:
        check_sound_path(path)
        if loop and path.suffix.lower() in PADDED:
            raise OutputError(f"{path}: {path.suffix} puts silence at the ends, which a loop would stutter at; "
                              f"write wav, flac or ogg")  # fmt: skip
    if not asked:
        _check_ours(paths)
    return paths


def _free_word(info: ClipInfo, folder: Path) -> str:
    """The first word of which there is nothing in a folder yet: no take, of any kind or number, and no layer of one."""
    there = _names(folder)
    stem = parted(info.path)[0]
    words = chain([REDO], (f"{REDO}{number}" for number in count(2)))  # a number after a dot would be that of a take
    return next(word for word in words if not any(name.startswith(f"{stem}.{word}.") for name in there))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # it is not there yet, or may not be read; who writes into it says so
        return []


def newest_take(info: ClipInfo, audio_only: bool, folders: Sequence[Path]) -> Path:
    """The take of a clip to go on from: what was written by default, or made anew of that since, which is said.

    folders: where to look, besides that of the clip. Raises OptionError when there is none, or when there are several
    that were made at once.
    """
    homes = list(dict.fromkeys([info.path.parent, *folders]))
    usual = [path for home in homes for path in _usual_takes(info, audio_only, home) if path.exists()]
    newest = max((path for home in homes for path in _redone(info, home)), key=_age, default=None)
    if newest is None or (usual and _age(newest) <= _age(usual[0])):
        if not usual:
            raise OptionError(_no_take(_usual_takes(info, audio_only, info.path.parent)))
        return usual[0]
    if "." in newest.stem.removeprefix(f"{parted(info.path)[0]}."):
        raise OptionError(f"{newest} is one of several takes that were made anew; name the take to go on from")
    logger.warning("going on from %s, the newest take; to go on from another, name the take", newest)
    return newest


def _no_take(usual: Sequence[Path]) -> str:
    """What to say where there is none of the takes written by default: those that were made together are there."""
    several = [one for path in usual for one in numbered(path, MOST_NAMED) if one.exists()]
    there = ", ".join(one.name for one in several[:MOST_NAMED])
    way = f"name the take, one of those that are there: {there}" if there else "name the take"
    return f"there is no earlier take {usual[0]} to redo a span of; {way}"


def _usual_takes(info: ClipInfo, audio_only: bool, folder: Path) -> list[Path]:
    """Where takes are written by default, the film and the sound alone; what is wanted first."""
    sound = default_path(info, True, SOUND, folder)
    try:
        film = destination(info, None, False, SOUND, folder).path
    except MediaError:  # nothing holds this picture: its takes are sound alone
        film = sound
    return [sound, film] if audio_only else [film, sound]


def _redone(info: ClipInfo, folder: Path) -> Iterator[Path]:
    """Takes in a folder that were made anew in part, under the names that they get by default."""
    try:
        film = destination(info, None, False, SOUND, folder).path.suffix
    except MediaError:
        film = ".wav"
    stem, suffixes = re.escape(parted(info.path)[0]), f"{re.escape(film)}|[.]wav"
    pattern = re.compile(rf"{stem}[.]{REDO}\d*([.]\d+)?({suffixes})", re.DOTALL)
    yield from (folder / name for name in sorted(_names(folder)) if pattern.fullmatch(name))


def _age(path: Path) -> float:
    return path.stat().st_mtime


def check_apart(paths: Sequence[Path], take: Path, stems: bool) -> None:
    """Raises OutputError when a result, or with stems a layer of it, would be written over the take that is read."""
    for path in paths:
        check_other(path, take, "take")
        if stems:
            check_other(stem_path(path, MIX), take, "take")
            if os.path.realpath(stem_path(path, MIX)) == os.path.realpath(stem_path(take, MIX)):
                raise OutputError(f"the stems of {path} would replace those of the take {take}; give another name")


def numbered(path: Path, takes: int) -> list[Path]:
    """Where each of several takes goes. Raises OutputError for what is no name of a file."""
    check_named(path)
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{number + 1}{path.suffix}") for number in range(takes)]


def stem_path(path: Path, name: str) -> Path:
    """Where a layer of the take at `path` goes; what lies beside a take lies beside its mix without loss as well."""
    return path.with_name(f"{path.stem.removesuffix(f'.{MIX}')}.{name}.wav")
