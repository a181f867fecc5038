"""A sound font (SF2) read into zones: which recording sounds for a key and a velocity of a preset, and how.

SoundFont 2.04 Technical Specification, Creative Technology 2006. Read are presets, instruments, zones with their
ranges, loops, tuning, envelopes, filter, attenuation and pan. Left out are modulators, LFOs and effect sends: what
they would do is done by `perform` and `room`.

Dimension letters: S samples.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

from phonofilm.errors import InputError, MissingExtraError
from phonofilm.types import FloatArray

PACKAGE, FONT_FILE = "pretty_midi", "TimGM6mb.sf2"
DRUM_BANK = 128
MISSING = "music needs a sound font and the package pretty_midi, which carries one, is not installed; run "
INSTALL = "pip install 'phonofilm[music]'"

# Generators of the specification (section 8.1.2) that are used here.
LOOP_START, LOOP_END = 2, 3
START, END = 0, 1
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
CUTOFF, RESONANCE, MOD_TO_CUTOFF, PAN = 8, 9, 11, 17
MOD_ATTACK, MOD_HOLD, MOD_DECAY, MOD_SUSTAIN = 26, 27, 28, 29
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
INSTRUMENT, KEYS, VELOCITIES, ATTENUATION = 41, 43, 44, 48
COARSE, FINE, SAMPLE, LOOP_MODE, SCALE, CLASS, ROOT = 51, 52, 53, 54, 56, 57, 58

DEFAULTS = {
    CUTOFF: 13500,
    SCALE: 100,
    ROOT: -1,
    **dict.fromkeys((MOD_ATTACK, MOD_HOLD, MOD_DECAY, ATTACK, HOLD, DECAY, RELEASE), -12000),
}
WHOLE_RANGE = 127 << 8
SHAPE = (START, END, LOOP_START, LOOP_END, START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE)
ONLY_INSTRUMENT = frozenset((*SHAPE, KEYS, VELOCITIES, SAMPLE, LOOP_MODE, CLASS, ROOT, INSTRUMENT))
"""Generators that a preset may not add to those of its instrument (section 8.5)."""


@dataclass(frozen=True)
class Envelope:
    """Attack, hold, decay and release in seconds; `sustain` is the level that decay goes to, 0..1."""

    attack_s: float
    hold_s: float
    decay_s: float
    sustain: float
    release_s: float


@dataclass(frozen=True, eq=False)
class Zone:
    """One recording and how it is played. `recording` (S,) float32; `loop` are sample indices into it, or None."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    recording: FloatArray
    rate_hz: int
    loop: tuple[int, int] | None
    root_key: float
    cents_per_key: float
    gain: float
    pan: float
    volume: Envelope
    brightness: Envelope
    cutoff_hz: float
    cutoff_cents: float
    resonance_db: float
    choke: int


Generators = dict[int, int]


class SoundFont:
    """Presets of a sound font by bank and programme. Read-only after loading."""

    def __init__(self, presets: Mapping[tuple[int, int], tuple[Zone, ...]]) -> None:
        self._presets = presets

    def zones(self, programme: int, drums: bool, key: int, velocity: int) -> list[Zone]:
        """The recordings that sound together for a note; a programme that the font lacks is played by programme 0."""
        bank = DRUM_BANK if drums else 0
        preset = self._presets.get((bank, programme)) or self._presets.get((bank, 0), ())
        return [
            zone
            for zone in preset
            if zone.keys[0] <= key <= zone.keys[1] and zone.velocities[0] <= velocity <= zone.velocities[1]
        ]


def font_path() -> Path:
    """Where the sound font of pretty_midi lies. Raises MissingExtraError when the package is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(MISSING + INSTALL)
    return Path(spec.submodule_search_locations[0]) / FONT_FILE


@lru_cache(maxsize=2)
def load_font(path: Path) -> SoundFont:
    """Read a sound font. Raises InputError when the file is missing or is no SoundFont 2."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"sound font {path} cannot be read ({error.strerror}); {INSTALL}, or give another") from error
    try:
        return SoundFont(_read_presets(_chunks(data)))
    except (KeyError, struct.error, ValueError, IndexError) as error:
        raise InputError(f"{path} is no SoundFont 2 ({error}); give an .sf2 file") from error


def _chunks(data: bytes) -> dict[str, bytes]:
    """The leaves of the RIFF tree by name."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError("it does not begin with RIFF sfbk")
    found: dict[str, bytes] = {}
    position = 12
    while position + 8 <= len(data):
        name, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        if name == b"LIST":
            position += 12
            continue
        found[name.decode("ascii")] = data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    return found


def _bags(
    chunks: dict[str, bytes], head: str, fields: str, width: int, at: int, bag: str, generator: str
) -> list[list[Generators]]:
    """For each row of a header chunk, its zones as generators. `at` is the place of the bag index in the row."""
    rows = [struct.unpack_from(fields, chunks[head], start)[at] for start in range(0, len(chunks[head]), width)]
    first = np.frombuffer(chunks[bag], "<u2").reshape(-1, 2)[:, 0].tolist()
    pairs = np.frombuffer(chunks[generator], np.dtype([("kind", "<u2"), ("amount", "<i2")]))
    kinds, amounts = pairs["kind"].tolist(), pairs["amount"].tolist()
    zones = [dict(zip(kinds[a:b], amounts[a:b], strict=True)) for a, b in pairwise(first)]
    return [zones[a:b] for a, b in pairwise(rows)]


def _read_presets(chunks: dict[str, bytes]) -> dict[tuple[int, int], tuple[Zone, ...]]:
    sound: FloatArray = np.frombuffer(chunks["smpl"], "<i2").astype(np.float32) / np.float32(32768)  # (S,)
    heads = [struct.unpack_from("<20sIIIIIBbHH", chunks["shdr"], at) for at in range(0, len(chunks["shdr"]), 46)]
    instruments = _bags(chunks, "inst", "<20sH", 22, 1, "ibag", "igen")
    presets = _bags(chunks, "phdr", "<20sHHHIII", 38, 3, "pbag", "pgen")
    names = [struct.unpack_from("<20sHH", chunks["phdr"], at)[1:] for at in range(0, len(chunks["phdr"]), 38)]
    found: dict[tuple[int, int], tuple[Zone, ...]] = {}
    for (programme, bank), bags in zip(names, presets, strict=False):
        zones = []
        shared: Generators = {}
        for number, bag in enumerate(bags):
            if INSTRUMENT not in bag:
                shared = bag if number == 0 else shared
                continue
            zones += _instrument_zones(instruments[bag[INSTRUMENT]], {**shared, **bag}, sound, heads)
        found[(bank, programme)] = tuple(zones)
    return found


def _instrument_zones(
    bags: list[Generators], preset: Generators, sound: FloatArray, heads: list[tuple[int, ...]]
) -> list[Zone]:
    zones = []
    shared: Generators = {}
    for number, bag in enumerate(bags):
        if SAMPLE not in bag:
            shared = bag if number == 0 else shared
            continue
        whole = {**DEFAULTS, **shared, **bag}
        for kind, amount in preset.items():
            if kind not in ONLY_INSTRUMENT:
                whole[kind] = whole.get(kind, 0) + amount
        zone = _zone(whole, preset, sound, heads[whole[SAMPLE]])
        if zone is not None:
            zones.append(zone)
    return zones


def _zone(whole: Generators, preset: Generators, sound: FloatArray, head: tuple[int, ...]) -> Zone | None:
    _, start, end, loop_start, loop_end, rate_hz, original_key, correction, _, _ = head
    get = whole.get
    first = start + get(START, 0) + 32768 * get(START_COARSE, 0)
    last = end + get(END, 0) + 32768 * get(END_COARSE, 0)
    loop_from = loop_start + get(LOOP_START, 0) + 32768 * get(LOOP_START_COARSE, 0) - first
    loop_to = loop_end + get(LOOP_END, 0) + 32768 * get(LOOP_END_COARSE, 0) - first
    looped = get(LOOP_MODE, 0) in (1, 3) and 0 <= loop_from < loop_to - 1 and loop_to <= last - first
    if last - first < 8:
        return None
    root = whole[ROOT] if 0 <= whole[ROOT] <= 127 else (original_key if original_key <= 127 else 60)
    return Zone(
        _common(get(KEYS, WHOLE_RANGE), preset.get(KEYS, WHOLE_RANGE)),
        _common(get(VELOCITIES, WHOLE_RANGE), preset.get(VELOCITIES, WHOLE_RANGE)),
        sound[first:last],
        rate_hz,
        (loop_from, loop_to) if looped else None,
        root - get(COARSE, 0) - (get(FINE, 0) + correction) / 100,
        float(whole[SCALE]),
        # Centibels on paper; the hardware that fonts were tuned on applied 0.4 of them, and so do all players since.
        float(10 ** (-max(0, get(ATTENUATION, 0)) * 0.4 / 200)),
        min(1.0, max(-1.0, get(PAN, 0) / 500)),
        _envelope(whole, (ATTACK, HOLD, DECAY, RELEASE), float(10 ** (-min(1440, max(0, get(SUSTAIN, 0))) / 200))),
        _envelope(whole, (MOD_ATTACK, MOD_HOLD, MOD_DECAY, RELEASE), 1 - min(1000, max(0, get(MOD_SUSTAIN, 0))) / 1000),
        8.176 * 2 ** (whole[CUTOFF] / 1200),
        float(get(MOD_TO_CUTOFF, 0)),
        min(96.0, max(0.0, get(RESONANCE, 0) / 10)),
        get(CLASS, 0),
    )


def _common(one: int, other: int) -> tuple[int, int]:
    return max(one & 255, other & 255), min(one >> 8 & 255, other >> 8 & 255)


def _envelope(whole: Generators, kinds: tuple[int, int, int, int], sustain: float) -> Envelope:
    attack_s, hold_s, decay_s, release_s = (2 ** (min(8000, whole[kind]) / 1200) for kind in kinds)
    return Envelope(attack_s, hold_s, decay_s, sustain, release_s)
