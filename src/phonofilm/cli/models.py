"""The verb `models`: which there are, and fetching one."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from phonofilm.cli.options import JsonOption, VerboseOption, WeightsDirOption
from phonofilm.cli.terminal import print_table, progress_bars, start_logging

models_app = typer.Typer(help="List the models, or fetch one.", invoke_without_command=True)


@models_app.callback()
def models(context: typer.Context, weights_dir: WeightsDirOption = None, as_json: JsonOption = False) -> None:
    """List the models: size, licence, and whether they are on this machine."""
    if context.invoked_subcommand is not None:
        context.obj = weights_dir
        return
    from phonofilm.weights.fetch import LOCK_NAME, described, published_folder
    from phonofilm.weights.registry import MODELS

    rows = [described(row, weights_dir) for row in MODELS.values()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    print_table(
        ("model", "MB", "here", "licence of the weights", "what it is"),
        [(r["name"], r["megabytes"], "yes" if r["here"] else "no", r["weights_licence"], r["summary"]) for r in rows],
    )
    faults = {file["path"]: file["fault"] for row in rows for file in row["files"] if file["fault"]}
    for path, fault in faults.items():  # several models share some files
        typer.echo(f"{path} {fault}; remove it and fetch it again")
    if not all(row["here"] for row in rows):
        typer.echo("fetch one with 'phonofilm models pull NAME'; the mmaudio models share most of their files")
    typer.echo(
        "sha256 of fetched files: nobody has published them; each is filled in at the first verified download and "
        f"pinned in {published_folder() / LOCK_NAME}"
    )


@models_app.command()
def pull(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A model of the list.", show_default=False)],
    weights_dir: Annotated[
        Path | None,
        typer.Option(
            "--weights-dir", help="Fetch into this folder instead of the cache; else the one of PHONOFILM_WEIGHTS_DIR."
        ),
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Fetch a model, check it, and pin the hashes of its files; an interrupted fetch goes on where it stopped."""
    start_logging(verbose)
    from phonofilm.weights import fetch
    from phonofilm.weights.registry import find_model

    row = find_model(name)
    for file in row.published:
        sys.stderr.write(f"{file.folder}/{file.name}, {file.megabytes} MB, weights: {file.licence}\n")
    with progress_bars() as progress:
        # The folder may also stand before the verb.
        paths = fetch.pull(row, weights_dir or context.obj, progress)
    for path in paths:
        typer.echo(str(path))
    if not paths:
        typer.echo(f"{name} needs nothing to be fetched")
