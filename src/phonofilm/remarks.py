"""What the comment of a take says besides model, seed and name: digests by which what lies beside it is known again."""

import hashlib
import re
from pathlib import Path

from phonofilm.errors import MediaError
from phonofilm.media.audio import MAKER, sound_comment

SHEET = "cues"
"""The cue sheet that somebody told; see `take_sheet`."""
STEMS = "stems"
"""The stems that were written with it, which say the same of themselves."""
DIGITS = 8


def digits_of(content: bytes | memoryview) -> str:
    """Hexadecimal digits that tell some content from other."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def remark(what: str, digits: str) -> str:
    """As it stands in a comment; nothing where there are no digits."""
    return f"{what} {digits}" if digits else ""


def told(path: Path, what: str) -> str:
    """The digits that the comment of a film or sound names for `what`; empty where it names none, or there is none."""
    try:
        comment = sound_comment(path)
    except MediaError:
        return ""
    found = re.search(rf", {what} ([0-9a-f]{{{DIGITS}}})(?:,|$)", comment) if comment.startswith(MAKER) else None
    return found.group(1) if found else ""
