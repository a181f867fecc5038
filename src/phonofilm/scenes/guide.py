"""What the pipeline needs of a model: look at a clip, take words, carry noise to latents, turn latents into sound.

Everything that is particular to one kind of model, its encoders above all, stands behind this interface.

Dimension letters: L latent steps, C latent width, S samples.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from phonofilm.codec.codec import Codec
from phonofilm.codec.mel_codec import HearingCodec, MelCodec
from phonofilm.cues import CueCurves, CueSheet
from phonofilm.flow.inpaint import inpaint, walks
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.sampler import Velocity, euler, even_times
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import ClipInfo, FloatArray, Progress
from phonofilm.weights.registry import ModelRow
from phonofilm.windows import Window, joined


@dataclass(frozen=True)
class Held:
    """A part of an earlier take that new sound is to grow into.

    first: its first latent step in the whole. latents: (L, C) of the earlier sound. free: (L,) bool, which steps are to
    be new; the others stay.
    """

    first: int
    latents: Tensor
    free: Tensor

    @property
    def window(self) -> Window:
        return Window(self.first, self.first + len(self.latents))


Sampler = Callable[[int, Callable[[float], None], Held | None], Tensor]
"""(seed, told the share that is done, what is held of an earlier take or None) → latents (L, C), of the whole or of
what is held. It holds the network: drop it to free the memory."""
Decoder = Callable[[Tensor, int], FloatArray]
"""(latents (L, C), seed) → mono sound (S,) float32. It holds the codec."""
Encoder = Callable[[FloatArray], Tensor]
"""(mono sound (S,), S = L * samples_a_step, at about ACTIVE_DBFS) → latents (L, C). It holds the codec's other half."""
ACTIVE_DBFS = -20.0
"""Level of the loud parts of the sounds that the networks were trained on."""
TRY_SEED = 1 << 42
"""Added to the seed for each further draw of a take."""
REDO_SEED = 1 << 40
"""Added to the seed of what is redone, lest the first try draw the same noise as the take itself."""


@dataclass(frozen=True)
class Sight:
    """What was read off the pixels of one clip.

    edited: sheet and curves are the user's, not what was seen. cuts_s: when new shots begin. label, kind: what the
    things in it sound like, and whether that is an event, an animal, music, ...; '' where nothing is named.
    """

    clip: ClipInfo
    curves: CueCurves
    sheet: CueSheet
    edited: bool
    cuts_s: tuple[float, ...]
    label: str = field(default="", kw_only=True)
    kind: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Scene:
    """Everything the network is told about one soundtrack.

    count: samples wanted, S. loudest_lufs: the loudness that it is not to be raised above, None where it may have any.
    quieter: (start in seconds, end, gain in dB) of spans that are to be so much quieter than the rest. words: what is
    asked for, by a person or by what the picture names; '' where neither says anything. at_a_loss: the picture names
    nothing and little happens in it, so that a quiet room is all there is to hear. unlearnt: a person's words come near
    to no sound that the model has learnt.
    """

    count: int
    loudest_lufs: float | None = field(default=None, kw_only=True)
    quieter: tuple[tuple[float, float, float], ...] = field(default=(), kw_only=True)
    words: str = field(default="", kw_only=True)
    at_a_loss: bool = field(default=False, kw_only=True)
    unlearnt: bool = field(default=False, kw_only=True)


class Guide(ABC):
    """One loaded model with its encoders. It serves any number of clips; nothing in it changes."""

    row: ModelRow
    rate_hz: int
    """Of the sound."""
    curve_rate_hz: Fraction
    """Clock of cue curves."""
    samples_a_step: int
    """Audio samples that one latent step stands for."""
    tries: int = 1
    """How often a take may be drawn until it is as asked for."""

    @abstractmethod
    def look(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> Sight:
        """Decode the picture once and read off it what there is. Raises MediaError."""

    @abstractmethod
    def follow(self, sight: Sight, sheet: CueSheet) -> Sight:
        """The same sight with an edited cue sheet. Raises OptionError where a model cannot follow one."""

    def seeing(self, name: str) -> "Guide | None":
        """The same model when it takes every picture for one of this ImageNet class, for measures.

        None where a model names no pictures. Raises ValueError for a name that is no class.
        """
        return None

    def still(self, sight: Sight) -> Sight:
        """The same sight with nothing in it that is heard, for when that is played. As it is where a model cannot."""
        return sight

    @abstractmethod
    def seen_scene(self, sight: Sight, options: AddOptions, watch: Stopwatch, progress: Progress) -> Scene:
        """The scene of a clip and its prompts."""

    @abstractmethod
    def spoken_scene(
        self, prompt: str, count: int, options: MakeOptions, watch: Stopwatch, progress: Progress
    ) -> Scene:
        """The scene of words alone, `count` samples long."""

    @abstractmethod
    def sampler(self, scene: Scene, options: AddOptions | MakeOptions, watch: Stopwatch, progress: Progress) -> Sampler:
        """What carries noise to latents under the scene."""

    @abstractmethod
    def decoder(self, scene: Scene, watch: Stopwatch, progress: Progress) -> Decoder:
        """What turns those latents into sound, `count` samples of it."""

    def worth(self, scene: Scene, wave: FloatArray, seed: int) -> float:
        """How far what was drawn (S,) from a seed is as the scene asks; from `worth.GOOD` on it is taken."""
        return 1.0

    def finished(self, scene: Scene, wave: FloatArray, seed: int) -> FloatArray:
        """What was drawn (S,) from a seed, without what the scene says is not heard."""
        return wave

    @abstractmethod
    def around(self, scene: Scene, first: int, end: int) -> Window:
        """The latent steps to be seen and sampled at once when the samples [first, end) are made anew."""

    @abstractmethod
    def encoder(self, watch: Stopwatch, progress: Progress) -> Encoder:
        """What turns sound into latents. Raises OptionError where a model cannot."""


def _folded(seed: int, own: int | None = None) -> int:
    """A seed in 32 bits: torch's generator on the processor ignores all others."""
    if own is None and seed < 1 << 32:
        return seed
    return int(np.random.SeedSequence(seed if own is None else [seed, own]).generate_state(1)[0])


def latents_by(
    flow: FlowNetwork,
    velocity_of: Callable[[Window], Velocity],
    steps: int,
    total: int,
    device: torch.device,
    own: int | None = None,
) -> Sampler:
    """The sampler that goes in `total` steps from seeded noise to latents of the codec, L = `steps` of them.

    `velocity_of` tells the velocity over some of the steps; where an earlier take is held, only those are sampled.
    own: a number with which the same seed gives other noise.
    """
    velocity_over = functools.cache(velocity_of)

    def sample(seed: int, report: Callable[[float], None], held: Held | None = None) -> Tensor:
        window = Window(0, steps) if held is None else held.window
        velocity, times = velocity_over(window), even_times(total)
        with torch.inference_mode():
            generator = torch.Generator().manual_seed(_folded(seed + (0 if held is None else REDO_SEED), own))
            noise = torch.randn(1, window.steps, flow.config.latent_dim, generator=generator).to(device)
            if held is None:
                return flow.unnormalise(euler(velocity, noise, times, lambda done: report(done / total)))[0]  # (L, C)
            known, free = flow.normalise(held.latents[None].to(device)), held.free.to(device)
            evaluations = walks(total)
            latents = inpaint(velocity, noise, known, free, times, generator, lambda done: report(done / evaluations))
            return flow.unnormalise(latents)[0]  # (L, C)

    return sample


def latents_of(codec: Codec | HearingCodec, device: torch.device) -> Encoder:
    """The encoder that gives the latents of what `codec` hears."""

    def encode(sound: FloatArray) -> Tensor:
        with torch.inference_mode():
            return codec.encode(torch.from_numpy(sound)[None].to(device))[0]  # (L, C)

    return encode


def sound_by(codec: Codec | MelCodec, count: int, own: int | None = None) -> Decoder:
    """The decoder that gives the first S = `count` samples of what `codec` makes of latents.

    own: as in `latents_by`.
    """

    def decode(latents: Tensor, seed: int) -> FloatArray:
        with torch.inference_mode():
            wave = codec.decode(latents, _folded(seed, own))[:count]  # (S,)
        return np.asarray(wave.cpu().numpy(), np.float32)

    return decode


def held_parts(
    guide: Guide,
    scene: Scene,
    sound: FloatArray,
    spans: Sequence[tuple[int, int]],
    watch: Stopwatch,
    progress: Progress,
) -> list[Held]:
    """What is held of an earlier mono sound (S,) while `spans` of it, in samples, are made anew.

    One entry for all that the network sees at once. The sound must have the rate and about the level of the model.
    """
    step = guide.samples_a_step
    windows = joined([guide.around(scene, first, end) for first, end in spans])
    encode = guide.encoder(watch, progress)
    with watch.stage("encode", progress):
        parts = []
        for window in windows:
            piece = sound[window.first * step : min(window.end * step, scene.count)]
            piece = np.pad(piece, (0, window.steps * step - len(piece)))  # (L * step,)
            starts = torch.arange(window.first, window.end) * step  # (L,)
            touched = [(starts < end) & (starts + step > first) for first, end in spans]  # (L,) each
            parts.append(Held(window.first, encode(piece), torch.stack(touched).any(dim=0)))
        return parts


def flat_curves(rate_hz: Fraction) -> CueCurves:
    """Curves of a scene without a picture: nothing begins and nothing is placed anywhere."""
    nothing = np.zeros(1, np.float32)
    return CueCurves(rate_hz, nothing, nothing, nothing)
