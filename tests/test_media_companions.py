"""What stands beside the picture goes with it where the new container holds it, and is told of where it does not."""

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from clips import even_times, make_clip
from phonofilm.media.audio import read_clip_audio, sound_frames
from phonofilm.media.mux import mux
from phonofilm.media.probe import probe
from phonofilm.types import ClipInfo, Waveform

MS = Fraction(1, 1000)
SOUND = Waveform(np.zeros((1, 48_000 * 2), np.float32), 48_000)
WORDS = {"mov_text": b"\x00\x05hello", "subrip": b"hello", "webvtt": b"hello"}
SPANS_MS = [(200, 700), (1000, 500), (1900, 900)]
CHAPTERS = [(0, 1000, "One"), (1000, 2000, "Two")]


def cover() -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8), "rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def rich(
    path: Path, subtitles: str = "", tracks: int = 1, with_cover: bool = False, first_s: Fraction = Fraction(0)
) -> Path:
    """Two seconds with subtitles of some codec, chapters, tags, tracks of sound and a cover."""
    codec = "libvpx-vp9" if path.suffix == ".webm" else "libx264"
    plain = make_clip(
        path.with_name("plain.webm" if path.suffix == ".webm" else "plain.mp4"),
        even_times(50, Fraction(25), first_s),
        codec=codec,
    )
    shift = round(first_s / MS)
    with av.open(str(plain)) as source, av.open(str(path), "w") as file:
        copied = file.add_stream_from_template(source.streams.video[0], opaque=True)
        sounds = [file.add_stream("libopus", rate=48_000, layout="mono") for _ in range(tracks)]
        words = file.add_mux_stream(subtitles) if subtitles else None
        if words is not None:
            words.time_base, words.metadata["language"] = MS, "ger"
        still = _add_cover(file, path) if with_cover else None
        file.metadata.update({"title": "Film", "genre": "Noise", "comment": "theirs"})
        file.set_chapters(
            [
                {"id": k, "start": shift + start, "end": shift + end, "time_base": MS, "metadata": {"title": title}}
                for k, (start, end, title) in enumerate(CHAPTERS)
            ]
        )
        for track in sounds:
            for frame in sound_frames(SOUND, 960):
                file.mux(track.encode(frame))
            file.mux(track.encode(None))
        if still is not None:
            file.mux(still)
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                packet.stream, packet.dts = copied, packet.dts if packet.dts is not None else packet.pts
                file.mux(packet)
            if number == 0 and words is not None:
                for start, length in SPANS_MS:
                    file.mux(_words(words, subtitles, start + shift, length))
    plain.unlink()
    return path


def _add_cover(file: Any, path: Path) -> Any:
    if path.suffix == ".mkv":
        file.add_attachment("cover.jpg", "image/jpeg", cover())
        return None
    stream = file.add_stream("mjpeg", rate=25)
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    packet = av.Packet(cover())
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    return packet


def _words(stream: Any, codec: str, start: int, length: int) -> Any:
    packet = av.Packet(WORDS[codec])
    packet.stream, packet.time_base, packet.pts, packet.dts, packet.duration = stream, MS, start, start, length
    return packet


def copied(clip: ClipInfo, path: Path) -> Path:
    return mux(clip, SOUND, path, metadata={"comment": "ours"})


def words_of(path: Path) -> list[tuple[int, int, bytes]]:
    """Start and length in ms, and what is said."""
    with av.open(str(path)) as file:
        stream = file.streams.subtitles[0]
        assert stream.metadata["language"] == "ger"
        found = [packet for packet in file.demux(stream) if packet.size > 2]  # mov says with two bytes: no words now
        base = stream.time_base
        return [(round(p.pts * base * 1000), round(p.duration * base * 1000), bytes(p)) for p in found]


@pytest.mark.parametrize(
    ("codec", "suffix", "to"),
    [
        ("subrip", ".mkv", ".mkv"),
        ("mov_text", ".mp4", ".mp4"),
        ("mov_text", ".mp4", ".mov"),
        ("webvtt", ".webm", ".webm"),
        ("webvtt", ".webm", ".mkv"),
    ],
)
@pytest.mark.parametrize("first_s", [Fraction(0), Fraction(2)])
def test_subtitles_chapters_and_tags_go_along(
    tmp_path: Path, codec: str, suffix: str, to: str, first_s: Fraction, caplog: pytest.LogCaptureFixture
) -> None:
    clip = probe(rich(tmp_path / f"clip{suffix}", codec, first_s=first_s))
    written = copied(clip, tmp_path / f"new{to}")
    assert [(start, said) for start, _, said in words_of(written)] == [(start, WORDS[codec]) for start, _ in SPANS_MS]
    with av.open(str(written)) as file:
        chapters = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"]) for c in file.chapters()
        ]
        tags = {key.lower(): value for key, value in file.metadata.items()}
        assert [stream.type for stream in file.streams if stream.type != "data"].count("audio") == 1
    assert chapters == [(start * MS, end * MS, title) for start, end, title in CHAPTERS]
    assert (tags["title"], tags["genre"], tags["comment"]) == ("Film", "Noise", "ours")
    assert probe(written).fingerprint == clip.fingerprint
    assert abs(probe(written).duration_s - 2) <= MS
    assert not caplog.records


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("to", [".mkv", ".mp4"])
def test_covers_go_along(tmp_path: Path, suffix: str, to: str, caplog: pytest.LogCaptureFixture) -> None:
    written = copied(probe(rich(tmp_path / f"clip{suffix}", with_cover=True)), tmp_path / f"new{to}")
    with av.open(str(written)) as file:
        still = next(s for s in file.streams.video if s.disposition & Disposition.attached_pic)
        assert next(bytes(packet) for packet in file.demux(still) if packet.size) == cover()
    assert probe(written).duration_s == 2
    assert not caplog.records


@pytest.mark.parametrize(
    ("codec", "suffix", "to", "words"),
    [
        ("subrip", ".mkv", ".mp4", "subtitles (srt; .mkv holds them)"),
        ("mov_text", ".mp4", ".mkv", "subtitles (mov_text; .mp4 holds them)"),
        ("", ".mkv", ".mov", "a cover picture (mjpeg)"),
        ("", ".mp4", ".mp4", "2 more tracks of sound"),
    ],
)
def test_what_is_left_out_is_told_in_one_line(
    tmp_path: Path, codec: str, suffix: str, to: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracks = 3 if "sound" in words else 1
    clip = probe(rich(tmp_path / f"clip{suffix}", codec, tracks, with_cover="cover" in words))
    with caplog.at_level(logging.WARNING):
        written = copied(clip, tmp_path / f"new{to}")
    assert [record.getMessage() for record in caplog.records] == [f"{clip.path}: the new file leaves out {words}"]
    assert probe(written).duration_s == 2


@pytest.mark.parametrize("to", [".mkv", ".mp4"])
def test_fonts_go_along(tmp_path: Path, to: str, caplog: pytest.LogCaptureFixture) -> None:
    source, path = rich(tmp_path / "plain.mkv"), tmp_path / "clip.mkv"
    with av.open(str(source)) as plain, av.open(str(path), "w") as file:
        copy = file.add_stream_from_template(plain.streams.video[0], opaque=True)
        file.add_attachment("serif.ttf", "application/x-truetype-font", b"letters")
        for packet in plain.demux(video=0):
            if packet.size:
                packet.stream, packet.dts = copy, None
                file.mux(packet)
    written = copied(probe(path), tmp_path / f"new{to}")
    with av.open(str(written)) as file:
        found = [(stream.name, stream.mimetype, stream.data) for stream in file.streams.attachments]
    assert found == ([("serif.ttf", "application/x-truetype-font", b"letters")] if to == ".mkv" else [])
    assert ("attached files (1; .mkv holds them)" in caplog.text) == (to == ".mp4")


def test_which_of_several_tracks_is_mixed_in_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_clip_audio(probe(rich(tmp_path / "one.mkv")), 48_000) is not None
    assert not caplog.records
    assert read_clip_audio(probe(rich(tmp_path / "two.mkv", tracks=2)), 48_000) is not None
    assert "of its 2 tracks of sound the first is used" in caplog.text
