"""Recordings that stand in for physics: single blows cut out of them, and textures made to last.

Dimension letters: S samples.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy.ndimage import uniform_filter1d

from phonofilm.codec.onsets import detect_onsets
from phonofilm.data.manifest import RATE_HZ, Recording, read_index
from phonofilm.data.scenes import cut_events, fade
from phonofilm.data.simulate.modal import DoubleArray, Hit
from phonofilm.media.audio import read_audio
from phonofilm.types import FloatArray

LONGEST_BLOW_S = 2.0
LEAD_S = 0.002
"""What stands before the attack of a cut blow is faded in over this time."""
PITCH_OCTAVES = 0.2
"""Two things that take the same recording are told apart by pitch, at most this much up or down."""
STEADY_S = 0.8
STEADY_DB = 14.0
CROSS_S = 0.3


@dataclass(frozen=True)
class Blow:
    """A cut blow, mono (S,) at 44.1 kHz, and the sample at which it is heard to begin."""

    sound: FloatArray
    attack: int


class SoundLibrary:
    """The recordings of a folder with an `index.tsv`, but for those held out, found by their labels.

    Raises InputError when the index is missing or lacks a column.
    """

    def __init__(self, folder: Path, cached: int = 48) -> None:
        self._by_label: dict[str, list[Recording]] = {}
        self._cached = cached
        self._waves: OrderedDict[Path, FloatArray] = OrderedDict()
        self._blows: OrderedDict[Path, tuple[Blow, ...]] = OrderedDict()
        for recording in read_index(folder):
            if not recording.held_out and recording.category != "speech":
                self._by_label.setdefault(recording.label, []).append(recording)

    def fits(self, labels: tuple[str, ...]) -> bool:
        """Whether there is a recording for one of the labels."""
        return any(label in self._by_label for label in labels)

    def pick(self, labels: tuple[str, ...], chance: np.random.Generator) -> Recording | None:
        """One recording of one of the labels, each label as likely as the others; None when there is none."""
        known = [label for label in labels if label in self._by_label]
        if not known:
            return None
        recordings = self._by_label[known[int(chance.integers(len(known)))]]
        return recordings[int(chance.integers(len(recordings)))]

    def blows(self, labels: tuple[str, ...], chance: np.random.Generator, rate_hz: int) -> Hit | None:
        """A source whose blows are those of one recording, attack at sample 0; None when no label fits.

        Weaker blows are softer, and duller by a first-order filter, as a softer blow is.
        """
        recording = self.pick(labels, chance)
        blows = self._cut(recording) if recording is not None else ()
        if not blows:
            return None
        speed = 2 ** chance.uniform(-PITCH_OCTAVES, PITCH_OCTAVES)
        sounds = [_from_attack(blow, speed, rate_hz) for blow in blows]

        def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
            sound = sounds[int(chance.integers(len(sounds)))]
            share = 0.35 + 0.65 * strength
            return np.asarray(share * sound + (1 - share) * 0.5 * (sound + np.append(0.0, sound[:-1])), np.float64)

        return hit

    def texture(
        self, labels: tuple[str, ...], count: int, chance: np.random.Generator, rate_hz: int
    ) -> DoubleArray | None:
        """(S,) one recording for `count` samples, its own slow swells evened out; None when no label fits."""
        recording = self.pick(labels, chance)
        wave = self._wave(recording) if recording is not None else np.zeros(0, np.float32)
        if len(wave) < RATE_HZ // 2:
            return None
        if rate_hz != RATE_HZ:
            wave = np.asarray(soxr.resample(wave, RATE_HZ, rate_hz), np.float32)
        return _lasting(_steadied(wave.astype(np.float64), rate_hz), count, chance, rate_hz)

    def _wave(self, recording: Recording) -> FloatArray:
        """(S,) mono at 44.1 kHz; the last few are kept."""
        if recording.path not in self._waves:
            self._waves[recording.path] = read_audio(recording.path, RATE_HZ).samples.mean(axis=0)
            if len(self._waves) > self._cached:
                self._waves.popitem(last=False)
        self._waves.move_to_end(recording.path)
        return self._waves[recording.path]

    def _cut(self, recording: Recording) -> tuple[Blow, ...]:
        if recording.path not in self._blows:
            pieces = cut_events(self._wave(recording))
            blows = [blow for blow in map(_found, pieces) if blow is not None]
            loudest = max((float(np.abs(blow.sound).max()) for blow in blows), default=0.0)
            # Faint leftovers between two blows (a hand let go, a squeak) are no blows of the same thing.
            kept = tuple(blow for blow in blows if float(np.abs(blow.sound).max()) > 0.3 * loudest)
            self._blows[recording.path] = kept
            if len(self._blows) > self._cached:
                self._blows.popitem(last=False)
        self._blows.move_to_end(recording.path)
        return self._blows[recording.path]


def _found(piece: FloatArray) -> Blow | None:
    """The first blow of a piece, its attack measured; None where nothing begins in it, or what begins comes late."""
    lead = RATE_HZ // 10
    times_s, _ = detect_onsets(np.concatenate([np.zeros(lead, np.float32), piece]), RATE_HZ)
    if not len(times_s):
        return None
    attack, *others = (max(0, round(float(time_s) * RATE_HZ) - lead) for time_s in times_s)
    end = min([attack + int(LONGEST_BLOW_S * RATE_HZ), *(other - RATE_HZ // 200 for other in others)])
    return Blow(piece[:end], attack) if attack < RATE_HZ // 20 else None


def _from_attack(blow: Blow, speed: float, rate_hz: int) -> DoubleArray:
    """(S,) the blow at another rate and pitch, beginning with its attack."""
    lead = min(blow.attack, int(LEAD_S * RATE_HZ))
    sound = blow.sound[blow.attack - lead :].copy()
    sound[:lead] = 0
    sound = soxr.resample(fade(sound)[lead:], RATE_HZ * speed, rate_hz)
    return np.asarray(sound / max(float(np.abs(sound).max(initial=0.0)), 1e-6), np.float64)


def _steadied(wave: DoubleArray, rate_hz: int) -> DoubleArray:
    """(S,) with its slow swells evened out, for the scene has its own; power 1."""
    power = uniform_filter1d(wave**2, max(1, int(STEADY_S * rate_hz)), mode="nearest").clip(0)
    middle = float(np.median(power)) + 1e-12
    swell = np.sqrt(power / middle).clip(10 ** (-STEADY_DB / 20), 10 ** (STEADY_DB / 20))
    even = wave / swell
    return np.asarray(even / np.sqrt((even**2).mean() + 1e-12), np.float64)


def _lasting(wave: DoubleArray, count: int, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) repeated with cross-fades of constant power until it lasts `count` samples, from a random place on."""
    cross = min(int(CROSS_S * rate_hz), len(wave) // 4)
    turn = int(chance.integers(len(wave)))
    ramp = np.sqrt(np.linspace(0, 1, cross))
    body = wave[: len(wave) - cross].copy()
    body[:cross] = body[:cross] * ramp + wave[len(wave) - cross :] * ramp[::-1]
    return np.asarray(np.resize(np.roll(body, -turn), count), np.float64)
