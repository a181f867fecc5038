"""Takes of the clip that a test keeps in a folder, and what is made anew of them: sound alone, by the model `tiny`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clips import tiny_film
from phonofilm.pipeline import Take

CLIP = "clip.mp4"


def take_of(folder: Path, name: str, **options: Any) -> Take:
    """A take of the clip in a folder, written beside it."""
    (take,) = tiny_film().add_sound(folder / CLIP, folder / name, audio_only=True, **options)
    return take


def redone(folder: Path, output: Path, take: str, redo: Sequence[tuple[float, float]], **options: Any) -> Take:
    """Spans of a take in the folder made anew."""
    (new,) = tiny_film().add_sound(folder / CLIP, output, take=folder / take, redo=redo, audio_only=True, **options)
    assert new.path == output
    return new
