"""Where results go: names beside the clip, numbers for takes, checked before anything is computed."""

from pathlib import Path

from phonofilm.media.audio import check_sound_path
from phonofilm.media.mux import check_output, muxed_path
from phonofilm.types import ClipInfo

MIX = "mix"
"""The name of everything together, among the names of the stems."""


def default_path(clip: ClipInfo, audio_only: bool, word: str) -> Path:
    """Where a result goes that nobody has named."""
    return clip.path.with_name(f"{clip.path.stem}.{word}{'.wav' if audio_only else clip.path.suffix}")


def output_paths(info: ClipInfo, output: Path | None, audio_only: bool, takes: int, word: str) -> list[Path]:
    """Where the takes go; checked before anything is computed."""
    if output is None:
        output = default_path(info, audio_only, word)
    paths = numbered(output, takes)
    for path in paths:
        if audio_only:
            check_sound_path(path)
        check_output(info, path)
        if not audio_only:
            check_output(info, muxed_path(info, path))
    return paths


def numbered(path: Path, takes: int) -> list[Path]:
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{number + 1}{path.suffix}") for number in range(takes)]


def stem_path(path: Path, name: str) -> Path:
    """Where a layer of the take at `path` goes; what lies beside a take lies beside its mix without loss as well."""
    return path.with_name(f"{path.stem.removesuffix(f'.{MIX}')}.{name}.wav")
