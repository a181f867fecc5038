"""Measures run over a model: make the sounds in a temporary folder, then judge them."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonofilm.codec.listener import Listener, read_listener
from phonofilm.errors import MediaError, PhonofilmError
from phonofilm.evaluate.meaning import PROMPTS, Agreement, agreement
from phonofilm.evaluate.sync import SyncScore, compare_sounds
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.probe import probe
from phonofilm.pipeline import Phonofilm
from phonofilm.types import Progress, Waveform
from phonofilm.weights.registry import find_model

RATE_HZ = 44100


@dataclass(frozen=True)
class SyncRow:
    """The score of one take of one clip."""

    clip: Path
    seed: int
    score: SyncScore


def measure_sync(
    film: Phonofilm, clips: Sequence[Path], prompt: str, seeds: int, progress: Progress
) -> tuple[list[SyncRow], list[tuple[Path, PhonofilmError]]]:
    """Score takes of clips against the clips' own sound; clips that cannot be scored come back with their error."""
    rows: list[SyncRow] = []
    failed: list[tuple[Path, PhonofilmError]] = []
    for clip in clips:
        try:
            real = read_clip_audio(probe(clip), RATE_HZ)
            if real is None or not np.any(real.samples):
                raise MediaError("no sound of its own to compare with; give a clip that has its real sound")
            with tempfile.TemporaryDirectory() as folder:
                takes = film.add_sound(
                    clip, Path(folder) / "take.wav", audio_only=True, prompt=prompt, takes=seeds, progress=progress
                )
            rows += [SyncRow(clip, take.seed, compare_sounds(take.sound, real)) for take in takes]
        except PhonofilmError as error:
            failed.append((clip, error))
    return rows, failed


@dataclass(frozen=True)
class SyncMean:
    """Scores over clips, each the mean of its takes. median_error_ms: the median of the clips' own medians, of those
    where an onset was hit; not a number where none was."""

    clips: int
    takes: int
    f1: float
    f1_minus_chance: float
    median_error_ms: float


def mean_sync(rows: Sequence[SyncRow]) -> SyncMean:
    """What takes of at least one clip come to together."""
    per_clip: dict[Path, list[SyncScore]] = {}
    for row in rows:
        per_clip.setdefault(row.clip, []).append(row.score)
    errors_ms = [
        [s.median_error_ms for s in scores if math.isfinite(s.median_error_ms)] for scores in per_clip.values()
    ]
    medians_ms = [np.median(each) for each in errors_ms if each]
    return SyncMean(
        clips=len(per_clip),
        takes=len(rows),
        f1=float(np.mean([np.mean([s.f1 for s in scores]) for scores in per_clip.values()])),
        f1_minus_chance=float(np.mean([np.mean([s.f1_minus_chance for s in scores]) for scores in per_clip.values()])),
        median_error_ms=float(np.median(medians_ms)) if medians_ms else math.nan,
    )


def load_listener() -> Listener:
    """The listener inside the package. Raises ModelError when it is missing or damaged."""
    return read_listener(find_model("mini").checked("listener.safetensors"))


def measure_meaning(film: Phonofilm, seeds: int, progress: Progress) -> Agreement:
    """The share of sounds, over the ten prompts and `seeds` seeds each, that the listener hears as asked."""
    with tempfile.TemporaryDirectory() as folder:

        def make(prompt: str, seed: int) -> Waveform:
            return film.make(prompt, Path(folder) / "take.wav", seconds=5.0, seed=seed, mono=True, progress=progress)[
                0
            ].sound

        return agreement(make, load_listener(), range(seeds), PROMPTS)
