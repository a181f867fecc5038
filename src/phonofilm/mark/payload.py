"""What a mark says: 32 bits and a check.

bits  0-2   version of this layout, now 1
bits  3-7   number of the model, 0 = not told
bits  8-15  months since January 2024, 0 to 255 (until April 2045)
bits 16-31  take id: a number that tells takes apart; it names nobody
bits 32-43  check: CRC-12/DECT of the 32 bits before it (polynomial 0x80f; any burst of up to 12 wrong bits is seen)
"""

from dataclasses import dataclass
from functools import lru_cache

from phonofilm.errors import OptionError

LAYOUT_VERSION = 1
MESSAGE_BITS = 32
VERSION_BITS = 3
CHECK_BITS = 12
"""The first of many words that passes is kept: with 8 bits one in thirty faint marks was read wrong (simulated)."""
BITS = MESSAGE_BITS + CHECK_BITS
LAYOUT_BITS = tuple(LAYOUT_VERSION >> place & 1 for place in reversed(range(VERSION_BITS)))
"""What every word begins with."""
FIRST_YEAR = 2024
VERSION_LIMIT, MODEL_LIMIT, MONTH_LIMIT, TAKE_LIMIT = 8, 32, 256, 65536
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
        limits = (("model", MODEL_LIMIT), ("month", MONTH_LIMIT), ("take", TAKE_LIMIT), ("version", VERSION_LIMIT))
        for name, limit in limits:
            value = getattr(self, name)
            if not 0 <= value < limit:
                raise OptionError(f"payload {name} {value} does not fit: give a number from 0 to {limit - 1}")

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


def month_number(year: int, month: int) -> int:
    """Months since January 2024. Raises OptionError outside of 2024-01 to 2045-04."""
    number = (year - FIRST_YEAR) * 12 + month - 1
    if not 0 <= number < MONTH_LIMIT:
        raise OptionError(f"the time {year}-{month:02d} does not fit a payload: it holds 2024-01 to 2045-04")
    return number


def from_message(message: bytes) -> Payload:
    """The payload of four bytes."""
    word = int.from_bytes(message, "big")
    return Payload(
        version=word >> 29,
        model=word >> 24 & MODEL_LIMIT - 1,
        month=word >> 16 & MONTH_LIMIT - 1,
        take=word & TAKE_LIMIT - 1,
    )


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
    """The payload of 44 bits; None when the check does not fit or the layout is not known."""
    word = int("".join(map(str, bits)), 2)
    message = (word >> CHECK_BITS).to_bytes(4, "big")
    if check(message) != word & _CHECK_LIMIT - 1:
        return None
    payload = from_message(message)
    return payload if payload.version == LAYOUT_VERSION else None
