"""What stands beside the picture of a clip and goes with it into a new file: subtitles, covers, chapters and tags."""

import logging
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.stream import Stream as AvStream
from av.video.stream import VideoStream as AvVideoStream

from phonofilm.media.probe import open_media
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)

SUBTITLES: dict[str, set[str]] = {
    "avi": set(),
    "mp4": {"mov_text"},
    "mov": {"mov_text"},
    "webm": {"webvtt"},
    "matroska": {"srt", "subrip", "ssa", "ass", "webvtt", "pgssub", "dvdsub"},
}
"""By container: subtitles, by FFmpeg's names of their decoders, that it holds as they are."""
COVERS = {"mjpeg": "jpg", "png": "png"}
COVER_HOLDERS = ("mp4", "matroska")
"""FFmpeg writes covers into mov that it does not find again; webm has no place for them."""
FILE_OF_ANY_KIND = "application/octet-stream"
KEPT_STREAM_TAGS = ("language", "title")
OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode")
"""Tags that speak of the file and not of the film; the new file has its own."""


class Companions:
    """The companions of a clip's picture in a new file, which must not have been begun.

    kind: FFmpeg's name of the new container. What it cannot hold is told in one logged line.
    """

    def __init__(self, clip: ClipInfo, source: InputContainer, target: OutputContainer, kind: str) -> None:
        self.subtitles: list[AvStream] = []
        """The streams of the source whose packets are to be put."""
        self._clip, self._target, self._kind = clip, target, kind
        self._copies: dict[int, AvStream] = {}
        self._last: dict[int, int] = {}
        self._covers: list[Packet[Any]] = []
        left_out = [*self._add_subtitles(source), *self._add_covers(source), *self._add_attachments(source)]
        others = len(source.streams.audio) - 1
        if others > 0:
            left_out.append(f"{others} more track{'s' if others > 1 else ''} of sound")
        if left_out:
            logger.warning("%s: the new file leaves out %s", clip.path, ", ".join(left_out))
        chapters = _chapters(source, clip)
        if chapters:
            target.set_chapters(chapters)

    def _add_subtitles(self, source: InputContainer) -> list[str]:
        left_out = []
        for stream in source.streams.subtitles:
            codec = "unknown" if stream.codec_context is None else stream.codec_context.name
            if codec not in SUBTITLES[self._kind]:
                left_out.append(f"subtitles ({codec}{_holder(codec)})")
                continue
            copied = self._target.add_stream_from_template(stream, opaque=True)
            copied.metadata.update({key: stream.metadata[key] for key in KEPT_STREAM_TAGS if key in stream.metadata})
            copied.disposition = stream.disposition
            self._copies[stream.index] = copied
            self.subtitles.append(stream)
        return left_out

    def _add_covers(self, source: InputContainer) -> list[str]:
        left_out = []
        for stream in source.streams.video:
            if not stream.disposition & Disposition.attached_pic:
                continue
            codec = "unknown" if stream.codec_context is None else stream.codec_context.name
            picture = _cover(self._clip, stream)
            if picture is None or codec not in COVERS or self._kind not in COVER_HOLDERS:
                left_out.append(f"a cover picture ({codec})")
            elif self._kind == "matroska":
                name = stream.metadata.get("filename", f"cover.{COVERS[codec]}")
                self._target.add_attachment(name, f"image/{'jpeg' if codec == 'mjpeg' else codec}", picture)
            else:
                copied = self._target.add_stream_from_template(stream, opaque=True)
                copied.disposition = Disposition.attached_pic
                packet = Packet(picture)
                packet.stream, packet.pts, packet.dts = copied, 0, 0
                self._covers.append(packet)
        return left_out

    def _add_attachments(self, source: InputContainer) -> list[str]:
        """The fonts that subtitles are set in, and the like."""
        attached = source.streams.attachments
        if self._kind != "matroska":
            return [f"attached files ({len(attached)}; .mkv holds them)"] if attached else []
        for stream in attached:
            self._target.add_attachment(stream.name or "attached", stream.mimetype or FILE_OF_ANY_KIND, stream.data)
        return []

    def put_covers(self) -> None:
        """Write the covers; once all streams of the new file are there."""
        for packet in self._covers:
            self._target.mux(packet)

    def put(self, packet: "Packet[Any]") -> None:
        """Write a packet of one of `subtitles`; what is never on screen together with a picture is left out."""
        base = packet.time_base or Fraction(1, 1000)
        if packet.pts is None:
            return
        start = packet.pts - round(self._clip.start_s / base)
        end = start + (packet.duration or 0)
        if start >= self._clip.duration_s / base or (end <= 0 and start < 0):
            return
        index = packet.stream.index
        start = max(start, 0, self._last.get(index, 0))
        self._last[index] = start
        packet.pts = packet.dts = start
        packet.duration = max(0, end - start)
        packet.stream = self._copies[index]
        self._target.mux(packet)


def kept_tags(source: InputContainer, new: Mapping[str, str]) -> dict[str, str]:
    """The tags of a file that hold for another with the same picture, besides those that are new."""
    replaced = {*OWN_TAGS, *(key.lower() for key in new)}
    return {key: value for key, value in source.metadata.items() if key.lower() not in replaced}


def _holder(codec: str) -> str:
    """Which file would have held such subtitles."""
    kind = next((kind for kind, codecs in SUBTITLES.items() if codec in codecs), None)
    return "" if kind is None else f"; .{'mkv' if kind == 'matroska' else kind} holds them"


def _cover(clip: ClipInfo, stream: AvVideoStream) -> bytes | None:
    with open_media(clip.path) as again:  # another reading, so that the first stays at its beginning
        try:
            return next((bytes(packet) for packet in again.demux(again.streams[stream.index]) if packet.size), None)
        except av.error.FFmpegError:
            return None


def _chapters(source: InputContainer, clip: ClipInfo) -> list[Any]:
    """The chapters on the clip's own clock; those that no picture belongs to are left out."""
    found = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        shift, last = round(clip.start_s / base), int(clip.duration_s / base)
        start, end = max(0, chapter["start"] - shift), min(last, chapter["end"] - shift)
        if start < end:
            found.append({**chapter, "start": start, "end": end})
    return found
