"""Files that are given for transcripts and are none: told by what stands in them, so that no markup is read aloud."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

UNDERSTOOD = "SRT, WebVTT or plain text are understood"
AS_TEXT = "save it as plain text (.txt)"
BY_EDITOR = "save it as SRT in a subtitle editor"
BY_ITS_MAKER = "have the program that made it write SRT"
SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"PK\x03\x04", "a packed document (docx, odt) or an archive"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
)
ASS = re.compile(
    r"\[(?:Script Info|V4\+? Styles)\]\s*$|Dialogue:\s*(?:\d+|Marked=\d),\s*\d[\d:.]*,\s*\d[\d:.]*,", re.IGNORECASE
)
SSA = re.compile(r"ScriptType:\s*v4\.00\s*$|\[V4 Styles\]", re.IGNORECASE)
MICRO_DVD, MPL2 = re.compile(r"\{\d+\}\{\d+\}"), re.compile(r"\[\d+\]\s*\[\d+\]")
SBV = re.compile(r"\d+:\d\d:\d\d\.\d{1,3},\d+:\d\d:\d\d\.\d{1,3}\s*$")
TABLE = re.compile(r'"?start\w*"?\s*([,;\t])\s*"?end\w*"?\s*\1.*\b(?:text|line|dialogue)', re.IGNORECASE)
OBJECT = re.compile(r'\[?\s*\{\s*"[^"\n]*"\s*:')
"""How JSON of objects begins, also when it is cut off."""
ROOT = re.compile(r"(?:<\?[^>]*>|<!--.*?-->|\s)*<!?([\w:.-]+)", re.DOTALL)
STYLES = frozenset(("b", "c", "font", "i", "lang", "ruby", "rt", "s", "u", "v"))
"""What may stand around words in SRT and WebVTT; anything else that encloses a whole file is a document."""


def refusal_of_bytes(raw: bytes) -> str:
    """Why the bytes of a file are no transcript and what to do, as the end of a sentence; "" where they may be one."""
    kind = next((kind for mark, kind in SIGNATURES if raw.startswith(mark)), "")
    if not kind and b"\0" in raw and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"is not text; {UNDERSTOOD}: give a file of that kind"
    return f"is {kind}; {UNDERSTOOD}: {AS_TEXT}" if kind else ""


def refusal(text: str, source: str) -> str:
    """Why a text is no transcript and what to do, as the end of a sentence; "" where it may be one.

    source: the name of the file, for the command that converts it.
    """
    file = Path(source)
    convert = f"convert it, e.g. ffmpeg -i {file.name} {file.stem}.srt"
    text = text.removeprefix("\ufeff").strip()
    kind, way = next(_kinds(text, convert), ("", ""))
    return f"is {kind}; {UNDERSTOOD}: {way}" if kind else ""


def _kinds(text: str, convert: str) -> Iterator[tuple[str, str]]:
    """What a text is that is no transcript, with its article, and what makes one of it."""
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    head = rows[0] if rows else ""
    if any(map(ASS.match, rows)):
        yield f"an {'SSA' if any(map(SSA.match, rows)) else 'ASS'} subtitle file", convert
    if any(map(SBV.match, rows)):
        yield "an SBV or SubViewer subtitle file", convert
    if MICRO_DVD.match(head):
        yield "a MicroDVD subtitle file", convert
    if MPL2.match(head):
        yield "an MPL2 subtitle file", convert
    if TABLE.match(head):
        yield "a table (CSV or TSV)", BY_ITS_MAKER
    if text.startswith("{\\rtf"):
        yield "an RTF document", AS_TEXT
    if _is_json(text):
        yield "JSON", f"{BY_ITS_MAKER} (whisper: --output_format srt)"
    root = ROOT.match(text)
    name = "" if root is None else root[1].lower().rpartition(":")[2]
    if name in ("doctype", "html", "head", "body"):
        yield "an HTML page", AS_TEXT
    if name == "tt":
        yield "a TTML subtitle file", BY_EDITOR
    if name == "sami":
        yield "a SAMI subtitle file", convert
    if text.startswith("<?xml") or (
        name and name not in STYLES and re.search(rf"</[\w:.-]*{re.escape(name)}\s*>$", text.lower())
    ):
        yield "XML", BY_EDITOR


def _is_json(text: str) -> bool:
    """Whether a text is JSON, whole or cut off; `[door slams] Hello` and `{laughs}` are none."""
    if OBJECT.match(text):
        return True
    try:
        return text[:1] in ("[", "{") and isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False
