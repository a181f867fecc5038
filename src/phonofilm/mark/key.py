"""Keys: which cells mean what. Without the key the pattern looks like noise; with it a mark is found, forged or erased.

The default key is public, so that anyone can check a file. It makes the mark a disclosure, not a proof of origin: who
can detect it can also imitate it. A secret key is for those who host a model and want a mark that others cannot copy.

    B bands, N slots of a period
"""

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from phonofilm.errors import OptionError
from phonofilm.mark.code import CODED_BITS
from phonofilm.mark.grid import BANDS, PERIOD_SLOTS
from phonofilm.types import FloatArray

PRESENCE_SHARE = 0.30
"""Share of the cells whose sign is the same whatever the payload: they give the place in time and the verdict."""
SHORTEST_SECRET = 16
"""Bytes; shorter secrets can be guessed by trying."""


@dataclass(frozen=True)
class Key:
    """A name to tell keys apart in reports, and the bytes that the pattern is drawn from."""

    name: str
    secret: bytes = field(repr=False)


PUBLIC_KEY = Key("public", b"phonofilm watermark 1: generated sound, made known to all")


def secret_key(secret: bytes, name: str = "secret") -> Key:
    """A key of one's own. Raises OptionError when the secret is shorter than 16 bytes."""
    if len(secret) < SHORTEST_SECRET:
        raise OptionError(
            f"the secret key has {len(secret)} bytes, at least {SHORTEST_SECRET} are wanted: "
            "make one with `head -c 32 /dev/urandom > my.key`"
        )
    return Key(name, secret)


def read_key(path: Path) -> Key:
    """The secret key in a file, named after it. Raises OptionError when it cannot be read or is too short."""
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise OptionError(f"cannot read the key {path} ({error.strerror}); check the path") from error
    return secret_key(secret, path.stem)


@dataclass(frozen=True)
class Pattern:
    """What every cell means.

    signs: (B, N) ±1. coded: (B, N) which coded bit of the payload turns the sign over, -1 for cells of presence.
    """

    signs: FloatArray
    coded: npt.NDArray[np.int64]

    @property
    def presence(self) -> FloatArray:
        """(B, N) the signs of the presence cells, 0 elsewhere."""
        return np.where(self.coded < 0, self.signs, np.float32(0))

    def chips(self, code_word: FloatArray) -> FloatArray:
        """(B, N) ±1: every cell's sign for a code word of (CODED_BITS,) ±1."""
        return self.signs * np.where(self.coded < 0, np.float32(1), code_word[np.maximum(self.coded, 0)])


def _generator(key: Key, purpose: bytes) -> np.random.Generator:
    digest = sha256(b"phonofilm mark 1|" + purpose + b"|" + key.secret).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], np.uint64)))


@lru_cache(maxsize=16)
def pattern(key: Key) -> Pattern:
    """The pattern of a key. Coded bits are dealt out in shuffled rounds: any stretch of slots holds all alike."""
    random = _generator(key, b"pattern")
    signs = (random.integers(0, 2, (BANDS, PERIOD_SLOTS)) * 2 - 1).astype(np.float32)
    payload_bands = round(BANDS * (1 - PRESENCE_SHARE))
    rounds = -(-payload_bands * PERIOD_SLOTS // CODED_BITS)
    order = np.concatenate([random.permutation(CODED_BITS) for _ in range(rounds)])
    coded = np.full((BANDS, PERIOD_SLOTS), -1, np.int64)
    for slot in range(PERIOD_SLOTS):
        bands = random.permutation(BANDS)[:payload_bands]
        coded[bands, slot] = order[slot * payload_bands : (slot + 1) * payload_bands]
    return Pattern(signs, coded)
