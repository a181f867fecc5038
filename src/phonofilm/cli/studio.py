"""The verb that opens the studio: a page in the browser, and the REST API behind it."""

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from phonofilm.cli.options import DeviceOption, ModelOption, VerboseOption, WeightsDirOption
from phonofilm.cli.terminal import start_logging
from phonofilm.errors import MissingExtraError

NEEDED = ("fastapi", "uvicorn", "python_multipart", "sqlalchemy")
MISSING_EXTRA = "the studio needs fastapi, uvicorn and sqlalchemy; pip install 'phonofilm[studio]'"


def studio(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 7860,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; others than this computer's own need --token.")
    ] = "127.0.0.1",
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where projects are kept; else in the user's data folder.")
    ] = None,
    model: ModelOption = "mini",
    weights_dir: WeightsDirOption = None,
    device: DeviceOption = "auto",
    token: Annotated[
        str, typer.Option("--token", envvar="PHONOFILM_TOKEN", help="A secret that whoever connects must know.")
    ] = "",
    max_duration: Annotated[float, typer.Option("--max-duration", help="Of a clip, in seconds.")] = 600,
    max_upload_mb: Annotated[int, typer.Option("--max-upload-mb", help="Of an uploaded file, in megabytes.")] = 2000,
    verbose: VerboseOption = False,
) -> None:
    """Open the studio: look, listen, choose and correct in the browser. Ends with Ctrl-C; nothing is lost."""
    start_logging(verbose)
    if not all(find_spec(name) for name in NEEDED):
        raise MissingExtraError(MISSING_EXTRA)
    from phonofilm.web.config import StudioConfig, default_folder
    from phonofilm.web.serve import serve
    from phonofilm.weights.fetch import check_folder
    from phonofilm.weights.registry import find_model

    check_folder(find_model(model), weights_dir)
    config = StudioConfig(
        folder=(folder or default_folder()).expanduser().resolve(),
        host=host,
        port=port,
        model=find_model(model).name,
        device=device,
        weights_dir=weights_dir,
        token=token,
        longest_s=max_duration,
        most_bytes=max_upload_mb * 1_000_000,
    )

    def ready(address: str) -> None:
        typer.echo(f"the studio is at {address} (projects in {config.folder}); end it with Ctrl-C")
        if open_page:
            webbrowser.open(address)

    serve(config, ready)
