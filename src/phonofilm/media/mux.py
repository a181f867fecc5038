"""New sound under an untouched picture: video packets are copied, only the sound is encoded."""

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from phonofilm.errors import OutputError
from phonofilm.media.audio import resample, sound_frames
from phonofilm.media.files import check_writable, replacing
from phonofilm.media.probe import open_media, video_stream
from phonofilm.types import ClipInfo, Waveform

logger = logging.getLogger(__name__)

SOUND_CODECS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus"}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
HOLDS = {
    "mp4": {"h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"},
    "webm": {"vp8", "vp9", "av1", "libvpx", "libvpx-vp9", "libdav1d", "libaom-av1"},
}
"""Video codecs that players take from these containers; mov and mkv hold anything we can read."""
OPUS_RATE_HZ = 48_000
BITS_A_CHANNEL = {"aac": 128_000, "libopus": 96_000}


def check_output(clip: ClipInfo, path: Path) -> None:
    """Raises OutputError when the output would be the input, or its folder cannot be written to."""
    check_writable(path)
    if path.exists() and os.path.samefile(path, clip.path):
        raise OutputError(f"output {path} is the clip itself; give another name, nothing was changed")


def mux(clip: ClipInfo, waveform: Waveform, output: Path, *, metadata: dict[str, str]) -> Path:
    """Write the clip's picture, bit for bit, with `waveform` as its only sound; returns where it went.

    The container follows the output's suffix when it can hold the picture's codec, else it is Matroska and the suffix
    becomes .mkv, with a logged notice. Sound is AAC in mp4 and mov, Opus in webm and mkv. Title and other tags of the
    source are kept beside `metadata`. Raises OutputError; then nothing is left behind.
    """
    kind = CONTAINERS.get(output.suffix.lower(), "")
    if not kind or (kind in HOLDS and clip.video.codec not in HOLDS[kind]):
        kind = "matroska"
        output = output.with_suffix(".mkv")
        logger.warning("%s pictures go into Matroska: %s", clip.video.codec, output)
    check_output(clip, output)
    codec = SOUND_CODECS[kind]
    sound = resample(waveform, OPUS_RATE_HZ) if codec == "libopus" else waveform
    with replacing(output) as partial:
        try:
            _copy(clip, sound, codec, kind, partial, metadata)
        except av.error.FFmpegError as error:
            raise OutputError(
                f"cannot write {output} ({error.strerror}); choose another folder or --output NAME.mkv"
            ) from error
    return output


def _copy(clip: ClipInfo, sound: Waveform, codec: str, kind: str, path: Path, metadata: dict[str, str]) -> None:
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    with open_media(clip.path) as source, av.open(str(path), "w", format=kind, options=options) as target:
        picture = video_stream(source, clip.path)
        copied = target.add_stream_from_template(picture)
        layout = "mono" if sound.channels == 1 else "stereo"
        track = target.add_stream(codec, rate=sound.rate_hz, layout=layout)
        assert isinstance(track, AudioStream), f"{codec} is not a sound codec"
        track.bit_rate = BITS_A_CHANNEL[codec] * sound.channels
        kept = {key: value for key, value in source.metadata.items() if key in ("title", "artist", "date", "copyright")}
        target.metadata.update({**kept, **metadata})
        packets = _sound_packets(sound, track)
        waiting = next(packets, None)
        base = picture.time_base or Fraction(1, 1000)
        # The sound starts at zero, so the first shown frame must as well.
        shift = round(clip.start_s / base)
        for packet in source.demux(picture):
            if not packet.size:
                continue
            now_s = Fraction(packet.dts - shift if packet.dts is not None else 0) * base
            while waiting is not None and _time_s(waiting) <= now_s:
                target.mux(waiting)
                waiting = next(packets, None)
            _shift(packet, shift)
            packet.stream = copied
            target.mux(packet)
        _drain(target, waiting, packets)


def _shift(packet: "Packet[Any]", shift: int) -> None:
    if packet.pts is not None:
        packet.pts -= shift
    packet.dts = packet.dts - shift if packet.dts is not None else packet.pts


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


def _drain(target: OutputContainer, waiting: "Packet[Any] | None", packets: "Iterator[Packet[Any]]") -> None:
    while waiting is not None:
        target.mux(waiting)
        waiting = next(packets, None)
