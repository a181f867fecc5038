"""What a job does: one call of the pipeline, and its results into the project's folder."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonofilm.cues import CueSheet, changed_spans, merged
from phonofilm.errors import PhonofilmError
from phonofilm.media.preview import write_listening_copy
from phonofilm.mix.loudness import integrated_lufs
from phonofilm.settings import SHORTEST_REDO_S
from phonofilm.types import Progress
from phonofilm.web.disk import save_text
from phonofilm.web.films import Films
from phonofilm.web.notes import warnings_to
from phonofilm.web.problems import ProblemError, plain, problem_of
from phonofilm.web.projects import Project, Projects, TakeFiles
from phonofilm.web.store import JobRecord

if TYPE_CHECKING:
    from phonofilm.pipeline import Take

FILM = "film"
MIX = "mix"
LISTENING_COPY = "sound.wav"
KEPT = ("loudness", "rate", "mono")
"""Options of a take that what is made anew of it keeps."""
Spans = Sequence[tuple[float, float]]


class Maker:
    """Does jobs with the loaded models. told: is called with the project whose takes or cues changed."""

    def __init__(self, projects: Projects, films: Films, told: Callable[[str], None]) -> None:
        self._projects, self._films, self._told = projects, films, told

    def __call__(self, job: JobRecord, progress: Progress, note: Callable[[str], None]) -> list[str]:
        """Returns the takes. Raises ProblemError, and whatever `progress` raises."""
        project = self._projects.get(job.project)
        workshop = project.workshop(job.id)
        names = {str(workshop / "dialogue.txt"): "the dialogue", str(workshop) + "/": "", **project.names}
        takes: list[str] = []
        try:
            with warnings_to(lambda text: note(plain(text, names))):
                if job.kind == "spot":
                    self._spot(project, progress)
                else:
                    takes = self._make(project, job, workshop, progress)
        except PhonofilmError as error:
            raise problem_of(error, names) from error
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
        self._told(job.project)
        return takes

    def _spot(self, project: Project, progress: Progress) -> None:
        file_name = project.record()["clip"]["file_name"]
        progress("look", 0.0)
        sheet = self._films.spotter().spot(project.clip, progress)
        self._projects.save_seen(project, replace(sheet, clip_name=file_name))

    def _make(self, project: Project, job: JobRecord, workshop: Path, progress: Progress) -> list[str]:
        request = job.request
        earlier = None if job.kind == "add" else project.take(request["take"])
        progress("load", 0.0)
        film = self._films.get(request["model"])
        options: dict[str, Any] = {**request["options"], "stems": True, "progress": progress}
        sheet = project.cues() if request["use_cues"] else None
        if sheet is not None and (earlier is not None or project.cues_edited):
            save_text(sheet.to_json(), workshop / "cues.json")
            options["cues"] = workshop / "cues.json"
        if request.get("dialogue_text"):
            (workshop / "dialogue.txt").write_text(request["dialogue_text"], encoding="utf-8")
            options["dialogue"] = workshop / "dialogue.txt"
        spans: Spans | None = None
        if earlier is not None:
            spans = _spans(request["spans"], project, earlier, sheet)
            for kept in KEPT:
                options.pop(kept, None)
            options |= {"redo": spans, "take": project.take_folder(earlier["id"]) / earlier["files"][MIX]}
        made = film.add_sound(project.clip, workshop / f"{FILM}{project.clip.suffix}", **options)
        published = []
        for number, take in enumerate(made):
            take_id = f"{job.id}{number:02x}"
            others = [other.take_id for other in made if other.take_id != take.take_id]
            own = [note for note in job.notes if not any(f"take {name}" in note for name in others)]
            job_of_it = replace(job, notes=own)
            draft = _drafted(
                take_id, take, job_of_it, earlier, spans, workshop, _sheet_of(take, project, earlier, spans)
            )
            self._projects.publish_take(project, draft)
            published.append(take_id)
        return published


def _spans(asked: Spans, project: Project, earlier: dict[str, Any], sheet: CueSheet | None) -> Spans:
    """The spans asked for; where none are, those in which the cue sheet is another than the take's own."""
    if asked:
        return [(first, end) for first, end in asked]
    if sheet is None:
        raise ProblemError(
            "bad_request", "nothing says what to make anew; select a span of time, or change cues and use them"
        )
    before = project.take_cues(earlier["id"])
    spans = [] if before is None else joined(changed_spans(before, sheet), sheet.duration_s)
    if not spans:
        raise ProblemError(
            "bad_request", "the take was made with these very cues; change one, or select a span of time"
        )
    return spans


def joined(spans: Spans, duration_s: float) -> list[tuple[float, float]]:
    """Each of at least the shortest length that can be made anew, those that touch as one; inside the clip."""
    wide: list[tuple[float, float]] = []
    for first, end in sorted(spans):
        short = max(0.0, SHORTEST_REDO_S - (end - first))
        first = max(0.0, min(first - short / 2, duration_s - SHORTEST_REDO_S))
        end = min(max(end + short / 2, first + SHORTEST_REDO_S), duration_s)
        if wide and first <= wide[-1][1]:
            wide[-1] = (wide[-1][0], max(wide[-1][1], end))
        else:
            wide.append((first, end))
    return [(round(first, 4), round(end, 4)) for first, end in wide]


def _sheet_of(take: "Take", project: Project, earlier: dict[str, Any] | None, spans: Spans | None) -> CueSheet:
    """What is heard in a take: its sheet, which where only spans were made anew counts in these alone."""
    sheet = take.cues or project.cues()
    assert sheet is not None, "a take of a clip has cues"
    before = None if earlier is None else project.take_cues(earlier["id"])
    if before is None or spans is None:
        return replace(sheet, clip_name=project.record()["clip"]["file_name"])
    return merged(before, sheet, spans)


def _drafted(
    take_id: str,
    take: "Take",
    job: JobRecord,
    earlier: dict[str, Any] | None,
    spans: Spans | None,
    workshop: Path,
    cues: CueSheet,
) -> TakeFiles:
    """The files of a take under the names that they keep, and all that is told of it."""
    film = f"{FILM}{take.path.suffix}"
    files = {film: take.path}
    for name, path in take.stems.items():
        files[f"{FILM}.{name}{path.suffix}"] = path
        notes = path.with_suffix(".mid")
        if notes.exists():
            files[f"{FILM}.{name}.mid"] = notes
    copy = workshop / f"{take_id}.wav"
    write_listening_copy(take.stems[MIX], copy)
    loudness = integrated_lufs(take.sound)
    record = {
        "job": job.id,
        "seed": take.seed,
        "model": job.request["model"],
        "options": job.request["options"],
        "from_take": None if earlier is None else earlier["id"],
        "spans": None if spans is None else [list(span) for span in spans],
        "mark": {"take_id": take.take_id, "marked": take.marked},
        "loudness_lufs": round(loudness, 2) if math.isfinite(loudness) else None,
        "duration_s": round(float(take.sound.duration_s), 6),
        "files": {
            FILM: film,
            MIX: f"{FILM}.{MIX}.wav",
            "stems": {name: f"{FILM}.{name}.wav" for name in take.stems if name != MIX},
            "midi": next((name for name in files if name.endswith(".mid")), None),
        },
        "reading": _reading(take, earlier),
        "lines": _lines(take, earlier),
        "notes": list(job.notes),
        "seconds": {stage: round(seconds, 3) for stage, seconds in take.seconds.items()},
    }
    return TakeFiles(take_id, files | {LISTENING_COPY: copy}, record, cues)


def _reading(take: "Take", earlier: dict[str, Any] | None) -> dict[str, list[str]] | None:
    """How the prompt was parted; music is kept where only effects were made anew."""
    if take.extras is None:
        return None
    reading = take.extras.reading
    kept = (earlier or {}).get("reading") or {"music": []}
    music = [] if reading.forbidden else list(reading.music)
    return {"effects": list(reading.effects), "music": music if earlier is None else kept["music"]}


def _lines(take: "Take", earlier: dict[str, Any] | None) -> list[dict[str, Any]] | None:
    """What is spoken; dialogue is kept where only effects were made anew."""
    if earlier is not None:
        kept: list[dict[str, Any]] | None = earlier["lines"]
        return kept
    if take.extras is None or take.extras.dialogue is None:
        return None
    return [
        {
            "text": spoken.line.text,
            "speaker": spoken.line.speaker,
            "start_s": round(spoken.start_s, 3),
            "end_s": round(spoken.end_s, 3),
            "fit": None if spoken.fit is None else round(spoken.fit, 2),
        }
        for spoken in take.extras.dialogue.lines
    ]
