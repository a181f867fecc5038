"""Speech by eSpeak NG: a formant voice, intelligible and robotic, offline, a hundred times faster than real time.

The library and its data come inside the wheel `espeakng-loader` (GPL-3, which is why it is an extra) and are called
through their C interface, `speak_lib.h` of eSpeak NG 1.52. Times are those of its own events.

Dimension letters: S samples.
"""

import _ctypes
import ctypes
import importlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.errors import InputError, MissingExtraError, OptionError
from phonofilm.types import FloatArray
from phonofilm.voice.speak import Mark, Spoken, check_rate

SYNCHRONOUS = 2
PHONEME_EVENTS_IPA, DO_NOT_EXIT = 0b11, 0x8000
RATE_PARAMETER, WORDS_A_MINUTE = 1, 175
"""eSpeak's own speed."""
UTF8 = 1
WORD, SENTENCE, END, PHONEME = 1, 2, 5, 7
AUDIBLE = 0.01
"""Of the peak: what is quieter at the ends is no part of the line."""
LANGUAGE = "en-us"
VARIANTS = ("m3", "f2", "m7", "f4", "m1", "f5", "m8", "f1", "m5", "f3", "m4", "m6", "m2")
"""The plain men's and women's variants, ordered so that neighbours differ in sex and pitch."""
SWITCHED = re.compile(r"\([a-z-]+\)")
"""Put before the first sound of a word that is read in another language."""
SEED = 1
"""Of its noises."""


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("identity", _Identity),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class _Place:
    """Where the library, its data and its variants of voices lie."""

    library: Path
    data: Path
    variants: Path


def _installed() -> _Place:
    """Raises MissingExtraError where the library is not installed."""
    try:
        loader = importlib.import_module("espeakng_loader")
        library, data = Path(loader.get_library_path()), Path(loader.get_data_path())
    except ImportError as error:
        raise MissingExtraError(
            "speech needs espeakng-loader, which is not installed; run pip install 'phonofilm[voice]'"
        ) from error
    return _Place(library, data, data / "voices" / "!v")


@contextmanager
def _begun(place: _Place) -> Iterator[tuple[Any, int]]:
    """A library of one's own, and its sample rate.

    The library holds one voice, one buffer and the phase of its last sound for the whole process, and nothing sets the
    phase back. A copy under another name starts afresh, so that the same line always sounds the same; it takes 5 ms.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = shutil.copy(place.library, folder)
        try:
            library = ctypes.CDLL(copy)
        except OSError as error:
            raise MissingExtraError(
                f"eSpeak NG cannot be loaded ({error}); install espeakng-loader again, or choose another voice engine"
            ) from error
        try:
            options = PHONEME_EVENTS_IPA | DO_NOT_EXIT
            rate_hz = library.espeak_Initialize(SYNCHRONOUS, 0, str(place.data).encode(), options)
            if rate_hz <= 0:
                raise MissingExtraError(
                    f"eSpeak NG does not start with the data in {place.data}; install espeakng-loader again"
                )
            library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
            yield library, rate_hz
            library.espeak_Terminate()
        finally:
            if hasattr(_ctypes, "dlclose"):
                _ctypes.dlclose(library._handle)


class EspeakVoice:
    """eSpeak NG as a voice engine. Voices are variants (`f2`) or a language with one (`de+m3`).

    Raises MissingExtraError where the extra `voice` is not installed.
    """

    def __init__(self) -> None:
        self._place = _installed()

    @property
    def name(self) -> str:
        return "espeak"

    @property
    def voices(self) -> tuple[str, ...]:
        return VARIANTS

    def knows(self, voice: str) -> bool:
        with _begun(self._place) as (library, _):
            return self._choose(library, voice)

    def speak(self, text: str, voice: str, rate: float) -> Spoken:
        """As `VoiceEngine.speak`; sound at 22,050 Hz."""
        check_rate(rate)
        chunks: list[FloatArray] = []
        events: list[tuple[int, int, int, int, str]] = []

        def receive(samples: Any, count: int, pointer: Any) -> int:
            if count:
                chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / np.float32(32768))
            index = 0
            while pointer[index].type:
                event = pointer[index]
                symbol = event.identity.string.decode("utf-8", "ignore") if event.type == PHONEME else ""
                symbol = SWITCHED.sub("", symbol)
                events.append((event.type, event.text_position, event.length, event.sample, symbol))
                index += 1
            return 0

        raw = text.encode("utf-8")
        with _begun(self._place) as (library, rate_hz):
            if not self._choose(library, voice):
                raise OptionError(f"espeak has no voice {voice!r}; it has {', '.join(VARIANTS)}, or a language: de+m3")
            callback = _Callback(receive)  # held until the call is over
            library.espeak_SetSynthCallback(callback)
            library.espeak_SetParameter(RATE_PARAMETER, round(WORDS_A_MINUTE * rate), 0)
            library.espeak_Synth(raw, ctypes.c_size_t(len(raw) + 1), 0, 0, 0, UTF8, None, None)
        if not any(kind == PHONEME and symbol for kind, _, _, _, symbol in events):
            raise InputError(f"nothing in {text[:60]!r} can be spoken; write words")
        samples = np.concatenate(chunks)  # (S,)
        return _trimmed(samples, rate_hz, text, events)

    def _choose(self, library: Any, voice: str) -> bool:
        """Set the library's voice. It takes any variant without complaint, so its file is looked for."""
        language, plus, variant = voice.rpartition("+")
        if not (variant and (self._place.variants / variant).is_file() and Path(variant).name == variant):
            return False
        wanted = f"{language if plus else LANGUAGE}+{variant}"
        return bool(library.espeak_SetVoiceByName(wanted.encode()) == 0)


def _trimmed(samples: FloatArray, rate_hz: int, text: str, events: list[tuple[int, int, int, int, str]]) -> Spoken:
    """The sound from its first to its last speech sound, with marks counted from there."""
    phonemes = [(sample, symbol) for kind, _, _, sample, symbol in events if kind == PHONEME]
    first = min([sample for kind, _, _, sample, _ in events if kind in (WORD, PHONEME)], default=0)
    sounding = [index for index, (_, symbol) in enumerate(phonemes) if symbol]
    last = phonemes[sounding[-1] + 1][0] if sounding[-1] + 1 < len(phonemes) else len(samples)
    last = min(max(last, first + 1), len(samples))
    heard = np.flatnonzero(np.abs(samples[first:last]) > AUDIBLE * float(np.abs(samples).max()))
    if len(heard):
        first, last = first + int(heard[0]), first + int(heard[-1]) + 1
    edges = [sample for sample, _ in phonemes] + [last]
    spoken = tuple(
        Mark(symbol.strip("ˈˌ"), max(begin - first, 0) / rate_hz, (min(end, last) - first) / rate_hz)
        for (begin, symbol), end in zip(phonemes, edges[1:], strict=True)
        if symbol.strip("ˈˌ") and first < min(end, last) and begin < last
    )
    return Spoken(samples[first:last].copy(), rate_hz, _words(text, events, phonemes, first, last, rate_hz), spoken)


def _words(
    text: str,
    events: list[tuple[int, int, int, int, str]],
    phonemes: list[tuple[int, str]],
    first: int,
    last: int,
    rate_hz: int,
) -> tuple[Mark, ...]:
    """Words end where the next word or a pause begins. Numbers read as several words carry the same text."""
    begins = [
        (sample, text[position - 1 : position - 1 + length])
        for kind, position, length, sample, _ in events
        if kind == WORD
    ]
    stops = sorted([sample for sample, _ in begins] + [sample for sample, symbol in phonemes if not symbol] + [last])
    words: list[Mark] = []
    for begin, word in begins:
        end = min(next((stop for stop in stops if stop > begin), last), last)
        if max(begin, first) >= end:
            continue
        if not any(map(str.isalnum, word)) and words:  # a piece of the word before, by the library's own count
            words[-1] = replace(words[-1], end_s=(end - first) / rate_hz)
        else:
            words.append(Mark(word, max(begin - first, 0) / rate_hz, (end - first) / rate_hz))
    return tuple(words)
