"""How strongly each cell of a stretch of sound is marked.

As strongly as the sound itself hides: more where it is random, less where it is tonal, and never above the ceiling that
its masking sets. Then the mark is read back: a sound that holds little of it is marked more, and coded bits that it
works against get more of the same total (informed embedding, Cox, Miller and McKellips 1999).

    C channels, S samples, B bands, L slots, N slots of a period, T columns
"""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from phonofilm.mark.code import CODED_BITS, IntArray
from phonofilm.mark.energy import energy_map
from phonofilm.mark.gains import change
from phonofilm.mark.grid import BAND_ROWS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_SLOTS, ROWS_PER_BAND, SLOT_S
from phonofilm.mark.host import MOST_DB, host, tolerance_db
from phonofilm.mark.masking import CEILING_DB, ceiling
from phonofilm.mark.need import LEAN_CEILING_RANGE, LEAN_RANGE, Need, left_by_noise, left_by_room, need
from phonofilm.types import FloatArray

HELP_RATE = 0.5
"""Share of a coded bit's lack of agreement that is made up for."""
HELP_RANGE = (0.6, 1.6)
"""Smallest and largest factor that a coded bit's cells get by it."""
HELP_MOST = 1.25
"""A cell may pass its ceiling by this factor (1.9 dB) when its bit needs it."""
FAINT_POWER = 1e-7
"""Power in the mark's bands, -70 dB of full scale, below which a moment is left alone: 16 bits hold no more there."""
LOUD_COLUMNS = 85
"""A moment counts as loud when anything within a quarter of a second around it is."""
HIGH_HZ, HIGH_SHARE = 8000.0, 0.7
"""Above, changes are heard more (0.4 of ViSQOL's five points come from the top octave) and codecs lose them first."""


class Stretch:
    """A stretch of sound (C, S) with context on both sides.

    start: number of its first sample in the whole sound. lead: slots of context before those that are to be marked.
    """

    def __init__(self, sound: FloatArray, rate_hz: int, start: int, lead: int) -> None:
        self._sound, self._rate_hz, self._start, self._lead = sound, rate_hz, start, lead
        self._first_slot = round(start / (SLOT_S * rate_hz)) + lead
        self._energy = energy_map(sound, rate_hz, BAND_ROWS)
        self._host = host(self._energy, BAND_ROWS)

    def best_first_slot(self, chips: FloatArray, slots: int) -> int:
        """Where in the pattern (B, N) to begin so that the sound itself already agrees with it best.

        The detector looks at every place anyway: the best of 160 beginnings is worth 2.6 standard deviations.
        """
        residue = self._host.residue[::ROWS_PER_BAND, self._columns(slots)]  # (B, L)
        folded = np.pad(residue, ((0, 0), (0, -slots % PERIOD_SLOTS))).reshape(len(residue), -1, PERIOD_SLOTS).sum(1)
        spectrum = (np.fft.rfft(chips, axis=1) * np.conj(np.fft.rfft(folded, axis=1))).sum(0)
        return int(np.fft.irfft(spectrum, PERIOD_SLOTS).argmax())

    def marked(self, chips: FloatArray, coded: IntArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """The change (C, S), and for each slot (L,) whether it was loud enough to be marked. chips, coded: (B, L)."""
        columns = self._columns(chips.shape[1])
        loud = maximum_filter1d(self._energy[::ROWS_PER_BAND].sum(0), LOUD_COLUMNS)[columns] > FAINT_POWER  # (L,)
        if not loud.any():
            return np.zeros_like(self._sound), loud
        high = BAND_ROWS.centres_hz[::ROWS_PER_BAND, None] > HIGH_HZ
        share = np.where(high, np.float32(HIGH_SHARE), np.float32(1))  # (B, 1)
        borne = tolerance_db(self._host.spread_db, BAND_ROWS)[::ROWS_PER_BAND, columns] * loud * share
        under = borne * self._room(chips * borne)  # what brings each cell to the ceiling
        wants = self._need(self._agreement(chips, np.minimum(borne, under), columns), columns)
        push = wants.push
        raised_db = min(20 * np.log10(push), wants.highest_ceiling_db - CEILING_DB)
        under = under * np.float32(10 ** (raised_db / 20)) * np.clip(wants.lean, *LEAN_CEILING_RANGE)
        usual = np.minimum(borne * np.float32(push) * np.clip(wants.lean, *LEAN_RANGE), under)
        most = np.minimum(under, np.float32(MOST_DB * push)) * np.float32(HELP_MOST)
        helped = _helped(self._agreement(chips, usual, columns), coded)  # (CODED_BITS,)
        factor = np.where(coded >= 0, helped[np.maximum(coded, 0)], np.float32(1))  # (B, L)
        strength = np.minimum(usual * factor / np.sqrt((factor**2).mean()), most)
        return self._moved(chips * strength), loud

    def _room(self, gains_db: FloatArray) -> FloatArray:
        """(B, L) factors that bring each cell's change to CEILING_DB under what would be heard."""
        moved, slots = self._moved(gains_db), gains_db.shape[1]
        return ceiling(self._sound, moved, self._rate_hz, self._start, self._first_slot, slots, CEILING_DB)

    def _agreement(self, chips: FloatArray, strength: FloatArray, columns: IntArray) -> FloatArray:
        """(B, L) the evidence that a detector would find in each cell for its sign."""
        marked = self._sound + self._moved(chips * strength)
        residue = host(energy_map(marked, self._rate_hz, BAND_ROWS), BAND_ROWS).residue
        return residue[::ROWS_PER_BAND, columns] * chips

    def _need(self, agreement: FloatArray, columns: IntArray) -> Need:
        left = (left_by_noise(self._energy, self._sound, self._rate_hz), left_by_room(self._energy))
        after_noise, after_room = (share[::ROWS_PER_BAND, columns] for share in left)
        return need(agreement, after_noise, after_room)

    def _columns(self, slots: int) -> IntArray:
        """(L,) the column at the middle of each slot that is to be marked."""
        columns = (self._lead + np.arange(slots)) * COLUMNS_PER_SLOT + CENTRE_COLUMN
        return np.asarray(np.minimum(columns, self._energy.shape[1] - 1), np.int64)

    def _moved(self, gains_db: FloatArray) -> FloatArray:
        return change(self._sound, self._rate_hz, gains_db.astype(np.float32), self._start, self._first_slot)


def _helped(agreement: FloatArray, coded: IntArray) -> FloatArray:
    """Factors (CODED_BITS,) for the coded bits from how far each cell (B, L) agrees with its sign."""
    cells = coded >= 0
    spoken = np.bincount(coded[cells], agreement[cells], CODED_BITS)
    usual = np.sqrt((agreement[cells] ** 2).sum() / CODED_BITS) + 1e-9
    middle = np.median(spoken)
    more = np.exp(-HELP_RATE * (spoken - middle) / (abs(middle) + usual))
    return np.asarray(np.clip(more, *HELP_RANGE), np.float32)
