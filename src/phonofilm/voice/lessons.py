"""What a talking face with its own sound teaches: measures of the mouth beside the loudness of the voice.

Dimension letters: C channels, S samples, N points at 100 a second, F frames, M measures.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from phonofilm.errors import MediaError
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.frames import stream_frames
from phonofilm.types import ClipInfo, Waveform
from phonofilm.voice.lips import MouthWatcher

Floats = npt.NDArray[np.float64]
CURVE_HZ = 100
SPEECH_HZ = (200.0, 4000.0)
"""The band that carries words."""
LOUDNESS_HZ = 10.0
"""Syllables come up to eight a second; faster changes are the voice's pitch."""
RATE_HZ = 16_000
FULL = 99
"""Per cent: the loudness that counts as one."""
QUIETER_DB, FLOOR_DB = 30.0, 6.0
"""Speech is what is within 30 dB of the loudest and 6 dB above the quietest twentieth."""
GAP_S, SHORTEST_S = 0.3, 0.1
"""Pauses shorter than the one belong to speech; bursts shorter than the other do not."""
SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class Lesson:
    """One face: measures (F, M) at times_s (F,), loudness (N,) 0 to about 1, speaks (N,) bool."""

    times_s: Floats
    measures: Floats
    loudness: Floats
    speaks: npt.NDArray[np.bool_]


def lesson_of(clip: ClipInfo) -> Lesson:
    """The lesson of a clip with one talking face. Raises MediaError where there is no face or no sound in it."""
    sound = read_clip_audio(clip, RATE_HZ)
    watcher = MouthWatcher(clip.video)
    stream_frames(clip, [(watcher.request, watcher.add)])
    faces = watcher.measures()
    if sound is None or not faces:
        raise MediaError(f"{clip.path} lacks a face or its sound; give a clip of one talking face")
    times_s, measures = max(faces, key=lambda face: len(face[0]))
    return Lesson(times_s, measures, loudness(sound), voice_activity(sound))


def loudness(sound: Waveform) -> Floats:
    """(N,) amplitude of speech over time, of any number of channels, 1 at its loudest."""
    mono = sound.samples.astype(np.float64).mean(axis=0)  # (S,)
    band = sosfiltfilt(butter(2, SPEECH_HZ, "bandpass", fs=sound.rate_hz, output="sos"), mono)
    power = sosfiltfilt(butter(2, LOUDNESS_HZ, fs=sound.rate_hz, output="sos"), band**2)
    at = np.arange(0, len(mono), sound.rate_hz / CURVE_HZ).astype(int)
    curve = np.sqrt(np.maximum(power[at], 0.0))
    return np.asarray(curve / max(float(np.percentile(curve, FULL)), SMALLEST))


def voice_activity(sound: Waveform) -> npt.NDArray[np.bool_]:
    """(N,) where somebody speaks, judged by loudness alone."""
    level_db = 20 * np.log10(loudness(sound) + SMALLEST)
    speaks = level_db > max(-QUIETER_DB, float(np.percentile(level_db, 5)) + FLOOR_DB)
    for wanted, longest_s in ((False, GAP_S), (True, SHORTEST_S)):
        edges = np.flatnonzero(np.diff(np.concatenate([[not wanted], speaks, [not wanted]])))
        for first, last in edges.reshape(-1, 2):
            inner = wanted or (first > 0 and last < len(speaks))
            if inner and last - first < longest_s * CURVE_HZ:
                speaks[first:last] = not wanted
    return speaks
