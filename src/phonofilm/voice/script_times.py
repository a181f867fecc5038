"""The times of transcripts: how they are written and what is done with impossible ones."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from phonofilm.errors import InputError

if TYPE_CHECKING:
    from phonofilm.voice.script import Line

LAST_S = 0.1
"""A line that begins this near the end of the clip cannot be heard; the shortest words last about that long."""
LONGEST_S = 12 * 3600
CLOCK = r"-?(?:\d{1,3}:)?(?:\d{1,3}:)?\d{1,9}(?:[.,]\d{1,6})?"
ARROW_ROW = re.compile(rf"^\s*({CLOCK})\s*-->\s*({CLOCK})(?:\s+.*)?$")
BRACKETED = re.compile(rf"^\[\s*({CLOCK})\s*(?:(?:-->|-|–|to)\s*({CLOCK})\s*)?\]\s*")  # noqa: RUF001
BARE = re.compile(rf"^({CLOCK})\s*(?:-->|-|–)\s*({CLOCK})(?=\s)\s*")  # noqa: RUF001


def clock_s(row: str, where: str) -> tuple[float, float]:
    """Start and end of a row `00:00:01,200 --> 00:00:03,000`. Raises InputError naming `where` when it is not one."""
    match = ARROW_ROW.match(row)
    if match is None:
        raise InputError(f"{where} has times {row.strip()[:60]!r}; write them like 00:00:01,200 --> 00:00:03,000")
    return _seconds(match.group(1), where), _seconds(match.group(2), where)


def find_times(row: str, where: str) -> tuple[float | None, float | None, str]:
    """Start and end at the beginning of a plain row, None where not given, and what follows them. Raises InputError."""
    match = BRACKETED.match(row) or BARE.match(row)
    if match is None:
        return None, None, row
    start, end = match.group(1), match.group(2)
    return _seconds(start, where), None if end is None else _seconds(end, where), row[match.end() :]


def _seconds(clock: str, where: str) -> float:
    parts = [float(part) for part in clock.removeprefix("-").replace(",", ".").split(":")]
    if any(part >= 60 for part in parts[1:]):
        raise InputError(f"{where} has the time {clock}; minutes and seconds after a colon go up to 59")
    total_s = 0.0
    for part in parts:
        total_s = 60 * total_s + part
    if total_s > LONGEST_S:
        raise InputError(f"{where} has the time {clock}, which is over 12 hours; times are seconds or h:mm:ss")
    return -total_s if clock.startswith("-") else total_s


def check_times(lines: "Sequence[Line]", source: str, notes: list[str]) -> "list[Line]":
    """Lines whose times are possible, in the order of time, with the repairs noted. Raises InputError."""
    checked = [_checked(line, source, notes) for line in lines]
    starts = [line.start_s for line in checked if line.start_s is not None]
    if starts != sorted(starts):
        if len(starts) < len(checked):
            raise InputError(f"transcript {source} has lines out of order and lines without times; put them in order")
        checked.sort(key=lambda line: (line.start_s, line.number))
        notes.append("the lines were not in the order of their times; they were sorted")
    return _parted(checked, source, notes)


def _checked(line: "Line", source: str, notes: list[str]) -> "Line":
    where = f"transcript {source}: line {line.number}"
    start_s, end_s = line.start_s, line.end_s
    if start_s is None:
        return line
    if end_s is not None and end_s < start_s:
        raise InputError(f"{where} ends ({end_s:g} s) before it begins ({start_s:g} s); exchange or correct its times")
    if start_s < 0:
        if end_s is None or end_s <= 0:
            raise InputError(f"{where} has a negative time ({start_s:g} s); times count from the first frame")
        notes.append(f"line {line.number}: begins at {start_s:g} s, before the clip; moved to 0 s")
        start_s = 0.0
    if end_s == start_s:
        notes.append(f"line {line.number}: lasts no time; it takes as long as its words need")
        end_s = None
    return replace(line, start_s=start_s, end_s=end_s)


def _parted(lines: "list[Line]", source: str, notes: list[str]) -> "list[Line]":
    """Nobody says two things at once: the earlier line of the same speaker ends where the later begins."""
    last: dict[str, int] = {}
    for index, line in enumerate(lines):
        before = last.get(line.speaker)
        if before is not None and line.start_s is not None:
            earlier = lines[before]
            if earlier.start_s is not None and earlier.end_s is not None and earlier.end_s > line.start_s:
                if line.start_s - earlier.start_s < LAST_S:
                    who = line.speaker or "one speaker"
                    raise InputError(
                        f"transcript {source}: {who} says lines {earlier.number} and {line.number} at the same time "
                        f"({line.start_s:g} s); give one of them another time"
                    )
                lines[before] = replace(earlier, end_s=line.start_s)
                notes.append(
                    f"line {earlier.number}: overlapped line {line.number} of its speaker; cut to {line.start_s:g} s"
                )
        last[line.speaker] = index
    return lines
