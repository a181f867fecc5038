"""Takes: what they are, their files, their names and stars."""

import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from phonofilm.media.files import replacing
from phonofilm.web import schemas
from phonofilm.web.answers import ERRORS, NOT_FOUND, ProjectHere, StudioHere, TakeIdInPath, file_answer
from phonofilm.web.files import FILM_TYPES, OTHER_TYPE, served, speaking
from phonofilm.web.problems import ProblemError
from phonofilm.web.projects import Project
from phonofilm.web.routes_projects import one_line
from phonofilm.web.views import take_view
from phonofilm.web.work import FILM, LISTENING_COPY, MIX

OLD_DATE = (1980, 1, 1, 0, 0, 0)
"""Of what lies in a zip file: so that the same take gives the same bytes."""

router = APIRouter(prefix="/projects/{project}/takes/{take}", tags=["takes"], responses={**ERRORS, **NOT_FOUND})
Download = Annotated[bool, Query(description="As an attachment with a speaking name.")]


@router.get("", response_model=schemas.Take)
def take(project: ProjectHere, take_id: TakeIdInPath) -> Any:
    """One soundtrack."""
    return take_view(project.id, project.take(take_id))


@router.patch("", response_model=schemas.Take)
def change(studio: StudioHere, project: ProjectHere, take_id: TakeIdInPath, change: schemas.TakeChange) -> Any:
    """Another name, or a star."""
    with studio.projects.changing_take(project, take_id) as record:
        if change.name is not None:
            record["name"] = one_line(change.name)
        if change.starred is not None:
            record["starred"] = change.starred
    studio.changed(project.id)
    return take_view(project.id, project.take(take_id))


@router.delete("", status_code=204)
def delete(studio: StudioHere, project: ProjectHere, take_id: TakeIdInPath) -> None:
    """Delete a take; its number is not given again."""
    studio.projects.delete_take(project, take_id)
    studio.changed(project.id)


@router.get(
    "/video",
    response_class=Response,
    responses=file_answer(*FILM_TYPES, OTHER_TYPE),
)
def video(request: Request, project: ProjectHere, take_id: TakeIdInPath, download: Download = False) -> Response:
    """The film with this sound; its picture is the clip's, untouched."""
    return _file(request, project, take_id, project.take(take_id)["files"][FILM], "", download)


@router.get("/sound", response_class=Response, responses=file_answer("audio/wav"))
def sound(request: Request, project: ProjectHere, take_id: TakeIdInPath, download: Download = False) -> Response:
    """All layers together, as 16-bit WAV that browsers decode; as a download in 24 bits, as it was made."""
    name = project.take(take_id)["files"][MIX] if download else LISTENING_COPY
    return _file(request, project, take_id, name, "", download)


@router.get("/stems/{name}", response_class=Response, responses=file_answer("audio/wav"))
def stem(
    request: Request,
    project: ProjectHere,
    take_id: TakeIdInPath,
    name: Literal["effects", "music", "dialogue", "original"],
    download: Download = False,
) -> Response:
    """One layer as WAV. The layers add up to the mix."""
    stems = project.take(take_id)["files"]["stems"]
    if name not in stems:
        raise ProblemError("not_found", f"this take has no {name}; it has {', '.join(stems)}")
    return _file(request, project, take_id, stems[name], name, download)


@router.get("/midi", response_class=Response, responses=file_answer("audio/midi"))
def midi(request: Request, project: ProjectHere, take_id: TakeIdInPath, download: Download = False) -> Response:
    """The notes of the music as a MIDI file; 404 where there is no music."""
    name = project.take(take_id)["files"]["midi"]
    if name is None:
        raise ProblemError("not_found", "this take has no music, so there are no notes")
    return _file(request, project, take_id, name, "music", download)


@router.get(
    "/cues",
    response_class=Response,
    responses={
        **file_answer("application/json"),
        200: {"model": schemas.CueSheetRecord, "description": "The file."},
    },
)
def cues(request: Request, project: ProjectHere, take_id: TakeIdInPath, download: Download = False) -> Response:
    """The cue sheet that the take was made with."""
    project.take(take_id)
    return _file(request, project, take_id, "cues.json", "cues", download)


@router.get("/stems.zip", response_class=Response, responses=file_answer("application/zip"))
def everything(request: Request, studio: StudioHere, project: ProjectHere, take_id: TakeIdInPath) -> Response:
    """All stems, the mix, the notes and the cue sheet in one file."""
    folder, files = project.take_folder(take_id), project.take(take_id)["files"]
    path = folder / "stems.zip"
    wanted = {f"{name}.wav": folder / stem for name, stem in files["stems"].items()}
    wanted |= {"mix.wav": folder / files[MIX], "cues.json": folder / "cues.json"}
    if files["midi"]:
        wanted["music.mid"] = folder / files["midi"]
    with studio.projects.making(path) as missing:
        if missing:
            with replacing(path) as partial:
                _zip(wanted, partial)
    return _file(request, project, take_id, path.name, "stems", True)


def _zip(files: dict[str, Path], path: Path) -> None:
    """Stored, not squeezed: sound hardly gets smaller. 64-bit sizes where they are needed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as pack:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, OLD_DATE)
            with file.open("rb") as source, pack.open(entry, "w", force_zip64=True) as target:
                while block := source.read(1 << 20):
                    target.write(block)


def _file(request: Request, project: Project, take_id: str, name: str, what: str, download: bool) -> Response:
    path = project.take_folder(take_id) / Path(name).name
    if not download:
        return served(request, path)
    return served(
        request, path, name=speaking(project.record()["name"], project.take(take_id)["name"], what, suffix=path.suffix)
    )
