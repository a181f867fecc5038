"""Measured material turned into sections of the report, one function a measure.

What a section says that it does not see is the paragraph "Does not see:" of the function that measures.
"""

import inspect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.codec.listener import Listener
from phonofilm.evaluate.labels import LABELS, Encode, text_agreement
from phonofilm.evaluate.meaning import PROMPTS, Agreement, agreement, judge
from phonofilm.evaluate.page import Bars, Section, Table, Tile, number, share
from phonofilm.evaluate.pictures import Pictures, measure_pictures
from phonofilm.evaluate.quality import Distance, Technical, compare_class, embed_sounds, fit_axes, frechet, technical
from phonofilm.evaluate.recordings import Recorded
from phonofilm.evaluate.robustness import Robustness, measure_robustness
from phonofilm.evaluate.seams import seams
from phonofilm.evaluate.simulated import measure_spotting
from phonofilm.evaluate.stereo import fold_down, place_at, place_error
from phonofilm.evaluate.sync import compare_onsets, compare_sounds
from phonofilm.evaluate.truth_sync import TruthSync
from phonofilm.evaluate.unwanted import LEVELS, stillness, uninvited
from phonofilm.evaluate.variety import variety
from phonofilm.pipeline import Take
from phonofilm.types import Waveform

MUSICAL = ("piano", "drums")
"""Prompts of the thirty that ask for music."""
VOICED = ("person laughing", "baby crying", "person sneezing", "person chewing")
"""Prompts that ask for a voice: what is heard of speech in them says little."""


@dataclass(frozen=True)
class ClipTakes:
    """The takes of one clip, and its own sound where it has some that can be heard."""

    path: Path
    real: Waveform | None
    takes: tuple[Take, ...]


@dataclass(frozen=True)
class Material:
    """Everything that is measured. made: prompt → takes. real: class → recordings; None without an archive.

    plain: recordings without speech, music and voices that training has left out. long: sounds of several windows with
    their joints in seconds. encode: sentences → vectors; None leaves text agreement out. truth, damage: what is seen in
    simulated films, as they are and damaged; None where none were made. pictures: what films of things are heard as.
    """

    listener: Listener
    encode: Encode | None
    splits: int
    made: dict[str, list[Waveform]]
    clips: tuple[ClipTakes, ...]
    real: dict[str, Recorded] | None
    plain: Recorded | None
    long: tuple[tuple[Waveform, list[float]], ...]
    truth: TruthSync | None = None
    damage: Robustness | None = None
    pictures: Pictures | None = None


def unseen(*measures: Callable[..., Any]) -> str:
    """What the measures do not see, out of their docstrings; '' where Python was told to drop those."""
    texts = []
    for measure in measures:
        found = re.search(r"Does not see:? (.*?)(?:\n\s*\n|Raises|$)", inspect.getdoc(measure) or "", re.DOTALL)
        if found:
            texts.append(" ".join(found[1].replace("`", "").split()))
    return " ".join(texts)


def sync_section(material: Material) -> Section | None:
    """Onsets of takes against the clips' own; None when no clip has sound."""
    rows = []
    for clip in material.clips:
        if clip.real is not None:
            scores = [compare_sounds(take.sound, clip.real) for take in clip.takes]
            rows.append((clip.path.stem, scores))
    if not rows:
        return None
    gain = {name: float(np.mean([s.f1_minus_chance for s in scores])) for name, scores in rows}
    errors = [s.median_error_ms for _, scores in rows for s in scores if math.isfinite(s.median_error_ms)]
    median_ms = float(np.median(errors)) if errors else math.nan
    mean = float(np.mean(list(gain.values())))
    return Section(
        "sync",
        "In time, against real sound",
        "Onsets of the takes against the onsets of the clips' own sound, within 80 ms; chance is the same rhythm at "
        "other moments.",
        unseen(compare_onsets),
        {"f1_minus_chance": mean, "median_error_ms": median_ms, "clips": {n: [asdict(s) for s in x] for n, x in rows}},
        [
            Tile("F1 - chance, mean over clips", number(mean), "wanted 0.40 on sharp onsets"),
            Tile("median error of hits", f"{number(median_ms, 0)} ms", "wanted 30 ms or less"),
        ],
        [Bars("F1 - chance by clip", [(name, value, None) for name, value in gain.items()])],
    )


def truth_section(material: Material) -> Section | None:
    """Events seen in simulated films against their truth; None without such films."""
    truth = material.truth
    if truth is None:
        return None
    plots = {name: part for name, part in truth.by_plot().items() if any(row.score.real for row in part.rows)}
    figures = {"f1": truth.f1, "median_error_ms": truth.median_error_ms, "place_error": truth.place_error}
    figures |= {"hit_share": truth.hit_share, "false_share": truth.false_share, "films": len(truth.rows)}
    return Section(
        "truth",
        "In time, against simulated truth",
        "Events that the model sees in simulated films of unseen seeds, within 80 ms of the true ones; events that are "
        "heard but not seen are not asked for.",
        unseen(measure_spotting),
        {**figures, "invented_a_minute": truth.invented_per_minute, "plots": {n: p.f1 for n, p in plots.items()}},
        [
            Tile("F1 of all events", number(truth.f1), f"wanted 0.85; {len(truth.rows)} films"),
            Tile("median error of hits", f"{number(truth.median_error_ms, 0)} ms", "wanted 20 ms or less"),
            Tile("invented a minute", number(truth.invented_per_minute, 0), "in films without events"),
        ],
        [Bars("F1 by plot", [(name, part.f1, None) for name, part in plots.items()])],
    )


def damage_section(material: Material) -> Section | None:
    """The same under every damage; None without such films."""
    damage = material.damage
    if damage is None:
        return None
    rows = {f"{row.damage} {row.level}": row for row in damage.rows}
    worst = damage.worst
    return Section(
        "damage",
        "In time, when the film is bad",
        "Events that the model sees in simulated films, damaged at their own size: F1 as a share of that of the clean "
        "films. Levels go up to 3.",
        unseen(measure_robustness),
        {
            "clean_f1": damage.clean.f1,
            "worst": {"damage": worst.damage, "level": worst.level, "ratio": worst.ratio},
            "ratios": {name: row.ratio for name, row in rows.items()},
        },
        [
            Tile("worst", share(worst.ratio), f"{worst.damage}, level {worst.level}; wanted 90 % or more"),
            Tile("F1 of the clean films", number(damage.clean.f1), f"{len(damage.clean.rows)} films"),
        ],
        [Bars("F1 by that of the clean films", [(name, row.ratio, 0.9) for name, row in rows.items()], "wanted")],
    )


def _agreement(material: Material, prompts: dict[str, str], *, closed: bool) -> Agreement:
    count = min(len(material.made[prompt]) for prompt in prompts)
    names = tuple(prompts.values()) if closed else None
    made = material.made
    return agreement(lambda prompt, seed: made[prompt][seed], material.listener, range(count), prompts, names)


def meaning_section(material: Material) -> Section:
    """The ten prompts, chosen among all classes."""
    result = _agreement(material, dict(PROMPTS), closed=False)
    count = int(result.confusion[0].sum())
    return Section(
        "meaning",
        "Meaning, ten prompts",
        "The listener, a classifier trained on real recordings, names the likeliest of all its classes.",
        unseen(agreement),
        {"agreement": result.share, "takes_a_prompt": count, "prompts": result.each},
        [Tile("agreement", share(result.share), "wanted 75 %")],
        [Bars(f"share of {count} takes by prompt", [(prompt, value, None) for prompt, value in result.each.items()])],
        [Table("what was heard", ("prompt", "heard"), [row.split("  ", 1) for row in result.table().splitlines()])],
    )


def labels_section(material: Material) -> Section | None:
    """The thirty prompts, chosen among the thirty; None when the listener does not know them all."""
    if not set(LABELS.values()) <= set(material.listener.config.classes):
        return None
    result = _agreement(material, dict(LABELS), closed=True)
    figures: dict[str, Any] = {"agreement": result.share, "prompts": result.each}
    tiles = [Tile("agreement among thirty", share(result.share), "wanted 50 %, chance 3 %")]
    if material.real is not None:
        accuracy, classes = _held_out_accuracy(material.real, material.listener)
        figures |= {"held_out_accuracy": accuracy, "held_out_classes": classes}
        tiles.append(Tile("the same, real recordings", share(accuracy), f"held out, mean over {classes} classes"))
    bars = [Bars("agreement by prompt", [(prompt, value, None) for prompt, value in result.each.items()])]
    if material.encode is not None and material.listener.config.words:
        told = text_agreement({prompt: material.made[prompt] for prompt in LABELS}, material.listener, material.encode)
        figures["text"] = {"first": told.first, "first_five": told.first_five, "own": told.own, "others": told.others}
        tiles.append(Tile("own sentence ranked first of 30", share(told.first), f"first five {share(told.first_five)}"))
        tiles.append(Tile("likeness to the own sentence", number(told.own), f"to the others {number(told.others)}"))
    return Section(
        "labels",
        "Meaning, thirty labels and sentences",
        "Thirty labels across the categories: the listener chooses among them, and ranks the thirty prompts as "
        "sentences.",
        unseen(agreement, text_agreement),
        figures,
        tiles,
        bars,
    )


def pictures_section(material: Material) -> Section | None:
    """What is heard where only the picture says what to hear; None where that was not asked."""
    pictures = material.pictures
    if pictures is None:
        return None
    each = {row.name: asdict(row) for row in pictures.rows}
    return Section(
        "pictures",
        "Meaning, pictures without words",
        "Films in which a thing is seen, and nobody says what should be heard: the naming of the picture is given.",
        unseen(measure_pictures),
        {"first": pictures.first, "score": pictures.score, "things": each},
        [
            Tile("the thing is first of thirty", share(pictures.first), f"{len(pictures.rows)} things, chance 3 %"),
            Tile("mean score of the thing", number(pictures.score), "1 is certain"),
        ],
        [Bars("mean score of the thing", [(f"{row.name}: {row.asked}", row.score, None) for row in pictures.rows])],
    )


def _held_out_accuracy(real: dict[str, Recorded], listener: Listener) -> tuple[float, int]:
    """Share of held-out recordings named rightly among the thirty: mean over the classes that have some; how many."""
    names, each = tuple(LABELS.values()), []
    for name in names:
        pairs = zip(real[name].sounds, real[name].held_out, strict=True)
        right = [judge(sound, listener).top_among(names) == name for sound, away in pairs if away]
        if right:
            each.append(float(np.mean(right)))
    return (float(np.mean(each)) if each else math.nan), len(each)


def quality_section(material: Material) -> Section | None:
    """Fréchet distances for the ten classes; None without an archive or with one take a prompt."""
    if material.real is None or min(len(material.made[prompt]) for prompt in PROMPTS) < 2:
        return None
    made = {name: embed_sounds(material.made[prompt], material.listener) for prompt, name in PROMPTS.items()}
    real = {name: embed_sounds(material.real[name].sounds, material.listener) for name in made}
    axes = fit_axes(real)
    each: dict[str, Distance] = {
        name: compare_class(made[name] @ axes, real[name] @ axes, material.real[name].groups, material.splits)
        for name in made
    }
    whole = compare_class(
        np.concatenate(list(made.values())),
        np.concatenate(list(real.values())),
        [group for name in made for group in material.real[name].groups],
        material.splits,
        full=True,
    )
    ratio = float(np.mean([row.ratio for row in each.values()]))
    least = min(row.count for row in each.values())
    rows = [(name, row.distance, row.floor) for name, row in each.items()]
    table = [(name, str(r.count), number(r.distance), number(r.floor), number(r.ratio)) for name, r in each.items()]
    return Section(
        "quality",
        "Distance to real recordings",
        "Fréchet distance in the listener's embedding between takes and recordings of a class, beside recordings "
        "against recordings of other sources, equally many.",
        unseen(frechet, compare_class),
        {
            "mean_ratio": ratio,
            "classes": {name: asdict(row) | {"ratio": row.ratio} for name, row in each.items()},
            "all_classes_full_covariance": asdict(whole) | {"ratio": whole.ratio},
        },
        [
            Tile("mean over ten classes", f"{number(ratio)} x floor", f"wanted 3 or less; {least} or more a side"),
            Tile("classes within 3 x floor", f"{sum(row.ratio <= 3 for row in each.values())} of {len(each)}"),
            Tile("all ten at once", f"{number(whole.ratio)} x floor", f"full covariance, {whole.count} a side"),
        ],
        [Bars("distance by class", rows, "real against real")],
        [Table("table", ("class", "sounds a side", "takes", "floor", "ratio"), table)],
    )


SILENT_DB = -60.0
"""A take that peaks below this is no sound."""
TECHNICAL_NAMES = {
    "level_lufs": "level, LUFS",
    "peak_db": "true peak, dB",
    "rolloff_hz": "60 dB roll-off, Hz",
    "energy_hz": "95 % of the energy below, Hz",
    "clipped_share": "clipped samples, share",
    "dc_share": "DC, share of the root mean square",
    "floor_db": "quietest 5 %, dB",
}


def technical_section(material: Material) -> Section:
    """Medians and extremes over the takes of all prompts."""
    each = {prompt: [technical(sound) for sound in sounds] for prompt, sounds in material.made.items()}
    takes = [row for rows in each.values() for row in rows]
    silent = {prompt: sum(row.peak_db < SILENT_DB for row in rows) for prompt, rows in each.items()}
    silent = {prompt: count for prompt, count in silent.items() if count}
    real = [technical(s) for recorded in (material.real or {}).values() for s in recorded.sounds]
    figures: dict[str, Any] = {"takes": len(takes), "recordings": len(real), "silent": silent}
    table = []
    for name, text in TECHNICAL_NAMES.items():
        low, middle, high = _spread(takes, name)
        figures[name] = {"low": low, "median": middle, "high": high}
        figures[name]["real_median"] = _spread(real, name)[1] if real else math.nan
        digits = 4 if name.endswith("share") else 0 if name.endswith("hz") else 1
        cells = (low, middle, high, figures[name]["real_median"])
        table.append((text, *(number(value, digits) for value in cells)))
    return Section(
        "technical",
        "Bandwidth, clipping, offset, floor",
        "Read off single takes, beside the medians of the recordings where they are given.",
        unseen(technical),
        figures,
        [
            Tile("median bandwidth", f"{number(figures['rolloff_hz']['median'] / 1000, 1)} kHz", "60 dB roll-off"),
            Tile("clipped samples at worst", share(figures["clipped_share"]["high"])),
            Tile("offset at worst", share(figures["dc_share"]["high"]), "of the root mean square"),
            Tile("silent takes", str(sum(silent.values())), ", ".join(silent)),
        ],
        (),
        [Table("table", ("", "least", "median", "most", "recordings, median"), table)],
    )


def _spread(rows: Sequence[Technical], name: str) -> tuple[float, float, float]:
    values = [float(getattr(row, name)) for row in rows]
    return min(values), float(np.median(values)), max(values)


def variety_section(material: Material) -> Section | None:
    """Takes of one prompt against recordings of its class; None without an archive or with one take a prompt."""
    if material.real is None or min(len(material.made[prompt]) for prompt in PROMPTS) < 2:
        return None
    each = {}
    for prompt, name in PROMPTS.items():
        recorded, takes = material.real[name], material.made[prompt]
        vectors = (embed_sounds(sounds, material.listener) for sounds in (takes, recorded.sounds))
        each[prompt] = variety(takes, next(vectors), recorded.sounds, next(vectors), recorded.groups)
    embedding = float(np.mean([row.embedding_ratio for row in each.values()]))
    spectrum = float(np.mean([row.spectrum_ratio for row in each.values()]))
    return Section(
        "variety",
        "Do takes differ?",
        "Mean distance between takes of one prompt, as a share of that between recordings of different sources.",
        unseen(variety),
        {"embedding_ratio": embedding, "spectrum_ratio": spectrum, "prompts": {p: asdict(v) for p, v in each.items()}},
        [
            Tile("in the embedding", share(embedding), "of the variety of recordings"),
            Tile("in the spectrum", share(spectrum), "of the variety of recordings"),
        ],
        [Bars("in the embedding, by prompt", [(p, v.embedding_ratio, 1.0) for p, v in each.items()], "as recordings")],
    )


def unwanted_section(material: Material) -> Section:
    """Speech and music over takes that ask for none, false alarms over recordings, and scenes without events."""
    prompted = [s for p, sounds in material.made.items() if p not in (*MUSICAL, *VOICED) for s in sounds]
    plain_clips = [clip for clip in material.clips if clip.real is None or _plain(clip.real, material.listener)]
    seen = [take.sound for clip in plain_clips for take in clip.takes]
    rates = {"prompts for effects": uninvited(prompted, material.listener)}
    if seen:
        rates[f"silent and effects-only clips ({len(plain_clips)})"] = uninvited(seen, material.listener)
    if material.plain is not None:
        rates["recordings without either (false alarms)"] = uninvited(material.plain.sounds, material.listener)
    seen_takes = [take for clip in material.clips for take in clip.takes]
    quiet = [take for take in seen_takes if take.cues is not None and not take.cues.events and not take.words]
    still = [stillness(take.sound) for take in quiet]
    figures: dict[str, Any] = {"levels": dict(LEVELS), "rates": {name: asdict(rate) for name, rate in rates.items()}}
    figures["without_events"] = [asdict(row) | {"still": row.still} for row in still]
    tiles = [Tile(name, share(rate.any), f"of {rate.count}") for name, rate in rates.items()]
    if still:
        tiles.append(
            Tile(
                "scenes with neither names nor events kept still",
                share(float(np.mean([row.still for row in still]))),
                f"of {len(still)}",
            )
        )
    rows = [(n, str(r.count), *(share(r.each[name]) for name in LEVELS), share(r.any)) for n, r in rates.items()]
    return Section(
        "unwanted",
        "What nobody asked for",
        "Takes in which the listener hears speech or music that no prompt, picture or own sound of the clip calls for, "
        "and takes of clips that name nothing and in which the cue finder sees no event.",
        unseen(uninvited, stillness),
        figures,
        tiles,
        (),
        [Table("table", ("sounds", "count", *LEVELS, "either"), rows)],
    )


def _plain(sound: Waveform, listener: Listener) -> bool:
    """Whether a clip's own sound holds neither speech nor music, on the safe side: at half the levels."""
    judgement = judge(sound, listener)
    return all(judgement.score(name) < level / 2 for name, level in LEVELS.items())


def stereo_section(material: Material) -> Section | None:
    """Fold-down of the clips' takes, and places heard against the cues'; None without stereo takes of clips."""
    takes = [take for clip in material.clips for take in clip.takes if take.sound.channels == 2]
    if not takes:
        return None
    folds = [fold_down(take.sound) for take in takes]
    events = [(take, take.cues.events) for take in takes if take.cues is not None and take.cues.events]
    errors = [place_error(t.sound, [c.start_s for c in e], [c.place for c in e]) for t, e in events]
    known = [error.mean_error for error in errors if math.isfinite(error.mean_error)]
    mean_error = float(np.mean(known)) if known else math.nan
    heard = sum(not math.isnan(h) for e in errors for h in e.heard)
    loss, worst = float(np.mean([f.whole_db for f in folds])), float(max(f.worst_db for f in folds))
    return Section(
        "stereo",
        "Left and right",
        "What is lost with one loudspeaker, and where events are heard against where their cues say.",
        unseen(fold_down, place_at, place_error),
        {"fold_down_db": loss, "worst_octave_db": worst, "place_error": mean_error, "events": heard},
        [
            Tile("fold-down loss, mean", f"{number(loss, 1)} dB", "3 dB is unrelated channels"),
            Tile("worst octave of all takes", f"{number(worst, 1)} dB"),
            Tile("place error", number(mean_error), f"{heard} events; half the picture is 1"),
        ],
    )


def seams_section(material: Material) -> Section | None:
    """Flux at the joints of long sounds; None without any."""
    if not material.long:
        return None
    found = [seams(sound, joints) for sound, joints in material.long]
    mean, largest = (float(np.mean([getattr(row, name) for row in found])) for name in ("mean", "largest"))
    return Section(
        "seams",
        "Where windows join",
        "Change of the spectrum within half a second of the joints of long sounds, by that elsewhere: 1 is no seam.",
        unseen(seams),
        {"mean": mean, "largest": largest, "sounds": [asdict(row) for row in found]},
        [
            Tile("mean flux", number(mean), "1: as elsewhere"),
            Tile("largest flux", number(largest), "by the 99th percentile"),
        ],
    )
