"""When a thing that is only named would be heard: a clock at its tick, a dog in bursts, a door once in a while.

Told no times, a flow network averages over all moments at which a short sound might come, and guidance turns that mean
into silence. So words that name something which strikes get times, as a picture would give them: the pattern of a
recording of the nearest label, carried on to the length that is wanted. Words for what goes on (rain, an engine, held
tones) get none.

`rhythm.safetensors` is made from the recordings by `train/rhythms.py`: for every label a vector, whether it strikes,
and the onsets of some of its recordings. Vectors are principal components of the mean description.

Dimension letters: K phrases, E embedding width, N labels, D components.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn import functional as F

from phonofilm.errors import ModelError
from phonofilm.types import FloatArray

TABLE_FILE = Path(__file__).with_name("rhythm.safetensors")
NAMED_FROM = 0.6
"""Least cosine between the components of a phrase and of a label for the phrase to mean it: words that name no sound
("a tax report", "happiness") reach 0.40 to 0.59, names of sounds in other words than ours 0.62 to 0.97."""
NEARBY = 0.15
"""Labels this much less near may lend their pattern to one that was recorded only once at a time."""
REST_S = (0.6, 2.5)
"""Rests between sounds that no recording repeats, drawn evenly on a logarithmic scale."""
FIRST_S = (0.1, 0.6)
TEMPO = 0.1
"""A pattern is played up to this share faster or slower."""

Pattern = tuple[tuple[float, float], ...]
"""(time in seconds, strength 0..1) of every onset of a recording, and last (its length in seconds, 0)."""


@dataclass(frozen=True)
class RhythmTable:
    """labels, strikes and patterns: N each. mean (E,), basis (D, E); vectors (N, D), rows of norm 1."""

    labels: tuple[str, ...]
    strikes: tuple[bool, ...]
    patterns: tuple[tuple[Pattern, ...], ...]
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
    return RhythmTable(
        tuple(words["labels"]), tuple(words["strikes"]), patterns, mean, basis, F.normalize(vectors, dim=1)
    )


def patterns_of(phrases: Tensor, table: RhythmTable) -> tuple[Pattern, ...] | None:
    """The patterns of the first phrase (K, E; rows of norm 1) that names something which strikes; None if none does.

    They are empty for a thing that strikes and was recorded one at a time.
    """
    for row in _nearness(phrases, table):
        best = int(row.argmax())
        if float(row[best]) < NAMED_FROM or not table.strikes[best]:
            continue
        for index in row.argsort(descending=True).tolist():
            if float(row[index]) < max(NAMED_FROM, float(row[best]) - NEARBY):
                return ()
            if table.strikes[index] and table.patterns[index]:
                return table.patterns[index]
    return None


def goes_on(phrases: Tensor, table: RhythmTable) -> bool:
    """Whether every phrase (K, E; rows of norm 1) names a sound that goes on, and none one that strikes."""
    best, label = _nearness(phrases, table).max(1)  # (K,)
    return all(
        float(near) >= NAMED_FROM and not table.strikes[index] for near, index in zip(best, label.tolist(), strict=True)
    )


def _nearness(phrases: Tensor, table: RhythmTable) -> Tensor:
    """(K, N) cosines of phrases (K, E) and labels."""
    return F.normalize((phrases - table.mean) @ table.basis.T, dim=1) @ table.vectors.T


def played(
    patterns: tuple[Pattern, ...], length_s: float, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Onsets (K,) in seconds and their strengths (K,) over `length_s`: patterns drawn one after another."""
    times: list[float] = []
    strengths: list[float] = []
    now = float(generator.uniform(*FIRST_S)) if not patterns else 0.0
    while now < length_s:
        if patterns:
            *onsets, (length, _) = patterns[int(generator.integers(len(patterns)))]
            tempo = 1 + TEMPO * float(generator.uniform(-1, 1))
        else:
            onsets, tempo = [(0.0, float(generator.uniform(0.6, 1.0)))], 1.0
            length = float(np.exp(generator.uniform(*np.log(REST_S))))
        times += [now + time * tempo for time, _ in onsets]
        strengths += [strength for _, strength in onsets]
        now += length * tempo
    count = sum(time < length_s for time in times)
    return np.asarray(times[:count], np.float32), np.asarray(strengths[:count], np.float32)
