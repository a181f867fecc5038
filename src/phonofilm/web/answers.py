"""What routes share: the studio behind the app, ids in paths, and the errors that every route can answer with."""

from typing import Annotated, Any, cast

from fastapi import Depends, Path
from starlette.requests import Request

from phonofilm.web.projects import Project
from phonofilm.web.schemas import ErrorBody
from phonofilm.web.studio import Studio

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request cannot be read."},
    401: {"model": ErrorBody, "description": "The token is missing or wrong."},
    403: {"model": ErrorBody, "description": "Another site's page asked."},
    421: {"model": ErrorBody, "description": "The server is not called that."},
    422: {"model": ErrorBody, "description": "The request is understood, but cannot be done."},
    500: {"model": ErrorBody, "description": "The studio's own fault."},
}
"""What every route may answer with."""
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorBody, "description": "There is no such thing."}}
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": ErrorBody, "description": "Not now."}}
TOO_LARGE: dict[int | str, dict[str, Any]] = {413: {"model": ErrorBody, "description": "Too much was sent."}}
UNREADABLE: dict[int | str, dict[str, Any]] = {415: {"model": ErrorBody, "description": "Not a file of that kind."}}
QUEUE_FULL: dict[int | str, dict[str, Any]] = {429: {"model": ErrorBody, "description": "Too many jobs wait."}}


def file_answer(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """A ranged file in the OpenAPI document."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    unsatisfiable = {"description": "No such part of the file."}
    whole, part = {"content": content, "description": "The file."}, {"content": content, "description": "A part of it."}
    return {200: whole, 206: part, 304: {"description": "Unchanged."}, 416: unsatisfiable, **NOT_FOUND}


FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""One file in a form: it is read as it comes in, so FastAPI does not know of it."""


def get_studio(request: Request) -> Studio:
    """The one that the app was made with."""
    return cast(Studio, request.app.state.studio)


StudioHere = Annotated[Studio, Depends(get_studio)]
ProjectIdInPath = Annotated[str, Path(alias="project", pattern="^[0-9a-f]{12}$", examples=["3f9a0c21b7de"])]


def get_project(studio: StudioHere, project_id: ProjectIdInPath) -> Project:
    """Raises ProblemError when there is none."""
    return studio.projects.get(project_id)


ProjectHere = Annotated[Project, Depends(get_project)]
TakeIdInPath = Annotated[str, Path(alias="take", pattern="^[0-9a-f]{14}$", examples=["a04be19f5c3300"])]
JobIdInPath = Annotated[str, Path(alias="job", pattern="^[0-9a-f]{12}$", examples=["a04be19f5c33"])]
