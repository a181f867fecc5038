"""One streaming decode pass that gives everybody the frames they asked for.

Frames are scaled as they come out of the decoder and never kept at full size; decoding stops when nobody needs more.

Dimension letters: F frames, H height, W width.
"""

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from phonofilm.errors import MediaError
from phonofilm.media.probe import open_media, packets, video_stream
from phonofilm.timeline import grid_count, grid_time
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Frames, Progress, no_progress

logger = logging.getLogger(__name__)


class _Picker:
    """Collects the frames of one request, told of each decoded frame and of how long it is shown."""

    def __init__(self, request: FrameRequest, start_s: Fraction, end_s: Fraction, rotation: int) -> None:
        self.request, self.rotation = request, rotation
        self.start_s = start_s
        self.wanted = None if request.rate_hz is None else grid_count(end_s - start_s, request.rate_hz)
        self.pixels: list[ByteArray] = []
        self.times_s: list[Fraction] = []
        self._scale = VideoReformatter()

    @property
    def full(self) -> bool:
        return self.wanted is not None and len(self.times_s) >= self.wanted

    def show(self, frame: VideoFrame, from_s: Fraction, until_s: Fraction | None) -> None:
        """The frame is on screen in [from_s, until_s), clip time; None means until the end."""
        if self.request.rate_hz is None:
            if from_s >= self.start_s:
                self.pixels.append(self._scaled(frame))
                self.times_s.append(from_s - self.start_s)
            return
        picture: ByteArray | None = None
        while not self.full:
            point_s = grid_time(len(self.times_s), self.request.rate_hz)
            if until_s is not None and self.start_s + point_s >= until_s:
                return
            picture = self._scaled(frame) if picture is None else picture
            self.pixels.append(picture)
            self.times_s.append(point_s)

    def _scaled(self, frame: VideoFrame) -> ByteArray:
        """(H, W, 3) uint8, upright."""
        request, sideways = self.request, self.rotation in (90, 270)
        width, height = (request.height, request.width) if sideways else (request.width, request.height)
        full_width, full_height = width, height
        if request.crop:
            scale = max(width / frame.width, height / frame.height)
            full_width, full_height = max(width, round(frame.width * scale)), max(height, round(frame.height * scale))
        smaller = full_width < frame.width
        scaled = self._scale.reformat(
            frame, full_width, full_height, "rgb24", interpolation="AREA" if smaller else "BICUBIC"
        )
        left, top = (full_width - width) // 2, (full_height - height) // 2
        pixels = scaled.to_ndarray()[top : top + height, left : left + width]  # (H, W, 3)
        return np.ascontiguousarray(np.rot90(pixels, self.rotation // 90))

    def result(self) -> Frames:
        shape = (0, self.request.height, self.request.width, 3)
        pixels = np.stack(self.pixels) if self.pixels else np.zeros(shape, np.uint8)  # (F, H, W, 3)
        return Frames(pixels, tuple(self.times_s))


def decode_frames(
    clip: ClipInfo,
    requests: Sequence[FrameRequest],
    *,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
    progress: Progress = no_progress,
) -> list[Frames]:
    """Decode a clip once and answer every request, in their order.

    A request with a rate gets, for each instant k / rate in [start_s, end_s), the frame on screen at that instant (the
    first frame where none is yet); one without gets every decoded frame in the span. Times count from `start_s`.
    Damaged frames are left out with a warning. Raises MediaError when nothing decodes.
    """
    end_s = clip.duration_s if end_s is None else min(end_s, clip.duration_s)
    pickers = [_Picker(request, start_s, end_s, clip.video.rotation_degrees) for request in requests]
    shown: VideoFrame | None = None
    shown_s = Fraction(0)
    for frame, time_s in _decoded(clip):
        if shown is not None:
            for picker in pickers:
                picker.show(shown, shown_s, time_s)
        if time_s >= end_s:
            shown = None
            break
        shown, shown_s = frame, time_s
        progress("frames", float(time_s / end_s))
        if all(picker.full for picker in pickers):
            break
    if shown is not None:
        for picker in pickers:
            picker.show(shown, shown_s, None)
    results = [picker.result() for picker in pickers]
    if requests and not any(len(result.times_s) for result in results):
        raise MediaError(f"{clip.path} has no frame that can be decoded; it may be damaged or cut short")
    return results


def _decoded(clip: ClipInfo) -> Iterator[tuple[VideoFrame, Fraction]]:
    """Every frame that decodes with the time at which it appears, counted from the first shown one, rising."""
    damaged, number, last_s = 0, 0, Fraction(-1)
    with open_media(clip.path) as container:
        stream = video_stream(container, clip.path)
        for packet in packets(container, stream, clip.path):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                if frame.pts is None or frame.time_base is None:
                    time_s = number / clip.video.average_rate_hz
                else:
                    time_s = frame.pts * frame.time_base - clip.start_s
                number += 1
                if time_s > last_s:
                    last_s = time_s
                    yield frame, max(time_s, Fraction(0))
    if damaged:
        logger.warning("%s: %d damaged packets were left out", clip.path, damaged)
