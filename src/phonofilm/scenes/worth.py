"""Did the sound come out as it was asked for? A draw that did not is drawn again, since sampling is cheap.

Now and then noise leads the sampler astray: it fills the time between hits with a roar as loud as the hits, or leaves
some of them out, or makes next to nothing where nobody has named a moment. All are seen in the sound itself, without an
opinion on what it should sound like.

Dimension letters: S samples, K hits, O onsets, B blocks.
"""

import math

import numpy as np

from phonofilm.codec.onsets import detect_onsets
from phonofilm.types import FloatArray

TOLERANCE_S = 0.08
"""Half the window within which picture and sound are taken for one event (see `evaluate.sync`)."""
GOOD = 0.75
"""From here on a draw is taken at once. The median draw reaches 0.9."""
BLOCK_S = 0.05
BEFORE_S, AFTER_S = 0.1, 0.8
"""A hit may be heard from so long before it until so long after it; what lies further from all hits is a gap."""
LEAST_GAP_S = 0.3
LOUD_SHARE = 0.75
"""A gap is as loud as the block that this share of its blocks does not exceed."""
FAINT_DBFS, HEARD_DBFS = -60.0, -30.0
"""A block that should be heard: not there at the first, as it should be from the other on."""
LOUDEST_GAP_DB, QUIET_GAP_DB = -6.0, -20.0
"""Against the hits: from the first on a gap is as loud as they are, below the other it is a background."""


def worth(wave: FloatArray, rate_hz: int, hits_s: FloatArray, dry: bool, lasting: bool = False) -> float:
    """How far a sound (S,) does what hits (K,) at times in seconds ask of it: 1 for all of it, down to -1.

    The F1 of its onsets and the hits, times how far it is there at all, less up to 1 where there is a roar between
    them. dry: only the hits are to be heard; else something may go on between them, and it is not looked at. Without
    hits it need only be heard. lasting: it is meant to go on (rain, an engine), which most of it must; hits in the
    picture are not its own.
    """
    if lasting or not len(hits_s):
        return _presence(wave, rate_hz, 0.5 if lasting else 1.0)
    onsets_s = detect_onsets(wave, rate_hz)[0]  # (O,)
    if not len(onsets_s):
        return 0.0
    apart_s = np.abs(onsets_s[:, None] - hits_s[None])  # (O, K)
    hit, meant = (apart_s.min(axis) <= TOLERANCE_S for axis in (0, 1))
    f1 = 2 * float(hit.mean()) * float(meant.mean()) / max(float(hit.mean()) + float(meant.mean()), 1e-9)
    # One that is all but silent would be brought to full loudness, with its noise.
    return f1 * _presence(wave, rate_hz, 1.0) - (_roar(wave, rate_hz, hits_s) if dry else 0.0)


def block_power(wave: FloatArray, rate_hz: int) -> FloatArray:
    """(B,) mean square of whole blocks; none where the sound is shorter than one."""
    block = round(BLOCK_S * rate_hz)
    count = len(wave) // block
    power: FloatArray = np.square(wave[: count * block].reshape(count, block)).mean(1)
    return power


def _presence(wave: FloatArray, rate_hz: int, share: float) -> float:
    """0 for silence, 1 for the level of sounds, by the block that this share of all blocks does not exceed."""
    power = block_power(wave, rate_hz)
    if not len(power):
        return 1.0
    level_db = 10 * math.log10(max(float(np.quantile(power, share)), 1e-12))
    return float(np.clip((level_db - FAINT_DBFS) / (HEARD_DBFS - FAINT_DBFS), 0, 1))


def _roar(wave: FloatArray, rate_hz: int, hits_s: FloatArray) -> float:
    """0 where it is quiet between hits, 1 where it is as loud as at them."""
    power = block_power(wave, rate_hz)  # (B,)
    count = len(power)
    if not count:
        return 0.0
    starts_s = np.arange(count) * BLOCK_S
    since_s = starts_s[:, None] - hits_s[None]  # (B, K)
    gap = ((since_s < -BEFORE_S - BLOCK_S) | (since_s > AFTER_S)).all(1)
    at = [int(time_s / BLOCK_S) for time_s in hits_s if int(time_s / BLOCK_S) < count]
    if gap.sum() * BLOCK_S < LEAST_GAP_S or not at:
        return 0.0
    hit_power = float(np.median([power[first : first + 3].max() for first in at]))
    gap_power = float(np.quantile(power[gap], LOUD_SHARE))
    gap_db = 10 * math.log10(max(gap_power, 1e-12) / max(hit_power, 1e-12))
    return float(np.clip((gap_db - QUIET_GAP_DB) / (LOUDEST_GAP_DB - QUIET_GAP_DB), 0, 1))
