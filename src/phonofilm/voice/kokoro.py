"""Speech by Kokoro, a neural voice, through `kokoro-onnx` where it is installed and its files have been downloaded.

Nothing is downloaded here. The code was run against a stand-in for the package with the interface of kokoro-onnx 0.6.1
(read from its source); with the published voice itself it has not been run. Models that report the lengths of speech
sounds give the times; for others they are found by comparison with eSpeak (`echo_times`).

Dimension letters: S samples.
"""

import importlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.errors import InputError, MissingExtraError, ModelError, OptionError
from phonofilm.voice.echo_times import times_like
from phonofilm.voice.espeak import EspeakVoice
from phonofilm.voice.speak import Mark, Spoken, check_rate

MODEL, VOICES = "kokoro-v1.0.onnx", "voices-v1.0.bin"
ADDRESS = "github.com/thewh1teagle/kokoro-onnx/releases"
LANGUAGES = {"a": "en-us", "b": "en-gb"}
"""The first letter of a voice's name says its language, the second its sex."""
PAUSES = " .,!?;:—…"


class KokoroVoice:
    """Kokoro as a voice engine.

    folder: where `kokoro-v1.0.onnx` and `voices-v1.0.bin` lie. Raises ModelError where they do not, and
    MissingExtraError where kokoro-onnx or the extra `voice` is not installed.
    """

    def __init__(self, folder: Path) -> None:
        missing = [name for name in (MODEL, VOICES) if not (folder / name).is_file()]
        if missing:
            raise ModelError(f"kokoro needs {' and '.join(missing)} in {folder}; download from {ADDRESS} into it")
        try:
            package = importlib.import_module("kokoro_onnx")
        except ImportError as error:
            raise MissingExtraError(
                "the voice kokoro needs kokoro-onnx, which is not installed; run pip install kokoro-onnx"
            ) from error
        self._timer = EspeakVoice()
        try:
            self._kokoro: Any = package.Kokoro(str(folder / MODEL), str(folder / VOICES))
            names = [str(name) for name in self._kokoro.get_voices() if str(name)[:1] in LANGUAGES]
        except Exception as error:  # whatever its runtime raises on damaged files
            raise ModelError(f"kokoro's files in {folder} cannot be loaded ({error}); download them again") from error
        women = [name for name in names if name[1:2] == "f"]
        men = [name for name in names if name[1:2] != "f"]
        paired = itertools.zip_longest(women, men)
        self._voices = tuple(name for pair in paired for name in pair if name is not None)
        if not self._voices:
            raise ModelError(f"{folder / VOICES} holds no English voice; download it again from {ADDRESS}")

    @property
    def name(self) -> str:
        return "kokoro"

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    def knows(self, voice: str) -> bool:
        return voice in self._voices

    def speak(self, text: str, voice: str, rate: float) -> Spoken:
        """As `VoiceEngine.speak`; sound at 24,000 Hz."""
        check_rate(rate)
        if not self.knows(voice):
            raise OptionError(f"kokoro has no voice {voice!r}; it has {', '.join(self._voices[:12])}")
        language = LANGUAGES[voice[0]]
        reference = self._timer.speak(text, self._timer.voices[0], rate)
        try:
            made, rate_hz, timings = self._kokoro.create_timed(text, voice, rate, language)
        except ValueError as error:
            raise InputError(f"nothing in {text[:60]!r} can be spoken ({error}); write words") from error
        samples = np.ascontiguousarray(made, np.float32).reshape(-1)  # (S,)
        rough = times_like(samples, int(rate_hz), reference)
        marks = tuple(
            Mark(timing.phoneme, float(timing.start), float(timing.end))
            for timing in timings
            if timing.phoneme not in PAUSES and timing.end > timing.start
        )
        return Spoken(samples, int(rate_hz), rough.words, marks or rough.phonemes)
