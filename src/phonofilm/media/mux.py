"""New sound under an untouched picture: video packets are copied, only the sound is encoded.

Only a picture that no container holds so that players show it (GIF) is encoded, as H.264.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from phonofilm.disk import writer
from phonofilm.errors import OutputError
from phonofilm.media.audio import resample, sound_frames
from phonofilm.media.companions import Companions, kept_tags
from phonofilm.media.files import check_other, check_writable, replacing
from phonofilm.media.h264 import KEPT, write_h264
from phonofilm.media.holding import CONTAINERS, SOUND_CODECS, Place, add_picture, place_for, warn_of_change
from phonofilm.media.probe import address, open_media, packets, probe, video_stream
from phonofilm.media.stamps import counted_rate, packet_stamps
from phonofilm.media.timecode import frame_rate
from phonofilm.types import ClipInfo, Waveform

logger = logging.getLogger(__name__)

OPUS_RATE_HZ = 48_000
VISIBLE_STRETCH = 0.01
"""Pixels that are less than this from square are so by rounding (399:400 is met), and nobody sees it."""
FAILURES = {
    errno.ENOSPC: "the disk is full; make room or choose another folder",
    errno.EDQUOT: "your share of the disk is used up; make room or choose another folder",
    errno.EFBIG: "the file is larger than that disk takes; choose another folder",
    errno.ENAMETOOLONG: "its name is too long for that disk; give a shorter one",
    errno.EACCES: "its folder may not be written to; choose another",
    errno.EPERM: "its folder may not be written to; choose another",
    errno.EROFS: "its folder can only be read; choose another",
    errno.ENOENT: "its folder is gone; make it again or choose another",
    errno.EIO: "the disk fails; choose another folder",
}
"""What the operating system says when a film cannot be written, and what to do."""
BITS_A_CHANNEL = {"aac": 128_000, "libopus": 96_000}
"""Of codecs that lose something."""


def check_output(clip: ClipInfo, path: Path) -> None:
    """Raises OutputError when the output would be the input, or its folder cannot be written to."""
    check_writable(path)
    check_other(path, clip.path)


def mux(clip: ClipInfo, waveform: Waveform, output: Path, *, metadata: dict[str, str]) -> Path:
    """Write the clip's picture, bit for bit, with `waveform` as its only sound; returns where it went.

    metadata: tags of the file; a timecode (hh:mm:ss:ff) becomes a timecode track in mp4 and mov.

    The container follows the output's suffix when it can hold the picture's codec, else see `place_for`, with a
    logged notice. Sound is AAC in mp4 and mov, Opus in webm and mkv, uncompressed in avi. Title and other tags of the
    source are kept beside `metadata`. Raises OutputError or MediaError; then nothing is left behind.
    """
    wanted, place = output, place_for(clip, output)
    output = place.path
    if wanted != output:
        warn_of_change(clip, wanted, place)
    for path in (wanted, output):
        check_output(clip, path)
    kind = CONTAINERS[output.suffix.lower()]
    codec = SOUND_CODECS[kind]
    sound = resample(waveform, OPUS_RATE_HZ) if codec == "libopus" else waveform
    if not place.copied:
        with open_media(clip.path) as source:
            metadata = {**kept_tags(source, metadata), **metadata}
    with replacing(output) as partial:
        try:
            with _copyable(clip, place, partial) as film:
                _copy(film, sound, codec, kind, partial, metadata)
        except (av.error.FFmpegError, ValueError) as error:  # ValueError: the container does not take the codec
            raise OutputError(_reason(error, output)) from error
    return output


@contextmanager
def _copyable(clip: ClipInfo, place: Place, partial: Path) -> Iterator[ClipInfo]:
    """The clip, or for as long as it is needed one of its picture in H.264."""
    if place.copied:
        yield clip
        return
    encoded = partial.with_name(f".{writer()}.picture.mp4")
    try:
        write_h264(clip, encoded, KEPT)
        yield probe(encoded)
    finally:
        encoded.unlink(missing_ok=True)


def _reason(error: "av.error.FFmpegError | ValueError", output: Path) -> str:
    """Why a film could not be written, and what to do: only what the operating system does not say is the codec's."""
    code = getattr(error, "errno", None)
    if code in FAILURES:
        return f"cannot write {output}: {FAILURES[code]}"
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, OSError) and code != errno.EINVAL:
        return f"cannot write {output} ({reason}); choose another folder"
    return f"cannot write {output} ({reason}); convert the clip to H.264 first"


def _copy(clip: ClipInfo, sound: Waveform, codec: str, kind: str, path: Path, metadata: dict[str, str]) -> None:
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    with open_media(clip.path) as source, av.open(address(path), "w", format=kind, options=options) as target:
        picture = video_stream(source, clip.path)
        copied = add_picture(target, picture, clip, kind)
        _warn_of_shape(picture, clip, path, kind)
        base = picture.time_base or Fraction(1, 1000)
        # The sound starts at zero, so the first shown frame must as well.
        shift = round(clip.start_s / base)
        stamps = packet_stamps(clip)
        _warn_of_hidden(min(pts for pts, _, _ in stamps) - shift, base, clip, path, kind)
        if kind == "avi":
            times_s = [(pts - shift) * base for pts, _, _ in stamps]
            copied.time_base = 1 / counted_rate(times_s, clip.video.average_rate_hz)
        elif "timecode" in metadata:
            # Its frames can only be counted where the rate is said.
            copied.codec_context.framerate = frame_rate(clip.video.average_rate_hz)
        layout = "mono" if sound.channels == 1 else "stereo"
        track = target.add_stream(codec, rate=sound.rate_hz, layout=layout)
        assert isinstance(track, AudioStream), f"{codec} is not a sound codec"
        if codec in BITS_A_CHANNEL:
            track.bit_rate = BITS_A_CHANNEL[codec] * sound.channels
        target.metadata.update({**kept_tags(source, metadata), **metadata})
        beside = Companions(clip, source, target, kind)
        beside.put_covers()
        sounds = _sound_packets(sound, track)
        waiting = next(sounds, None)
        left = iter(stamps)
        for packet in packets(source, [picture, *beside.subtitles], clip.path):
            if not packet.size:
                continue
            if packet.stream.index != picture.index:
                beside.put(packet)
                continue
            pts, dts, length = next(left)
            packet.pts, packet.dts = pts - shift, dts - shift
            # Transport streams say no lengths; mp4 would then show its last picture for no time.
            packet.duration = packet.duration or length
            while waiting is not None and _time_s(waiting) <= packet.dts * base:
                target.mux(waiting)
                waiting = next(sounds, None)
            packet.stream = copied
            target.mux(packet)
        while waiting is not None:
            target.mux(waiting)
            waiting = next(sounds, None)


def _warn_of_hidden(first: int, base: Fraction, clip: ClipInfo, path: Path, kind: str) -> None:
    """Say where pictures before the start, which an edit list hides, are seen since a container knows no such list.

    first: the time of the first picture, in units of `base`.
    """
    if first < 0 and kind not in ("mp4", "mov"):
        logger.warning(
            "%s: %.2f s before its start are hidden, and %s shows them, silent; an output in .mp4 keeps them hidden",
            clip.path,
            float(-first * base),
            path.suffix,
        )


def _warn_of_shape(picture: VideoStream, clip: ClipInfo, path: Path, kind: str) -> None:
    """Say where a container does not keep the shape of pixels that only the source's container knows."""
    if not picture.sample_aspect_ratio or kind not in ("matroska", "webm", "avi"):
        return
    inside = picture.codec_context.sample_aspect_ratio or 1
    if abs(picture.sample_aspect_ratio / inside - 1) > VISIBLE_STRETCH:
        logger.warning(
            "%s: the shape of its pixels (%s) is lost in %s; an output in .mp4 keeps it if the codec fits",
            clip.path,
            picture.sample_aspect_ratio,
            path.suffix,
        )


def _time_s(packet: "Packet[Any]") -> Fraction:
    if packet.pts is None or packet.time_base is None:
        return Fraction(0)
    return packet.pts * packet.time_base


def _sound_packets(sound: Waveform, track: AudioStream) -> "Iterator[Packet[Any]]":
    """Encoded packets as they are asked for, so that neither stream waits in memory for the other."""
    track.codec_context.open(strict=False)
    for frame in sound_frames(sound, track.codec_context.frame_size or 1024):
        yield from track.encode(frame)
    yield from track.encode(None)
