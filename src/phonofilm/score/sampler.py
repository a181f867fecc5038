"""Notes played by a sound font: recordings at a pitch, looped, filtered, under an envelope, summed in stereo.

Every note of one key and one velocity band uses the same pitched recording, so it is made once at the longest length
wanted; a note is then a product with its envelope. Filters that move with the modulation envelope are made as a
cross-fade between the filter at its highest and at its resting place: two fixed filters instead of one per block.

Dimension letters: S samples, C = 2 channels.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from phonofilm.score.piece import Note
from phonofilm.score.soundfont import Envelope, SoundFont, Zone
from phonofilm.types import FloatArray

SILENT_DB = -80.0
"""A release is over when it has fallen this far."""
LONGEST_RELEASE_S = 4.0
SHORTEST_FADE_S = 0.004
"""Attack and release are never shorter: a step is a click."""
VELOCITY_BAND = 16
"""Velocities this near share a filter: 300 cents of its cutoff at most."""
OPEN_FILTER_HZ = 16000.0
"""A low pass above this is left out: nothing of the font's recordings lies there."""
CHOKE_S = 0.02


@dataclass(frozen=True)
class Voice:
    """One zone sounding for one note."""

    start: int
    gate: int
    count: int
    key: int
    velocity: int
    zone: Zone


def play(font: SoundFont, notes: Sequence[Note], programme: int, drums: bool, count: int, rate_hz: int) -> FloatArray:
    """The notes of one part, dry. Returns (2, S) float32 with S = `count`; what sounds beyond is cut off."""
    groups: dict[tuple[int, int, int], list[Voice]] = defaultdict(list)
    for note in notes:
        for zone in font.zones(programme, drums, note.pitch, note.velocity):
            voice = _voice(note, zone, count, rate_hz)
            if voice.count > 0:
                groups[(id(zone), note.pitch, note.velocity // VELOCITY_BAND)].append(voice)
    _choke(groups, rate_hz)
    out = np.zeros((2, count), np.float32)
    for voices in groups.values():
        zone = voices[0].zone
        longest = max(voice.count for voice in voices)
        raw = pitched(zone, voices[0].key, longest, rate_hz)  # (S,)
        band = max(voice.velocity for voice in voices)
        dark, bright = _filtered(raw, zone, band, rate_hz)
        side = (zone.pan + 1) * math.pi / 4
        weights = np.asarray([[math.cos(side)], [math.sin(side)]], np.float32) * np.float32(math.sqrt(2))
        for voice in voices:
            sound = _shaped(dark, bright, voice, rate_hz)
            end = min(count, voice.start + len(sound))
            out[:, voice.start : end] += weights * sound[: end - voice.start]  # (2, S)
    return out


def _voice(note: Note, zone: Zone, count: int, rate_hz: int) -> Voice:
    start = round(note.start_s * rate_hz)
    gate = max(1, round((note.end_s - note.start_s) * rate_hz))
    whole = gate + _release_samples(zone.volume, rate_hz)
    if zone.loop is None:
        ratio = _ratio(zone, note.pitch, rate_hz)
        whole = min(whole, int((len(zone.recording) - 4) / ratio))
    return Voice(max(0, start), gate, min(whole, count - start), note.pitch, note.velocity, zone)


def _release_samples(envelope: Envelope, rate_hz: int) -> int:
    # The specification's release time is for a fall of 100 dB.
    share = min(1.0, -SILENT_DB / 100)
    return round(min(LONGEST_RELEASE_S, max(SHORTEST_FADE_S, envelope.release_s * share)) * rate_hz)


def _choke(groups: dict[tuple[int, int, int], list[Voice]], rate_hz: int) -> None:
    """A voice of an exclusive class (an open hi-hat) ends when the next of its class begins."""
    classes: dict[int, list[int]] = defaultdict(list)
    for voices in groups.values():
        if voices[0].zone.choke:
            classes[voices[0].zone.choke] += [voice.start for voice in voices]
    fade = round(CHOKE_S * rate_hz)
    for voices in groups.values():
        starts = np.unique(classes.get(voices[0].zone.choke, []))
        for number, voice in enumerate(voices):
            later = starts[starts > voice.start]
            if len(later) and later[0] < voice.start + voice.count:
                length = int(later[0]) - voice.start
                voices[number] = Voice(
                    voice.start, min(voice.gate, length), length + fade, voice.key, voice.velocity, voice.zone
                )


def _ratio(zone: Zone, key: int, rate_hz: int) -> float:
    return float(2 ** ((key - zone.root_key) * zone.cents_per_key / 1200)) * zone.rate_hz / rate_hz


def pitched(zone: Zone, key: int, count: int, rate_hz: int) -> FloatArray:
    """A zone's recording at the pitch of a key, looped to length: (S,), S = `count` or what an unlooped one has.

    Points between samples by Catmull and Rom's cubic.
    """
    ratio = _ratio(zone, key, rate_hz)
    source = _unrolled(zone, math.ceil(count * ratio) + 4)
    count = min(count, max(0, int((len(source) - 4) / ratio)))
    position = np.arange(count) * ratio + 1
    index = position.astype(np.int64)
    t = (position - index).astype(np.float32)
    a, b, c, d = source[index - 1], source[index], source[index + 1], source[index + 2]  # (S,) each
    result: FloatArray = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return result


def _unrolled(zone: Zone, count: int) -> FloatArray:
    if zone.loop is None or count <= zone.loop[1]:
        return np.concatenate([zone.recording[:1], zone.recording[: count + 4]])
    first, end = zone.loop
    times = math.ceil((count - end) / (end - first)) + 1
    return np.concatenate([zone.recording[:1], zone.recording[:end], np.tile(zone.recording[first:end], times)])


def _filtered(raw: FloatArray, zone: Zone, velocity: int, rate_hz: int) -> tuple[FloatArray, FloatArray | None]:
    """The sound under the filter at rest, and at the peak of its envelope (None where the filter does not move)."""
    # Soft notes are darker. The specification (default modulator 8.4.2) says by 2400 cents at the softest; half of it
    # is what players of fonts have settled on, since many fonts were made on ones that had none.
    rest_hz = zone.cutoff_hz * 2 ** -(1 - velocity / 127)
    peak_hz = rest_hz * 2 ** (zone.cutoff_cents / 1200)
    rest = _low_pass(raw, rest_hz, zone.resonance_db, rate_hz)
    if abs(zone.cutoff_cents) < 50 or min(rest_hz, peak_hz) > OPEN_FILTER_HZ:
        return rest, None
    return rest, _low_pass(raw, peak_hz, zone.resonance_db, rate_hz)


def _low_pass(sound: FloatArray, cutoff_hz: float, resonance_db: float, rate_hz: int) -> FloatArray:
    """Two poles with resonance (R. Bristow-Johnson's cookbook low pass)."""
    if cutoff_hz >= OPEN_FILTER_HZ:
        return sound
    angle = 2 * math.pi * max(40.0, cutoff_hz) / rate_hz
    q = 10 ** ((resonance_db - 3.01) / 20)
    alpha = math.sin(angle) / (2 * q)
    cosine = math.cos(angle)
    feed = np.asarray([(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2], np.float32) / np.float32(1 + alpha)
    back = np.asarray([1 + alpha, -2 * cosine, 1 - alpha], np.float32) / np.float32(1 + alpha)
    # The specification lowers the whole by half of the resonance, so that a peak does not overload.
    gain = np.float32(10 ** (-resonance_db / 40))
    result: FloatArray = lfilter(feed * gain, back, sound)
    return result


def _shaped(dark: FloatArray, bright: FloatArray | None, voice: Voice, rate_hz: int) -> FloatArray:
    count = min(voice.count, len(dark))
    zone = voice.zone
    level = _volume(zone.volume, voice.gate, count, rate_hz)
    # Default modulator 8.4.1: concave, 40 dB per decade of velocity.
    level *= np.float32(zone.gain * (voice.velocity / 127) ** 2)
    if bright is None:
        return dark[:count] * level
    share = _linear(zone.brightness, count, rate_hz)
    return (dark[:count] + share * (bright[:count] - dark[:count])) * level


def _volume(envelope: Envelope, gate: int, count: int, rate_hz: int) -> FloatArray:
    """The volume envelope: attack in a straight line of amplitude, decay and release in straight lines of decibels."""
    attack = max(SHORTEST_FADE_S / 4, envelope.attack_s) * rate_hz
    hold = attack + envelope.hold_s * rate_hz
    decay_db = 100 / max(1.0, envelope.decay_s * rate_hz)
    sustain_db = -20 * math.log10(max(1e-5, envelope.sustain))
    time = np.arange(count, dtype=np.float32)
    fall_db = np.clip((time - np.float32(hold)) * np.float32(decay_db), 0, sustain_db)
    fall_db += np.maximum(time - gate, 0) * np.float32(
        100 / (max(SHORTEST_FADE_S, min(LONGEST_RELEASE_S, envelope.release_s)) * rate_hz)
    )
    level: FloatArray = np.exp(fall_db * np.float32(-math.log(10) / 20))
    rise = min(count, math.ceil(attack))
    level[:rise] *= time[:rise] / np.float32(attack)
    fade = min(count, round(SHORTEST_FADE_S * rate_hz))
    level[count - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return level


def _linear(envelope: Envelope, count: int, rate_hz: int) -> FloatArray:
    """The modulation envelope, 0..1, in straight lines."""
    peak = envelope.attack_s * rate_hz
    held = peak + envelope.hold_s * rate_hz
    fallen = held + max(1.0, envelope.decay_s * rate_hz * (1 - envelope.sustain))
    return np.interp(np.arange(count), [0, peak, held, fallen], [0, 1, 1, envelope.sustain]).astype(np.float32)
