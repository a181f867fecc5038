"""Seconds of a marked piece that its sure marks do not explain, looked at again for a mark of any payload.

Where a second or two of a take were made anew, they say something else than what surrounds them, at a place of their
own, and are too short for the windows that a piece is searched in. Here they are looked at by the tempo and pitch that
the piece is known to have. Nothing here touches the verdict on the file.

    B bands, N slots, T columns of the piece, K seconds of the piece, t columns of a few seconds
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np

from phonofilm.mark.grid import PERIOD_COLUMNS
from phonofilm.mark.judge import Look, Sighting, judged, read_looks
from phonofilm.mark.locate import EDGE_SHARE, LEAST_ALONE, BoolArray, IntArray, chips_of, score_within, second_edges
from phonofilm.mark.piece import PITCH_ROWS, Piece
from phonofilm.mark.search import Place, Search, bands_at, cells, fold
from phonofilm.types import FloatArray

GAP_CHANCE = 1e-4
"""Chance, at most, that anything in a piece that bears no mark is said to carry one. Every stretch of whole seconds is
counted, looked at or not, so that it holds for whichever are left over."""
LONGEST_RUN_S = 3
"""Longer ones are found when the piece is searched."""
RUN_PLACES = 3
"""How many places of each run and view are read."""
LEAST_PRESENCE = 3.5
"""The best of all places in sound without a mark has about as much; less is not worth reading."""
READ_LOOKS = 48
"""How many places of all runs are read, those with the most presence first."""
VIEWS = 2
SAME_COLUMNS = 4
"""Places this near are one."""

Run = tuple[int, int]
"""A first second and the one after the last."""


class Gaps:
    """The seconds of a piece that are not `taken` (K,).

    known: the sure sightings of the piece, likeliest first; the first lends key, tempo and pitch.
    """

    def __init__(self, piece: Piece, known: Sequence[Sighting], taken: BoolArray) -> None:
        self._piece, self._best = piece, known[0]
        self._judged = {None, *(sighting.payload for sighting in known)}
        self._edges = second_edges(piece)
        self._free = ~np.pad(taken, (0, len(self._edges) - 1 - len(taken)))
        # The rows beyond are counted from the pitch of the piece, at which alone is looked.
        self._search = Search(known[0].key, PITCH_ROWS + known[0].place.rows)

    def marks(self) -> Iterator[tuple[Sighting, FloatArray]]:
        """Marks in these seconds, surest first, each with its (K,) scores, 0 where it is not."""
        seconds = len(self._free)
        trials = log(seconds * (seconds + 1) / 2 * VIEWS * PERIOD_COLUMNS)
        runs = [(first, end) for first in range(seconds) for end in range(first + 1, seconds + 1)]
        runs = [run for run in runs if run[1] - run[0] <= LONGEST_RUN_S and self._free[slice(*run)].all()]
        seen = [(run, look) for run in runs for look in self._looks(run)]
        seen = sorted(seen, key=lambda pair: -pair[1].place.score)[:READ_LOOKS]
        if not seen:
            return
        looks = [look for _, look in seen]
        found = judged(looks, read_looks(looks, self._best.key, listed=True), self._best.key, trials)
        sure = [(sighting, run) for sighting, (run, _) in zip(found, seen, strict=True)]
        sure = [pair for pair in sure if pair[0].log_chance <= log(GAP_CHANCE) and not self._was_judged(*pair)]
        for sighting, run in sorted(sure, key=lambda pair: pair[0].log_chance):
            scores = np.where(self._free, self._scores(sighting, run), np.float32(0))
            if scores.any():
                self._free &= scores == 0
                yield sighting, scores

    def _looks(self, run: Run) -> Iterator[Look]:
        stretch, rows = self._best.place.stretch, self._best.place.rows
        for view in (self._piece.evidence, self._piece.standing_out):
            part = self._part(view, run)
            for place in self._search.places(part, (stretch,), 0, RUN_PLACES):
                if place.score > LEAST_PRESENCE:
                    seen = cells(fold(part, stretch), rows, place.offset, PITCH_ROWS)
                    yield Look(seen, replace(place, rows=rows), 0.0)

    def _was_judged(self, sighting: Sighting, run: Run) -> bool:
        """Whether it is but the end of a mark beside the run, which ends in one of its seconds and not after it."""
        beside = self._beside(run)
        return sighting.payload in self._judged and any(self._same(sighting.place, run, other) for other in beside)

    def _beside(self, run: Run) -> list[tuple[Place, Run]]:
        """The places of the marks in the seconds before and after a run."""
        before, after = max(0, run[0] - LONGEST_RUN_S), min(len(self._free), run[1] + LONGEST_RUN_S)
        runs = [side for side in ((before, run[0]), (run[1], after)) if side[0] < side[1]]
        stretches = (self._best.place.stretch,)
        parts = [self._part(self._piece.evidence, side) for side in runs]
        return [(self._search.places(part, stretches, 0, 1)[0], side) for part, side in zip(parts, runs, strict=True)]

    def _same(self, place: Place, run: Run, other: tuple[Place, Run]) -> bool:
        """Whether two places on clocks that begin with their runs are one."""
        apart_columns = (self._edges[run[0]] - self._edges[other[1][0]]) / place.stretch
        apart = (place.offset - other[0].offset + apart_columns) % PERIOD_COLUMNS
        return bool(min(apart, PERIOD_COLUMNS - apart) <= SAME_COLUMNS)

    def _part(self, view: FloatArray, run: Run) -> FloatArray:
        return view[:, self._edges[run[0]] : self._edges[run[1]]]

    def _scores(self, sighting: Sighting, run: Run) -> FloatArray:
        """(K,) score of each second of the run alone at the place of its mark, 0 where it is too low."""
        place, chips = sighting.place, chips_of(sighting)
        evidence = bands_at(self._part(self._piece.evidence, run), place.rows, PITCH_ROWS)  # (B, t)
        edges: IntArray = self._edges[run[0] : run[1] + 1] - self._edges[run[0]]
        scores = np.zeros(len(self._free), np.float32)
        scores[slice(*run)] = [
            score_within(evidence, slice(first, end), chips, place.stretch, place.offset)
            for first, end in pairwise(edges.tolist())
        ]
        least = max(LEAST_ALONE, EDGE_SHARE * float(scores.max()))
        return np.where(scores >= least, scores, np.float32(0))
