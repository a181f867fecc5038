"""The arithmetic of the field's measures: what networks have said about many sounds, made into one figure each.

Conventions are those of av-benchmark (https://github.com/hkchengrex/av-benchmark), which the figures of MMAudio and of
most later work come from: a figure under one of these names elsewhere may have been made in another way.

Dimension letters: N sounds, K classes, O offsets, E width of a common space.
"""

import numpy as np
import torch
from torch import Tensor

from phonofilm.errors import InputError

SPLITS = 10
SPLIT_SEED = 2020


def kl_divergence(made: Tensor, real: Tensor) -> float:
    """Mean over pairs of the Kullback-Leibler divergence of what is heard in the real sound from what is heard in the
    made one: sum of p (ln p - ln q), p of the real. made, real: logits (N, K), turned into p by a softmax.

    0 when both are heard alike, without upper end, in nats. As a measure of generated sound: Iashin and Rahtu 2021,
    https://arxiv.org/abs/2110.08791. The classes of AudioSet do not exclude each other, and a softmax pretends that
    they do; that is the convention.

    Does not see: quality, timing, and anything beyond the classes; whether the real sound is the only right one for its
    picture (speech off screen counts against a film that lacks it).
    """
    p, q = real.double().log_softmax(1), made.double().log_softmax(1)  # (N, K)
    return float((p.exp() * (p - q)).sum(1).mean())


def inception_score(logits: Tensor) -> tuple[float, float]:
    """Mean and spread over ten splits of exp(mean KL of one sound's classes from the classes of all). logits: (N, K).

    1 when all sounds are heard alike, K when each is heard as one class and all classes come equally often. Sounds are
    shuffled with a fixed seed, so the order of the rows matters a little. Salimans et al. 2016,
    https://arxiv.org/abs/1606.03498.

    Does not see: the real sounds at all, so whether a sound fits its film; noise that a classifier is sure about;
    variety within a class. With few sounds it is low whatever they are: compare only figures of equal N.

    Raises InputError with fewer than two sounds a split.
    """
    count = len(logits)
    if count < 2 * SPLITS:
        raise InputError(f"{count} sounds are too few for {SPLITS} splits; give {2 * SPLITS} or more")
    order = np.random.RandomState(SPLIT_SEED).permutation(count)
    log_p = logits[torch.from_numpy(order)].double().log_softmax(1)  # (N, K)
    scores = []
    for split in range(SPLITS):
        part = log_p[split * count // SPLITS : (split + 1) * count // SPLITS]
        whole = part.exp().mean(0).log()  # (K,)
        scores.append(float((part.exp() * (part - whole)).sum(1).mean().exp()))
    return float(np.mean(scores)), float(np.std(scores))


def desync(logits: Tensor, offsets_s: tuple[float, ...]) -> float:
    """Mean size in seconds of the likeliest offset of sound and picture. logits: (N, O), one row a compared piece.

    0 to 2, coarse by 0.2 s. As a measure: Viertola et al. 2024, https://arxiv.org/abs/2409.13689.

    Does not see: errors under 0.1 s, which are what one hears in a drum stroke; offsets over 2 s; whether a sound fits
    what is seen. Silence and continuous sound get an offset too, by chance. A network that was guided by the same
    Synchformer (ours for mmaudio-*, MMAudio itself) is measured by what it was told.
    """
    size_s = torch.tensor(offsets_s, dtype=torch.float64).abs()  # (O,)
    return float(size_s[logits.argmax(1).cpu()].mean())


def likeness(ones: Tensor, others: Tensor) -> float:
    """Mean cosine of pairs of vectors (N, E) in a common space, -1 to 1.

    ImageBind's, of film and sound, is the IB-score (Viertola et al. 2024, https://arxiv.org/abs/2409.13689; some
    multiply it by 100). CLAP's, of caption and sound, is the CLAP score (Haji-Ali et al. 2024,
    https://arxiv.org/abs/2406.19388).

    Does not see: timing (a film is a few frames, a sound a mean), quality, and what the space does not hold. It is far
    from 1 for real sound too: read it against that of the references.
    """
    return float(torch.cosine_similarity(ones.cpu().double(), others.cpu().double(), dim=1).mean())
