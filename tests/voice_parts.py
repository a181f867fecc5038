"""A voice and mouths with known truth, for the tests of the voice room."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from phonofilm.types import ClipInfo, VideoStream
from phonofilm.voice.lips import Mouth
from phonofilm.voice.speak import Mark, Spoken
from phonofilm.voice.visemes import is_vowel

VOWEL_S, CONSONANT_S = 0.12, 0.07
RATE_HZ = 8000


class LetterVoice:
    """Speaks every letter as its own speech sound: vowels hum, consonants are quiet."""

    name = "letters"
    voices = ("low", "high", "middle")

    def knows(self, voice: str) -> bool:
        return voice in self.voices

    def speak(self, text: str, voice: str, rate: float) -> Spoken:
        phonemes, words, clock_s = [], [], 0.0
        for word in text.lower().split():
            first_s = clock_s
            for letter in filter(str.isalpha, word):
                length_s = (VOWEL_S if is_vowel(letter) else CONSONANT_S) / rate
                phonemes.append(Mark(letter, clock_s, clock_s + length_s))
                clock_s += length_s
            words.append(Mark(word, first_s, clock_s))
        times = np.arange(round(clock_s * RATE_HZ)) / RATE_HZ
        pitch_hz = 100 * (1 + self.voices.index(voice))
        samples = 0.3 * np.sin(2 * np.pi * pitch_hz * times)
        for mark in phonemes:
            if not is_vowel(mark.text):
                samples[int(mark.start_s * RATE_HZ) : int(mark.end_s * RATE_HZ)] *= 0.1
        return Spoken(samples.astype(np.float32), RATE_HZ, tuple(words), tuple(phonemes))


def mouth_of(times_s: np.ndarray, opening: np.ndarray, speaking: np.ndarray, place: float = 0.0) -> Mouth:
    """A mouth from plain arrays."""
    exact = tuple(Fraction(round(float(time) * 1000), 1000) for time in times_s)
    return Mouth(exact, opening.astype(np.float32), speaking.astype(np.float32), place, 0.3)


def talking(duration_s: float, spans: list[tuple[float, float]], place: float = 0.0, rate_hz: float = 25.0) -> Mouth:
    """A mouth that opens and shuts four times a second in the spans given, and rests elsewhere."""
    times = np.arange(0, duration_s, 1 / rate_hz)
    speaking = np.full(len(times), 0.05)
    for begin_s, end_s in spans:
        speaking[(times >= begin_s) & (times < end_s)] = 0.95
    opening = np.where(speaking > 0.5, 0.5 + 0.5 * np.sin(2 * np.pi * 4 * times), 0.0)
    return mouth_of(times, opening, speaking, place)


def clip_of(duration_s: float) -> ClipInfo:
    """What is known of a clip that nobody opens."""
    video = VideoStream("h264", 640, 360, 0, Fraction(25))
    return ClipInfo(Path("talk.mp4"), "mp4", Fraction(0), Fraction(str(duration_s)), video, None, "f" * 32)


def drawn_face(width: int, height: int, centre: tuple[float, float], size: float, opening: float) -> np.ndarray:
    """(H, W, 3) uint8: a face of the proportions that cascades look for, with a mouth open so far (0 to 1)."""
    import cv2

    fine = 2  # drawn larger, so that edges are soft and motion is smooth
    picture = np.full((height * fine, width * fine, 3), 90, np.uint8)

    def oval(x: float, y: float, across: float, down: float, colour: tuple[int, int, int]) -> None:
        middle = (round((centre[0] + x * size) * fine), round((centre[1] + y * size) * fine))
        cv2.ellipse(picture, middle, (round(across * size * fine), round(down * size * fine)), 0, 0, 360, colour, -1)

    oval(0, 0.0, 0.5, 0.68, (205, 165, 140))
    oval(0, -0.55, 0.5, 0.22, (60, 40, 30))
    for side in (-1, 1):
        oval(0.21 * side, -0.2, 0.13, 0.045, (120, 85, 70))
        oval(0.21 * side, -0.12, 0.1, 0.05, (70, 50, 45))
        oval(0.21 * side, -0.12, 0.045, 0.045, (20, 15, 15))
        oval(0.24 * side, 0.1, 0.13, 0.1, (220, 180, 155))
    oval(0, 0.05, 0.05, 0.16, (225, 185, 160))
    oval(0, 0.19, 0.1, 0.035, (150, 110, 95))
    oval(0, 0.36 + 0.03 * opening, 0.19, 0.05 + 0.07 * opening, (170, 90, 85))
    oval(0, 0.36 + 0.03 * opening, 0.15, 0.01 + 0.06 * opening, (60, 25, 25))
    oval(0, 0.52 + 0.06 * opening, 0.16, 0.03, (185, 145, 120))
    picture = cv2.GaussianBlur(picture, (0, 0), fine * size / 60)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
