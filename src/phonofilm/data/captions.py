"""What each label of the training sounds sounds like, in words.

The recordings carry labels of one to four words ("door slam tunnel"). People type prompts in many more ways, and the
sentences that come from pictures read differently again. `captions.tsv` therefore holds, for every label, several
descriptions in different styles. They are AI-written annotations: written from the label, the caption and the length of
the recordings. A training step draws one of them at random, so the network learns the sound and not the wording.

The table is tab-separated with the columns `label`, `kind` and `descriptions`; descriptions are joined by " | ".
"""

import csv
import functools
import importlib.resources
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from phonofilm.errors import InputError

COLUMNS = ("label", "kind", "descriptions")
SEPARATOR = " | "

# event: one sharp attack, may be repeated as hits; events: several separate sounds in one recording; texture: goes on
# without a plot; tone: a held or melodic musical sound; speech: words can be made out.
KINDS = ("event", "events", "texture", "tone", "speech")

# Finite verbs that hardly ever stand for a noun here, so "while" only stands before a clause.
_FINITE = re.compile(
    r"is|are|barks|falls|cries|crows|crackles|ticks|sneezes|roars|rings|blows|flies|sings|chirps|howls|whistles|hisses|"
    r"hums|buzzes|rumbles|rattles|creaks|squeaks|slams|bangs|cheers|laughs|coughs|screams|snores|gallops|flows|"
    r"pours|splashes|gurgles|boils|burns|whirs|chugs|idles|drives|passes|explodes|bounces|shatters|scrapes|beats|"
    r"plays|strums|walks|runs|claps|applauds|wails|yells|breathes|chatters|croaks|meows|bleats|growls|snarls|moos|quacks"
)
_CLAUSE_START = re.compile("a|an|the|two|several|many|someone|somebody|rain|wind|water|thunder|fire")


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
            text = path.read_text(encoding="utf-8")
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


def pick(label: str, generator: np.random.Generator, table: Mapping[str, LabelCaptions] | None = None) -> str:
    """One description of `label`, each equally likely, from `table` (the package's own when None).

    Raises:
        InputError: the label has no row.
    """
    rows = _own_table() if table is None else table
    if label not in rows:
        raise InputError(f"label {label!r} has no captions; add a row to captions.tsv")
    descriptions = rows[label].descriptions
    return descriptions[int(generator.integers(len(descriptions)))]


def join(captions: Sequence[str], generator: np.random.Generator) -> str:
    """One caption for a mixture of sounds that are heard together, in a random order and style.

    Two captions may read "rain on a roof, a dog barking" or "rain on a roof while a dog barks"; more are listed. A
    single caption comes back unchanged.

    Raises:
        InputError: there is no caption, or one is blank.
    """
    if not captions or not all(caption.strip() for caption in captions):
        raise InputError(f"got captions {list(captions)!r}, expected at least one and none blank; leave silence out")
    parts = [captions[int(index)].strip() for index in generator.permutation(len(captions))]
    if len(parts) == 1:
        return parts[0]
    head, last = ", ".join(parts[:-1]), parts[-1]
    styles = [f"{head}, {last}", f"{head} and {last}"]
    if len(parts) == 2:
        styles.append(f"{head}, {last}")
    if len(parts) == 2 and not _may_be_clause(last):
        styles += [f"{head} with {last} in the background", f"{head}, with {last}", f"{head} over {last}"]
    if _is_clause(last):
        styles += [f"{head} while {last}", f"{head} as {last}"]
    return styles[int(generator.integers(len(styles)))]


@functools.cache
def _own_table() -> Mapping[str, LabelCaptions]:
    """The package's table, read once and read-only, because a training step draws captions thousands of times."""
    return MappingProxyType(load_captions())


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


def _is_clause(caption: str) -> bool:
    """Whether a caption has a subject and a finite verb, so that "while" can stand before it."""
    words = caption.split()
    return _CLAUSE_START.fullmatch(words[0]) is not None and any(_FINITE.fullmatch(word) for word in words[1:5])


def _may_be_clause(caption: str) -> bool:
    """Whether a caption may hold a finite verb, so that "with" would read wrongly before it ("with a bow shoots").

    Plural nouns look the same ("with sea waves" is fine and lost); a missed style costs less than a broken sentence.
    """
    return any(word.endswith("s") and not word.endswith("ss") for word in caption.replace(",", "").split())
