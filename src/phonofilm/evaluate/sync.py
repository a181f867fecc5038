"""Is the sound in time? Onsets of made sound against onsets of the real one.

Dimension letters: K generated onsets, R real onsets.
"""

from dataclasses import dataclass

import numpy as np

from phonofilm.codec.onsets import detect_onsets
from phonofilm.types import FloatArray, Waveform

TOLERANCE_S = 0.08
"""Half the window within which picture and sound are taken for one event (ITU-R BT.1359: -125 to +45 ms is noticed)."""
ROLLS = 48


@dataclass(frozen=True)
class SyncScore:
    """Onsets compared. Shares are 0 to 1; with no real onsets or no generated ones, F1 is 0 unless both are none."""

    real: int
    generated: int
    hit_share: float
    false_share: float
    f1: float
    chance_f1: float
    median_error_ms: float

    @property
    def f1_minus_chance(self) -> float:
        """What timing adds over the same rhythm at any other moment."""
        return self.f1 - self.chance_f1


def matches(generated_s: FloatArray, real_s: FloatArray, tolerance_s: float) -> list[float]:
    """Signed errors in seconds of the largest one-to-one matching within the tolerance; both (K,), (R,) rising."""
    errors, k, r = [], 0, 0
    while k < len(generated_s) and r < len(real_s):
        error = float(generated_s[k] - real_s[r])
        if abs(error) <= tolerance_s:
            # Both lists rise, so pairing the earliest that fit never costs a later pair.
            errors.append(error)
            k, r = k + 1, r + 1
        elif error < 0:
            k += 1
        else:
            r += 1
    return errors


def f_measure(hits: int, generated: int, real: int) -> float:
    """Harmonic mean of precision and recall; 1 when both lists are empty."""
    return 2 * hits / (generated + real) if generated + real else 1.0


def compare_onsets(
    generated_s: FloatArray, real_s: FloatArray, length_s: float, tolerance_s: float = TOLERANCE_S
) -> SyncScore:
    """Score onset times (K,) against the truth (R,), both rising, in a clip of `length_s`.

    Chance is the mean F1 of the generated onsets rolled in time by ROLLS shifts spread over the clip, leaving out
    shifts under twice the tolerance: the same number and rhythm at wrong moments. Does not see what an onset sounds
    like, nor whether a loud one was made of a faint one; a clip with a steady beat has a high chance level, and one
    with very dense onsets cannot score at all.
    """
    errors = matches(generated_s, real_s, tolerance_s)
    rolled = [
        f_measure(
            len(matches(np.sort((generated_s + shift) % length_s), real_s, tolerance_s)), len(generated_s), len(real_s)
        )
        for shift in np.linspace(2 * tolerance_s, max(length_s - 2 * tolerance_s, 2 * tolerance_s), ROLLS)
    ]
    return SyncScore(
        real=len(real_s),
        generated=len(generated_s),
        hit_share=len(errors) / len(real_s) if len(real_s) else 0.0,
        false_share=1 - len(errors) / len(generated_s) if len(generated_s) else 0.0,
        f1=f_measure(len(errors), len(generated_s), len(real_s)),
        chance_f1=float(np.mean(rolled)),
        median_error_ms=float(np.median(np.abs(errors))) * 1000 if errors else float("nan"),
    )


def compare_sounds(generated: Waveform, real: Waveform, tolerance_s: float = TOLERANCE_S) -> SyncScore:
    """As `compare_onsets`, with the onsets detected in two sounds that begin together; all channels are summed."""
    onsets = [
        np.sort(detect_onsets(sound.samples.mean(axis=0).astype(np.float32), sound.rate_hz)[0])
        for sound in (generated, real)
    ]
    return compare_onsets(onsets[0], onsets[1], float(real.duration_s), tolerance_s)
