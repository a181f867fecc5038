"""Marking a sound: the last thing that is done to it before it is written.

Works stretch by stretch on a clock of its own, so that a sound fed in blocks of any size comes out as when marked
whole, and memory does not grow with its length.

    C channels, S samples, B bands, L slots, N slots of a period
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.mark.code import encode
from phonofilm.mark.gains import reach
from phonofilm.mark.grid import PERIOD_SLOTS, SLOT_S, slots_in
from phonofilm.mark.key import PUBLIC_KEY, Key, pattern
from phonofilm.mark.masking import GUARD_REACH, guard, guard_block
from phonofilm.mark.payload import Payload, to_bits
from phonofilm.mark.strength import Stretch
from phonofilm.types import FloatArray, Waveform

STRETCH_SLOTS = 10 * PERIOD_SLOTS
"""28.8 s are marked at a time."""
CONTEXT_SLOTS = PERIOD_SLOTS // 2
"""Sound on either side that is looked at, 1.44 s."""
TAIL_SLOTS = 2 * PERIOD_SLOTS
"""An end shorter than this, 5.76 s, is marked together with the stretch before it."""
LOWEST_RATE_HZ = 8000
LEAST_LOUD_SHARE = 0.5
"""A second carries the mark when at least this share of it was loud enough to be marked."""


@dataclass(frozen=True)
class Marked:
    """A marked sound. markable: for each second of it (the last may be shorter), was it loud enough to carry the mark?

    first_slot: the slot of the pattern that it begins with; sounds that are to be mixed begin with the same.
    """

    sound: Waveform
    markable: tuple[bool, ...]
    first_slot: int

    @property
    def carries(self) -> bool:
        """Whether any second carries the mark."""
        return any(self.markable)


class Marker:
    """Marks a sound that comes in blocks. Raises OptionError for sound below 8 kHz.

    feed: (C, s) float32, any s; gives back the marked samples that are ready, (C, s'), perhaps none. finish: the rest.
    The output is as long as the input; it lags by up to 36 s.
    """

    def __init__(
        self, rate_hz: int, channels: int, payload: Payload, key: Key = PUBLIC_KEY, first_slot: int | None = None
    ) -> None:
        if rate_hz < LOWEST_RATE_HZ:
            raise OptionError(
                f"sound at {rate_hz} Hz has no room for the mark; resample it to {LOWEST_RATE_HZ} Hz or more"
            )
        self._rate_hz = rate_hz
        self._chips = pattern(key).chips(encode(to_bits(payload)))  # (B, N)
        self._coded = pattern(key).coded
        self._first_slot = first_slot
        self._waiting: list[FloatArray] = []
        self._held = np.zeros((channels, 0), np.float32)
        self._change = np.zeros((channels, 0), np.float32)  # as far as it is known, from the first held sample on
        self._held_from = self._given = self._end = self._slot = 0
        self._loud_slots: list[bool] = []

    @property
    def first_slot(self) -> int | None:
        """The slot of the pattern that the sound begins with; None before the first stretch was marked."""
        return self._first_slot

    @property
    def markable(self) -> tuple[bool, ...]:
        """For each second of what was marked so far: is at least half of it loud enough?"""
        seconds = ceil(min(self._slot * SLOT_S, self._end / self._rate_hz))
        parts = (self._loud_slots[round(s / SLOT_S) : round((s + 1) / SLOT_S)] for s in range(seconds))
        return tuple(sum(part) >= LEAST_LOUD_SHARE * len(part) > 0 for part in parts)

    def feed(self, block: FloatArray) -> FloatArray:
        """Take a block; give what is ready."""
        self._waiting.append(block)
        self._end += block.shape[1]
        out = [self._held[:, :0]]
        while self._end >= self._sample(self._slot + STRETCH_SLOTS + TAIL_SLOTS):
            self._hold()
            self._mark(STRETCH_SLOTS)
            known = self._sample(self._slot) - reach(self._rate_hz)
            out.append(self._give(known - self._margin))
            self._forget(min(self._sample(self._slot - CONTEXT_SLOTS), self._given - self._margin))
        return np.concatenate(out, 1)

    def finish(self) -> FloatArray:
        """Give the rest."""
        self._hold()
        slots = slots_in(self._end, self._rate_hz) - self._slot
        if slots > 0:
            self._mark(slots)
        return self._give(self._end)

    def _hold(self) -> None:
        self._held = np.concatenate([self._held, *self._waiting], 1)
        self._waiting = []

    @property
    def _margin(self) -> int:
        return GUARD_REACH * guard_block(self._rate_hz)

    def _sample(self, slot: int) -> int:
        return ceil(slot * SLOT_S * self._rate_hz)

    def _mark(self, slots: int) -> None:
        """Work out the change of the next `slots` slots."""
        first = max(0, self._slot - CONTEXT_SLOTS)
        begin = max(self._held_from, self._sample(first))
        end = min(self._end, self._sample(self._slot + slots + CONTEXT_SLOTS))
        here = slice(begin - self._held_from, end - self._held_from)
        stretch = Stretch(self._held[:, here], self._rate_hz, begin, self._slot - first)
        if self._first_slot is None:
            self._first_slot = stretch.best_first_slot(self._chips, slots)
        within = (self._first_slot + self._slot + np.arange(slots)) % PERIOD_SLOTS
        moved, loud = stretch.marked(self._chips[:, within], self._coded[:, within])
        self._change = np.pad(self._change, ((0, 0), (0, here.stop - self._change.shape[1])))
        self._change[:, here] += moved
        self._loud_slots += [bool(slot) for slot in loud]
        self._slot += slots

    def _give(self, upto: int) -> FloatArray:
        """Samples from the last one given to number `upto`, guarded."""
        begin = max(self._held_from, self._given - self._margin)
        here = slice(begin - self._held_from, min(upto + self._margin, self._end) - self._held_from)
        moved = guard(self._held[:, here], self._change[:, here], self._rate_hz, begin)
        out = (self._held[:, here] + moved)[:, self._given - begin : upto - begin]
        self._given = upto
        return out

    def _forget(self, before: int) -> None:
        drop = max(0, before - self._held_from)
        self._held, self._change = self._held[:, drop:].copy(), self._change[:, drop:].copy()
        self._held_from += drop


def mark(sound: Waveform, payload: Payload, key: Key = PUBLIC_KEY, first_slot: int | None = None) -> Marked:
    """The sound with the mark in it: as long to the sample, same rate and channels.

    Never louder than full scale, or than the sound's own peak where that is higher. Silence stays silent. first_slot:
    begin there in the pattern; by default where the sound agrees with it best. Raises OptionError below 8 kHz.
    """
    marker = Marker(sound.rate_hz, sound.channels, payload, key, first_slot)
    parts = [marker.feed(sound.samples), marker.finish()]
    return Marked(Waveform(np.concatenate(parts, 1), sound.rate_hz), marker.markable, marker.first_slot or 0)
