"""One streaming decode pass that gives everybody the frames they asked for.

Frames are scaled as they come out of the decoder and never kept at full size; decoding stops when nobody needs more.

Dimension letters: F frames, H height, W width.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from phonofilm.errors import MediaError
from phonofilm.media.probe import decoded, open_media, video_stream
from phonofilm.timeline import grid_count, grid_time
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Frames, Progress, VideoStream, no_progress

FrameSink = Callable[[ByteArray, Fraction], None]
"""Takes the frames of one request as they are decoded: (H, W, 3) uint8 RGB, upright, and its instant. A frame that
stands for several instants comes as the same object each time."""
FIRST_ROOM = 64
"""Frames that a request without a rate has room for at first; the room grows by a quarter when it is full."""


class _Picker:
    """Hands the frames of one request on, told of each decoded frame and of how long it is shown."""

    def __init__(
        self, request: FrameRequest, sink: FrameSink, start_s: Fraction, end_s: Fraction, video: VideoStream
    ) -> None:
        self.request, self.sink, self.rotation, self.video = request, sink, video.rotation_degrees, video
        self.start_s, self.end_s = start_s, end_s
        self.wanted = None if request.rate_hz is None else grid_count(end_s - start_s, request.rate_hz)
        self.count = 0
        self._float_clock_s = 0.0
        self._scale = VideoReformatter()

    @property
    def full(self) -> bool:
        return self.wanted is not None and self.count >= self.wanted

    def show(self, frame: VideoFrame, from_s: Fraction, until_s: Fraction | None) -> None:
        """The frame is on screen in [from_s, until_s), clip time; None means until the end."""
        if self.request.rate_hz is None:
            if self.start_s <= from_s < self.end_s:
                self._hand(self._scaled(frame), from_s)
            return
        picture: ByteArray | None = None
        while not self.full:
            point_s = self.start_s + grid_time(self.count, self.request.rate_hz)
            if until_s is not None and not self._stands_for(point_s, from_s, until_s):
                return
            picture = self._scaled(frame) if picture is None else picture
            self._hand(picture, point_s)
            self._float_clock_s += 1 / float(self.request.rate_hz)

    def _stands_for(self, point_s: Fraction, from_s: Fraction, until_s: Fraction) -> bool:
        """Whether an instant not yet answered is answered by the frame shown in [from_s, until_s)."""
        if self.request.pick == "shown":
            return point_s < until_s
        if self.request.pick == "next":
            return point_s <= from_s
        return float(self.start_s) + self._float_clock_s <= float(from_s)

    def _hand(self, picture: ByteArray, time_s: Fraction) -> None:
        self.count += 1
        self.sink(picture, time_s)

    def _scaled(self, frame: VideoFrame) -> ByteArray:
        """(H, W, 3) uint8, upright."""
        request, sideways = self.request, self.rotation in (90, 270)
        width, height = request.width or self.video.width, request.height or self.video.height
        if sideways:
            width, height = height, width
        if request.width is None:
            # Scales only where the picture changes its size on the way.
            pixels = self._scale.reformat(frame, width, height, "rgb24").to_ndarray()  # (H, W, 3)
            return np.ascontiguousarray(np.rot90(pixels, self.rotation // 90))
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


class _Collector:
    """A sink that keeps everything."""

    def __init__(self, request: FrameRequest, clip: ClipInfo, end_s: Fraction) -> None:
        width, height = request.width or clip.video.width, request.height or clip.video.height
        # Frames are written where they stay: a list stacked at the end would need the memory of long clips twice.
        room = FIRST_ROOM if request.rate_hz is None else grid_count(end_s, request.rate_hz)
        self._pixels: ByteArray = np.empty((room, height, width, 3), np.uint8)  # (F, H, W, 3)
        self.times_s: list[Fraction] = []

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        count, room = len(self.times_s), len(self._pixels)
        if count == room:
            # In place, so that large blocks are moved by the memory map and not copied.
            self._pixels.resize((room + room // 4 + 1, *self._pixels.shape[1:]), refcheck=False)
        self._pixels[count] = picture
        self.times_s.append(time_s)

    def result(self) -> Frames:
        self._pixels.resize((len(self.times_s), *self._pixels.shape[1:]), refcheck=False)  # (F, H, W, 3)
        return Frames(self._pixels, tuple(self.times_s))


def stream_frames(
    clip: ClipInfo,
    requests: Sequence[tuple[FrameRequest, FrameSink]],
    *,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
    progress: Progress = no_progress,
) -> None:
    """Decode a clip once and hand every sink the frames of its request, in order, in constant memory.

    A request with a rate gets a frame for each instant start_s + k / rate in [start_s, end_s): the one on screen at
    that instant (the first frame where none is yet), or the next to begin; see `FrameRequest`. One without gets every
    decoded frame that begins in the span. All times, asked for and given, count from the clip's first shown frame.
    Damaged frames are left out with a warning. Raises MediaError when nothing decodes.
    """
    end_s = clip.duration_s if end_s is None else min(end_s, clip.duration_s)
    pickers = [_Picker(request, sink, start_s, end_s, clip.video) for request, sink in requests]
    shown: VideoFrame | None = None
    shown_s = Fraction(0)
    for frame, time_s in _decoded(clip):
        if shown is not None:
            for picker in pickers:
                picker.show(shown, shown_s, time_s)
        if time_s >= end_s and all(picker.full or picker.request.pick == "shown" for picker in pickers):
            shown = None
            break
        shown, shown_s = frame, time_s
        progress("frames", min(1.0, float(time_s / end_s)))
        if all(picker.full for picker in pickers):
            break
    if shown is not None:
        for picker in pickers:
            picker.show(shown, shown_s, None)
    if pickers and not any(picker.count for picker in pickers):
        raise MediaError(f"{clip.path} has no frame that can be decoded; it may be damaged or cut short")


def decode_frames(
    clip: ClipInfo,
    requests: Sequence[FrameRequest],
    *,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
    progress: Progress = no_progress,
) -> list[Frames]:
    """As `stream_frames`, with all frames of each request kept, in the order of the requests."""
    length_s = (clip.duration_s if end_s is None else min(end_s, clip.duration_s)) - start_s
    sinks = [_Collector(request, clip, length_s) for request in requests]
    wanted = [(request, sink.add) for request, sink in zip(requests, sinks, strict=True)]
    stream_frames(clip, wanted, start_s=start_s, end_s=end_s, progress=progress)
    return [sink.result() for sink in sinks]


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
