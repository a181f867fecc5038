import dataclasses
import inspect
import math
import os
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import tiny_film
from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.pipeline import Phonofilm
from phonofilm.settings import (
    HIGHEST_SEED,
    AddOptions,
    MakeOptions,
    given_spans,
    loudness_target,
    option_table,
    path_of,
    plain_prompt,
)

FIELDS = [(record, field.name) for record in (AddOptions, MakeOptions) for field in dataclasses.fields(record)]
TAKEN_FOR = {int: (int, np.integer), float: (int, float, np.number, Fraction), bool: (bool, np.bool_), str: (str,)}
"""What may come where a field says what it is."""
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=3),
    st.tuples(st.floats(), st.floats()),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from([np.int64(3), np.float32(0.5), np.bool_(True), np.arange(3), np.array(1), object(), 1j]),
    st.sampled_from([10**5000, Fraction(1, 2), Decimal(1), Path("a"), Ellipsis, int, {1}, "\0"]),
)
"""What people and programs hand over by mistake."""


@pytest.mark.parametrize("record", [AddOptions, MakeOptions])
def test_every_option_has_a_default_and_a_help(record: type) -> None:
    assert record() == record()
    assert len(option_table(record)) == len(dataclasses.fields(record))
    assert all(text.endswith(".") for _, _, text in option_table(record))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"takes": 0}, "takes is 0"),
        ({"takes": 1000}, "from 1 to 64"),
        ({"takes": 1.5}, "takes is 1.5; give a whole number from 1 to 64"),
        ({"steps": "8"}, "steps is '8'; give a whole number"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed is 2147483648; give a whole number from 0 to 2147483647"),
        ({"seed": HIGHEST_SEED, "takes": 2}, "give a seed of at most 2147483646"),
        ({"guidance": 30.5}, "guidance is 30.5; give a number from 0 to 30"),
        ({"mono": "no"}, "mono is 'no'; give True or False"),
        ({"prompt": ["rain"]}, r"prompt is \['rain'\]; give text"),
        ({"music": None}, "music is None; give text"),
        ({"key": None}, "key is None; give text"),
        ({"guidance": math.nan}, "guidance"),
        ({"original_db": 99.0}, "original-db"),
        ({"voice_engine": "zz"}, "no voice engine 'zz'"),
        ({"prompt": "a" * 10_000}, "10,000 characters"),
        ({"negative": "a\x00b"}, "control characters"),
        ({"prompt": "rain \ud800"}, r"prompt is 'rain \\ud800', and holds half a character"),
        ({"music": "\udcff"}, "music is .* half a character"),
        ({"dialogue": "\ud800.srt"}, "dialogue is .* half a character"),
        ({"prompt": "\U0001f436"}, "emoji are not understood; say in words"),
        ({"prompt": "\U0001f327\ufe0f\U0001f327\ufe0f, "}, "emoji are not understood"),
        ({"prompt": ",,,"}, "prompt is ',,,', and there is no word in it; say in words"),
        ({"negative": "!!!???"}, "negative is .* no word"),
        ({"loudness": "loud"}, "give web"),
        ({"loudness": "nan"}, "give web"),
        ({"loudness": 10**5000}, "of digits.*give web"),
        ({"rate": 48}, "rate is 48; give 44100 or 48000, or 0"),
        ({"rate": 96_000}, "rate is 96000; give 44100 or 48000, or 0"),
        ({"rate": 10**5000}, "rate is a number of thousands of digits; give 44100"),
        ({"rate": -1}, "rate is -1; give 44100 or 48000, or 0"),
        ({"rate": 44_100.0}, "rate is 44100.0; give a whole number$"),
    ],
)
def test_values_outside_the_range_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        AddOptions(**change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_a_prompt_says_nothing_or_has_a_letter_or_digit_of_some_script(text: str) -> None:
    made, said = outcome(lambda: AddOptions(prompt=text))
    if any(map(str.isalnum, text)) or not text.strip():
        assert made is not None or "control characters" in said
        assert any(map(str.isalnum, plain_prompt(text))) == any(map(str.isalnum, text))
    else:
        assert made is None
    assert plain_prompt(plain_prompt(text)) == plain_prompt(text)


def test_loudness_by_name_and_number() -> None:
    assert loudness_target("web") == -16
    assert loudness_target("ebu-r128") == -23
    assert loudness_target("-20.5") == -20.5
    assert loudness_target("none") is None
    for text, known in (("EBU-R128", "ebu-r128"), (" Cinema ", "cinema"), ("None", "none"), ("-20", "-20")):
        assert AddOptions(loudness=text).loudness == MakeOptions(loudness=text).loudness == known


@pytest.mark.parametrize(("record", "verb"), [(AddOptions, Phonofilm.add_sound), (MakeOptions, Phonofilm.make)])
def test_the_library_call_has_the_same_options(record: type, verb: Callable[..., object]) -> None:
    parameters = inspect.signature(verb).parameters
    for field in dataclasses.fields(record):
        assert parameters[field.name].default == field.default


@given(st.sampled_from(FIELDS), ODD)
def test_every_field_takes_its_kind_and_refuses_others_in_one_line(place: tuple[type, str], value: Any) -> None:
    record, name = place
    (field,) = (field for field in dataclasses.fields(record) if field.name == name)
    made, said = outcome(lambda: record(**{name: value}))
    if made is None:
        assert name.replace("_", "-") in said
    else:
        assert type(getattr(made, name)) is field.type
        assert isinstance(value, TAKEN_FOR[field.type]) or name == "loudness"


def outcome(make: Callable[[], Any]) -> tuple[Any, str]:
    """What was made, or None and the line that says why not."""
    try:
        return make(), ""
    except OptionError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 250
    return None, said


def test_the_last_seed_can_be_given_again() -> None:
    assert AddOptions(seed=HIGHEST_SEED - 1, takes=2).takes == 2
    assert AddOptions(seed=np.int64(3)) == AddOptions(seed=3)  # type: ignore[arg-type]
    assert loudness_target(AddOptions(loudness=-20).loudness) == -20  # type: ignore[arg-type]


@given(ODD)
def test_spans_are_pairs_of_numbers(value: Any) -> None:
    spans, said = outcome(lambda: given_spans(value))
    assert spans == () or "as [(3.2, 4.5)]" in said


@pytest.mark.parametrize("redo", [(1, 2), "1-2", [(1, 2, 3)], [("1", "2")], [None], None])
def test_spans_of_another_form_are_refused(redo: Any) -> None:
    with pytest.raises(OptionError, match="give a list of spans"):
        tiny_film().add_sound("clip.mp4", redo=redo)
    assert given_spans(np.array([[1, 2], [3.5, 4]])) == ((1.0, 2.0), (3.5, 4.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("prompt", None), ("music", None), ("key", None), ("dialogue", None), ("timeline", 3), ("certificate", b"c")),
        *(("take", 5), ("cues", {}), ("output", ["a.mp4"]), ("seed", 1.5), ("loudness", None)),
    ],
)
def test_the_library_call_refuses_what_is_none_of_its_kinds(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{name.replace('_', '-')} is") as caught:
        tiny_film().add_sound("clip.mp4", **{name: value})
    assert "--" not in str(caught.value), "who calls from Python types no flags"
    with pytest.raises(OptionError, match="the clip is None"):
        tiny_film().spot(None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="prompt is None"):
        tiny_film().make(None, "a.wav")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="output is None"):
        tiny_film().make("rain", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dialogue", "timeline", "certificate_key", "key"])
def test_a_file_may_be_called_by_bytes_that_are_no_unicode(name: str) -> None:
    path = os.fsdecode(b"caf\xe9.srt")
    other = {"certificate": "a.pem"} if name == "certificate_key" else {}
    assert getattr(AddOptions(**{name: path}, **other), name) == path  # type: ignore[arg-type]
    assert path_of("take", path) == Path(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": ["mini"]}, r"no model is called \['mini'\]"),
        ({"weights_dir": 3}, "weights-dir is 3; give the path of a folder"),
        ({"weights_dir": b"x"}, "weights-dir is b'x'"),
        ({"device": ["cpu"]}, "device is"),
    ],
)
def test_a_model_is_loaded_by_names_and_paths(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PhonofilmError, match=said):
        Phonofilm.load(**arguments)


def test_the_library_call_refuses_what_no_options_record_holds(tmp_path: Path) -> None:
    film, clip = tiny_film(), tmp_path / "clip.mp4"
    with pytest.raises(OptionError, match="audio_only is 'x'; give True or False"):
        film.add_sound(clip, audio_only="x")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no voice engine 'foo'"):
        film.add_sound(clip, voice_engine="foo")
    film.make("rain", tmp_path / "rain.wav", seconds=1, progress=None)
