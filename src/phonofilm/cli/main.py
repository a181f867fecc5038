"""The command line: parse, call, print, exit code. Each verb is one library call.

Exit codes: 0 done, 1 an error that is said in one line, 2 wrong usage, 3 a file is not marked ('detect' alone),
130 interrupted.
"""

import json
import os
import sys
from itertools import takewhile
from typing import Annotated

import typer

import phonofilm
from phonofilm.cli.detect import detect
from phonofilm.cli.evaluate import evaluate_app
from phonofilm.cli.models import models_app
from phonofilm.cli.sound import add, make, spot
from phonofilm.cli.studio import studio
from phonofilm.cli.terminal import complain
from phonofilm.cli.workshop import data_app, train
from phonofilm.errors import PhonofilmError
from phonofilm.media.files import clean_up_when_ended

app = typer.Typer(
    help="Gives a silent video its sound: in time with the picture, offline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (add, spot, make, detect, studio, train):
    app.command()(verb)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Say which version this is.")] = False,
) -> None:
    """Gives a silent video its sound: in time with the picture, offline."""
    if version:
        typer.echo(f"phonofilm {phonofilm.__version__}")
        raise typer.Exit


app.add_typer(evaluate_app, name="evaluate")
app.add_typer(models_app, name="models")
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 1."""
    # Before torch is loaded. Threads that wait for each other spin otherwise, and where another program holds a core
    # that takes seven times as long (1.8 against 13 CPU seconds for a step of the large MMAudio network, two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    clean_up_when_ended()
    try:
        app()
    except PhonofilmError as error:
        complain(error)
        if "--json" in list(takewhile(lambda argument: argument != "--", sys.argv)):
            typer.echo(json.dumps({"error": str(error)}, indent=1))
        raise SystemExit(1) from None
