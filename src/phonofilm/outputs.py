"""Where results go: names beside the clip, numbers for takes, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import MediaError, OptionError, OutputError
from phonofilm.media.audio import check_sound_path, made_here
from phonofilm.media.holding import muxed_path, warn_of_change
from phonofilm.media.mux import check_output
from phonofilm.media.suffixes import is_sound, parted
from phonofilm.types import ClipInfo

MIX = "mix"
"""The name of everything together, among the names of the stems."""
MOST_NAMED = 4
"""Takes that a message names."""


@dataclass(frozen=True)
class Destination:
    """Where the takes of a clip go.

    named: as it was asked for, or as results are called by default. path: with the ending of a container that holds the
    clip, before takes are numbered. asked: somebody named it.
    """

    named: Path
    path: Path
    asked: bool


def default_path(clip: ClipInfo, audio_only: bool, word: str, folder: Path | None = None) -> Path:
    """Where a result goes that nobody has named: beside the clip, or in a folder."""
    stem, suffix = parted(clip.path)
    suffix = "" if is_sound(clip.path) else suffix
    return (folder or clip.path.parent) / f"{stem}.{word}{'.wav' if audio_only else suffix}"


def destination(
    info: ClipInfo, output: Path | None, audio_only: bool, word: str, folder: Path | None = None
) -> Destination:
    """Where takes go, by names alone. Raises OutputError or MediaError when no film can be written of the clip."""
    named = default_path(info, audio_only, word, folder) if output is None else output
    return Destination(named, named if audio_only else muxed_path(info, named), output is not None)


def usual_take(clip: ClipInfo, audio_only: bool) -> Path:
    """The take of a clip that was written by default; raises OptionError when there is none."""
    sound = default_path(clip, True, "sound")
    try:
        film = destination(clip, None, False, "sound").path
    except MediaError:  # nothing holds this picture: its takes are sound alone
        film = sound
    path = next((path for path in ((sound, film) if audio_only else (film, sound)) if path.exists()), None)
    if path is None:
        several = [one for one in numbered(film, MOST_NAMED) + numbered(sound, MOST_NAMED) if one.exists()]
        there = ", ".join(one.name for one in several[:MOST_NAMED])
        raise OptionError(
            f"there is no earlier take {film} to redo a span of; "
            + (f"name one of those that are there with --take: {there}" if there else "name one with --take")
        )
    return path


def take_paths(
    info: ClipInfo, goal: Destination, audio_only: bool, takes: int, layers: Sequence[str] = ()
) -> list[Path]:
    """Where each take goes; checked before anything is computed. Raises OutputError.

    What was not named by anybody, but takes its place because the container cannot hold the clip, overwrites nothing.
    layers: names of those that are written beside each take. Under names that nobody gave, only what we have made is
    replaced.
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
            f"instead, is there already; give -o {goal.path} to replace it, or another name"
        )
    if not goal.asked:
        _check_ours([*paths, *(stem_path(path, layer) for path in paths for layer in layers)])
    warn_of_change(info, goal.named, goal.path)
    return paths


def _check_ours(paths: Sequence[Path]) -> None:
    """Raises OutputError where a file stands in the way that was not made here."""
    foreign = next((path for path in paths if path.exists() and not made_here(path)), None)
    if foreign is not None:
        raise OutputError(
            f"{foreign} is there already and was not made here; move it, or give -o or --out-dir to write elsewhere"
        )


def sure_layers(audio_only: bool, stems: bool) -> tuple[str, ...]:
    """Names of the layers that every take with stems has; music and dialogue come only where they are asked for."""
    return () if not stems else ("effects",) if audio_only else ("effects", MIX)


def output_paths(
    info: ClipInfo, output: Path | None, audio_only: bool, takes: int, word: str, layers: Sequence[str] = ()
) -> list[Path]:
    """Where the takes go; checked before anything is computed. Raises OutputError or MediaError."""
    return take_paths(info, destination(info, output, audio_only, word), audio_only, takes, layers)


def sound_paths(output: Path, takes: int) -> list[Path]:
    """Where takes go that are sound without a picture; checked before anything is computed. Raises OutputError."""
    paths = numbered(output, takes)
    for path in paths:
        check_sound_path(path)
    return paths


def numbered(path: Path, takes: int) -> list[Path]:
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{number + 1}{path.suffix}") for number in range(takes)]


def stem_path(path: Path, name: str) -> Path:
    """Where a layer of the take at `path` goes; what lies beside a take lies beside its mix without loss as well."""
    return path.with_name(f"{path.stem.removesuffix(f'.{MIX}')}.{name}.wav")
