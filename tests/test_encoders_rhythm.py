"""When a thing that is only named would be heard."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from phonofilm.encoders.rhythm import REST_S, TEMPO, goes_on, load_rhythms, patterns_of, played
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import ModelError

CLOCK = ((0.1, 1.0), (0.6, 0.8), (1.1, 1.0), (1.5, 0.0))


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder.load()


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
    assert (patterns_of(encoder.encode([words]), load_rhythms()) is not None) == strikes


def test_the_first_phrase_that_strikes_gives_the_times(encoder: SentenceEncoder) -> None:
    table = load_rhythms()
    alone = patterns_of(encoder.encode(["clock ticking"]), table)
    assert patterns_of(encoder.encode(["heavy rain", "clock ticking", "a dog barking"]), table) == alone


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
    times, strengths = played((CLOCK,) if recorded else (), length_s, np.random.default_rng(seed))
    assert len(times) == len(strengths)
    assert np.all(np.diff(times) > 0)
    assert np.all((times >= 0) & (times < length_s))
    assert np.all((strengths > 0) & (strengths <= 1))
    again, _ = played((CLOCK,) if recorded else (), length_s, np.random.default_rng(seed))
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
