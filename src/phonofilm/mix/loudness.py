"""Loudness and peaks of finished sound (ITU-R BS.1770-4, EBU R 128).

Dimension letters: C channels, S samples.
"""

import logging
import math

import numpy as np
import pyloudnorm
import soxr
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

from phonofilm.types import FloatArray, Waveform

logger = logging.getLogger(__name__)

TRUE_PEAK_DB = -1.0
"""EBU R 128 s1 and the streaming services: headroom for lossy codecs."""
LARGEST_GAIN_DB = 30.0
"""More would turn the noise floor of a nearly silent take into a hiss."""
SHORTEST_S = 0.4
"""One gating block of BS.1770; anything shorter is measured padded with silence, as a block."""
LARGEST_LIMITING_DB = 9.0
"""Above this the attacks of single hits lose their edge."""
LOOKAHEAD_S = 0.003
RELEASE_S = 0.060
OVERSAMPLING = 4
PIECE_SAMPLES = 1 << 19
OFFSET_HZ = 16.0
"""The lowest note of the largest organs; what lies below is felt in buildings, not played by loudspeakers."""


def integrated_lufs(waveform: Waveform) -> float:
    """Integrated loudness in LUFS; -inf for silence."""
    samples = waveform.samples
    short = math.ceil(SHORTEST_S * waveform.rate_hz) + 1 - samples.shape[1]
    if short > 0:
        samples = np.pad(samples, ((0, 0), (0, short)))
    if not np.any(samples):
        return -math.inf
    meter = pyloudnorm.Meter(waveform.rate_hz)
    # Every block of a nearly silent file can fall under the absolute gate; pyloudnorm then takes log of zero.
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(meter.integrated_loudness(samples.T.astype(np.float64)))
    return value if math.isfinite(value) else -math.inf


def true_peak(waveform: Waveform) -> float:
    """The highest absolute value, between samples too, by fourfold oversampling (BS.1770-4 annex 2), full scale 1."""
    return float(_peak_envelope(waveform).max(initial=0.0))


def _peak_envelope(waveform: Waveform) -> FloatArray:
    """(S,) the highest absolute value of any channel in the neighbourhood of each sample, between samples too."""
    count = waveform.samples.shape[1]
    if not count:
        return np.zeros(0, np.float32)
    rate, channels = waveform.rate_hz, waveform.channels
    envelope: FloatArray = np.abs(waveform.samples).max(axis=0, initial=0.0).astype(np.float32)
    # Piece by piece: the oversampled sound of a quarter of an hour would fill gigabytes.
    stream = soxr.ResampleStream(rate, rate * OVERSAMPLING, channels, dtype="float32", quality="HQ")
    done, left = 0, np.zeros(0, np.float32)
    for first in range(0, count, PIECE_SAMPLES):
        end = min(first + PIECE_SAMPLES, count)
        part = np.ascontiguousarray(waveform.samples[:, first:end].T)  # (S', C)
        fine = stream.resample_chunk(part, last=end == count)  # (4 S'', C)
        highest = np.concatenate([left, np.abs(fine).max(axis=1, initial=0.0)])
        whole = min(len(highest) // OVERSAMPLING, count - done)
        peaks = highest[: whole * OVERSAMPLING].reshape(whole, OVERSAMPLING).max(axis=1, initial=0.0)
        np.maximum(envelope[done : done + whole], peaks, out=envelope[done : done + whole])
        done, left = done + whole, highest[whole * OVERSAMPLING :]
    if done < count:
        envelope[done] = max(envelope[done], left.max(initial=0.0))
    return envelope


def without_offset(wave: FloatArray, rate_hz: int) -> FloatArray:
    """(S,) → (S,): nothing below what is heard. A vocoder's lowest band drifts, which eats headroom and clicks at cuts.

    A Butterworth high-pass of second order at OFFSET_HZ: 0.3 dB are lost at 30 Hz.
    """
    sections = butter(2, OFFSET_HZ, "highpass", fs=rate_hz, output="sos")
    return np.asarray(sosfilt(sections, wave), np.float32)


def normalise(waveform: Waveform, target_lufs: float, true_peak_db: float = TRUE_PEAK_DB) -> Waveform:
    """The same sound at an integrated loudness of `target_lufs`, its true peak held under `true_peak_db`.

    Silence stays silence, and nothing is raised by more than LARGEST_GAIN_DB. Short hits cannot be as loud as the
    target without crushing them: their peaks are limited by at most what the look-ahead limiter does without being
    heard, so such a take stays below the target.
    """
    envelope = _peak_envelope(waveform)  # (S,), for both: peaks between samples take longest to find
    gain_db = _gain_db(waveform, float(envelope.max(initial=0.0)), target_lufs, true_peak_db)
    gain = np.float32(10 ** (gain_db / 20))
    return _under(Waveform(waveform.samples * gain, waveform.rate_hz), envelope * gain, true_peak_db)


def normalising_gain_db(waveform: Waveform, target_lufs: float, true_peak_db: float = TRUE_PEAK_DB) -> float:
    """What `normalise` raises a sound by before its peaks are limited, dB."""
    return _gain_db(waveform, true_peak(waveform), target_lufs, true_peak_db)


def _gain_db(waveform: Waveform, peak: float, target_lufs: float, true_peak_db: float) -> float:
    loudness = integrated_lufs(waveform)
    if loudness == -math.inf:
        return 0.0
    gain_db = min(target_lufs - loudness, LARGEST_GAIN_DB)
    peak_db = 20 * math.log10(max(peak, 1e-9))
    gain_db = min(gain_db, true_peak_db - peak_db + LARGEST_LIMITING_DB)
    logger.debug("loudness %.1f LUFS, gain %.1f dB", loudness, gain_db)
    return gain_db


def as_loud(waveform: Waveform, other: Waveform) -> Waveform:
    """The same sound at the integrated loudness of another; silence, here or there, changes nothing."""
    wanted, here = integrated_lufs(other), integrated_lufs(waveform)
    if -math.inf in (wanted, here):
        return waveform
    return Waveform(waveform.samples * np.float32(10 ** ((wanted - here) / 20)), waveform.rate_hz)


def limit(waveform: Waveform, true_peak_db: float = TRUE_PEAK_DB) -> Waveform:
    """A look-ahead peak limiter, the channels linked, so that places do not move.

    The gain falls over LOOKAHEAD_S before a peak and recovers over RELEASE_S; sound under the ceiling is untouched.
    """
    return _under(waveform, _peak_envelope(waveform), true_peak_db)


def _under(waveform: Waveform, envelope: FloatArray, true_peak_db: float) -> Waveform:
    gain = _limiting_gain(envelope, waveform.rate_hz, true_peak_db)
    return waveform if gain is None else Waveform((waveform.samples * gain).astype(np.float32), waveform.rate_hz)


def limiting_gain(waveform: Waveform, true_peak_db: float = TRUE_PEAK_DB) -> FloatArray | None:
    """(S,) what `limit` multiplies with; None where nothing is over the ceiling."""
    return _limiting_gain(_peak_envelope(waveform), waveform.rate_hz, true_peak_db)


def _limiting_gain(envelope: FloatArray, rate_hz: int, true_peak_db: float) -> FloatArray | None:
    """envelope: (S,) of the sound, see `_peak_envelope`."""
    ceiling = 10 ** (true_peak_db / 20)
    if float(envelope.max(initial=0.0)) <= ceiling:
        return None
    # A little under the ceiling: a gain that moves makes new peaks between samples.
    needed = np.minimum(1.0, 0.985 * ceiling / np.maximum(envelope, 1e-9))  # (S,)
    ahead = max(1, round(LOOKAHEAD_S * rate_hz))
    held = minimum_filter1d(needed, 2 * ahead + 1, mode="nearest")
    released = _release(held, math.exp(-1 / (RELEASE_S * rate_hz)))
    # The mean of gains that are each low enough for the peak in the middle is low enough too.
    return np.asarray(uniform_filter1d(released, 2 * ahead + 1, mode="nearest"), np.float32)


def _release(gain: FloatArray, keep: float) -> FloatArray:
    """Slow every rise of the gain to an exponential with factor `keep` a sample; falls stay as they are."""
    reduction = 1 - gain
    out = np.empty_like(reduction)
    # The envelope max(x[n], keep * y[n-1]) in closed form: a running maximum of x[n] / keep^n, block by block so that
    # keep^n stays in range.
    block = max(1, int(200 / -math.log(keep))) if keep < 1 else len(reduction)
    last = 0.0
    for first in range(0, len(reduction), block):
        part = reduction[first : first + block].astype(np.float64)
        decay = keep ** np.arange(1, len(part) + 1)
        risen = np.maximum.accumulate(np.maximum(part / decay, last)) * decay
        out[first : first + len(part)] = risen
        last = float(risen[-1])
    return (1 - out).astype(np.float32)
