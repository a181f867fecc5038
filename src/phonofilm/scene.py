"""What the network is told about one soundtrack: read off the pixels, said in words, or both.

Dimension letters: F frames, I image rows, L latent steps, P curve points per latent step, N = L * P curve points,
T text tokens, E embedding width, D sync width.
"""

import logging
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from phonofilm.cues import CueCurves, CueSheet
from phonofilm.flow.conditions import Conditions
from phonofilm.flow.sync_features import sync_features
from phonofilm.types import ClipInfo
from phonofilm.weights.load import Nets
from phonofilm.windows import Window

logger = logging.getLogger(__name__)

IMAGE_RATE_HZ = Fraction(4)
KNOWN = 0.5
"""Support above which an expected sound is told to the network; below it the picture says nothing."""
KNOWN_ROWS = 0.25
"""Share of the picture's rows that must name something for the picture to be taken at its word."""
STRUCK_WORDS = "a dull thud, something is tapped, quiet room tone"
STILL_WORDS = "quiet room tone, fabric rustling"
"""What is asked for when there is no prompt and the picture names nothing: an unguided draw would be a random sound, a
chainsaw as likely as rain. Where things strike each other in the picture they are heard to."""
STRUCK_EVENTS_HZ = 0.3
CONTINUOUS_KINDS = ("ambience", "vehicle")
"""Expected sounds that go on without hits: a jolt in the picture of a driving car is no blow."""


@dataclass(frozen=True)
class Sight:
    """What was read off the pixels of one clip.

    image (F, E) expected sounds at IMAGE_RATE_HZ and known (F,) bool; label and kind name the most likely of them;
    curves on the clock of the latents. edited says that sheet and curves are the user's, not what was seen.
    """

    clip: ClipInfo
    image: Tensor
    known: Tensor
    label: str
    kind: str
    curves: CueCurves
    sheet: CueSheet
    edited: bool


@dataclass(frozen=True)
class Scene:
    """Everything the network is told about one soundtrack, before windows.

    count: samples wanted. image (I, E), known (I,) bool; onset and activity (N,) or None where nothing is known; text
    and negative (T, E) or None.
    """

    count: int
    steps: int
    image: Tensor
    known: Tensor
    onset: Tensor | None
    activity: Tensor | None
    text: Tensor | None
    negative: Tensor | None


def latent_steps(nets: Nets, count: int) -> int:
    """Latent steps L that cover `count` samples."""
    return max(1, ceil(count / nets.codec.samples_a_step))


def points_a_step(nets: Nets) -> int:
    """Curve points P that one latent step holds."""
    return nets.codec.vae.config.patch


def curve_rate_hz(nets: Nets) -> Fraction:
    """Clock of the curves that the network takes."""
    return Fraction(nets.codec.rate_hz * points_a_step(nets), nets.codec.samples_a_step)


def seen_scene(
    nets: Nets, sight: Sight, count: int, sync: float, text: Tensor | None, negative: Tensor | None
) -> Scene:
    """The scene of a clip. sync, 0 to 1, scales the onsets; at 0 nothing is said about time.

    Nor is it where the picture names a continuous sound and neither words nor an edited sheet ask for another.
    """
    onset: Tensor | None = torch.from_numpy(sight.curves.onset) * sync
    activity: Tensor | None = None
    if sight.edited and any(not cue.is_event for cue in sight.sheet.cues):
        # How much moves says little about how loud it is (rain falls in a still picture): on the eight clips of the log
        # it made sound follow the cues less (F1 0.70 for 0.78). A person's stretches are meant, so they are followed.
        activity = torch.from_numpy(sight.curves.activity)
    continuous = text is None and not sight.edited and sight.kind in CONTINUOUS_KINDS
    if sync == 0 or continuous:
        onset = activity = None
    return Scene(count, latent_steps(nets, count), sight.image, sight.known, onset, activity, text, negative)


def spoken_scene(nets: Nets, count: int, text: Tensor | None, negative: Tensor | None) -> Scene:
    """The scene of words alone."""
    image = torch.zeros(1, nets.flow.config.clip_dim)
    known = torch.zeros(1, dtype=torch.bool)
    return Scene(count, latent_steps(nets, count), image, known, None, None, text, negative)


def words_for_unnamed(sight: Sight) -> str:
    """Words that stand in for a picture that names nothing; '' where it does."""
    if float(sight.known.float().mean()) >= KNOWN_ROWS:
        return ""
    words = STRUCK_WORDS
    if len(sight.sheet.events) < STRUCK_EVENTS_HZ * float(sight.clip.duration_s):
        words = STILL_WORDS
    logger.info("the picture names no sound; taking %r", words)
    return words


def window_conditions(nets: Nets, scene: Scene, window: Window) -> tuple[Conditions, Conditions]:
    """What one window is told, and the empty (or negative) counterpart, for a batch of one."""
    flow, device, points = nets.flow, nets.device, points_a_step(nets)
    step_s = nets.codec.samples_a_step / nets.codec.rate_hz
    rows = max(1, round(window.steps * step_s * float(IMAGE_RATE_HZ)))
    wanted = (window.first * step_s * float(IMAGE_RATE_HZ) + torch.arange(rows)).round().long()
    index = wanted.clamp_max(len(scene.image) - 1)  # (I,)
    clip, sync, silent = flow.empty_features(1, rows, window.steps)
    known = scene.known[index][None, :, None].to(device)  # (1, I, 1)
    clip = torch.where(known, scene.image[index][None].to(device), clip)  # (1, I, E)
    if scene.onset is not None or scene.activity is not None:
        span = slice(window.first * points, window.end * points)
        onset, activity = (None if curve is None else curve[span] for curve in (scene.onset, scene.activity))
        sync = sync_features(onset, activity, window.steps, points)[None].to(device)  # (1, L, D)
    text = silent if scene.text is None else scene.text[None].to(device)  # (1, T, E)
    negative = None if scene.negative is None else scene.negative[None].to(device)
    told = flow.conditions(clip, sync, text, window.steps)
    return told, flow.empty_conditions(1, rows, window.steps, window.steps, negative)
