"""One clock that only rises, for files whose own clock jumps: recordings joined end to end, receivers that began anew.

Each picture that comes after a jump is lifted to where the last one before it ends; what stands beside the picture is
lifted by as much. Clocks of 33 bits that run over are none of this: FFmpeg lifts those itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet

JOINED_FORMATS = ("mpegts", "mpeg", "matroska,webm")
"""Formats whose files can be joined by their bytes and read on."""
DECODED_IN_ORDER = ("mpegts", "mpeg")
"""Formats that store when a picture is decoded; Matroska does not, and what FFmpeg makes up falls and rises."""
MOST_FALL_S = Fraction(1, 10)
"""Stamps that fall by less are sloppy, not another clock; FFmpeg's own limit."""
LONGEST_PAUSE_S = 600
"""A larger step forward is a broken clock."""
NEAR_S = 1
"""Sound that belongs together with a picture lies within this of it in a file."""


@dataclass(frozen=True)
class Jump:
    """Where in the file, in bytes, and from which instant to which its clock jumps; what lifts all that comes after."""

    position: int
    before_s: Fraction
    after_s: Fraction
    lift_s: Fraction


class LeadingClock:
    """The clock of the stream that the others go by: finds the jumps. Told every packet, in the file's order."""

    def __init__(self, base: Fraction, in_order: bool) -> None:
        self.jumps: list[Jump] = []
        self._base, self._in_order = base, in_order
        self._lift = self._position = self._step = self._length = 0
        self._dts: int | None = None
        self._last: int | None = None

    @property
    def passed(self) -> int:
        """How many jumps lie behind."""
        return len(self.jumps)

    def lift(self, packet: "Packet[Any]") -> None:
        """Sets the stamps of a packet to the risen clock."""
        self._position = self._position if packet.pos is None else packet.pos
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        if self._last is not None and self._jumped(packet, stamp, self._last):
            # Transport streams say no lengths; the step before tells how long the last picture is shown.
            end = self._last + (self._length or self._step)
            self._lift += end - stamp
            self.jumps.append(Jump(self._position, end * self._base, stamp * self._base, self._lift * self._base))
            self._dts = self._last = None
        if packet.dts is not None and self._dts is not None and packet.dts > self._dts:
            self._step = packet.dts - self._dts
        self._dts = packet.dts if packet.dts is not None else self._dts
        if self._last is None or stamp > self._last:
            self._last, self._length = stamp, packet.duration or 0
        _shift(packet, self._lift)

    def _jumped(self, packet: "Packet[Any]", stamp: int, last: int) -> bool:
        fall = MOST_FALL_S / self._base
        if packet.is_keyframe and stamp < last - fall:
            return True  # whatever is decoded before a key frame is shown before it
        if not self._in_order:
            return False
        fell = packet.dts is not None and self._dts is not None and packet.dts < self._dts - fall
        return fell or stamp > last + LONGEST_PAUSE_S / self._base


class FollowingClock:
    """The clock of a stream beside the leading one, whose jumps are known."""

    def __init__(self, base: Fraction, jumps: Sequence[Jump]) -> None:
        self._base, self._jumps = base, jumps
        self.passed = 0
        """How many jumps lie behind."""
        self._position = -1
        self._last_s: Fraction | None = None

    def lift(self, packet: "Packet[Any]") -> None:
        """Sets the stamps of a packet to the risen clock."""
        # Of several frames that are stored together only the first has a place.
        self._position = self._position if packet.pos is None else packet.pos
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        time_s = stamp * self._base
        while self.passed < len(self._jumps) and self._is_past(self._jumps[self.passed], time_s):
            self.passed += 1
            self._last_s = None
        self._last_s = time_s
        lift_s = self._jumps[self.passed - 1].lift_s if self.passed else Fraction(0)
        _shift(packet, round(lift_s / self._base))

    def _is_past(self, jump: Jump, time_s: Fraction) -> bool:
        from_old, from_new = abs(time_s - jump.before_s), abs(time_s - jump.after_s)
        if self._position >= jump.position:
            # Sound is stored a little after its picture: the last of the old may lie behind the jump.
            return not (from_old < NEAR_S and from_old < from_new)
        jumped = self._last_s is not None and not -MOST_FALL_S < time_s - self._last_s < LONGEST_PAUSE_S
        return jumped and from_new < NEAR_S and from_new < from_old


Clock = LeadingClock | FollowingClock


def _shift(packet: "Packet[Any]", ticks: int) -> None:
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
