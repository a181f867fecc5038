"""Writing files so that a reader never meets half of one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from phonofilm.disk import refusal_of, way_out, writer
from phonofilm.errors import OutputError

SHEET_SUFFIX = ".json"


def clean_up_when_ended() -> None:
    """Let this process end in order when it is told to (SIGTERM), so that what is half written is taken away."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new name in the folder of `path`, moved onto `path` when the block ends well and deleted when it does not.

    The suffix is kept, because writers choose their format by it. An interrupt counts as not well.
    Raises OutputError when the folder cannot be written to or the disk is full, as the operating system says it.
    """
    partial = _partial(path)
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror or error}); {way_out(error, path.parent)}") from error
    finally:
        with suppress(OSError):  # the folder itself may be gone; the error that says so is on its way
            partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{writer()}.partial{path.suffix}")


def check_named(path: Path) -> None:
    """Raises OutputError when a path ends in no name: an empty one, which is the folder that we are in, or the root."""
    if not path.name:
        raise OutputError(f"output {path} is a folder; give a file name")


def check_writable(path: Path) -> None:
    """Raises OutputError when `path` is a folder, or its folder is missing or may not be written to, or its name is too
    long for the disk: that of what is written first is a little longer."""
    check_named(path)
    try:
        _partial(path).exists()
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}); give a shorter name") from error
    if path.is_dir():
        raise OutputError(f"output {path} is a folder; give a file name")
    if not path.parent.is_dir():
        raise OutputError(f"output folder {path.parent} does not exist; make it first or choose another")
    refusal = refusal_of(path.parent)
    if refusal is not None:
        reason = refusal.strerror or refusal
        raise OutputError(
            f"output folder {path.parent} may not be written to ({reason}); {way_out(refusal, path.parent)}"
        )


def is_same(path: Path, other: Path) -> bool:
    """Whether two names lead to one file that is there."""
    return path.exists() and other.exists() and os.path.samefile(path, other)


def check_other(path: Path, read: Path, what: str = "clip") -> None:
    """Raises OutputError when an output would be the clip, or what else it is called, that is read."""
    if is_same(path, read):
        raise OutputError(f"output {path} is the {what} itself; give another name, nothing was changed")


def check_sheet_path(path: Path, clip: Path) -> None:
    """Raises OutputError when no cue sheet of a clip may be written to `path`: only what ends in .json is one."""
    check_other(path, clip)
    check_named(path)
    if path.suffix.lower() != SHEET_SUFFIX:
        raise OutputError(f"cannot write a cue sheet as {path.name}; give a name that ends in {SHEET_SUFFIX}")
    check_writable(path)


def make_folder(path: Path) -> None:
    """Make a folder for results if it is not there. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path} ({error.strerror}); choose another") from error


def remove(path: Path) -> None:
    """Delete a file. Raises OutputError when it cannot be deleted."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot remove {path} ({error.strerror}); remove it yourself") from error


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text, whole or not at all. Raises OutputError."""
    check_writable(path)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
