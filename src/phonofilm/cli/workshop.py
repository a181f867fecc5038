"""The verbs that make models: train."""

from pathlib import Path
from typing import Annotated

import typer

from phonofilm.cli.options import DeviceOption
from phonofilm.cli.terminal import start_logging


def train(
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of recordings with its index.tsv.")],
    run: Annotated[Path, typer.Option("--run", help="Folder for checkpoints; a stopped run goes on from it.")] = Path(
        "runs/mini"
    ),
    stage: Annotated[list[str] | None, typer.Option("--stage", help="Only these stages, in order.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train the model `mini` from recordings: vae, vocoder, shards, flow, listener, export."""
    start_logging(True)
    from phonofilm.device import choose_device
    from phonofilm.train.mini import STAGES, train_mini

    train_mini(sounds, run, choose_device(device), tuple(stage) if stage else STAGES)
