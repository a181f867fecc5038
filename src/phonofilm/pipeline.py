"""The main job, top to bottom: probe → frames → encode → sample → decode → place → mix → mux.

Everything computed from the pixels is computed once per clip and shared by its takes.

Dimension letters: F frames, I image rows, L latent steps, P curve points per latent step, N = L * P curve points,
C latent width, E embedding width, S samples.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonofilm.cues import CueCurves, CueSheet, curves_to_sheet, read_cue_sheet, sheet_to_curves
from phonofilm.device import choose_device, matmul_dtype
from phonofilm.encoders.cue_curves import cue_request, find_cues
from phonofilm.encoders.heard import HeardTable, expected_sounds, load_table
from phonofilm.encoders.prompts import prompt_features
from phonofilm.encoders.seen import FRAMES_WANTED, SeenEncoder, smoothed
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import OptionError
from phonofilm.flow.guidance import field
from phonofilm.flow.sampler import euler, even_times
from phonofilm.media.audio import check_sound_path, read_clip_audio, write_audio
from phonofilm.media.frames import decode_frames
from phonofilm.media.mux import check_output, mux, muxed_path
from phonofilm.media.probe import probe
from phonofilm.mix.loudness import limit, normalise
from phonofilm.mix.mixer import mix_under
from phonofilm.mix.spatial import place_effects
from phonofilm.scene import (
    KNOWN,
    Scene,
    Sight,
    curve_rate_hz,
    latent_steps,
    points_a_step,
    seen_scene,
    spoken_scene,
    window_conditions,
    words_for_unnamed,
)
from phonofilm.settings import AddOptions, MakeOptions, check_prompt, loudness_target
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FloatArray, Progress, Waveform, no_progress
from phonofilm.weights.load import Nets, load_nets
from phonofilm.windows import blended, plan

logger = logging.getLogger(__name__)

UNKNOWN_LABEL = "movement"


@dataclass(frozen=True)
class Take:
    """One soundtrack. path is where it was written; seconds says how long each stage took, shared ones included."""

    path: Path
    seed: int
    sound: Waveform
    cues: CueSheet | None
    seconds: dict[str, float]


class Stopwatch:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, progress: Progress) -> Iterator[None]:
        """Time what runs inside; tell the progress callback of begin and end."""
        progress(name, 0.0)
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + spent
        logger.debug("%s took %.2f s", name, spent)
        progress(name, 1.0)


class Phonofilm:
    """A loaded model with its encoders. One instance serves any number of clips; nothing in it changes."""

    def __init__(self, nets: Nets, seen: SeenEncoder, heard: HeardTable, sentences: SentenceEncoder) -> None:
        self._nets, self._seen, self._heard, self._sentences = nets, seen, heard, sentences

    @classmethod
    def load(cls, model: str = "mini", device: str = "auto") -> "Phonofilm":
        """Load a model by name; see `phonofilm models`. Raises ModelError or OptionError."""
        place = choose_device(device)
        dtype = matmul_dtype(place)
        seen_dtype = dtype if place.type == "cpu" else torch.float32
        nets = load_nets(model, place, dtype)
        return cls(nets, SeenEncoder.load(seen_dtype), load_table(), SentenceEncoder.load())

    @property
    def model(self) -> str:
        """The name of the loaded model."""
        return self._nets.row.name

    def add_sound(
        self,
        clip: str | Path,
        output: str | Path | None = None,
        *,
        cues: str | Path | None = None,
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
        keep_original: bool = False,
        original_db: float = -6.0,
        progress: Progress = no_progress,
    ) -> list[Take]:
        """Give a clip its sound; the picture is copied untouched.

        clip: any video file. output: where to; beside the clip as NAME.sound.SUFFIX when None. With several takes a
        number goes before the suffix. cues: an edited cue sheet that replaces what was seen. audio_only: write sound
        (wav, flac, ogg, mp3, m4a by suffix) instead of video. The others are the fields of `AddOptions`, with their
        meanings and ranges.

        Returns the takes in order of seed. Raises InputError, OutputError or ModelError; then nothing is written of
        the take at hand.
        """
        chosen = AddOptions(
            prompt, negative, takes, seed, steps, guidance, sync, loudness, mono, keep_original, original_db
        )
        watch = Stopwatch()
        with watch.stage("probe", progress):
            info = probe(Path(clip))
            paths = _output_paths(info, None if output is None else Path(output), audio_only, chosen.takes)
            sheet = None if cues is None else read_cue_sheet(Path(cues), info)
        sight = self._look(info, watch, progress)
        if sheet is not None:
            curves = sheet_to_curves(sheet, sight.curves.rate_hz, len(sight.curves.onset))
            sight = replace(sight, curves=curves, sheet=sheet, edited=True)
        with watch.stage("encode", progress):
            count = samples(info.duration_s, self._nets.codec.rate_hz)
            text = self._words(chosen.prompt or words_for_unnamed(sight))
            scene = seen_scene(self._nets, sight, count, chosen.sync, text, self._words(chosen.negative))
        made = []
        for number, path in enumerate(paths):
            take_watch = Stopwatch()
            take_watch.seconds = dict(watch.seconds)
            seed_here = chosen.seed + number
            wave = self._generate(scene, seed_here, chosen, take_watch, progress)
            with take_watch.stage("mix", progress):
                sound = self._finish(wave, sight, chosen)
            with take_watch.stage("write", progress):
                written = self._write(sound, info, path, audio_only, seed_here, chosen)
            logger.info("seed %d → %s", seed_here, written)
            made.append(Take(written, seed_here, sound, sight.sheet, take_watch.seconds))
        return made

    def spot(self, clip: str | Path, progress: Progress = no_progress) -> CueSheet:
        """What is seen in a clip and when, as a cue sheet. Raises InputError."""
        return self._look(probe(Path(clip)), Stopwatch(), progress).sheet

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
        loudness: str = "web",
        mono: bool = False,
        progress: Progress = no_progress,
    ) -> list[Take]:
        """Sound from words alone, written to `output` (wav, flac, ogg, mp3, m4a by suffix).

        The others are the fields of `MakeOptions`. Returns and raises as `add_sound`.
        """
        chosen = MakeOptions(seconds, negative, takes, seed, steps, guidance, loudness, mono)
        check_prompt("prompt", prompt)
        if not prompt.strip():
            raise OptionError("the prompt is empty; say in words what should be heard")
        paths = _numbered(Path(output), chosen.takes)
        for path in paths:
            check_sound_path(path)
        watch = Stopwatch()
        count = samples(Fraction(repr(float(chosen.seconds))), self._nets.codec.rate_hz)
        with watch.stage("encode", progress):
            scene = spoken_scene(self._nets, count, self._words(prompt), self._words(chosen.negative))
        made = []
        for number, path in enumerate(paths):
            take_watch = Stopwatch()
            take_watch.seconds = dict(watch.seconds)
            wave = self._generate(scene, chosen.seed + number, chosen, take_watch, progress)
            with take_watch.stage("mix", progress):
                curves = _flat_curves(scene.steps * points_a_step(self._nets), curve_rate_hz(self._nets))
                sound = self._level(wave, curves, chosen.mono, chosen.loudness)
            with take_watch.stage("write", progress):
                write_audio(sound, path)
            made.append(Take(path, chosen.seed + number, sound, None, take_watch.seconds))
        return made

    # What follows is the inside, in the order in which it happens.

    def _look(self, info: ClipInfo, watch: Stopwatch, progress: Progress) -> Sight:
        with watch.stage("frames", progress):
            stills, motion = decode_frames(info, [FRAMES_WANTED, cue_request(info)], progress=progress)
        with watch.stage("see", progress):
            with torch.inference_mode():
                heard = expected_sounds(smoothed(self._seen.classify(stills.pixels)), self._heard)
            steps = latent_steps(self._nets, samples(info.duration_s, self._nets.codec.rate_hz))
            curves = find_cues(motion, curve_rate_hz(self._nets), steps * points_a_step(self._nets))
        label = heard.label or UNKNOWN_LABEL
        sheet = curves_to_sheet(curves, info, label)
        logger.info("expecting %r, %d events in %.2f s", label, len(sheet.events), float(info.duration_s))
        return Sight(info, heard.features, heard.known >= KNOWN, label, heard.kind, curves, sheet, edited=False)

    def _words(self, prompt: str) -> Tensor | None:
        return prompt_features(prompt, self._sentences, self._nets.flow.config.text_tokens)

    def _generate(
        self, scene: Scene, seed: int, chosen: AddOptions | MakeOptions, watch: Stopwatch, progress: Progress
    ) -> FloatArray:
        """(S,) float32 mono sound of a scene, S as long as the clip to the sample."""
        nets = self._nets
        with watch.stage("sample", progress), torch.inference_mode():
            windows = plan(scene.steps, nets.sampling.window, nets.sampling.overlap)
            scale = chosen.guidance or nets.sampling.guidance
            fields = [field(nets.flow, *window_conditions(nets, scene, window), scale) for window in windows]
            generator = torch.Generator().manual_seed(seed)
            noise = torch.randn(1, scene.steps, nets.flow.config.latent_dim, generator=generator).to(nets.device)
            velocity = blended(windows, lambda number, x, t: fields[number](x, t))
            total = chosen.steps or nets.sampling.steps
            latents = euler(velocity, noise, even_times(total), lambda done: progress("sample", done / total))
            latents = nets.flow.unnormalise(latents)[0]  # (L, C)
        with watch.stage("decode", progress), torch.inference_mode():
            wave = nets.codec.decode(latents, seed)[: scene.count]  # (S,)
        return np.asarray(wave.cpu().numpy(), np.float32)

    def _finish(self, wave: FloatArray, sight: Sight, chosen: AddOptions) -> Waveform:
        sound = self._level(wave, sight.curves, chosen.mono, chosen.loudness)
        if not chosen.keep_original:
            return sound
        original = read_clip_audio(sight.clip, sound.rate_hz)
        if original is None:
            logger.warning("%s has no sound of its own to keep", sight.clip.path)
            return sound
        return mix_under(sound, original, chosen.original_db)

    def _level(self, wave: FloatArray, curves: CueCurves, mono: bool, loudness: str) -> Waveform:
        rate_hz = self._nets.codec.rate_hz
        sound = Waveform(wave[None], rate_hz) if mono else place_effects(wave, curves, rate_hz)
        target = loudness_target(loudness)
        return limit(sound) if target is None else normalise(sound, target)

    def _write(
        self, sound: Waveform, info: ClipInfo, path: Path, audio_only: bool, seed: int, chosen: AddOptions
    ) -> Path:
        if audio_only:
            write_audio(sound, path)
            return path
        comment = f"sound generated by phonofilm, model {self.model}, seed {seed}"
        return mux(info, sound, path, metadata={"comment": comment})


def _flat_curves(points: int, rate_hz: Fraction) -> CueCurves:
    """Curves of a scene without a picture: nothing is placed anywhere."""
    nothing = np.zeros(points, np.float32)
    return CueCurves(rate_hz, nothing, nothing, nothing)


def _output_paths(info: ClipInfo, output: Path | None, audio_only: bool, takes: int) -> list[Path]:
    """Where the takes go; checked before anything is computed."""
    if output is None:
        suffix = ".wav" if audio_only else info.path.suffix
        output = info.path.with_name(f"{info.path.stem}.sound{suffix}")
    paths = _numbered(output, takes)
    for path in paths:
        if audio_only:
            check_sound_path(path)
        check_output(info, path)
        if not audio_only:
            check_output(info, muxed_path(info, path))
    return paths


def _numbered(path: Path, takes: int) -> list[Path]:
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{number + 1}{path.suffix}") for number in range(takes)]
