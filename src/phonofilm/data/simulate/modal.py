"""Struck bodies: a sum of decaying tones excited by a short push, with the grit of the contact.

Modal synthesis of impacts follows van den Doel and Pai ("The sounds of physical shapes", Presence 7(4), 1998): the
shape gives the ratios of the tones, the size their pitch, inner friction how fast each dies (faster the higher it is).
The push is that of Hertz: a softer or larger body stays longer in contact and so excites fewer high tones, a harder
blow shorter ones (Avanzini and Rocchesso, "Modeling collision sounds", DAFx 2001). Crushed ground is a cloud of grains
(Cook, "Physically informed sonic modeling", Computer Music Journal 21(3), 1997).

Dimension letters: S samples, K modes, B blocks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter, sosfilt
from scipy.special import jn_zeros

DoubleArray = npt.NDArray[np.float64]
Hit = Callable[[float, np.random.Generator], DoubleArray]
"""(strength 0..1, chance) → one blow, mono (S,), whose attack is its first sample."""
LONGEST_S = 2.5
TOE_S = (0.055, 0.075)
"""The ball of the foot lands this long after the heel: under 80 ms, so that both are one event."""
GRAINY = ("gravel", "snow", "earth")


@dataclass(frozen=True)
class Material:
    """small_hz, large_hz: lowest tone of a thing of size 0 and 1. shape: one of "bar", "plate", "skin", "block".

    loss: inner friction (tangent of the loss angle); drag: decay of all tones (1/s). contact_s: how long a middling
    blow lasts. grit: share of noise in a blow, around grit_hz, dying in grit_s.
    """

    small_hz: float
    large_hz: float
    shape: str
    modes: int
    loss: float
    drag: float
    contact_s: float
    grit: float
    grit_hz: float
    grit_s: float


MATERIALS: dict[str, Material] = {
    "wood": Material(1500, 95, "bar", 14, 0.022, 18, 0.0006, 0.35, 1800, 0.006),
    "metal": Material(2900, 160, "plate", 22, 0.0009, 3.5, 0.00015, 0.15, 6000, 0.003),
    "glass": Material(4200, 500, "plate", 16, 0.0022, 9, 0.00012, 0.12, 8000, 0.002),
    "stone": Material(2800, 200, "block", 14, 0.014, 45, 0.0002, 0.5, 4500, 0.004),
    "plastic": Material(1900, 140, "block", 12, 0.035, 25, 0.0004, 0.3, 3000, 0.004),
    "rubber": Material(420, 65, "block", 8, 0.09, 28, 0.0022, 0.3, 900, 0.006),
    "skin": Material(420, 62, "skin", 14, 0.022, 7, 0.0018, 0.4, 1500, 0.009),
    "cloth": Material(170, 55, "block", 6, 0.3, 40, 0.005, 0.8, 500, 0.022),
    "food": Material(520, 130, "block", 8, 0.16, 50, 0.0015, 0.8, 2200, 0.014),
    "earth": Material(150, 50, "block", 6, 0.25, 45, 0.004, 0.7, 700, 0.02),
    "gravel": Material(300, 90, "block", 6, 0.2, 60, 0.001, 1.0, 3500, 0.015),
    "snow": Material(200, 80, "block", 5, 0.3, 60, 0.004, 1.0, 1800, 0.03),
    "water": Material(500, 120, "block", 6, 0.2, 60, 0.002, 1.2, 2500, 0.05),
    "air": Material(200, 60, "block", 5, 0.3, 50, 0.004, 1.5, 900, 0.06),
}
"""Tones and decays by ear and by the order of magnitude of textbook loss factors (wood 0.02, steel 0.001, glass 0.002,
rubber 0.1)."""


def body(material: Material, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A thing with tones of its own, drawn from `chance` once; every blow hits it a little elsewhere."""
    lowest_hz = material.small_hz * (material.large_hz / material.small_hz) ** size * 2 ** chance.uniform(-0.2, 0.2)
    hz = lowest_hz * ratios(material.shape, material.modes, chance)  # (K,)
    hz = hz[hz < 0.42 * rate_hz]
    decay = material.drag * 2 ** chance.uniform(-0.3, 0.3) + np.pi * material.loss * hz
    tones = decaying_tones(hz, decay, rate_hz)  # (K, S)
    where = chance.uniform(0.15, 0.42)
    order = np.arange(1, len(hz) + 1)
    bend, sign = chance.uniform(0, 0.5, len(hz)), chance.choice([-1.0, 1.0], len(hz))
    long_s = material.contact_s * (0.6 + 1.2 * size)
    # A small body moves too little air to be heard in its tones alone (a clap is nearly all noise).
    grit = material.grit * (1.0 if material.shape != "skin" else 0.4 + 3 * (1 - size) ** 4)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        spot = where + 0.03 * chance.standard_normal()
        shape = sign * (0.25 + np.abs(np.sin(np.pi * (order * spot + bend))))
        contact_s = long_s * max(strength, 0.05) ** -0.2
        gains = shape / (1 + (2.2 * hz * contact_s) ** 2) * 2 ** (0.15 * chance.standard_normal(len(hz)))
        ring = gains.astype(np.float32) @ tones
        out: DoubleArray = ring.astype(np.float64) / max(float(np.sqrt((gains**2).sum())), 1e-9)
        noise = burst(material.grit_hz, material.grit_s, chance, rate_hz)
        count = min(len(out), len(noise))
        out[:count] += grit * noise[:count] * (0.6 + 0.4 * strength)
        return out

    return hit


def struck(contact: str, name: str, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """What a strike, bounce, step, chop, slam or click sounds like on a material of `MATERIALS`."""
    material = MATERIALS[name]
    if contact == "step":
        return _stepping(name, size, chance, rate_hz)
    if contact == "chop":
        return _chopping(name, size, chance, rate_hz)
    if contact == "slam":
        return _slamming(material, size, chance, rate_hz)
    if contact == "click":
        return _clicking(material, size, chance, rate_hz)
    plain = body(material, size, chance, rate_hz)
    if name not in GRAINY:
        return plain
    grains = crushed(name, chance, rate_hz)
    return lambda strength, chance: layered(plain(strength, chance), (0, 1.0, grains(0.5 * strength, chance)))


def ratios(shape: str, count: int, chance: np.random.Generator) -> DoubleArray:
    """(K,) tones over the lowest, rising: of a free bar, a plate, a round skin, or an irregular block."""
    if shape == "bar":
        bends = (np.array([3.0112, *np.arange(5, 2 * count + 3, 2)]) / 3.0112) ** 2
        twists = chance.uniform(1.5, 2.4) * np.arange(1, count + 1)
        rows = np.sort(np.concatenate([bends, twists]))[:count]
    elif shape == "plate":
        side = chance.uniform(0.5, 0.95) ** 2
        grid = np.arange(1, 9)[:, None] ** 2 + side * np.arange(1, 9)[None] ** 2
        rows = np.sort(grid.ravel())[:count] / (1 + side)
    elif shape == "skin":
        zeros = np.sort(np.concatenate([jn_zeros(n, 5) for n in range(6)]))[:count]
        rows = zeros / zeros[0]
    else:
        rows = 1 + np.concatenate([[0], np.cumsum(chance.uniform(0.2, 0.9, count - 1))])
    return np.asarray(rows * np.concatenate([[1], 2 ** chance.uniform(-0.05, 0.05, count - 1)]), np.float64)


def decaying_tones(hz: DoubleArray, decay: DoubleArray, rate_hz: int) -> npt.NDArray[np.float32]:
    """(K, S) sines from phase 0 that fall by exp(-decay t), as long as the slowest takes to fall by 60 dB."""
    count = int(min(LONGEST_S, 6.9 / float(decay.min())) * rate_hz) + 1
    pole = (-decay + 2j * np.pi * hz) / rate_hz
    block = 512
    fine = np.exp(pole[:, None] * np.arange(block)).astype(np.complex64)
    coarse = np.exp(pole[:, None] * (block * np.arange(-(-count // block)))).astype(np.complex64)
    waves = (coarse[:, :, None] * fine[:, None, :]).imag.reshape(len(hz), -1)[:, :count]  # (K, S)
    fade = min(count, rate_hz // 50)
    waves[:, count - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.ascontiguousarray(waves, np.float32)


def burst(centre_hz: float, decay_s: float, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) noise two octaves wide around `centre_hz` that begins at once and dies in `decay_s`; power 1 at first."""
    count = int(7 * decay_s * rate_hz) + 8
    top = min(2 * centre_hz, 0.45 * rate_hz)
    sos = butter(1, (min(centre_hz, 0.5 * top) / 2, top), "bandpass", fs=rate_hz, output="sos")
    lead = rate_hz // 200  # the filter is already ringing when the burst begins
    noise = sosfilt(sos, chance.standard_normal(count + lead))[lead:]
    noise *= np.exp(-np.arange(count) / (decay_s * rate_hz))
    return np.asarray(noise / np.sqrt((noise[: max(8, int(decay_s * rate_hz))] ** 2).mean() + 1e-12), np.float64)


def layered(first: DoubleArray, *others: tuple[int, float, DoubleArray]) -> DoubleArray:
    """Sounds on top of each other; the others are (samples later, gain, sound)."""
    out = np.zeros(max([len(first), *(start + len(sound) for start, _, sound in others)]))
    out[: len(first)] = first
    for start, gain, sound in others:
        out[start : start + len(sound)] += gain * sound
    return out


def scattered(
    count: int,
    starts: npt.NDArray[np.int64],
    gains: DoubleArray,
    templates: Sequence[DoubleArray],
    choice: npt.NDArray[np.int64],
) -> DoubleArray:
    """(S,) grain g is `templates[choice[g]]`, from sample `starts[g]` on, `gains[g]` loud; S = count."""
    out = np.zeros(count + max(map(len, templates)))
    # Slices beat one large bincount, for most templates are far shorter than the longest.
    for start, gain, number in zip(starts.tolist(), gains.tolist(), choice.tolist(), strict=True):
        template = templates[number]
        out[start : start + len(template)] += gain * template
    return out[:count]


def swept(
    wave: DoubleArray, centres_hz: DoubleArray, widths_hz: DoubleArray, rate_hz: int, block: int = 441
) -> DoubleArray:
    """(S,) through one resonance that moves from block to block; centres_hz, widths_hz: (B,), B blocks of `block`."""
    out = np.empty_like(wave)
    state = np.zeros(2)
    radius = np.exp(-np.pi * widths_hz / rate_hz)
    turn = 2 * np.pi * np.minimum(centres_hz, 0.45 * rate_hz) / rate_hz
    first, second = -2 * radius * np.cos(turn), radius**2
    # Unit gain at the centre, about (Klatt 1980 has it at 0 Hz, which makes high resonances shout).
    gain = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(2 * turn) + radius**2)
    for number, start in enumerate(range(0, len(wave), block)):
        number = min(number, len(gain) - 1)
        feedback = (1.0, first[number], second[number])
        part, state = lfilter((gain[number], 0, 0), feedback, wave[start : start + block], zi=state)
        out[start : start + block] = part
    return out


def crushed(name: str, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A foot or body that crushes gravel, snow or earth: a cloud of grains, densest at the blow."""
    low_hz, high_hz, long_s, number, spread_s = {
        "gravel": (1500, 7000, 0.0025, 70, 0.06),
        "snow": (700, 4000, 0.0012, 420, 0.075),
        "earth": (300, 2400, 0.003, 60, 0.04),
    }[name]
    hz = np.exp(chance.uniform(np.log(low_hz), np.log(high_hz), 24))
    templates = [burst(float(centre), long_s * float(chance.uniform(0.5, 1)), chance, rate_hz) for centre in hz]
    length = max(map(len, templates))

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        grains = max(8, int(number * (0.5 + 0.5 * strength)))
        times_s = np.minimum(np.abs(chance.standard_normal(grains)) * spread_s, 4 * spread_s)
        gains = np.abs(chance.standard_normal(grains)) * np.exp(-times_s / spread_s) + 0.05
        times_s[:5], gains[:5] = 0, gains.max()  # what is heard first is the blow itself
        starts = (times_s * rate_hz).astype(np.int64)
        count = int(4 * spread_s * rate_hz) + length + 1
        return scattered(count, starts, gains, templates, chance.integers(len(templates), size=grains))

    return hit


def _stepping(name: str, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """Heel, then the ball of the foot; the ground sounds, or is crushed."""
    material = MATERIALS[name]
    ground = body(replace(material, drag=material.drag + 30, grit=max(material.grit, 0.5)), size, chance, rate_hz)
    sole = body(MATERIALS["rubber"], 0.5 + 0.3 * size, chance, rate_hz)
    grains = crushed(name, chance, rate_hz) if name in GRAINY else None
    gap = int(chance.uniform(*TOE_S) * rate_hz)
    solid = 0.25 if grains is not None else 1.0

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        toe = 0.35 * 2 ** (0.3 * chance.standard_normal())
        out = layered(
            solid * ground(strength, chance),
            (0, 0.5 * solid, sole(strength, chance)),
            (gap, toe * solid, ground(0.6 * strength, chance)),
        )
        if grains is None:
            return out
        return layered(out, (0, 1.0, grains(strength, chance)), (gap, toe, grains(0.7 * strength, chance)))

    return hit


def _chopping(name: str, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """The blade meets the board through what is cut, or what is cut itself (a log)."""
    board = body(MATERIALS["wood"], 0.35 + 0.5 * size, chance, rate_hz)
    blade = body(replace(MATERIALS["metal"], drag=70, loss=0.004), 0.2, chance, rate_hz)
    cut = body(MATERIALS[name], size, chance, rate_hz)
    crunch = crushed("gravel", chance, rate_hz)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        return layered(
            board(strength, chance),
            (0, 0.25, blade(strength, chance)),
            (0, 0.5, cut(strength, chance)),
            (0, 0.12, crunch(0.4 * strength, chance)),
        )

    return hit


def _slamming(material: Material, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A leaf falls into its frame: the leaf, the air's thump, then the latch."""
    leaf = body(replace(material, drag=material.drag + 14, grit=0.6), max(size, 0.6), chance, rate_hz)
    thump = body(replace(MATERIALS["cloth"], drag=22, grit=0.4), 0.5 + 0.5 * size, chance, rate_hz)
    latch = body(replace(MATERIALS["metal"], drag=90, grit=0.5), 0.25, chance, rate_hz)
    later = int(chance.uniform(0.02, 0.06) * rate_hz)

    def hit(strength: float, chance: np.random.Generator) -> DoubleArray:
        return layered(leaf(strength, chance), (0, 1.2, thump(strength, chance)), (later, 0.3, latch(strength, chance)))

    return hit


def _clicking(material: Material, size: float, chance: np.random.Generator, rate_hz: int) -> Hit:
    """A small part that stops at once: a key, an escapement."""
    brisk = replace(
        material, small_hz=1.3 * material.small_hz, drag=material.drag + 160, contact_s=0.0001, grit=0.6, grit_s=0.002
    )
    part = body(replace(brisk, grit_hz=min(7000.0, 1.3 * material.grit_hz)), size, chance, rate_hz)
    case = body(replace(MATERIALS["plastic"], drag=120), 0.35 + 0.4 * size, chance, rate_hz)
    return lambda strength, chance: layered(part(strength, chance), (0, 0.35, case(strength, chance)))
