"""What the looks at a piece of sound prove, and what they read when taken together.

W looks, B bands, N slots of a period
"""

from dataclasses import dataclass
from math import log

import numpy as np

from phonofilm.mark.chance import log_chance
from phonofilm.mark.code import encode
from phonofilm.mark.key import Key, pattern
from phonofilm.mark.payload import Payload, payloads_log, to_bits
from phonofilm.mark.read import Reading, read, score
from phonofilm.mark.search import Place
from phonofilm.types import FloatArray

LISTED_PLACES = 4
"""Where nothing is read at once, less likely words are tried at the best few places."""
LISTED_PRESENCE = 4.5
"""Places with a lower score of presence hold no mark that could be read."""
PRESENCE_BUDGET = 1 / 16
"""Share of the chance of error that is granted to the presence cells alone, which tell of marks that cannot be read, as
those of layouts to come; the other test is that of all cells."""
PAYLOAD_CHANCE = 1e-6
"""A payload is told when the bound for all cells is below this; its check has fitted too."""


@dataclass(frozen=True)
class Sighting:
    """The mark, or what looks most like it. log_chance: natural logarithm of the bound for the piece."""

    key: Key
    place: Place
    reading: Reading
    log_chance: float

    @property
    def payload(self) -> Payload | None:
        return self.reading.payload


@dataclass(frozen=True)
class Look:
    """What is seen at a place: (B, N) evidence. more: what it adds to the logarithm of the trials."""

    seen: FloatArray
    place: Place
    more: float


def is_read(found: list[Sighting], believed: float) -> bool:
    """Whether a payload was read with a chance of error below exp(believed)."""
    return any(sighting.log_chance <= believed and sighting.payload for sighting in found)


def likeliest_first(found: list[Sighting]) -> list[Sighting]:
    """The sightings in order of their chance of error."""
    return sorted(found, key=lambda sighting: (sighting.log_chance, -sighting.place.score))


def read_looks(looks: list[Look], key: Key, listed: bool = False) -> list[Reading]:
    """What each look says; listed: try the next likeliest words too."""
    return read(np.stack([look.seen for look in looks]), key, listed)


def judged_together(
    looks: list[Look], readings: list[Reading], key: Key, trials_log: float, believed: float
) -> list[Sighting]:
    """The sightings of the looks, likeliest first.

    Where nothing is sure, less likely words are tried at the best few places, and what was read at one look, however
    unsure, at all of them: every word is counted at every look anyway.
    """
    found = judged(looks, readings, key, trials_log)
    if is_read(found, believed):
        return likeliest_first(found)
    promising = sorted(range(len(looks)), key=lambda index: -looks[index].place.score)[:LISTED_PLACES]
    promising = [index for index in promising if looks[index].place.score > LISTED_PRESENCE]
    if promising:
        looks = looks + [looks[index] for index in promising]
        readings = readings + read_looks(looks[-len(promising) :], key, listed=True)
    for payload in {reading.payload for reading in readings if reading.payload}:
        chips = pattern(key).chips(encode(to_bits(payload)))
        again = [
            Reading(reading.presence, score(look.seen, chips), payload)
            for look, reading in zip(looks, readings, strict=True)
        ]
        readings = [max(pair, key=lambda reading: reading.whole) for pair in zip(readings, again, strict=True)]
    return likeliest_first(judged(looks, readings, key, trials_log))


def judged(looks: list[Look], readings: list[Reading], key: Key, trials_log: float) -> list[Sighting]:
    """What each reading proves. A payload is kept where the bound for all cells says that it is one."""
    found = []
    for look, reading in zip(looks, readings, strict=True):
        trials = trials_log + look.more
        by_presence = log_chance(reading.presence, trials - log(PRESENCE_BUDGET))
        by_all = log_chance(reading.whole, trials + payloads_log() - log(1 - PRESENCE_BUDGET))
        if by_all > log(PAYLOAD_CHANCE):
            reading = Reading(reading.presence, reading.whole, None)
        found.append(Sighting(key, look.place, reading, min(by_presence, by_all)))
    return found
