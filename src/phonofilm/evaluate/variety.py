"""Do takes differ? Distances between takes of one prompt, beside distances between recordings of one class.

Dimension letters: N sounds, H width of the embedding, B bands, K frequency bins, S samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.evaluate.meaning import hearable
from phonofilm.types import Waveform

Vectors = npt.NDArray[np.float64]

RANGE_DB = 60.0
"""Bands further than this under the loudest count as equally silent."""


@dataclass(frozen=True)
class Variety:
    """Mean distances between takes of one prompt and between recordings of one class, each pair of other sources.

    embedding: Euclidean, in the listener's embedding. spectrum_db: see `spectra`.
    """

    embedding: float
    real_embedding: float
    spectrum_db: float
    real_spectrum_db: float

    @property
    def embedding_ratio(self) -> float:
        """1: takes differ as recordings of different sources do; 0: all takes are alike."""
        return self.embedding / self.real_embedding

    @property
    def spectrum_ratio(self) -> float:
        """As `embedding_ratio`, of the spectra."""
        return self.spectrum_db / self.real_spectrum_db


def spectra(sounds: Sequence[Waveform]) -> Vectors:
    """(N, B) mean mel spectrum of each sound in dB, its mean level taken out, the lowest RANGE_DB under its top."""
    mel, rows = MelSpectrogram(MEL_44K), []
    for sound in sounds:
        wave = hearable(sound)  # (1, S)
        short = max(2 * MEL_44K.n_fft, -(-wave.shape[1] // MEL_44K.hop) * MEL_44K.hop) - wave.shape[1]
        magnitude = mel(torch.nn.functional.pad(wave, (0, short)))[0].exp().square().mean(dim=1)  # (B,)
        level_db = 10 * magnitude.log10().numpy().astype(np.float64)
        level_db = np.maximum(level_db, level_db.max() - RANGE_DB)
        rows.append(level_db - level_db.mean())
    return np.stack(rows) if rows else np.zeros((0, MEL_44K.bands))


def mean_distance(points: Vectors, groups: Sequence[str] | None = None) -> float:
    """Mean Euclidean distance between the (N, H) points, over pairs of different `groups` where given; nan for none."""
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)  # (N, N)
    pairs = np.triu(np.ones(gaps.shape, bool), 1)
    if groups is not None:
        names = np.asarray(groups)
        pairs &= names[:, None] != names[None, :]
    return float(gaps[pairs].mean()) if pairs.any() else float("nan")


def variety(
    made: Sequence[Waveform], made_embedding: Vectors, real: Sequence[Waveform], real_embedding: Vectors,
    groups: Sequence[str],
) -> Variety:  # fmt: skip
    """How far takes of one prompt (N) lie from each other, beside recordings of the class asked for and their sources.

    Does not see: whether the differences are good ones (takes of which half are wrong differ most: read it beside
    meaning and quality); differences in rhythm, since the embedding and the mean spectrum know little of when; takes
    that differ from each other but repeat the training recordings.
    """
    scale = np.sqrt(MEL_44K.bands)  # a Euclidean distance over bands becomes a root mean square in dB
    return Variety(
        embedding=mean_distance(made_embedding),
        real_embedding=mean_distance(real_embedding, groups),
        spectrum_db=mean_distance(spectra(made)) / scale,
        real_spectrum_db=mean_distance(spectra(real), groups) / scale,
    )
