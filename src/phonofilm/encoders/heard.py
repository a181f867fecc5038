"""From what is seen to what one would hear: the image stream of the `mini` model.

`heard.tsv` says for each of the 1000 ImageNet classes, in a sentence, what one would hear where the thing is seen (or
nothing: silence is an answer too). The image stream is made of these sentences' vectors, so a generator trained on
sounds with captions needs no paired video.

`heard.safetensors` holds the vectors, because to encode 1000 sentences takes seconds. After a change of the table:

    from phonofilm.encoders.heard import build_table
    from phonofilm.encoders.sentences import SentenceEncoder
    build_table(SentenceEncoder.load())

Dimension letters: F frames, N classes (1000), D width (384), K picked classes.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from phonofilm.errors import ModelError

CLASSES = 1000
KINDS = ("event", "ambience", "animal", "vehicle", "signal", "music", "silence")
"""An event is heard when something is seen to strike; animals and signals (clocks, bells) call, moving or not."""
TABLE_FILE = Path(__file__).with_name("heard.tsv")
VECTORS_FILE = Path(__file__).with_name("heard.safetensors")

ALIKE_FROM = 0.4
"""Cosine from which two sentences begin to support each other. Unrelated sounds lie at 0.1 to 0.3, dogs at 0.6 to 1."""
PICKED = 5
"""How many classes are mixed into one row. More would blur the row into no sound that has a name."""
UNKNOWN_BELOW, KNOWN_FROM = 0.25, 0.55
"""Support at which a row counts as not known at all, and as known. On 68 clips: below the first lie faces and abstract
pictures; between them about six answers of ten fit; above the second one of twenty did not."""
NAMED_FROM = 0.1
"""Confidence from which a clip gets a label."""


class SentenceVectors(Protocol):
    """What `build_table` needs of a sentence encoder."""

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(N, D) float32, rows of norm 1."""
        ...


@dataclass(frozen=True)
class HeardTable:
    """The dictionary of what one would hear.

    names, kinds, sentences: N each; a sentence is "" where the kind is "silence".
    vectors: (N, D) float32, rows of norm 1, or of zeros for silence. alike: (N, N) float32, 0..1, how far two classes
    sound alike: 1 for the same sentence, 0 from ALIKE_FROM down.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    sentences: tuple[str, ...]
    vectors: Tensor
    alike: Tensor


@dataclass(frozen=True)
class ExpectedSounds:
    """What one would expect to hear, frame by frame.

    features: (F, D) float32, values of unit variance. known: (F,) float32, 0..1: how far a row can be relied on; the
    consumer puts "nothing known" in its place to the rest. label: the sentence that fits the whole clip best, "" where
    nothing is known. kind: its kind, "silence" with an empty label. confidence: how far the label can be relied on.
    """

    features: Tensor
    known: Tensor
    label: str
    kind: str
    confidence: float


@dataclass(frozen=True)
class NamedShot:
    """One shot of a clip. label, kind: as in `ExpectedSounds`. known_share: of its rows, how many name something."""

    start_s: float
    end_s: float
    label: str
    kind: str
    known_share: float


def load_table() -> HeardTable:
    """The table in the package with its vectors. Raises ModelError when a file is missing, damaged, or out of step."""
    names, kinds, sentences = _read_rows()
    try:
        with safe_open(VECTORS_FILE, framework="pt") as file:
            made_from = (file.metadata() or {}).get("sentences_sha256")
            vectors = file.get_tensor("vectors").float()  # (N, D)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{VECTORS_FILE} cannot be read ({error}); reinstall phonofilm") from error
    if made_from != _digest(sentences):
        raise ModelError(f"{VECTORS_FILE.name} was made from another {TABLE_FILE.name}; run heard.build_table again")
    # fp16 has moved the norms by 1e-4; silent rows stay zero.
    vectors = F.normalize(vectors, dim=1)
    alike = ((vectors @ vectors.T - ALIKE_FROM) / (1 - ALIKE_FROM)).clamp(0, 1)  # (N, N)
    return HeardTable(names, kinds, sentences, vectors, alike)


def build_table(encoder: SentenceVectors, path: Path = VECTORS_FILE) -> None:
    """Write the vectors of the table's sentences, (N, D) float16, to a safetensors file. Raises ModelError, OSError."""
    _, _, sentences = _read_rows()
    vectors = encoder.encode(sentences)  # (N, D)
    vectors[[not sentence for sentence in sentences]] = 0.0
    save_file({"vectors": vectors.half()}, path, metadata={"sentences_sha256": _digest(sentences)})


@torch.no_grad()
def expected_sounds(probabilities: Tensor, table: HeardTable) -> ExpectedSounds:
    """Class probabilities as expected sounds.

    probabilities: (F, N) float32, rows of sum 1, smoothed in time; F may be 0.
    A class is supported by its own probability and by that of classes that sound like it: five breeds at 0.1 each are
    no known dog, but a known bark. The support of the best decides how far the row is known.
    """
    scores, known = _scored(probabilities, table)
    weights, picked = scores.topk(PICKED, dim=1)  # (F, K) each
    mixed = (weights[:, :, None] * table.vectors[picked]).sum(1)  # (F, D)
    features = F.normalize(mixed, dim=1) * math.sqrt(mixed.shape[1])
    return ExpectedSounds(features, known, *label_of(scores, known, table))


def _scored(probabilities: Tensor, table: HeardTable) -> tuple[Tensor, Tensor]:
    """Class probabilities (F, N) → scores of the classes (F, N) and how far each row can be relied on (F,)."""
    assert probabilities.shape[1:] == (CLASSES,), f"probabilities must be (F, {CLASSES}), not {probabilities.shape}"
    support = probabilities @ table.alike  # (F, N)
    # The square keeps the classes that the others agree with and drops lone, unlikely ones.
    return probabilities * support.square(), _known(support.amax(1))


def label_of(scores: Tensor, known: Tensor, table: HeardTable) -> tuple[str, str, float]:
    """The sentence that most frames vote for, its kind and its confidence; ("", "silence", confidence) without one.

    scores: (F, N), known: (F,). A known frame has one vote, which its classes share; votes for alike sounds add up.
    """
    if not len(scores):
        return "", "silence", 0.0
    shares = scores / scores.sum(1, keepdim=True).clamp(min=1e-12)  # (F, N)
    votes = (known[:, None] * shares).mean(0)  # (N,)
    backing = votes @ table.alike  # (N,)
    best = int((votes * backing).argmax())
    confidence = float(backing[best])
    if confidence < NAMED_FROM:
        return "", "silence", confidence
    return table.sentences[best], table.kinds[best], confidence


@torch.no_grad()
def named_shots(
    probabilities: Tensor,
    table: HeardTable,
    rate_hz: float,
    cuts_s: Sequence[float],
    duration_s: float,
    known_from: float,
) -> tuple[NamedShot, ...]:
    """What each shot names.

    probabilities: (F, N), `rate_hz` rows a second. cuts_s: when new shots begin, rising, within the clip. known_from:
    reliance from which a row names something. A shot that no row falls into names nothing.
    """
    scores, known = _scored(probabilities, table)
    shots = []
    for start_s, end_s in pairwise([0.0, *cuts_s, duration_s]):
        rows = slice(math.ceil(start_s * rate_hz), math.ceil(end_s * rate_hz))
        label, kind, _ = label_of(scores[rows], known[rows], table)
        share = float((known[rows] >= known_from).float().mean()) if len(known[rows]) else 0.0
        shots.append(NamedShot(start_s, end_s, label, kind, share))
    return tuple(shots)


def _known(support: Tensor) -> Tensor:
    """Support as reliance, 0..1: a smooth step from UNKNOWN_BELOW to KNOWN_FROM."""
    x = ((support - UNKNOWN_BELOW) / (KNOWN_FROM - UNKNOWN_BELOW)).clamp(0, 1)
    return x * x * (3 - 2 * x)


def _read_rows() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    try:
        lines = TABLE_FILE.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelError(f"{TABLE_FILE} cannot be read ({error.strerror}); reinstall phonofilm") from error
    rows = [line.split("\t") for line in lines[1:]]
    whole = len(rows) == CLASSES and all(
        len(row) == 4 and row[0] == str(index) and row[2] in KINDS and bool(row[3]) == (row[2] != "silence")
        for index, row in enumerate(rows)
    )
    if not whole:
        raise ModelError(f"{TABLE_FILE} is damaged; it must hold the classes 0 to {CLASSES - 1}: reinstall phonofilm")
    return tuple(row[1] for row in rows), tuple(row[2] for row in rows), tuple(row[3] for row in rows)


def _digest(sentences: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sentences).encode()).hexdigest()
