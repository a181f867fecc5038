"""What can be answered instead of what was asked for: one record, one code for each kind, one line for people."""

import re
from pathlib import Path

from phonofilm.errors import (
    CueError,
    InputError,
    MediaError,
    MissingExtraError,
    ModelError,
    OptionError,
    OutputError,
    PhonofilmError,
)

STATUS = {
    "not_found": 404,
    "bad_request": 422,
    "unreadable_clip": 415,
    "too_large": 413,
    "too_long": 422,
    "queue_full": 429,
    "conflict": 409,
    "unauthorised": 401,
    "missing_extra": 501,
    "internal": 500,
}
"""Code → HTTP status, where a request says nothing else."""
FLAG = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")
CODES: list[tuple[type[PhonofilmError], str]] = [
    (MissingExtraError, "missing_extra"),
    (MediaError, "unreadable_clip"),
    (CueError, "bad_request"),
    (OptionError, "bad_request"),
    (ModelError, "bad_request"),
    (InputError, "bad_request"),
    (OutputError, "internal"),
]


class ProblemError(Exception):
    """An answer that is an error. code: one of STATUS. status: where it is another than usual for the code."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.status = STATUS[code] if status is None else status

    def body(self) -> dict[str, dict[str, str]]:
        """What is sent."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found(what: str) -> ProblemError:
    """There is no such thing, or no more."""
    return ProblemError("not_found", f"there is no such {what}; it may have been deleted: reload the list")


def problem_of(error: PhonofilmError, names: dict[str, str]) -> ProblemError:
    """An error of the pipeline. names: what people call the files that it may speak of."""
    code = next((code for kind, code in CODES if isinstance(error, kind)), "internal")
    return ProblemError(code, plain(str(error), names))


def plain(message: str, names: dict[str, str]) -> str:
    """One line without paths of this computer and without dashes of the command line."""
    for path in sorted(names, key=len, reverse=True):
        message = message.replace(path, names[path])
    message = FLAG.sub(lambda match: match[1].replace("-", " "), message)
    return " ".join(message.split())


def shown_names(folder: Path, clip: Path, file_name: str) -> dict[str, str]:
    """What the files of a project are called before people."""
    return {str(clip): file_name, str(folder) + "/": "", str(folder): "the project's folder", clip.name: file_name}
