"""Flags that several verbs share, and flags made from records of options."""

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from phonofilm.media.suffixes import WRITTEN_SOUND_SUFFIXES
from phonofilm.settings import check_place
from phonofilm.weights.registry import find_model

ModelOption = Annotated[str, typer.Option("--model", help="Which model; see 'phonofilm models'.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help="Of matrix products: auto, float32 or bfloat16; auto takes the fastest.")
]
WeightsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--weights-dir",
        help="Folder with the published files of a mmaudio model, in weights/ and ext_weights/ or side by side; "
        "else the one named by PHONOFILM_WEIGHTS_DIR. For --model own the folder RUN/export of a training.",
    ),
]
SOUND_KINDS = ", ".join(suffix[1:] for suffix in WRITTEN_SOUND_SUFFIXES)
"""For help: which sound files can be written."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say decisions and timings.")]


def check_choice(model: str, device: str, precision: str) -> None:
    """Raises ModelError or OptionError for names that are none, before seconds go into importing torch."""
    check_place(device, precision)
    find_model(model)


def _range(field: "dataclasses.Field[Any]") -> str:
    """The range of a number, for its help; only what has both ends has one."""
    low, high = field.metadata["low"], field.metadata["high"]
    return "" if low is None or high is None else f" ({low} to {high})"


def options_of(record: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb one flag per field of an options record; the verb gets the record as its argument `options`."""

    def wrap(verb: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(verb).parameters.values() if p.name != "options"]
        flags = []
        for field in dataclasses.fields(record):
            spelled = "--" + field.name.replace("_", "-")
            flag = typer.Option(spelled, help=field.metadata["help"] + _range(field))
            annotation = Annotated[field.type, flag]  # type: ignore[name-defined]
            flags.append(
                inspect.Parameter(
                    field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation
                )
            )

        def call(**given: Any) -> None:
            chosen = {field.name: given.pop(field.name) for field in dataclasses.fields(record)}
            verb(**given, options=record(**chosen))

        call.__name__, call.__doc__ = verb.__name__, verb.__doc__
        own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        call.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
        return call

    return wrap
