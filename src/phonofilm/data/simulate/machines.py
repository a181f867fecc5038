"""Engines and machines: pulses at a steady rate through pipes and housings.

An engine is a row of firings, no two cylinders quite alike, that ring in the exhaust (Baldan et al., "Physically
informed car engine sound synthesis for virtual and augmented environments", SIVE 2015). What moves across the picture
is heard a little higher before it passes and a little lower after.

Dimension letters: S samples.
"""

import numpy as np
from scipy.signal import lfilter

from phonofilm.data.simulate.air import coloured, wander
from phonofilm.data.simulate.modal import DoubleArray

IDLE_HZ, HUM_HZ = 28.0, 50.0
CYLINDERS = 4
DOPPLER = 0.03
"""Largest change of pitch by movement: what 10 m/s gives."""
DOPPLER_SMOOTHING_S = 0.3


def engine(
    levels: DoubleArray, places: DoubleArray, firing_hz: float, chance: np.random.Generator, rate_hz: int
) -> DoubleArray:
    """(S,) an engine that fires `firing_hz` times a second (0: idles); under load (level) it is louder and harsher."""
    count = len(levels)
    steady = 1 + 0.004 * (wander(count, 3.0, chance, rate_hz) - 0.5)
    phase = np.cumsum((firing_hz or IDLE_HZ) * _doppler(places, rate_hz) * steady) / rate_hz
    pulses = _pulses(phase, 1 + 0.1 * chance.standard_normal(CYLINDERS), chance)
    out = _even(lfilter([1], [1, -np.exp(-1 / (0.0015 * rate_hz))], pulses))
    for low_hz, high_hz, width_hz, gain in ((70, 130, 50, 1.0), (180, 320, 80, 0.8), (450, 800, 160, 0.5)):
        out = out + gain * _even(resonance(pulses, chance.uniform(low_hz, high_hz), width_hz, rate_hz))
    out = _even(out)
    breath = coloured(count, ((80, -10), (250, -2), (800, 0), (2000, -3), (6000, -12), (12000, -26)), chance, rate_hz)
    hiss = breath * (0.25 + (1 - phase % 1) ** 4)
    return np.asarray(levels * (0.8 * out + (0.2 + 0.35 * levels) * hiss), np.float64)


def machine(levels: DoubleArray, beat_hz: float, chance: np.random.Generator, rate_hz: int) -> DoubleArray:
    """(S,) mains hum with harmonics, the whirr of a rotor, and its beat (`beat_hz` times a second, 0: none)."""
    count = len(levels)
    time_s = np.arange(count) / rate_hz
    orders = np.arange(2, 26, 2)
    weights = chance.uniform(0.2, 1, len(orders)) / orders**0.7
    hum = np.zeros(count)
    for order, weight in zip(orders, weights, strict=True):
        hum += weight * np.sin(2 * np.pi * (HUM_HZ * order * time_s + chance.random()))
    whirr_hz = chance.uniform(300, 900)
    noise = coloured(count, ((40, -14), (120, -8), (500, 0), (1500, -1), (5000, -6), (12000, -16)), chance, rate_hz)
    whirr = resonance(noise, whirr_hz, 0.04 * whirr_hz, rate_hz) + resonance(noise, 2.4 * whirr_hz, 60, rate_hz)
    beat = 0.55 + 0.45 * np.cos(2 * np.pi * beat_hz * time_s) if beat_hz > 0 else np.ones(count)
    return np.asarray(levels * (0.5 * hum + beat * (0.35 * noise + 0.8 * whirr)), np.float64)


def resonance(wave: DoubleArray, centre_hz: float, width_hz: float, rate_hz: int) -> DoubleArray:
    """(S,) through one fixed resonance, of gain 1 at its centre."""
    radius = np.exp(-np.pi * width_hz / rate_hz)
    turn = 2 * np.pi * centre_hz / rate_hz
    gain = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(2 * turn) + radius**2)
    return np.asarray(lfilter([gain], [1, -2 * radius * np.cos(turn), radius**2], wave), np.float64)


def _even(wave: DoubleArray) -> DoubleArray:
    """(S,) without a steady part, at power 1."""
    wave = wave - wave.mean()
    return np.asarray(wave / np.sqrt((wave**2).mean() + 1e-12), np.float64)


def _doppler(places: DoubleArray, rate_hz: int) -> DoubleArray:
    """(S,) factor of the pitch: above 1 while it comes towards the middle of the picture."""
    step = max(1, int(DOPPLER_SMOOTHING_S * rate_hz))
    ahead, behind = np.append(places[step:], np.full(min(step, len(places)), places[-1])), places
    speed = (ahead - behind) * rate_hz / step
    return np.asarray(1 - DOPPLER * np.tanh(2 * places * speed), np.float64)


def _pulses(phase: DoubleArray, cylinders: DoubleArray, chance: np.random.Generator) -> DoubleArray:
    """(S,) an impulse where the phase passes a whole number, shared between two samples."""
    turns = np.floor(phase).astype(np.int64)
    at = np.flatnonzero(np.diff(turns)) + 1
    late = (phase[at] - turns[at]) / np.maximum(phase[at] - phase[at - 1], 1e-12)
    strength = cylinders[turns[at] % len(cylinders)] * (1 + 0.06 * chance.standard_normal(len(at)))
    out = np.zeros(len(phase))
    np.add.at(out, at, strength * (1 - late))
    np.add.at(out, at - 1, strength * late)
    return out
