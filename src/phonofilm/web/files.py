"""Files as answers: ranged, with an ETag, and only said to be unchanged where the reader has them already."""

import os
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from phonofilm.web.problems import not_found

KEPT = "private, max-age=31536000, immutable"
ASKED_AGAIN = "private, no-cache"
MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/matroska",
    ".avi": "video/x-msvideo",
    ".wav": "audio/wav",
    ".mid": "audio/midi",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".zip": "application/zip",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
OTHER_TYPE = "application/octet-stream"
RANGE = r"\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})\s*"
RANGES = re.compile(rf"bytes={RANGE}(?:,{RANGE})*", re.IGNORECASE)
FILM_TYPES = tuple(sorted({kind for kind in MEDIA_TYPES.values() if kind.startswith("video/")}))


class _Ranged(FileResponse):
    """A file, or the parts of it that are asked for. A range that is none is overlooked (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope).get("range")
        if asked is not None and not _is_range(asked):
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}
        await super().__call__(scope, receive, send)


def _is_range(text: str) -> bool:
    if RANGES.fullmatch(text) is None:
        return False
    pairs = [part.strip().split("-") for part in text.partition("=")[2].split(",")]
    return all(not (first and end) or int(first) <= int(end) for first, end in pairs)


def served(
    request: Request, path: Path, *, name: str | None = None, kept: bool = True, kind: str | None = None
) -> Response:
    """A file as answer. name: what it is saved as, as an attachment. kept: it never changes under its address.

    kind: its media type, where the suffix does not tell. Raises ProblemError when there is no such file.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise not_found("file") from error
    kind = kind or MEDIA_TYPES.get(path.suffix.lower(), OTHER_TYPE)
    answer = _Ranged(path, media_type=kind, filename=name, stat_result=stat)
    answer.headers["cache-control"] = KEPT if kept else ASKED_AGAIN
    if answer.headers["etag"] in _known(request):
        headers = {key: answer.headers[key] for key in ("etag", "cache-control", "last-modified", "accept-ranges")}
        return Response(status_code=304, headers=headers)
    return answer


def _known(request: Request) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]


def speaking(*parts: str, suffix: str) -> str:
    """A file name for people: parts with dashes between, nothing that a file system minds."""
    words = " - ".join(part for part in parts if part)
    plain = "".join("_" if letter in '<>:"/\\|?*' or not letter.isprintable() else letter for letter in words)
    return (plain.strip(". ")[:150] or "phonofilm") + suffix
