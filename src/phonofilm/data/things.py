"""Things that people ask a film's sound for, and how often training should meet each.

The recordings were not collected for films: a key of a keyboard was recorded a hundred times, a cricket three times,
and a thousand labels stand for one rattle or chime each. Left to their numbers, a network learns the well-recorded
dozen and takes a lion for a dog. So labels are gathered into things ("gun", "door", "songbird"), and a thing's share
of the examples grows slowly with how much of it there is, and with how often films want it. `things.tsv` names each
thing, how often it is asked for against other things, and the labels that are examples of it, by a pattern.

Dimension letters: K labels.
"""

import csv
import importlib.resources
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phonofilm.data.captions import SEPARATOR

Shares = npt.NDArray[np.float64]

ASKED_FOR = 0.85
"""Share of the examples that are things of the table; the rest are the labels that none of them names."""
THING_POWER, LABEL_POWER = 0.25, 0.5
"""A thing's share goes with its stock (recordings * seconds) to the first power: gunshots, of which there is a
fiftieth of the rain, are met a third as often. Within a thing labels go by the second one, as single recordings are
soon known by heart."""
LEAST_S = 0.05
STOCK = (300.0, 8000.0)
"""Between these: what is there once is met less than half as often as what is there most."""


@dataclass(frozen=True)
class Thing:
    """What people ask for by one name.

    asked: how often, against other things. words: what it is called in prompts, whichever of its labels was recorded;
    none where its labels have no common name. pattern: of the labels that are it.
    """

    name: str
    asked: float
    words: tuple[str, ...]
    pattern: re.Pattern[str]


def load_things() -> tuple[Thing, ...]:
    """The table, in its order."""
    text = importlib.resources.files("phonofilm.data").joinpath("things.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(
        Thing(row["thing"], float(row["asked"]), called(row["words"]), re.compile(row["pattern"])) for row in rows
    )


def called(words: str) -> tuple[str, ...]:
    """The names in a cell of the table."""
    return tuple(words.split(SEPARATOR)) if words else ()


def thing_of(label: str, things: Sequence[Thing]) -> Thing | None:
    """The first thing that this label is an example of, or None."""
    return next((thing for thing in things if thing.pattern.search(label)), None)


def even_shares(counts: Shares, seconds: Shares) -> Shares:
    """(K,) how often each label should be drawn where nothing is known but how much of it there is; as in `shares`."""
    weight = (counts * np.maximum(seconds, LEAST_S)) ** THING_POWER  # (K,)
    result: Shares = weight / weight.sum()
    return result


def shares(labels: Sequence[str], counts: Shares, seconds: Shares, tiers: npt.NDArray[np.int_]) -> Shares:
    """(K,) how often each label should be drawn; they add up to 1.

    counts, seconds (K,): recordings of each label, and their length together. tiers (K,): 1 for labels that are clearly
    heard, more for those heard half as often.
    """
    things = load_things()
    own = [thing_of(label, things) for label in labels]
    stock = counts * seconds  # (K,)
    weight = stock**LABEL_POWER * np.where(tiers == 1, 1.0, 0.5)
    asked = np.asarray([thing is not None for thing in own])
    for thing in things:
        rows = np.asarray([which is thing for which in own])
        if rows.any():
            plenty = np.clip(counts[rows].sum() * seconds[rows].sum(), *STOCK) ** THING_POWER
            weight[rows] *= thing.asked * plenty / weight[rows].sum()
    for rows, share in ((asked, ASKED_FOR), (~asked, 1 - ASKED_FOR)):
        if rows.any():
            weight[rows] *= share / weight[rows].sum()
    result: Shares = weight / weight.sum()
    return result
