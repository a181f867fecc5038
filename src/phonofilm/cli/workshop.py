"""The verbs that make material and models: data simulate, train."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from phonofilm.cli.options import DeviceOption, JsonOption, VerboseOption
from phonofilm.cli.terminal import progress_bars, start_logging

data_app = typer.Typer(help="Make films whose sound is known exactly.", no_args_is_help=True)


@data_app.callback()
def data() -> None:
    """Make films whose sound is known exactly."""


@data_app.command("simulate")
def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for films, cue sheets and the manifest.")],
    count: Annotated[int, typer.Option("--count", min=1, help="How many films.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Number of the first film; film k is seed + k.")] = 0,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes; 0 takes one per core.")] = 0,
    sounds: Annotated[
        Path | None, typer.Option("--sounds", help="Folder of recordings with its index.tsv, to be heard in the films.")
    ] = None,
    damaged: Annotated[float, typer.Option("--damaged", min=0, max=1, help="Share of films that are damaged.")] = 0.3,
    plot: Annotated[
        str | None, typer.Option("--plot", help="Only this kind of scene; an unknown one lists all.")
    ] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Films without a sound track.")] = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Draw and sound films of a simulated world; what is there already is not made again."""
    start_logging(verbose)
    from phonofilm.data.simulate.files import simulate as make_films

    with progress_bars() as progress:
        rows = make_films(
            out,
            count,
            seed,
            workers=workers or os.cpu_count() or 1,
            sounds=sounds,
            damage_share=damaged,
            plot=plot,
            silent=silent,
            progress=progress,
        )
    if as_json:
        told = [{**dataclasses.asdict(row), "file": str(out / row.file), "truth": str(out / row.truth)} for row in rows]
        typer.echo(json.dumps(told, indent=1))
    else:
        for row in rows:
            typer.echo(str(out / row.file))


def train(
    sounds: Annotated[
        Path,
        typer.Option("--sounds", help="Folder of recordings, with an index.tsv or called after what is heard in each."),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            help="Folder for checkpoints, from which a stopped run goes on; else runs/mini, or runs/own with --tune.",
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Teach the model inside the package these recordings: hours in place of days."),
    ] = False,
    stage: Annotated[list[str] | None, typer.Option("--stage", help="Only these stages, in order.")] = None,
    start: Annotated[
        Path | None, typer.Option("--start", help="A finished flow.safetensors that the flow network begins from.")
    ] = None,
    trial: Annotated[
        bool,
        typer.Option("--trial", help="Cut every stage short, to see that all run; the weights are of no use."),
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train the model `mini` from recordings: vae, vocoder, shards, flow, rhythms, scenes, cues, listener, export.

    With --tune four stages are left: shards, flow, rhythms, export.
    """
    start_logging(True)
    from phonofilm.device import choose_device
    from phonofilm.train.mini import train_mini

    folder = run or Path("runs", "own" if tune else "mini")
    train_mini(sounds, folder, choose_device(device), tuple(stage) if stage else None, start, trial, tune)
