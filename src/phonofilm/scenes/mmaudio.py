"""How the published MMAudio networks are told about one soundtrack: CLIP sees what, Synchformer sees when, CLIP reads.

Time runs in units of 0.32 s, the step of Synchformer's segments. A segment spans two units, so a stretch of U units
holds U - 1 segments; the 8 s that the networks were trained on are 25 units. Sounds of other lengths are sampled on the
next whole unit and cut to the sample, because the network spreads the segments evenly over the latents: on a length in
between, the end of the picture would be up to a third of a second out of step with its sound.

Dimension letters: F image features, K segments, U units, L latent steps, C latent width, T text tokens, S samples.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from phonofilm.cues import CueSheet, curves_to_sheet
from phonofilm.encoders.clip import ClipImage
from phonofilm.encoders.clip_tokens import clip_tokens
from phonofilm.encoders.cue_curves import cue_request, curves_from_motion
from phonofilm.encoders.motion import MotionWatcher, cut_times
from phonofilm.encoders.resize import clip_pixels, sync_pixels
from phonofilm.encoders.synchformer import STEP_FRAMES, TUBELETS, Synchformer, SynchformerStream
from phonofilm.errors import OptionError
from phonofilm.flow.conditions import Conditions
from phonofilm.flow.guidance import field
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.sampler import Velocity
from phonofilm.media.frames import stream_frames
from phonofilm.scenes.feature_cache import FeatureCache, file_digest
from phonofilm.scenes.guide import Decoder, Encoder, Guide, Sampler, Scene, Sight, latents_by, latents_of, sound_by
from phonofilm.scenes.mmaudio_encoder import load_hearing_codec
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.timeline import nearest, samples
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Progress
from phonofilm.weights.mmaudio import MmaudioParts
from phonofilm.windows import Window, around, blended, plan, remembered

logger = logging.getLogger(__name__)
Part = TypeVar("Part")

UNIT_S = Fraction(8, 25)
WINDOW_UNITS = 25
OVERLAP_UNITS = 7
CLIP_HZ, SYNC_HZ = Fraction(8), Fraction(25)
CLIP_REQUEST = FrameRequest(CLIP_HZ, None, None, pick="next")
SYNC_REQUEST = FrameRequest(SYNC_HZ, None, None, pick="next")
CLIP_BATCH = 4
LABEL = "movement"
"""What the cue sheet calls what it sees: these networks keep to themselves what they take it for."""


def units_of(duration_s: Fraction) -> int:
    """Units U that a length is sampled on; a last one is not begun for the sake of one frame of 25 a second."""
    return max(2, ceil((duration_s - 1 / SYNC_HZ) / UNIT_S))


@dataclass(frozen=True)
class MmaudioSight(Sight):
    """As `Sight`, with clip_features (F, 1024) at 8 a second, sync_features (8 K, 768), and when new shots begin."""

    clip_features: Tensor
    sync_features: Tensor


@dataclass(frozen=True)
class MmaudioScene(Scene):
    """Everything the network is told. No clip and sync features: nothing is seen. text, negative: (T, 1024)."""

    units: int
    steps: int
    clip_features: Tensor | None
    sync_features: Tensor | None
    sync: float
    text: Tensor
    negative: Tensor
    cuts: tuple[float, ...]


class ClipWatcher:
    """Encodes the frames of a clip while it is decoded, each distinct one once: (F, 1024) in the end."""

    def __init__(self, encoder: ClipImage) -> None:
        self._encoder = encoder
        self._waiting: list[ByteArray] = []
        self._made: list[Tensor] = []
        self._index: list[int] = []
        self._distinct = 0
        self._picture: ByteArray | None = None
        self._pixels: ByteArray | None = None

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """The next frame (H, W, 3) of the clock of CLIP_REQUEST."""
        if picture is not self._picture:
            pixels = clip_pixels(picture)
            if self._pixels is None or not np.array_equal(pixels, self._pixels):
                self._waiting.append(pixels)
                self._distinct += 1
                self._pixels = pixels
            self._picture = picture
        self._index.append(self._distinct - 1)
        if len(self._waiting) == CLIP_BATCH:
            self._flush()

    def features(self, count: int) -> Tensor:
        """(count, 1024) float32; the last frame stands still where fewer came."""
        self._flush()
        index = [*self._index, *[self._distinct - 1] * count][:count]
        return torch.cat(self._made)[index]

    def _flush(self) -> None:
        if self._waiting:
            with torch.inference_mode():
                pixels = torch.from_numpy(np.stack(self._waiting)).to(self._encoder.places.device)
                self._made.append(self._encoder(pixels).cpu())
            self._waiting = []


class SyncWatcher:
    """Encodes the frames of a clip in segments while it is decoded: (8 K, 768) in the end."""

    def __init__(self, encoder: Synchformer) -> None:
        self._stream = SynchformerStream(encoder)
        self._made: list[Tensor] = []
        self._picture: ByteArray | None = None
        self._pixels: ByteArray | None = None
        self._count = 0

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """The next frame (H, W, 3) of the clock of SYNC_REQUEST."""
        if picture is not self._picture:
            self._picture, self._pixels = picture, sync_pixels(picture)
        self._push()

    def features(self, segments: int) -> Tensor:
        """(8 K, 768) float32 of the first K = `segments`; the last frame stands still where fewer came."""
        while self._count < STEP_FRAMES * (segments + 1):
            self._push()
        self._made.append(self._stream.finish().cpu())
        return torch.cat(self._made)[: TUBELETS * segments]

    def _push(self) -> None:
        assert self._pixels is not None, "no frame came"
        self._count += 1
        with torch.inference_mode():
            self._made.append(self._stream.push(torch.from_numpy(self._pixels)[None]).cpu())


class MmaudioGuide(Guide):
    """One of the published networks with its encoders.

    On a CPU each part is mapped from disk when it is needed and let go before the next, so that the largest of them,
    not their sum, decides the memory; an accelerator keeps what it has.
    """

    def __init__(self, parts: MmaudioParts, cache: FeatureCache) -> None:
        self._parts, self._cache = parts, cache
        self._kept: dict[str, object] = {}
        self.row, self.rate_hz = parts.row, parts.rate_hz
        self.samples_a_step = parts.samples_a_step
        self._step_s = Fraction(parts.samples_a_step, parts.rate_hz)
        self.curve_rate_hz = 2 / self._step_s

    def look(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> MmaudioSight:
        units = units_of(clip.duration_s)
        moving = MotionWatcher()
        with watch.stage("probe", progress):
            made_from = ("pixels", file_digest(clip.path), self._parts.identity("clip", "synchformer"))
            features = self._cache.get(made_from)
        if features is None:
            features = self._encode_pixels(clip, units, moving, watch, progress)
            self._cache.put(made_from, features)
        else:
            with watch.stage("frames", progress):
                stream_frames(clip, [(cue_request(clip), moving.add)], progress=progress)
        with watch.stage("see", progress):
            motion = moving.motion()
            curves = curves_from_motion(motion, self.curve_rate_hz, nearest(clip.duration_s * self.curve_rate_hz))
        sheet = curves_to_sheet(curves, clip, LABEL)
        cuts_s = tuple(cut_times(motion))
        return MmaudioSight(clip, curves, sheet, False, cuts_s, features["clip"], features["sync"])

    def follow(self, sight: Sight, sheet: CueSheet) -> Sight:
        raise OptionError(
            f"--cues cannot steer {self.row.name}: it takes its timing from the picture; use --model mini"
        )

    def seen_scene(self, sight: Sight, options: AddOptions, watch: Stopwatch, progress: Progress) -> MmaudioScene:
        assert isinstance(sight, MmaudioSight)
        duration_s = sight.clip.duration_s
        text, negative = self._words(options.prompt, options.negative, watch, progress)
        return MmaudioScene(
            count=samples(duration_s, self.rate_hz),
            units=units_of(duration_s),
            steps=self._steps(duration_s),
            clip_features=sight.clip_features,
            sync_features=sight.sync_features,
            sync=options.sync,
            text=text,
            negative=negative,
            cuts=tuple(time_s / float(UNIT_S) for time_s in sight.cuts_s),
            words=options.prompt,
        )

    def spoken_scene(
        self, prompt: str, count: int, options: MakeOptions, watch: Stopwatch, progress: Progress
    ) -> MmaudioScene:
        duration_s = Fraction(count, self.rate_hz)
        text, negative = self._words(prompt, options.negative, watch, progress)
        steps = self._steps(duration_s)
        return MmaudioScene(count, units_of(duration_s), steps, None, None, 0.0, text, negative, (), words=prompt)

    def sampler(self, scene: Scene, options: AddOptions | MakeOptions, watch: Stopwatch, progress: Progress) -> Sampler:
        assert isinstance(scene, MmaudioScene)
        with watch.stage("load", progress):
            flow = self._part("flow", self._parts.flow)
        scale = options.guidance or self._parts.sampling.guidance
        total = options.steps or self._parts.sampling.steps

        def velocity_of(whole: Window) -> Velocity:
            units = self._units(scene, whole)
            cuts = [cut - units.first for cut in scene.cuts]
            stretches = [part.moved(units.first) for part in plan(units.steps, WINDOW_UNITS, OVERLAP_UNITS, cuts)]
            windows = [self._latents(scene, stretch).moved(-whole.first) for stretch in stretches]

            def window_field(number: int) -> Velocity:
                told, empty = self._conditions(flow, scene, stretches[number], windows[number].steps)
                return field(flow, told, empty, scale)

            return blended(windows, remembered(window_field))

        return latents_by(flow, velocity_of, scene.steps, total, self._parts.device)

    def decoder(self, scene: Scene, watch: Stopwatch, progress: Progress) -> Decoder:
        with watch.stage("load", progress):
            codec = self._part("codec", self._parts.codec)

        return sound_by(codec, scene.count)

    def around(self, scene: Scene, first: int, end: int) -> Window:
        assert isinstance(scene, MmaudioScene)
        unit = UNIT_S * self.rate_hz
        low, high = floor(first / unit), min(scene.units, ceil(end / unit))
        return self._latents(scene, around(low, high, scene.units, WINDOW_UNITS, OVERLAP_UNITS))

    def encoder(self, watch: Stopwatch, progress: Progress) -> Encoder:
        with watch.stage("load", progress):
            codec = self._part("hearing", lambda: load_hearing_codec(self._parts))

        return latents_of(codec, self._parts.device)

    def _part(self, name: str, load: Callable[[], Part]) -> Part:
        """A part of the model, loaded; on an accelerator kept for the next time."""
        if self._parts.device.type == "cpu":
            return load()
        if name not in self._kept:
            self._kept[name] = load()
        return self._kept[name]  # type: ignore[return-value]

    def _encode_pixels(
        self, clip: ClipInfo, units: int, moving: MotionWatcher, watch: Stopwatch, progress: Progress
    ) -> dict[str, Tensor]:
        """One decode pass: "clip" (F, 1024) and "sync" (8 K, 768) float32."""
        with watch.stage("load", progress):
            seen = ClipWatcher(self._part("clip_image", self._parts.clip_image))
            timed = SyncWatcher(self._part("synchformer", self._parts.synchformer))

        def see(picture: ByteArray, time_s: Fraction) -> None:
            with watch.inside("see"):
                seen.add(picture, time_s)

        def follow(picture: ByteArray, time_s: Fraction) -> None:
            with watch.inside("follow"):
                timed.add(picture, time_s)

        with watch.stage("frames", progress):
            sinks = [(CLIP_REQUEST, see), (SYNC_REQUEST, follow), (cue_request(clip), moving.add)]
            stream_frames(clip, sinks, progress=progress)
        with watch.stage("see", progress):
            clip_features = seen.features(floor(units * UNIT_S * CLIP_HZ))
        with watch.stage("follow", progress):
            sync_features = timed.features(units - 1)
        return {"clip": clip_features, "sync": sync_features}

    def _words(self, prompt: str, negative: str, watch: Stopwatch, progress: Progress) -> tuple[Tensor, Tensor]:
        """(T, 1024) of both prompts; empty ones are read as words too, as in training."""
        with watch.stage("encode", progress):
            wanted = [prompt.strip(), negative.strip()]
            identity = self._parts.identity("clip")
            found = {text: self._cache.get(("words", text, identity)) for text in wanted}
            missing = [text for text, entry in found.items() if entry is None]
            if missing:
                tower = self._part("clip_text", self._parts.clip_text)
                with torch.inference_mode():
                    made = tower(clip_tokens(missing).to(self._parts.device)).float().cpu()  # (B, T, 1024)
                for text, rows in zip(missing, made, strict=True):
                    found[text] = {"text": rows}
                    self._cache.put(("words", text, identity), {"text": rows})
            first, second = (found[text] for text in wanted)
            assert first is not None
            assert second is not None
            return first["text"], second["text"]

    def _steps(self, duration_s: Fraction) -> int:
        """Latent steps L of a length: whole units of it, and never less than the length itself."""
        return ceil(max(duration_s, units_of(duration_s) * UNIT_S) / self._step_s)

    def _latents(self, scene: MmaudioScene, stretch: Window) -> Window:
        """The latent steps of a stretch of units."""
        end = scene.steps if stretch.end == scene.units else nearest(stretch.end * UNIT_S / self._step_s)
        return Window(nearest(stretch.first * UNIT_S / self._step_s), end)

    def _units(self, scene: MmaudioScene, window: Window) -> Window:
        """The units whose latent steps a window covers; the inverse of `_latents`."""
        end = scene.units if window.end == scene.steps else nearest(window.end * self._step_s / UNIT_S)
        return Window(nearest(window.first * self._step_s / UNIT_S), end)

    def _conditions(
        self, flow: FlowNetwork, scene: MmaudioScene, stretch: Window, steps: int
    ) -> tuple[Conditions, Conditions]:
        """What the network is told of a stretch of units, and the counterpart that it is pushed away from."""
        device = self._parts.device
        rows = floor(stretch.steps * UNIT_S * CLIP_HZ)
        sync_rows = TUBELETS * (stretch.steps - 1)
        clip, sync, _ = flow.empty_features(1, rows, sync_rows)
        if scene.clip_features is not None and scene.sync_features is not None:
            first = nearest(stretch.first * UNIT_S * CLIP_HZ)
            index = (first + torch.arange(rows)).clamp_max(len(scene.clip_features) - 1)  # (F,)
            clip = scene.clip_features[index][None].to(device)  # (1, F, 1024)
            first = TUBELETS * stretch.first
            seen = scene.sync_features[first : first + sync_rows][None].to(device)  # (1, 8 K, 768)
            sync = torch.lerp(sync, seen, scene.sync) if scene.sync < 1 else seen
        told = flow.conditions(clip, sync, scene.text[None].to(device), steps)
        return told, flow.empty_conditions(1, rows, sync_rows, steps, scene.negative[None].to(device))
