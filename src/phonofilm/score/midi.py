"""The piece as a MIDI file, with which a composer can go on: tempo map, metres, names, programmes, sections as markers.

Standard MIDI Files 1.0, MIDI Manufacturers Association 1996: format 1, one track for tempo and metre, one for each
part.
"""

import os
import struct
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from phonofilm.disk import writer
from phonofilm.errors import OutputError
from phonofilm.score.piece import Part, Score

TICKS = 960
"""Ticks of a quarter note: at 120 beats a minute one is half a millisecond."""
DRUM_CHANNEL = 9
VOLUME, PAN, EXPRESSION = 7, 10, 11
NAME, MARKER, END, TEMPO, METRE = 0x03, 0x06, 0x2F, 0x51, 0x58
Row = tuple[int, int, bytes]
"""(tick, order among those of one tick, message)."""


def write_midi(score: Score, path: Path) -> None:
    """Write a standard MIDI file, whole or not at all. Raises OutputError when it cannot be written."""
    partial = path.with_name(f".{path.name}.{writer()}.partial")
    try:
        partial.write_bytes(midi_bytes(score))
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"the score cannot be written to {path} ({error.strerror}); check the folder") from error


def midi_bytes(score: Score) -> bytes:
    """The MIDI file of a piece."""
    clock = Clock(score)
    channels = [number for number in range(16) if number != DRUM_CHANNEL]
    tracks = [_conductor(score, clock)]
    for number, part in enumerate(score.parts):
        tracks.append(_player(part, DRUM_CHANNEL if part.drums else channels[number % len(channels)], clock))
    head = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS)
    last = clock.tick(float(score.duration_s))
    return head + b"".join(_track(rows, last) for rows in tracks)


class Clock:
    """Seconds to ticks along a tempo map. What lies before the first downbeat is one beat of its own."""

    def __init__(self, score: Score) -> None:
        spans = [(bar.start_s, bar.beats, bar.beat_s) for bar in score.tempo.bars]
        first_s = spans[0][0] if spans else score.tempo.final_s
        if first_s > 0:
            spans.insert(0, (0.0, 1, first_s))
        spans.append((score.tempo.final_s, 0, score.tempo.beat_s))
        self.tempi: list[tuple[int, int]] = []
        """(tick, microseconds of a beat), one for each bar."""
        self.metres: list[tuple[int, int]] = []
        """(tick, beats of a bar)."""
        self._times_s: list[float] = []
        self._ticks: list[int] = []
        self._beats_s: list[float] = []
        tick = 0
        for start_s, beats, beat_s in spans:
            self._times_s.append(start_s)
            self._ticks.append(tick)
            self._beats_s.append(beat_s)
            self.tempi.append((tick, round(1e6 * beat_s)))
            if beats and (not self.metres or self.metres[-1][1] != beats):
                self.metres.append((tick, beats))
            tick += beats * TICKS

    def tick(self, time_s: float) -> int:
        """The tick nearest to an instant."""
        span = max(0, bisect_right(self._times_s, time_s) - 1)
        return self._ticks[span] + round((time_s - self._times_s[span]) / self._beats_s[span] * TICKS)


def _conductor(score: Score, clock: Clock) -> list[Row]:
    """The first track: tempo, metre, sections, style and key in words."""
    rows = [(0, 0, _meta(NAME, f"{score.style}, {score.key} {score.mode}".encode("ascii")))]
    rows += [(tick, 0, _meta(TEMPO, struct.pack(">I", tempo)[1:])) for tick, tempo in clock.tempi]
    # Beats, two to the power of the second number is what a beat is (a quarter), clocks of a click, 32nds of a quarter.
    rows += [(tick, 0, _meta(METRE, bytes((beats, 2, 24, 8)))) for tick, beats in clock.metres]
    for section in score.sections:
        start = clock.tick(score.tempo.bars[section.first].start_s)
        rows.append((start, 0, _meta(MARKER, section.name.encode("ascii"))))
    rows.append((clock.tick(score.tempo.final_s), 0, _meta(MARKER, b"last chord")))
    return rows


def _player(part: Part, channel: int, clock: Clock) -> list[Row]:
    """The track of one part."""
    rows = [
        (0, 0, _meta(NAME, part.name.encode("ascii"))),
        (0, 1, bytes((0xC0 | channel, part.programme))),
        (0, 1, _control(channel, VOLUME, 110 * part.gain**0.5)),
        (0, 1, _control(channel, PAN, 64 + 63 * part.place)),
    ]
    # Players square these numbers to get amplitudes.
    rows += [(clock.tick(time_s), 2, _control(channel, EXPRESSION, 127 * gain**0.5)) for time_s, gain in part.swell]
    for note in part.notes:
        start, end = clock.tick(note.start_s), clock.tick(note.end_s)
        rows.append((start, 4, bytes((0x90 | channel, note.pitch, note.velocity))))
        # Ends before beginnings of the same tick, or a repeated note would be cut off at once.
        rows.append((max(end, start + 1), 3, bytes((0x80 | channel, note.pitch, 64))))
    return rows


def _control(channel: int, number: int, value: float) -> bytes:
    return bytes((0xB0 | channel, number, min(127, max(0, round(value)))))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _length(len(data)) + data


def _length(number: int) -> bytes:
    """A number in groups of seven bits, all but the last with the top bit set."""
    groups = [number & 127]
    while number := number >> 7:
        groups.insert(0, number & 127 | 128)
    return bytes(groups)


def _track(rows: Sequence[Row], last: int) -> bytes:
    before = 0
    parts = []
    for tick, _, message in sorted(rows, key=lambda row: row[:2]):
        parts.append(_length(tick - before) + message)
        before = tick
    parts.append(_length(max(0, last - before)) + _meta(END, b""))
    body = b"".join(parts)
    return b"MTrk" + struct.pack(">I", len(body)) + body
