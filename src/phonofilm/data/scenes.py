"""Training examples laid out from recordings: hits on a timeline, beds of ambience, and mixtures of two.

The recordings are short and mostly single sounds. A film wants the same hammer to strike twelve times at given moments,
over rain, and nothing at all while it rests. So an example is composed: one recording (or the single events cut out of
it) is placed on a random pattern, perhaps over a second sound or a bed of ambience, with small changes of speed,
colour, room and level from example to example.

Dimension letters: S samples.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import fftconvolve, lfilter

from phonofilm.codec.onsets import detect_onsets
from phonofilm.data.captions import LabelCaptions
from phonofilm.data.manifest import RATE_HZ, Recording, SampleStore
from phonofilm.data.things import even_shares, shares
from phonofilm.errors import InputError
from phonofilm.types import FloatArray

FADE_SAMPLES = 441
LEVEL_DBFS = -20.0
"""Every example has this active level, give or take LEVEL_SPREAD_DB: the network need not learn loudness, which the mix
sets afterwards."""
LEVEL_SPREAD_DB = 2.0
PEAK = 0.95


@dataclass(frozen=True)
class SceneMix:
    """How often the composer does what; shares of all examples.

    bed: a lower ambience under something that strikes; what does not strike gets a second sound instead. unstruck: a
    thing that strikes is named and rests all the time.
    """

    second_sound: float
    bed: float
    unstruck: float
    room: float
    colour: float
    cut_events: float
    near_silence: float


MINI_SCENES = SceneMix(
    second_sound=0.15, bed=0.2, unstruck=0.04, room=0.25, colour=0.5, cut_events=0.5, near_silence=0.01
)
ROOM_TONE_DBFS = (-75.0, -55.0)
"""Level of a quiet room, so that "nothing strikes" is not digital silence."""
TYPED = {"typing on a keyboard": ("mechanical keyboard key press", "mechanical keyboard key release")}
"""Labels of many small blows, and those under which the single blows were recorded, one by one and by the hundred."""
TYPED_SHARE, TYPED_PIECES = 0.8, 12
STRUCK_KINDS = ("event", "events")
GAP_DB = 15.0
"""Two hits of a recording are parted where the level falls this far below the second one's peak before it."""
GAP_S = 0.03


class Composer:
    """Makes examples; holds the recordings by label and nothing that changes.

    even: labels are met by how much of each there is, whatever films mostly want. Raises InputError when no recording
    may be learnt from.
    """

    def __init__(
        self,
        recordings: list[Recording],
        store: SampleStore,
        captions: dict[str, LabelCaptions],
        mix: SceneMix,
        *,
        even: bool = False,
    ) -> None:
        self.store, self.mix, self.captions = store, mix, captions
        self.by_label: dict[str, list[int]] = {}
        for index, recording in enumerate(recordings):
            # Speech is left out on purpose: a model that has never heard a voice cannot babble.
            if not recording.held_out and captions[recording.label].kind != "speech":
                self.by_label.setdefault(recording.label, []).append(index)
        if not self.by_label:
            raise InputError("all recordings are speech or held out for measuring; give some to learn from")
        self.labels = sorted(self.by_label)
        counts = np.asarray([len(self.by_label[label]) for label in self.labels], np.float64)
        tier = np.asarray([min(recordings[i].tier for i in self.by_label[label]) for label in self.labels])
        seconds = np.asarray([sum(store.spans[i].count for i in self.by_label[label]) for label in self.labels])
        if even:
            self.weight = even_shares(counts, seconds / RATE_HZ)
        else:
            self.weight = shares(self.labels, counts, seconds / RATE_HZ, tier)
        textures = np.asarray([captions[label].kind == "texture" for label in self.labels])
        self.bed_weight = self.weight * textures / max((self.weight * textures).sum(), 1e-12)

    def compose(self, length: int, generator: np.random.Generator) -> tuple[FloatArray, tuple[str, ...]]:
        """One example: (S,) float32 with S = length, and the labels of what is heard in it, loudest first."""
        label = self._draw_label(self.weight, generator)
        labels = [label]
        struck = self.captions[label].kind in STRUCK_KINDS
        unstruck = struck and generator.random() < self.mix.unstruck
        sound = room_tone(length, generator) if unstruck else level(self.layer(label, length, generator))
        chance = generator.random()
        if chance < self.mix.bed and struck and self.bed_weight.any():
            labels.append(self._draw_label(self.bed_weight, generator))
            # 6 to 20 dB under the hits: it is heard between them.
            gap_db = generator.uniform(6, 20)
        elif chance < self.mix.bed + self.mix.second_sound:
            labels.append(self._draw_label(self.weight, generator))
            # Up to 12 dB apart: one leads, the other can still be named by a listener.
            gap_db = generator.uniform(0, 12)
        if len(labels) == 2 and labels[1] != label:
            sound = sound + np.float32(10 ** (-gap_db / 20)) * level(self.layer(labels[1], length, generator))
        labels = list(dict.fromkeys(labels))
        if generator.random() < self.mix.room:
            sound = add_room(sound, generator)
        if generator.random() < self.mix.near_silence:
            return room_tone(length, generator), ()
        if unstruck and len(labels) == 1:
            return sound, tuple(labels)
        offset_db = generator.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB)
        sound = level(sound) * np.float32(10 ** (offset_db / 20))
        return (sound * min(1.0, PEAK / max(float(np.abs(sound).max()), 1e-6))).astype(np.float32), tuple(labels)

    def _draw_label(self, weight: npt.NDArray[np.float64], generator: np.random.Generator) -> str:
        return self.labels[int(generator.choice(len(self.labels), p=weight))]

    def layer(self, label: str, length: int, generator: np.random.Generator) -> FloatArray:
        """(S,) one sound source over the whole example."""
        if label in TYPED and generator.random() < TYPED_SHARE:
            keys = [index for single in TYPED[label] for index in self.by_label.get(single, [])]
            if keys:
                chosen = [self.store.samples(int(index)) for index in generator.choice(keys, TYPED_PIECES)]
                return place_hits(chosen, length, generator, typing_times(length, generator))
        index = int(generator.choice(self.by_label[label]))
        kind = self.captions[label].kind
        wave = self.store.samples(index)
        if generator.random() < 0.6:
            speed = 2 ** generator.uniform(-0.25, 0.25)
            wave = soxr.resample(wave, RATE_HZ, RATE_HZ / speed, quality="MQ").astype(np.float32)
        if generator.random() < self.mix.colour:
            wave = colour(wave, generator)
        if len(wave) == 0:
            return np.zeros(length, np.float32)
        long = len(wave) > length // 3
        if kind == "event" and not long:
            return place_hits([wave], length, generator)
        if kind == "events" and generator.random() < self.mix.cut_events:
            pieces = cut_events(wave)
            if pieces:
                return place_hits(pieces, length, generator)
        if kind == "texture":
            return loop(wave, length, generator)
        return place_once(wave, length, generator)


def room_tone(length: int, generator: np.random.Generator) -> FloatArray:
    """(S,) the faint, dark noise of a room in which nothing happens."""
    tone = lfilter([0.1], [1, -0.9], generator.standard_normal(length))
    wanted = 10 ** (generator.uniform(*ROOM_TONE_DBFS) / 20)
    result: FloatArray = (tone * (wanted / np.sqrt((tone**2).mean() + 1e-12))).astype(np.float32)
    return result


def level(sound: FloatArray) -> FloatArray:
    """Scale so that the active parts (the loudest fifth of 50 ms blocks) have a level of LEVEL_DBFS."""
    block = RATE_HZ // 20
    power = (sound[: len(sound) // block * block].reshape(-1, block) ** 2).mean(axis=1)  # (S / block,)
    active = float(np.sqrt(np.quantile(power, 0.9) + 1e-12)) if power.size else 0.0
    loudest = float(np.sqrt(power.max(initial=0.0)))
    # One short knock in eight seconds fills fewer than a tenth of the blocks: then its own block counts.
    reference = max(active, loudest / 2, 1e-4)
    return (sound * (10 ** (LEVEL_DBFS / 20) / reference)).astype(np.float32)


def colour(wave: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Tilt the spectrum by a first-order shelf of at most ±6 dB, as another microphone would."""
    corner = np.exp(-2 * np.pi * generator.uniform(300, 4000) / RATE_HZ)
    low = lfilter([1 - corner], [1, -corner], wave)
    gain = 10 ** (generator.uniform(-6, 6) / 20)
    result: FloatArray = (low + gain * (wave - low)).astype(np.float32)
    return result


def add_room(sound: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Add a little room: noise that decays exponentially, reverberation time 0.15 to 0.9 s (Moorer 1979)."""
    decay_s = generator.uniform(0.15, 0.9)
    count = int(decay_s * RATE_HZ)
    tail = generator.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    tail *= generator.uniform(0.1, 0.5) / np.sqrt((tail**2).sum())
    wet = fftconvolve(sound, lfilter([0.4], [1, -0.6], tail))[: len(sound)]
    result: FloatArray = (sound + wet).astype(np.float32)
    return result


def fade(wave: FloatArray) -> FloatArray:
    """Fade out the last 10 ms, so that a cut piece ends without a click."""
    out = wave.copy()
    count = min(FADE_SAMPLES, len(out))
    out[len(out) - count :] *= np.linspace(1, 0, count, dtype=np.float32)
    return out


def cut_events(wave: FloatArray) -> list[FloatArray]:
    """The single events of a recording that holds several: from just before each attack to just before the next.

    An attack out of a sound that goes on (the second half of a sneeze, a crow's second syllable) begins no new event.
    """
    times, strengths = detect_onsets(wave, RATE_HZ)
    gap, reach = int(GAP_S * RATE_HZ), int(0.1 * RATE_HZ)
    starts = []
    for time_s, strength in zip(times, strengths, strict=True):
        start = max(0, int(time_s * RATE_HZ) - FADE_SAMPLES)
        before, after = wave[max(0, start - gap) : start], wave[start : start + reach]
        quiet = not len(before) or np.abs(before).max() < 10 ** (-GAP_DB / 20) * np.abs(after).max(initial=1e-9)
        if strength > 0.3 and quiet:
            starts.append(start)
    pieces = []
    for start, end in pairwise([*starts, len(wave)]):
        piece = wave[start : min(end, start + 2 * RATE_HZ)]
        if len(piece) > RATE_HZ // 12 and float(np.abs(piece).max()) > 0.02:
            pieces.append(fade(piece))
    return pieces


def hit_times(length: int, generator: np.random.Generator) -> list[int]:
    """A random pattern of hits in samples: steady, swinging, or scattered; from one hit to about six a second."""
    style = generator.random()
    if style < 0.2:
        return sorted(int(x) for x in generator.uniform(0, length * 0.95, generator.integers(1, 4)))
    gap = RATE_HZ * 2 ** generator.uniform(-2.6, 1.0)
    jitter = generator.choice([0.02, 0.15, 0.6])
    times, now = [], generator.uniform(0, 1.5) * gap
    while now < length * 0.98:
        if generator.random() > 0.08:
            times.append(int(now))
        now += max(gap * (1 + jitter * generator.standard_normal()), RATE_HZ * 0.09)
        if generator.random() < 0.04:
            now += RATE_HZ * generator.uniform(0.5, 2.0)
    return times


def typing_times(length: int, generator: np.random.Generator) -> list[int]:
    """Strokes of keys in samples: four to nine a second, words of two to nine strokes, and rests for thought."""
    gap = RATE_HZ / generator.uniform(4, 9)
    times, now = [], generator.uniform(0, RATE_HZ)
    while now < length * 0.98:
        for _ in range(generator.integers(2, 10)):
            times.append(int(now))
            now += gap * np.exp(0.3 * generator.standard_normal())
        now += gap * generator.uniform(0.3, 1.5) if generator.random() < 0.85 else RATE_HZ * generator.uniform(0.5, 2)
    return [time for time in times if time < length]


def place_hits(
    pieces: list[FloatArray], length: int, generator: np.random.Generator, times: list[int] | None = None
) -> FloatArray:
    """The same object heard again and again: its pieces at `times` or on a random pattern, each a
    little different in level."""
    out = np.zeros(length, np.float32)
    spread_db = generator.choice([1.0, 4.0, 8.0])
    overlap = generator.random() < 0.5
    times = hit_times(length, generator) if times is None else times
    for start, following in pairwise([*times, length]):
        piece = pieces[int(generator.integers(len(pieces)))]
        if not overlap and following - start < len(piece):
            piece = fade(piece[: following - start])
        part = out[start : start + len(piece)]
        part += piece[: len(part)] * np.float32(10 ** (-abs(generator.normal(0, spread_db)) / 20))
    return out


def loop(wave: FloatArray, length: int, generator: np.random.Generator) -> FloatArray:
    """A continuous sound for the whole example, with cross-faded repeats where the recording is shorter."""
    cross = min(RATE_HZ // 4, len(wave) // 4)
    ramp = np.sqrt(np.linspace(0, 1, cross, dtype=np.float32))
    start = int(generator.integers(0, max(1, len(wave) - length + 1)))
    out = wave[start : start + length].copy()
    while len(out) < length:
        joined = out[len(out) - cross :] * ramp[::-1] + wave[:cross] * ramp
        out = np.concatenate([out[: len(out) - cross], joined, wave[cross:]]) if cross else np.tile(out, 2)
    out = out[:length]
    if generator.random() < 0.3:
        # Swells and pauses: the activity curve must mean something for continuous sounds too.
        knots = generator.uniform(0.02, 1.0, 6) ** 2
        out = out * np.interp(np.arange(length), np.linspace(0, length, 6), knots).astype(np.float32)
    return out


def place_once(wave: FloatArray, length: int, generator: np.random.Generator) -> FloatArray:
    """The recording as it is, somewhere in the example; short ones may come again after a pause."""
    out = np.zeros(length, np.float32)
    if len(wave) >= length:
        start = int(generator.integers(0, len(wave) - length + 1))
        return wave[start : start + length].copy()
    now = int(generator.integers(0, length - len(wave) + 1)) if generator.random() < 0.5 else 0
    while now < length:
        part = out[now : now + len(wave)]
        part += wave[: len(part)]
        now += len(wave) + int(RATE_HZ * generator.uniform(0.05, 1.5))
        if generator.random() < 0.3:
            break
    return out
