"""What is done to marked sounds: one row for each way in which sound is changed on its way through the world.

Everything runs in this process: codecs and filters by PyAV, the rest by NumPy, SciPy and SoXR. Sound is rounded to 16
bits before and after each attack, as files are. An attack takes a sound and a generator and gives a sound.

    C channels, S samples
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from itertools import pairwise

import av
import av.filter
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from scipy.signal import butter, fftconvolve, firwin, firwin2, istft, sosfilt, stft
from watermark_sounds import coloured, make, room

from phonofilm.media.audio import resample, sound_frames
from phonofilm.types import Waveform

Samples = npt.NDArray[np.float64]
Attack = Callable[[Waveform, np.random.Generator], Waveform]
FILTER_TAPS = 4095
"""Steep: 100 dB down within 70 Hz at 44.1 kHz, so that nothing is left outside of the band."""
WORDS = (
    "Good morning, and thank you all for coming. The ferry leaves at half past nine from the second pier, so please "
    "keep your tickets ready. There is coffee upstairs, the wind is light today, and we should see the lighthouse "
    "before noon. Children stay with their parents on deck, and nobody feeds the gulls."
)
OCTAVES_HZ = 31.25 * 2.0 ** np.arange(10)


def sixteen_bits(sound: Waveform, bits: int = 16) -> Waveform:
    """Clipped at full scale and rounded."""
    steps = 2.0 ** (bits - 1)
    return Waveform(
        (np.clip(np.round(sound.samples * steps), -steps, steps - 1) / steps).astype(np.float32), sound.rate_hz
    )


def _sound(samples: npt.NDArray[np.floating], rate_hz: int) -> Waveform:
    return Waveform(np.ascontiguousarray(samples, np.float32), rate_hz)


def samples(change: Callable[[Samples, int, np.random.Generator], npt.NDArray[np.floating]]) -> Attack:
    """A change of the samples (C, S) that keeps the rate."""
    return lambda sound, generator: _sound(
        change(sound.samples.astype(np.float64), sound.rate_hz, generator), sound.rate_hz
    )


def chain(*attacks: Attack) -> Attack:
    """One after the other."""

    def run(sound: Waveform, generator: np.random.Generator) -> Waveform:
        for attack in attacks:
            sound = sixteen_bits(attack(sound, generator))
        return sound

    return run


# Codecs and filters


@dataclass(frozen=True)
class Codec:
    """Encodes and decodes. rate_hz: what the encoder works at, by default the sound's own rate."""

    name: str
    container: str
    kbits: int
    mono: bool = False
    rate_hz: int | None = None

    def __call__(self, sound: Waveform, generator: np.random.Generator) -> Waveform:
        if self.mono:
            sound = _sound(sound.samples.mean(0, keepdims=True), sound.rate_hz)
        wanted = self.rate_hz or sound.rate_hz
        rates = av.Codec(self.name, "w").audio_rates or [wanted]
        inner = resample(sound, wanted if wanted in rates else max(rates))
        file = BytesIO()
        with av.open(file, "w", format=self.container) as container:
            stream = container.add_stream(self.name, rate=inner.rate_hz, layout=_layout(inner))
            stream.bit_rate = 1000 * self.kbits
            for frame in _in_format(inner, stream.codec_context.format.name, stream.codec_context.frame_size or 1024):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        file.seek(0)
        return resample(_decoded(file, inner.rate_hz), wanted)


def _layout(sound: Waveform) -> str:
    return "mono" if sound.channels == 1 else "stereo"


def _in_format(sound: Waveform, name: str, size: int) -> list[av.AudioFrame]:
    resampler = av.AudioResampler(format=name, layout=_layout(sound), rate=sound.rate_hz, frame_size=size)
    frames = [out for frame in sound_frames(sound, size) for out in resampler.resample(frame)]
    return frames + resampler.resample(None)


def _decoded(file: BytesIO, rate_hz: int) -> Waveform:
    with av.open(file) as container:
        resampler = av.AudioResampler(format="fltp", rate=rate_hz)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return _sound(np.concatenate([frame.to_ndarray() for frame in frames], 1), rate_hz)


def by_soundfile(container: str, subtype: str, rate_hz: int | None = None, mono: bool = False, **how: float) -> Attack:
    """What FFmpeg's wheel cannot encode: Vorbis and GSM."""

    def run(sound: Waveform, generator: np.random.Generator) -> Waveform:
        inner = resample(sound, rate_hz or sound.rate_hz).samples
        file = BytesIO()
        soundfile.write(
            file, (inner.mean(0) if mono else inner.T), rate_hz or sound.rate_hz, subtype, format=container, **how
        )
        file.seek(0)
        decoded, rate = soundfile.read(file, always_2d=True)
        return _sound(decoded.T, rate)

    return run


def filtered(*steps: tuple[str, str]) -> Attack:
    """Through FFmpeg's filters, (name, options) each."""

    def run(sound: Waveform, generator: np.random.Generator) -> Waveform:
        graph = av.filter.Graph()
        nodes = [
            graph.add_abuffer(
                sample_rate=sound.rate_hz, format="fltp", layout=_layout(sound), time_base=Fraction(1, sound.rate_hz)
            )
        ]
        nodes += [graph.add(name, options) for name, options in steps]
        nodes += [
            graph.add("aformat", f"sample_fmts=fltp:sample_rates={sound.rate_hz}:channel_layouts={_layout(sound)}")
        ]
        nodes += [graph.add("abuffersink")]
        for first, second in pairwise(nodes):
            first.link_to(second)
        graph.configure()
        out = []
        for frame in [*sound_frames(sound, 4096), None]:
            nodes[0].push(frame)
            while True:
                try:
                    out.append(nodes[-1].pull().to_ndarray())
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
        return _sound(np.concatenate(out, 1), sound.rate_hz)

    return run


def mp3(kbits: int, mono: bool = False) -> Codec:
    return Codec("libmp3lame", "mp3", kbits, mono)


def aac(kbits: int) -> Codec:
    return Codec("aac", "adts", kbits)


def opus(kbits: int, mono: bool = False, rate_hz: int | None = None) -> Codec:
    return Codec("libopus", "ogg", kbits, mono, rate_hz)


# Time, pitch and rate


def through(rate_hz: int, back: bool = True) -> Attack:
    """At another rate, and back."""
    return lambda sound, _: (
        resample(sixteen_bits(resample(sound, rate_hz)), sound.rate_hz) if back else resample(sound, rate_hz)
    )


def speed(factor: float) -> Attack:
    """Tempo and pitch together, as a tape would."""
    return samples(lambda x, rate_hz, _: soxr.resample(x.T, rate_hz * factor, rate_hz).T)


def tempo(factor: float) -> Attack:
    """Faster at the same pitch (by waveform overlap and add)."""
    return filtered(("atempo", str(factor)))


def pitch(semitones: float) -> Attack:
    """Higher at the same tempo."""
    factor = 2 ** (semitones / 12)
    return chain(speed(factor), filtered(("atempo", str(1 / factor))))


def wow(amount: float) -> Attack:
    """The speed wanders by up to `amount`, with a new aim each second."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        count = x.shape[1]
        aims = max(3, count // rate_hz)
        pace = 1 + np.interp(
            np.linspace(0, 1, count), np.linspace(0, 1, aims), generator.uniform(-amount, amount, aims)
        )
        at = np.cumsum(pace)
        return np.stack([np.interp(at[at < count - 1], np.arange(count), row) for row in x])

    return samples(change)


# Parts taken out and put in


def part(begin_s: float, seconds: float | None = None) -> Attack:
    """From begin_s on, for so many seconds or to the end."""
    return samples(
        lambda x, rate_hz, _: x[:, round(begin_s * rate_hz) :][
            :, : None if seconds is None else round(seconds * rate_hz)
        ]
    )


def cuts(number: int, milliseconds: int) -> Attack:
    """So many parts are cut out, and the rest is joined."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        length = milliseconds * rate_hz // 1000
        for _ in range(number):
            at = int(generator.integers(0, max(1, x.shape[1] - length)))
            x = np.delete(x, slice(at, at + length), axis=1)
        return x

    return samples(change)


def dropouts(share: float, milliseconds: int = 20) -> Attack:
    """Parts fall silent."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        length = milliseconds * rate_hz // 1000
        for at in generator.integers(0, max(1, x.shape[1] - length), int(share * x.shape[1] / length)):
            x[:, at : at + length] = 0
        return x

    return samples(change)


# Levels, filters and noise


def clipped(factor: float) -> Attack:
    """So many times as loud as full scale holds."""
    return samples(lambda x, *_: np.clip(factor * x / np.abs(x).max(initial=1e-9), -1, 1))


def band(kind: str, *edges_hz: float) -> Attack:
    """A steep filter: lowpass, highpass or bandpass."""
    return samples(
        lambda x, rate_hz, _: fftconvolve(
            x, firwin(FILTER_TAPS, edges_hz, window=("kaiser", 10.0), pass_zero=kind, fs=rate_hz)[None], "same", axes=1
        )
    )


def equalised(points: list[tuple[float, float]], x: Samples, rate_hz: int) -> Samples:
    """Through a filter given as (frequency in Hz, gain in dB)."""
    points = [point for point in points if point[0] < rate_hz / 2]
    frequencies = [0.0, *(point[0] for point in points), rate_hz / 2]
    gains_db = np.array([points[0][1], *(point[1] for point in points), points[-1][1]])
    return np.asarray(
        fftconvolve(x, firwin2(1023, frequencies, 10 ** (gains_db / 20), fs=rate_hz)[None], "same", axes=1)
    )


def tilt(db: float) -> Attack:
    return samples(lambda x, rate_hz, _: equalised([(50, -db), (1000, 0), (16000, db)], x, rate_hz))


def equaliser(most_db: float) -> Attack:
    """Ten octaves, each up or down by anything up to `most_db`."""
    return samples(
        lambda x, rate_hz, generator: equalised(
            list(zip(OCTAVES_HZ, generator.uniform(-most_db, most_db, 10), strict=True)), x, rate_hz
        )
    )


def _noise(x: Samples, ratio_db: float, slope: float, rate_hz: int, generator: np.random.Generator) -> Samples:
    size = np.sqrt((x**2).mean()) * 10 ** (-ratio_db / 20)
    return size * np.stack([coloured(generator, x.shape[1], rate_hz, slope) for _ in x])


def white(ratio_db: float) -> Attack:
    return samples(lambda x, rate_hz, generator: x + _noise(x, ratio_db, 0.0, rate_hz, generator))


def pink(ratio_db: float) -> Attack:
    return samples(lambda x, rate_hz, generator: x + _noise(x, ratio_db, -1.0, rate_hz, generator))


def mixed(kind: str, louder_db: float) -> Attack:
    """With another sound, so much louder than the marked one."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        other = make(kind, x.shape[1] / rate_hz, rate_hz, int(generator.integers(1000))).samples[: len(x)]
        return _over(x, other, louder_db)

    return samples(change)


def spoken(louder_db: float) -> Attack:
    """With a voice that speaks words (eSpeak NG, the extra `voice`) from anywhere in them on, one of four voices."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        said = _said(int(generator.integers(4)), rate_hz)
        return _over(x, np.resize(np.roll(said, generator.integers(len(said))), (1, x.shape[1])), louder_db)

    return samples(change)


@lru_cache(maxsize=16)
def _said(voice: int, rate_hz: int) -> Samples:
    from phonofilm.voice.espeak import EspeakVoice

    engine = EspeakVoice()
    heard = engine.speak(WORDS, engine.voices[voice % len(engine.voices)], 1.0)
    return resample(Waveform(heard.samples[None], heard.rate_hz), rate_hz).samples[0].astype(np.float64)


def _over(x: Samples, other: npt.NDArray[np.floating], louder_db: float) -> Samples:
    both = x + other * np.sqrt((x**2).mean() / (other**2).mean()) * 10 ** (louder_db / 20)
    return both / max(1.0, np.abs(both).max())


# Rooms and new syntheses


def reverb(decay_s: float) -> Attack:
    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        wet = np.stack([fftconvolve(row, room(generator, rate_hz, decay_s))[: x.shape[1]] for row in x])
        return wet / max(1.0, np.abs(wet).max())

    return samples(change)


def rerecorded(decay_s: float, ratio_db: float) -> Attack:
    """From a loudspeaker through a room into a microphone whose clock is off by 80 parts in a million."""

    def change(x: Samples, rate_hz: int, generator: np.random.Generator) -> Samples:
        played = sosfilt(butter(3, (160, min(12000, 0.47 * rate_hz)), "bandpass", fs=rate_hz, output="sos"), x.mean(0))
        played = np.tanh(1.2 * played / (np.abs(played).max() + 1e-9)) / 1.2
        heard = fftconvolve(played, room(generator, rate_hz, decay_s, wet=0.75))[: len(played)]
        heard = np.interp(np.arange(int(len(heard) * (1 - 8e-5))) * (1 + 8e-5), np.arange(len(heard)), heard)[None]
        heard = heard + _noise(heard, ratio_db, -1.0, rate_hz, generator)
        return 0.7 * heard / (np.abs(heard).max() + 1e-9)

    return samples(change)


def gated(x: Samples, most_db: float = 15.0) -> Samples:
    """A denoiser: bins near their noise floor (their 20th percentile) are turned down."""
    _, _, spectrum = stft(x, nperseg=1024, noverlap=768)
    size = np.abs(spectrum)
    floor = np.percentile(size, 20, axis=-1, keepdims=True)
    gain = np.clip(1 - (2 * floor / (size + 1e-12)) ** 2, 10 ** (-most_db / 20), 1)
    return np.asarray(istft(spectrum * gain, nperseg=1024, noverlap=768)[1][:, : x.shape[1]])


def without_phase(x: Samples, generator: np.random.Generator, rounds: int = 24) -> Samples:
    """Made anew from its magnitudes alone (Griffin and Lim 1984)."""
    size = np.abs(stft(x, nperseg=1024, noverlap=768)[2])
    turned = np.exp(2j * np.pi * generator.random(size.shape))
    for _ in range(rounds):
        made = istft(size * turned, nperseg=1024, noverlap=768)[1]
        turned = np.exp(1j * np.angle(stft(made, nperseg=1024, noverlap=768)[2][..., : size.shape[-1]]))
    return np.asarray(istft(size * turned, nperseg=1024, noverlap=768)[1][:, : x.shape[1]])
