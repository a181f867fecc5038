"""A clip's picture encoded as H.264, for what is to be shown where the clip's own codec is not.

Dimension letters: H height, W width.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from phonofilm.errors import OutputError
from phonofilm.media.files import replacing
from phonofilm.media.frames import stream_frames
from phonofilm.media.probe import address, open_media, video_stream
from phonofilm.timeline import nearest
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Progress, no_progress

CLOCK = Fraction(1, 90_000)


@dataclass(frozen=True)
class Quality:
    """How a picture is encoded. crf, preset, tune: as x264 takes them. key_frames: pictures from one that stands alone
    to the next. most_lines: higher pictures are made smaller. widest_shape: as in `shown_width`."""

    crf: int
    preset: str
    tune: str
    key_frames: int
    most_lines: int
    widest_shape: float


KEPT = Quality(crf=14, preset="medium", tune="", key_frames=60, most_lines=4320, widest_shape=100.0)
"""For a picture that is to be kept: nobody sees the difference from the clip's own."""


def write_h264(clip: ClipInfo, path: Path, quality: Quality, progress: Progress = no_progress) -> None:
    """Write the picture alone as H.264 in mp4, upright, pixels square, edges even, every frame at its own time.

    Raises MediaError or OutputError.
    """
    height = max(2, min(quality.most_lines, clip.video.height) // 2 * 2)
    width = max(2, shown_width(clip, height, quality.widest_shape) // 2 * 2)
    with replacing(path) as partial:
        try:
            with av.open(address(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                film = _Film(container, width, height, quality)
                stream_frames(clip, [(FrameRequest(None, width, height), film.show)], progress=progress)
                film.end(clip.duration_s)
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot write {path} ({error.strerror}); choose another folder") from error


def shown_width(clip: ClipInfo, height: int, widest_shape: float) -> int:
    """The width that goes with a height, pixels being square, and no side more than `widest_shape` times the other."""
    with open_media(clip.path) as container:
        stretch = float(video_stream(container, clip.path).sample_aspect_ratio or 1)
    if clip.video.rotation_degrees in (90, 270):
        stretch = 1 / stretch
    shape = clip.video.width * stretch / clip.video.height
    return max(2, round(height * min(max(shape, 1 / widest_shape), widest_shape)))


class _Film:
    """An H.264 film that is handed its pictures one by one."""

    def __init__(self, container: OutputContainer, width: int, height: int, quality: Quality) -> None:
        options = {"preset": quality.preset, "crf": str(quality.crf), "g": str(quality.key_frames)}
        if quality.tune:
            options["tune"] = quality.tune
        self._container = container
        self._stream: VideoStream = container.add_stream("libx264", rate=25, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = self._stream.time_base = CLOCK
        self._lengths: dict[int, int] = {}
        self._waiting: tuple[ByteArray, int] | None = None

    def show(self, picture: ByteArray, time_s: Fraction) -> None:
        """(H, W, 3), on screen from `time_s` on."""
        self._encode(nearest(time_s / CLOCK))
        self._waiting = picture, nearest(time_s / CLOCK)

    def end(self, end_s: Fraction) -> None:
        self._encode(nearest(end_s / CLOCK))
        self._mux(None)

    def _encode(self, until: int) -> None:
        if self._waiting is None:
            return
        picture, start = self._waiting
        frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = start, CLOCK
        self._lengths[start] = until - start
        self._mux(frame)

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            if packet.pts in self._lengths:
                packet.duration = self._lengths.pop(packet.pts)
            self._container.mux(packet)
