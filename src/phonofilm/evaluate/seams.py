"""Can it be heard where windows join? Change of the spectrum near the joints of a long sound against elsewhere.

Dimension letters: S samples, M analysis frames, J joints.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import stft

from phonofilm.codec.spectral import MEL_44K
from phonofilm.errors import InputError
from phonofilm.types import Waveform
from phonofilm.weights.load import Sampling
from phonofilm.windows import plan

NEAR_S = 0.5
"""A joint is heard, if at all, within this time of it."""
MINI_STEP_S = 4 * MEL_44K.hop / MEL_44K.rate_hz
"""Four mel frames make one latent step of `mini`."""
FRAME = 2048
HOP = 512
RANGE_DB = 60.0
TOP_SHARE = 99.0
"""Percentile that stands for the largest changes: a single click elsewhere must not hide one at a joint."""


@dataclass(frozen=True)
class Seams:
    """Spectral flux within NEAR_S of the joints divided by that elsewhere; about 1 where nothing is heard of them.

    mean: of the mean flux. largest: the largest near a joint by the 99th percentile elsewhere.
    """

    joints: int
    mean: float
    largest: float


def joints_s(steps: int, step_s: float, sampling: Sampling) -> list[float]:
    """Middles and ends of the overlaps of the windows that sound of `steps` latent steps is sampled in, in seconds."""
    windows = plan(steps, sampling.window, sampling.overlap)
    shared = [(after.first, before.end) for before, after in itertools.pairwise(windows)]
    return [step * step_s for first, end in shared for step in (first, (first + end) / 2, end)]


def flux(sound: Waveform) -> npt.NDArray[np.float64]:
    """(M,) mean absolute change of the level from frame to frame over the bins, in dB; channels are averaged."""
    mono = sound.samples.mean(axis=0, dtype=np.float64)  # (S,)
    power = np.abs(stft(mono, nperseg=FRAME, noverlap=FRAME - HOP, boundary=None, padded=False)[2]) ** 2
    level_db = 10 * np.log10(power + 1e-14)
    level_db = np.maximum(level_db, level_db.max() - RANGE_DB)
    change: npt.NDArray[np.float64] = np.abs(np.diff(level_db, axis=1)).mean(axis=0)
    return change


def seams(sound: Waveform, joints: Sequence[float]) -> Seams:
    """How the spectrum changes near J `joints` (seconds) against elsewhere.

    Does not see: windows that differ as scenes do, smoothly, over more than half a second (a rain that turns into
    another rain), and joints hidden under events. Sound with few events near the joints by chance comes out under 1,
    and over 1 with many: take the mean over several sounds. Raises InputError when there are no joints in the sound or
    nothing elsewhere.
    """
    if sound.samples.shape[1] < 2 * FRAME:
        raise InputError(f"the sound has {sound.samples.shape[1]} samples; seams are sought in longer ones")
    change = flux(sound)
    times_s = (np.arange(len(change)) * HOP + (FRAME + HOP) / 2) / sound.rate_hz
    near = np.zeros(len(change), bool)
    for joint in joints:
        near |= np.abs(times_s - joint) <= NEAR_S
    if near.all() or not near.any():
        raise InputError(f"{len(joints)} joints in {float(sound.duration_s):.1f} s; give sound of two windows and more")
    rest = change[~near]
    largest = float(change[near].max() / max(np.percentile(rest, TOP_SHARE), 1e-9))
    return Seams(len(joints), float(change[near].mean() / max(rest.mean(), 1e-9)), largest)
