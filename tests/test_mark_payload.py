"""What a mark says, and the code that carries it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.errors import OptionError
from phonofilm.mark.code import CODED_BITS, GENERATORS, LIST_PATHS, LIST_STATES, decode, decode_list, encode, merged
from phonofilm.mark.payload import (
    BITS,
    LATEST_MONTH,
    VERSION_BITS,
    Payload,
    check,
    from_bits,
    known_bits,
    month_now,
    month_number,
    payloads_log,
    readable_months,
    to_bits,
)

payloads = st.builds(Payload, st.integers(0, 15), st.integers(32, 63), st.integers(0, 65535))


@given(payloads)
def test_payloads_survive_bytes_and_bits(payload: Payload) -> None:
    assert from_bits(to_bits(payload)) == payload


def test_the_layout_is_the_documented_one() -> None:
    payload = Payload(model=1, month=month_number(2026, 11), take=0x3FA2)
    assert payload.message.hex() == f"{1 << 29 | 1 << 24 | 34 << 16 | 0x3FA2:08x}"
    assert (payload.made, payload.take_id) == ("2026-11", "3fa2")


def test_the_check_is_crc12_dect() -> None:
    assert check(b"123456789") == 0xF5B  # the catalogue's check value


@given(payloads, st.integers(0, BITS - 1), st.integers(1, 4095))
def test_a_burst_of_up_to_twelve_wrong_bits_is_seen(payload: Payload, first: int, burst: int) -> None:
    bits = to_bits(payload)
    for offset in range(12):
        if burst >> offset & 1 and first + offset < BITS:
            bits[first + offset] ^= 1
    if bits != to_bits(payload):
        assert from_bits(bits) is None


@pytest.mark.parametrize(
    ("name", "value"), [("model", 16), ("month", 256), ("month", 31), ("take", 65536), ("take", -1)]
)
def test_numbers_that_do_not_fit_are_refused(name: str, value: int) -> None:
    given_numbers = {"model": 0, "month": 34, "take": 0} | {name: value}
    with pytest.raises(OptionError, match=name):
        Payload(**given_numbers)
    with pytest.raises(OptionError, match="2045-04"):
        month_number(2045, 5)


@given(st.integers(32, LATEST_MONTH), st.integers(32, LATEST_MONTH))
def test_a_mark_of_this_month_and_the_next_can_always_be_read(now: int, other: int) -> None:
    months = readable_months(now)
    assert now in months
    assert min(now + 1, LATEST_MONTH) in months
    assert len(months) <= max(32, 3 * (now + 1 - months[0]) + 64)
    assert set(readable_months(min(now, other))) <= set(readable_months(max(now, other)))


def test_marks_that_nobody_can_have_made_yet_are_not_read() -> None:
    late = next(month for month in (64, 128, LATEST_MONTH) if month not in readable_months(month_now()))
    assert from_bits(to_bits(Payload(1, late, 7))) is None
    assert from_bits(to_bits(Payload(1, month_now(), 7))) == Payload(1, month_now(), 7)
    assert from_bits(to_bits(Payload(1, month_now(), 7, version=2))) is None
    assert payloads_log() == pytest.approx(np.log(16 * len(readable_months(month_now())) * 65536))


@given(
    st.lists(st.integers(0, 1), min_size=BITS, max_size=BITS),
    st.integers(0, 2**32 - 1),
)
def test_the_code_corrects_a_seventh_of_its_bits(said: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    bits = [known_bits().get(place, bit) for place, bit in enumerate(said)]
    word = encode(bits)
    assert word.shape == (CODED_BITS,)
    # The free distance is 24: errors apart from each other by more than the decoder's memory are always corrected.
    wrong = (np.arange(0, CODED_BITS, 7) + int(random.integers(7))) % CODED_BITS
    word[wrong] *= -1
    assert [int(bit) for bit in decode(word[None].astype(np.float32))[0]] == bits


def test_code_words_of_different_messages_are_far_apart() -> None:
    random = np.random.default_rng(1)
    words = np.stack([encode([int(b) for b in random.integers(0, 2, BITS)]) for _ in range(300)])
    distances = (words[:, None] != words[None]).sum(2)[np.triu_indices(300, 1)]
    assert distances.min() >= 24
    assert len(set(GENERATORS)) == 4


@pytest.mark.thorough
def test_a_list_begins_with_the_likeliest_word_and_holds_the_true_one_more_often() -> None:
    random = np.random.default_rng(3)
    bits = random.integers(0, 2, (60, BITS))
    bits[:, list(known_bits())] = list(known_bits().values())
    clean = np.stack([encode([int(bit) for bit in word]) for word in bits])
    soft = (clean * 0.65 + random.standard_normal(clean.shape)).astype(np.float32)
    words = decode_list(soft)
    assert words.shape == (60, LIST_STATES * LIST_PATHS, BITS)
    metric = np.array([[(soft[w] * encode([int(b) for b in word])).sum() for word in words[w]] for w in range(60)])
    assert (np.diff(metric[:, 1:], axis=1) <= 1e-3).all()
    alone = (decode(soft) == bits).all(1).mean()
    listed = (words == bits[:, None]).all(2).any(1).mean()
    assert listed > alone + 0.03


def test_only_words_that_can_have_been_said_are_looked_for() -> None:
    places, bits = list(known_bits()), list(known_bits().values())
    soft = np.random.default_rng(5).standard_normal((20, CODED_BITS)).astype(np.float32)
    assert (decode(soft)[:, places] == bits).all()
    assert (decode_list(soft)[:, :, places] == bits).all()
    said = np.array(to_bits(Payload(3, month_now(), 5)))
    assert (said[places] == bits).all()
    assert bits[:VERSION_BITS] == [0, 0, 1]


@given(paths=st.sampled_from([1, 2, 4, 8]), seed=st.integers(0, 2**31))
def test_merging_lists_keeps_the_best_of_both_in_order(paths: int, seed: int) -> None:
    lists = -np.sort(-np.random.default_rng(seed).standard_normal((2, paths, 5)), axis=1).astype(np.float32)
    best, source = merged(*lists)
    both = np.concatenate(list(lists))
    assert (best == -np.sort(-both, axis=0)[:paths]).all()
    assert (np.take_along_axis(both, source.astype(int), 0) == best).all()
