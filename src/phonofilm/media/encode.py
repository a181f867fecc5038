"""Pictures into files and through codecs. A clip is never encoded again; these are films that did not exist before.

Dimension letters: H height, W width.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from phonofilm.errors import OutputError
from phonofilm.media.audio import AAC_BITS_A_CHANNEL, sound_frames
from phonofilm.media.files import check_writable, replacing
from phonofilm.media.probe import address
from phonofilm.timeline import nearest
from phonofilm.types import ByteArray, Waveform

Instant = Fraction | float
TimedPicture = tuple[ByteArray, Instant]
"""(H, W, 3) uint8 RGB, and its instant in seconds."""

CLOCK = Fraction(1, 90_000)
"""Every usual frame rate falls on it to within 6 microseconds."""
MPEG4_CLOCK = Fraction(1, 30_000)
"""MPEG-4 part 2 has 16 bits for the ticks of a second."""
KEY_FRAMES = 60
"""Pictures from one that stands alone to the next: about two seconds, as streams have them."""
BUFFER_S = 0.5
"""A squeezed film may spend this much of its bit rate at once; so it is worst where much moves, as in streams."""
ENCODERS = {
    "h264": ("libx264", CLOCK, {"preset": "superfast", "tune": "zerolatency"}),
    "mpeg4": ("mpeg4", MPEG4_CLOCK, {"qmax": "31"}),
}


def write_film(
    path: Path, pictures: Iterable[TimedPicture], end_s: Fraction, sound: Waveform | None, *, crf: int = 20
) -> None:
    """Write an mp4: H.264 (4:2:0, constant rate factor `crf`, 0 best to 51) and, where there is sound, AAC.

    pictures: at least one, all of one even size, their times rising from 0; the last is shown until `end_s`. They are
    asked for one by one and never kept. The file appears whole or not at all. Raises OutputError.
    """
    check_writable(path)
    with replacing(path) as partial:
        try:
            with av.open(address(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                _write(container, iter(pictures), end_s, sound, crf)
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot write {path} ({error.strerror}); choose another folder") from error


def _write(
    container: OutputContainer, pictures: Iterator[TimedPicture], end_s: Fraction, sound: Waveform | None, crf: int
) -> None:
    first = next(pictures)
    height, width = first[0].shape[:2]
    assert height % 2 == width % 2 == 0, f"4:2:0 needs even edges, not {width}x{height}"
    # Without B-frames, because mp4 keeps how long a picture stays only for the last one in order of decoding.
    # The same pictures have to give the same file. The look ahead in the same thread: beside it, one film in a hundred
    # came out otherwise on a busy machine. No macroblock tree: with it, one film in a thousand still did.
    x264 = "sync-lookahead=0:mbtree=0"
    options = {"preset": "veryfast", "crf": str(crf), "threads": "1", "bf": "0", "x264-params": x264}
    stream = container.add_stream("libx264", rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = CLOCK
    waiting: Iterator[Packet[Any]] = iter(())
    if sound is not None:
        track = container.add_stream("aac", rate=sound.rate_hz, layout="mono" if sound.channels == 1 else "stereo")
        track.bit_rate = AAC_BITS_A_CHANNEL * sound.channels
        waiting = _sound_packets(sound, track)
    ready = next(waiting, None)
    for packet in _picture_packets(stream, chain([first], pictures), end_s):
        while ready is not None and _time_s(ready) <= _time_s(packet):
            container.mux(ready)
            ready = next(waiting, None)
        container.mux(packet)
    while ready is not None:
        container.mux(ready)
        ready = next(waiting, None)


def _picture_packets(stream: VideoStream, pictures: Iterator[TimedPicture], end_s: Fraction) -> "Iterator[Packet[Any]]":
    """Encoded packets, each told how long its picture stays: encoders guess that from a rate, which may vary."""
    lengths: dict[int, int] = {}
    stamped = ((picture, nearest(Fraction(time_s) / CLOCK)) for picture, time_s in pictures)
    picture, start = next(stamped)
    for later, until in chain(stamped, [(picture, nearest(end_s / CLOCK))]):
        lengths[start] = until - start
        yield from _with_lengths(stream.encode(_frame(picture, start, CLOCK)), lengths)
        picture, start = later, until
    yield from _with_lengths(stream.encode(None), lengths)


def _with_lengths(packets: "list[Packet[Any]]", lengths: dict[int, int]) -> "Iterator[Packet[Any]]":
    for packet in packets:
        assert packet.pts is not None, "the encoder keeps the instants it is given"
        packet.duration = lengths.pop(packet.pts)
        yield packet


def _sound_packets(sound: Waveform, track: AudioStream) -> "Iterator[Packet[Any]]":
    track.codec_context.open(strict=False)
    for frame in sound_frames(sound, track.codec_context.frame_size or 1024):
        yield from track.encode(frame)
    yield from track.encode(None)


def _time_s(packet: "Packet[Any]") -> Fraction:
    """When a packet is due for decoding."""
    assert packet.dts is not None, "encoders say when"
    return Fraction(packet.dts * packet.time_base)


def squeeze(
    pictures: Iterable[TimedPicture], bits_a_pixel: float, codec: Literal["h264", "mpeg4"] = "h264"
) -> Iterator[TimedPicture]:
    """The same pictures after a codec that had `bits_a_pixel` bits for each pixel of each frame, on the average.

    Frames and times stay one to one; all pictures have one size (H, W, 3), any. Nothing touches the disk.
    """
    waiting: deque[TimedPicture] = deque()
    source = iter(pictures)
    start = list(islice(source, 2))
    if not start:
        return
    height, width = start[0][0].shape[:2]
    step_s = float(start[1][1] - start[0][1]) if len(start) > 1 else 0.04
    name, clock, options = ENCODERS[codec]
    encoder = _encoder(name, clock, options, (width + width % 2, height + height % 2), bits_a_pixel / step_s)
    decoder = CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext), f"{codec} is not a picture codec"
    decoder.thread_count = 1
    last = -1
    for picture, time_s in chain(start, source):
        last = max(last + 1, nearest(Fraction(time_s) / clock))
        waiting.append((picture, time_s))
        for packet in encoder.encode(_frame(_even(picture), last, clock)):
            yield from _matched(decoder.decode(packet), waiting)
    for packet in encoder.encode(None):
        yield from _matched(decoder.decode(packet), waiting)
    yield from _matched(decoder.decode(None), waiting)
    assert not waiting, f"{len(waiting)} pictures were lost in the codec"


def _matched(frames: list[VideoFrame], waiting: deque[TimedPicture]) -> Iterator[TimedPicture]:
    """Decoded pictures with the times of those that went in: without B-frames they come out in order."""
    for frame in frames:
        before, time_s = waiting.popleft()
        height, width = before.shape[:2]
        yield np.ascontiguousarray(frame.to_ndarray(format="rgb24", threads=1)[:height, :width]), time_s


def _encoder(
    name: str, clock: Fraction, options: dict[str, str], size: tuple[int, int], bits_a_pixel_s: float
) -> VideoCodecContext:
    encoder = CodecContext.create(name, "w")
    assert isinstance(encoder, VideoCodecContext), f"{name} is not a picture codec"
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.max_b_frames = "yuv420p", clock, 0
    encoder.framerate, encoder.gop_size, encoder.thread_count = Fraction(25), KEY_FRAMES, 1
    rate = max(1000, round(bits_a_pixel_s * size[0] * size[1]))
    encoder.bit_rate = rate
    encoder.options = {**options, "maxrate": str(rate), "bufsize": str(round(rate * BUFFER_S))}
    return encoder


def _frame(picture: ByteArray, pts: int, clock: Fraction) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format="yuv420p", threads=1)
    frame.pts, frame.time_base = pts, clock
    return frame


def _even(picture: ByteArray) -> ByteArray:
    """4:2:0 needs even edges: the last row and column are repeated where one is missing."""
    height, width = picture.shape[:2]
    if height % 2 == width % 2 == 0:
        return picture
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
