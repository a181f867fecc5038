"""The verbs that make sound and those that say what is seen: add, spot, make."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from phonofilm.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    VerboseOption,
    WeightsDirOption,
    options_of,
)
from phonofilm.cli.terminal import complain, print_cues, progress_bars, start_logging, take_json
from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.settings import AddOptions, MakeOptions, parse_span


@options_of(AddOptions)
def add(
    clips: Annotated[list[Path], typer.Argument(help="Video files.", show_default=False)],
    options: AddOptions,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; one clip only.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out-dir", help="Folder for the results.")] = None,
    cues: Annotated[
        Path | None, typer.Option("--cues", help="An edited cue sheet (JSON) that sets the timing.")
    ] = None,
    redo: Annotated[
        list[str] | None,
        typer.Option(
            "--redo", help="Make only this span of an earlier take anew, in seconds: 3.2-4.5. May be repeated."
        ),
    ] = None,
    take: Annotated[
        Path | None,
        typer.Option("--take", help="The earlier take, a video or a sound file; else what is written by default."),
    ] = None,
    audio_only: Annotated[bool, typer.Option("--audio-only", help="Write sound alone: wav, flac, ogg, m4a.")] = False,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Give clips their sound; writes NAME.sound.SUFFIX beside each clip (NAME.redo.SUFFIX after --redo or --take)."""
    start_logging(verbose)
    editing = bool(redo) or take is not None
    outputs = _plan_outputs(clips, output, out_dir, audio_only, "redo" if editing else "sound")
    if (cues is not None or editing) and len(clips) > 1:
        raise OptionError(f"--cues, --redo and --take belong to one clip and {len(clips)} came; add them one by one")
    if options.timeline and len(clips) > 1:
        raise OptionError(f"--timeline names one file and {len(clips)} clips came; add them one by one")
    spans = [parse_span(text) for text in redo or ()]
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        results, failed = [], False
        for clip, target in zip(clips, outputs, strict=True):
            try:
                takes = film.add_sound(
                    clip,
                    target,
                    cues=cues,
                    redo=spans,
                    take=take,
                    audio_only=audio_only,
                    progress=progress,
                    **dataclasses.asdict(options),
                )
                results.append({"clip": str(clip), "model": model, "takes": [take_json(made) for made in takes]})
                if not as_json:
                    for made in takes:
                        typer.echo(str(made.path))
            except PhonofilmError as error:
                failed = True
                complain(error, clip if len(clips) > 1 else None)
                results.append({"clip": str(clip), "model": model, "error": str(error)})
    if as_json:
        typer.echo(json.dumps(results, indent=1))
    if failed:
        raise typer.Exit(1)


def spot(
    clip: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the cue sheet there.")] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what is seen in a clip and when: a table on a terminal, a cue sheet (JSON) in a pipe or file."""
    start_logging(verbose)
    from phonofilm.media.files import write_text
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        sheet = Phonofilm.load("tiny", "cpu").spot(clip, progress)
    if output is not None:
        write_text(sheet.to_json(), output)
        typer.echo(str(output))
    elif as_json or not sys.stdout.isatty():
        typer.echo(sheet.to_json(), nl=False)
    else:
        print_cues(sheet)


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
    start_logging(verbose)
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        film = Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
        takes = film.make(prompt, output, progress=progress, **dataclasses.asdict(options))
    if as_json:
        typer.echo(json.dumps({"prompt": prompt, "model": model, "takes": [take_json(t) for t in takes]}, indent=1))
    else:
        for take in takes:
            typer.echo(str(take.path))


def _plan_outputs(
    clips: list[Path], output: Path | None, out_dir: Path | None, audio_only: bool, word: str
) -> list[Path | None]:
    """The output of each clip, None for 'beside the clip'. Raises OptionError when two would meet."""
    if output is not None and len(clips) > 1:
        raise OptionError(f"--output names one file and {len(clips)} clips came; use --out-dir")
    if output is not None and out_dir is not None:
        raise OptionError("--output and --out-dir both came; give one of them")
    if output is not None:
        return [output]
    from phonofilm.media.files import make_folder
    from phonofilm.media.mux import likely_suffix

    targets = [
        (out_dir or clip.parent) / f"{clip.stem}.{word}{'.wav' if audio_only else clip.suffix}" for clip in clips
    ]
    # a.mpg and a.mkv both become a.sound.mkv: compare what will be written, not what is asked for.
    written = [target if audio_only else target.with_suffix(likely_suffix(target.suffix)) for target in targets]
    for index, target in enumerate(written):
        if target in written[:index]:
            raise OptionError(f"two clips would be written to {target}; rename one or use two folders")
    if out_dir is None:
        return [None] * len(clips)
    make_folder(out_dir)
    return list(targets)
