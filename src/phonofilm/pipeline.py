"""The main job, top to bottom: probe → frames → encode → sample → decode → place → mix → mark → mux.

Everything computed from the pixels is computed once per clip and shared by its takes. Where only spans of an earlier
take are made anew, they are sampled beside what is held of it, and set into it in place of the levelling.

Dimension letters: C channels, S samples, L latent steps.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from phonofilm.assembly import as_wanted, at_rate, joined, levelled, mixed, sealed, set_in, tell_loudness
from phonofilm.cues import CueSheet, merged, sheet_for
from phonofilm.delivery import Delivery, Timing, deliver, deliver_notes, order
from phonofilm.drawing import draw, edged
from phonofilm.editing import Earlier, Edit, begun, changed, muted, own_sound, read_take
from phonofilm.errors import OptionError
from phonofilm.layers import Cast, Extras, book, make_extras, warn_of_unmade
from phonofilm.media.probe import probe
from phonofilm.mix.layer_names import MUSIC
from phonofilm.mix.loop import looped, samples_wanted, with_margins
from phonofilm.outlet import Outlet, Sealed
from phonofilm.outputs import (
    REDO,
    SOUND,
    Destination,
    check_apart,
    check_layers,
    destination,
    newest_take,
    sound_paths,
    sure_layers,
    take_paths,
)
from phonofilm.scenes.guide import Guide, Scene, Sight, flat_curves
from phonofilm.scenes.load import load_guide
from phonofilm.settings import (
    AddOptions,
    MakeOptions,
    check_truth,
    check_words,
    checked_spans,
    given_spans,
    path_of,
    path_text,
    shown,
)
from phonofilm.stopwatch import Stopwatch
from phonofilm.timeline import Seconds, samples
from phonofilm.types import ClipInfo, FloatArray, Progress, Waveform, no_progress

logger = logging.getLogger(__name__)

AT_A_LOSS = "the picture names no sound that is known, so a quiet room was made; say in a prompt what should be heard"

UNLEARNT = "nothing that the model has learnt is called like %r, so anything may be heard; name a sound, in English"


@dataclass(frozen=True)
class Take:
    """One soundtrack. path is where it was written; seconds says how long each stage took, shared ones included.

    take_id: what the watermark calls it, four hexadecimal digits. marked: False where the sound is too quiet, short or
    plain to carry the watermark. stems: where the layers were written, by name; timeline: and the timeline. extras:
    music and dialogue, and how the prompt was read. words: what the effects were asked for, by the prompt or by
    what the picture names; '' where neither says anything.
    """

    path: Path
    seed: int
    sound: Waveform
    cues: CueSheet | None
    seconds: dict[str, float]
    take_id: str
    marked: bool
    stems: dict[str, Path] = field(default_factory=dict)
    extras: Extras | None = None
    timeline: Path | None = None
    words: str = ""


class Phonofilm:
    """A loaded model. One instance serves any number of clips; nothing in it changes."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide

    @classmethod
    def load(
        cls,
        model: str = "mini",
        device: str = "auto",
        *,
        precision: str = "auto",
        weights_dir: str | Path | None = None,
    ) -> "Phonofilm":
        """Load a model by name; see `phonofilm models`. Nothing is downloaded: `phonofilm models pull` does that.

        device: auto, cpu, cuda or mps. precision of the matrix products: auto (bfloat16 where the device multiplies it
        natively), float32 or bfloat16; everything else is float32. weights_dir: a folder with the published files of a
        `mmaudio-*` model, or for `own` with what `phonofilm train` made. Raises ModelError or OptionError.
        """
        folder = None if weights_dir is None else path_of("weights-dir", weights_dir, "folder")
        return cls(load_guide(model, device, precision, folder))

    @property
    def model(self) -> str:
        """The name of the loaded model."""
        return self._guide.row.name

    def seeing(self, name: str) -> "Phonofilm | None":
        """The same model when it takes every picture for one of the ImageNet class `name`, for measures.

        None where a model names no pictures. Raises ValueError for a name that is no class.
        """
        guide = self._guide.seeing(name)
        return None if guide is None else Phonofilm(guide)

    def add_sound(
        self,
        clip: str | Path | ClipInfo,
        output: str | Path | Destination | None = None,
        *,
        cues: str | Path | CueSheet | None = None,
        redo: Sequence[tuple[float, float]] = (),
        take: str | Path | None = None,
        audio_only: bool = False,
        prompt: str = "",
        negative: str = "",
        takes: int = 1,
        seed: int = 0,
        steps: int = 0,
        guidance: float = 0.0,
        sync: float = 1.0,
        loudness: str = "web",
        mono: bool = False,
        rate: int = 0,
        music: str = "",
        dialogue: str | Path = "",
        voices: str = "",
        voice_engine: str = "espeak",
        stems: bool = False,
        timeline: str | Path = "",
        keep_original: bool = False,
        original_db: float = -6.0,
        credentials: str = "auto",
        certificate: str | Path = "",
        certificate_key: str | Path = "",
        tell_prompt: bool = False,
        key: str | Path = "",
        progress: Progress | None = None,
    ) -> list[Take]:
        """Give a clip its sound; the picture is copied untouched.

        clip: any video file, or what is known of it already. output: where to, or a place that is settled already;
        beside the clip as NAME.sound.SUFFIX when None, where only what was made here is replaced. With several takes a
        number goes before the suffix. cues: an edited cue sheet, a file or what `spot` returns, that replaces what was
        seen. audio_only: write sound (wav, flac, ogg, mp3, m4a by suffix) instead of video. The others are the fields
        of `AddOptions`, with their meanings and ranges.

        redo: spans (start, end) in seconds of an earlier take that are made anew, with these options; outside of them
        and of fades of 50 ms it stays as it is, levels included. take: that take, a video or a sound file; when None,
        what was written by default, or made anew of that since. It is never overwritten. With `take` and `cues` alone,
        what the sheet has changed is made anew. The result goes to NAME.redo.SUFFIX when output is None, or where there
        is one already to NAME.redo2.SUFFIX and so on.

        Returns the takes by seed. Raises InputError, OutputError or ModelError; of that take nothing is written then.
        """
        chosen = AddOptions(
            prompt,
            negative,
            takes,
            seed,
            steps,
            guidance,
            sync,
            loudness,
            mono,
            rate,
            music,
            path_text(dialogue),
            voices,
            voice_engine,
            stems,
            path_text(timeline),
            keep_original,
            original_db,
            credentials,
            path_text(certificate),
            path_text(certificate_key),
            tell_prompt,
            path_text(key),
        )
        edit = (given_spans(redo), None if take is None else path_of("take", take))
        sheet = cues if cues is None or isinstance(cues, CueSheet) else path_of("cues", cues)
        target = output if output is None or isinstance(output, Destination) else path_of("output", output)
        check_truth("audio_only", audio_only)
        return self._add(clip, target, sheet, edit, bool(audio_only), chosen, _teller(progress))

    def spot(self, clip: str | Path | ClipInfo, progress: Progress | None = None) -> CueSheet:
        """What is seen in a clip and when, as a cue sheet. Raises InputError."""
        return self._guide.look(_probed(clip), Stopwatch(), _teller(progress)).sheet

    def make(
        self,
        prompt: str,
        output: str | Path,
        *,
        seconds: float = 8.0,
        negative: str = "",
        takes: int = 1,
        seed: int = 0,
        steps: int = 0,
        guidance: float = 0.0,
        loop: bool = False,
        loudness: str = "web",
        mono: bool = False,
        rate: int = 0,
        credentials: str = "auto",
        certificate: str | Path = "",
        certificate_key: str | Path = "",
        tell_prompt: bool = False,
        key: str | Path = "",
        progress: Progress | None = None,
    ) -> list[Take]:
        """Sound from words alone, written to `output` (wav, flac, ogg, mp3, m4a by suffix).

        The others are the fields of `MakeOptions`. Returns and raises as `add_sound`.
        """
        chosen = MakeOptions(
            seconds,
            negative,
            takes,
            seed,
            steps,
            guidance,
            loop,
            loudness,
            mono,
            rate,
            credentials,
            path_text(certificate),
            path_text(certificate_key),
            tell_prompt,
            path_text(key),
        )
        check_words(prompt)
        progress = _teller(progress)
        paths = sound_paths(path_of("output", output), chosen.takes, loop=chosen.loop)
        watch, outlet = Stopwatch(), Outlet(self.model, self._guide.row.number, prompt, chosen)
        length_s = Fraction(repr(float(chosen.seconds)))
        count = samples(length_s, self._guide.rate_hz)
        if not self._guide.row.variant:
            warn_of_unmade(prompt)
        drawn = samples_wanted(count, self._guide.rate_hz) if chosen.loop else count
        scene = self._guide.spoken_scene(prompt, drawn, chosen, watch, progress)
        if scene.unlearnt:
            logger.warning(UNLEARNT, prompt)
        made = []
        for path, seed_here, wave, take_watch in draw(self._guide, scene, paths, chosen, None, watch, progress):
            with take_watch.stage("mix", progress):
                sound = self._alone(wave, count, length_s, scene, chosen)
            with take_watch.stage("mark", progress):
                whole = outlet.seal(sound)
            tell_loudness(whole, scene, chosen, False)
            with take_watch.stage("write", progress):
                outlet.audio(whole, path, seed_here)
            made.append(_take(Delivery(path), seed_here, whole, None, take_watch, None, scene.words))
        return made

    # What follows is the inside, in the order in which it happens.

    def _alone(self, wave: FloatArray, count: int, length_s: Seconds, scene: Scene, chosen: MakeOptions) -> Waveform:
        """A sound by itself, `count` samples of it, that fades in and out, or runs into its own beginning."""
        rate_hz, curves = self._guide.rate_hz, flat_curves(self._guide.curve_rate_hz)
        if not chosen.loop:
            sound = levelled(edged(wave, rate_hz), curves, scene, chosen, rate_hz, True)
            return as_wanted(sound, chosen.rate, length_s)
        wide, margin_s = with_margins(looped(wave, count, rate_hz), rate_hz)
        sound = levelled(wide, curves, scene, chosen, rate_hz, True)
        sound = as_wanted(sound, chosen.rate, length_s + 2 * margin_s)
        first = samples(margin_s, sound.rate_hz)
        inside = sound.samples[:, first : first + samples(length_s, sound.rate_hz)]
        return Waveform(np.ascontiguousarray(inside), sound.rate_hz)

    def _add(
        self,
        clip: str | Path | ClipInfo,
        output: Path | Destination | None,
        cues: Path | CueSheet | None,
        redo: tuple[tuple[tuple[float, float], ...], Path | None],
        audio_only: bool,
        chosen: AddOptions,
        progress: Progress,
    ) -> list[Take]:
        """redo: the spans, and the take that they are spans of."""
        watch, outlet = Stopwatch(), Outlet(self.model, self._guide.row.number, chosen.prompt, chosen)
        cast, band = Cast(chosen), book(chosen)
        asked = chosen
        chosen = replace(chosen, prompt=band.effects_words, stems=chosen.stems or bool(chosen.timeline))
        with watch.stage("probe", progress):
            info = _probed(clip)
            spans = checked_spans(redo[0], info.duration_s)
            editing = bool(spans) or redo[1] is not None
            goal = _goal(info, output, audio_only, REDO if editing else SOUND)
            music = (MUSIC,) if chosen.stems else ()
            sure = (*sure_layers(info, audio_only, chosen), *(music if band.mood and not editing else ()))
            paths = take_paths(info, goal, audio_only, chosen.takes, sure)
            sheet = None if cues is None else sheet_for(cues, info)
            earlier = _earlier(info, paths, spans, redo[1], sheet, audio_only, chosen) if editing else None
            before = None if earlier is None else earlier.sheet
            sheet = sheet or before
            band = band.silent() if editing else band
            wanted = order(info, paths, audio_only, chosen.timeline)
        sight = seen = self._guide.look(info, watch, progress)
        if sheet is not None:
            sight = self._guide.follow(seen, sheet)
        edit: Edit | None = None
        if earlier is not None:
            before = before or seen.sheet
            earlier, edit = begun(earlier, spans or changed(before, sight.sheet), info, chosen)
        elif chosen.original_db != AddOptions.original_db and not chosen.keep_original:
            logger.warning("original-db came without keep-original and is unused; the clip's own sound is not kept")
        fresh = edit is None and (earlier is None or not earlier.kept)
        original = own_sound(info, self._guide.rate_hz) if fresh and chosen.keep_original else None
        speech = cast.watch(info, watch, progress)
        if not editing:
            band = band.joined(sight, asked)
            check_layers(goal, paths, music if band.mood else ())
            chosen = replace(chosen, prompt=band.effects_words)
        scene = self._guide.seen_scene(
            self._guide.still(sight) if band.plays_the_picture else sight, chosen, watch, progress
        )
        if scene.at_a_loss and not (asked.prompt.strip() or band.mood or speech or sight.edited):
            logger.warning("%s: %s", info.path, AT_A_LOSS)
        if scene.unlearnt:
            logger.warning(UNLEARNT, scene.words)
        told = sight.sheet if before is None or edit is None else merged(before, sight.sheet, edit.spans)
        timing = Timing(told, sight.cuts_s, sight.edited)
        wanted_hz = chosen.rate if earlier is None or earlier.foreign else earlier.effects.rate_hz
        made: list[Take] = []
        for path, seed_here, wave, take_watch in draw(self._guide, scene, paths, chosen, edit, watch, progress):
            extras = make_extras(band, speech, sight, self._guide.rate_hz, seed_here, take_watch, progress)
            if not made:
                _tell_lines(extras, chosen)
            with take_watch.stage("mix", progress):
                effects = self._effects(wave, sight, scene, chosen, edit, original is None)
                if earlier is None or fresh:
                    layers = at_rate(mixed(effects, extras, original, scene, chosen), wanted_hz, info.duration_s)
                else:
                    layers = joined(effects, earlier, edit)
            with take_watch.stage("mark", progress):
                whole, stems = sealed(outlet, layers, earlier, edit, chosen.stems)
            if fresh:
                tell_loudness(whole, scene, chosen, extras.dialogue is not None)
            with take_watch.stage("write", progress):
                made_files = deliver(outlet, wanted, whole, stems, path, seed_here, timing)
                deliver_notes(extras.score, None if earlier is None else earlier.notes, made_files.stems)
            logger.info("seed %d → %s", seed_here, made_files.path)
            made.append(_take(made_files, seed_here, whole, timing.sheet, take_watch, extras, scene.words))
        return made

    def _effects(
        self, wave: FloatArray, sight: Sight, scene: Scene, chosen: AddOptions, edit: Edit | None, whole: bool
    ) -> Waveform:
        """The effects of a take, in an edit set into the earlier ones. whole: no sound of the clip's comes to them."""
        rate_hz = self._guide.rate_hz
        wave = muted(wave, sight.sheet, rate_hz)
        if edit is not None:
            return set_in(wave, sight.curves, chosen.mono, edit, rate_hz)
        return levelled(wave, sight.curves, scene, chosen, rate_hz, whole)


def _teller(progress: Progress | None) -> Progress:
    """Raises OptionError for what cannot be called."""
    if progress is not None and not callable(progress):
        raise OptionError(f"progress is {shown(progress)}; give a function of a stage and a share, or leave it out")
    return progress or no_progress


def _goal(info: ClipInfo, output: Path | Destination | None, audio_only: bool, word: str) -> Destination:
    return output if isinstance(output, Destination) else destination(info, output, audio_only, word)


def _earlier(
    clip: ClipInfo,
    paths: Sequence[Path],
    spans: Sequence[tuple[Seconds, Seconds]],
    take: Path | None,
    sheet: CueSheet | None,
    audio_only: bool,
    chosen: AddOptions,
) -> Earlier:
    """The take that is edited. Raises OptionError for options that an edit has no use for, and as `read_take`."""
    if not spans and sheet is None:
        raise OptionError(
            "a take came without spans to redo and without cues; say with one of them what is to be made anew"
        )
    if chosen.dialogue or chosen.music:
        raise OptionError("redoing a take makes effects anew; leave dialogue and music out")
    if chosen.loudness != AddOptions().loudness:
        raise OptionError("redoing keeps the loudness of the take; leave loudness out")
    if take is None:
        take = newest_take(clip, audio_only, [path.parent for path in paths])
    check_apart(paths, take, chosen.stems)
    earlier = read_take(clip, take, chosen.stems)
    if chosen.rate not in (0, earlier.effects.rate_hz):
        raise OptionError(
            f"rate is {chosen.rate}, and the take {take.name} has {earlier.effects.rate_hz}, which redoing keeps; "
            "leave rate out"
        )
    return earlier


def _tell_lines(extras: Extras, chosen: AddOptions) -> None:
    for note in () if extras.dialogue is None else extras.dialogue.notes:
        logger.warning("%s: %s", chosen.dialogue, note)


def _probed(clip: str | Path | ClipInfo) -> ClipInfo:
    """What is known of a clip; to find it out takes a reading of the whole file, so it is not done twice."""
    return clip if isinstance(clip, ClipInfo) else probe(path_of("the clip", clip))


def _take(
    files: Delivery,
    seed: int,
    whole: Sealed,
    sheet: CueSheet | None,
    watch: Stopwatch,
    extras: Extras | None,
    words: str,
) -> Take:
    take_id, marked = whole.payload.take_id, whole.marked
    sound, seconds = whole.sound, watch.seconds
    return Take(files.path, seed, sound, sheet, seconds, take_id, marked, files.stems, extras, files.timeline, words)
