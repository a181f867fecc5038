"""A piece made to sound: every part played by the sound font, seated, balanced, in a room, ending with the picture.

Dimension letters: C = 2 channels, S samples.
"""

import math
from pathlib import Path

import numpy as np

from phonofilm.score.piece import Part, Score
from phonofilm.score.room import panned, reverberate
from phonofilm.score.sampler import play
from phonofilm.score.soundfont import SoundFont, font_path, load_font
from phonofilm.timeline import samples
from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44_100
PEAK = 0.84
"""-1.5 dB under full scale: nothing clips, also between the samples."""
BLOCK_S = 0.1
LOUD_SHARE = 0.9
"""A part is as loud as its loud places: of blocks in which it plays, the one that this share lies below."""
EAR_HZ = 500.0
"""Where a part counts with its plain level; what lies lower counts for less and what lies higher for more."""
PART_LEVEL = 0.1
WET = 0.55
FADE_S = 0.5
"""The last of the ringing chord is faded over at most this, and over a quarter of it where it is short."""
SILENT = 1e-6


def render(score: Score, rate_hz: int = RATE_HZ, font: Path | None = None) -> Waveform:
    """The piece in stereo (2, S), S exactly the length of the picture, below full scale, silent at its last sample.

    font: a SoundFont 2 to play it with; None for the one that pretty_midi carries. Raises MissingExtraError when that
    is not installed, InputError when a font cannot be read.
    """
    players = load_font(font or font_path())
    count = samples(score.duration_s, rate_hz)
    dry, sent = np.zeros((2, count), np.float32), np.zeros((2, count), np.float32)
    for part in score.parts:
        sound = _part(players, part, count, rate_hz)
        dry += sound
        sent += np.float32(0.35 + 0.65 * part.distance) * sound
    wet = reverberate(sent, score.reverberation, rate_hz)
    mixed = dry + np.float32(WET * (0.35 + 0.65 * score.reverberation)) * wet
    mixed = _ended(mixed, score, rate_hz)
    peak = float(np.abs(mixed).max(initial=0.0))
    return Waveform(mixed * np.float32(PEAK / peak) if peak > SILENT else mixed, rate_hz)


def _part(players: SoundFont, part: Part, count: int, rate_hz: int) -> FloatArray:
    """One part (2, S): played, swelled, brought to its level, and in its seat."""
    sound = play(players, part.notes, part.programme, part.drums, count, rate_hz)
    if part.swell:
        times_s, gains = zip(*part.swell, strict=True)
        sound *= np.interp(np.arange(count) / rate_hz, times_s, gains).astype(np.float32)
    loud = _loudness(sound, rate_hz)
    if loud < SILENT:
        return sound
    # Its dynamics stay: a part whose notes are all soft stays softer than one that plays out.
    force = float(np.percentile([note.velocity for note in part.notes], 90)) / 100
    return panned(sound * np.float32(PART_LEVEL * part.gain * force / loud), part.place)


def _loudness(sound: FloatArray, rate_hz: int) -> float:
    """How loud a part is where it is loud: root mean square of blocks, without the lowest octaves."""
    block = round(BLOCK_S * rate_hz)
    middle = sound.mean(axis=0)
    count = len(middle) // block * block
    if not count:
        return float(np.sqrt(np.mean(middle**2)))
    # The difference of neighbours weighs by frequency, scaled here so that EAR_HZ stays as it is. The geometric mean
    # with the plain level has half of that slope: 3 dB an octave, which is about how the ear's lows fall off.
    change = np.diff(middle[: count + 1], append=middle[-1:])[:count] * np.float32(rate_hz / (2 * math.pi * EAR_HZ))
    power = (middle[:count].reshape(-1, block) ** 2).mean(axis=1) * (change.reshape(-1, block) ** 2).mean(axis=1)
    levels = power**0.25
    playing = levels[levels > 0.05 * levels.max(initial=0.0)]
    return float(np.quantile(playing, LOUD_SHARE)) if len(playing) else 0.0


def _ended(mixed: FloatArray, score: Score, rate_hz: int) -> FloatArray:
    """Faded out along a quarter of a cosine, so that the sound ends with the picture and not before it."""
    tail_s = float(score.duration_s) - score.tempo.final_s
    count = min(mixed.shape[1], max(1, round(min(FADE_S, tail_s / 4) * rate_hz)))
    mixed[:, -count:] *= np.cos(np.linspace(0, math.pi / 2, count)).astype(np.float32)
    return mixed
