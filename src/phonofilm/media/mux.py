"""New sound under an untouched picture: video packets are copied, only the sound is encoded."""

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from phonofilm.errors import MediaError, OutputError
from phonofilm.media.audio import SOUND_SUFFIXES, resample, sound_frames
from phonofilm.media.companions import Companions, kept_tags
from phonofilm.media.files import check_writable, replacing
from phonofilm.media.probe import address, open_media, packets, video_stream
from phonofilm.media.timecode import frame_rate
from phonofilm.types import ClipInfo, Waveform

logger = logging.getLogger(__name__)

SOUND_CODECS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus"}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
HOLDS = {
    "mp4": {"h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"},
    "mov": {"h264", "hevc", "prores", "dnxhd", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "gif", "png", "qtrle"},
    "webm": {"vp8", "vp9", "av1", "libvpx", "libvpx-vp9", "libdav1d", "libaom-av1"},
}
"""Video codecs that players take from these containers; mkv holds any other except GIF, which mov takes."""
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


def check_output(clip: ClipInfo, path: Path) -> None:
    """Raises OutputError when the output would be the input, or its folder cannot be written to."""
    check_writable(path)
    if path.exists() and os.path.samefile(path, clip.path):
        raise OutputError(f"output {path} is the clip itself; give another name, nothing was changed")


def mux(clip: ClipInfo, waveform: Waveform, output: Path, *, metadata: dict[str, str]) -> Path:
    """Write the clip's picture, bit for bit, with `waveform` as its only sound; returns where it went.

    metadata: tags of the file; a timecode (hh:mm:ss:ff) becomes a timecode track in mp4 and mov.

    The container follows the output's suffix when it can hold the picture's codec, else see `muxed_path`, with a
    logged notice. Sound is AAC in mp4 and mov, Opus in webm and mkv. Title and other tags of the
    source are kept beside `metadata`. Raises OutputError; then nothing is left behind.
    """
    wanted, output = output, muxed_path(clip, output)
    if output != wanted:
        logger.warning("%s cannot hold this %s picture with sound; writing %s", wanted, clip.video.codec, output)
    for path in (wanted, output):
        check_output(clip, path)
    kind = CONTAINERS[output.suffix.lower()]
    codec = SOUND_CODECS[kind]
    sound = resample(waveform, OPUS_RATE_HZ) if codec == "libopus" else waveform
    with replacing(output) as partial:
        try:
            _copy(clip, sound, codec, kind, partial, metadata)
        except (av.error.FFmpegError, ValueError) as error:  # ValueError: the container does not take the codec
            raise OutputError(_reason(error, output)) from error
    return output


def _reason(error: "av.error.FFmpegError | ValueError", output: Path) -> str:
    """Why a film could not be written, and what to do: only what the operating system does not say is the codec's."""
    code = getattr(error, "errno", None)
    if code in FAILURES:
        return f"cannot write {output}: {FAILURES[code]}"
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, OSError) and code != errno.EINVAL:
        return f"cannot write {output} ({reason}); choose another folder"
    return f"cannot write {output} ({reason}); convert the clip to H.264 first"


def likely_suffix(suffix: str) -> str:
    """The suffix that `mux` writes for a clip with this one, as far as the name alone tells."""
    return {".gif": ".mov"}.get(suffix.lower(), suffix if suffix.lower() in CONTAINERS else ".mkv")


def muxed_path(clip: ClipInfo, output: Path) -> Path:
    """Where `mux` will write when asked for `output`: the same, or with the suffix of a container that holds the clip.

    Raises OutputError for the name of a sound file.
    """
    if output.suffix.lower() in SOUND_SUFFIXES:
        raise OutputError(f"output {output} is the name of a sound file; add --audio-only, or name a video")
    kind = CONTAINERS.get(output.suffix.lower(), "")
    if clip.video.codec == "gif":
        return output if kind == "mov" else output.with_suffix(".mov")
    if kind and clip.video.codec in HOLDS.get(kind, {clip.video.codec}):
        return output
    return output.with_suffix(".mkv")


def _copy(clip: ClipInfo, sound: Waveform, codec: str, kind: str, path: Path, metadata: dict[str, str]) -> None:
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    stamps = iter(_stamps(clip))
    with open_media(clip.path) as source, av.open(address(path), "w", format=kind, options=options) as target:
        picture = video_stream(source, clip.path)
        # opaque: without it PyAV asks for an encoder of the decoder's name, and AV1's is called otherwise.
        copied = target.add_stream_from_template(picture, opaque=True)
        if picture.sample_aspect_ratio:
            # Where only the container knows that pixels are not square (ProRes, VP9), the template leaves it behind.
            copied.codec_context.sample_aspect_ratio = picture.sample_aspect_ratio
            inside = picture.codec_context.sample_aspect_ratio or 1
            odd = abs(picture.sample_aspect_ratio / inside - 1) > VISIBLE_STRETCH
            if kind in ("matroska", "webm") and odd:
                logger.warning(
                    "%s: the shape of its pixels (%s) is lost in %s; an output in .mp4 keeps it if the codec fits",
                    clip.path,
                    picture.sample_aspect_ratio,
                    path.suffix,
                )
        if "timecode" in metadata:
            # Its frames can only be counted where the rate is said.
            copied.codec_context.framerate = frame_rate(clip.video.average_rate_hz)
        tag = _tag(picture.codec_context.codec_tag, clip, kind)
        if tag:
            copied.codec_context.codec_tag = tag
        layout = "mono" if sound.channels == 1 else "stereo"
        track = target.add_stream(codec, rate=sound.rate_hz, layout=layout)
        assert isinstance(track, AudioStream), f"{codec} is not a sound codec"
        track.bit_rate = BITS_A_CHANNEL[codec] * sound.channels
        target.metadata.update({**kept_tags(source, metadata), **metadata})
        beside = Companions(clip, source, target, kind)
        beside.put_covers()
        sounds = _sound_packets(sound, track)
        waiting = next(sounds, None)
        base = picture.time_base or Fraction(1, 1000)
        # The sound starts at zero, so the first shown frame must as well.
        shift = round(clip.start_s / base)
        for packet in packets(source, [picture, *beside.subtitles], clip.path):
            if not packet.size:
                continue
            if packet.stream.index != picture.index:
                beside.put(packet)
                continue
            pts, dts, length = next(stamps)
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


def _tag(tag: str, clip: ClipInfo, kind: str) -> str:
    """The four letters that name the codec in mp4 and mov; empty for the writer's own choice."""
    if clip.video.codec == "hevc" and kind in ("mp4", "mov"):
        return "hev1" if tag == "hev1" else "hvc1"  # Apple's players take no other, the writer's choice is hev1
    # ProRes keeps its quality in the letters.
    return tag if kind == "mov" and clip.container.startswith("mov") else ""


def _stamps(clip: ClipInfo) -> list[tuple[int, int, int]]:
    """(pts, dts, length) of every packet, in the file's order, as a container wants them.

    The length is how long its picture stays, up to the next one or the end of the clip. Raises MediaError when
    timestamps are missing.
    """
    with open_media(clip.path) as source:
        picture = video_stream(source, clip.path)
        base = picture.time_base or Fraction(1, 1000)
        found = [(packet.pts, packet.dts) for packet in packets(source, picture, clip.path) if packet.size]
    given = [(pts if pts is not None else dts, dts) for pts, dts in found]
    whole = [(pts, dts) for pts, dts in given if pts is not None]
    if len(whole) < len(given):
        raise MediaError(f"{clip.path} has pictures without timestamps; put it into mp4 or mkv first")
    shown = [*sorted(pts for pts, _ in whole), round((clip.start_s + clip.duration_s) / base)]
    lengths = {here: max(0, after - here) for here, after in pairwise(shown)}
    return [(pts, dts, lengths[pts]) for pts, dts in decoding_order(whole)]


def decoding_order(stamps: "Sequence[tuple[int, int | None]]") -> list[tuple[int, int]]:
    """Presentation times untouched, decoding times rising and never after them.

    Matroska stores no decoding times, and MPEG program streams repeat some. Those of the file stay when all are good;
    else they are the sorted presentation times, moved back until no picture is decoded after it is shown.
    """
    good = [(pts, dts) for pts, dts in stamps if dts is not None and dts <= pts]
    if len(good) == len(stamps) and all(a[1] < b[1] for a, b in pairwise(good)):
        return good
    rising: list[int] = []
    for pts in sorted(pts for pts, _ in stamps):
        rising.append(max(pts, rising[-1] + 1) if rising else pts)
    delay = max((dts - pts for dts, (pts, _) in zip(rising, stamps, strict=True)), default=0)
    return [(pts, dts - max(0, delay)) for dts, (pts, _) in zip(rising, stamps, strict=True)]


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
