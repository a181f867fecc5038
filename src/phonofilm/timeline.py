"""Time as exact fractions of a second.

Real clips run at 24000/1001 frames a second, start at timestamps that are not zero, and change their rate on the way.
Floats drift on such clocks: adding 1/25 in float64 picks one wrong frame within two seconds. So every instant is a
`Fraction` until the moment it becomes an index, and every index is made here.
"""

from fractions import Fraction
from math import ceil, floor

Seconds = Fraction
"""An instant or a length, in seconds, exact."""


def seconds(value: float | int | str | Fraction) -> Fraction:
    """An exact time from a number or a decimal string; a float is read as the shortest decimal that prints it."""
    if isinstance(value, float):
        # NumPy's floats are floats too, and print their type.
        return Fraction(repr(float(value)))
    return Fraction(value)


def nearest(position: Fraction) -> int:
    """The nearest whole number; halves go up, so that neighbouring spans never overlap or leave a gap."""
    return floor(position + Fraction(1, 2))


def samples(time_s: Fraction, rate_hz: int) -> int:
    """The index of the audio sample nearest to an instant (or the number of samples in a length)."""
    return nearest(time_s * rate_hz)


def grid_count(length_s: Fraction, rate_hz: Fraction) -> int:
    """How many points k/rate, k = 0, 1, ..., lie in [0, length)."""
    return max(0, ceil(length_s * rate_hz))


def grid_time(index: int, rate_hz: Fraction) -> Fraction:
    """The instant of grid point `index` on a clock of `rate_hz`."""
    return Fraction(index) / rate_hz


def timecode(time_s: Fraction | float) -> str:
    """A time for people: m:ss.mmm, or h:mm:ss.mmm from one hour on."""
    total_ms = nearest(Fraction(time_s) * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
    return f"{hours}:{rest}" if hours else rest.removeprefix("0")
