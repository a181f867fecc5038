"""Is this sound ours? With what chance of an error, which seconds of it, and what does the mark say?

C channels, S samples
"""

from dataclasses import dataclass
from math import log

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.mark.chance import FALSE_POSITIVES, piece_trials_log
from phonofilm.mark.gaps import Gaps
from phonofilm.mark.grid import SEMITONES_PER_ROW
from phonofilm.mark.judge import Sighting
from phonofilm.mark.key import PUBLIC_KEY, Key
from phonofilm.mark.locate import second_scores
from phonofilm.mark.payload import Payload
from phonofilm.mark.piece import Piece, look
from phonofilm.types import FloatArray, Waveform

PIECE_S = 30
"""Seconds that are searched at a time."""
TAIL_S = 6
"""An end shorter than this is searched with the piece before it."""
SHORTEST_S = 0.25
LOCAL_LOG_CHANCE = log(1e-4)
"""In a marked sound, pieces are looked through second by second below this chance."""


@dataclass(frozen=True)
class Span:
    """Seconds of the sound that carry the mark, and what it says there."""

    start_s: float
    end_s: float
    payload: Payload | None


@dataclass(frozen=True)
class Detection:
    """The verdict.

    marked: the chance of an error is below 1e-9. log10_chance: decimal logarithm of a bound for the chance that a sound
    made without the key gets a score like this anywhere; 0 when nothing was seen. score: the best sum of evidence, in
    standard deviations at most. key: the name of the key. payload: what it says; None where it could not be read.
    tempo, semitones: how much faster and higher the sound is than when it was marked. spans: where the mark is.
    """

    marked: bool
    log10_chance: float
    score: float
    key: str
    payload: Payload | None
    tempo: float
    semitones: float
    spans: tuple[Span, ...]

    @property
    def chance(self) -> float:
        """The bound itself; 0 when it is smaller than a float holds."""
        return float(10**self.log10_chance)


class Detector:
    """Looks for marks in sound that comes in blocks; memory does not grow with the length.

    thorough: see `detect`. feed: (C, s) float32, any s. finish: the verdict.
    """

    def __init__(self, rate_hz: int, keys: tuple[Key, ...] = (PUBLIC_KEY,), thorough: bool = True) -> None:
        if not keys:
            raise OptionError("no key was given to look for a mark with: give one or more")
        self._rate_hz = rate_hz
        self._keys, self._thorough = keys, thorough
        self._waiting: list[FloatArray] = []
        self._count = 0
        self._pieces = 0
        self._seconds: list[dict[Payload | None, float]] = []
        self._length_s = 0.0
        self._best: list[Sighting] = []
        self._hints: tuple[float, ...] = ()

    def feed(self, block: FloatArray) -> None:
        """Take a block."""
        self._waiting.append(block)
        self._count += block.shape[1]
        piece = PIECE_S * self._rate_hz
        while self._count >= piece + TAIL_S * self._rate_hz:
            held = np.concatenate(self._waiting, 1)
            self._look(held[:, :piece])
            self._waiting, self._count = [held[:, piece:].copy()], self._count - piece

    def finish(self) -> Detection:
        """The verdict on all that was fed."""
        if self._count >= SHORTEST_S * self._rate_hz:
            self._look(np.concatenate(self._waiting, 1))
        if not self._best:
            return Detection(False, 0.0, 0.0, self._keys[0].name, None, 1.0, 0.0, ())
        best = min(self._best, key=lambda sighting: (sighting.log_chance, -sighting.place.score))
        marked = best.log_chance <= log(FALSE_POSITIVES)
        said = [sighting for sighting in self._best if sighting.payload and sighting.log_chance <= log(FALSE_POSITIVES)]
        said.sort(key=lambda sighting: sighting.log_chance)
        return Detection(
            marked=marked,
            log10_chance=best.log_chance / log(10),
            score=max(best.reading.presence, best.reading.whole),
            key=best.key.name,
            payload=said[0].payload if said else None,
            tempo=1 / best.place.stretch,
            semitones=best.place.rows * SEMITONES_PER_ROW,
            spans=self._spans() if marked else (),
        )

    def _look(self, samples: FloatArray) -> None:
        piece = Piece(np.ascontiguousarray(samples), self._rate_hz)
        share = piece_trials_log(self._pieces) + log(len(self._keys))
        believed = log(FALSE_POSITIVES) - share
        seconds: list[dict[Payload | None, float]] = []
        for key in self._keys:
            found = look(piece, key, believed, self._hints, self._thorough)
            best = found[0]
            self._best.append(Sighting(key, best.place, best.reading, min(0.0, best.log_chance + share)))
            if best.log_chance <= believed and best.place.stretch != 1.0:
                self._hints = (best.place.stretch,)
            known = _different(found)
            for sighting in known:
                _note(seconds, second_scores(piece, sighting), sighting.payload)
            if known:
                for sighting, scores in Gaps(piece, known, np.array([bool(seen) for seen in seconds])).marks():
                    _note(seconds, scores, sighting.payload)
        self._pieces += 1
        whole = PIECE_S if samples.shape[1] == PIECE_S * self._rate_hz else len(seconds)
        self._seconds += [*seconds, *({} for _ in range(whole - len(seconds)))]
        self._length_s += samples.shape[1] / self._rate_hz

    def _spans(self) -> tuple[Span, ...]:
        spans: list[Span] = []
        for second, seen in enumerate(self._seconds):
            if not seen:
                continue
            payload = max(seen, key=lambda said: seen[said])
            end = min(second + 1.0, self._length_s) if second + 1 < len(self._seconds) else self._length_s
            if spans and spans[-1].end_s == second and spans[-1].payload == payload:
                spans[-1] = Span(spans[-1].start_s, end, payload)
            else:
                spans.append(Span(float(second), end, payload))
        return tuple(spans)


def _different(found: list[Sighting]) -> list[Sighting]:
    """The sightings that are surely marks, one for each payload; one without a payload only when none has one."""
    sure = [sighting for sighting in found if sighting.log_chance <= LOCAL_LOG_CHANCE]
    by_payload: dict[Payload | None, Sighting] = {}
    for sighting in sure:
        by_payload.setdefault(sighting.payload, sighting)
    if len(by_payload) > 1:
        by_payload.pop(None, None)
    return list(by_payload.values())


def _note(seconds: list[dict[Payload | None, float]], scores: FloatArray, payload: Payload | None) -> None:
    while len(seconds) < len(scores):
        seconds.append({})
    for second, value in enumerate(scores):
        if value > 0:
            seconds[second][payload] = max(float(value), seconds[second].get(payload, 0.0))


def detect(sound: Waveform, keys: tuple[Key, ...] = (PUBLIC_KEY,), thorough: bool = True) -> Detection:
    """Look for the marks of `keys` in a sound of any length. Raises OptionError when no key is given.

    thorough: look at other tempi and pitches too, where nothing is found as it is.
    """
    detector = Detector(sound.rate_hz, keys, thorough)
    detector.feed(sound.samples)
    return detector.finish()
