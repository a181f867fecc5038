"""How `mini` (and `tiny`) is told about one soundtrack: what things in the picture sound like, when they strike, words.

Dimension letters: F frames, I image rows, L latent steps, P curve points per latent step, N = L * P curve points,
T text tokens, E embedding width, D sync width, C latent width, S samples.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from phonofilm.codec.swell import held
from phonofilm.cues import CueSheet, bumps, curves_to_sheet, lagging, peaks, sheet_to_curves, span_of
from phonofilm.encoders.counting import UNTOLD
from phonofilm.encoders.cue_finder import CueFinder, FoundCues
from phonofilm.encoders.cue_weigher import WEIGHER_FILE
from phonofilm.encoders.heard import HeardTable, NamedShot, expected_sounds, load_table, named_shots
from phonofilm.encoders.motion import MotionWatcher, cue_request, cut_times
from phonofilm.encoders.rhythm import RHYTHM_FILE, load_rhythms, played
from phonofilm.encoders.seen import FRAMES_WANTED, Certain, Classifier, SeenEncoder, SeenWatcher, smoothed
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.flow.conditions import Conditions
from phonofilm.flow.guidance import Timed, field
from phonofilm.flow.inpaint import mixed
from phonofilm.flow.sampler import Velocity
from phonofilm.flow.sync_features import sync_features
from phonofilm.media.frames import stream_frames
from phonofilm.scenes.counted import only_counted
from phonofilm.scenes.guide import Decoder, Encoder, Guide, Sampler, Scene, Sight, latents_by, latents_of, sound_by
from phonofilm.scenes.mini_scene import LocalWords, MiniScene, ScenePart, number_of, told_in_turn
from phonofilm.scenes.named import Named
from phonofilm.scenes.picture_words import (
    HANDLED_LUFS,
    STILL_WORDS,
    STRUCK_WORDS,
    Asked,
    asked_for,
    asked_in_shots,
    elsewhere,
    levels_of,
)
from phonofilm.scenes.worth import worth
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.timeline import samples
from phonofilm.types import ByteArray, ClipInfo, FloatArray, Progress
from phonofilm.weights.load import Nets
from phonofilm.weights.registry import find_model
from phonofilm.windows import Window, around, blended, plan, remembered

logger = logging.getLogger(__name__)

IMAGE_RATE_HZ = Fraction(4)
KNOWN = 0.5
"""Support above which an expected sound is told to the network; below it the picture says nothing."""
UNKNOWN_LABEL = "movement"
CUE_FINDER_FILES = ("cues.safetensors", "cues_shown.safetensors")
"""Weights of `mini`, and of every other model that this file guides: it hears nothing, so it is one for all."""
SOUND_LAG_S = 0.05
"""How far what is heard lies behind what is seen. In the recordings of the log it is 20 to 60 ms, since blows are
filmed from some metres away; late sound is noticed less than early sound (ITU-R BT.1359: from 125 and 45 ms on)."""
PLAYED_TIMING = 1.5
"""The same where words give the times: no picture is to be met, and hits pushed less sound more like recordings."""
REDO_CONTEXT_S = 2.0
"""What is heard of an earlier take at either side of a span that is longer than a window."""


@dataclass(frozen=True)
class MiniSight(Sight):
    """As `Sight`, with what the picture sounds like.

    image (F, E) expected sounds at IMAGE_RATE_HZ and known (F,) bool. shots: what each of them names. quiet: what moves
    in it makes no sound.
    """

    image: Tensor
    known: Tensor
    shots: tuple[NamedShot, ...] = ()
    quiet: bool = False


class MiniGuide(Guide):
    """`mini` with its encoders."""

    tries = 4

    def __init__(
        self,
        nets: Nets,
        seen: Classifier,
        heard: HeardTable,
        finder: CueFinder,
        named: Named,
    ) -> None:
        self._nets, self._seen, self._heard, self._finder = nets, seen, heard, finder
        self._named = named
        self.row, self.rate_hz = nets.row, nets.codec.rate_hz
        self._points = nets.codec.vae.config.patch
        self.samples_a_step = nets.codec.samples_a_step
        self._step_s = Fraction(self.samples_a_step, nets.codec.rate_hz)
        self.curve_rate_hz = self._points / self._step_s

    @classmethod
    def load(cls, nets: Nets, seen_dtype: torch.dtype, own: Path | None = None) -> Self:
        """The networks with the encoders that come as packages. Raises ModelError.

        own: a folder of somebody's training; what it holds of cue finder and rhythms is taken from there.
        """
        finders, weigher = _inside(own, CUE_FINDER_FILES), _inside(own, (WEIGHER_FILE,))
        if not finders:
            finders = [find_model("mini").checked(name) for name in CUE_FINDER_FILES]
            weigher = [find_model("mini").checked(WEIGHER_FILE)]
        finder = CueFinder.load(*finders, weigher=next(iter(weigher), None))
        rhythms = load_rhythms(*_inside(own, (RHYTHM_FILE,)))
        named = Named(rhythms, SentenceEncoder.load(), nets.flow.config.text_tokens)
        return cls(nets, SeenEncoder.load(seen_dtype), load_table(), finder, named)

    def seeing(self, name: str) -> Self:
        classifier = Certain(self._heard.names.index(name))
        return type(self)(self._nets, classifier, self._heard, self._finder, self._named)

    def look(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> MiniSight:
        seen, moving = SeenWatcher(self._seen), MotionWatcher()

        def classify(picture: ByteArray, time_s: Fraction) -> None:
            with watch.inside("see"):
                seen.add(picture, time_s)

        with watch.stage("frames", progress):
            sinks = [(FRAMES_WANTED, classify), (cue_request(clip), moving.add)]
            stream_frames(clip, sinks, progress=progress)
        with watch.stage("see", progress):
            rows = seen.probabilities()
            with torch.inference_mode():
                heard = expected_sounds(smoothed(rows), self._heard)
            motion = moving.motion()
            count = self._steps(samples(clip.duration_s, self.rate_hz)) * self._points
            found = self._finder.find(motion, float(clip.duration_s))
            curves = found.curves(self.curve_rate_hz, count)
        sheet = curves_to_sheet(curves, clip, heard.label or UNKNOWN_LABEL)
        if not heard.label:
            sheet = named_by_contact(sheet, found)
        logger.info("expecting %r, %d events in %.2f s", heard.label, len(sheet.events), float(clip.duration_s))
        known = heard.known >= KNOWN
        cuts_s = tuple(cut_times(motion))
        # Each row by itself: smoothed ones would show what stands on the other side of a cut.
        shots = named_shots(rows, self._heard, float(IMAGE_RATE_HZ), cuts_s, float(clip.duration_s), KNOWN)
        image = heard.features
        return MiniSight(clip, curves, sheet, False, cuts_s, image, known, shots, label=heard.label, kind=heard.kind)

    def follow(self, sight: Sight, sheet: CueSheet) -> MiniSight:
        assert isinstance(sight, MiniSight)
        curves = sheet_to_curves(lagging(sheet, sight.sheet, SOUND_LAG_S), self.curve_rate_hz, len(sight.curves.onset))
        return replace(sight, curves=curves, sheet=sheet, edited=True)

    def still(self, sight: Sight) -> MiniSight:
        assert isinstance(sight, MiniSight)
        return replace(sight, known=torch.zeros_like(sight.known), quiet=True, label="", kind="silence")

    def seen_scene(self, sight: Sight, options: AddOptions, watch: Stopwatch, progress: Progress) -> MiniScene:
        """options.sync, 0 to 1, scales the onsets; at 0 nothing is said about time.

        Nor is it where the picture names a sound that goes on and neither words nor an edited sheet ask for another.
        """
        assert isinstance(sight, MiniSight)
        with watch.stage("encode", progress):
            quiet = sight.quiet or (bool(options.dialogue) and not sight.edited)
            whole = asked_for(options.prompt, sight, float(sight.known.float().mean()), quiet, self._named.words_go_on)
            if not options.prompt:
                logger.info("the picture names %s sound; taking %r", "a" if whole.seen else "no", whole.words)
            plain = self._plain_scene(sight, options)
            scene = self._asked_scene(plain, whole, sight, options)
            shots = [] if options.prompt else asked_in_shots(whole, sight, sight.shots, quiet, self._named.words_go_on)
            if not shots:
                return replace(scene, at_a_loss=whole.words == STILL_WORDS and not whole.seen)
            logger.info(
                "shots of their own: %s", "; ".join(f"{shot.start_s:.1f} s {one.words!r}" for shot, one in shots)
            )
            told = {one.words: self._asked_scene(plain, one, sight, options) for _, one in shots}
            step_s = float(self._step_s)
            parts = tuple(
                ScenePart(round(shot.start_s / step_s), min(round(shot.end_s / step_s), scene.steps), told[one.words])
                for shot, one in shots
            )
            duration_s = float(sight.clip.duration_s)
            loudest_lufs, quieter = levels_of(whole, shots, duration_s)
            heard = [scene, *told.values()] if elsewhere(shots, duration_s) else list(told.values())
            words = "; ".join(dict.fromkeys(part.words for part in heard if part.words))
            return replace(scene, parts=parts, loudest_lufs=loudest_lufs, quieter=quieter, words=words)

    def _plain_scene(self, sight: MiniSight, options: AddOptions) -> MiniScene:
        """What the network is told of a clip whatever is asked for: every onset and no words."""
        onset = torch.from_numpy(self._heard_onsets(sight)) * options.sync
        activity: Tensor | None = None
        if sight.edited and sight.sheet.stretches:
            # How much moves says little about how loud it is (rain falls in a still picture): on the eight clips of
            # the log it made sound follow the cues less (F1 0.70 for 0.78). A person's stretches are meant, so they
            # are followed.
            activity = torch.from_numpy(sight.curves.activity)
        count = samples(sight.clip.duration_s, self.rate_hz)
        return MiniScene(
            count,
            self._steps(count),
            sight.image,
            sight.known,
            onset,
            activity,
            None,
            self._named.text(options.negative),
            tuple(time_s / float(self._step_s) for time_s in sight.cuts_s),
            self._local_words(sight.sheet),
            own=number_of(sight.clip.fingerprint),
        )

    def _asked_scene(self, plain: MiniScene, asked: Asked, sight: MiniSight, options: AddOptions) -> MiniScene:
        """The plain scene when the same is asked for all the time."""
        text, onset, activity = self._named.text(asked.words), plain.onset, plain.activity
        named = None if text is None else self._named.rhythm(asked.words, text)
        if options.sync == 0 or asked.lasts or asked.still:
            onset = activity = None
        rhythm = None
        if not sight.edited and not self._hits_s(onset).size:
            # Words for a sound and a picture without a moment of it: told so, the network makes silence of it. So
            # nothing is said about time, or what the words alone say, as where there is no picture.
            onset = None
            rhythm = None if asked.lasts else named
        by_sight = asked.seen and sight.kind == "event"
        lasting = (asked.lasts or bool(options.prompt)) and self._named.goes_on(text)
        return replace(
            plain,
            known=sight.known if options.prompt or asked.seen else torch.zeros_like(sight.known),
            onset=onset,
            activity=activity,
            text=text,
            rhythm=rhythm,
            dry=not asked.lasts if by_sight else asked.words == STRUCK_WORDS or named is not None,
            lasting=lasting,
            swell_db=self._named.swell_db(text) if lasting and onset is None and activity is None else None,
            loudest_lufs=asked.loudest_lufs,
            words=asked.words if options.prompt or asked.seen else "",
            unlearnt=bool(options.prompt) and self._named.unlearnt(text),
        )

    def worth(self, scene: Scene, wave: FloatArray, seed: int) -> float:
        assert isinstance(scene, MiniScene)
        if scene.untimed:
            scene = self._timed(scene, seed)
        if scene.loudest_lufs is not None and scene.loudest_lufs <= HANDLED_LUFS:
            return 1.0  # what is to be hardly heard is hardly heard: no further draw makes it more so
        if scene.local or scene.parts:
            return worth(wave, self.rate_hz, self._hits_s(None), dry=False)  # its parts differ in what is asked of them
        return worth(wave, self.rate_hz, self._hits_s(scene.onset), scene.dry, scene.lasting)

    def finished(self, scene: Scene, wave: FloatArray, seed: int) -> FloatArray:
        assert isinstance(scene, MiniScene)
        if scene.local:
            return wave
        if scene.parts:
            return self._held_in_parts(scene, wave)
        if scene.swell_db is not None:
            wave = held(wave, self.rate_hz, scene.swell_db)
        if scene.rhythm is None or scene.rhythm.count == UNTOLD:
            return wave
        return only_counted(wave, self.rate_hz, self._hits_s(self._timed(scene, seed).onset))

    def _held_in_parts(self, scene: MiniScene, wave: FloatArray) -> FloatArray:
        """(S,) what goes on in each shot kept from swelling there."""
        out = wave.copy()
        for part in told_in_turn(scene):
            if part.scene.swell_db is not None:
                span = slice(part.first * self.samples_a_step, part.end * self.samples_a_step)
                out[span] = held(out[span], self.rate_hz, part.scene.swell_db, part=True)
        return out

    def spoken_scene(
        self, prompt: str, count: int, options: MakeOptions, watch: Stopwatch, progress: Progress
    ) -> MiniScene:
        with watch.stage("encode", progress):
            image = torch.zeros(1, self._nets.flow.config.clip_dim)
            known = torch.zeros(1, dtype=torch.bool)
            text, negative = self._named.text(prompt), self._named.text(options.negative)
            rhythm = None if text is None else self._named.rhythm(prompt, text)
            logger.info("the words %s", "name what goes on" if rhythm is None else "name what strikes")
            steps = self._steps(count)
            return MiniScene(
                count,
                steps,
                image,
                known,
                None,
                None,
                text,
                negative,
                (),
                rhythm=rhythm,
                dry=True,
                swell_db=self._named.swell_db(text),
                words=prompt,
                unlearnt=self._named.unlearnt(text),
                own=number_of(" ".join(prompt.lower().split())),
            )

    def sampler(self, scene: Scene, options: AddOptions | MakeOptions, watch: Stopwatch, progress: Progress) -> Sampler:
        assert isinstance(scene, MiniScene)
        if scene.untimed:
            return lambda seed, report, held: self.sampler(self._timed(scene, seed), options, watch, progress)(
                seed, report, held
            )
        nets = self._nets
        total = options.steps or nets.sampling.steps

        def velocity_of(whole: Window) -> Velocity:
            cuts = [cut - whole.first for cut in scene.cuts]
            windows = plan(whole.steps, nets.sampling.window, nets.sampling.overlap, cuts)
            fields = remembered(lambda number: self._field(scene, windows[number].moved(whole.first), options.guidance))
            return blended(windows, fields)

        return latents_by(nets.flow, velocity_of, scene.steps, total, nets.device, scene.own)

    def decoder(self, scene: Scene, watch: Stopwatch, progress: Progress) -> Decoder:
        assert isinstance(scene, MiniScene)
        return sound_by(self._nets.codec, scene.count, scene.own)

    def around(self, scene: Scene, first: int, end: int) -> Window:
        assert isinstance(scene, MiniScene)
        context = ceil(REDO_CONTEXT_S / float(self._step_s))
        low, high = first // self.samples_a_step, ceil(end / self.samples_a_step)
        return around(low, high, scene.steps, self._nets.sampling.window, context)

    def encoder(self, watch: Stopwatch, progress: Progress) -> Encoder:
        return latents_of(self._nets.codec, self._nets.device)

    def _steps(self, count: int) -> int:
        """Latent steps L that cover `count` samples."""
        return max(1, ceil(count / self._nets.codec.samples_a_step))

    def _heard_onsets(self, sight: MiniSight) -> FloatArray:
        """(N,) the onset curve as it is to be heard; times that a person has set are meant as they are."""
        onset = sight.curves.onset
        if sight.edited:
            return onset
        times, strengths = peaks(onset, self.curve_rate_hz)
        return bumps(times + np.float32(SOUND_LAG_S), strengths, self.curve_rate_hz, len(onset))

    def _hits_s(self, onset: Tensor | None) -> FloatArray:
        """(K,) times of the peaks of an onset curve (N,); none where nothing is known."""
        return np.zeros(0, np.float32) if onset is None else peaks(onset.numpy(), self.curve_rate_hz)[0]

    def _timed(self, scene: MiniScene, seed: int) -> MiniScene:
        """The scene with the times of its rhythms, as a take of that seed has them."""
        scene = replace(scene, parts=tuple(replace(part, scene=self._timed(part.scene, seed)) for part in scene.parts))
        if scene.rhythm is None:
            return scene
        length_s = scene.count / self.rate_hz
        times, strengths = played(scene.rhythm, length_s, np.random.default_rng([seed, scene.own]))
        onset = bumps(times, strengths, self.curve_rate_hz, scene.steps * self._points)
        return replace(scene, onset=torch.from_numpy(onset), rhythm=None, timing=PLAYED_TIMING)

    def _local_words(self, sheet: CueSheet) -> tuple[LocalWords, ...]:
        """The words of single cues, each where its sound may be heard."""
        hits_s, found = [cue.start_s for cue in sheet.events], []
        for cue in sheet.cues:
            text = None if cue.muted else self._named.text(cue.prompt)
            if text is not None:
                first_s, end_s = span_of(cue, hits_s, sheet.duration_s)
                first, end = floor(first_s / float(self._step_s)), ceil(end_s / float(self._step_s))
                found.append(LocalWords(first, max(end, first + 1), text))
        return tuple(found)

    def _field(self, scene: MiniScene, window: Window, asked: float) -> Velocity:
        """The velocity over one window; where shots or single cues have words of their own, theirs."""
        velocity = self._told(scene, window, asked)
        # Neither picture nor other words speak for a cue with words; when it sounds stays as it is.
        nothing = torch.zeros_like(scene.known)
        local = [ScenePart(one.first, one.end, replace(scene, text=one.text, known=nothing)) for one in scene.local]
        told: dict[int, Velocity] = {}
        for part in (*scene.parts, *local):
            first, end = max(part.first, window.first), min(part.end, window.end)
            if first < end:
                if id(part.scene) not in told:  # several shots may be told the same
                    told[id(part.scene)] = self._told(part.scene, window, asked)
                inside = torch.zeros(window.steps, dtype=torch.bool, device=self._nets.device)
                inside[first - window.first : end - window.first] = True
                velocity = mixed(velocity, told[id(part.scene)], inside)
        return velocity

    def _told(self, scene: MiniScene, window: Window, asked: float) -> Velocity:
        """The guided velocity over one window under one text. asked: guidance, 0 for the model's own.

        Guidance of the first step, out of pure noise, pushes towards the mean of all sounds that fit. Rain, fire and
        engines are nearer to recordings without it; times must be settled there.
        """
        told, empty, scale, timed = self._conditions(scene, window, asked)
        sampling = self._nets.sampling
        since = sampling.guided_since if timed is None else 0.0
        return field(self._nets.flow, told, empty, scale, timed, rescale=sampling.rescale, since=since)

    def _conditions(
        self, scene: MiniScene, window: Window, asked: float
    ) -> tuple[Conditions, Conditions, float, Timed | None]:
        """What one window is told, the empty (or negative) counterpart, the scale, and the times alone; a batch of one.

        Times pull no harder than the whole where a user asks for little guidance.
        """
        flow, device = self._nets.flow, self._nets.device
        image_rows = float(self._step_s) * float(IMAGE_RATE_HZ)  # a latent step
        rows = max(1, round(window.steps * image_rows))
        wanted = (window.first * image_rows + torch.arange(rows)).round().long()
        index = wanted.clamp_max(len(scene.image) - 1)  # (I,)
        unseen, sync, silent = flow.empty_features(1, rows, window.steps)
        known = scene.known[index][None, :, None].to(device)  # (1, I, 1)
        clip = torch.where(known, scene.image[index][None].to(device), unseen)  # (1, I, E)
        negative = None if scene.negative is None else scene.negative[None].to(device)
        timed, says_when = None, scene.onset is not None or scene.activity is not None
        scale = asked or self._nets.sampling.scale(timed=says_when)
        if says_when:
            span = slice(window.first * self._points, window.end * self._points)
            onset, activity = (None if curve is None else curve[span] for curve in (scene.onset, scene.activity))
            sync = sync_features(onset, activity, window.steps, self._points)[None].to(device)  # (1, L, D)
            alone = flow.conditions(unseen, sync, silent if negative is None else negative, window.steps)
            timed = Timed(alone, min(scene.timing, scale))
        text = silent if scene.text is None else scene.text[None].to(device)  # (1, T, E)
        told = flow.conditions(clip, sync, text, window.steps)
        return told, flow.empty_conditions(1, rows, window.steps, window.steps, negative), scale, timed


def _inside(folder: Path | None, names: Sequence[str]) -> list[Path]:
    """The files in a folder; none where one is not there."""
    paths = [] if folder is None else [folder / name for name in names]
    return paths if all(path.is_file() for path in paths) else []


def named_by_contact(sheet: CueSheet, found: FoundCues) -> CueSheet:
    """The sheet with its hits called after the kind of contact that is seen, where nothing seen has a name."""
    cues = []
    for cue in sheet.cues:
        if cue.is_event and len(found.times_s):
            nearest = int(np.abs(found.times_s - cue.start_s).argmin())
            cue = replace(cue, label=found.contacts[nearest])
        cues.append(cue)
    return replace(sheet, cues=tuple(cues))
