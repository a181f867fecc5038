"""All measures that apply to a model and some clips, as one page and one file of figures.

The official measures of video-to-audio work (the networks that `av-benchmark` loads: PaSST, PANNs, VGGish, CLAP,
ImageBind, Synchformer) are not among them: they compare films with the real sound of each, and their weights are
gigabytes of other people's. `official.py` measures with them where they are given; the page says so.
"""

import importlib.metadata
import json
import logging
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.errors import MissingExtraError, PhonofilmError, told_of
from phonofilm.evaluate.labels import LABELS, Encode
from phonofilm.evaluate.meaning import PROMPTS
from phonofilm.evaluate.page import Section, page
from phonofilm.evaluate.pictures import making, measure_pictures
from phonofilm.evaluate.recordings import Archive
from phonofilm.evaluate.robustness import Robustness
from phonofilm.evaluate.run import RATE_HZ, load_listener
from phonofilm.evaluate.seams import MINI_STEP_S, joints_s
from phonofilm.evaluate.sections import (
    ClipTakes,
    Material,
    damage_section,
    labels_section,
    meaning_section,
    pictures_section,
    quality_section,
    seams_section,
    stereo_section,
    sync_section,
    technical_section,
    truth_section,
    unwanted_section,
    variety_section,
)
from phonofilm.evaluate.simulated import measure_damage, measure_spotting, striking_films, unseen_films
from phonofilm.evaluate.truth_sync import TruthSync
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.files import make_folder, write_text
from phonofilm.media.probe import probe
from phonofilm.pipeline import Phonofilm
from phonofilm.types import Progress, Waveform, no_progress
from phonofilm.weights.load import MINI_SAMPLING

logger = logging.getLogger(__name__)

TAKE_S = 5.0
SPOKEN = ("speech", "music", "voice", "ambience")
"""Classes of recordings that may hold speech or music: a street, a choir."""
LONG_PROMPTS = ("rain", "sea waves", "fire crackling", "helicopter")
OFFICIAL = (
    "Not measured here: what the official networks of av-benchmark say (PaSST, PANNs, VGGish, CLAP, ImageBind, "
    "Synchformer). No figure on this page can be compared with a published one; 'phonofilm evaluate official' makes "
    "such figures where the files of these networks are at hand."
)
MEASURES = (
    sync_section,
    truth_section,
    damage_section,
    meaning_section,
    labels_section,
    pictures_section,
    quality_section,
    technical_section,
    variety_section,
    unwanted_section,
    stereo_section,
    seams_section,
)
HEARABLE = 1e-3
"""Peak below which a clip's own track counts as none (-60 dB)."""


@dataclass(frozen=True)
class Size:
    """How much is made and compared. takes of the ten prompts, of the other twenty, of each clip, and of each thing
    that a picture names.

    films: simulated ones that are looked at, damaged: those that are also damaged, at the levels.
    """

    takes_ten: int
    takes_other: int
    takes_clip: int
    recordings: int
    plain: int
    splits: int
    long_s: float
    long_sounds: int
    films: int
    damaged: int
    levels: tuple[int, ...]
    takes_picture: int


SIZES = {
    "quick": Size(
        3,
        1,
        1,
        recordings=10,
        plain=60,
        splits=16,
        long_s=20.0,
        long_sounds=1,
        films=8,
        damaged=2,
        levels=(3,),
        takes_picture=0,
    ),
    "full": Size(
        16,
        5,
        3,
        recordings=64,
        plain=400,
        splits=64,
        long_s=40.0,
        long_sounds=4,
        films=64,
        damaged=16,
        levels=(1, 2, 3),
        takes_picture=4,
    ),
}


def report(
    film: Phonofilm,
    out: Path,
    *,
    clips: Sequence[Path] = (),
    sounds: Path | None = None,
    size: str = "quick",
    encode: Encode | None = None,
    more: Sequence[Section] = (),
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Measure `film` and write `out`/report.html and `out`/report.json; returns what the latter holds.

    clips: videos to give sound to; those with sound of their own are compared with it. sounds: the folder of recordings
    with its index, for distances to real ones. size: "quick" (a minute or two) or "full". encode: sentences → vectors,
    for text agreement. more: sections measured elsewhere. A clip that fails is named in the report, and under "failed"
    in the answer; "left_out" says what a missing package left unmeasured. Raises OutputError
    when `out` cannot be written, InputError when `sounds` has no index.
    """
    make_folder(out)
    chosen = SIZES[size]
    material, failed, left_out = _gather(
        film, clips, None if sounds is None else Archive(sounds), chosen, encode, progress
    )
    sections = list(more)
    for index, measure in enumerate(MEASURES):
        progress("measure", index / len(MEASURES))
        section = measure(material)
        if section is not None:
            sections.append(section)
    progress("measure", 1.0)
    about = _about(film.model, size, material)
    rows = {section.name: {**section.figures, "does_not_see": section.unseen} for section in sections}
    result = {**about, "failed": failed, "left_out": left_out, "official_measures": OFFICIAL, "measures": rows}
    plain: dict[str, Any] = _plain_numbers(result)
    closing = OFFICIAL + (f" Clips that failed: {'; '.join(failed)}." if failed else "")
    closing += f" Left out: {'; '.join(left_out)}." if left_out else ""
    facts = [(name, str(value)) for name, value in about.items()]
    write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", out / "report.json")
    write_text(page(f"How {film.model} sounds", facts, sections, closing), out / "report.html")
    return plain


def _about(model: str, size: str, material: Material) -> dict[str, Any]:
    """What was measured: versions, seeds, counts."""
    chosen = SIZES[size]
    return {
        "phonofilm": importlib.metadata.version("phonofilm"),
        "model": model,
        "size": size,
        "seeds": f"0 to {max(chosen.takes_ten, chosen.takes_clip) - 1}",
        "takes": sum(len(takes) for takes in material.made.values()) + sum(len(c.takes) for c in material.clips),
        "clips": len(material.clips),
        "recordings": sum(len(row.sounds) for row in (material.real or {}).values()),
    }


def _gather(
    film: Phonofilm,
    clips: Sequence[Path],
    archive: Archive | None,
    size: Size,
    encode: Encode | None,
    progress: Progress,
) -> tuple[Material, list[str], list[str]]:
    """Make every take and read every recording that the sections need; clips that failed, and what is left out for
    want of a package, come back as text."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "take.wav"
        made: dict[str, list[Waveform]] = {}
        for index, prompt in enumerate(LABELS):
            progress("prompts", index / len(LABELS))
            count = size.takes_ten if prompt in PROMPTS else size.takes_other
            takes = film.make(prompt, target, seconds=TAKE_S, takes=count, mono=True)
            made[prompt] = [take.sound for take in takes]
        long = []
        if film.model == "mini":
            for prompt in LONG_PROMPTS[: size.long_sounds]:
                sound = film.make(prompt, target, seconds=size.long_s, mono=True)[0].sound
                steps = math.ceil(size.long_s / MINI_STEP_S)
                long.append((sound, joints_s(steps, MINI_STEP_S, MINI_SAMPLING)))
        seen, failed = _clip_takes(film, clips, target, size, progress)
        listener, pictures = load_listener(), None
        make = making(film, target) if size.takes_picture else None
        if make is not None:
            progress("pictures", 0.0)
            pictures = measure_pictures(make, listener, size.takes_picture)
    real = plain = None
    if archive is not None:
        progress("recordings", 0.0)
        real = {name: archive.of_class(name, size.recordings, TAKE_S) for name in LABELS.values()}
        plain = archive.without(SPOKEN, size.plain, TAKE_S, held_out=True)
    left_out: list[str] = []
    truth, damage = _looked_at(film, size, left_out, progress)
    rest = (real, plain, tuple(long), truth, damage, pictures)
    return Material(listener, encode, size.splits, made, tuple(seen), *rest), failed, left_out


def _looked_at(
    film: Phonofilm, size: Size, left_out: list[str], progress: Progress
) -> tuple[TruthSync | None, Robustness | None]:
    """What is seen in simulated films; without OpenCV there are none, which is noted in `left_out`."""
    try:
        progress("simulated films", 0.0)
        truth = measure_spotting(film, unseen_films(size.films)) if size.films else None
        progress("damaged films", 0.0)
        return truth, measure_damage(film, striking_films(size.damaged), size.levels) if size.damaged else None
    except MissingExtraError as error:
        logger.warning("%s", error)
        left_out.append(f"simulated films: {error}")
        return None, None


def _clip_takes(
    film: Phonofilm, clips: Sequence[Path], target: Path, size: Size, progress: Progress
) -> tuple[list[ClipTakes], list[str]]:
    seen, failed = [], []
    for index, clip in enumerate(clips):
        progress("clips", index / len(clips))
        try:
            real = read_clip_audio(probe(clip), RATE_HZ)
            if real is not None and float(np.abs(real.samples).max(initial=0.0)) < HEARABLE:
                real = None
            takes = film.add_sound(clip, target, audio_only=True, takes=size.takes_clip)
            seen.append(ClipTakes(clip, real, tuple(takes)))
        except PhonofilmError as error:
            logger.info("%s", told_of(str(clip), str(error)))
            failed.append(told_of(clip.name, str(error).replace(str(clip), clip.name)))
    return seen, failed


def _plain_numbers(value: Any) -> Any:
    """The same without what JSON has no word for: nan and infinities become null, tuples lists."""
    if isinstance(value, dict):
        return {str(key): _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if math.isfinite(value) else None
    return value
