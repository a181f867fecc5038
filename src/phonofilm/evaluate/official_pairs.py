"""What the official measures compare: films or sounds, each with the reference of its name, and captions."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import InputError
from phonofilm.media.suffixes import is_film, is_sound

HEADER = ("name", "caption")
TAKE = re.compile(r"\.(?:sound|redo\d*)(?:\.\d+)?$")
"""What `add` puts after the name of a clip where nobody names the result."""


@dataclass(frozen=True)
class Pair:
    """A film or sound, its reference, and its caption, "" where there is none. name: of both files, without ending."""

    name: str
    made: Path
    real: Path
    caption: str = ""

    @property
    def picture(self) -> Path | None:
        """The file whose picture counts: the film's own, else the reference's; None where both are sounds."""
        return next((path for path in (self.made, self.real) if not is_sound(path)), None)


def pair_up(made: Sequence[Path], reference: Path, captions: Path | None = None) -> list[Pair]:
    """Every film with the file of the same name in the folder `reference`, in the order of their names.

    made: files, or folders of which every film and sound is taken. captions: a table of two columns with tabs between,
    whose first line is "name<tab>caption". Takes named after their clip, clip.sound.mp4, find clip.mp4. Raises
    InputError when something has no partner, or two the same name.
    """
    if not reference.is_dir():
        raise InputError(f"the reference {reference} is no folder; give the one that holds the real sound or films")
    ours, theirs = _by_name(_files(made)), _by_name(_files([reference]))
    if not ours:
        raise InputError(f"no film and no sound in {', '.join(str(path) for path in made)}; give files or a folder")
    ours = _by_reference(ours, theirs)
    alone = [str(path) for name, path in ours.items() if name not in theirs]
    if alone:
        raise InputError(
            f"{len(alone)} of {len(ours)} have no reference of the same name in {reference}: {', '.join(alone[:3])}; "
            "put them there, or leave these films out"
        )
    words = {} if captions is None else _read_captions(captions)
    silent = [name for name in ours if words and name not in words]
    if silent:
        raise InputError(f"{captions} has no caption for {', '.join(silent[:3])} ({len(silent)} in all); add them")
    return [Pair(name, ours[name], theirs[name], words.get(name, "")) for name in sorted(ours)]


def _files(places: Iterable[Path]) -> list[Path]:
    """Files as they are, and of folders every film and sound."""
    files = []
    for place in places:
        if place.is_dir():
            files += [path for path in sorted(place.iterdir()) if is_film(path) or is_sound(path)]
        elif place.is_file():
            files.append(place)
        else:
            raise InputError(f"{place} does not exist; give a film, a sound, or a folder of them")
    return files


def _by_name(files: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files:
        other = found.setdefault(path.stem, path)
        if other != path:
            raise InputError(f"{other} and {path} have the same name; leave one out")
    return found


def _by_reference(ours: dict[str, Path], theirs: dict[str, Path]) -> dict[str, Path]:
    """The films by the names of their references: their own, else that of the clip they were made of and named after.

    Raises InputError when two of them are of one reference.
    """
    found: dict[str, Path] = {}
    for name, path in ours.items():
        other = found.setdefault(name if name in theirs else TAKE.sub("", name), path)
        if other != path:
            raise InputError(f"{other} and {path} are of one clip; measure one take of each at a time")
    return found


def _read_captions(path: Path) -> dict[str, str]:
    try:
        raw = path.read_bytes()
        # Spreadsheets write a byte order mark before UTF-8, and "Unicode text" is UTF-16.
        encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        text = io.StringIO(raw.decode(encoding), newline="")
        rows = list(csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"captions {path} cannot be read ({reason}); give a UTF-8 table with tabs") from error
    if not rows or tuple(rows[0]) != HEADER:
        found = "\t".join(rows[0]) if rows else ""
        wanted = "\t".join(HEADER)
        raise InputError(f"{path} begins with {found!r} and not with {wanted!r}; write that as its first line")
    words: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(HEADER) or not all(field.strip() for field in row):
            raise InputError(f"{path}, line {number}: a name, a tab and a caption are wanted, {row} came")
        if row[0] in words:
            raise InputError(f"{path}, line {number}: {row[0]!r} comes twice; keep one")
        words[row[0]] = row[1]
    return words
