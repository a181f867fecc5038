"""Projects: upload, list, change, delete, and the files of the clip."""

import json
import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from phonofilm.cues import DURATION_TOLERANCE_S, CueSheet, parse_cue_sheet
from phonofilm.errors import CueError, PhonofilmError
from phonofilm.media.preview import write_own_sound
from phonofilm.media.probe import probe
from phonofilm.web import schemas
from phonofilm.web.answers import (
    CONFLICT,
    ERRORS,
    FORM,
    NOT_FOUND,
    TOO_LARGE,
    UNREADABLE,
    ProjectHere,
    StudioHere,
    file_answer,
)
from phonofilm.web.arrival import receive_clip
from phonofilm.web.files import FILM_TYPES, OTHER_TYPE, served
from phonofilm.web.jobs import SPOT
from phonofilm.web.problems import ProblemError, problem_of
from phonofilm.web.projects import Project
from phonofilm.web.studio import Studio
from phonofilm.web.upload import receive_file
from phonofilm.web.views import project_view

MOST_SETTINGS_BYTES = 64_000

router = APIRouter(prefix="/projects", tags=["projects"], responses=ERRORS)


def shown(studio: Studio, project: Project) -> dict[str, Any]:
    """The whole project as it is answered."""
    return project_view(project, studio.jobs.of_project(project.id))


@router.post(
    "",
    status_code=201,
    response_model=schemas.Project,
    responses={**TOO_LARGE, **UNREADABLE},
    openapi_extra=FORM,
)
async def upload(request: Request, studio: StudioHere) -> Any:
    """Send a clip. It is looked at by a job of its own."""
    draft = await run_in_threadpool(studio.projects.draft)
    try:
        received = await receive_file(request, draft / "upload", studio.config.most_bytes)
        project = await run_in_threadpool(receive_clip, studio.projects, received, draft, studio.config.longest_s)
    finally:
        await run_in_threadpool(shutil.rmtree, draft, ignore_errors=True)
    return await run_in_threadpool(_welcome, studio, project)


def _welcome(studio: Studio, project: Project) -> dict[str, Any]:
    studio.jobs.submit(project.id, SPOT, {})
    studio.changed(project.id)
    return shown(studio, project)


@router.get("", response_model=list[schemas.ProjectSummary])
def projects(studio: StudioHere) -> Any:
    """All projects, newest first."""
    return studio.store.projects()


@router.get("/{project}", response_model=schemas.Project, responses=NOT_FOUND)
def project(studio: StudioHere, project: ProjectHere) -> Any:
    """A clip and all that was made for it."""
    return shown(studio, project)


@router.patch("/{project}", response_model=schemas.Project, responses={**NOT_FOUND, **TOO_LARGE})
def change(studio: StudioHere, project: ProjectHere, change: schemas.ProjectChange) -> Any:
    """Another name, or what the page wants to remember."""
    if change.settings is not None and len(json.dumps(change.settings).encode()) > MOST_SETTINGS_BYTES:
        raise ProblemError("too_large", f"settings have more than {MOST_SETTINGS_BYTES // 1000} KB; keep less")
    with studio.projects.changing(project) as record:
        if change.name is not None:
            record["name"] = one_line(change.name)
        if change.settings is not None:
            record["settings"] = change.settings
    studio.changed(project.id)
    return shown(studio, project)


def one_line(name: str) -> str:
    """A name without line breaks and such. Raises ProblemError when nothing is left."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not plain:
        raise ProblemError("bad_request", "the name holds no letter; give one that can be read")
    return plain


@router.delete("/{project}", status_code=204, responses=NOT_FOUND)
def delete(studio: StudioHere, project: ProjectHere) -> None:
    """Delete a project with all its takes; its jobs are cancelled."""
    studio.delete(project.id)


@router.get("/{project}/video", response_class=Response, responses=file_answer("video/mp4", "video/webm"))
def video(request: Request, project: ProjectHere) -> Response:
    """The picture as any browser plays it."""
    path = project.video
    return served(request, path, kind="video/webm" if path.suffix == ".webm" else "video/mp4")


@router.get("/{project}/clip", response_class=Response, responses=file_answer(*FILM_TYPES, OTHER_TYPE))
def clip(request: Request, project: ProjectHere) -> Response:
    """The file that was uploaded."""
    return served(request, project.clip, name=project.record()["clip"]["file_name"])


@router.get("/{project}/strip", response_class=Response, responses=file_answer("image/jpeg"))
def strip(request: Request, project: ProjectHere) -> Response:
    """The film strip as JPEG: frames side by side in one row."""
    return served(request, project.folder / "strip.jpg")


@router.get("/{project}/poster", response_class=Response, responses=file_answer("image/jpeg"))
def poster(request: Request, project: ProjectHere) -> Response:
    """One frame as JPEG."""
    return served(request, project.folder / "poster.jpg")


@router.get("/{project}/sound", response_class=Response, responses=file_answer("audio/wav"))
def sound(request: Request, studio: StudioHere, project: ProjectHere) -> Response:
    """The clip's own sound as 16-bit WAV; 404 where it has none."""
    path = project.folder / "sound.wav"
    if not project.record()["clip"]["has_sound"]:
        raise ProblemError("not_found", "the clip has no sound of its own")
    with studio.projects.making(path) as missing:
        if missing:
            try:
                write_own_sound(probe(project.clip), path)
            except PhonofilmError as error:
                raise problem_of(error, project.names) from error
    return served(request, path)


@router.get(
    "/{project}/cues",
    response_model=schemas.CueSheetRecord,
    response_model_exclude_unset=True,
    responses={**NOT_FOUND, **CONFLICT},
)
def cues(
    project: ProjectHere,
    seen: Annotated[bool, Query(description="What is seen, whatever was edited.")] = False,
) -> Any:
    """The cue sheet: what was edited, else what is seen. 409 as long as nobody has looked."""
    sheet = project.seen() if seen else project.cues()
    if sheet is None:
        raise ProblemError("conflict", "the picture has not been looked at yet; wait for the job that does")
    return as_json(sheet)


@router.put(
    "/{project}/cues",
    response_model=schemas.CueSheetRecord,
    response_model_exclude_unset=True,
    responses={**NOT_FOUND, **CONFLICT, **TOO_LARGE},
)
def edit_cues(
    studio: StudioHere,
    project: ProjectHere,
    sheet: Annotated[Any, Body(json_schema_extra={"$ref": "#/components/schemas/CueSheetRecord"})],
) -> Any:
    """Set the cue sheet; checked as `phonofilm add --cues` does."""
    checked = _checked(sheet, project)
    studio.projects.save_cues(project, checked)
    studio.changed(project.id)
    return as_json(checked)


@router.delete("/{project}/cues", status_code=204, responses=NOT_FOUND)
def forget_cues(studio: StudioHere, project: ProjectHere) -> None:
    """Back to what is seen."""
    studio.projects.save_cues(project, None)
    studio.changed(project.id)


def as_json(sheet: CueSheet) -> Any:
    """A sheet as it is written to a file."""
    return json.loads(sheet.to_json())


def _checked(data: Any, project: Project) -> CueSheet:
    seen = project.seen()
    if seen is None:
        raise ProblemError("conflict", "the picture has not been looked at yet; wait for the job that does")
    try:
        sheet = parse_cue_sheet(data, "sent")
    except (CueError, RecursionError) as error:
        raise ProblemError("bad_request", str(error).replace("cue sheet sent", "the cue sheet")) from error
    last_s = max([sheet.duration_s, *(cue.end_s for cue in sheet.cues)])
    if sheet.fingerprint and sheet.fingerprint != seen.fingerprint:
        raise ProblemError("bad_request", f"the cue sheet was made for another clip ({sheet.clip_name!r:.60})")
    if last_s > seen.duration_s + DURATION_TOLERANCE_S:
        raise ProblemError(
            "bad_request", f"the cue sheet reaches to {last_s:.2f} s, the clip to {seen.duration_s:.2f} s"
        )
    return sheet
