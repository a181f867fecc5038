"""Whether there is room on a disk, what to do where there is none, and whose an unfinished file is."""

import errno
import os
import shutil
import tempfile
import threading
from pathlib import Path

FULL_BYTES = 1 << 16
"""With less room than this a disk is full: writers that fail on it do not all say why."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def writer() -> str:
    """Digits for the names of unfinished files: of this process and thread, so that no two write into one."""
    return f"{os.getpid()}-{threading.get_native_id()}"


def way_out(error: OSError, folder: Path) -> str:
    """What to do about an error in writing: only where there is no room does making some help."""
    full = disk_is_full(folder) if error.errno is None else error.errno in NO_SPACE
    return "free some space or choose another folder" if full else "choose another folder"


def disk_is_full(folder: Path) -> bool:
    """Whether there is no room left where there could be some, as far as can be told."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return False
    # Places that keep nothing, as /proc, have no room at all, and what can only be read has none left.
    refusal = refusal_of(folder)
    return usage.total > 0 and usage.free < FULL_BYTES and (refusal is None or refusal.errno in NO_SPACE)


def refusal_of(folder: Path) -> OSError | None:
    """What the operating system says to a new file in a folder, None where it takes one. Nothing is left there."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error
