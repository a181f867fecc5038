"""Transcripts: who says what, and when if it is known.

Three ways to write one:

    SRT      1                          WebVTT   WEBVTT                       plain   ANNA: Where have you been?
             00:00:01,200 --> 00:00:03,000                                            [00:03.5 - 00:05] BEN: Nowhere.
             ANNA: Where have you been?          00:01.200 --> 00:03.000              5.2-6.0 ANNA: I see.
                                                 <v Anna>Where have you been?

Times count from the first shown frame. Lines without times are placed where mouths move (`align`). Whatever is repaired
or not spoken is said in `Script.notes`, with the number of its line; what cannot be repaired is an InputError. That,
and plain text, is why it is read here and not by a subtitle library.
"""

import codecs
import html
import itertools
import re
from dataclasses import dataclass, replace
from pathlib import Path

from phonofilm.errors import InputError
from phonofilm.voice.other_formats import refusal, refusal_of_bytes
from phonofilm.voice.script_times import LAST_S, check_times, clock_s, find_times

LONGEST_FILE = 4_000_000
"""Bytes. The subtitles of a long film have a tenth of a million."""
TAGS = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>|\{\\?[A-Za-z][^{}]*\}")
ASIDES = re.compile(r"\[[^\]]*\]|\([^)]*\)|♪[^♪]*♪?")
"""What subtitles for the deaf say besides speech: `[door slams]`, `(laughs)`, sung lines."""
NAME = re.compile(r"^[-–]?\s*([^\W\d_][\w.'’ -]{0,38}?)\s*:(?=\s|$)\s*")  # noqa: RUF001 - these dashes are in files
VOICE_TAG = re.compile(r"<v(?:\.[^ \t>]*)*[ \t]+([^>]+)>")
ARROW = "-->"
SUBTITLE_SUFFIXES = (".srt", ".vtt")
COMMENTS = ("NOTE", "STYLE", "REGION")
OTHERS = ("", "second speaker", "third speaker", "fourth speaker")
"""Who speaks the lines of one cue that dashes part and nobody is named for; no other line is spoken by these."""
LONGEST_NAME_WORDS = 3


@dataclass(frozen=True)
class Line:
    """What one person says in one go.

    speaker: as written; "" where nobody is named, or another of OTHERS. start_s, end_s: seconds from the first shown
    frame, None where not given. number: the line of the file it stands in, from 1.
    """

    speaker: str
    text: str
    start_s: float | None
    end_s: float | None
    number: int


@dataclass(frozen=True)
class Script:
    """A transcript in the order in which it is spoken, and what was repaired while reading it."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Everybody who speaks, in the order of their first line."""
        return tuple(dict.fromkeys(line.speaker for line in self.lines))


@dataclass(frozen=True)
class _Block:
    """Rows of text that share their times."""

    rows: tuple[str, ...]
    start_s: float | None
    end_s: float | None
    number: int


def read_script(path: Path) -> Script:
    """A transcript from a file. Raises InputError where it cannot be read, says nothing or has impossible times."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"transcript {path} cannot be read ({error.strerror}); check the path") from error
    if len(raw) > LONGEST_FILE:
        raise InputError(f"transcript {path} has {len(raw):,} bytes; give a text file with the lines of this clip")
    if refused := refusal_of_bytes(raw):
        raise InputError(f"transcript {path} {refused}")
    text, notes = _decode(raw, str(path))
    script = parse_script(text, str(path))
    if path.suffix.lower() in SUBTITLE_SUFFIXES and ARROW not in text:
        raise InputError(
            f"transcript {path} has no times like 00:00:01,200 {ARROW} 00:00:03,000; write them, or name it .txt"
        )
    return replace(script, notes=(*notes, *script.notes))


def parse_script(text: str, source: str) -> Script:
    """A transcript from text, of the kind that the text shows; `source` names it in errors. Raises InputError."""
    if refused := refusal(text, source):
        raise InputError(f"transcript {source} {refused}")
    if any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text):
        raise InputError(f"transcript {source} is not text; give SRT, WebVTT or lines like 'NAME: what is said'")
    rows = text.removeprefix("\ufeff").splitlines()
    notes: list[str] = []
    subtitles = any(ARROW in row for row in rows) or (bool(rows) and rows[0].startswith("WEBVTT"))
    blocks = _subtitle_blocks(rows, source, notes) if subtitles else _plain_blocks(rows, source)
    spellings: dict[str, str] = {}
    lines = [
        replace(line, speaker=spellings.setdefault(line.speaker.casefold(), line.speaker))
        for block in blocks
        for line in _spoken(block, not subtitles, notes)
    ]
    if not lines:
        raise InputError(f"transcript {source} holds nothing to speak; write lines like 'NAME: what is said'")
    lines = check_times(lines, source, notes)
    if any(not line.speaker for line in lines) and any(line.speaker not in OTHERS for line in lines):
        notes.append("lines without a NAME are spoken by a voice of their own")
    return Script(tuple(lines), tuple(notes))


def _decode(raw: bytes, source: str) -> tuple[str, list[str]]:
    """Text of a file: by its byte order mark, else UTF-8, else Windows-1252, which is said."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    for mark, name in marks.items():
        if raw.startswith(mark):
            try:
                return raw.decode(name), []
            except UnicodeDecodeError as error:
                raise InputError(f"transcript {source} is damaged {name} text; save it as UTF-8") from error
    try:
        return raw.decode("utf-8"), []
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), ["the transcript is not UTF-8; it was read as Windows-1252"]
    except UnicodeDecodeError as error:
        raise InputError(f"transcript {source} is neither UTF-8 nor Windows-1252 text; save it as UTF-8") from error


def _subtitle_blocks(rows: list[str], source: str, notes: list[str]) -> list[_Block]:
    """Cues of SRT or WebVTT. A number or a name above a timing row belongs to it."""
    blocks: list[_Block] = []
    comments, row = 0, 1 if rows[0].startswith("WEBVTT") else 0
    if row:
        row = _after_block(rows, row)
    while row < len(rows):
        if not rows[row].strip():
            row += 1
        elif _is_comment(rows, row):
            comments += 1
            row = _after_block(rows, row)
        elif ARROW in rows[row]:
            start_s, end_s = clock_s(rows[row], f"transcript {source}: line {row + 1}")
            first = row + 1
            row = _after_cue(rows, first)
            blocks.append(_Block(tuple(rows[first:row]), start_s, end_s, first))
        elif row + 1 < len(rows) and ARROW in rows[row + 1]:
            row += 1
        elif not blocks:
            raise InputError(f"transcript {source}: line {row + 1} stands before the first time; give it a timing line")
        else:
            last = _after_cue(rows, row)
            blocks[-1] = replace(blocks[-1], rows=(*blocks[-1].rows, *rows[row:last]))
            notes.append(f"line {row + 1}: text after an empty line was joined to the lines above it")
            row = last
    if comments:
        notes.append(f"{comments} comment or style blocks (NOTE, STYLE, REGION) are not spoken")
    return blocks


def _is_comment(rows: list[str], row: int) -> bool:
    return rows[0].startswith("WEBVTT") and rows[row].split(maxsplit=1)[0] in COMMENTS and ARROW not in rows[row]


def _after_block(rows: list[str], row: int) -> int:
    while row < len(rows) and rows[row].strip():
        row += 1
    return row


def _after_cue(rows: list[str], row: int) -> int:
    """The row after the text of a cue, which an empty row ends, or the timing row of the next cue with its number."""
    while row < len(rows) and rows[row].strip():
        if ARROW in rows[row]:
            return row
        if rows[row].strip().isdigit() and row + 1 < len(rows) and ARROW in rows[row + 1]:
            return row
        row += 1
    return row


def _plain_blocks(rows: list[str], source: str) -> list[_Block]:
    blocks = []
    for index, row in enumerate(rows):
        if row.strip():
            start_s, end_s, rest = find_times(row.strip(), f"transcript {source}: line {index + 1}")
            blocks.append(_Block((rest,), start_s, end_s, index + 1))
    return blocks


def _spoken(block: _Block, plain: bool, notes: list[str]) -> list[Line]:
    """The lines of a block: one for each speaker or dash in it; they share its time by their length."""
    parts: list[tuple[str, str]] = []
    for row in block.rows:
        for name, words in _voices(row):
            text = _cleaned(words, block.number, notes)
            named = NAME.match(text)
            if not name and named and _is_name(named.group(1), plain):
                name, text = named.group(1).strip(), text[named.end() :]
            elif re.match(r"^[-–]\s*\S", text):  # noqa: RUF001
                text = text[1:].strip()
            elif parts and (not name or name == parts[-1][0]):
                parts[-1] = (parts[-1][0], f"{parts[-1][1]} {text}".strip())
                continue
            parts.append((name, text))
    kept = _told_apart([(name, text) for name, text in parts if re.search(r"\w", text)])
    if len(kept) < len(parts) or not parts:
        notes.append(f"line {block.number}: nothing to speak in {' '.join(block.rows).strip()[:60]!r}")
    if len(kept) > 1 and block.end_s is not None:
        notes.append(f"line {block.number}: {len(kept)} speakers share one time; it was divided by the length of text")
    return _shared(kept, block)


def _told_apart(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parts of one cue with the nameless among them told apart: a dash means that somebody else speaks."""
    names = itertools.cycle(OTHERS)
    return [(name or next(names), text) for name, text in parts]


def _voices(row: str) -> list[tuple[str, str]]:
    """A row cut at WebVTT's voice tags: (name, text)."""
    pieces = VOICE_TAG.split(row)
    voices = [("", pieces[0])] if pieces[0].strip() else []
    return voices + [(html.unescape(n).strip(), t) for n, t in zip(pieces[1::2], pieces[2::2], strict=True)]


def _cleaned(text: str, number: int, notes: list[str]) -> str:
    """Text without markup and asides, each said in the notes."""
    bare = html.unescape(TAGS.sub("", text))
    if TAGS.search(text) and (note := f"line {number}: markup was taken out") not in notes:
        notes.append(note)
    notes.extend(f"line {number}: {aside.strip()[:60]!r} is not spoken" for aside in ASIDES.findall(bare))
    return " ".join(ASIDES.sub(" ", bare).split())


def _is_name(name: str, plain: bool) -> bool:
    """Whether what stands before a colon is a speaker. In subtitles only capitals are: 'Listen: we must go.'"""
    words = name.split()
    return len(words) <= LONGEST_NAME_WORDS and (
        name.isupper() or (plain and (len(words) == 1 or words[0][0].isupper()))
    )


def _shared(parts: list[tuple[str, str]], block: _Block) -> list[Line]:
    total, start_s, lines = sum(len(text) for _, text in parts), block.start_s, []
    for name, text in parts:
        end_s = block.end_s
        if start_s is not None and end_s is not None and block.start_s is not None:
            end_s = start_s + (end_s - block.start_s) * len(text) / total
        lines.append(Line(name, text, start_s, end_s, block.number))
        start_s = end_s
    return lines


def fit_script(script: Script, duration_s: float) -> Script:
    """The script of a clip that lasts `duration_s`: ends beyond it are cut, which is noted.

    Raises InputError where a line begins after the clip is over.
    """
    lines, notes = [], list(script.notes)
    for line in script.lines:
        if line.start_s is not None and line.start_s > duration_s - LAST_S:
            raise InputError(
                f"line {line.number} of the transcript begins at {line.start_s:.2f} s but the clip lasts "
                f"{duration_s:.2f} s; move the line or take it out"
            )
        if line.end_s is not None and line.end_s > duration_s:
            notes.append(f"line {line.number}: ends at {line.end_s:.2f} s, after the clip; cut to {duration_s:.2f} s")
            line = replace(line, end_s=duration_s)
        lines.append(line)
    return Script(tuple(lines), tuple(notes))
