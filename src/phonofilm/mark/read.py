"""Reading what a mark says at a place where the pattern was seen.

W places, B bands, N slots of a period
"""

from dataclasses import dataclass

import numpy as np

from phonofilm.mark.code import CODED_BITS, decode, decode_list, encode
from phonofilm.mark.key import Key, pattern
from phonofilm.mark.payload import Payload, from_bits
from phonofilm.types import FloatArray


@dataclass(frozen=True)
class Reading:
    """What one place says.

    presence: score of the presence cells alone. whole: score of all cells once the payload is known, 0 where it could
    not be decoded. Both are in standard deviations, at most.
    """

    presence: float
    whole: float
    payload: Payload | None


def score(seen: FloatArray, chips: FloatArray) -> float:
    """Evidence (B, N) for signs (B, N) of ±1 or 0, in units of the root of the sum of its squares."""
    used = seen[chips != 0]
    return float((seen * chips).sum() / np.sqrt((used**2).sum() + 1e-9))


def read(seen: FloatArray, key: Key, listed: bool = False) -> list[Reading]:
    """Decode the evidence of (W, B, N) cells at W places; listed: try the next likeliest words too."""
    drawn = pattern(key)
    coded = drawn.coded >= 0
    spoken = [np.bincount(drawn.coded[coded], (at * drawn.signs)[coded], CODED_BITS) for at in seen]
    soft = np.stack(spoken).astype(np.float32)
    words = decode_list(soft) if listed else decode(soft)[:, None]  # (W, L, 44)
    readings = []
    for at, choices in zip(seen, words, strict=True):
        fitting = ([int(bit) for bit in bits] for bits in choices)
        chosen = next((bits for bits in fitting if from_bits(bits)), None)
        whole = score(at, drawn.chips(encode(chosen))) if chosen else 0.0
        readings.append(Reading(score(at, drawn.presence), whole, from_bits(chosen) if chosen else None))
    return readings
