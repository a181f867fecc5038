"""When a thing that is only named would be heard."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from phonofilm.encoders.counting import Count
from phonofilm.encoders.rhythm import (
    REST_S,
    TABLE_FILE,
    TEMPO,
    Rhythm,
    RhythmTable,
    goes_on,
    learnt,
    load_rhythms,
    played,
    rhythm_of,
    swell_of,
)
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import ModelError

CLOCK = ((0.1, 1.0), (0.6, 0.8), (1.1, 1.0), (1.5, 0.0))


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder.load()


def named(encoder: SentenceEncoder, table: RhythmTable, *phrases: str) -> Rhythm | None:
    return rhythm_of(phrases, encoder.encode(list(phrases)), table)


@pytest.mark.parametrize(
    ("words", "strikes"),
    [
        ("a dog barks in the yard", True),
        ("tick tock of an old clock", True),
        ("someone sneezes", True),
        ("footsteps on gravel", True),
        ("a door is slammed", True),
        ("steady rain on leaves", False),
        ("a car engine idles", False),
        ("surf on a beach", False),
        ("a violin holds a note", False),
        ("the melting of justice", False),
    ],
)
def test_what_strikes_has_times_and_what_goes_on_has_none(encoder: SentenceEncoder, words: str, strikes: bool) -> None:
    assert (named(encoder, load_rhythms(), words) is not None) == strikes


def test_the_first_phrase_that_strikes_gives_the_times(encoder: SentenceEncoder) -> None:
    table = load_rhythms()
    alone = named(encoder, table, "clock ticking")
    assert alone is not None
    assert named(encoder, table, "heavy rain", "clock ticking", "a dog barking") == alone


def heard(encoder: SentenceEncoder, words: str, length_s: float, seed: int) -> int:
    rhythm = named(encoder, load_rhythms(), words)
    assert rhythm is not None
    return len(played(rhythm, length_s, np.random.default_rng(seed))[0])


@pytest.mark.parametrize(
    ("words", "least", "most"),
    [
        ("a gunshot", 1, 1),
        ("an explosion", 1, 1),
        ("gunshot", 3, 12),
        ("a man chops wood", 3, 40),
        ("a door slams", 1, 1),
        ("someone sneezes", 1, 4),
        ("two gunshots", 2, 2),
        ("a dog barks three times", 3, 3),
        ("gunshots", 4, 99),
        ("a clock ticks", 6, 99),
        ("dog barking", 4, 99),
        ("a bell ringing", 3, 20),
    ],
)
def test_as_often_as_the_words_say(encoder: SentenceEncoder, words: str, least: int, most: int) -> None:
    for seed in range(4):
        assert least <= heard(encoder, words, 8.0, seed) <= most


@pytest.mark.parametrize(
    ("phrases", "low", "high"),
    [
        (["steady rain"], 0.1, 2),
        (["waves on a beach"], 2.5, 6),
        (["steady rain", "waves on a beach"], 2.5, 6),  # as much as the one that swells most
        (["steady rain", "the melting of justice"], None, None),
    ],
)
def test_how_much_it_swells(
    encoder: SentenceEncoder, phrases: list[str], low: float | None, high: float | None
) -> None:
    found = swell_of(encoder.encode(phrases), load_rhythms())
    if low is None or high is None:
        assert found is None
    else:
        assert found is not None
        assert low <= found <= high


def test_a_table_without_swells_holds_nothing(tmp_path: Path, encoder: SentenceEncoder) -> None:
    with safe_open(TABLE_FILE, "pt") as file:
        words = json.loads(file.metadata()["table"])
        tensors = {name: file.get_tensor(name) for name in ("mean", "basis", "vectors")}
    del words["swells"]
    older = tmp_path / "rhythm.safetensors"
    save_file(tensors, older, {"table": json.dumps(words)})
    assert swell_of(encoder.encode(["steady rain"]), load_rhythms(older)) is None


@given(st.floats(1.0, 60), st.integers(1, 20), st.integers(0, 2**31 - 1), st.booleans())
def test_a_number_that_is_told_is_kept_however_short_the_sound(
    length_s: float, hits: int, seed: int, recorded: bool
) -> None:
    rhythm = Rhythm((CLOCK,) if recorded else (), Count(hits))
    times, strengths = played(rhythm, length_s, np.random.default_rng(seed))
    assert len(times) == len(strengths) == hits
    assert np.all(np.diff(times) > 0)
    assert np.all((times >= 0) & (times < length_s))


@pytest.mark.parametrize(
    ("phrases", "lasts"),
    [
        (["steady rain"], True),
        (["a car engine idles", "surf on a beach"], True),
        (["steady rain", "a dog barks"], False),
        (["steady rain", "the melting of justice"], False),
    ],
)
def test_only_phrases_that_all_go_on_do(encoder: SentenceEncoder, phrases: list[str], lasts: bool) -> None:
    assert goes_on(encoder.encode(phrases), load_rhythms()) == lasts


@given(st.floats(0.5, 60), st.integers(0, 2**31 - 1), st.booleans())
def test_times_rise_and_end_with_the_sound(length_s: float, seed: int, recorded: bool) -> None:
    times, strengths = played(Rhythm((CLOCK,) if recorded else ()), length_s, np.random.default_rng(seed))
    assert len(times) == len(strengths)
    assert np.all(np.diff(times) > 0)
    assert np.all((times >= 0) & (times < length_s))
    assert np.all((strengths > 0) & (strengths <= 1))
    again, _ = played(Rhythm((CLOCK,) if recorded else ()), length_s, np.random.default_rng(seed))
    assert np.array_equal(times, again)
    gaps = np.diff(times)
    if recorded:
        assert np.all(np.abs(gaps - 0.5) <= 0.5 * TEMPO + 0.06), "a clock goes on ticking through the joins"
    else:
        assert np.all((gaps >= REST_S[0] - 1e-3) & (gaps <= REST_S[1] + 1e-3))


def test_a_damaged_table_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "rhythm.safetensors"
    with pytest.raises(ModelError, match="cannot be read"):
        load_rhythms(broken)
    broken.write_bytes(b"no table")
    with pytest.raises(ModelError, match="cannot be read"):
        load_rhythms(broken)
    save_file({}, broken, {"table": "no json"})
    with pytest.raises(ModelError, match="cannot be read"):
        load_rhythms(broken)


@pytest.mark.parametrize("length_s", [0.5, 1.0, 8.0])
def test_what_is_counted_begins_early_enough_to_ring_out(length_s: float) -> None:
    for seed in range(20):
        for rhythm in (Rhythm((), Count(1)), Rhythm((CLOCK,), Count(once=True)), Rhythm(())):
            times, _ = played(rhythm, length_s, np.random.default_rng(seed))
            assert times[0] <= min(0.6, 0.3 * length_s) + 1e-6


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("rain on a tin roof", True), ("a sword fight", True), ("basketball dribbling", True), ("bowling strike", True),
        ("xyzzy", False), ("собака лает", False), ("perro ladrando", False), ("a magic spell", False),
    ],
)  # fmt: skip
def test_words_are_near_to_what_was_learnt_or_not(encoder: SentenceEncoder, words: str, near: bool) -> None:
    assert learnt(encoder.encode([words]), load_rhythms()) == near
    assert learnt(encoder.encode([words, "rain"]), load_rhythms())
