"""The sound of a scene whose truth is known: every event and every stretch at its time, level and place.

The attack of an event is the first sample of its sound, so it lies within half a sample of the truth.

Dimension letters: S samples, N knots.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter, oaconvolve

from phonofilm.data.simulate import air, machines, strings, voices, water
from phonofilm.data.simulate.modal import DoubleArray, Hit, struck
from phonofilm.data.simulate.truth import CONTACTS, MATERIALS, Event, Stretch, Truth
from phonofilm.mix.spatial import WIDTH
from phonofilm.timeline import samples, seconds
from phonofilm.types import Waveform

if TYPE_CHECKING:
    from phonofilm.data.simulate.library import SoundLibrary

EVENT_LEVEL, EVENT_PEAK = 0.11, 0.7
"""Root mean square over LOUDNESS_S, and highest sample, of an event of strength 1; the lower of the two holds."""
LOUDNESS_S = 0.03
STRENGTH_POWER = 1.3
"""Loudness falls with strength to this power: half as strong is 8 dB softer."""
STRETCH_LEVEL, VOICE_LEVEL = 0.09, 0.1
"""Root mean square of a stretch of level 1, and of a voice."""
EDGE_S, LET_GO_S = 0.008, 0.02
EMBER, FAINT_CRACKLE = ("click", "wood"), 0.8
"""The snaps of a fire, where they are events; its loudest other crackle then (12 where they are not)."""
PEAK = 0.95
SIZES = 20
"""Sizes are told apart in steps of 1 / SIZES, so that things are built once and struck often."""
ROOM_SHARE = 0.4


def sound_of(
    truth: Truth, rate_hz: int = 44100, library: "SoundLibrary | None" = None, recorded_share: float = 0.5
) -> Waveform:
    """Everything that is heard in a scene, as stereo (2, S) of exactly the scene's length; peak at most 0.95.

    library: recordings that may stand in for physics; a source takes one with probability `recorded_share` where its
    labels fit. The same truth gives the same sound. The voice never comes from recordings.
    """
    count = samples(seconds(truth.duration_s), rate_hz)
    out = np.zeros((2, count))
    recorded = _Recorded(truth, library, recorded_share, rate_hz)
    _add_events(out, truth, recorded, rate_hz)
    _add_room(out, truth, rate_hz)
    for number, stretch in enumerate(truth.stretches):
        if stretch.what != "speech" or not truth.phonemes:
            told = stretch.what == "fire" and any((e.contact, e.material) == EMBER for e in truth.events)
            _add_stretch(out, stretch, told, recorded, _chance(truth, 2, number), rate_hz)
    _add_voice(out, truth, rate_hz)
    peak = float(np.abs(out).max(initial=0.0))
    return Waveform((out * min(1.0, PEAK / max(peak, PEAK))).astype(np.float32), rate_hz)


class _Recorded:
    """Which sources of a truth take a recording, decided once for each."""

    def __init__(self, truth: Truth, library: "SoundLibrary | None", share: float, rate_hz: int) -> None:
        self._truth, self._library, self._share, self._rate_hz = truth, library, share, rate_hz

    def blows(self, source: int) -> Hit | None:
        chance, labels = self._draw(source)
        if self._library is None or not labels:
            return None
        return self._library.blows(labels, chance, self._rate_hz)

    def texture(self, source: int, count: int) -> DoubleArray | None:
        chance, labels = self._draw(source)
        if self._library is None or not labels:
            return None
        return self._library.texture(labels, count, chance, self._rate_hz)

    def _draw(self, source: int) -> tuple[np.random.Generator, tuple[str, ...]]:
        """Chance for a source, and its labels; none where it is left to physics."""
        chance = _chance(self._truth, 0, source)
        labels = self._truth.labels[source] if 0 <= source < len(self._truth.labels) else ()
        return chance, labels if chance.random() < self._share else ()


def _chance(truth: Truth, *what: int) -> np.random.Generator:
    return np.random.default_rng([truth.seed % 2**63, *(part % 2**32 for part in what)])


def _add_events(out: DoubleArray, truth: Truth, recorded: _Recorded, rate_hz: int) -> None:
    """Adds every event to (2, S)."""
    hits: dict[tuple[object, ...], tuple[Hit, float]] = {}
    taken = {source: recorded.blows(source) for source in {event.source for event in truth.events}}
    for number, event in enumerate(truth.events):
        size = round(event.size * SIZES)
        stand_in = taken[event.source]
        key = (event.source,) if stand_in else (event.source, event.contact, event.material, size)
        if key not in hits:
            hit = stand_in or _made(event, size / SIZES, truth, rate_hz)
            hits[key] = hit, _gain(hit, rate_hz)
        hit, gain = hits[key]
        sound = gain * event.strength**STRENGTH_POWER * hit(event.strength, _chance(truth, 1, number))
        start = round(event.time_s * rate_hz)
        if stand_in:
            # The tail of a recording holds its room too: left on, it would hide the next blow of the same thing.
            following = [other.time_s for other in truth.events[number + 1 :] if other.source == event.source]
            sound = _let_go(sound, round(following[0] * rate_hz) - start if following else len(sound), rate_hz)
        left, right = _panned(np.asarray([event.place]))
        part = out[:, start : start + len(sound)]
        part += np.concatenate([left, right])[:, None] * sound[: part.shape[1]]


def _let_go(sound: DoubleArray, end: int, rate_hz: int) -> DoubleArray:
    """(S,) cut at sample `end`, faded out before it."""
    sound = sound[:end].copy()
    fade = min(len(sound), int(LET_GO_S * rate_hz))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade)
    return sound


def _made(event: Event, size: float, truth: Truth, rate_hz: int) -> Hit:
    """The thing that sounds, by physics; the same source, contact and material is always the same thing."""
    chance = _chance(truth, 3, event.source, CONTACTS.index(event.contact), MATERIALS.index(event.material))
    if event.contact == "pluck":
        return strings.plucked(size, chance, rate_hz)
    if event.contact == "drip":
        return water.dripping(size, chance, rate_hz)
    if event.contact == "burst":
        return air.bursting(size, chance, rate_hz)
    if event.material == "water":
        return water.splashing(size, chance, rate_hz)
    return struck(event.contact, event.material, size, chance, rate_hz)


def _gain(hit: Hit, rate_hz: int) -> float:
    """What brings a full blow to EVENT_LEVEL, heard without its rumble."""
    sound = hit(1.0, np.random.default_rng(0))
    heard = lfilter([0.97, -0.97], [1, -0.97], sound)  # (S,) a high-pass at 200 Hz
    window = max(1, int(LOUDNESS_S * rate_hz))
    power = np.convolve(heard[: 4 * window] ** 2, np.full(window, 1 / window))
    return float(min(EVENT_LEVEL / np.sqrt(power.max() + 1e-12), EVENT_PEAK / (np.abs(sound).max() + 1e-12)))


def _add_stretch(
    out: DoubleArray, stretch: Stretch, told: bool, recorded: _Recorded, chance: np.random.Generator, rate_hz: int
) -> None:
    """Adds a continuous sound to (2, S), from its start to its end and nowhere else.

    told: whether its crackles are events, so that it must have no other loud ones (no recording then: it would).
    """
    first = max(0, round(stretch.start_s * rate_hz))
    last = min(out.shape[1], round(stretch.end_s * rate_hz))
    if last - first < 2:
        return
    time_s = np.arange(first, last) / rate_hz
    levels, places = _knots(stretch.levels, time_s, 1.0).clip(0, 1), _knots(stretch.places, time_s, 0.0)
    texture = None if told or stretch.what == "speech" else recorded.texture(stretch.source, last - first)
    if texture is not None:
        sound = levels * texture
    elif told:
        sound = air.fire(levels, chance, rate_hz, FAINT_CRACKLE)
    else:
        sound = _going_on(stretch, levels, places, chance, rate_hz)
    edge = min(max(1, int(EDGE_S * rate_hz)), (last - first) // 2)
    ramp = np.linspace(0, 1, edge)
    sound[:edge] *= ramp
    sound[-edge:] *= ramp[::-1]
    loud = np.sqrt((sound**2).mean() / max(float((levels**2).mean()), 1e-9))
    left, right = _panned(places)
    out[:, first:last] += STRETCH_LEVEL / max(float(loud), 1e-9) * np.stack([left * sound, right * sound])


def _going_on(
    stretch: Stretch, levels: DoubleArray, places: DoubleArray, chance: np.random.Generator, rate_hz: int
) -> DoubleArray:
    """(S,) a continuous sound by physics."""
    plain = {
        "rain": water.rain,
        "waves": water.waves,
        "stream": water.stream,
        "underwater": water.underwater,
        "fire": air.fire,
        "wind": air.wind,
        "crowd": voices.crowd,
        "speech": voices.babble,
    }
    if stretch.what in plain:
        return plain[stretch.what](levels, chance, rate_hz)
    if stretch.what == "engine":
        return machines.engine(levels, places, stretch.rate_hz, chance, rate_hz)
    if stretch.what == "machine":
        return machines.machine(levels, stretch.rate_hz, chance, rate_hz)
    return air.friction(levels, stretch.rate_hz, chance, rate_hz)


def _add_voice(out: DoubleArray, truth: Truth, rate_hz: int) -> None:
    """Adds the phonemes to (2, S), with the level and place of the "speech" stretches where there are some."""
    if not truth.phonemes:
        return
    time_s = np.arange(out.shape[1]) / rate_hz
    levels, places = np.ones(len(time_s)), np.zeros(len(time_s))
    for stretch in truth.stretches:
        if stretch.what == "speech":
            inside = (time_s >= stretch.start_s) & (time_s < stretch.end_s)
            levels[inside] = _knots(stretch.levels, time_s[inside], 1.0)
            places[inside] = _knots(stretch.places, time_s[inside], 0.0)
    voice = voices.spoken(truth.phonemes, len(time_s), _chance(truth, 4), rate_hz)
    heard = voice[np.abs(voice) > 1e-4]
    loud = float(np.sqrt((heard**2).mean())) if len(heard) else 1.0
    left, right = _panned(places)
    out += VOICE_LEVEL / loud * levels * voice * np.stack([left, right])


def _add_room(out: DoubleArray, truth: Truth, rate_hz: int) -> None:
    """Adds early and late reflections to the events of some scenes; what is heard first stays the attack itself."""
    chance = _chance(truth, 5)
    if not truth.events or chance.random() >= ROOM_SHARE:
        return
    decay_s, level = chance.uniform(0.12, 0.5), chance.uniform(0.05, 0.25)
    count = int(decay_s * rate_hz)
    wait = int(chance.uniform(0.004, 0.015) * rate_hz)
    first = round(truth.events[0].time_s * rate_hz)
    for channel in out:
        tail = lfilter([0.5], [1, -0.5], chance.standard_normal(count)) * np.exp(-6.9 * np.arange(count) / count)
        tail *= level / np.sqrt((tail**2).sum())
        wet = oaconvolve(channel[first:], tail)
        channel[first + wait :] += wet[: max(0, len(channel) - first - wait)]


def _knots(knots: Sequence[tuple[float, float]], time_s: DoubleArray, otherwise: float) -> DoubleArray:
    """(S,) straight lines between (time, value) knots; the first and last value are held."""
    if not knots:
        return np.full(len(time_s), otherwise)
    return np.asarray(np.interp(time_s, *np.asarray(sorted(knots), np.float64).T), np.float64)


def _panned(places: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Gains of left and right, of constant power, as the mix places effects."""
    angle = (1 + WIDTH * places.clip(-1, 1)) * (np.pi / 4)
    return np.cos(angle), np.sin(angle)
