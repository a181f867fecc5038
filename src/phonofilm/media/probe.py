"""What a clip is, read from its packets without decoding more than one frame."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream as AvAudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream as AvStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideoStream

from phonofilm.errors import MediaError
from phonofilm.media.clock import DECODED_IN_ORDER, JOINED_FORMATS, Clock, FollowingClock, Jump, LeadingClock
from phonofilm.types import AudioStream, ClipInfo, VideoStream

logger = logging.getLogger(__name__)

FINGERPRINT_PACKETS = 64
LONGEST_S = 12 * 3600
"""One flipped bit in a timestamp makes a clip of years; no film is this long."""
STILL_FORMATS = ("image2", "_pipe")
WEBP_ANIMATION = 0x02
"""The bit that says so in the flags of an extended WebP header."""
TEXT_FORMATS = ("tty", "bin", "xbin", "adf", "idf")
"""FFmpeg draws text files as pictures; nobody means that."""
OPEN_OPTIONS = {"protocol_whitelist": "file"}
"""A playlist that calls itself a video may name addresses elsewhere; they are never opened."""


@dataclass(frozen=True)
class _Span:
    """Summary of the video packets: shown span in seconds, the hash of the first payloads, whether all have stamps."""

    start_s: Fraction
    end_s: Fraction
    fingerprint: str
    stamped: bool


def probe(path: Path) -> ClipInfo:
    """Read what a clip says about itself.

    Raises MediaError when the file is missing, not a video, without a picture or without a single frame that can be
    decoded.
    """
    with open_media(path) as container:
        if any(part in container.format.name for part in STILL_FORMATS):
            refuse_animated_webp(path)
            raise MediaError(f"{path} is a still picture; give a video")
        stream = video_stream(container, path)
        audio = audio_stream(container)
        sound = None if audio is None else AudioStream(audio.codec_context.name, audio.rate or 0, audio.channels)
        rate_hz = Fraction(stream.average_rate or stream.guessed_rate or 25)
        frame = _first_frame(path)
        span = _read_packets(container, stream, rate_hz, frame, path)
        # Matrices are written by hand and by phones held askew; pictures are turned by whole quarters.
        rotation = round(frame.rotation / 90) * 90 % 360
        size = (frame.height, frame.width) if rotation in (90, 270) else (frame.width, frame.height)
        if span.end_s <= span.start_s:
            raise MediaError(f"{path} has a picture that lasts no time; give a video of at least one frame")
        if span.end_s - span.start_s > LONGEST_S:
            hours = float(span.end_s - span.start_s) / 3600
            raise MediaError(f"{path} says it lasts {hours:,.0f} hours; its timestamps are damaged, or cut it first")
        video = VideoStream(stream.codec_context.name, *size, rotation, rate_hz)
        return ClipInfo(
            path=path,
            container=container.format.name,
            start_s=span.start_s,
            duration_s=span.end_s - span.start_s,
            video=video,
            audio=sound,
            fingerprint=span.fingerprint,
            stamped=span.stamped,
        )


def refuse_animated_webp(path: Path) -> None:
    """Raises MediaError for a WebP file of several pictures, of which FFmpeg decodes none."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(21)
        if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20:] and head[20] & WEBP_ANIMATION:
            raise MediaError(
                f"{path} is an animated WebP, which FFmpeg here cannot play; convert it to mp4 or gif first"
            )


def open_media(path: Path) -> InputContainer:
    """An open container, or MediaError in one line."""
    try:
        if not path.exists():
            raise MediaError(f"{path} does not exist; check the path")
        if path.is_dir():
            raise MediaError(f"{path} is a folder; give the files in it")
        if path.is_file() and path.stat().st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes); copy or download it again")
        container = av.open(address(path), metadata_errors="replace", options=OPEN_OPTIONS)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"{path} is no film or sound that can be read ({reason}); it may be damaged, cut short or of another kind"
        ) from error
    if container.format.name in TEXT_FORMATS:
        container.close()
        raise MediaError(f"{path} is a text file; give a video")
    return container


def address(path: Path) -> str:
    """What FFmpeg is handed: without the prefix it reads `talk 10:30.mp4` as an address of the protocol `talk 10`."""
    return f"file:{path}"


def video_stream(container: InputContainer, path: Path) -> AvVideoStream:
    """The first picture stream that is not cover art. Raises MediaError when there is none."""
    for stream in container.streams.video:
        if not _is_cover(stream):
            if stream.codec_context is None:
                raise MediaError(f"{path} has a picture of a kind that cannot be decoded; convert it to H.264 first")
            stream.thread_type = "AUTO"
            return stream
    if container.streams.audio:
        raise MediaError(f"{path} has sound but no picture; give a video, or use 'phonofilm make' for sound from words")
    raise MediaError(f"{path} holds no picture; it may be cut short or no video at all: give a whole video")


def audio_stream(container: InputContainer) -> AvAudioStream | None:
    """The first sound track that can be decoded, or None."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def packets(
    container: InputContainer, wanted: AvStream | Sequence[AvStream], path: Path, clock: Clock | None = None
) -> "Iterator[Packet[Any]]":
    """The packets of some streams, up to the end of the file or the place where it is too damaged to go on.

    Their stamps rise over every jump of the file's clock. clock: that of a single stream, where the caller wants to
    know it.
    """
    streams = wanted if isinstance(wanted, Sequence) else [wanted]
    clocks = clocks_of(container, streams, path) if clock is None else {streams[0].index: clock}
    try:
        for packet in container.demux(*streams):
            clocks[packet.stream.index].lift(packet)
            yield packet
    except av.error.FFmpegError as error:
        logger.warning("%s: reading stops at damage (%s); what comes after is left out", path, error.strerror)


def picture_clock(container: InputContainer, stream: AvStream) -> LeadingClock:
    """The clock of the picture, or of a file of sound alone."""
    return LeadingClock(stream.time_base or Fraction(1, 1000), container.format.name in DECODED_IN_ORDER)


def clocks_of(container: InputContainer, streams: Sequence[AvStream], path: Path) -> dict[int, Clock]:
    """What lifts the stamps of each stream, by its index: all go by the clock of the picture."""
    leader = next((s.index for s in container.streams.video if not _is_cover(s)), streams[0].index)
    jumps: Sequence[Jump] = []
    if container.format.name in JOINED_FORMATS and any(stream.index != leader for stream in streams):
        jumps = _jumps(path, leader)
    return {
        stream.index: picture_clock(container, stream)
        if stream.index == leader
        else FollowingClock(stream.time_base or Fraction(1, 1000), jumps)
        for stream in streams
    }


def _jumps(path: Path, index: int) -> list[Jump]:
    """Where the clock of one stream jumps."""
    with open_media(path) as container:
        stream = container.streams[index]
        clock = picture_clock(container, stream)
        with suppress(av.error.FFmpegError):  # whoever reads on says that there is damage
            for packet in container.demux(stream):
                clock.lift(packet)
        return clock.jumps


def _is_cover(stream: AvVideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def decoded(container: InputContainer, stream: AvStream, path: Path, clock: Clock | None = None) -> Iterator[Any]:
    """The frames of one stream, in the order of showing; packets that do not decode are left out with a warning.

    clock: as in `packets`.
    """
    damaged = 0
    for packet in packets(container, stream, path, clock):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damaged += 1
            continue
        yield from frames
    if damaged:
        what = " of sound" if stream.type == "audio" else ""
        logger.warning("%s: %d damaged packets%s were left out", path, damaged, what)


class _Parts:
    """Sees to it that every part of a joined file has a picture like the first; others cannot be copied under one head.

    first: a picture of the first part.
    """

    def __init__(self, stream: AvVideoStream, first: VideoFrame, path: Path) -> None:
        self._stream, self._first, self._path = stream, first, path
        self._trial: VideoCodecContext | None = None
        self._time_s = Fraction(0)

    def begin(self, time_s: Fraction) -> None:
        """Another part begins."""
        # One that has seen nothing of the parts before: the stream's own tells no change until it is through with them.
        trial = CodecContext.create(self._stream.codec_context.codec.name, "r")
        assert isinstance(trial, VideoCodecContext), "a picture's codec"
        trial.extradata = self._stream.codec_context.extradata
        self._trial, self._time_s = trial, time_s

    def take(self, packet: "Packet[Any]") -> None:
        """Raises MediaError when the part that began has a picture of another size or kind."""
        if self._trial is None:
            return
        with suppress(av.error.FFmpegError):
            for frame in self._trial.decode(packet):
                here, there = (f"{f.width} x {f.height} {f.format.name}" for f in (self._first, frame))
                if here != there:
                    raise MediaError(
                        f"{self._path} is joined from parts of different kinds ({here}, from "
                        f"{float(self._time_s):.1f} s on {there}); give the parts one by one, "
                        "or convert the whole to one size first"
                    )
                self._trial = None
                return


def _read_packets(
    container: InputContainer, stream: AvVideoStream, rate_hz: Fraction, frame: VideoFrame, path: Path
) -> _Span:
    digest, count, stamped = hashlib.sha256(), 0, True
    shown: list[tuple[int, int]] = []
    base = stream.time_base or Fraction(1, 1000)
    clock = picture_clock(container, stream)
    parts, begun = _Parts(stream, frame, path), 0
    for packet in packets(container, stream, path, clock):
        if not packet.size:
            continue
        if count < FINGERPRINT_PACKETS:
            digest.update(bytes(packet))
        count += 1
        stamp = packet.pts if packet.pts is not None else packet.dts
        stamped = stamped and stamp is not None
        if stamp is not None and not packet.is_discard:
            shown.append((stamp, packet.duration or 0))
        if len(clock.jumps) > begun:
            begun = len(clock.jumps)
            parts.begin((shown[-1][0] - shown[0][0]) * base)
        parts.take(packet)
    if begun:
        times = "once" if begun == 1 else f"{begun} times"
        logger.warning("%s: its clock jumps %s; it is read as one film that goes on", path, times)
    if not count:
        raise MediaError(f"{path} holds no frames; it may be cut short: give a video of at least one frame")
    if not shown:
        # Raw streams carry no timestamps: the rate alone says how long they last.
        return _Span(Fraction(0), count / rate_hz, digest.hexdigest()[:32], stamped)
    shown.sort()
    last, length = shown[-1]
    if not length:
        # Matroska and GIF may leave the last duration out: the frame before says how long one is shown.
        length = last - shown[-2][0] if len(shown) > 1 else round(1 / rate_hz / base)
    return _Span(shown[0][0] * base, (last + length) * base, digest.hexdigest()[:32], stamped)


def _first_frame(path: Path) -> VideoFrame:
    """The first frame that decodes: it alone knows the rotation, and proves that there is a picture."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        for packet in packets(container, stream, path):
            try:
                for frame in packet.decode():
                    return frame
            except av.error.InvalidDataError:
                continue
            except av.error.FFmpegError as error:
                raise MediaError(f"{path} cannot be decoded ({error.strerror}); convert it to H.264 first") from error
    raise MediaError(f"{path} has no frame that can be decoded; it may be damaged or cut short")
