"""Looking for the mark in a piece of sound of up to half a minute.

First as it is; only when nothing is read there, at every tempo from 0.8 to 1.25 and every pitch up to four semitones
away.

    R rows, T columns of the piece, B bands, N slots
"""

from dataclasses import replace
from functools import cached_property
from math import ceil, floor, log, log2, sqrt

import numpy as np

from phonofilm.mark.energy import energy_map
from phonofilm.mark.grid import COLUMN_S, PERIOD_COLUMNS, ROWS_PER_OCTAVE, Rows
from phonofilm.mark.host import host
from phonofilm.mark.judge import Look, Sighting, is_read, judged, judged_together, likeliest_first, read_looks
from phonofilm.mark.key import Key
from phonofilm.mark.path import follow
from phonofilm.mark.read import score
from phonofilm.mark.search import Place, Search, bands_at, cells, fold, stretched
from phonofilm.mark.views import above_floor, before_the_room, lying_low, standing_out
from phonofilm.types import FloatArray

PITCH_ROWS = 7
"""4.7 semitones up or down: a speed of 0.8 or 1.25 is 3.9."""
ROWS = Rows(beyond=PITCH_ROWS)
NEAR_ROWS = 0
"""Without a change of speed, pitch is looked for this far only."""
WINDOW_COLUMNS = round(4.5 / COLUMN_S)
"""Windows of 4.5 s: long enough for a verdict, short enough for cuts and tempo steps of 0.4 %."""
WINDOW_HOP_COLUMNS = round(3.0 / COLUMN_S)
TEMPO_STEP = 0.004
"""Logarithm; half a step shifts the end of a window by half a slot."""
TEMPO_STEPS = 57
"""Steps to either side: 0.796 to 1.256."""
TEMPO_WINDOWS = 3
"""Windows of a piece that are searched at every tempo."""
FINE_COLUMNS = 1.5
"""A fine tempo step shifts the end of the piece by this much."""
FINE_RANGE = 0.003
FINE_BEST = 2
"""How many places of each fine tempo are kept."""
FINE_PLACES = 4
"""How many coarse places are refined on the whole piece."""
FURTHER_VIEWS = 4
"""Ways to see the whole piece besides plainly and by what stands out."""
WHOLE_PLACES, WINDOW_PLACES, COARSE_PLACES = 12, 6, 3
"""How many places are read: of the piece, of each of its windows, of each tempo."""
READ_PLACES = 8
"""How many of a window's places of all tempi are read."""
STAGES = 2
"""As it is, and searched: each has half of the budget."""
LIKELY_SHARE = 0.5
"""Share of a tempo's budget that goes to the pitches it usually comes with: the same, and that of other speed."""
SAME_TEMPO = 0.002
"""A tempo within this (logarithm) is none: any pitch is as likely there."""
PATH_SHARE = 0.1
"""Share of the budget of the search that goes to the best path."""


class Piece:
    """The evidence of a stretch of sound (C, S): plain, what stands out, and both taken together."""

    def __init__(self, samples: FloatArray, rate_hz: int) -> None:
        self._energy = energy_map(samples, rate_hz, ROWS)
        self._host = host(self._energy, ROWS)
        # Columns lie together in memory, as folding takes them.
        self.evidence = np.asfortranarray(self._host.residue)
        self.standing_out = np.asfortranarray(standing_out(self._host))

    @cached_property
    def both(self) -> FloatArray:
        """Plain and standing out together: worth 1 to 4 % more than plain alone where a codec was added."""
        return self.evidence + self.standing_out

    @property
    def columns(self) -> int:
        return int(self.evidence.shape[1])

    def further_views(self) -> list[FloatArray]:
        """The evidence as it is where a voice, few bits or a room came over the sound; FURTHER_VIEWS of them."""
        above = above_floor(self._energy, ROWS)
        views = (
            lying_low(self._host, self._energy),
            above,
            self._host.residue + above,  # two guesses err in different cells: worth 6 % after a codec at 24 kb/s
            before_the_room(self._host, self._energy),
        )
        return [np.asfortranarray(view) for view in views]

    def windows(self, evidence: FloatArray) -> list[FloatArray]:
        """Evidence of the piece in windows of 4.5 s that overlap by a third; none when it is hardly longer than one."""
        if self.columns < 1.4 * WINDOW_COLUMNS:
            return []
        starts = range(0, self.columns - WINDOW_COLUMNS // 2, WINDOW_HOP_COLUMNS)
        return [evidence[:, start : start + WINDOW_COLUMNS] for start in starts]


def look(
    piece: Piece, key: Key, believed: float, hints: tuple[float, ...] = (), thorough: bool = True
) -> list[Sighting]:
    """Sightings, likeliest first, never none.

    believed: natural logarithm of the chance below which a sighting is the mark, and no further search is needed.
    hints: tempi found elsewhere in the sound. thorough: look at other tempi and pitches too.
    """
    search = Search(key, PITCH_ROWS)
    found = _as_it_is(piece, key, search, believed)
    if is_read(found, believed) or not thorough:
        return found
    if hints:
        found = likeliest_first(found + _searched(piece, key, search, believed, hints))
        if is_read(found, believed):
            return found
    return likeliest_first(found + _searched(piece, key, search, believed, ()))


def _as_it_is(piece: Piece, key: Key, search: Search, believed: float) -> list[Sighting]:
    whole = (piece.evidence, piece.standing_out)
    windows = [window for view in whole for window in piece.windows(view)]
    views = 2 * len(whole) + len(windows) + FURTHER_VIEWS
    trials = log(STAGES * PERIOD_COLUMNS * (2 * NEAR_ROWS + 1) * views)
    looks = [look for view in whole for look in _looks(view, search, WHOLE_PLACES)]
    looks += [look for window in windows for look in _looks(window, search, WINDOW_PLACES)]
    looks += [_followed(view, search, 1.0, 0) for view in whole]
    readings = read_looks(looks, key)
    found = judged(looks, readings, key, trials)
    if is_read(found, believed):
        return likeliest_first(found)
    further = [look for view in piece.further_views() for look in _looks(view, search, WHOLE_PLACES)]
    return judged_together(looks + further, readings + read_looks(further, key), key, trials, believed)


def _looks(evidence: FloatArray, search: Search, count: int) -> list[Look]:
    """The best places of evidence whose tempo and pitch were not changed."""
    return _at(evidence, search.places(evidence, (1.0,), NEAR_ROWS, count))


def _at(evidence: FloatArray, places: list[Place]) -> list[Look]:
    folded = {stretch: fold(evidence, stretch) for stretch in {place.stretch for place in places}}
    return [Look(cells(folded[place.stretch], place.rows, place.offset, PITCH_ROWS), place, 0.0) for place in places]


def _followed(evidence: FloatArray, search: Search, stretch: float, rows: int) -> Look:
    """What is seen on the best path with jumps at a tempo and pitch; it counts as one look at every place."""
    path = follow(stretched(bands_at(evidence, rows, PITCH_ROWS), stretch), search.presence)
    # As high as a score that proves as much without jumps.
    worth = sqrt(max(0.0, score(path.seen, search.presence) ** 2 - 2 * path.trials_log))
    return Look(path.seen, Place(worth, stretch, rows, path.begin), path.trials_log)


def fine_step(columns: int) -> float:
    """Logarithmic tempo step of the refinement; steps lie on one lattice whatever the coarse place, to be counted."""
    return TEMPO_STEP / max(1, round(TEMPO_STEP * columns / FINE_COLUMNS))


def _fine_tempi(piece: Piece) -> float:
    return 2 * (TEMPO_STEPS * TEMPO_STEP + FINE_RANGE) / fine_step(piece.columns) + 1


def _search_trials_log(piece: Piece, windows: int) -> float:
    """Logarithm of the trials of all tempi at every place, fine ones in two views; pitches come on top."""
    tempi = (2 * TEMPO_STEPS + 1) * windows + 2 * _fine_tempi(piece)
    return log(STAGES * PERIOD_COLUMNS * tempi / (1 - PATH_SHARE))


def _path_trials_log(piece: Piece) -> float:
    return log(STAGES * PERIOD_COLUMNS * _fine_tempi(piece) / PATH_SHARE)


def rows_log(stretch: float, rows: int) -> float:
    """Logarithm of the trials that a pitch of a tempo stands for: the inverse of its share of the tempo's budget.

    Where only the tempo or only the pitch was changed one of them is as it was; at another speed both go together.
    """
    every = 2 * PITCH_ROWS + 1
    if abs(log(stretch)) < SAME_TEMPO:
        return log(every)
    along = -ROWS_PER_OCTAVE * log2(stretch)
    likely = {0, *(row for row in (floor(along), ceil(along)) if abs(row) <= PITCH_ROWS)}
    if rows in likely:
        return log(len(likely) / LIKELY_SHARE)
    return log((every - len(likely)) / (1 - LIKELY_SHARE))


def _searched(piece: Piece, key: Key, search: Search, believed: float, hints: tuple[float, ...]) -> list[Sighting]:
    windows = piece.windows(piece.both) or [piece.both]
    chosen = np.unique(np.linspace(0, len(windows) - 1, TEMPO_WINDOWS).astype(int))
    trials = _search_trials_log(piece, len(chosen))
    tempi = np.exp(np.arange(-TEMPO_STEPS, TEMPO_STEPS + 1) * TEMPO_STEP).tolist()
    looks: list[Look] = []
    coarse: list[Place] = []
    for index in chosen if not hints else ():
        places = search.places(windows[index], tempi, PITCH_ROWS, COARSE_PLACES, READ_PLACES)
        looks += _at(windows[index], places)
        coarse += places
    starts = [(hint, PITCH_ROWS) for hint in hints] if hints else _apart(coarse)
    fine = [place for stretch, _ in starts for place in _refined(piece, search, stretch)]
    looks += _at(piece.both, fine) + _at(piece.standing_out, fine)
    best = max(fine, key=lambda place: place.score)
    path = _followed(piece.both, search, best.stretch, best.rows)
    looks.append(replace(path, more=path.more + _path_trials_log(piece) - trials))
    looks = [replace(look, more=look.more + rows_log(look.place.stretch, look.place.rows)) for look in looks]
    return judged_together(looks, read_looks(looks, key), key, trials, believed)


def _apart(places: list[Place]) -> list[tuple[float, int]]:
    """The best few tempi that are not the same."""
    chosen: list[tuple[float, int]] = []
    for place in sorted(places, key=lambda place: -place.score):
        if all(abs(place.stretch / other - 1) > FINE_RANGE or place.rows != rows for other, rows in chosen):
            chosen.append((place.stretch, place.rows))
    return chosen[:FINE_PLACES]


def _refined(piece: Piece, search: Search, stretch: float) -> list[Place]:
    step = fine_step(piece.columns)
    near = round(FINE_RANGE / step)
    centre = round(np.log(stretch) / step)
    tempi = np.exp(np.arange(centre - near, centre + near + 1) * step).tolist()
    return search.places(piece.both, tempi, PITCH_ROWS, FINE_BEST, READ_PLACES)
