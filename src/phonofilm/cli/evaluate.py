"""The verbs that measure finished sound."""

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonofilm.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    VerboseOption,
    WeightsDirOption,
    check_choice,
)
from phonofilm.cli.terminal import complain, print_table, progress_bars, short, start_logging
from phonofilm.errors import MediaError, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phonofilm.errors import PhonofilmError
    from phonofilm.evaluate.run import SyncRow

evaluate_app = typer.Typer(help="Measure finished sound.", no_args_is_help=True)


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
    start_logging(verbose)
    check_choice(model, device, precision)
    from phonofilm.evaluate.run import measure_sync
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        rows, failed = measure_sync(film, clips, prompt, seeds, progress)
    for clip, error in failed:
        complain(error, clip)
    if as_json:
        typer.echo(json.dumps(_sync_json(rows, failed), indent=1))
    else:
        _print_sync(rows)
    if failed:
        raise typer.Exit(1)


def _sync_json(rows: "Sequence[SyncRow]", failed: "Sequence[tuple[Path, PhonofilmError]]") -> dict[str, Any]:
    """A row for each take, and for each clip that could not be scored; mean: over clips, null where there is none."""
    from phonofilm.evaluate.run import mean_sync

    scores: list[dict[str, Any]] = [
        {
            "clip": str(row.clip),
            "seed": row.seed,
            **_without_nan(dataclasses.asdict(row.score)),
            "f1_minus_chance": row.score.f1_minus_chance,
        }
        for row in rows
    ]
    scores += [{"clip": str(clip), "error": str(error)} for clip, error in failed]
    return {"scores": scores, "mean": _without_nan(dataclasses.asdict(mean_sync(rows))) if rows else None}


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no word for what is not a number."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _print_sync(rows: "Sequence[SyncRow]") -> None:
    from phonofilm.evaluate.run import mean_sync

    names = [field.name for field in dataclasses.fields(rows[0].score)] if rows else []
    table = [
        (
            row.clip.name,
            row.seed,
            *(short(getattr(row.score, name)) for name in names),
            short(row.score.f1_minus_chance),
        )
        for row in rows
    ]
    print_table(("clip", "seed", *names, "f1_minus_chance"), table)
    if not rows:
        return
    mean = mean_sync(rows)
    typer.echo(
        f"mean f1 - chance {mean.f1_minus_chance:.3f}, mean f1 {mean.f1:.3f}, median error "
        f"{mean.median_error_ms:.1f} ms over {mean.clips} clips, {mean.takes} takes"
    )


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
    start_logging(verbose)
    check_choice(model, device, precision)
    from phonofilm.evaluate.run import measure_meaning
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        result = measure_meaning(film, seeds, progress)
    if as_json:
        typer.echo(json.dumps({"agreement": result.share, "prompts": result.each}, indent=1))
    else:
        typer.echo(result.table())
        typer.echo(f"agreement {result.share:.0%}")


@evaluate_app.command("report")
def evaluate_report(
    clips: Annotated[
        list[Path] | None, typer.Argument(help="Video files to give sound to and measure.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report.html and report.json.")] = Path("report"),
    sounds: Annotated[
        Path | None,
        typer.Option("--sounds", help="Folder of recordings with its index.tsv, for distances to real ones."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Sixteen takes of each prompt instead of three.")] = False,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Measure a model and write one page and one JSON file: what it is good at, what not, and what no measure sees.
    Exit code 1 when one of the clips could not be measured; the page is written all the same."""
    start_logging(verbose)
    check_choice(model, device, precision)
    from phonofilm.media.files import make_folder

    make_folder(out)
    from phonofilm.encoders.sentences import SentenceEncoder
    from phonofilm.evaluate.report import report
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        encode = SentenceEncoder.load().encode
        size = "full" if full else "quick"
        result = report(film, out, clips=clips or (), sounds=sounds, size=size, encode=encode, progress=progress)
    typer.echo(json.dumps(result, indent=1) if as_json else str(out / "report.html"))
    if result["failed"]:
        raise MediaError(
            f"{len(result['failed'])} of {len(clips or ())} clips could not be measured, and the report is about the "
            f"rest: {'; '.join(result['failed'])}"
        )


@evaluate_app.command("official")
def evaluate_official(
    films: Annotated[
        list[Path], typer.Argument(help="Films or sounds that were made, or folders of them.", show_default=False)
    ],
    reference: Annotated[
        Path, typer.Option("--reference", help="Folder with the real films or sounds, of the same names.")
    ],
    weights_dir: Annotated[
        Path | None,
        typer.Option(
            "--weights-dir",
            help="Folder with the published files of the networks, side by side or in weights/; else the one named by "
            "PHONOFILM_WEIGHTS_DIR. A measure whose file is not there is left out, and the answer says which it is.",
        ),
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option("--captions", help='Table with tabs, first line "name<tab>caption", for LAION-CLAP.'),
    ] = None,
    length: Annotated[float, typer.Option("--length", help="Seconds of each that are compared.")] = 8.0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Measure as the field's benchmark does: FD, KL, IS, IB-score, DeSync, CLAP, by networks whose files you have."""
    start_logging(verbose)
    from phonofilm.device import choose_device
    from phonofilm.evaluate.official import measure_official
    from phonofilm.evaluate.official_pairs import pair_up

    pairs = pair_up(films, reference, captions)
    with progress_bars() as progress:
        result = measure_official(pairs, weights_dir, length_s=length, device=choose_device(device), progress=progress)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=1))
    else:
        rows = [(f.name, f"{f.value:.4g}", f.unit, f.better, f.count) for f in result.figures]
        if rows:
            print_table(("measure", "value", "unit", "better", "sounds"), rows)
        for name, reason in result.left_out:
            typer.echo(f"left out: {name}: {reason}")
    if not result.figures:
        raise ModelError(
            f"nothing was measured: {result.left_out[0][0]} {result.left_out[0][1]}; the other "
            f"{len(result.left_out) - 1} measures were left out for reasons of this kind"
        )
