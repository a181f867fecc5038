"""What the pipeline needs of a model: look at a clip, take words, carry noise to latents, turn latents into sound.

Everything that is particular to one kind of model, its encoders above all, stands behind this interface.

Dimension letters: L latent steps, C latent width, S samples.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from phonofilm.codec.codec import Codec
from phonofilm.codec.mel_codec import MelCodec
from phonofilm.cues import CueCurves, CueSheet
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.sampler import Velocity, euler, even_times
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import ClipInfo, FloatArray, Progress
from phonofilm.weights.registry import ModelRow

Sampler = Callable[[int, Callable[[float], None]], Tensor]
"""(seed, told the share that is done) → latents (L, C). It holds the network: drop it to free the memory."""
Decoder = Callable[[Tensor, int], FloatArray]
"""(latents (L, C), seed) → mono sound (S,) float32. It holds the codec."""


@dataclass(frozen=True)
class Sight:
    """What was read off the pixels of one clip. edited: sheet and curves are the user's, not what was seen."""

    clip: ClipInfo
    curves: CueCurves
    sheet: CueSheet
    edited: bool


@dataclass(frozen=True)
class Scene:
    """Everything the network is told about one soundtrack. count: samples wanted, S."""

    count: int


class Guide(ABC):
    """One loaded model with its encoders. It serves any number of clips; nothing in it changes."""

    row: ModelRow
    rate_hz: int
    """Of the sound."""
    curve_rate_hz: Fraction
    """Clock of cue curves."""

    @abstractmethod
    def look(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> Sight:
        """Decode the picture once and read off it what there is. Raises MediaError."""

    @abstractmethod
    def follow(self, sight: Sight, sheet: CueSheet) -> Sight:
        """The same sight with an edited cue sheet. Raises OptionError where a model cannot follow one."""

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


def latents_by(flow: FlowNetwork, velocity: Velocity, steps: int, total: int, device: torch.device) -> Sampler:
    """The sampler that follows `velocity` in `total` steps from seeded noise to L = `steps` latents of the codec."""

    def sample(seed: int, report: Callable[[float], None]) -> Tensor:
        with torch.inference_mode():
            generator = torch.Generator().manual_seed(seed)
            noise = torch.randn(1, steps, flow.config.latent_dim, generator=generator).to(device)
            latents = euler(velocity, noise, even_times(total), lambda done: report(done / total))
            return flow.unnormalise(latents)[0]  # (L, C)

    return sample


def sound_by(codec: Codec | MelCodec, count: int) -> Decoder:
    """The decoder that gives the first S = `count` samples of what `codec` makes of latents."""

    def decode(latents: Tensor, seed: int) -> FloatArray:
        with torch.inference_mode():
            wave = codec.decode(latents, seed)[:count]  # (S,)
        return np.asarray(wave.cpu().numpy(), np.float32)

    return decode


def flat_curves(rate_hz: Fraction) -> CueCurves:
    """Curves of a scene without a picture: nothing begins and nothing is placed anywhere."""
    nothing = np.zeros(1, np.float32)
    return CueCurves(rate_hz, nothing, nothing, nothing)
