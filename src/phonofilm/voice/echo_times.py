"""When words are spoken in sound without times: found by comparison with the same words in a voice that has them.

Both are cut into frames of mel bands, levelled, and laid over each other by dynamic time warping (Sakoe and Chiba 1978,
symmetric steps); the times of the one voice are carried along the path to the other.

Dimension letters: S samples, M mel bands, F, G frames of the two sounds.
"""

import numpy as np
import numpy.typing as npt
import soxr

from phonofilm.types import FloatArray
from phonofilm.voice.speak import Mark, Spoken

Floats = npt.NDArray[np.float64]
RATE_HZ = 16_000
WINDOW, HOP = 400, 160
"""25 ms every 10 ms, as in speech recognition."""
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100.0, 6000.0
FLOOR = 1e-4
"""Of the loudest band: 40 dB below it is silence, whatever it is made of."""


def times_like(samples: FloatArray, rate_hz: int, known: Spoken) -> Spoken:
    """The sound (S,) as a spoken line, with the words and speech sounds of `known`, the same text in another voice."""
    length_s = len(samples) / rate_hz
    path = _path(_features(known.samples, known.rate_hz), _features(samples, rate_hz))
    from_s, to_s = (
        np.array([step[0] for step in path]) * HOP / RATE_HZ,
        np.array([step[1] for step in path]) * HOP / RATE_HZ,
    )
    from_s, places = np.unique(from_s, return_inverse=True)
    # Where many frames stand for one, their middle is meant.
    to_s = np.bincount(places, weights=to_s) / np.bincount(places)

    def carried(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        begins = np.clip(np.interp([mark.start_s for mark in marks], from_s, to_s), 0, length_s)
        ends = np.clip(np.interp([mark.end_s for mark in marks], from_s, to_s), 0, length_s)
        return tuple(
            Mark(mark.text, float(begin), float(end))
            for mark, begin, end in zip(marks, begins, ends, strict=True)
            if end > begin
        )

    return Spoken(samples, rate_hz, carried(known.words), carried(known.phonemes))


def _features(samples: FloatArray, rate_hz: int) -> Floats:
    """(F, M) logarithmic mel bands, each levelled over time."""
    sound = soxr.resample(samples.astype(np.float64), rate_hz, RATE_HZ)
    sound = np.pad(sound, (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * np.hanning(WINDOW)  # (F, WINDOW)
    power = np.abs(np.fft.rfft(frames, 512)) ** 2  # (F, 257)
    mel = power @ _mel_bands().T  # (F, M)
    logs = np.log(np.maximum(mel / max(float(mel.max()), 1e-12), FLOOR))
    return np.asarray((logs - logs.mean(axis=0)) / (logs.std(axis=0) + 1e-3))


def _mel_bands() -> Floats:
    """(M, 257) triangles, evenly spaced in mel (2595 log10(1 + f / 700))."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    corners = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)  # (M + 2,)
    bins = np.fft.rfftfreq(512, 1 / RATE_HZ)
    up = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    down = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(up, down))


def _path(one: Floats, other: Floats) -> list[tuple[int, int]]:
    """The cheapest way from the first frames to the last, each step moving on in one sound or both."""
    costs = np.sqrt(np.maximum(0.0, ((one[:, None] - other[None]) ** 2).mean(axis=-1)))  # (F, G)
    total = np.full((len(one) + 1, len(other) + 1), np.inf)
    total[0, 0] = 0.0
    for row in range(1, len(one) + 1):
        above, line = total[row - 1], total[row]
        for column in range(1, len(other) + 1):
            cost = costs[row - 1, column - 1]
            line[column] = min(above[column - 1] + 2 * cost, above[column] + cost, line[column - 1] + cost)
    path, row, column = [], len(one), len(other)
    while row and column:
        path.append((row - 1, column - 1))
        before = (total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
        step = int(np.argmin(before))
        row, column = row - (step != 2), column - (step != 1)
    return path[::-1]
