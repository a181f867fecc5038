"""One streaming decode pass that gives everybody the frames they asked for.

Frames are scaled as they come out of the decoder and never kept at full size; decoding stops when nobody needs more.

Dimension letters: F frames, H height, W width.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from phonofilm.errors import MediaError
from phonofilm.media.probe import decoded, open_media, video_stream
from phonofilm.timeline import grid_count, grid_time
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Frames, Progress, no_progress

FIRST_ROOM = 64
"""Frames that a request without a rate has room for at first; the room grows by a quarter when it is full."""


class _Picker:
    """Collects the frames of one request, told of each decoded frame and of how long it is shown."""

    def __init__(self, request: FrameRequest, start_s: Fraction, end_s: Fraction, rotation: int) -> None:
        self.request, self.rotation = request, rotation
        self.start_s = start_s
        self.wanted = None if request.rate_hz is None else grid_count(end_s - start_s, request.rate_hz)
        # Frames are written where they stay: a list stacked at the end would need the memory of long clips twice.
        room = FIRST_ROOM if self.wanted is None else self.wanted
        self._pixels: ByteArray = np.empty((room, request.height, request.width, 3), np.uint8)  # (F, H, W, 3)
        self.times_s: list[Fraction] = []
        self._scale = VideoReformatter()

    @property
    def full(self) -> bool:
        return self.wanted is not None and len(self.times_s) >= self.wanted

    def show(self, frame: VideoFrame, from_s: Fraction, until_s: Fraction | None) -> None:
        """The frame is on screen in [from_s, until_s), clip time; None means until the end."""
        if self.request.rate_hz is None:
            if from_s >= self.start_s:
                self._add(self._scaled(frame), from_s)
            return
        picture: ByteArray | None = None
        while not self.full:
            point_s = self.start_s + grid_time(len(self.times_s), self.request.rate_hz)
            if until_s is not None and point_s >= until_s:
                return
            picture = self._scaled(frame) if picture is None else picture
            self._add(picture, point_s)

    def _add(self, picture: ByteArray, time_s: Fraction) -> None:
        count, room = len(self.times_s), len(self._pixels)
        if count == room:
            # In place, so that large blocks are moved by the memory map and not copied.
            self._pixels.resize((room + room // 4, *self._pixels.shape[1:]), refcheck=False)
        self._pixels[count] = picture
        self.times_s.append(time_s)

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
        self._pixels.resize((len(self.times_s), *self._pixels.shape[1:]), refcheck=False)  # (F, H, W, 3)
        return Frames(self._pixels, tuple(self.times_s))


def decode_frames(
    clip: ClipInfo,
    requests: Sequence[FrameRequest],
    *,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
    progress: Progress = no_progress,
) -> list[Frames]:
    """Decode a clip once and answer every request, in their order.

    A request with a rate gets, for each instant start_s + k / rate in [start_s, end_s), the frame on screen at that
    instant (the first frame where none is yet); one without gets every decoded frame that begins in the span. All
    times, asked for and given, count from the clip's first shown frame.
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
    number, last_s = 0, Fraction(-1)
    with open_media(clip.path) as container:
        stream = video_stream(container, clip.path)
        for frame in decoded(container, stream, clip.path):
            if frame.pts is None or frame.time_base is None:
                time_s = number / clip.video.average_rate_hz
            else:
                time_s = frame.pts * frame.time_base - clip.start_s
            number += 1
            if time_s > last_s:
                last_s = time_s
                yield frame, max(time_s, Fraction(0))
