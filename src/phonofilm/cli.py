"""The command line: parse, call, print, exit code. Each verb is one library call.

Exit codes: 0 done, 1 an error that is said in one line, 2 wrong usage, 130 interrupted.
"""

import dataclasses
import inspect
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.timeline import timecode
from phonofilm.types import Progress, no_progress

if TYPE_CHECKING:
    from phonofilm.cues import CueSheet
    from phonofilm.pipeline import Take

app = typer.Typer(
    help="Gives a silent video its sound: in time with the picture, offline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
evaluate_app = typer.Typer(help="Measure finished sound.", no_args_is_help=True)
app.add_typer(evaluate_app, name="evaluate")
models_app = typer.Typer(help="List the models, or fetch one.", invoke_without_command=True)
app.add_typer(models_app, name="models")

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
        "else the one named by PHONOFILM_WEIGHTS_DIR.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say decisions and timings.")]


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 1."""
    # Before torch is loaded. Threads that wait for each other spin otherwise, and where another program holds a core
    # that takes seven times as long (1.8 against 13 CPU seconds for a step of the large MMAudio network, two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app()
    except PhonofilmError as error:
        _complain(error)
        raise SystemExit(1) from None


def _complain(error: PhonofilmError, where: Path | None = None) -> None:
    sys.stderr.write(f"phonofilm: {'' if where is None else f'{where}: '}{' '.join(str(error).split())}\n")


def options_of(record: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb one flag per field of an options record; the verb gets the record as its argument `options`."""

    def wrap(verb: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(verb).parameters.values() if p.name != "options"]
        flags = []
        for field in dataclasses.fields(record):
            spelled = "--" + field.name.replace("_", "-")
            flag = typer.Option(spelled, help=field.metadata["help"])
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


@app.command()
@options_of(AddOptions)
def add(
    clips: Annotated[list[Path], typer.Argument(help="Video files.", show_default=False)],
    options: AddOptions,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; one clip only.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out-dir", help="Folder for the results.")] = None,
    cues: Annotated[
        Path | None, typer.Option("--cues", help="An edited cue sheet (JSON) that sets the timing.")
    ] = None,
    audio_only: Annotated[bool, typer.Option("--audio-only", help="Write sound alone: wav, flac, ogg, m4a.")] = False,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Give clips their sound; writes NAME.sound.SUFFIX beside each clip."""
    _start_logging(verbose)
    outputs = _plan_outputs(clips, output, out_dir, audio_only)
    if cues is not None and len(clips) > 1:
        raise OptionError(f"--cues belongs to one clip and {len(clips)} came; add them one by one")
    from phonofilm.pipeline import Phonofilm

    with _progress() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        results, failed = [], False
        for clip, target in zip(clips, outputs, strict=True):
            try:
                takes = film.add_sound(
                    clip, target, cues=cues, audio_only=audio_only, progress=progress, **dataclasses.asdict(options)
                )
                results.append({"clip": str(clip), "model": model, "takes": [_take_json(take) for take in takes]})
                if not as_json:
                    for take in takes:
                        typer.echo(str(take.path))
            except PhonofilmError as error:
                failed = True
                _complain(error, clip if len(clips) > 1 else None)
                results.append({"clip": str(clip), "model": model, "error": str(error)})
    if as_json:
        typer.echo(json.dumps(results, indent=1))
    if failed:
        raise typer.Exit(1)


@app.command()
def spot(
    clip: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the cue sheet there.")] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what is seen in a clip and when: a table on a terminal, a cue sheet (JSON) in a pipe or file."""
    _start_logging(verbose)
    from phonofilm.media.files import write_text
    from phonofilm.pipeline import Phonofilm

    with _progress() as progress:
        sheet = Phonofilm.load("tiny", "cpu").spot(clip, progress)
    if output is not None:
        write_text(sheet.to_json(), output)
        typer.echo(str(output))
    elif as_json or not sys.stdout.isatty():
        typer.echo(sheet.to_json(), nl=False)
    else:
        _print_cues(sheet)


@app.command()
@options_of(MakeOptions)
def make(
    prompt: Annotated[str, typer.Argument(help="What should be heard.", show_default=False)],
    options: MakeOptions,
    output: Annotated[Path, typer.Option("--output", "-o", help="wav, flac, ogg or m4a.")] = Path("sound.wav"),
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Make sound from words alone."""
    _start_logging(verbose)
    from phonofilm.pipeline import Phonofilm

    with _progress() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        takes = film.make(prompt, output, progress=progress, **dataclasses.asdict(options))
    if as_json:
        typer.echo(json.dumps({"prompt": prompt, "model": model, "takes": [_take_json(t) for t in takes]}, indent=1))
    else:
        for take in takes:
            typer.echo(str(take.path))


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
    _print_table(
        ("model", "MB", "here", "licence of the weights", "what it is"),
        [(r["name"], r["megabytes"], "yes" if r["here"] else "no", r["weights_licence"], r["summary"]) for r in rows],
    )
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
    _start_logging(verbose)
    from phonofilm.weights import fetch
    from phonofilm.weights.registry import find_model

    row = find_model(name)
    for file in row.published:
        sys.stderr.write(f"{file.folder}/{file.name}, {file.megabytes} MB, weights: {file.licence}\n")
    with _progress() as progress:
        # The folder may also stand before the verb.
        paths = fetch.pull(row, weights_dir or context.obj, progress)
    for path in paths:
        typer.echo(str(path))
    if not paths:
        typer.echo(f"{name} needs nothing to be fetched")


@evaluate_app.command("sync")
def evaluate_sync(
    clips: Annotated[list[Path], typer.Argument(help="Video files that have their real sound.", show_default=False)],
    prompt: Annotated[str, typer.Option("--prompt", help="Prompt given with every clip.")] = "",
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=64, help="Takes per clip to average over.")] = 1,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare the onsets of generated sound with those of the clips' own."""
    _start_logging(verbose)
    from phonofilm.evaluate.run import mean_sync, measure_sync
    from phonofilm.pipeline import Phonofilm

    with _progress() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        rows, failed = measure_sync(film, clips, prompt, seeds, progress)
    for clip, error in failed:
        _complain(error, clip)
    names = [field.name for field in dataclasses.fields(rows[0].score)] if rows else []
    if as_json:
        typer.echo(
            json.dumps([{"clip": str(row.clip), "seed": row.seed, **dataclasses.asdict(row.score)} for row in rows])
        )
    else:
        table = [
            (
                row.clip.name,
                row.seed,
                *(_short(getattr(row.score, name)) for name in names),
                _short(row.score.f1_minus_chance),
            )
            for row in rows
        ]
        _print_table(("clip", "seed", *names, "f1_minus_chance"), table)
        if rows:
            typer.echo(f"mean f1 - chance {mean_sync(rows):.3f} over {len(rows)} takes")
    if failed:
        raise typer.Exit(1)


@evaluate_app.command("meaning")
def evaluate_meaning(
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=64, help="Takes per prompt.")] = 5,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask a classifier trained on real recordings what it hears in sound made from ten prompts."""
    _start_logging(verbose)
    from phonofilm.evaluate.run import measure_meaning
    from phonofilm.pipeline import Phonofilm

    with _progress() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        result = measure_meaning(film, seeds, progress)
    if as_json:
        typer.echo(json.dumps({"agreement": result.share, "prompts": result.each}, indent=1))
    else:
        typer.echo(result.table())
        typer.echo(f"agreement {result.share:.0%}")


@app.command()
def train(
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of recordings with its index.tsv.")],
    run: Annotated[Path, typer.Option("--run", help="Folder for checkpoints; a stopped run goes on from it.")] = Path(
        "runs/mini"
    ),
    stage: Annotated[list[str] | None, typer.Option("--stage", help="Only these stages, in order.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train the model `mini` from recordings: vae, vocoder, shards, flow, listener, export."""
    _start_logging(True)
    from phonofilm.device import choose_device
    from phonofilm.train.mini import STAGES, train_mini

    train_mini(sounds, run, choose_device(device), tuple(stage) if stage else STAGES)


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _plan_outputs(clips: list[Path], output: Path | None, out_dir: Path | None, audio_only: bool) -> list[Path | None]:
    """The output of each clip, None for 'beside the clip'. Raises OptionError when two would meet."""
    if output is not None and len(clips) > 1:
        raise OptionError(f"--output names one file and {len(clips)} clips came; use --out-dir")
    if output is not None and out_dir is not None:
        raise OptionError("--output and --out-dir both came; give one of them")
    if output is not None:
        return [output]
    from phonofilm.media.files import make_folder
    from phonofilm.media.mux import likely_suffix

    targets = [(out_dir or clip.parent) / f"{clip.stem}.sound{'.wav' if audio_only else clip.suffix}" for clip in clips]
    # a.mpg and a.mkv both become a.sound.mkv: compare what will be written, not what is asked for.
    written = [target if audio_only else target.with_suffix(likely_suffix(target.suffix)) for target in targets]
    for index, target in enumerate(written):
        if target in written[:index]:
            raise OptionError(f"two clips would be written to {target}; rename one or use two folders")
    if out_dir is None:
        return [None] * len(clips)
    make_folder(out_dir)
    return list(targets)


def _take_json(take: "Take") -> dict[str, Any]:
    return {
        "file": str(take.path),
        "seed": take.seed,
        "duration_s": round(float(take.sound.duration_s), 6),
        "channels": take.sound.channels,
        "cues": None if take.cues is None else json.loads(take.cues.to_json())["cues"],
        "seconds": {name: round(value, 3) for name, value in take.seconds.items()},
    }


def _print_cues(sheet: "CueSheet") -> None:
    rows = []
    for cue in sheet.cues:
        end = "" if cue.is_event else timecode(cue.end_s)
        place = "left" if cue.place < -0.33 else "right" if cue.place > 0.33 else "centre"
        rows.append((timecode(cue.start_s), end, "▮" * max(1, round(cue.strength * 8)), place, cue.label))
    _print_table(("start", "end", "strength", "place", "what"), rows)
    if not rows:
        typer.echo("nothing happens in this clip that should be heard at a moment")


def _print_table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    # In a pipe there is no width to wrap at: one row stays one line.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def _start_logging(verbose: bool) -> None:
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        handler: logging.Handler = RichHandler(
            console=Console(stderr=True), show_path=False, show_time=False, markup=False
        )
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler], force=True)
    else:
        # In a pipe one message stays one line.
        logging.basicConfig(level=logging.WARNING, format="phonofilm: %(message)s", stream=sys.stderr, force=True)
    logging.getLogger("phonofilm").setLevel(logging.DEBUG if verbose else logging.WARNING)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars per stage on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:8}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=share)

        yield show


if __name__ == "__main__":
    main()
