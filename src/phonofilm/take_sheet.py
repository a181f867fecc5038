"""The cue sheet beside a take: what a person set its timing with, so that the next edit is told from it.

A take that was made with an edited sheet, or made anew in part, has its sheet beside it (`clip.sound.cues.json`), and
the comment of the take says which: a sheet that has been changed since is not taken for that of the take.
"""

import json
import logging
from pathlib import Path

from phonofilm.cues import CueSheet, read_cue_sheet, sheet_for
from phonofilm.errors import CueError
from phonofilm.media.files import remove, replacing
from phonofilm.outputs import stem_path
from phonofilm.remarks import SHEET, digits_of, told
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)


def sheet_path(take: Path) -> Path:
    """Where the sheet of a take lies."""
    return stem_path(take, SHEET).with_suffix(".json")


def digest(sheet: CueSheet) -> str:
    """Hexadecimal digits that tell its cues from those of another sheet, as they are written. Raises CueError."""
    rows = json.loads(sheet.to_json())["cues"]
    return digits_of(json.dumps(rows, sort_keys=True).encode())


def sheet_of(take: Path, clip: ClipInfo) -> CueSheet | None:
    """The sheet that a take of a clip was made with; None where what is seen set its timing, or nobody knows."""
    wanted, path = told(take, SHEET), sheet_path(take)
    if not wanted:
        return None
    try:
        sheet = sheet_for(path, clip)
    except CueError:
        sheet = None
    if sheet is None or digest(sheet) != wanted:
        lack = "is not beside it" if not path.exists() else "was changed since"
        logger.warning("the cue sheet of %s, %s, %s; what is seen is taken for it", take.name, path.name, lack)
        return None
    return sheet


def write_sheet(sheet: CueSheet | None, take: Path, replaced: str) -> None:
    """Put the sheet of a take beside it; none removes that of the take that this one replaces. Raises OutputError.

    replaced: which sheet the comment of that take named. A sheet that somebody has written or changed stays.
    """
    path = sheet_path(take)
    there = _digest_of(path)
    if there and there != replaced:
        if sheet is None or there != digest(sheet):
            logger.warning("%s is another cue sheet than that of this take; it is left as it is", path)
        return
    if sheet is None:
        if there:
            remove(path)
        return
    with replacing(path) as partial:
        partial.write_text(sheet.to_json(), encoding="utf-8")


def _digest_of(path: Path) -> str:
    """The digest of a sheet in a file; of one that cannot be read it is like no other, where there is none empty."""
    if not path.exists():
        return ""
    try:
        return digest(read_cue_sheet(path))
    except CueError:
        return "unreadable"
