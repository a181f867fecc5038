"""What each label of the training sounds sounds like, in words.

The recordings carry labels of one to four words ("door slam tunnel"). People type prompts in many more ways, and the
sentences that come from pictures read differently again. `captions.tsv` therefore holds, for every label, several
descriptions in different styles. They are AI-written annotations: written from the label, the caption and the length of
the recordings. A training step draws one of them at random, so the network learns the sound and not the wording.

The table is tab-separated with the columns `label`, `kind` and `descriptions`; descriptions are joined by " | ".
"""

import csv
import importlib.resources
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import InputError

COLUMNS = ("label", "kind", "descriptions")
SEPARATOR = " | "

# event: one sharp attack, may be repeated as hits; events: several separate sounds in one recording; texture: goes on
# without a plot; tone: a held or melodic musical sound; speech: words can be made out.
KINDS = ("event", "events", "texture", "tone", "speech")


@dataclass(frozen=True)
class LabelCaptions:
    """One row: a label, the kind of sound it names (one of `KINDS`), and at least one description of it."""

    label: str
    kind: str
    descriptions: tuple[str, ...]


def load_captions(path: Path | None = None) -> dict[str, LabelCaptions]:
    """Read the caption table (the package's own when `path` is None) as label → row, in the file's order.

    Raises:
        InputError: the file cannot be read, a column is unknown or missing, a field is empty, a kind is unknown, a
            description or a label comes twice.
    """
    try:
        if path is None:
            text = importlib.resources.files("phonofilm.data").joinpath("captions.tsv").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the caption table ({error}); expected a UTF-8 file with tabs") from error
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = tuple(next(rows, ()))
    if header != COLUMNS:
        raise InputError(f"caption table has columns {list(header)}, expected {list(COLUMNS)}; fix its first line")
    table: dict[str, LabelCaptions] = {}
    for fields in rows:
        row = _row(fields, rows.line_num)
        if row.label in table:
            raise InputError(f"caption table line {rows.line_num}: label {row.label!r} comes twice; keep one row")
        table[row.label] = row
    if not table:
        raise InputError("caption table holds no rows; expected one per label")
    return table


def _row(fields: Sequence[str], line: int) -> LabelCaptions:
    """Check one line of the table; `line` is its number, for messages."""
    if len(fields) != len(COLUMNS) or not all(field.strip() for field in fields):
        raise InputError(f"caption table line {line}: got {list(fields)!r}, expected {len(COLUMNS)} filled fields")
    label, kind, joined = fields
    if kind not in KINDS:
        raise InputError(f"caption table line {line}: kind {kind!r} is unknown; use one of {', '.join(KINDS)}")
    descriptions = tuple(joined.split(SEPARATOR))
    if any(not text or text != text.strip() or "|" in text for text in descriptions):
        raise InputError(f"caption table line {line}: a description of {label!r} is blank; join them by {SEPARATOR!r}")
    if len(set(descriptions)) != len(descriptions):
        raise InputError(f"caption table line {line}: {label!r} has a description twice; keep one")
    return LabelCaptions(label, kind, descriptions)
