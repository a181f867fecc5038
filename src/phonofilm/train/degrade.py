"""Cue curves made worse on purpose, so that the network follows what pixels say without trusting it blindly.

In training the curves come from the sound itself and are perfect. At work they come from motion: late, early, missing,
invented, and with an activity that has little to do with loudness.

Dimension letters: N curve points.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from phonofilm.cues import BUMP_WIDTH_S, bumps, peaks
from phonofilm.types import FloatArray


@dataclass(frozen=True)
class Degradation:
    """Shares of examples, unless a unit says otherwise."""

    clean: float
    no_onsets_known: float
    no_activity_known: float
    dropped: float
    invented_per_s: float
    jitter_s: float
    gain_spread: float


MINI_DEGRADATION = Degradation(
    clean=0.35,
    no_onsets_known=0.3,
    no_activity_known=0.7,
    dropped=0.05,
    invented_per_s=0.08,
    jitter_s=0.012,
    gain_spread=0.35,
)


def degrade_onsets(
    onset: FloatArray, rate_hz: Fraction, how: Degradation, generator: np.random.Generator
) -> FloatArray:
    """(N,) → (N,): events lost, invented, moved a little, and of other strength."""
    times, strengths = peaks(onset, rate_hz)
    kept = generator.random(len(times)) >= how.dropped * generator.random()
    times, strengths = times[kept], strengths[kept]
    times = times + generator.normal(0, how.jitter_s * generator.random(), len(times)).astype(np.float32)
    strengths = strengths * np.exp(generator.normal(0, how.gain_spread, len(times)))
    length_s = len(onset) / float(rate_hz)
    false = generator.poisson(how.invented_per_s * length_s * generator.random())
    times = np.concatenate([times, generator.uniform(0, length_s, false)])
    strengths = np.concatenate([strengths, generator.uniform(0.15, 0.5, false)])
    order = np.argsort(times)
    return bumps(
        times[order].clip(0).astype(np.float32), strengths[order].clip(0.15, 1).astype(np.float32), rate_hz, len(onset)
    )


def degrade_activity(activity: FloatArray, rate_hz: Fraction, generator: np.random.Generator) -> FloatArray:
    """(N,) → (N,): smoothed, bent and scaled, as motion relates to loudness."""
    width = max(1, int(generator.uniform(2 * BUMP_WIDTH_S, 0.4) * float(rate_hz)))
    box = np.ones(width, np.float32) / width
    smooth = np.convolve(np.pad(activity, (width, width), mode="edge"), box, "same")[width:-width]
    bent = smooth ** generator.uniform(0.5, 2.0) * generator.uniform(0.4, 1.4) + generator.uniform(0, 0.15)
    return bent.clip(0, 1).astype(np.float32)


def degrade(
    onset: FloatArray, activity: FloatArray, rate_hz: Fraction, how: Degradation, generator: np.random.Generator
) -> tuple[FloatArray | None, FloatArray | None]:
    """Degraded onset and activity (N,); None for a curve that is withheld."""
    know_onsets = generator.random() >= how.no_onsets_known
    know_activity = generator.random() >= how.no_activity_known
    if generator.random() >= how.clean:
        onset = degrade_onsets(onset, rate_hz, how, generator)
        activity = degrade_activity(activity, rate_hz, generator)
    return onset if know_onsets else None, activity if know_activity else None
