"""The verb that says whether files carry our watermark."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonofilm.cli.options import JsonOption, VerboseOption
from phonofilm.cli.terminal import complain, progress_bars, start_logging
from phonofilm.errors import InputError
from phonofilm.media.suffixes import is_film, is_sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phonofilm.detection import Verdict
    from phonofilm.mark.detect import Span
    from phonofilm.mark.payload import Payload
    from phonofilm.mark.provenance import Credentials

NOT_MARKED = 3
"""Exit code when at least one file carries no mark."""
SHORTEST_TOLD_S = 3.0
"""A mark in fewer seconds than this may be overlooked beside another one."""
ROUNDED_S = 0.05
"""What is left over at the end by rounding."""


def detect(
    paths: Annotated[list[Path], typer.Argument(help="Video or sound files, or folders of them.", show_default=False)],
    key: Annotated[
        list[Path] | None, typer.Option("--key", help="File of a secret key to look for too. May be repeated.")
    ] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say whether files carry the watermark. Exit code: 0 all do, 3 at least one does not, 1 one could not be read."""
    start_logging(verbose)
    from phonofilm.detection import detect as detect_file
    from phonofilm.detection import facts

    files = _files(paths)
    results: list[dict[str, Any]] = []
    failed = missing = False
    with progress_bars() as progress:
        for number, file in enumerate(files):
            progress("detect", number / len(files))
            try:
                verdict = detect_file(file, key or ())
            except InputError as error:
                failed = True
                complain(error, file if len(files) > 1 else None)
                results.append({"file": str(file), "error": str(error)})
                continue
            missing = missing or not verdict.marked
            results.append({"file": str(verdict.path), **facts(verdict)})
            if not as_json:
                typer.echo(_sentence(verdict))
    if as_json:
        typer.echo(json.dumps(results, indent=1))
    if failed or missing:
        raise typer.Exit(1 if failed else NOT_MARKED)


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and the media files in the folders named. Raises InputError when a folder holds none."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(file for file in path.rglob("*") if is_sound(file) or is_film(file))
        if not inside:
            raise InputError(f"{path} holds no video or sound file; give another folder, or files by name")
        files += inside
    return files


def _sentence(verdict: "Verdict") -> str:
    found = verdict.detection
    if found is None:
        text = "marked: no, there is no sound"
    elif not found.marked:
        text = "marked: no"
    else:
        parts = [f"marked: yes, {_chance(found.log10_chance)} chance of error", *_said(found.payload)]
        if found.key != "public":
            parts.append(f"key {found.key}")
        if abs(found.tempo - 1) > 0.001 or abs(found.semitones) > 0.5:
            parts.append(f"{found.tempo:.2f} times as fast, {found.semitones:+.1f} semitones")
        where = (
            f"{_seconds(found.spans, verdict.duration_s)} of" if found.spans else "in seconds that cannot be told, of"
        )
        text = ", ".join(parts) + f"; {where} {verdict.duration_s:.1f}"
        takes = {span.payload.take_id for span in found.spans if span.payload}
        if len(takes) > 1:
            text += f", of {len(takes)} takes ({', '.join(sorted(takes))})"
    return f"{verdict.path}: {text}{_credentials(verdict.credentials)}"


def _seconds(spans: "Sequence[Span]", duration_s: float) -> str:
    """Which seconds carry a mark, whatever it says there; "at least" where others are too few to be told for sure."""
    joined: list[tuple[float, float]] = []
    for span in spans:
        start_s = joined.pop()[0] if joined and joined[-1][1] == span.start_s else span.start_s
        joined.append((start_s, span.end_s))
    edges_s = [0.0, *(edge for pair in joined for edge in pair), duration_s]
    gaps_s = [end - start for start, end in zip(edges_s[::2], edges_s[1::2], strict=True)]
    least = "at least " if any(ROUNDED_S < gap < SHORTEST_TOLD_S for gap in gaps_s) else ""
    told = ", ".join(f"{start_s:.0f}-{end_s:.1f}" for start_s, end_s in joined)
    return f"{least}in seconds {told}"


def _chance(log10_chance: float) -> str:
    """As 2.1e-31, also where a float would hold 0."""
    exponent = int(log10_chance // 1)
    return f"{10 ** (log10_chance - exponent):.1f}e{exponent:+03d}" if exponent < 0 else "1.0"


def _said(payload: "Payload | None") -> list[str]:
    from phonofilm.weights.registry import model_called

    if payload is None:
        return ["what it says cannot be read"]
    return [f"model {model_called(payload.model)}", f"made {payload.made}", f"take {payload.take_id}"]


def _credentials(found: "Credentials | None") -> str:
    if found is None:
        return ""
    generated = "generated" if found.generated else "not said to be generated"
    return f"; Content Credentials {found.state}, signed by {found.signer}, {generated}"
