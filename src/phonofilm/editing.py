"""An earlier take of a clip, and the spans of it that are made anew.

Dimension letters: C channels, S samples.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np

from phonofilm.cues import Cue, CueSheet, changed_spans, span_of, without
from phonofilm.errors import MediaError, OptionError
from phonofilm.media.audio import STEP_24_BIT, made_here, read_audio, read_clip_audio, resample, to_stereo
from phonofilm.media.files import is_same
from phonofilm.media.probe import probe
from phonofilm.mix.layer_names import EFFECTS, LAYERS, MUSIC, ORIGINAL
from phonofilm.mix.original import brought_under, found_in
from phonofilm.mix.splice import hushed, loud_db, ranges, shares, silenced
from phonofilm.mix.stems import summed
from phonofilm.outputs import MIX, NOTES, stem_path
from phonofilm.remarks import STEMS, told
from phonofilm.scenes.guide import ACTIVE_DBFS
from phonofilm.settings import AddOptions
from phonofilm.take_sheet import sheet_of
from phonofilm.timeline import Seconds, samples, seconds
from phonofilm.types import ClipInfo, FloatArray, Waveform

logger = logging.getLogger(__name__)

LENGTH_TOLERANCE_S = Fraction(1, 10)
"""A take may be this much longer or shorter than its clip: lossy formats pad to whole frames."""
LARGEST_ENCODED_GAIN_DB = 40.0
"""The hiss of a silent take is not to be heard as rain."""
LARGEST_REST_DB = -10.0
"""Stems whose sum differs by more from their take, in energy, are of another one; lossy takes differ by -17 to -29."""


@dataclass(frozen=True, eq=False)
class Earlier:
    """An earlier take, as long as its clip at a rate of its own, with one channel or two.

    effects: what can be made anew, which is everything where there is no telling layers apart. kept: the other layers,
    of the same shape. mix: all of them as they were written together, where that was without loss. notes: the MIDI file
    of the music. original: the clip's own sound as far as `effects` holds it.
    sheet: the cues it was made with, where somebody told some.
    foreign: it was not made here, as far as its file says.
    """

    effects: Waveform
    kept: dict[str, Waveform] = field(default_factory=dict)
    notes: Path | None = None
    original: Waveform | None = None
    sheet: CueSheet | None = None
    foreign: bool = False
    mix: Waveform | None = None

    @property
    def keeps_original(self) -> bool:
        """Whether it holds the clip's own sound, in whichever layer."""
        return self.original is not None or ORIGINAL in self.kept


@dataclass(frozen=True)
class Edit:
    """An earlier take, as long as its clip at a rate of its own, and the spans of it that are made anew.

    held: the clip's own sound, as far as it is in the take. under: what of it goes under the new sound. All (C, S).
    """

    earlier: Waveform
    spans: tuple[tuple[Seconds, Seconds], ...]
    held: Waveform | None = None
    under: Waveform | None = None

    @property
    def heard(self) -> Waveform:
        """The take without the clip's own sound: what new sound must sit in."""
        return self.earlier if self.held is None else without_own(self.earlier, self.held)


def read_take(clip: ClipInfo, path: Path, stems: bool) -> Earlier:
    """An earlier take of a clip.

    stems: it must have stems beside it. Raises InputError when it cannot be read, is of another length, or stems are
    wanted and missing.
    """
    try:
        picture = probe(path)
    except MediaError:  # it has no picture, or it is not there at all; the next line says so
        sound = to_stereo(read_audio(path))
        duration_s = sound.duration_s
    else:
        found = None if picture.audio is None else read_clip_audio(picture, picture.audio.rate_hz)
        if found is None:
            raise MediaError(f"take {path} has no sound; give the result of an earlier run")
        sound, duration_s = found, picture.duration_s
    if abs(duration_s - clip.duration_s) > LENGTH_TOLERANCE_S:
        raise OptionError(
            f"take {path} lasts {float(duration_s):.2f} s and {clip.path.name!r} {float(clip.duration_s):.2f} s; "
            "give a take of this clip"
        )
    foreign = not made_here(path)
    count = samples(clip.duration_s, sound.rate_hz)
    layers = _layers(path, as_long(sound, count), foreign)
    if stems and not layers:
        effects = stem_path(path, EFFECTS)
        lack = f"{effects.name} is not beside it"
        if effects.exists():
            lack = f"{effects.name} and what else lies beside it were made with another, or do not add up to it"
        raise OptionError(
            f"stems are wanted of the take {path.name}, and {lack}; make the take with stems, or leave stems out"
        )
    if not layers:
        whole = as_long(sound, count)
        return Earlier(whole, original=_held(clip, path, whole), sheet=sheet_of(path, clip), foreign=foreign)
    count = samples(clip.duration_s, layers[EFFECTS].rate_hz)
    layers = {name: as_long(layer, count) for name, layer in layers.items()}
    notes = stem_path(path, MUSIC).with_suffix(NOTES)
    kept = {name: layer for name, layer in layers.items() if name != EFFECTS}
    held = None if ORIGINAL in kept else _held(clip, path, layers[EFFECTS])
    notes_there = notes if MUSIC in kept and notes.exists() else None
    mix = _mix(path, sound, layers)
    return Earlier(layers[EFFECTS], kept, notes_there, held, sheet_of(path, clip), foreign, mix)


def _mix(path: Path, sound: Waveform, layers: dict[str, Waveform]) -> Waveform | None:
    """The take at `path`, or the mix beside it, where it is what the layers add up to but for how samples were rounded.

    sound: what the take holds, which in a film has been through a lossy codec.
    """
    whole, beside = summed(layers), stem_path(path, MIX)
    found = _rounded(sound, whole, len(layers))
    if found is None and beside.exists():
        found = _rounded(read_audio(beside), whole, len(layers))
    return found


def _rounded(sound: Waveform, whole: Waveform, count: int) -> Waveform | None:
    """A sound, as long as the sum of `count` layers, where it is that but for how samples were rounded; else None."""
    if (sound.rate_hz, sound.channels) != (whole.rate_hz, whole.channels):
        return None
    sound = as_long(sound, whole.samples.shape[1])
    most = (count + 1) * STEP_24_BIT
    return sound if np.abs(sound.samples - whole.samples).max(initial=0) <= most else None


def _held(clip: ClipInfo, path: Path, effects: Waveform) -> Waveform | None:
    """The clip's own sound as far as a take holds it; None where the take is the clip, whose sound is all its own."""
    if is_same(path, clip.path):
        return None
    original = read_clip_audio(clip, effects.rate_hz)
    return None if original is None else found_in(effects, as_long(original, effects.samples.shape[1]))


def without_own(sound: Waveform, original: Waveform) -> Waveform:
    """What is left of a sound when the clip's own, as it is in it, is taken away. Both (C, S)."""
    return Waveform(sound.samples - original.samples, sound.rate_hz)


def begun(
    earlier: Earlier, spans: Sequence[tuple[Seconds, Seconds]], clip: ClipInfo, chosen: AddOptions
) -> tuple[Earlier, Edit | None]:
    """The take as it is edited, and the edit; None where the whole clip is made anew.

    The clip's own sound stays where it is held, as loud as it is; where it is not and is asked for, it goes under what
    is new. Raises OptionError.
    """
    edit = edit_of(earlier, spans, clip)
    if chosen.mono and earlier.effects.channels > 1 and (edit is not None or earlier.kept):
        raise OptionError("mono is wanted, and the take has two channels, which redoing keeps; leave mono out")
    if earlier.keeps_original:
        if chosen.original_db != AddOptions().original_db:
            logger.warning("the take holds the clip's own sound, which stays as loud as it is; original-db is unused")
        if edit is None and earlier.original is not None:
            effects = without_own(earlier.effects, earlier.original)
            kept = earlier.kept | {ORIGINAL: earlier.original}
            earlier = replace(earlier, effects=effects, kept=kept, original=None)
        return earlier, edit
    # A take with one layer that is all made anew is a take like any other.
    if not chosen.keep_original or (edit is None and not earlier.kept):
        return earlier, edit
    original = own_sound(clip, earlier.effects.rate_hz)
    if original is None:
        return earlier, edit
    under = brought_under(as_long(original, earlier.effects.samples.shape[1]), earlier.effects, chosen.original_db)
    if edit is not None and not (earlier.kept or chosen.stems):
        return earlier, replace(edit, under=under)
    share = np.float32(1) if edit is None else fresh_share(edit)
    return replace(earlier, kept=earlier.kept | {ORIGINAL: Waveform(under.samples * share, under.rate_hz)}), edit


def own_sound(clip: ClipInfo, rate_hz: int) -> Waveform | None:
    """The sound that a clip came with, None where it has none, which is said. Raises MediaError."""
    original = read_clip_audio(clip, rate_hz)
    if original is None:
        logger.warning("%s has no sound of its own to keep", clip.path)
    return original


def _layers(path: Path, sound: Waveform, foreign: bool) -> dict[str, Waveform]:
    """The stems beside a take, as long as its sound; none where they are not there or do not add up to it.

    Layers that an earlier take of that name has left are not of it: of all combinations the one counts that comes
    nearest to the take. Where its comment and theirs name other stems, they must add up to it but for rounding: a piece
    of music that is 12 dB below the rest would pass for what a lossy codec leaves. foreign: its comment is not ours.
    """
    files = {name: stem_path(path, name) for name in LAYERS}
    there = {name: read_audio(file) for name, file in files.items() if file.exists()}
    if EFFECTS not in there:
        return {}
    alike = {name: layer for name, layer in there.items() if _like(layer, there[EFFECTS])}
    others = [name for name in alike if name != EFFECTS]
    choices = [(EFFECTS, *more) for count in range(len(others) + 1) for more in combinations(others, count)]
    rests = {choice: _rest(summed({name: alike[name] for name in choice}), sound) for choice in choices}
    best = min(choices, key=lambda choice: rests[choice])
    near = rests[best] <= 10 ** (LARGEST_REST_DB / 10) * float((sound.samples**2).sum())
    known = foreign or _of_one_make(path, [files[name] for name in best])
    if not near or not (known or _rounded(sound, summed({name: alike[name] for name in best}), len(best))):
        logger.warning("the stems beside %s are not of this take; it is taken as one layer", path.name)
        return {}
    for name in set(there) - set(best):
        logger.warning("%s is not of the take %s; it is left out", files[name].name, path.name)
    return {name: alike[name] for name in best}


def _of_one_make(path: Path, files: Sequence[Path]) -> bool:
    """Whether stems can have been written with a take of ours, by the comments: other programs leave theirs out."""
    return {told(file, STEMS) for file in files} <= {"", told(path, STEMS)}


def _like(layer: Waveform, other: Waveform) -> bool:
    return (layer.rate_hz, layer.samples.shape) == (other.rate_hz, other.samples.shape)


def _rest(whole: Waveform, sound: Waveform) -> float:
    """Energy of what is left of a take when its layers together are taken away; infinite where they cannot be."""
    whole = resample(whole, sound.rate_hz)  # (C, S)
    if whole.channels != sound.channels or abs(whole.duration_s - sound.duration_s) > LENGTH_TOLERANCE_S:
        return math.inf
    rest = as_long(whole, sound.samples.shape[1]).samples - sound.samples
    return float((rest**2).sum())


def as_long(sound: Waveform, count: int) -> Waveform:
    """The first S = `count` samples, silence where there are fewer."""
    missing = max(0, count - sound.samples.shape[1])
    return Waveform(np.pad(sound.samples, ((0, 0), (0, missing)))[:, :count], sound.rate_hz)


def changed(before: CueSheet, after: CueSheet) -> list[tuple[Seconds, Seconds]]:
    """Where an edited sheet differs from that of the take. Raises OptionError when nowhere."""
    spans = changed_spans(before, after)
    if not spans:
        raise OptionError(
            "the cue sheet says what the take was made with, so nothing is to be made anew; change a cue in it, or "
            "have a span made anew all the same: redo, from when to when in seconds"
        )
    return [(seconds(first), seconds(end)) for first, end in spans]


def edit_of(earlier: Earlier, spans: Sequence[tuple[Seconds, Seconds]], clip: ClipInfo) -> Edit | None:
    """None where the whole clip is made anew: that is a take like any other."""
    kept = [(first, min(end, clip.duration_s)) for first, end in spans if first < clip.duration_s]
    if (Fraction(0), clip.duration_s) in kept:
        return None
    return Edit(earlier.effects, tuple(kept), earlier.original, earlier.original)


def centred(sound: Waveform) -> Waveform:
    """(1, S): what stands in the middle of two channels has the level that it had in one (see `place_effects`)."""
    mono = sound.samples.sum(axis=0, keepdims=True) * np.float32(math.sqrt(1 / sound.channels))
    return Waveform(mono, sound.rate_hz)


def encoding_gain_db(earlier: Waveform) -> float:
    """What brings a take to the level of the sounds that the networks know."""
    return min(ACTIVE_DBFS - loud_db(centred(earlier).samples[0], earlier.rate_hz), LARGEST_ENCODED_GAIN_DB)


def fresh_share(edit: Edit) -> FloatArray:
    """(S,) how much of each sample of an edited take is new."""
    earlier = edit.earlier
    return shares(ranges(edit.spans, earlier.rate_hz), earlier.samples.shape[1], earlier.rate_hz)


def muted(wave: FloatArray, sheet: CueSheet, rate_hz: int) -> FloatArray:
    """(S,) without what muted cues would sound: hits do not begin, stretches are silent but for hits in them.

    What a muted stretch lies over is silent there too, but for shorter stretches inside it.
    """
    hits_s = [cue.start_s for cue in sheet.events]
    mute = [cue for cue in sheet.cues if cue.muted]
    wave = hushed(wave, rate_hz, [span_of(cue, hits_s, sheet.duration_s) for cue in mute if cue.is_event])
    silent = [span for cue in mute if not cue.is_event for span in without([cue.sounding_s], _heard_in(cue, sheet))]
    return silenced(wave, rate_hz, silent)


def _heard_in(mute: Cue, sheet: CueSheet) -> list[tuple[float, float]]:
    """What sounds all the same while a stretch is muted."""
    inside = [one for one in sheet.stretches if mute.start_s <= one.start_s and one.end_s <= mute.end_s]
    shorter = [one for one in inside if one.sounding_s != mute.sounding_s]
    return [cue.sounding_s for cue in (*sheet.events, *shorter)]
