"""The records that rooms hand to each other. They hold values and check them; they do nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Waveform:
    """Sound in memory.

    samples: (C, S) float32, full scale ±1, C = 1 mono or 2 left, right (more only straight out of a file).
    rate_hz: samples per second of each channel.
    """

    samples: FloatArray
    rate_hz: int

    def __post_init__(self) -> None:
        assert self.samples.ndim == 2, f"samples must be (C, S), not {self.samples.shape}"
        assert self.samples.dtype == np.float32, f"samples must be float32, not {self.samples.dtype}"

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration_s(self) -> Fraction:
        return Fraction(int(self.samples.shape[1]), self.rate_hz)


@dataclass(frozen=True)
class VideoStream:
    """What a file says about its picture; sizes are as shown, after rotation."""

    codec: str
    width: int
    height: int
    rotation_degrees: int
    average_rate_hz: Fraction


@dataclass(frozen=True)
class AudioStream:
    """What a file says about its first sound track."""

    codec: str
    rate_hz: int
    channels: int


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip without decoding its picture.

    start_s is the timestamp of the first shown frame (often not 0); duration_s runs from there to the end of the last
    shown frame. fingerprint is a hash of the first video packets: it survives renaming and tells clips apart. stamped:
    every picture has a timestamp; raw streams have none.
    """

    path: Path
    container: str
    start_s: Fraction
    duration_s: Fraction
    video: VideoStream
    audio: AudioStream | None
    fingerprint: str
    stamped: bool = True


@dataclass(frozen=True)
class FrameRequest:
    """One picture stream that somebody wants out of the single decode pass.

    rate_hz: frames per second of the wanted clock, or None for every decoded frame with its own timestamp.
    width, height: size of the frames handed out; the whole picture is squeezed into it unless `crop` is set. Both None:
    the size that the clip begins with.
    crop: scale the shorter edge to fit and cut the centre, keeping the aspect ratio.
    pick: which frame stands for an instant of the clock: the one "shown" then, or the "next" one that begins then or
    later (where none is left, the last). "next-float" is "next" on a clock that adds 1 / rate_hz up in float64, as
    MMAudio's does; it slips by a frame now and then and is there for comparison only.
    """

    rate_hz: Fraction | None
    width: int | None
    height: int | None
    crop: bool = False
    pick: Literal["shown", "next", "next-float"] = "shown"

    def __post_init__(self) -> None:
        assert (self.width is None) == (self.height is None), "give both edges or neither"


@dataclass(frozen=True)
class Frames:
    """Frames that answer one request.

    pixels: (F, H, W, 3) uint8 RGB. times_s: F exact instants, counted from the clip's first shown frame.
    """

    pixels: ByteArray
    times_s: tuple[Fraction, ...]


Progress = Callable[[str, float], None]
"""Called with a stage's name and the share of it that is done, 0 to 1."""


def no_progress(stage: str, share: float) -> None:
    """The progress callback for those who do not want one."""
