"""New sound set into old: as loud as its neighbourhood, faded over, and not a sample changed elsewhere.

Dimension letters: C channels, S samples.
"""

import logging
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from phonofilm.mix.loudness import limit
from phonofilm.timeline import samples
from phonofilm.types import FloatArray, Waveform

logger = logging.getLogger(__name__)

FADE_S = 0.05
"""Length of the fade at either side of what is new; it lies outside of it."""
BLOCK_S = 0.05
NEAR_S = 1.0
"""The neighbourhood whose level counts, at either side."""
QUIET_DB = 25.0
"""A background this far below the loud parts of the sound is not heard beside them, and nothing is raised to it."""
LARGEST_RAISE_DB = 12.0
LEAST_LOUD_DB = -30.0
"""So loud a new sound may be in any take, however quiet that is: a bark in a silent street."""
PEAK_OVER_BLOCK_DB = 6.0
"""One short knock fills fewer than a tenth of the blocks; then its own block counts, this much under it."""
SILENT_DB = -100.0
RELEASE_S = 0.08

Range = tuple[int, int]
"""Samples [first, end)."""


def loud_db(sound: FloatArray, rate_hz: int) -> float:
    """How loud the loud parts of (S,) are: the level of the loudest tenth of blocks of 50 ms, in dB of full scale."""
    power = _block_power(sound, rate_hz)
    return _db(max(float(np.quantile(power, 0.9)), float(power.max()) * 10 ** (-PEAK_OVER_BLOCK_DB / 10)))


def behind_db(sound: FloatArray, rate_hz: int) -> float:
    """The level of what goes on behind the loud parts of (S,), in dB of full scale: a quarter of it is quieter."""
    return _db(float(np.quantile(_block_power(sound, rate_hz), 0.25)))


def _block_power(sound: FloatArray, rate_hz: int) -> npt.NDArray[np.float64]:
    block = max(1, min(len(sound), round(BLOCK_S * rate_hz)))
    whole = sound[: len(sound) // block * block].reshape(-1, block).astype(np.float64)
    return (whole**2).mean(axis=1) if len(whole) else np.zeros(1)


def _db(power: float) -> float:
    return 10 * math.log10(power + 10 ** (SILENT_DB / 10))


def fitting_gain_db(new: FloatArray, old: FloatArray, span: Range, rate_hz: int) -> float:
    """How much the new sound (S,) must be raised inside `span` to sit in the old one (S,).

    Its loud parts shall not be louder than those of the old sound, there or anywhere; what goes on behind them not
    quieter than at the quieter side of the span. Where both cannot be, the first is.
    """
    first, end = span
    near = round(NEAR_S * rate_hz)
    sides = [side for side in (old[max(0, first - near) : first], old[end : end + near]) if len(side)]
    loud = max(LEAST_LOUD_DB, *(loud_db(part, rate_hz) for part in (old, old[first:end], *sides)))
    behind = min((behind_db(side, rate_hz) for side in sides), default=SILENT_DB)
    piece = new[first:end]
    room = loud - loud_db(piece, rate_hz)
    lack = behind - behind_db(piece, rate_hz) if behind > loud - QUIET_DB else 0.0
    return min(room, max(0.0, min(lack, LARGEST_RAISE_DB)))


def fitted(new: Waveform, old: Waveform, spans: Sequence[Range]) -> Waveform:
    """`new` raised or lowered so that it sits in `old` at each span, its fades included; both (C, S) at one rate."""
    fade, result = round(FADE_S * old.rate_hz), new.samples.copy()
    mono_new, mono_old = new.samples.mean(axis=0), old.samples.mean(axis=0)  # (S,)
    for first, end in spans:
        gain_db = fitting_gain_db(mono_new, mono_old, (first, end), old.rate_hz)
        logger.debug("new sound at sample %d: %+.1f dB", first, gain_db)
        result[:, max(0, first - fade) : end + fade] *= np.float32(10 ** (gain_db / 20))
    return Waveform(result, new.rate_hz)


def ranges(spans_s: Sequence[tuple[Fraction, Fraction]], rate_hz: int) -> list[Range]:
    """The samples of spans in seconds, in order; spans whose fades would meet are one."""
    result: list[Range] = []
    for first_s, end_s in sorted(spans_s):
        first, end = samples(first_s, rate_hz), samples(end_s, rate_hz)
        if result and first - result[-1][1] <= 2 * round(FADE_S * rate_hz):
            result[-1] = result[-1][0], max(result[-1][1], end)
        else:
            result.append((first, end))
    return result


def spliced(old: Waveform, new: Waveform, spans: Sequence[Range]) -> Waveform:
    """`old` with `new` inside `spans`; both (C, S) at one rate. Outside the spans and their fades it is `old` exactly.

    The fades keep the power where the two have nothing in common and the amplitude where they are alike. Peaks of
    what is new are limited. Spans must be in order and at least two fades apart.
    """
    assert old.samples.shape == new.samples.shape, f"{new.samples.shape} cannot be set into {old.samples.shape}"
    assert old.rate_hz == new.rate_hz, f"{new.rate_hz} Hz cannot be set into {old.rate_hz} Hz"
    fade, count = round(FADE_S * old.rate_hz), old.samples.shape[1]
    result, new_share = old.samples.copy(), shares(spans, count, old.rate_hz)
    for first, end in spans:
        low, high = max(0, first - fade), min(count, end + fade)
        before, after = old.samples[:, low:high], new.samples[:, low:high]
        mixed = after.copy()  # (C, S')
        mixed[:, : first - low] = _faded(before[:, : first - low], after[:, : first - low])
        back = slice(end - low, high - low)
        mixed[:, back] = _faded(before[:, back][:, ::-1], after[:, back][:, ::-1])[:, ::-1]
        # Weighed like the new sound itself: a limiter works ahead, and must not reach out into the old.
        result[:, low:high] = mixed + new_share[low:high] * (limit(Waveform(mixed, old.rate_hz)).samples - mixed)
    return Waveform(result, old.rate_hz)


def shares(spans: Sequence[Range], count: int, rate_hz: int) -> FloatArray:
    """(S,) 1 inside the spans of a sound of `count` samples, 0 beyond their fades. Spans as for `spliced`."""
    fade = round(FADE_S * rate_hz)
    result = np.zeros(count, np.float32)
    for first, end in spans:
        low, high = max(0, first - fade), min(count, end + fade)
        result[low:first] = _ramp(first - low)
        result[first:end] = 1
        result[end:high] = _ramp(high - end)[::-1]
    return result


def _ramp(count: int) -> FloatArray:
    """(S,) from just over 0 to just under 1."""
    return ((np.arange(count) + 0.5) / max(1, count)).astype(np.float32)


def _faded(old: FloatArray, new: FloatArray) -> FloatArray:
    """From `old` to `new`, both (C, S)."""
    power = math.sqrt(float((old**2).sum()) * float((new**2).sum()))
    likeness = max(0.0, float((old * new).sum()) / power) if power > 0 else 0.0
    angle = _ramp(old.shape[1]) * np.float32(math.pi / 2)
    # cos and sin of one angle keep the power of two unlike sounds; of two alike they would add up to 3 dB too much.
    norm = np.sqrt(1 + likeness * np.sin(2 * angle))
    result: FloatArray = ((np.cos(angle) * old + np.sin(angle) * new) / norm).astype(np.float32)
    return result


def hushed(sound: FloatArray, rate_hz: int, spans_s: Sequence[tuple[float, float]]) -> FloatArray:
    """(S,) with nothing that begins within any of `spans_s`: there it gets no louder than it was just before.

    What went on before goes on, so a muted hit leaves no hole in the rain. After a span the level returns in RELEASE_S.
    """
    result = sound.copy()
    step = max(1, round(0.002 * rate_hz))
    for first_s, end_s in spans_s:
        first, end = round(first_s * rate_hz), min(len(sound), round(end_s * rate_hz))
        if end <= first:
            continue
        ground = sound[max(0, first - round(2 * BLOCK_S * rate_hz)) : first] if first else sound[:0]
        allowed = float(np.sqrt((ground.astype(np.float64) ** 2).mean())) if len(ground) else 0.0
        width = 4 * step
        power = np.pad(sound[first:end].astype(np.float64) ** 2, width, mode="edge")
        power = np.convolve(power, np.ones(width) / width)
        envelope = np.sqrt(power[width + width // 2 :][: end - first])  # (S',) level of 8 ms around each sample
        gain = np.minimum(1.0, allowed / np.maximum(envelope, 1e-9))
        release = min(end - first, round(RELEASE_S * rate_hz))
        back = _ramp(release)
        gain[end - first - release :] = gain[end - first - release :] * (1 - back) + back
        result[first:end] *= gain.astype(np.float32)
    return result


def silenced(sound: FloatArray, rate_hz: int, spans_s: Sequence[tuple[float, float]]) -> FloatArray:
    """(S,) faded to silence within `spans_s`, over FADE_S at the inner side of their ends."""
    result, fade = sound.copy(), round(FADE_S * rate_hz)
    for first_s, end_s in spans_s:
        first, end = round(first_s * rate_hz), min(len(sound), round(end_s * rate_hz))
        inside = np.arange(max(0, end - first))
        depth = np.minimum(inside + 1, inside[::-1] + 1) / max(1, fade)
        result[first:end] *= (1 - np.clip(depth, 0, 1)).astype(np.float32)
    return result
