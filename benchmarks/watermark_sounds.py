"""Sounds to mark, made from a seed: eight kinds, from dense to sparse, and takes of Phonofilm itself.

C channels, S samples
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from phonofilm.types import FloatArray, Waveform

Samples = npt.NDArray[np.float64]
Kind = Callable[[np.random.Generator, int, int], Samples]
PROMPTS = (
    "footsteps on gravel",
    "heavy rain on a tin roof",
    "glass breaking",
    "birds singing in a forest",
    "a dog barking",
    "a car engine idling",
    "waves on a beach",
    "a hammer hitting metal",
)


def coloured(
    generator: np.random.Generator, count: int, rate_hz: int, slope: float, lowest_hz: float = 30.0
) -> Samples:
    """(S,) noise whose power goes with frequency to the power of `slope` (0 white, -1 pink), of unit power."""
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / rate_hz), lowest_hz)
    out = np.fft.irfft(spectrum * frequency ** (slope / 2), count)
    return np.asarray(out / (out.std() + 1e-12))


def room(generator: np.random.Generator, rate_hz: int, decay_s: float, wet: float = 0.5) -> Samples:
    """(S,) an impulse response: the direct sound, and a tail `wet` times as large that loses 60 dB in `decay_s`."""
    count = int(1.2 * decay_s * rate_hz)
    tail = generator.standard_normal(count) * 10 ** (-3 * np.arange(count) / (decay_s * rate_hz))
    tail = lfilter(*butter(2, min(6000, 0.45 * rate_hz), fs=rate_hz), tail)
    tail *= wet / np.sqrt((tail**2).sum() + 1e-12)
    tail[0] += 1
    return np.asarray(tail)


def rain(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """A wash that swells, and drops."""
    seconds = max(3, count // rate_hz + 2)
    swell = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, seconds), generator.uniform(0.6, 1.4, seconds))
    drops = np.zeros(count)
    drops[generator.integers(0, count, 60 * seconds)] = 3 * generator.standard_normal(60 * seconds)
    drops = sosfilt(butter(2, (2000, min(9000, 0.45 * rate_hz)), "bandpass", fs=rate_hz, output="sos"), drops)
    left = coloured(generator, count, rate_hz, -0.6)
    return np.stack(
        [left * swell + drops, (0.5 * left + 0.85 * coloured(generator, count, rate_hz, -0.6)) * swell + drops]
    )


def steps(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Footsteps in a room, all but silent between them."""
    dry = np.zeros(count)
    for begin in np.arange(0.2, count / rate_hz - 0.05, 0.55) + generator.uniform(-0.04, 0.04):
        at = int(begin * rate_hz)
        time = np.arange(min(count - at, rate_hz // 5)) / rate_hz
        heel = coloured(generator, len(time), rate_hz, -1.5) * np.exp(-time / 0.025)
        dry[at : at + len(time)] += heel + 0.6 * np.sin(2 * np.pi * 110 * time) * np.exp(-time / 0.04)
    return _wide(fftconvolve(dry, room(generator, rate_hz, 0.4))[:count])


def impacts(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Struck metal and wood, one a second, with digital silence between."""
    out = np.zeros(count)
    for at in range(rate_hz // 4, count, rate_hz):
        time = np.arange(min(count - at, rate_hz // 2)) / rate_hz
        modes = generator.uniform(300, 8000, 8)
        ring = sum(np.sin(2 * np.pi * mode * time) * np.exp(-time * mode / 60) for mode in modes)
        click = generator.standard_normal(len(time)) * np.exp(-time / 0.004)
        out[at : at + len(time)] += ring + 2 * click
    return _wide(np.where(np.abs(out) > 1e-4, out, 0.0))


def chords(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Held chords in a hall."""
    out = np.zeros(count)
    for number, at in enumerate(range(0, count, int(1.8 * rate_hz))):
        time = np.arange(min(count - at, int(2.2 * rate_hz))) / rate_hz
        for interval in (0, 7, 12, 16, 19):
            pitch = 110 * 2 ** ((interval + (0, -4, 3, -2)[number % 4]) / 12)
            partials = (
                np.sin(2 * np.pi * pitch * k * time + generator.uniform(0, 6))
                * k**-1.2
                * np.exp(-time * (0.3 + 0.2 * k))
                for k in range(1, 13)
            )
            out[at : at + len(time)] += sum(partials) * (1 - np.exp(-time / 0.01))
    return _wide(fftconvolve(out, room(generator, rate_hz, 1.2))[:count]) + 0.01 * coloured(
        generator, count, rate_hz, -1
    )


def plucks(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Plucked strings (Karplus and Strong 1983) and a beat."""
    out = np.zeros(count)
    for number, at in enumerate(range(0, count, rate_hz // 4)):
        period = int(rate_hz / (220 * 2 ** (generator.choice((0, 2, 4, 7, 9, 12)) / 12)))
        burst = np.zeros(min(count - at, rate_hz))
        burst[:period] = generator.standard_normal(period)[: len(burst)]
        loop = np.zeros(period + 2)
        loop[0], loop[period:] = 1, -0.498
        out[at : at + len(burst)] += lfilter([1.0], loop, burst)
        if number % 2:
            time = np.arange(min(count - at, rate_hz // 10)) / rate_hz
            out[at : at + len(time)] += 1.5 * generator.standard_normal(len(time)) * np.exp(-time / 0.02)
    return _wide(out)


def speech(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """A voice that says nothing: pulses through wandering formants, hisses, pauses between phrases."""
    times = np.arange(count) / rate_hz
    syllables = int(4 * count / rate_hz) + 2
    grid = np.linspace(0, count / rate_hz, syllables)
    pitch = 120 * 2 ** np.interp(times, grid, generator.uniform(-0.3, 0.4, syllables))
    turns = np.cumsum(pitch) / rate_hz
    source = np.diff(np.floor(turns), prepend=0.0) + 0.03 * generator.standard_normal(count)
    out = np.zeros(count)
    size = rate_hz // 4
    fade = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    for at in range(0, count - size, size // 2):
        if at % (3 * rate_hz) > 2.4 * rate_hz:
            continue
        voiced = generator.random() < 0.8
        piece = source[at : at + size] if voiced else 0.05 * generator.standard_normal(size)
        centres = (generator.uniform(280, 850), generator.uniform(900, 2300), 2700.0) if voiced else (5500.0,)
        heard = sum(_resonance(piece, centre, rate_hz) for centre in centres)
        out[at : at + size] += heard * fade * generator.uniform(0.3, 1.0)
    return _wide(fftconvolve(out, room(generator, rate_hz, 0.25))[:count]) + 3e-4 * coloured(
        generator, count, rate_hz, -1
    )


def engine(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """A motor that speeds up and slows down."""
    pace = 45 + 25 * np.interp(np.linspace(0, 5, count), np.arange(6), generator.random(6))
    turns = 2 * np.pi * np.cumsum(pace) / rate_hz
    tone = sum(k**-0.8 * np.sin(k * turns + generator.uniform(0, 6)) for k in range(1, 40))
    return np.stack([tone + 0.5 * coloured(generator, count, rate_hz, -1.2) for _ in range(2)])


def birds(generator: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Chirps in the open, over a little wind."""
    out = np.zeros(count)
    begin = 0.1
    while begin < count / rate_hz - 0.2:
        length = int(generator.uniform(0.04, 0.12) * rate_hz)
        sweep = np.linspace(*generator.uniform(2500, 6000, 2), length)
        chirp = np.sin(2 * np.pi * np.cumsum(sweep) / rate_hz) * np.sin(np.pi * np.arange(length) / length) ** 2
        at = int(begin * rate_hz)
        out[at : at + length] += chirp * generator.uniform(0.3, 1)
        begin += generator.choice((0.13, 0.15, 0.6))
    wind = 0.03 * np.stack([coloured(generator, count, rate_hz, -1.4) for _ in range(2)])
    return _wide(fftconvolve(out, room(generator, rate_hz, 0.6))[:count]) + wind


KINDS: dict[str, Kind] = {kind.__name__: kind for kind in (rain, steps, impacts, chords, plucks, speech, engine, birds)}


def _wide(mono: Samples) -> Samples:
    side = 0.3 * np.roll(mono, 13)
    return np.stack([mono + side, mono - side])


def _resonance(sound: Samples, centre_hz: float, rate_hz: int) -> Samples:
    band = (0.9 * centre_hz, min(1.1 * centre_hz, 0.49 * rate_hz))
    return np.asarray(sosfilt(butter(1, band, "bandpass", fs=rate_hz, output="sos"), sound))


def make(kind: str, seconds: float, rate_hz: int, seed: int) -> Waveform:
    """A stereo sound of a kind, its peak 1 to 8 dB below full scale."""
    generator = np.random.default_rng([seed, *kind.encode()])
    samples = KINDS[kind](generator, round(seconds * rate_hz), rate_hz)
    peak = 10 ** (-generator.uniform(1, 8) / 20)
    return Waveform((samples / np.abs(samples).max() * peak).astype(np.float32), rate_hz)


def takes(seconds: float, model: str = "mini") -> dict[str, Waveform]:
    """What a model makes of a few prompts, as it is before the mark."""
    from phonofilm.pipeline import Phonofilm

    heard: list[Waveform] = []

    class Unmarked(Phonofilm):
        """Keeps what the last step before the mark hands on."""

        def _level(self, *args: object) -> Waveform:
            heard.append(super()._level(*args))
            return heard[-1]

    film = Unmarked.load(model)
    with TemporaryDirectory() as folder:
        for prompt in PROMPTS:
            film.make(prompt, Path(folder) / "take.wav", seconds=seconds, credentials="off")
    return {f"take: {prompt}": sound for prompt, sound in zip(PROMPTS, heard, strict=True)}


def middle(sound: Waveform, seconds: float) -> FloatArray:
    """(C, S) the middle of a sound, no more than `seconds` of it."""
    count = min(sound.samples.shape[1], round(seconds * sound.rate_hz))
    first = (sound.samples.shape[1] - count) // 2
    return np.ascontiguousarray(sound.samples[:, first : first + count])
