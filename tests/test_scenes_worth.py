"""Is a drawn sound what the hits ask for?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.scenes.guide import TRY_SEED, _folded
from phonofilm.scenes.mini_scene import number_of
from phonofilm.scenes.worth import GOOD, worth

RATE_HZ = 44_100
SECONDS = 6


def knocks(times_s: list[float], floor: float = 0.0, level: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(1)
    sound = floor * rng.standard_normal(SECONDS * RATE_HZ)
    decay = np.exp(-np.arange(RATE_HZ // 5) / (0.02 * RATE_HZ))
    for time_s in times_s:
        first = round(time_s * RATE_HZ)
        piece = level * decay * rng.standard_normal(len(decay))
        sound[first : first + len(decay)] += piece[: len(sound) - first]
    return sound.astype(np.float32)


HITS = [1.0, 2.0, 3.5]


def test_what_does_as_asked_is_worth_one() -> None:
    assert worth(knocks(HITS), RATE_HZ, np.float32(HITS), True) == pytest.approx(1)


def test_a_roar_between_hits_counts_against_it_only_where_it_should_be_dry() -> None:
    roar = knocks(HITS, floor=0.25, level=0.9)
    assert worth(roar, RATE_HZ, np.float32(HITS), True) < GOOD - 0.5
    assert worth(roar, RATE_HZ, np.float32(HITS), False) >= worth(roar, RATE_HZ, np.float32(HITS), True) + 0.5
    background = knocks(HITS, floor=0.001)
    assert worth(background, RATE_HZ, np.float32(HITS), True) > GOOD


@settings(max_examples=20)
@given(missing=st.integers(1, 3), extra=st.integers(0, 3))
def test_missing_and_invented_hits_count_against_it(missing: int, extra: int) -> None:
    heard = HITS[missing:] + [0.4, 2.7, 4.6][:extra]
    assert worth(knocks(sorted(heard)), RATE_HZ, np.float32(HITS), True) < 0.9


def test_silence_and_no_hits() -> None:
    silence = np.zeros(SECONDS * RATE_HZ, np.float32)
    assert worth(silence, RATE_HZ, np.float32(HITS), True) == 0
    assert worth(silence, RATE_HZ, np.zeros(0, np.float32), True) == 0
    assert worth(silence[:100], RATE_HZ, np.float32(HITS), True) <= 1


def test_without_hits_it_need_only_be_heard() -> None:
    none = np.zeros(0, np.float32)
    noise = np.random.default_rng(2).standard_normal(SECONDS * RATE_HZ).astype(np.float32)
    worths = [worth(noise * np.float32(10 ** (level / 20)), RATE_HZ, none, True) for level in (-20, -36, -45, -55, -80)]
    assert worths == sorted(worths, reverse=True)
    assert worths[0] == 1
    assert worths[1] > GOOD > worths[2]
    assert worths[-1] == 0
    assert worth(noise[:100], RATE_HZ, none, True) == 1


def test_what_should_go_on_is_heard_most_of_the_time() -> None:
    rain = 0.1 * np.random.default_rng(4).standard_normal(SECONDS * RATE_HZ).astype(np.float32)
    assert worth(rain, RATE_HZ, np.float32(HITS), False, lasting=True) == 1
    assert worth(knocks(HITS), RATE_HZ, np.float32(HITS), False, lasting=True) < GOOD


def test_every_try_has_noise_of_its_own() -> None:
    folded = [_folded(seed + number * TRY_SEED) for seed in (0, 1, 2**31 - 1) for number in range(4)]
    assert len(set(folded)) == len(folded)
    assert all(0 <= seed < 2**32 for seed in folded)
    assert _folded(7) == 7


def test_every_clip_and_all_words_have_noise_of_their_own() -> None:
    folded = {_folded(seed, number_of(text)) for seed in (0, 1, 2**31 - 1) for text in ("rain", "wind", "")}
    assert len(folded) == 9
    assert all(0 <= seed < 1 << 32 for seed in folded)
    assert number_of("rain") == 0x319B44C5, "the same on every machine"
