"""The built page: index.html for every address that is no file of it."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonofilm.web.files import served

FOLDER = Path(__file__).parent / "static"


def page_routes(folder: Path = FOLDER) -> APIRouter:
    """The routes of the page, to be added last."""
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    @router.head("/{path:path}")
    def page(request: Request, path: str) -> Response:
        index = folder / "index.html"
        if not index.is_file():
            return PlainTextResponse("the page is not built; see studio/README.md, or use the API at /api/v1\n", 503)
        file = _inside(folder, path) or index
        # The names of built files do not change with their content, so browsers ask each time whether it has.
        return served(request, file, kept=False)

    return router


def _inside(folder: Path, path: str) -> Path | None:
    """The file of that name below the folder, None where there is none."""
    if not path or "\0" in path:
        return None
    try:
        file = (folder / path).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except (OSError, ValueError):
        return None
