import dataclasses
import inspect
import math
from collections.abc import Callable

import pytest

from phonofilm.errors import OptionError
from phonofilm.pipeline import Phonofilm
from phonofilm.settings import AddOptions, MakeOptions, loudness_target, option_table


@pytest.mark.parametrize("record", [AddOptions, MakeOptions])
def test_every_option_has_a_default_and_a_help(record: type) -> None:
    assert record() == record()
    assert len(option_table(record)) == len(dataclasses.fields(record))
    assert all(text.endswith(".") for _, _, text in option_table(record))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"takes": 0}, "--takes is 0"),
        ({"takes": 1000}, "from 1 to 64"),
        ({"seed": -1}, "--seed"),
        ({"guidance": math.nan}, "--guidance"),
        ({"original_db": 99.0}, "--original-db"),
        ({"prompt": "a" * 10_000}, "10,000 characters"),
        ({"negative": "a\x00b"}, "control characters"),
        ({"loudness": "loud"}, "give web"),
        ({"loudness": "nan"}, "give web"),
    ],
)
def test_values_outside_the_range_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        AddOptions(**change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_loudness_by_name_and_number() -> None:
    assert loudness_target("web") == -16
    assert loudness_target("ebu-r128") == -23
    assert loudness_target("-20.5") == -20.5
    assert loudness_target("none") is None


@pytest.mark.parametrize(("record", "verb"), [(AddOptions, Phonofilm.add_sound), (MakeOptions, Phonofilm.make)])
def test_the_library_call_has_the_same_options(record: type, verb: Callable[..., object]) -> None:
    parameters = inspect.signature(verb).parameters
    for field in dataclasses.fields(record):
        assert parameters[field.name].default == field.default
