"""How good does it sound? Sets of sounds against sets of recordings, and what can be read off one sound alone.

The Fréchet distance (Dowson and Landau 1982) takes each set for a Gaussian in an embedding and measures how far one has
to be moved and stretched to become the other: Heusel et al. 2017 for pictures, Kilgour et al. 2019 for sound. Here the
embedding is the listener's.

A class has a few dozen recordings at most and the embedding has 256 dimensions. A full covariance of so few points is
mostly chance: its error is larger than what separates a class from another, and sounds that are all alike would come
out nearer to the recordings than other recordings do. So within a class only the variances count, along the principal
axes of the recordings with their class means removed, pooled over all classes (`fit_axes`): the pool says in which
directions sounds of one class differ, each class by how much. What bias is left depends on the number of sounds, so
both sides and the floor always have the same number (`compare_class`). Over all classes at once there are hundreds of
sounds, and the full covariance is used (`frechet`).

Dimension letters: N sounds, M others, H width of the embedding, S samples, W windows, K frequency bins.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import welch

from phonofilm.codec.listener import Listener
from phonofilm.errors import InputError
from phonofilm.evaluate.meaning import hearable
from phonofilm.mix.loudness import integrated_lufs, true_peak
from phonofilm.types import FloatArray, Waveform

Vectors = npt.NDArray[np.float64]

FALL_DB = 60.0
"""What lies this far under the strongest sixth of an octave is not heard beside it."""
WINDOW_S = 0.05
QUIETEST_SHARE = 0.05
FLAT_SAMPLES = 3
"""So many equal samples at the top are a cut-off peak; a wave of 20 Hz and more moves on by more than rounding."""
LOWEST_DB = -120.0


@dataclass(frozen=True)
class Technical:
    """One sound by itself. Levels in dB of full scale unless they say otherwise; LOWEST_DB stands for silence.

    level_lufs: integrated loudness. peak_db: true peak. rolloff_hz: the highest frequency within FALL_DB of the
    strongest.
    energy_hz: below it lies 95 % of the energy. clipped_share: of the samples. dc_share: of the root mean square.
    floor_db: mean level of the quietest 5 % of the windows of 50 ms.
    """

    level_lufs: float
    peak_db: float
    rolloff_hz: float
    energy_hz: float
    clipped_share: float
    dc_share: float
    floor_db: float


@dataclass(frozen=True)
class Distance:
    """Generated sounds against recordings. floor: recordings against recordings of other sources, just as many.

    count: sounds on either side of every comparison.
    """

    count: int
    distance: float
    floor: float

    @property
    def ratio(self) -> float:
        """1: as near as recordings are to each other."""
        return self.distance / self.floor


def embed_sounds(sounds: Sequence[Waveform], listener: Listener) -> Vectors:
    """(N, H) embeddings of sounds of any rate, level, length and number of channels."""
    rows = [listener.embed(hearable(sound)) for sound in sounds]
    return np.asarray(torch.cat(rows).numpy() if rows else np.zeros((0, listener.config.head)), np.float64)


def frechet(one: Vectors, other: Vectors) -> float:
    """Squared Fréchet distance between the Gaussians with the means and covariances of (N, H) and (M, H), N, M > 1.

    Does not see: more than means and covariances (two kinds of bark and their average are alike); whether sounds are
    copies of recordings; anything the embedding drops (level, phase, everything faster than 23 ms). With fewer sounds
    than dimensions it is mostly bias: compare only figures of equal N and M.
    """
    left, right = _reduced(_centred(one)), _reduced(_centred(other))
    gap = float(((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum())
    # tr (A B)^(1/2) for A = l'l and B = r'r is the nuclear norm of l r': no root of a matrix, exact for any rank.
    shared = float(np.linalg.norm(left @ right.T, "nuc"))
    return max(0.0, gap + float((left**2).sum() + (right**2).sum()) - 2 * shared)


def frechet_along(one: Vectors, other: Vectors) -> float:
    """As `frechet` when the dimensions are independent: for few sounds, turned into common axes.

    Does not see: what `frechet` does not, and how dimensions move together in one set and not in the other.
    """
    gap = float(((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum())
    return gap + float(((one.std(axis=0, ddof=1) - other.std(axis=0, ddof=1)) ** 2).sum())


def _centred(points: Vectors) -> Vectors:
    centred: Vectors = (points - points.mean(axis=0)) / math.sqrt(len(points) - 1)
    return centred


def _reduced(points: Vectors) -> Vectors:
    """(N, H) → (at most H, H) with the same p'p, so that thousands of sounds cost no more than H do."""
    return np.asarray(np.linalg.qr(points, mode="r")) if len(points) > points.shape[1] else points


def fit_axes(classes: Mapping[str, Vectors]) -> Vectors:
    """(H, H) orthogonal principal axes, in columns, of several classes' (N, H) with their class means removed."""
    within = np.concatenate([points - points.mean(axis=0) for points in classes.values()])  # (N, H)
    axes: Vectors = np.linalg.eigh(within.T @ within)[1]
    return axes


def halves(groups: Sequence[str], generator: np.random.Generator) -> tuple[list[int], list[int]]:
    """Indices of two halves that share no source, as even as the sizes of the sources allow. groups: (N,)."""
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    names = list(members)
    order = [names[i] for i in generator.permutation(len(names))]
    order.sort(key=lambda name: -len(members[name]))  # stable: equal sizes stay shuffled
    first: list[int] = []
    second: list[int] = []
    for name in order:
        smaller = first if (len(first), generator.random()) < (len(second), 0.5) else second
        smaller += members[name]
    return first, second


def compare_class(
    made: Vectors, real: Vectors, groups: Sequence[str], splits: int, seed: int = 0, *, full: bool = False
) -> Distance:
    """Distance of made sounds (N, H) to recordings (M, H), and of recordings to recordings: means over random splits.

    The floor falls with the number of sounds while a true difference stays: a ratio means something together with its
    count only. With 16 a side, on recordings: other recordings of the class 1.1, one recording 16 times 8, recordings
    of another class 20 (4 at the least); with full covariances 1, 2 and 6.

    Every split parts the recordings by source (`groups`) into two halves; as many made sounds, recordings of one half
    and of the other are drawn. Both sets must be turned into common axes (`fit_axes`) unless `full`.

    Does not see: that the generator has learnt from most of these recordings, so sounds that copy them are not told
    from sounds as good as them; that sources which all differ from each other make a high floor and a low ratio easy;
    and what `frechet` does not.

    Raises InputError when a side has fewer than two sounds.
    """
    generator = np.random.default_rng(seed)
    measure = frechet if full else frechet_along
    distances, floors, count = [], [], 0
    for _ in range(splits):
        first, second = halves(groups, generator)
        count = min(len(made), len(first), len(second))
        if count < 2:
            raise InputError(
                f"{len(made)} made sounds, recordings {len(first)} and {len(second)}; give two of each side"
            )
        ours, here, there = (generator.permutation(side)[:count] for side in (len(made), first, second))
        distances.append(measure(made[ours], real[here]))
        floors.append(measure(real[there], real[here]))
    return Distance(count, float(np.mean(distances)), float(np.mean(floors)))


def technical(sound: Waveform) -> Technical:
    """What can be read off one sound by itself; channels are averaged but for loudness, peak and clipping.

    Does not see: whether it is pleasant, natural or right (a recording of a telephone is rightly narrow, a harpsichord
    has no noise floor to speak of). Clipping that was turned down stays visible, but not when it went through lossy
    coding. Noise is not told from quiet sound that was asked for: for the floor of a scene of rain read the rain.
    """
    mono = sound.samples.mean(axis=0, dtype=np.float64)  # (S,)
    rolloff_hz, energy_hz = _spectrum_ends(mono, sound.rate_hz)
    rms = math.sqrt(float((mono**2).mean())) if len(mono) else 0.0
    return Technical(
        level_lufs=max(LOWEST_DB, integrated_lufs(sound)),
        peak_db=_db(true_peak(sound)),
        rolloff_hz=rolloff_hz,
        energy_hz=energy_hz,
        clipped_share=clipped_share(sound.samples),
        dc_share=abs(float(mono.mean())) / rms if rms else 0.0,
        floor_db=_floor_db(mono, sound.rate_hz),
    )


def _db(amplitude: float) -> float:
    return max(LOWEST_DB, 20 * math.log10(max(amplitude, 1e-12)))


def _spectrum_ends(mono: Vectors, rate_hz: int) -> tuple[float, float]:
    """(rolloff, end of 95 % of the energy) in Hz; 0 for silence."""
    if len(mono) < 64 or not np.any(mono):
        return 0.0, 0.0
    hz, power = welch(mono, rate_hz, nperseg=min(4096, len(mono)), detrend=False)  # (K,)
    # Means over a sixth of an octave, so that a single bin of noise does not set the end.
    low, high = np.searchsorted(hz, hz * 2 ** (-1 / 12)), np.searchsorted(hz, hz * 2 ** (1 / 12), side="right")
    total = np.concatenate([[0.0], np.cumsum(power)])
    smooth = (total[high] - total[low]) / np.maximum(1, high - low)  # (K,)
    loud = np.flatnonzero(smooth >= smooth.max() * 10 ** (-FALL_DB / 10))
    return float(hz[loud[-1]]), float(hz[np.searchsorted(total[1:], 0.95 * total[-1])])


def clipped_share(samples: FloatArray) -> float:
    """Share of samples (C, S) that lie in runs of FLAT_SAMPLES or more at the same value within 2 % of the loudest.

    Does not see: soft clipping, and clipping that lossy coding or another rate has rounded since.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if samples.shape[1] < FLAT_SAMPLES or peak < 1e-3:
        return 0.0
    still = (np.abs(np.diff(samples)) <= 1e-6 * peak) & (np.abs(samples[:, 1:]) >= 0.98 * peak)  # (C, S-1)
    run = sliding_window_view(still, FLAT_SAMPLES - 1, axis=1).all(axis=2)  # (C, S-2)
    inside = np.zeros(samples.shape, bool)
    for shift in range(FLAT_SAMPLES):
        inside[:, shift : shift + run.shape[1]] |= run
    return float(inside.mean())


def _floor_db(mono: Vectors, rate_hz: int) -> float:
    width = round(WINDOW_S * rate_hz)
    count = len(mono) // width
    if not count:
        return LOWEST_DB
    power = np.sort((mono[: count * width].reshape(count, width) ** 2).mean(axis=1))  # (W,)
    quietest = power[: max(1, round(QUIETEST_SHARE * count))]
    return _db(math.sqrt(float(quietest.mean())))
