"""The main job, top to bottom: probe → frames → encode → sample → decode → place → mix → mux.

Everything computed from the pixels is computed once per clip and shared by its takes.

Dimension letters: S samples.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from phonofilm.cues import CueCurves, CueSheet, read_cue_sheet
from phonofilm.errors import OptionError
from phonofilm.media.audio import check_sound_path, read_clip_audio, write_audio
from phonofilm.media.mux import check_output, mux, muxed_path
from phonofilm.media.probe import probe
from phonofilm.mix.loudness import limit, normalise
from phonofilm.mix.mixer import mix_under
from phonofilm.mix.spatial import place_effects
from phonofilm.scenes.guide import Guide, Scene, Sight, flat_curves
from phonofilm.scenes.load import load_guide
from phonofilm.settings import AddOptions, MakeOptions, check_prompt, loudness_target
from phonofilm.stopwatch import Stopwatch
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FloatArray, Progress, Waveform, no_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Take:
    """One soundtrack. path is where it was written; seconds says how long each stage took, shared ones included."""

    path: Path
    seed: int
    sound: Waveform
    cues: CueSheet | None
    seconds: dict[str, float]


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
        `mmaudio-*` model. Raises ModelError or OptionError.
        """
        return cls(load_guide(model, device, precision, None if weights_dir is None else Path(weights_dir)))

    @property
    def model(self) -> str:
        """The name of the loaded model."""
        return self._guide.row.name

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
        sight = self._guide.look(info, watch, progress)
        if sheet is not None:
            sight = self._guide.follow(sight, sheet)
        scene = self._guide.seen_scene(sight, chosen, watch, progress)
        made = []
        for path, seed_here, wave, take_watch in self._waves(scene, paths, chosen, watch, progress):
            with take_watch.stage("mix", progress):
                sound = self._finish(wave, sight, chosen)
            with take_watch.stage("write", progress):
                written = self._write(sound, info, path, audio_only, seed_here, chosen)
            logger.info("seed %d → %s", seed_here, written)
            made.append(Take(written, seed_here, sound, sight.sheet, take_watch.seconds))
        return made

    def spot(self, clip: str | Path, progress: Progress = no_progress) -> CueSheet:
        """What is seen in a clip and when, as a cue sheet. Raises InputError."""
        return self._guide.look(probe(Path(clip)), Stopwatch(), progress).sheet

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
        count = samples(Fraction(repr(float(chosen.seconds))), self._guide.rate_hz)
        scene = self._guide.spoken_scene(prompt, count, chosen, watch, progress)
        made = []
        for path, seed_here, wave, take_watch in self._waves(scene, paths, chosen, watch, progress):
            with take_watch.stage("mix", progress):
                curves = flat_curves(self._guide.curve_rate_hz)
                sound = self._level(wave, curves, chosen.mono, chosen.loudness)
            with take_watch.stage("write", progress):
                write_audio(sound, path)
            made.append(Take(path, seed_here, sound, None, take_watch.seconds))
        return made

    # What follows is the inside, in the order in which it happens.

    def _waves(
        self, scene: Scene, paths: list[Path], chosen: AddOptions | MakeOptions, watch: Stopwatch, progress: Progress
    ) -> Iterator[tuple[Path, int, FloatArray, Stopwatch]]:
        """Per take where it goes, its seed, its mono sound (S,), as long as the clip to the sample, and its stopwatch.

        All takes are sampled before the first is decoded, so that network and codec need not be in memory together.
        """
        sample = self._guide.sampler(scene, chosen, watch, progress)
        watches = [Stopwatch(watch.seconds) for _ in paths]
        sampled = []
        for number, take_watch in enumerate(watches):
            with take_watch.stage("sample", progress):
                sampled.append(sample(chosen.seed + number, lambda share: progress("sample", share)))
        del sample
        decode = self._guide.decoder(scene, watch, progress)
        for number, (path, take_watch) in enumerate(zip(paths, watches, strict=True)):
            with take_watch.stage("decode", progress):
                wave = decode(sampled[number], chosen.seed + number)
            yield path, chosen.seed + number, wave, take_watch

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
        rate_hz = self._guide.rate_hz
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
