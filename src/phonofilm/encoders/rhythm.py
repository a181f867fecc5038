"""When a thing that is only named would be heard: a clock at its tick, a dog in bursts, a door once in a while; and how
much what goes on swells and sinks.

Told no times, a flow network averages over all moments at which a short sound might come, and guidance turns that mean
into silence. So words that name something which strikes get times, as a picture would give them: the pattern of a
recording of the nearest label, carried on to the length that is wanted, or as often as the words say. Words for what
goes on (rain, an engine, held tones) get none.

`rhythm.safetensors` is made from the recordings by `train/rhythms.py`: for every label a vector, whether it strikes,
the onsets of some of its recordings, and how much they swell. Vectors are principal components of the mean description.

Dimension letters: K phrases, E embedding width, N labels, D components.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn import functional as F

from phonofilm.encoders.counting import UNTOLD, Count, count_of
from phonofilm.errors import ModelError
from phonofilm.types import FloatArray

RHYTHM_FILE = "rhythm.safetensors"
TABLE_FILE = Path(__file__).with_name(RHYTHM_FILE)
NAMED_FROM = 0.6
"""Least cosine between the components of a phrase and of a label for the phrase to mean it: words that name no sound
("a tax report", "happiness") reach 0.40 to 0.59, names of sounds in other words than ours 0.62 to 0.97."""
LEARNT_FROM = 0.5
"""Below this, words are not even near to a label: other languages and invented words reach 0.40 to 0.49, sounds under
names that no recording has 0.51 ("bowling strike") and more."""
NEARBY = 0.12
"""Labels this much less near may lend their pattern to one that was recorded only once at a time."""
AS_NEAR = 0.01
"""Of labels that differ by no more, one that was recorded one at a time is meant ("gunshot": a pistol, not a salvo)."""
REST_S = (0.6, 2.5)
"""Rests between sounds that no recording repeats, drawn evenly on a logarithmic scale."""
FIRST_S, EARLIEST = (0.1, 0.6), 0.15
"""When the first of them begins; in short sounds within this share of the length and twice it."""
END_S = 0.3
"""A number of sounds that is told comes closer together where the last would else begin later than this before the end.
"""
FEW_ONSETS = 4
"""Recordings of up to this many onsets, in the middle, hold one sound of several strokes: a sneeze, a knock, a crow."""
TEMPO = 0.1
"""A pattern is played up to this share faster or slower."""

Pattern = tuple[tuple[float, float], ...]
"""(time in seconds, strength 0..1) of every onset of a recording, and last (its length in seconds, 0)."""


@dataclass(frozen=True)
class Rhythm:
    """patterns: what is played, drawn one after another; none where the thing was recorded one at a time. count: how
    often the words say it is heard."""

    patterns: tuple[Pattern, ...]
    count: Count = UNTOLD


@dataclass(frozen=True)
class RhythmTable:
    """labels, strikes, patterns and swells: N each. mean (E,), basis (D, E); vectors (N, D), rows of norm 1.

    swells: of what goes on, what `codec.swell.swell_db` of three in four of its recordings is under; None where no
    recording is long enough.
    """

    labels: tuple[str, ...]
    strikes: tuple[bool, ...]
    patterns: tuple[tuple[Pattern, ...], ...]
    swells: tuple[float | None, ...]
    mean: Tensor
    basis: Tensor
    vectors: Tensor


def load_rhythms(path: Path = TABLE_FILE) -> RhythmTable:
    """The table in the package. Raises ModelError when it is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            words = json.loads(file.metadata()["table"])
            mean, basis, vectors = (file.get_tensor(name).float() for name in ("mean", "basis", "vectors"))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); install phonofilm again") from error
    patterns = tuple(
        tuple(tuple((float(a), float(b)) for a, b in pattern) for pattern in row) for row in words["patterns"]
    )
    labels = tuple(words["labels"])
    swells = tuple(words.get("swells") or (None,) * len(labels))  # tables of earlier trainings have none
    return RhythmTable(labels, tuple(words["strikes"]), patterns, swells, mean, basis, F.normalize(vectors, dim=1))


def rhythm_of(texts: Sequence[str], phrases: Tensor, table: RhythmTable) -> Rhythm | None:
    """The rhythm of the first phrase (texts and vectors, K and (K, E), rows of norm 1) that names something which
    strikes; None if none does."""
    for text, row in zip(texts, _nearness(phrases, table), strict=True):
        best = int(row.argmax())
        if float(row[best]) < NAMED_FROM or not table.strikes[best]:
            continue
        own, count = _own(row, table), count_of(text)
        if own and count.once:
            # "A clock ticks" is no single tick.
            few = np.median([len(pattern) - 1 for pattern in own]) <= FEW_ONSETS
            return Rhythm(own, count if few else UNTOLD)
        if own or table.patterns[best] or count != UNTOLD:
            return Rhythm(own, count)
        return Rhythm(_lent(row, table, float(row[best]) - NEARBY))
    return None


def _own(row: Tensor, table: RhythmTable) -> tuple[Pattern, ...]:
    """The patterns of the label that is nearest by (N,) cosines."""
    for index in (row >= row.max() - AS_NEAR).nonzero().flatten().tolist():
        if table.strikes[index] and not table.patterns[index]:
            return ()
    return table.patterns[int(row.argmax())]


def _lent(row: Tensor, table: RhythmTable, least: float) -> tuple[Pattern, ...]:
    """The patterns of the label nearest by (N,) cosines that has some; none where that is farther off."""
    lending = (i for i in _near(row, least) if table.strikes[i] and table.patterns[i])
    return next((table.patterns[index] for index in lending), ())


def _near(row: Tensor, least: float) -> list[int]:
    """The labels that are meant and near enough by (N,) cosines, the nearest first."""
    return [i for i in row.argsort(descending=True).tolist() if float(row[i]) >= max(NAMED_FROM, least)]


def goes_on(phrases: Tensor, table: RhythmTable) -> bool:
    """Whether every phrase (K, E; rows of norm 1) names a sound that goes on, and none one that strikes."""
    best, label = _nearness(phrases, table).max(1)  # (K,)
    return all(
        float(near) >= NAMED_FROM and not table.strikes[index] for near, index in zip(best, label.tolist(), strict=True)
    )


def swell_of(phrases: Tensor, table: RhythmTable) -> float | None:
    """How much what the phrases (K, E; rows of norm 1) name swells, dB: the most of them; None where it is not known.

    A label that has no long recording borrows from the nearest one of those that are hardly less near.
    """
    found: list[float] = []
    for row in _nearness(phrases, table):
        near = _near(row, float(row.max()) - NEARBY)
        known = [swell for index in near if (swell := table.swells[index]) is not None]
        if not known:
            return None
        found.append(known[0])
    return max(found, default=None)


def learnt(phrases: Tensor, table: RhythmTable) -> bool:
    """Whether one of the phrases (K, E; rows of norm 1) at least comes near to a sound among the recordings."""
    return float(_nearness(phrases, table).max()) >= LEARNT_FROM


def _nearness(phrases: Tensor, table: RhythmTable) -> Tensor:
    """(K, N) cosines of phrases (K, E) and labels."""
    return F.normalize((phrases - table.mean) @ table.basis.T, dim=1) @ table.vectors.T


def played(rhythm: Rhythm, length_s: float, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Onsets (K,) in seconds and their strengths (K,) over `length_s`: patterns drawn one after another."""
    patterns, hits = rhythm.patterns, rhythm.count.hits
    times: list[float] = []
    strengths: list[float] = []
    first = np.minimum(FIRST_S, (length_s * EARLIEST, length_s * 2 * EARLIEST))
    now = float(generator.uniform(*first)) if not patterns else 0.0
    while now < length_s if hits is None else len(times) < hits:
        if patterns:
            *onsets, (length, _) = patterns[int(generator.integers(len(patterns)))]
            tempo = 1 + TEMPO * float(generator.uniform(-1, 1))
        else:
            onsets, tempo = [(0.0, float(generator.uniform(0.6, 1.0)))], 1.0
            length = float(np.exp(generator.uniform(*np.log(REST_S))))
        times += [now + time * tempo for time, _ in onsets]
        strengths += [strength for _, strength in onsets]
        now += length * tempo
        if rhythm.count.once:
            break
    heard, loud = np.asarray(times[:hits], np.float32), np.asarray(strengths[:hits], np.float32)
    if hits is not None or rhythm.count.once:
        # Recordings lie still before their first sound, for any time.
        heard = heard - max(np.float32(0), heard[0] - np.float32(first[1]))
    if hits is not None and heard[-1] > length_s - END_S:
        heard = heard * np.float32(max(length_s - END_S, length_s / 2) / heard[-1])
    inside = heard < length_s
    return heard[inside], loud[inside]
