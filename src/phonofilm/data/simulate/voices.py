"""A voice of formants, for mouths whose times are known. It is no speech to be understood, nor to be learnt from.

A buzz or noise goes through three moving resonances side by side (Klatt, "Software for a cascade/parallel formant
synthesizer", JASA 67, 1980); vowel targets are those of Peterson and Barney (JASA 24, 1952), rounded.

Dimension letters: S samples, B blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from phonofilm.data.simulate.air import coloured, wander
from phonofilm.data.simulate.modal import DoubleArray, swept
from phonofilm.data.simulate.truth import Phoneme

BLOCK_S, COARSE_BLOCK_S = 0.005, 0.02
GLIDE_S, EDGE_S = 0.045, 0.012
"""How long formants and loudness take from one speech sound to the next."""
CLOSED_SHARE = 0.6
"""Share of a stop's time in which the mouth is shut."""
TALKERS = 5
WIDTHS_HZ = (80.0, 100.0, 150.0)
GAINS = (1.0, 0.6, 0.35)

_VOWELS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "IY": ((280, 2250, 2950), (280, 2300, 3000)),
    "IH": ((400, 1950, 2550), (420, 1900, 2550)),
    "EH": ((540, 1800, 2500), (560, 1750, 2500)),
    "AE": ((670, 1700, 2420), (690, 1650, 2420)),
    "AA": ((730, 1100, 2450), (720, 1120, 2450)),
    "AO": ((570, 850, 2420), (580, 880, 2420)),
    "UH": ((440, 1020, 2250), (450, 1050, 2250)),
    "UW": ((310, 880, 2250), (300, 850, 2250)),
    "AH": ((640, 1200, 2400), (620, 1220, 2400)),
    "ER": ((490, 1350, 1700), (490, 1350, 1680)),
    "EY": ((500, 1850, 2500), (320, 2200, 2850)),
    "AY": ((730, 1150, 2450), (330, 2100, 2700)),
    "OY": ((550, 880, 2400), (330, 2050, 2650)),
    "AW": ((730, 1200, 2450), (350, 900, 2300)),
    "OW": ((540, 950, 2400), (360, 850, 2300)),
}
"""Formants (Hz) at the beginning and at the end."""


@dataclass(frozen=True)
class _Consonant:
    """formants: where they point (Hz). voice, hiss: loudness 0..1. hiss_hz, hiss_width_hz: the noise's resonance."""

    formants: tuple[int, int, int]
    voice: float
    hiss: float = 0.0
    hiss_hz: float = 1500
    hiss_width_hz: float = 1500
    stop: bool = False


_CONSONANTS: dict[str, _Consonant] = {
    "M": _Consonant((250, 1000, 2200), 0.4),
    "N": _Consonant((250, 1500, 2500), 0.4),
    "NG": _Consonant((250, 1900, 2600), 0.4),
    "L": _Consonant((350, 1050, 2750), 0.6),
    "R": _Consonant((380, 1200, 1600), 0.6),
    "W": _Consonant((300, 700, 2200), 0.55),
    "Y": _Consonant((280, 2200, 2900), 0.55),
    "HH": _Consonant((500, 1500, 2500), 0.0, 0.3, 1500, 2000),
    "F": _Consonant((350, 1100, 2300), 0.0, 0.25, 6000, 6000),
    "V": _Consonant((300, 1100, 2300), 0.35, 0.12, 6000, 6000),
    "TH": _Consonant((350, 1400, 2500), 0.0, 0.2, 7000, 5000),
    "DH": _Consonant((300, 1400, 2500), 0.35, 0.1, 7000, 5000),
    "S": _Consonant((350, 1700, 2600), 0.0, 0.6, 6500, 2500),
    "Z": _Consonant((300, 1700, 2600), 0.3, 0.4, 6500, 2500),
    "SH": _Consonant((350, 1800, 2500), 0.0, 0.6, 3200, 1600),
    "ZH": _Consonant((300, 1800, 2500), 0.3, 0.4, 3200, 1600),
    "P": _Consonant((300, 900, 2200), 0.0, 0.5, 900, 1500, stop=True),
    "B": _Consonant((250, 900, 2200), 0.35, 0.3, 800, 1200, stop=True),
    "T": _Consonant((300, 1700, 2600), 0.0, 0.7, 5000, 3000, stop=True),
    "D": _Consonant((250, 1700, 2600), 0.35, 0.4, 4500, 3000, stop=True),
    "K": _Consonant((300, 1900, 2300), 0.0, 0.7, 2200, 1200, stop=True),
    "G": _Consonant((250, 1900, 2300), 0.35, 0.4, 2000, 1200, stop=True),
    "CH": _Consonant((350, 1800, 2500), 0.0, 0.8, 3200, 1600, stop=True),
    "JH": _Consonant((280, 1800, 2500), 0.3, 0.5, 3000, 1600, stop=True),
}
SYMBOLS = (*_VOWELS, *_CONSONANTS)


@dataclass(frozen=True)
class _Mouth:
    """What a voice does, per block: formants (B, 3) Hz, voice and hiss (B,), hiss_hz and hiss_width_hz (B,)."""

    formants: DoubleArray
    voice: DoubleArray
    hiss: DoubleArray
    hiss_hz: DoubleArray
    hiss_width_hz: DoubleArray


def spoken(
    phonemes: Sequence[Phoneme], count: int, chance: np.random.Generator, rate_hz: int, block_s: float = BLOCK_S
) -> DoubleArray:
    """(S,) one talker of a pitch and a size drawn from `chance`; silent where no phoneme is ("SIL" or a gap)."""
    block = max(1, round(block_s * rate_hz))
    mouth = _moved(phonemes, -(-count // block), block / rate_hz)
    size = chance.uniform(0.95, 1.2)
    at, starts = np.arange(count), (np.arange(len(mouth.voice)) + 0.5) * block
    pitch_hz = chance.uniform(95, 130) * size**4 * (0.85 + 0.3 * wander(count, 1.5, chance, rate_hz))
    phase = np.cumsum(pitch_hz) / rate_hz
    # A falling ramp is the spectrum of the glottis, -12 dB an octave, once it is smoothed.
    buzz = lfilter([0.35], [1, -0.65], np.diff((phase % 1) ** 2, prepend=0.0))
    breath = 0.02 * chance.standard_normal(count)
    source = 4 * np.interp(at, starts, mouth.voice) * (buzz - buzz.mean() + breath)
    out = np.zeros(count)
    for number, (width_hz, gain) in enumerate(zip(WIDTHS_HZ, GAINS, strict=True)):
        centres = mouth.formants[:, number] * size
        out += gain * swept(source, centres, np.full(len(centres), width_hz), rate_hz, block)
    noise = chance.standard_normal(count) * np.interp(at, starts, mouth.hiss)
    out += 0.2 * swept(noise, mouth.hiss_hz, mouth.hiss_width_hz, rate_hz, block)
    return out


def babble(levels: DoubleArray, chance: np.random.Generator, rate_hz: int, block_s: float = BLOCK_S) -> DoubleArray:
    """(S,) a talker of no language, as loud as `levels`."""
    return levels * spoken(chatter(len(levels) / rate_hz, chance), len(levels), chance, rate_hz, block_s)


def crowd(levels: DoubleArray, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) several talkers at different distances over the murmur of many."""
    count = len(levels)
    murmur = coloured(count, ((120, -12), (300, -2), (700, 0), (1800, -6), (4000, -14), (9000, -32)), chance, rate_hz)
    out = 0.35 * murmur * (0.6 + 0.8 * wander(count, 3.0, chance, rate_hz)) * levels
    for _ in range(TALKERS):
        talker = lfilter([0.25], [1, -0.75], babble(levels, chance, rate_hz, COARSE_BLOCK_S))
        out = out + chance.uniform(0.25, 1.0) * talker / np.sqrt((talker**2).mean() + 1e-9) * 0.3
    return np.asarray(out, np.float64)


def chatter(duration_s: float, chance: np.random.Generator) -> list[Phoneme]:
    """Random syllables, four or five a second, with pauses."""
    vowels, consonants = list(_VOWELS), list(_CONSONANTS)
    phonemes, now = [], float(chance.uniform(0, 0.3))
    while now < duration_s:
        for symbol, long_s in (
            (consonants[int(chance.integers(len(consonants)))], chance.uniform(0.05, 0.09)),
            (vowels[int(chance.integers(len(vowels)))], chance.uniform(0.09, 0.2)),
        ):
            phonemes.append(Phoneme(now, min(duration_s, now + float(long_s)), symbol))
            now += float(long_s)
        if chance.random() < 0.15:
            now += float(chance.uniform(0.1, 0.6))
    return [phoneme for phoneme in phonemes if phoneme.start_s < duration_s]


def _moved(phonemes: Sequence[Phoneme], blocks: int, block_s: float) -> _Mouth:
    """Targets on the clock of blocks, then smoothed: formants glide, loudness turns faster."""
    formants = np.full((blocks, 3), np.nan)
    voice, hiss = np.zeros(blocks), np.zeros(blocks)
    hiss_hz, hiss_width_hz = np.full(blocks, 2500.0), np.full(blocks, 1500.0)
    middle_s = (np.arange(blocks) + 0.5) * block_s
    for phoneme in phonemes:
        inside = np.flatnonzero((middle_s >= phoneme.start_s) & (middle_s < phoneme.end_s))
        symbol = phoneme.symbol.rstrip("012")
        if symbol in _VOWELS:
            share = ((middle_s[inside] - phoneme.start_s) / (phoneme.end_s - phoneme.start_s))[:, None]
            begin, end = np.asarray(_VOWELS[symbol], np.float64)
            formants[inside] = begin + share * (end - begin)
            voice[inside] = 1.0
        elif symbol in _CONSONANTS:
            sound = _CONSONANTS[symbol]
            formants[inside] = sound.formants
            hiss_hz[inside], hiss_width_hz[inside] = sound.hiss_hz, sound.hiss_width_hz
            open_s = phoneme.start_s + CLOSED_SHARE * (phoneme.end_s - phoneme.start_s) * sound.stop
            free = middle_s[inside] >= open_s
            hiss[inside] = sound.hiss * free
            voice[inside] = sound.voice * np.where(free, 1.0, 0.3)
    known = np.flatnonzero(~np.isnan(formants[:, 0]))
    if len(known):
        formants = np.stack([np.interp(np.arange(blocks), known, column[known]) for column in formants.T], axis=1)
    formants = np.nan_to_num(formants, nan=500.0)
    edge = max(1, round(EDGE_S / block_s))
    glide = max(1, round(GLIDE_S / block_s))
    return _Mouth(
        uniform_filter1d(formants, glide, axis=0, mode="nearest"),
        uniform_filter1d(voice, edge, mode="constant"),
        uniform_filter1d(hiss, edge, mode="constant"),
        hiss_hz,
        hiss_width_hz,
    )
