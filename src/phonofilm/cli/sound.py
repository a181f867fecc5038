"""The verbs that make sound and those that say what is seen: add, spot, make."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonofilm.cli.options import (
    SOUND_KINDS,
    DeviceOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    VerboseOption,
    WeightsDirOption,
    check_choice,
    options_of,
)
from phonofilm.cli.terminal import complain, print_cues, progress_bars, remark, start_logging, take_json
from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.settings import AddOptions, MakeOptions, check_words, parse_spans

if TYPE_CHECKING:
    from phonofilm.pipeline import Phonofilm

MADE = "sound.wav"
"""Where sound from words alone goes that nobody has named."""


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
            "--redo",
            help="Make only this span of an earlier take anew, in seconds: 3.2-4.5. May be repeated, or several parted "
            "by commas.",
        ),
    ] = None,
    take: Annotated[
        Path | None,
        typer.Option(
            "--take", help="The earlier take, a video or a sound file; else the newest that was written by default."
        ),
    ] = None,
    audio_only: Annotated[bool, typer.Option("--audio-only", help=f"Write sound alone: {SOUND_KINDS}.")] = False,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Give clips their sound; writes NAME.sound.SUFFIX beside each clip (after --redo or --take NAME.redo.SUFFIX, then
    NAME.redo2.SUFFIX and so on)."""
    start_logging(verbose)
    editing = bool(redo) or take is not None
    if (cues is not None or editing) and len(clips) > 1:
        raise OptionError(f"--cues, --redo and --take belong to one clip and {len(clips)} came; add them one by one")
    if options.timeline and len(clips) > 1:
        raise OptionError(f"--timeline names one file and {len(clips)} clips came; add them one by one")
    spans = [span for text in redo or () for span in parse_spans(text)]
    check_choice(model, device, precision)
    from phonofilm.cli.plan import Wish, check_read, plan
    from phonofilm.outputs import REDO, SOUND

    check_read(options, take)
    word = REDO if editing else SOUND
    plans = plan(clips, Wish(output, out_dir, audio_only, word, options, take), spans, cues)
    results: list[dict[str, Any]] = []
    with progress_bars() as progress:
        film = None if all(one.error for one in plans) else _load(model, device, precision, weights_dir)
        for one in plans:
            try:
                info, target = one.ready()
                assert film is not None, "a clip that can be done has a model"
                takes = film.add_sound(
                    info,
                    target,
                    cues=cues,
                    redo=spans,
                    take=one.take,
                    audio_only=audio_only,
                    progress=progress,
                    **dataclasses.asdict(options),
                )
                results.append({"clip": str(one.clip), "model": model, "takes": [take_json(made) for made in takes]})
                if not as_json:
                    for made in takes:
                        typer.echo(str(made.path))
                    if not options.prompt and takes[0].words:
                        remark(f"{one.clip}: heard as {takes[0].words!r}, by what is seen; --prompt says otherwise")
            except PhonofilmError as error:
                complain(error, one.clip if len(clips) > 1 else None)
                results.append({"clip": str(one.clip), "model": model, "error": str(error)})
    if as_json:
        typer.echo(json.dumps(results, indent=1))
    if any("error" in result for result in results):
        raise typer.Exit(1)


def spot(
    clip: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the cue sheet there.")] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what is seen in a clip and when: a table on a terminal, a cue sheet (JSON) in a pipe or file."""
    start_logging(verbose)
    from phonofilm.media.files import check_sheet_path, write_text
    from phonofilm.media.probe import probe

    if output is not None:
        check_sheet_path(output, clip)
    info = probe(clip)  # what cannot be read is told before torch is imported
    from phonofilm.pipeline import Phonofilm

    with progress_bars() as progress:
        sheet = Phonofilm.load("tiny", "cpu").spot(info, progress)
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
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"{SOUND_KINDS}: by its suffix.", show_default=MADE)
    ] = None,
    model: ModelOption = "mini",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Make sound from words alone."""
    start_logging(verbose)
    check_choice(model, device, precision)
    check_words(prompt)
    from phonofilm.cli.plan import check_read
    from phonofilm.outputs import sound_paths

    check_read(options)
    target = output or Path(MADE)
    sound_paths(target, options.takes, output is not None, options.loop)
    with progress_bars() as progress:
        film = _load(model, device, precision, weights_dir)
        takes = film.make(prompt, target, progress=progress, **dataclasses.asdict(options))
    if as_json:
        typer.echo(json.dumps({"prompt": prompt, "model": model, "takes": [take_json(t) for t in takes]}, indent=1))
    else:
        for take in takes:
            typer.echo(str(take.path))


def _load(model: str, device: str, precision: str, weights_dir: Path | None) -> "Phonofilm":
    # Importing torch takes seconds: only when all that can be checked without it is.
    from phonofilm.pipeline import Phonofilm

    return Phonofilm.load(model, device, precision=precision, weights_dir=weights_dir)
