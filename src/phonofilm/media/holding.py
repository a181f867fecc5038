"""Which container takes the picture of a clip beside new sound: the one that is asked for, or the next that can.

What players take is known by name. Of any other codec the first packets are written in memory and read back, since a
writer may refuse a codec, or write what nothing can read. AVI comes last: it holds old codecs that no other container
takes, but knows neither pictures out of order nor exact times. What none of them takes, or hardly any player shows
there, is encoded anew as H.264.
"""

import logging
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from phonofilm.errors import MediaError, OutputError
from phonofilm.media.audio import SOUND_SUFFIXES
from phonofilm.media.probe import open_media, packets, video_stream
from phonofilm.media.stamps import in_order, packet_stamps
from phonofilm.media.suffixes import parted
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
SOUND_CODECS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus", "avi": "pcm_s16le"}
"""AVI takes uncompressed sound, because it has no place for the samples that encoders put before the first."""
HOLDS = {
    "mp4": {"h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"},
    "mov": {"h264", "hevc", "prores", "dnxhd", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "gif", "png", "qtrle"}
    | {"dvvideo"},
    "webm": {"vp8", "vp9", "av1", "libvpx", "libvpx-vp9", "libdav1d", "libaom-av1"},
    "matroska": {"h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp8", "libvpx", "vp9", "libvpx-vp9", "mpeg4"}
    | {"mpeg2video", "mpeg1video", "mjpeg", "prores", "ffv1", "theora"},
    "avi": set(),
}
"""Video codecs that players take from these containers."""
FOURCC_FORMATS = ("avi", "asf", "nut", "matroska,webm")
"""FFmpeg's names of the formats whose codecs go by the same four letters as AVI's."""
SELDOM_SHOWN = {"gif"}
"""Codecs that a container holds and hardly any player shows beside sound: copied only where that container is named."""
ENCODED_INTO = {".mp4", ".m4v", ".mov", ".mkv"}
TRIED_PACKETS = 8
TRIED_RATE_HZ = 48_000


@dataclass(frozen=True)
class Place:
    """Where a film goes. copied: its picture stays as it is, packet by packet; else it is encoded as H.264."""

    path: Path
    copied: bool


def place_for(clip: ClipInfo, output: Path) -> Place:
    """Where `mux` will write when asked for `output`: the same, or with the suffix of a container that holds the clip.

    Raises OutputError for the name of a sound file.
    """
    if output.suffix.lower() in SOUND_SUFFIXES:
        raise OutputError(
            f"output {output} is the name of a sound file; have sound alone written (audio-only), or name a video"
        )
    if clip.stamped and _takes(CONTAINERS.get(output.suffix.lower(), ""), clip):
        return Place(output, copied=True)
    for suffix in _others(clip):
        if clip.stamped and clip.video.codec not in SELDOM_SHOWN and _takes(CONTAINERS[suffix], clip):
            return Place(_called(output, suffix), copied=True)
    named = output.suffix.lower() in ENCODED_INTO
    return Place(output if named else _called(output, ".mp4"), copied=False)


def _called(output: Path, suffix: str) -> Path:
    # Nothing is cut off a name but the ending of a film: "film" would become that of another clip, "film.mkv".
    return output.with_name(f"{parted(output)[0]}{suffix}")


def warn_of_change(clip: ClipInfo, wanted: Path, place: Place) -> None:
    """Say that a film goes elsewhere than was asked for, or its picture is encoded anew."""
    if not place.copied:
        why = f"is {clip.video.codec}, which no film that players show holds with sound"
        why = why if clip.stamped else "has no times of its own"
        logger.warning("%s: its picture %s; writing it as H.264 in %s", clip.path, why, place.path)
    elif place.path != wanted:
        lack = f"cannot hold this {clip.video.codec} picture with sound"
        lack = lack if wanted.suffix.lower() in CONTAINERS else "is no kind of film that is written here"
        logger.warning("%s %s; writing %s", wanted, lack, place.path)


def _others(clip: ClipInfo) -> tuple[str, ...]:
    """In the order in which they are tried where the container that is asked for cannot hold a clip."""
    return (".mkv", ".avi", ".mov") if clip.container in FOURCC_FORMATS else (".mkv", ".mov", ".avi")


def _takes(kind: str, clip: ClipInfo) -> bool:
    """Whether a clip's picture may go into a container, by FFmpeg's name of it."""
    if clip.video.codec in HOLDS.get(kind, ()):
        return True
    if kind == "matroska" or (kind == "mov" and clip.container.startswith("mov")):  # what came out of mov may go back
        return _comes_back(kind, clip)
    if kind not in ("mov", "avi") or _takes("matroska", clip):
        return False
    return (kind == "mov" or in_order(packet_stamps(clip))) and _comes_back(kind, clip)


def _comes_back(kind: str, clip: ClipInfo) -> bool:
    """Whether the first packets of a clip, written and read again, are what they were and show the same picture."""
    file = BytesIO()
    try:
        with open_media(clip.path) as source, av.open(file, "w", format=kind) as target:
            picture = video_stream(source, clip.path)
            copied = add_picture(target, picture, clip, kind)
            target.add_stream(SOUND_CODECS[kind], rate=TRIED_RATE_HZ, layout="stereo")
            whole = (packet for packet in packets(source, picture, clip.path) if packet.size)
            for packet, (pts, dts, _) in zip(islice(whole, TRIED_PACKETS), packet_stamps(clip), strict=False):
                packet.pts, packet.dts, packet.stream = pts, dts, copied
                target.mux(packet)
        file.seek(0)
        with open_media(clip.path) as source, av.open(file, "r") as target:
            return _beginning(source, clip.path) == _beginning(target, clip.path)
    except (av.error.FFmpegError, MediaError, ValueError):  # ValueError: the container does not take the codec
        return False


def _beginning(container: InputContainer, path: Path) -> tuple[str, bytes, bytes]:
    """Codec, first packet and first picture of a film. Raises MediaError when none can be decoded."""
    stream = video_stream(container, path)
    whole = (packet for packet in packets(container, stream, path) if packet.size)
    start = list(islice(whole, TRIED_PACKETS))
    frames = (frame for packet in [*start, None] for frame in stream.codec_context.decode(packet))
    first = next(frames, None)
    if not start or first is None:
        raise MediaError(f"{path} has no frame that can be decoded; it may be damaged or cut short")
    return stream.codec_context.name, bytes(start[0]), _pixels(first)


def _pixels(frame: VideoFrame) -> bytes:
    return np.ascontiguousarray(frame.to_ndarray(format="rgb24")).tobytes()


def add_picture(target: OutputContainer, picture: VideoStream, clip: ClipInfo, kind: str) -> VideoStream:
    """A stream for the packets of a clip's picture. Raises ValueError when the container does not take the codec."""
    # opaque: without it PyAV asks for an encoder of the decoder's name, and AV1's is called otherwise.
    copied: Any = target.add_stream_from_template(picture, opaque=True)
    if picture.sample_aspect_ratio:
        # Where only the container knows that pixels are not square (ProRes, VP9), the template leaves it behind.
        copied.codec_context.sample_aspect_ratio = picture.sample_aspect_ratio
    tag = _tag(picture.codec_context.codec_tag, clip, kind)
    if tag:
        copied.codec_context.codec_tag = tag
    made: VideoStream = copied
    return made


def _tag(tag: str, clip: ClipInfo, kind: str) -> str:
    """The four letters that name the codec in mp4, mov and avi; empty for the writer's own choice."""
    if clip.video.codec == "hevc" and kind in ("mp4", "mov"):
        return "hev1" if tag == "hev1" else "hvc1"  # Apple's players take no other, the writer's choice is hev1
    # ProRes keeps its quality in the letters, uncompressed and Ut Video their layout of pixels.
    if kind == "avi" and clip.container in FOURCC_FORMATS:
        return tag
    return tag if kind == "mov" and clip.container.startswith("mov") else ""
