"""Sound and pictures as the benchmark hands them to its networks, to the sample where that can be had.

Measures of this kind move when the filter of a resampling moves, so the rate is changed as there, by a short windowed
sinc, and not by the better filter that the rest of the program uses.

Dimension letters: C channels, S samples, F frames, Y X pixel rows and columns, R the new rate and Q the old one without
their common factor, W half width of the filter in old samples.
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from phonofilm.errors import MediaError
from phonofilm.media.audio import read_audio, read_clip_audio
from phonofilm.media.frames import stream_frames
from phonofilm.media.probe import probe
from phonofilm.media.suffixes import is_sound
from phonofilm.types import ByteArray, FrameRequest

ZEROS = 6
"""Zero crossings of the sinc on each side."""
ROLLOFF = 0.99
"""Of the lower rate's half, where the filter cuts."""
INSTANT_S = Fraction(1, 1_000_000)


def sound(path: Path, rate_hz: int, length_s: float, *, left: bool = False, centred: bool = True) -> Tensor:
    """The first `length_s` of a file's sound, (S,) at `rate_hz`, full scale 1.

    Of a film from its first shown frame on. Channels are averaged, or only the first is taken (`left`). centred: the
    mean over the whole file is taken off first. Raises MediaError when a file cannot be read, has no sound, or less
    than asked for.
    """
    if is_sound(path):
        waveform = read_audio(path)
    else:
        clip = probe(path)
        found = None if clip.audio is None else read_clip_audio(clip, clip.audio.rate_hz)
        if found is None:
            raise MediaError(f"{path} has no sound; give a film or a sound file that has")
        waveform = found
    samples = torch.from_numpy(waveform.samples)  # (C, S)
    mono = samples[0] if left else samples.mean(0)
    resampled = resample(mono - mono.mean() if centred else mono, waveform.rate_hz, rate_hz)
    wanted = int(length_s * rate_hz)
    if len(resampled) < wanted:
        raise MediaError(
            f"{path} has {len(resampled) / rate_hz:.2f} s of sound and {length_s:g} s are compared; leave it out, or "
            "compare less of all (length)"
        )
    return resampled[:wanted]


def resample(samples: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """(S,) → (S to_hz / from_hz, rounded up): a sinc in a Hann window (Smith, "Digital audio resampling", 1984)."""
    if from_hz == to_hz:
        return samples
    common = math.gcd(from_hz, to_hz)
    old, new = from_hz // common, to_hz // common
    kernel, width = _kernel(old, new)
    padded = F.pad(samples[None, None], (width, width + old))
    made = F.conv1d(padded, kernel, stride=old)  # (1, R, S / Q): the R new samples of every Q old ones
    return made[0].T.flatten()[: math.ceil(new * len(samples) / old)]


@functools.cache
def _kernel(old: int, new: int) -> tuple[Tensor, int]:
    """(R, 1, 2 W + Q): the filter at each of the R places that a new sample can have between old ones; and W."""
    cut = min(old, new) * ROLLOFF
    width = math.ceil(ZEROS * old / cut)
    at_old = torch.arange(-width, width + old, dtype=torch.float64) / old  # (2 W + Q,)
    at_new = torch.arange(new, dtype=torch.float64) / new  # (R,)
    apart = ((at_old[None] - at_new[:, None]) * cut).clamp(-ZEROS, ZEROS)  # (R, 2 W + Q), in zero crossings
    window = torch.cos(apart * math.pi / ZEROS / 2) ** 2
    return (torch.sinc(apart) * window * cut / old).float()[:, None], width


def pictures(path: Path, rate_hz: Fraction, length_s: float, ready: Callable[[ByteArray], ByteArray]) -> Tensor:
    """Frames (F, Y, X, 3) uint8 of the first `length_s` of a film, F = int(rate length), each made `ready`.

    As FFmpeg's filter `fps` picks them, which the benchmark decodes with: frame k is the last to begin before the
    instant (k + 1/2) / rate. Raises MediaError when the film cannot be read or is shorter.
    """
    wanted = int(rate_hz * Fraction(str(length_s)))
    clip = probe(path)
    rows: list[ByteArray] = []

    def take(picture: ByteArray, _time_s: Fraction) -> None:
        if len(rows) < wanted:
            rows.append(ready(picture))

    request = FrameRequest(rate_hz, None, None)
    # A frame that begins just at the instant belongs to the next one.
    stream_frames(clip, [(request, take)], start_s=1 / (2 * rate_hz) - INSTANT_S, end_s=Fraction(str(length_s)))
    if len(rows) < wanted:
        raise MediaError(
            f"{path} has a picture of {float(clip.duration_s):.2f} s and {length_s:g} s are compared; leave it out, or "
            "compare less of all (length)"
        )
    if len({row.shape for row in rows}) > 1:
        raise MediaError(f"{path} changes the shape of its picture on the way; give a film that keeps it")
    return torch.from_numpy(np.stack(rows))
