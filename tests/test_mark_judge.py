"""What looks prove: a word that one look reads is tried at all, and every look and word is counted."""

from math import log

import numpy as np
import pytest

from phonofilm.mark.chance import FALSE_POSITIVES, log_chance
from phonofilm.mark.code import CODED_BITS, encode
from phonofilm.mark.judge import PRESENCE_BUDGET, Look, is_read, judged, judged_together, likeliest_first, read_looks
from phonofilm.mark.key import PUBLIC_KEY, pattern
from phonofilm.mark.payload import Payload, payloads_log, to_bits
from phonofilm.mark.search import Place
from phonofilm.types import FloatArray

PAYLOAD = Payload(1, 34, 4711)
CHIPS = pattern(PUBLIC_KEY).chips(encode(to_bits(PAYLOAD)))
TRIALS = log(1e5)
BELIEVED = log(FALSE_POSITIVES)


def look(strength: FloatArray | float, seed: int) -> Look:
    """Noise, and the mark in it."""
    noise = np.random.default_rng(seed).standard_normal(CHIPS.shape)
    return Look((noise + strength * CHIPS).astype(np.float32), Place(5.0, 1.0, 0, seed), 0.0)


def unreadable() -> Look:
    """A look with much of the mark, but with coded bits in a row that speak against it, and hardly a presence cell."""
    coded = pattern(PUBLIC_KEY).coded
    return look(np.select([coded < 0, coded < CODED_BITS // 5], [0.1, -0.6], 0.5), 1)


def test_a_word_that_one_look_reads_is_tried_at_all() -> None:
    looks = [look(0.14, 3), unreadable()]
    readings = read_looks(looks, PUBLIC_KEY)
    alone = judged(looks, readings, PUBLIC_KEY, TRIALS)
    assert readings[0].payload == PAYLOAD
    assert readings[1].payload is None
    assert not is_read(alone, BELIEVED)
    together = judged_together(looks, readings, PUBLIC_KEY, TRIALS, BELIEVED)
    assert is_read(together, BELIEVED)
    best = together[0]
    assert (best.payload, best.place.offset) == (PAYLOAD, 1)
    counted = TRIALS + payloads_log() - log(1 - PRESENCE_BUDGET)
    assert best.log_chance == pytest.approx(log_chance(best.reading.whole, counted))
    assert together == likeliest_first(together)


def test_looks_at_noise_prove_nothing() -> None:
    looks = [look(0.0, seed) for seed in range(60)]
    found = judged_together(looks, read_looks(looks, PUBLIC_KEY), PUBLIC_KEY, log(60), BELIEVED)
    assert not is_read(found, log(0.01))
    assert found[0].log_chance > log(0.01)
    assert found[0].payload is None
