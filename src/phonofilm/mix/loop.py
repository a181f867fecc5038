"""Sound that is played in a circle: what comes after its end is faded into its beginning.

Dimension letters: S samples of the loop, F samples of the fade, K places where it may begin.
"""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from phonofilm.timeline import Seconds
from phonofilm.types import FloatArray

FADE_S = 1.0
CHOICE_S = 0.3
"""The loop begins where, within this time, its two ends are most alike: a hum that is faded into itself in opposite
phase would swell and sink."""
LEAST_ALIKE = -0.6
"""What cancels itself is raised by 4 dB at most."""
MARGIN_S = 0.5
"""So much of its other end stands beside each end of a loop while it is levelled: room and limiter see no edge."""


def samples_wanted(count: int, rate_hz: int) -> int:
    """How many samples `looped` makes a loop of `count` samples of."""
    return count + _fade(count, rate_hz) + round(CHOICE_S * rate_hz)


def looped(wave: FloatArray, count: int, rate_hz: int) -> FloatArray:
    """Sound of `samples_wanted` → (S,) the same sound, whose last sample is followed by its first.

    The fade keeps the power: its two gains follow a quarter of a circle, divided by what sounds that are alike to the
    measured degree add up to.
    """
    fade = _fade(count, rate_hz)
    if not fade:
        return wave[:count].copy()
    first, alike = _beginning(wave, count, fade)
    out = wave[first : first + count].copy()
    after = wave[first + count : first + count + fade]  # (F,)
    angle = np.linspace(0, np.pi / 2, fade, endpoint=False, dtype=np.float64)
    rising, falling = np.sin(angle), np.cos(angle)
    gain = 1 / np.sqrt(1 + 2 * alike * rising * falling)
    out[:fade] = gain * (rising * out[:fade] + falling * after)
    return out


def with_margins(loop: FloatArray, rate_hz: int) -> tuple[FloatArray, Seconds]:
    """(S,) → the loop with some of its other end at each side, and how long that is."""
    margin = min(round(MARGIN_S * rate_hz), len(loop))
    return np.concatenate([loop[len(loop) - margin :], loop, loop[:margin]]), Fraction(margin, rate_hz)


def _fade(count: int, rate_hz: int) -> int:
    return min(round(FADE_S * rate_hz), count // 2)


def _beginning(wave: FloatArray, count: int, fade: int) -> tuple[int, float]:
    """Where the loop best begins, and the correlation of what is faded into each other then."""
    head, after = wave[: len(wave) - count].astype(np.float64), wave[count:].astype(np.float64)
    both, own, other = (_sums(part, fade) for part in (head * after, head * head, after * after))  # (K,)
    alike = both / np.sqrt(np.maximum(own * other, 1e-20))
    first = int(alike.argmax())
    return first, float(alike[first].clip(LEAST_ALIKE, 1))


def _sums(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Sums over `length` values from each place on."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[length:] - total[:-length])
