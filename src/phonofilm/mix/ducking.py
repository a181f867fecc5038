"""Making room: music and effects step back for words, music for hits.

As a re-recording mixer rides the faders: down a moment before a word and only as far as that word needs, held through
the pauses within a phrase, back up slowly. Gains are curves over time, to be multiplied with the sound.

Dimension letters: C channels, S samples, F frames of 10 ms.
"""

import itertools
import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

from phonofilm.types import FloatArray, Waveform

FRAME_S = 0.010
SPEECH_BAND_HZ = (300.0, 4000.0)
"""Where words are understood; a rumble below may stay."""
CLEAR_DB = 10.0
"""Words are followed without effort when they lie so far above the rest in that band."""
DEEPEST_DB = 15.0
"""More is heard as a hole."""
SPEAKING_DB = 35.0
"""Frames less than this below the loudest are speech; what is fainter is breath and room."""
PHRASE_PAUSE_S = 0.6
"""Pauses shorter than this are within a phrase."""
LOOK_AHEAD_S = 0.20
"""The way down is over when the word begins."""
RELEASE_S = 0.80
LEVEL_WINDOW_S = 0.4
"""Speech is as loud as its syllables are on average, not as its gaps."""
HIT_DB = 9.0
"""A hit stands out of the half second around it by at least this."""
HIT_DIP_DB = 4.0
HIT_LEAD_S, HIT_HOLD_S, HIT_RELEASE_S = 0.02, 0.08, 0.30
HIT_LEVEL_DB = -12.0
"""A hit further below the music than this would not be heard even so, and gets no dip."""
FLOOR = 1e-10

DoubleArray = npt.NDArray[np.float64]


def under_words(bed: Waveform, dialogue: Waveform) -> FloatArray:
    """(S,) gain for a bed of music or effects under dialogue; 1 throughout where nobody speaks.

    Both (C, S) at one rate and length.
    """
    words_db, bed_db = _band_db(dialogue), _band_db(bed)  # (F,)
    speaking = words_db > max(words_db.max(initial=-200.0) - SPEAKING_DB, 10 * math.log10(FLOOR) + SPEAKING_DB)
    if not speaking.any():
        return np.ones(bed.samples.shape[1], np.float32)
    frames = round(LEVEL_WINDOW_S / FRAME_S)
    level_db = _mean_where(words_db, speaking, frames)
    need_db = np.clip(maximum_filter1d(_mean_db(bed_db, frames), frames) - level_db + CLEAR_DB, 0, DEEPEST_DB)
    depth_db = np.where(speaking, need_db, 0.0)
    for first, end in _phrases(speaking):
        depth_db[first:end] = depth_db[first:end].max()
    return _curve(_ridden(depth_db, LOOK_AHEAD_S, RELEASE_S), bed)


def under_hits(music: Waveform, effects: Waveform) -> FloatArray:
    """(S,) gain for music at the hits of the effects: short dips of up to HIT_DIP_DB. Both (C, S), alike."""
    hits_db, music_db = _level_db(effects), _level_db(music)  # (F,)
    around_db = _mean_db(hits_db, round(0.5 / FRAME_S))
    loud = hits_db > max(hits_db.max(initial=-200.0) - SPEAKING_DB, 10 * math.log10(FLOOR) + SPEAKING_DB)
    hit = loud & (hits_db - around_db > HIT_DB) & (hits_db - music_db > HIT_LEVEL_DB)
    hold = max(1, round(HIT_HOLD_S / FRAME_S))
    depth_db = np.zeros(len(hit))
    for frame in np.flatnonzero(hit):
        depth_db[frame : frame + hold] = HIT_DIP_DB
    return _curve(_ridden(depth_db, HIT_LEAD_S, HIT_RELEASE_S), music)


def _band_db(sound: Waveform) -> DoubleArray:
    """(F,) level in the speech band."""
    high = min(SPEECH_BAND_HZ[1], 0.45 * sound.rate_hz)
    sections = butter(2, (SPEECH_BAND_HZ[0], high), "bandpass", fs=sound.rate_hz, output="sos")
    return _level_db(Waveform(np.asarray(sosfilt(sections, sound.samples, axis=1), np.float32), sound.rate_hz))


def _level_db(sound: Waveform) -> DoubleArray:
    """(F,) level of each frame; the power of the channels is added."""
    frame = max(1, round(FRAME_S * sound.rate_hz))
    power = (sound.samples.astype(np.float64) ** 2).sum(0)
    power = np.pad(power, (0, -len(power) % frame)).reshape(-1, frame).mean(1)
    return np.asarray(10 * np.log10(power + FLOOR))


def _mean_db(level_db: DoubleArray, frames: int) -> DoubleArray:
    """(F,) level of the mean power over `frames`."""
    power = uniform_filter1d(10 ** (level_db / 10), min(frames, len(level_db)), mode="nearest")
    return np.asarray(10 * np.log10(np.maximum(power, FLOOR)))


def _mean_where(level_db: DoubleArray, where: npt.NDArray[np.bool_], frames: int) -> DoubleArray:
    """(F,) level of the mean power of those of the `frames` around that are `where`."""
    power = uniform_filter1d(10 ** (level_db / 10) * where, min(frames, len(where)), mode="nearest")
    share = uniform_filter1d(where.astype(np.float64), min(frames, len(where)), mode="nearest")
    return np.asarray(10 * np.log10(np.maximum(power, FLOOR) / np.maximum(share, 1 / max(1, frames))))


def _phrases(speaking: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Frames [first, end) of speech with no pause of PHRASE_PAUSE_S in it."""
    found: list[tuple[int, int]] = []
    for frame in np.flatnonzero(speaking):
        if found and frame - found[-1][1] < PHRASE_PAUSE_S / FRAME_S:
            found[-1] = found[-1][0], int(frame) + 1
        else:
            found.append((int(frame), int(frame) + 1))
    return found


def _ridden(depth_db: DoubleArray, ahead_s: float, release_s: float) -> DoubleArray:
    """(F,) the depth, reached by a smooth way down that is over where it begins, and given up over release_s."""
    curve = depth_db.copy()
    for first, end in _steps(depth_db):
        depth = depth_db[first]
        down, up = max(1, round(ahead_s / FRAME_S)), max(1, round(release_s / FRAME_S))
        before = np.arange(max(0, first - down), first)
        after = np.arange(end, min(len(curve), end + up))
        curve[before] = np.maximum(curve[before], depth * _ease((before - first + down) / down))
        curve[after] = np.maximum(curve[after], depth * _ease((end + up - after - 1) / up))
    return curve


def _steps(depth_db: DoubleArray) -> list[tuple[int, int]]:
    """Frames [first, end) of constant depth above 0."""
    edges = [0, *(np.flatnonzero(np.diff(depth_db)) + 1), len(depth_db)]
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges) if b > a and depth_db[a] > 0]


def _ease(place: DoubleArray) -> DoubleArray:
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0, 1)))


def _curve(depth_db: DoubleArray, sound: Waveform) -> FloatArray:
    """(S,) gain from the depth of each frame (F,)."""
    frame = max(1, round(FRAME_S * sound.rate_hz))
    at = np.arange(sound.samples.shape[1])
    fine_db = np.interp(at, (np.arange(len(depth_db)) + 0.5) * frame, depth_db)
    return np.asarray(10 ** (-fine_db / 20), np.float32)
