"""Where the mark lives: a grid of cells over time and log frequency, in absolute hertz and seconds.

The grid does not depend on the sampling rate, so that resampled sound keeps its cells. A change of pitch is a shift
along the logarithmic axis, a change of tempo a scaling of the other; both can be searched for. A detector looks at a
finer grid than the cells: three rows for each band and three columns for each slot.

    B bands, N slots of a period, R rows, T columns of the finer grid, F bins of a spectrum
"""

from dataclasses import dataclass

import numpy as np

from phonofilm.types import FloatArray

LOWEST_HZ = 500.0
"""Below, cells of a sixth of an octave are narrower than 60 Hz and hold too few degrees of freedom to carry a sign."""
BANDS_PER_OCTAVE = 6
BANDS = 29
"""500 Hz to 14.25 kHz: higher bands are the first that lossy codecs drop."""
SLOT_S = 0.018
"""Length of a cell. Short, wide cells carried the most in measurements (18 ms against 64 ms: half as much again)."""
PERIOD_SLOTS = 160
"""The pattern repeats every 2.88 s, so that any cut of three seconds holds all of it."""
ROWS_PER_BAND = 3
COLUMNS_PER_SLOT = 3
COLUMN_S = SLOT_S / COLUMNS_PER_SLOT
PERIOD_COLUMNS = PERIOD_SLOTS * COLUMNS_PER_SLOT
CENTRE_COLUMN = COLUMNS_PER_SLOT // 2
"""Column of a slot that looks at its middle."""
ROWS_PER_OCTAVE = BANDS_PER_OCTAVE * ROWS_PER_BAND
SEMITONES_PER_ROW = 12 / ROWS_PER_OCTAVE
HIGHEST_SHARE = 0.49
"""Rows that reach beyond this share of the sampling rate are empty."""


@dataclass(frozen=True)
class Rows:
    """Rows of the finer grid: the bands and `beyond` more on either side, which pitch changes need."""

    beyond: int

    @property
    def count(self) -> int:
        return BANDS * ROWS_PER_BAND + 2 * self.beyond

    @property
    def centres_hz(self) -> FloatArray:
        """(R,) middle of each row; every row is as wide as a band. Row beyond + 3 b is band b itself."""
        row = np.arange(-self.beyond, BANDS * ROWS_PER_BAND + self.beyond)
        octaves = (row + ROWS_PER_BAND / 2) / ROWS_PER_OCTAVE
        return (LOWEST_HZ * 2.0**octaves).astype(np.float32)

    @property
    def edges_hz(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper edge of each row, (R,) and (R,)."""
        half = np.float32(2.0 ** (0.5 / BANDS_PER_OCTAVE))
        return self.centres_hz / half, self.centres_hz * half

    def heard(self, rate_hz: int) -> FloatArray:
        """(R,) 1 where a sampling rate has room for the whole row, else 0."""
        return (self.edges_hz[1] <= HIGHEST_SHARE * rate_hz).astype(np.float32)


BAND_ROWS = Rows(beyond=0)


def slots_in(count: int, rate_hz: int) -> int:
    """How many slots `count` samples touch."""
    return int(np.ceil(count / (SLOT_S * rate_hz)))
