"""What is shown on a terminal, and what in a pipe: messages, tables, progress, results as JSON."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from phonofilm.errors import PhonofilmError, told_of
from phonofilm.timeline import timecode
from phonofilm.types import Progress, no_progress

if TYPE_CHECKING:
    from phonofilm.cues import CueSheet
    from phonofilm.pipeline import Take


def complain(error: PhonofilmError, where: Path | None = None) -> None:
    text = str(error) if where is None else told_of(str(where), str(error))
    remark(" ".join(text.split()))


def remark(text: str) -> None:
    """Say what is good to know beside the result, where it does not get into a pipe."""
    sys.stderr.write(f"phonofilm: {text}\n")


def short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def take_json(take: "Take") -> dict[str, Any]:
    return {
        "file": str(take.path),
        "seed": take.seed,
        "duration_s": round(float(take.sound.duration_s), 6),
        "channels": take.sound.channels,
        "rate_hz": take.sound.rate_hz,
        "take": take.take_id,
        "marked": take.marked,
        "words": take.words,
        **_layers_json(take),
        "cues": None if take.cues is None else json.loads(take.cues.to_json())["cues"],
        "seconds": {name: round(value, 3) for name, value in take.seconds.items()},
    }


def _layers_json(take: "Take") -> dict[str, Any]:
    result: dict[str, Any] = {}
    if take.stems:
        result["stems"] = {name: str(path) for name, path in take.stems.items()}
    if take.timeline is not None:
        result["timeline"] = str(take.timeline)
    if take.extras is None:
        return result
    reading, score, dialogue = take.extras.reading, take.extras.score, take.extras.dialogue
    if reading.music or reading.forbidden:
        result["prompt"] = {"music": reading.music, "effects": reading.effects, "music_forbidden": reading.forbidden}
    if score is not None:
        result["music"] = {
            "style": score.style,
            "key": f"{score.key} {score.mode}",
            "beats_a_minute": round(score.tempo_bpm, 1),
            "chords": score.chords,
            "instruments": score.instruments,
        }
    if dialogue is None:
        return result
    lines = [
        {
            "speaker": spoken.line.speaker,
            "text": spoken.line.text,
            "voice": spoken.voice,
            "start_s": round(spoken.start_s, 3),
            "end_s": round(spoken.end_s, 3),
            "fit": None if spoken.fit is None else round(spoken.fit, 2),
            "fitted_to_mouth": spoken.fitted,
        }
        for spoken in dialogue.lines
    ]
    return result | {"dialogue": {"lines": lines, "notes": list(dialogue.notes)}}


def print_cues(sheet: "CueSheet") -> None:
    rows = []
    for cue in sheet.cues:
        end = "" if cue.is_event else timecode(cue.end_s)
        place = "left" if cue.place < -0.33 else "right" if cue.place > 0.33 else "centre"
        rows.append((timecode(cue.start_s), end, "▮" * max(1, round(cue.strength * 8)), place, cue.label))
    print_table(("start", "end", "strength", "place", "what"), rows)
    if not rows:
        typer.echo("nothing happens in this clip that should be heard at a moment")


def print_table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    # In a pipe there is no width to wrap at: one row stays one line.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def start_logging(verbose: bool) -> None:
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
def progress_bars() -> Iterator[Progress]:
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
