"""What a mark says: 32 bits and a check.

bits  0-2   version of this layout, now 1
bit   3     free, 0
bits  4-7   number of the model, 0 = not told
bits  8-15  months since January 2024, 32 to 255 (September 2026, when the first mark was made, to April 2045)
bits 16-31  take id: a number that tells takes apart; it names nobody
bits 32-43  check: CRC-12/DECT of the 32 bits before it (polynomial 0x80f; any burst of up to 12 wrong bits is seen)
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import log

from phonofilm.errors import OptionError

LAYOUT_VERSION = 1
MESSAGE_BITS = 32
VERSION_BITS, MODEL_BITS, MONTH_BITS, TAKE_BITS = 3, 4, 8, 16
MONTH_PLACE = MESSAGE_BITS - MONTH_BITS - TAKE_BITS
CHECK_BITS = 12
"""The first of many words that passes is kept: with 8 bits one in thirty faint marks was read wrong (simulated)."""
BITS = MESSAGE_BITS + CHECK_BITS
FIRST_YEAR = 2024
EARLIEST_MONTH, LATEST_MONTH = 32, (1 << MONTH_BITS) - 1
VERSION_LIMIT, MODEL_LIMIT, TAKE_LIMIT = 1 << VERSION_BITS, 1 << MODEL_BITS, 1 << TAKE_BITS
_POLYNOMIAL = 0x80F
_CHECK_LIMIT = 1 << CHECK_BITS


@dataclass(frozen=True)
class Payload:
    """What is written into a sound. model: the model's number in the registry. month: months since January 2024.

    Raises OptionError when a number does not fit its place.
    """

    model: int
    month: int
    take: int
    version: int = LAYOUT_VERSION

    def __post_init__(self) -> None:
        ranges = {
            "model": range(MODEL_LIMIT),
            "month": range(EARLIEST_MONTH, LATEST_MONTH + 1),
            "take": range(TAKE_LIMIT),
            "version": range(VERSION_LIMIT),
        }
        for name, fitting in ranges.items():
            value = getattr(self, name)
            if value not in fitting:
                raise OptionError(
                    f"payload {name} {value} does not fit: give a number from {fitting[0]} to {fitting[-1]}"
                )

    @property
    def message(self) -> bytes:
        """The 32 bits, as four bytes."""
        word = self.version << 29 | self.model << 24 | self.month << 16 | self.take
        return word.to_bytes(4, "big")

    @property
    def take_id(self) -> str:
        """The take as it is shown, four hexadecimal digits."""
        return f"{self.take:04x}"

    @property
    def made(self) -> str:
        """Year and month, like 2026-11."""
        years, months = divmod(self.month, 12)
        return f"{FIRST_YEAR + years}-{months + 1:02d}"


def _months_since(year: int, month: int) -> int:
    return (year - FIRST_YEAR) * 12 + month - 1


def month_number(year: int, month: int) -> int:
    """Months since January 2024. Raises OptionError outside of 2026-09 to 2045-04."""
    number = _months_since(year, month)
    if not EARLIEST_MONTH <= number <= LATEST_MONTH:
        raise OptionError(f"the time {year}-{month:02d} does not fit a payload: it holds 2026-09 to 2045-04")
    return number


def month_now() -> int:
    """The month by this computer's clock, or the nearest one that fits: clocks may be wrong by decades."""
    now = datetime.now(UTC)
    return min(max(EARLIEST_MONTH, _months_since(now.year, now.month)), LATEST_MONTH)


def readable_months(now: int) -> range:
    """The months that a mark can tell of in month `now`: from the first mark's on, as far as the same number of bits
    goes. So a clock that is a little late overlooks nothing, and nobody takes a word of the next decade for a mark."""
    return range(EARLIEST_MONTH, min(LATEST_MONTH + 1, 1 << (now + 1).bit_length()))


@lru_cache(maxsize=1)
def _readable_now() -> range:
    return readable_months(month_now())


def known_bits() -> dict[int, int]:
    """Bits that every word of this layout has that can have been made by now, by their places."""
    first, last = _readable_now()[0], _readable_now()[-1]
    version = {place: LAYOUT_VERSION >> VERSION_BITS - 1 - place & 1 for place in range(VERSION_BITS)}
    free = dict.fromkeys(range(VERSION_BITS, MONTH_PLACE - MODEL_BITS), 0)
    alike = range(MONTH_BITS - (first ^ last).bit_length())
    month = {MONTH_PLACE + place: first >> MONTH_BITS - 1 - place & 1 for place in alike}
    return version | free | month


def payloads_log() -> float:
    """Natural logarithm of how many payloads there can be by now."""
    return log(MODEL_LIMIT * len(_readable_now()) * TAKE_LIMIT)


@lru_cache(maxsize=256)
def _check_of_byte(byte: int) -> int:
    value = byte << CHECK_BITS - 8
    for _ in range(8):
        value = value << 1 ^ (_POLYNOMIAL if value & _CHECK_LIMIT >> 1 else 0)
    return value & _CHECK_LIMIT - 1


def check(message: bytes) -> int:
    """CRC-12/DECT: polynomial 0x80f, starts at 0, nothing reflected or complemented."""
    value = 0
    for byte in message:
        value = (value << 8 & _CHECK_LIMIT - 1) ^ _check_of_byte(value >> CHECK_BITS - 8 ^ byte)
    return value


def to_bits(payload: Payload) -> list[int]:
    """The 44 bits that go on air, most significant first."""
    word = int.from_bytes(payload.message, "big") << CHECK_BITS | check(payload.message)
    return [word >> (BITS - 1 - place) & 1 for place in range(BITS)]


def from_bits(bits: list[int]) -> Payload | None:
    """The payload of 44 bits; None when the check does not fit, or when no such mark can have been made by now."""
    word = int("".join(map(str, bits)), 2)
    message = word >> CHECK_BITS
    if check(message.to_bytes(MESSAGE_BITS // 8, "big")) != word & _CHECK_LIMIT - 1:
        return None
    month, take = message >> TAKE_BITS & LATEST_MONTH, message & TAKE_LIMIT - 1
    version, model = divmod(message >> MONTH_BITS + TAKE_BITS, 1 << MONTH_PLACE - VERSION_BITS)  # with the free bit
    if version != LAYOUT_VERSION or model >= MODEL_LIMIT or month not in _readable_now():
        return None
    return Payload(model, month, take)
