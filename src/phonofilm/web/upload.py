"""A file out of a form (RFC 7578), written to the disk as it comes in, under a name of ours."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from phonofilm.web.problems import ProblemError

FIELD = b"file"
MOST_FRAME_BYTES = 100_000
"""What a form may hold beside the file: boundaries, heads and small fields."""
LONGEST_NAME = 200
WANTED = "send multipart/form-data with the file in the field 'file'"


@dataclass(frozen=True)
class Upload:
    """A file that came in, and what it was called where it came from."""

    path: Path
    file_name: str


async def receive_file(request: Request, path: Path, most_bytes: int) -> Upload:
    """Write the file of a form to `path`.

    Raises ProblemError: 413 when it is larger than `most_bytes`, 400 or 422 when there is none, or more than one.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most_bytes + MOST_FRAME_BYTES:
        raise _too_large(most_bytes)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ProblemError("bad_request", f"this is no form with a file in it; {WANTED}", 415)
    with path.open("wb") as target:
        form = _Form(options[b"boundary"], target, most_bytes)
        try:
            async for chunk in request.stream():
                await run_in_threadpool(form.feed, chunk)
        except FormParserError as error:
            raise ProblemError("bad_request", f"the form cannot be read ({error}); {WANTED}", 400) from error
        except ClientDisconnect as error:
            raise ProblemError("bad_request", "the connection ended before the file did; send it again", 400) from error
    if form.file_name is None or not form.ended:
        raise ProblemError("bad_request", f"no whole file came; {WANTED}")
    return Upload(path, form.file_name)


class _Form:
    """Takes a form apart as it comes in; keeps nothing but the name of the file."""

    def __init__(self, boundary: bytes, target: BinaryIO, most_bytes: int) -> None:
        self.file_name: str | None = None
        self.ended = False
        self._target, self._most_bytes = target, most_bytes
        self._taking = False
        self._written = self._other = 0
        self._head: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._head.clear,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_head,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        self._other += len(chunk)
        self._parser.write(chunk)
        if self._other > MOST_FRAME_BYTES:
            lack = "more came than one file in the field 'file'"
            raise ProblemError("bad_request", f"{lack}, or it is in another; {WANTED}, and nothing else")

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._head.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _on_head(self) -> None:
        _, options = parse_options_header(dict(self._head).get(b"content-disposition", b""))
        self._taking = options.get(b"name") == FIELD and b"filename" in options and self.file_name is None
        if self._taking:
            self.file_name = shown_name(options[b"filename"].decode("utf-8", "replace"))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if not self._taking:
            return
        self._other -= end - start
        self._written += end - start
        if self._written > self._most_bytes:
            raise _too_large(self._most_bytes)
        self._target.write(data[start:end])

    def _on_part_end(self) -> None:
        self._taking = False

    def _on_end(self) -> None:
        self.ended = True


def shown_name(name: str) -> str:
    """The last part of a path, of either kind, as plain text of at most LONGEST_NAME characters."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = "".join(letter for letter in unicodedata.normalize("NFC", last) if letter.isprintable()).strip()
    if len(plain) > LONGEST_NAME:
        suffix = PurePosixPath(plain).suffix[:10]
        plain = plain[: LONGEST_NAME - len(suffix)] + suffix
    return plain if plain.strip(".") else "clip"


def _too_large(most_bytes: int) -> ProblemError:
    return ProblemError("too_large", f"the file has more than {most_bytes / 1e6:,.0f} MB; cut or compress it first")
