"""The field's measures of video-to-audio, by the networks of others, on films and the real sound of the same names.

As av-benchmark measures (https://github.com/hkchengrex/av-benchmark; Cheng et al. 2025, "MMAudio",
https://arxiv.org/abs/2412.15322): the same networks out of the same files, the same inputs, the same arithmetic. A
network is asked when its file is there, one after the other, so that memory never holds two.

What is left out of that benchmark: MS-CLAP, whose published program cuts a random 7 s out of every sound, so that its
figure differs from run to run.

Dimension letters: N sounds, P patches of all sounds, D width of features, K classes, G segments of 0.64 s, E width of a
common space.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phonofilm.encoders.resize import short_edge_pixels, sync_pixels
from phonofilm.errors import InputError, ModelError, OptionError
from phonofilm.evaluate.official_inputs import pictures, sound
from phonofilm.evaluate.official_pairs import Pair
from phonofilm.evaluate.official_scores import desync, inception_score, kl_divergence, likeness
from phonofilm.evaluate.quality import Vectors, frechet
from phonofilm.judges import clap, htsat, imagebind, panns, passt, synchformer, vggish
from phonofilm.judges.judgement import Judgement
from phonofilm.types import Progress, no_progress
from phonofilm.weights import official as weights
from phonofilm.weights.fetch import chosen_folder

LENGTH_S = 8.0
"""As published: VGGSound's test clips, cut to 8 s."""
SHORTEST_S = 1.0
SYNC_RATE_HZ = Fraction(25)
IMAGEBIND_RATE_HZ = Fraction(1, 2)
IMAGEBIND_SHORTEST_S = 4.0
"""Two frames."""


@dataclass(frozen=True)
class Figure:
    """One measure. better: "lower" or "higher". unit: "" for a pure number. count: how many sounds it is over."""

    name: str
    value: float
    better: str
    unit: str
    count: int


@dataclass(frozen=True)
class Official:
    """What was measured, and what was not with the reason. files: network → the file it was read from."""

    figures: tuple[Figure, ...]
    left_out: tuple[tuple[str, str], ...]
    files: dict[str, Path]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "figures": [asdict(figure) for figure in self.figures],
            "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out],
            "files": {judge: str(path) for judge, path in self.files.items()},
        }


@dataclass(frozen=True)
class _Job:
    """What every judge needs."""

    pairs: Sequence[Pair]
    weights_dir: Path | None
    length_s: float
    device: torch.device
    progress: Progress

    def sounds(self, paths: Sequence[Path], rate_hz: int, stage: str, **how: bool) -> Iterator[Tensor]:
        """(S,) each, on the device."""
        for index, path in enumerate(paths):
            self.progress(stage, index / len(paths))
            yield sound(path, rate_hz, self.length_s, **how).to(self.device)
        self.progress(stage, 1.0)

    @property
    def made(self) -> list[Path]:
        return [pair.made for pair in self.pairs]

    @property
    def real(self) -> list[Path]:
        return [pair.real for pair in self.pairs]

    def seen(self) -> list[Path]:
        """The files whose pictures count. Raises InputError when one of the pairs has none."""
        found = [pair.picture for pair in self.pairs]
        blind = [pair.name for pair in self.pairs if pair.picture is None]
        if blind:
            raise InputError(f"there is no picture to {', '.join(blind[:3])}; give films, or films as references")
        return [path for path in found if path is not None]


Outcome = Figure | tuple[str, str]
"""A measure, or its name and why it was left out."""


def measure_official(
    pairs: Sequence[Pair],
    weights_dir: Path | None,
    *,
    length_s: float = LENGTH_S,
    device: torch.device | None = None,
    progress: Progress = no_progress,
) -> Official:
    """Every measure whose network is in `weights_dir` (else $PHONOFILM_WEIGHTS_DIR), over all pairs.

    length_s: how much of each is compared, from its beginning. device: None is the CPU. Networks compute in float32.

    A measure is left out, with the reason, when its file is not there, when it needs pictures, captions or more sounds
    than there are, or more seconds. Raises OptionError for a length that nothing can be measured in, MediaError when a
    file cannot be read or is too short, ModelError when a file of weights is damaged or another network.
    """
    if not length_s >= SHORTEST_S:
        raise OptionError(f"length is {length_s} s; {SHORTEST_S:g} s or more are wanted")
    own = chosen_folder(weights_dir)
    if own is not None and not own.is_dir():
        raise ModelError(f"the weights folder {own} is no folder; give the one that holds the networks' files")
    job = _Job(pairs, weights_dir, length_s, torch.device("cpu") if device is None else device, progress)
    figures: list[Figure] = []
    left_out: list[tuple[str, str]] = []
    files = {}
    for judge, (names, measure) in MEASURES.items():
        path = weights.find_judge(judge, weights_dir)
        if path is None:
            left_out += [(name, weights.missing(judge, weights_dir)) for name in names]
            continue
        outcomes = measure(job)
        figures += [outcome for outcome in outcomes if isinstance(outcome, Figure)]
        left_out += [outcome for outcome in outcomes if not isinstance(outcome, Figure)]
        if any(isinstance(outcome, Figure) for outcome in outcomes):
            files[judge] = path
    return Official(tuple(figures), tuple(left_out), files)


def fd_vgg(job: _Job) -> list[Outcome]:
    """Fréchet distance of VGGish's embeddings of 0.96 s, those of all sounds together: also called FAD.

    Does not see: what `quality.frechet` does not; more than 7.5 kHz; time beyond a second.
    """
    network = weights.load_vggish(job.weights_dir, job.device)
    made = torch.cat([network(x) for x in job.sounds(job.made, vggish.RATE_HZ, "VGGish")])  # (P, D)
    real = torch.cat([network(x) for x in job.sounds(job.real, vggish.RATE_HZ, "VGGish, real")])
    return [_frechet("FD_VGG", made, real, len(job.pairs))]


def fd_kl_is_panns(job: _Job) -> list[Outcome]:
    """Fréchet distance, divergence and Inception Score of PANNs' Cnn14 at 16 kHz.

    Does not see: more than 8 kHz; what `quality.frechet`, `kl_divergence` and `inception_score` do not.
    """
    return _classified(job, "PANNs", weights.load_panns(job.weights_dir, job.device), panns.RATE_HZ)


def fd_kl_is_passt(job: _Job) -> list[Outcome]:
    """Fréchet distance, divergence and Inception Score of PaSST at 32 kHz, sounds filled up to 10 s with silence.

    Does not see: more than 15 kHz; what `quality.frechet`, `kl_divergence` and `inception_score` do not.
    """
    return _classified(job, "PaSST", weights.load_passt(job.weights_dir, job.device), passt.RATE_HZ)


def desync_synchformer(job: _Job) -> list[Outcome]:
    """DeSync: what Synchformer takes for the offset of sound and picture, over the first 4.8 s and over the last.

    Pictures are those of the film (or of the reference, where films are sounds) at 25 frames a second; the real sound
    is not heard. Does not see: what `desync` does not.
    """
    if job.length_s < synchformer.COMPARED_S:
        return [("DeSync", f"needs {synchformer.COMPARED_S} s of every film, and {job.length_s:g} s are compared")]
    try:
        films = job.seen()
    except InputError as error:
        return [("DeSync", str(error))]
    seeing, judge = weights.load_synchformer(job.weights_dir, job.device)
    rows = []
    hearing = job.sounds(job.made, synchformer.RATE_HZ, "Synchformer", centred=False)
    for film, samples in zip(films, hearing, strict=True):
        rows_seen = seeing.features(pictures(film, SYNC_RATE_HZ, job.length_s, sync_pixels))  # (8 G, D)
        seen = rows_seen.view(-1, synchformer.SEEN_A_SEGMENT, rows_seen.shape[1])  # (G, 8, D)
        heard = judge.listen(samples)  # (G, 6, D)
        count = synchformer.SEGMENTS
        rows.append(judge.compare(seen[None, :count], heard[None, :count]))
        rows.append(judge.compare(seen[None, -count:], heard[None, -count:]))
    value = desync(torch.cat(rows), synchformer.OFFSETS_S)
    return [Figure("DeSync", value, "lower", "s", len(films))]


def ib_score(job: _Job) -> list[Outcome]:
    """IB-score: cosine of a film and its sound in ImageBind's space.

    Pictures are a frame every 2 s; of the sound the left channel is heard, in three pieces of 2 s: both as in the
    benchmark. The real sound is not heard. Does not see: what `likeness` does not.
    """
    if job.length_s < IMAGEBIND_SHORTEST_S:
        return [("IB-score", f"needs {IMAGEBIND_SHORTEST_S:g} s of every film, and {job.length_s:g} s are compared")]
    try:
        films = job.seen()
    except InputError as error:
        return [("IB-score", str(error))]
    network = weights.load_imagebind(job.weights_dir, job.device)
    heard = [network.hear(x) for x in job.sounds(job.made, imagebind.RATE_HZ, "ImageBind", left=True, centred=False)]
    seen = []
    for index, film in enumerate(films):
        job.progress("ImageBind, pictures", index / len(films))
        frames = pictures(film, IMAGEBIND_RATE_HZ, job.length_s, lambda rgb: short_edge_pixels(rgb, imagebind.EDGE))
        seen.append(network.see(frames.to(job.device)))
    value = likeness(torch.stack(seen), torch.stack(heard))
    return [Figure("IB-score", value, "higher", "", len(films))]


def clap_score(job: _Job) -> list[Outcome]:
    """LAION-CLAP score: cosine of a caption and a sound. The real sound is not heard.

    Does not see: what `likeness` does not, and the picture; it is as good as the captions.
    """
    if not all(pair.caption for pair in job.pairs):
        return [("LAION-CLAP", "needs a caption to every film; give captions")]
    if job.length_s > clap.LONGEST_S:
        return [("LAION-CLAP", f"hears {clap.LONGEST_S:g} s at most, and {job.length_s:g} s are compared")]
    network, tokenize = weights.load_clap(job.weights_dir, job.device)
    heard = torch.stack([network.hear(x) for x in job.sounds(job.made, htsat.RATE_HZ, "LAION-CLAP")])  # (N, E)
    read = torch.stack([network.read(tokenize(pair.caption)) for pair in job.pairs])  # (N, E)
    return [Figure("LAION-CLAP", likeness(read, heard), "higher", "", len(heard))]


def _judged(network: Callable[[Tensor], Judgement], sounds: Iterator[Tensor]) -> Judgement:
    """(N, D) and (N, K) on the CPU."""
    rows = [network(samples[None]) for samples in sounds]
    return Judgement(torch.cat([row.features for row in rows]).cpu(), torch.cat([row.logits for row in rows]).cpu())


def _classified(job: _Job, name: str, network: Callable[[Tensor], Judgement], rate_hz: int) -> list[Outcome]:
    """The three measures of a classifier."""
    made = _judged(network, job.sounds(job.made, rate_hz, name))
    real = _judged(network, job.sounds(job.real, rate_hz, f"{name}, real"))
    count = len(made.logits)
    outcomes = [_frechet(f"FD_{name}", made.features, real.features, count)]
    outcomes.append(Figure(f"KL_{name}", kl_divergence(made.logits, real.logits), "lower", "nats", count))
    try:
        outcomes.append(Figure(f"IS_{name}", inception_score(made.logits)[0], "higher", "", count))
    except InputError as error:
        outcomes.append((f"IS_{name}", str(error)))
    return outcomes


def _frechet(name: str, made: Tensor, real: Tensor, count: int) -> Outcome:
    if min(len(made), len(real)) < 2:
        return name, f"needs two sounds or more, and there is {count}"
    return Figure(name, frechet(_vectors(made), _vectors(real)), "lower", "", count)


def _vectors(features: Tensor) -> Vectors:
    return np.asarray(features.cpu().numpy(), np.float64)


MEASURES: dict[str, tuple[tuple[str, ...], Callable[[_Job], list[Outcome]]]] = {
    "passt": (("FD_PaSST", "KL_PaSST", "IS_PaSST"), fd_kl_is_passt),
    "panns": (("FD_PANNs", "KL_PANNs", "IS_PANNs"), fd_kl_is_panns),
    "vggish": (("FD_VGG",), fd_vgg),
    "imagebind": (("IB-score",), ib_score),
    "synchformer": (("DeSync",), desync_synchformer),
    "clap": (("LAION-CLAP",), clap_score),
}
"""Network → the measures it makes, and the function that makes them."""
