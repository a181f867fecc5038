"""What words have counted is not heard more often: "a gunshot" is one, also in eight seconds.

The network is told when the shots are, and fills what is left of a long sound with more of them at times. Once a
counted sound has died away, what follows is therefore faded out, until the next one that was asked for.

Dimension letters: S samples, K hits, B blocks.
"""

import numpy as np

from phonofilm.scenes.worth import BLOCK_S, block_power
from phonofilm.types import FloatArray

EARLY_S = 0.15
"""A sound may begin so long before its hit: a creak before the slam, a breath before the sneeze."""
PEAK_S = 0.3
"""The peak of a sound is looked for so long after its hit."""
DIED_DB, DIED_BLOCKS = -35.0, 2
"""A sound has died away when so many blocks in a row lie this far below its peak."""
FADE_S = 0.05


def only_counted(wave: FloatArray, rate_hz: int, hits_s: FloatArray) -> FloatArray:
    """The sound (S,) without what begins after a hit's sound has died away, or before the first hit.

    hits_s: (K,) rising, in seconds. A sound that does not die away is left alone until the next hit.
    """
    power = block_power(wave, rate_hz)  # (B,)
    block, count = round(BLOCK_S * rate_hz), len(power)
    if not count or not len(hits_s):
        return wave
    starts = [max(0, int((time_s - EARLY_S) / BLOCK_S)) for time_s in hits_s.tolist()]
    kept = np.zeros(count + 1, bool)  # the last one is what is left over after whole blocks
    for start, end, hit_s in zip(starts, [*starts[1:], count + 1], hits_s.tolist(), strict=True):
        kept[start : max(start, _died(power, hit_s, end))] = True
    heard = np.repeat(kept, block)[: len(wave)].astype(np.float32)
    heard = np.concatenate([heard, np.full(len(wave) - len(heard), kept[-1], np.float32)])
    fade = round(FADE_S * rate_hz)
    # A mean over the fade's length makes ramps of edges; padding by the edge leaves begin and end as they are.
    summed = np.cumsum(np.concatenate([[0.0], np.pad(heard, (fade // 2, fade - 1 - fade // 2), mode="edge")]))
    ramps = (summed[fade:] - summed[:-fade]) / fade
    result: FloatArray = (wave * ramps).astype(np.float32)
    return result


def _died(power: FloatArray, hit_s: float, end: int) -> int:
    """The block at which the sound of a hit has died away; `end`, where the next begins, if it does not."""
    first = int(hit_s / BLOCK_S)
    peak_end = min(end, first + round(PEAK_S / BLOCK_S) + 1, len(power))
    if first >= peak_end:
        return end
    peak = first + int(power[first:peak_end].argmax())
    low = power[peak:end] < power[peak] * 10 ** (DIED_DB / 10)
    for index in range(len(low) - DIED_BLOCKS + 1):
        if low[index : index + DIED_BLOCKS].all():
            return peak + index + DIED_BLOCKS
    return end
