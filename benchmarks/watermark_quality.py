"""How much a sound was changed: signal to noise, segmental, and noise to mask after an ear model.

The ear model is the FFT-based one of ITU-R BS.1387-1 without its smearing over time: 2048-point Hann frames, half
overlapping, outer and middle ear, quarter-Bark bands, spreading whose upper slope follows the level, addition with an
exponent of 0.4, a mask 3 dB below the excitation up to 12 Bark and lower above. Full scale stands for 92 dB.

    C channels, S samples, M frames, F bins, B bands
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from phonofilm.media.audio import resample
from phonofilm.types import FloatArray, Waveform

Values = npt.NDArray[np.float64]
FRAME = 2048
STANDARD_HZ = 48_000
"""The only rate BS.1387 knows: at others a frame lasts longer or shorter than its 43 ms."""
FULL_SCALE_DB = 92.0
LOWEST_HZ, HIGHEST_HZ = 80.0, 18000.0
BANDS_PER_BARK = 4
LOWER_SLOPE_DB = 27.0
"""Spreading towards lower bands, for each Bark."""
ADDITION = 0.4
SEGMENT_S = 0.02
ACTIVE_DB = 60.0
"""Segments this far below the loudest do not count."""
FRAMES_AT_ONCE = 64
NOTHING_DB = -99.0


@dataclass(frozen=True)
class Quality:
    """snr_db: over all. segmental_db: mean over segments, each held between -10 and 80 dB. nmr_db: mean noise to mask.

    worst_db: the frame with the most. disturbed: share of frames in which a band passes +1.5 dB.
    """

    snr_db: float
    segmental_db: float
    nmr_db: float
    worst_db: float
    disturbed: float


def quality(before: FloatArray, after: FloatArray, rate_hz: int) -> Quality:
    """Of two sounds (C, S) alike in length. Higher rates than that of the ear model are brought down to it first."""
    if rate_hz > STANDARD_HZ:
        before, after = (resample(Waveform(x, rate_hz), STANDARD_HZ).samples for x in (before, after))
        rate_hz = STANDARD_HZ
    noise = after.astype(np.float64) - before
    ratios = noise_to_mask(before.astype(np.float64), noise, rate_hz)  # (M, B)
    snr = 10 * np.log10((before.astype(np.float64) ** 2).sum() / ((noise**2).sum() + 1e-20) + 1e-20)
    segmental = _segmental_db(before.astype(np.float64), noise, round(SEGMENT_S * rate_hz))
    if not len(ratios):
        return Quality(float(snr), segmental, NOTHING_DB, NOTHING_DB, 0.0)
    frames = ratios.mean(1) + 1e-12
    return Quality(
        float(snr),
        segmental,
        float(10 * np.log10(frames.mean())),
        float(10 * np.log10(frames.max())),
        float((ratios.max(1) > 10**0.15).mean()),
    )


def _segmental_db(before: Values, noise: Values, size: int) -> float:
    count = before.shape[1] // size
    power, error = ((x[:, : count * size] ** 2).reshape(len(x), count, size).sum((0, 2)) for x in (before, noise))
    active = power > power.max(initial=0.0) * 10 ** (-ACTIVE_DB / 10)
    if not active.any():
        return 80.0
    return float(np.clip(10 * np.log10(power[active] / (error[active] + 1e-20)), -10, 80).mean())


@dataclass(frozen=True)
class _Ear:
    weight: Values  # (F,) amplitude
    bands: Values  # (F, B)
    centres_hz: Values  # (B,)
    bark: Values  # (B,) from the lowest band on
    inner_noise: Values  # (B,) power


@lru_cache(maxsize=4)
def _ear(rate_hz: int) -> _Ear:
    frequency = np.fft.rfftfreq(FRAME, 1 / rate_hz)
    kilo = np.maximum(frequency, 10) / 1000
    weight_db = -0.6 * 3.64 * kilo**-0.8 + 6.5 * np.exp(-0.6 * (kilo - 3.3) ** 2) - 1e-3 * kilo**3.6
    low, high = (7 * np.arcsinh(edge / 650) for edge in (LOWEST_HZ, min(HIGHEST_HZ, rate_hz / 2)))
    count = int((high - low) * BANDS_PER_BARK)
    bark = (np.arange(count) + 0.5) / BANDS_PER_BARK
    centres = 650 * np.sinh((bark + low) / 7)
    place = np.floor((7 * np.arcsinh(frequency / 650) - low) * BANDS_PER_BARK)
    bands = (place[:, None] == np.arange(count)).astype(np.float64)
    for empty in np.flatnonzero(bands.sum(0) == 0):  # narrower than a bin: half of the nearest
        bands[np.abs(frequency - centres[empty]).argmin(), empty] = 0.5
    full_scale = 10 ** (FULL_SCALE_DB / 20) / (FRAME / 4)
    inner = 10 ** (0.4 * 0.364 * (centres / 1000) ** -0.8)
    return _Ear(10 ** (weight_db / 20) * full_scale, bands, centres, bark, inner)


def noise_to_mask(before: Values, noise: Values, rate_hz: int) -> Values:
    """(M, B) power of the noise over the mask, of the frames of all channels in which anything is heard."""
    ear = _ear(rate_hz)
    window = np.hanning(FRAME) * np.sqrt(8 / 3)
    starts = np.arange(0, before.shape[1] - FRAME + 1, FRAME // 2)
    found = [np.zeros((0, len(ear.bark)))]
    for channel in range(len(before)):
        for some in np.array_split(starts, len(starts) // FRAMES_AT_ONCE + 1):
            at = some[:, None] + np.arange(FRAME)
            heard, error = (_excited(x[channel][at] * window, ear) for x in (before, noise))  # (M, B) each
            heard += ear.inner_noise
            active = (heard.sum(1) >= 10 * ear.inner_noise.sum()) | (error.sum(1) >= ear.inner_noise.sum())
            found.append(error[active] / _mask(heard[active], ear))
    return np.concatenate(found)


def _excited(frames: Values, ear: _Ear) -> Values:
    return np.asarray(np.abs(np.fft.rfft(frames) * ear.weight) ** 2 @ ear.bands)


def _mask(heard: Values, ear: _Ear) -> Values:
    """(M, B) from the power in the bands, (M, B)."""
    upper = np.minimum(-24 - 230 / ear.centres_hz + 2 * np.log10(heard), -4.0)  # (M, B) dB a Bark
    away = ear.bark[None, :] - ear.bark[:, None]  # (B, B) from row to column
    slope_db = np.where(away >= 0, upper[:, :, None] * away, LOWER_SLOPE_DB * away)  # (M, B, B)
    share = 10 ** (slope_db / 10)
    share = (share / share.sum(2, keepdims=True)) ** ADDITION
    spread = np.einsum("mb,mbc->mc", heard**ADDITION, share) ** (1 / ADDITION)
    alone = share.sum(1) ** (1 / ADDITION)
    below_db = np.where(ear.bark <= 12, 3.0, 0.25 * ear.bark)
    return np.maximum(spread / alone / 10 ** (below_db / 10), ear.inner_noise)
