"""Broadcast WAV: when a sound begins on the day's clock, who made it and how, in a `bext` chunk.

EBU Tech 3285 version 2 (2011), with the coding history of EBU R 98 and the loudness fields of EBU R 128; RF64 as in
EBU Tech 3306. Neither soundfile nor PyAV writes the whole chunk (FFmpeg's writer has no loudness, soundfile has no call
for it), so it is packed here. There is no `iXML` chunk: editing programs name a sound by its file, and the start is in
samples, which need no frame rate to be placed.
"""

import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import BinaryIO

from phonofilm.errors import MediaError, OutputError
from phonofilm.media.files import check_writable, replacing

LAYOUT = struct.Struct("<256s32s32s10s8sQH64s5h180s")
"""Description, originator, its reference, date, time, time reference, version, UMID, loudness, reserved: 602 bytes."""
UNKNOWN = 0x7FFF
"""What a loudness field holds that is not used."""
LARGEST_FIGURE = 327.66
"""The fields hold hundredths in 16 bits with a sign, and the largest number is UNKNOWN."""
LARGEST_RIFF = 0xFFFFFFFF
CHUNK = struct.Struct("<4sI")
CHANNELS = {1: "mono", 2: "stereo"}
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Loudness:
    """Figures by EBU R 128, each of the whole file; None for one that was not measured, or is that of silence."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    momentary_lufs: float | None = None
    short_term_lufs: float | None = None


@dataclass(frozen=True)
class BroadcastRecord:
    """What the chunk says. Text is put into ASCII and cut to what the field holds.

    description: 256 characters, of which programs show the first 64. originator, reference: 32 each, who made the file
    and what he calls it. made: its date and time. start_samples: samples from midnight to the first one. tool: what the
    coding history names as the maker, with its version. loudness: None leaves the chunk at version 1.
    """

    description: str
    originator: str
    reference: str
    made: datetime
    start_samples: int
    tool: str
    loudness: Loudness | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.start_samples < 1 << 64, f"a time reference is a count of samples, not {self.start_samples}"


@dataclass(frozen=True)
class _Chunk:
    """One chunk of a file: where its content begins and how many bytes it has, without the padding."""

    name: bytes
    first: int
    size: int


def add_broadcast(path: Path, record: BroadcastRecord) -> None:
    """Make a finished WAV file a Broadcast WAV: everything in it stays, a `bext` chunk goes in before the sound.

    The file is replaced whole or not at all; a `bext` chunk that it had is replaced. To be done before the file is
    signed, because a signature covers every byte. Raises MediaError when it is no whole WAV file, OutputError when it
    cannot be written or would be longer than WAV can say.
    """
    check_writable(path)
    try:
        with path.open("rb") as source, replacing(path) as partial, partial.open("wb") as target:
            chunks = [chunk for chunk in _chunks(source, path) if chunk.name != b"bext"]
            content = _content(record, _coding_history(source, chunks, record.tool, path))
            _write(source, target, chunks, content, path)
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}); check the path") from error


def _chunks(source: BinaryIO, path: Path) -> Iterator[_Chunk]:
    """The chunks of a file, in its order."""
    size = source.seek(0, 2)
    source.seek(0)
    header = source.read(12)
    if header[:4] not in (b"RIFF", b"RF64") or header[8:12] != b"WAVE":
        raise MediaError(f"{path} is not a WAV file; only WAV takes broadcast data")
    sound_bytes, first = None, 12
    while first + CHUNK.size <= size:
        source.seek(first)
        name, length = CHUNK.unpack(source.read(CHUNK.size))
        if name == b"ds64":
            sound_bytes = struct.unpack("<8xQ", source.read(16))[0]
        if name == b"data" and length == LARGEST_RIFF and sound_bytes is not None:
            length = sound_bytes
        first += CHUNK.size
        if first + length > size:
            raise MediaError(f"{path} is cut short in its chunk {name!r}; write it again")
        yield _Chunk(name, first, length)
        first += length + length % 2


def _coding_history(source: BinaryIO, chunks: list[_Chunk], tool: str, path: Path) -> bytes:
    """One line as EBU R 98 has it: the coding, the sampling rate, the word length, the channels, the maker."""
    layout = next((chunk for chunk in chunks if chunk.name == b"fmt "), None)
    if layout is None or layout.size < 16:
        raise MediaError(f"{path} does not say how its sound is coded; write it again")
    source.seek(layout.first)
    channels, rate_hz, bits = struct.unpack("<2xHI6xH", source.read(16))
    mode = f",M={CHANNELS[channels]}" if channels in CHANNELS else ""
    maker = _ascii(tool).replace(b",", b" ").decode("ascii")
    return f"A=PCM,F={rate_hz},W={bits}{mode},T={maker}\r\n".encode("ascii")


def _content(record: BroadcastRecord, history: bytes) -> bytes:
    loudness = record.loudness or Loudness()
    figures = (
        loudness.integrated_lufs,
        loudness.range_lu,
        loudness.true_peak_dbtp,
        loudness.momentary_lufs,
        loudness.short_term_lufs,
    )
    # Before version 2 these bytes were reserved, and reserved bytes are zero.
    fields = [0] * 5 if record.loudness is None else [_hundredths(figure) for figure in figures]
    head = LAYOUT.pack(
        _ascii(record.description),
        _ascii(record.originator),
        _ascii(record.reference),
        record.made.strftime("%Y-%m-%d").encode("ascii"),
        record.made.strftime("%H:%M:%S").encode("ascii"),
        record.start_samples,
        1 if record.loudness is None else 2,
        bytes(64),
        *fields,
        bytes(180),
    )
    # Some readers, libsndfile's of RF64 among them, lose the sound behind a chunk of odd length.
    return head + history + bytes(len(history) % 2)


def _hundredths(figure: float | None) -> int:
    """A figure in hundredths; UNKNOWN for none, for that of silence (minus infinity), and for what does not fit."""
    if figure is None or not isfinite(figure) or abs(figure) > LARGEST_FIGURE:
        return UNKNOWN
    return round(100 * figure)


def _ascii(text: str) -> bytes:
    """Text without accents; what has no letter in ASCII becomes a question mark."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return plain.encode("ascii", "replace")


def _write(source: BinaryIO, target: BinaryIO, chunks: list[_Chunk], content: bytes, path: Path) -> None:
    """Write the file anew; in RF64 the sizes stand in the chunk `ds64`, which must stay the first."""
    source.seek(0)
    kind = source.read(4)
    added = _Chunk(b"bext", -1, len(content))
    lead = 1 if chunks and chunks[0].name == b"ds64" else 0
    order = [*chunks[:lead], added, *chunks[lead:]]
    total = 4 + sum(CHUNK.size + chunk.size + chunk.size % 2 for chunk in order)
    if total > LARGEST_RIFF and not lead:
        raise OutputError(f"{path} would be over 4 GB with its broadcast data, which WAV cannot be; cut the clip")
    target.write(kind + struct.pack("<I", LARGEST_RIFF if lead else total) + b"WAVE")
    for chunk in order:
        # In RF64 the size of the sound is left to `ds64`.
        target.write(CHUNK.pack(chunk.name, LARGEST_RIFF if lead and chunk.name == b"data" else chunk.size))
        if chunk is added:
            target.write(content)
        elif chunk.name == b"ds64":
            source.seek(chunk.first + 8)
            target.write(struct.pack("<Q", total) + source.read(chunk.size - 8))
        else:
            source.seek(chunk.first)
            _copy(source, target, chunk.size)
        target.write(bytes(chunk.size % 2))


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size:
        part = source.read(min(size, COPY_BYTES))
        target.write(part)
        size -= len(part)
