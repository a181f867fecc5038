"""The readout of the lips: from measures of a mouth to its opening, and to the chance that it is speaking.

Two linear filters over a third to half a second of measures, learned by `train/lips` on talking faces with their
sound; the opening was taught to follow the loudness of the voice. They are 122 numbers.

Dimension letters: F frames, N points of the even clock, M measures, T taps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from phonofilm.types import FloatArray

Floats = npt.NDArray[np.float64]
FILE = Path(__file__).with_name("lips.safetensors")
RATE_HZ = 25
"""Of the even clock that the filters run on; the faces they learned from have 25 frames a second."""
OPENING_MEASURES = 6
"""The first so many measures tell the opening."""
CHIN, LIP, STIR, CALM = 4, 5, 6, 7
QUIET_SHARE = 10
"""Per cent of the frames of a face that are taken to be its quietest."""
USUAL_QUIET = -3.5
"""Logarithm of the changes of a mouth that is shut, in a clean picture."""
QUIET_TRUST = 0.5
"""How far a face's own quietest frames move the level from which its stir is counted: grain and compression raise it,
but so does a mouth that never rests."""


@dataclass(frozen=True, eq=False)
class LipReader:
    """The learned numbers.

    opening: (T, M) and its constant. spread: (M,) least standard deviation of the measures in a track, so that the
    noise of a still face is not blown up. speaking: (T, 4) and its constant, of levelled inputs (mean, scale: (4,)).
    """

    opening: Floats
    opening_constant: float
    spread: Floats
    speaking: Floats
    speaking_constant: float
    mean: Floats
    scale: Floats

    def read(self, measures: Floats, times_s: Sequence[float] | Floats) -> tuple[FloatArray, FloatArray]:
        """Opening and chance of speaking, (F,) each, 0 to 1, from measures (F, M) at frame times (F,)."""
        times = np.asarray(times_s, float)
        clock, even = on_clock(measures, times)
        opening = filtered(levelled(even, self.spread), self.opening) + self.opening_constant  # (N,)
        inputs = (speaking_inputs(even) - self.mean) / self.scale  # (N, 4)
        chance = 1 / (1 + np.exp(-np.clip(filtered(inputs, self.speaking) + self.speaking_constant, -30, 30)))  # (N,)
        return (
            np.interp(times, clock, np.clip(opening, 0, 1)).astype(np.float32),
            np.interp(times, clock, chance).astype(np.float32),
        )


def on_clock(measures: Floats, times: Floats) -> tuple[Floats, Floats]:
    """The even clock (N,) from the first to the last frame, and the measures on it (N, M)."""
    clock = times[0] + np.arange(max(1, int((times[-1] - times[0]) * RATE_HZ + 1.5))) / RATE_HZ
    even = np.stack([np.interp(clock, times, column) for column in measures.T], axis=1)  # (N, M)
    return clock, even


def levelled(even: Floats, spread: Floats) -> Floats:
    """What tells the opening, (N, 6), around its mean in units of its own spread or the least one."""
    told = even[:, :OPENING_MEASURES]
    return np.asarray((told - told.mean(axis=0)) / np.maximum(told.std(axis=0), spread))


def speaking_inputs(even: Floats) -> Floats:
    """(N, 4) stir of the mouth above its quiet level, and above that of the upper face; paces of chin and lower lip."""
    stir = even[:, STIR]
    quiet = np.percentile(np.convolve(np.pad(stir, 2, mode="edge"), np.ones(5) / 5, mode="valid"), QUIET_SHARE)
    paces = [np.abs(np.gradient(even[:, which])) if len(even) > 1 else np.zeros(1) for which in (CHIN, LIP)]
    return np.stack([stir - QUIET_TRUST * (quiet - USUAL_QUIET), stir - even[:, CALM], *paces], axis=1)


def windows(inputs: Floats, taps: int) -> Floats:
    """(N, T * M) inputs (N, M) around each point, the ends held."""
    reach = taps // 2
    padded = np.pad(inputs, ((reach, reach), (0, 0)), mode="edge")
    return np.hstack([padded[tap : tap + len(inputs)] for tap in range(taps)])


def filtered(inputs: Floats, weights: Floats) -> Floats:
    """(N,) inputs (N, M) through a filter (T, M)."""
    return np.asarray(windows(inputs, len(weights)) @ weights.ravel())


@cache
def load_reader() -> LipReader:
    """The reader in the package."""
    numbers = {name: value.astype(np.float64) for name, value in load_file(FILE).items()}
    return LipReader(
        opening=numbers["opening"],
        opening_constant=float(numbers["opening_constant"][0]),
        spread=numbers["spread"],
        speaking=numbers["speaking"],
        speaking_constant=float(numbers["speaking_constant"][0]),
        mean=numbers["mean"],
        scale=numbers["scale"],
    )
