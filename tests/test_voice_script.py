"""Transcripts: three ways to write one, and what becomes of bad ones."""

import codecs
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.errors import InputError
from phonofilm.voice.script import Line, Script, fit_script, parse_script, read_script

WORD = st.text("abcdefghij", min_size=1, max_size=8)
SENTENCE = st.lists(WORD, min_size=1, max_size=6).map(" ".join)
LINES = st.lists(st.tuples(st.sampled_from(("ANNA", "BEN", "DR. CHI")), SENTENCE), min_size=1, max_size=6)


def _clock(time_s: float, mark: str) -> str:
    total_ms = round(time_s * 1000)
    hours, minutes, seconds = total_ms // 3_600_000, total_ms // 60_000 % 60, total_ms // 1000 % 60
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{total_ms % 1000:03d}"


def _parsed(text: str) -> Script | str:
    """The script, or the error in words."""
    try:
        return parse_script(text, "test")
    except InputError as error:
        return str(error)


@given(LINES)
@settings(max_examples=40)
def test_the_same_words_come_out_of_all_three_kinds(said: list[tuple[str, str]]) -> None:
    spans = [(1.5 * index, 1.5 * index + 1.25) for index in range(len(said))]
    srt = "".join(
        f"{number}\n{_clock(begin, ',')} --> {_clock(end, ',')}\n{name}: {text}\n\n"
        for number, ((name, text), (begin, end)) in enumerate(zip(said, spans, strict=True), 1)
    )
    vtt = "WEBVTT\n\n" + "".join(
        f"{_clock(begin, '.')} --> {_clock(end, '.')} align:start\n<v {name}>{text}</v>\n\n"
        for (name, text), (begin, end) in zip(said, spans, strict=True)
    )
    plain = "".join(
        f"[{begin:.3f} - {end:.3f}] {name}: {text}\n" for (name, text), (begin, end) in zip(said, spans, strict=True)
    )
    for text in (srt, vtt, plain):
        lines = parse_script(text, "test").lines
        assert [(line.speaker, line.text) for line in lines] == said
        assert [line.start_s for line in lines] == pytest.approx([begin for begin, _ in spans])
        assert [line.end_s for line in lines] == pytest.approx([end for _, end in spans])


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_is_a_script_or_an_input_error(text: str) -> None:
    script = _parsed(text)
    if isinstance(script, str):
        assert "\n" not in script
        return
    assert script.lines
    for line in script.lines:
        assert line.text.strip()
        assert line.start_s is None or line.start_s >= 0
        assert line.end_s is None or (line.start_s is not None and line.end_s > line.start_s)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=6))
@settings(max_examples=80)
def test_nobody_says_two_things_at_once(spans: list[tuple[str, int, int]]) -> None:
    text = "".join(
        f"{start / 10}-{(start + long) / 10} {name}: word{k}\n" for k, (name, start, long) in enumerate(spans)
    )
    script = _parsed(text)
    if isinstance(script, str):
        assert "at the same time" in script
        return
    assert len(script.lines) == len(spans)
    for name in "AB":
        own = [line for line in script.lines if line.speaker == name]
        for one, other in itertools.pairwise(own):
            assert one.end_s is not None
            assert other.start_s is not None
            assert one.end_s <= other.start_s


def test_plain_lines_may_lack_times_and_names() -> None:
    script = parse_script("ANNA: Where are you?\nHere.\n[2.5] anna: I see. (sighs)\n", "test")
    assert script.lines == (
        Line("ANNA", "Where are you?", None, None, 1),
        Line("", "Here.", None, None, 2),
        Line("ANNA", "I see.", 2.5, None, 3),
    )
    assert script.speakers == ("ANNA", "")
    assert any("(sighs)" in note for note in script.notes)
    assert any("without a NAME" in note for note in script.notes)


def test_a_colon_in_subtitles_is_not_always_a_name() -> None:
    script = parse_script("1\n00:00:01,000 --> 00:00:02,000\nListen: we must go\n", "test")
    assert script.lines[0].speaker == ""
    assert script.lines[0].text == "Listen: we must go"


def test_markup_comments_and_strays_are_stated() -> None:
    text = (
        "WEBVTT\n\nSTYLE\n::cue {}\n\nNOTE by hand\n\n00:01.000 --> 00:02.000\n<i>Go</i> &amp; come\n\nback\n\n"
        "00:03.000 --> 00:04.000\n♪ la la ♪\n\n00:05.000 --> 00:06.000\n- Yes\n- No no\n"
    )
    script = parse_script(text, "test")
    assert [line.text for line in script.lines] == ["Go & come back", "Yes", "No no"]
    assert script.lines[1].end_s == script.lines[2].start_s
    notes = "\n".join(script.notes)
    for said in ("2 comment", "markup", "empty line", "nothing to speak", "divided"):
        assert said in notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing to speak"),
        ("...\n!!!", "nothing to speak"),
        ("1\n00:00:05,000 --> 00:00:03,000\nA\n", "before it begins"),
        ("1\n00:00:0x,000 --> 00:00:03,000\nA\n", "has times"),
        ("words\n\n1\n00:00:01,000 --> 00:00:03,000\nA\n", "before the first time"),
        ("1\n00:99:01,000 --> 00:99:03,000\nA\n", "up to 59"),
        ("-3--1 A: no", "negative"),
        ("999999-9999999 A: late", "12 hours"),
        ("1-2 A: x\n1.05-3 A: y", "same time"),
        ("3-4 A: x\n1-2 A: y\nB: z", "out of order"),
        ("a\x00b", "not text"),
    ],
)
def test_what_cannot_be_repaired_is_an_error(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_script(text, "test.srt")


def test_repairs_are_stated() -> None:
    script = parse_script("3-4 A: x\n-1-2 B: y\n3.5-3.5 C: z\n1-3.2 A: w", "test")
    assert [line.text for line in script.lines] == ["y", "w", "x", "z"]
    assert script.lines[0].start_s == 0
    assert script.lines[1].end_s == 3
    assert script.lines[3].end_s is None
    notes = "\n".join(script.notes)
    for said in ("before the clip", "sorted", "no time", "overlapped"):
        assert said in notes


@pytest.mark.parametrize(
    ("raw", "noted"),
    [
        ("A: Café".encode(), False),
        (codecs.BOM_UTF8 + "A: Café".encode(), False),
        ("A: Café".encode("utf-16"), False),
        ("A: Café".encode("cp1252"), True),
    ],
)
def test_encodings(tmp_path: Path, raw: bytes, noted: bool) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(raw)
    script = read_script(path)
    assert script.lines[0].text == "Café"
    assert any("Windows-1252" in note for note in script.notes) == noted


@pytest.mark.parametrize(
    "raw", [b"A: \x81\x8d", codecs.BOM_UTF16_LE + b"A", "A: hi".encode("utf-16-le"), b"x" * 5_000_000]
)
def test_files_that_are_no_transcripts(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(raw)
    with pytest.raises(InputError):
        read_script(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_script(tmp_path / "missing.srt")


def test_times_beyond_the_end() -> None:
    line = Line("A", "hello", 1.0, 9.0, 4)
    fitting = fit_script(Script((line,), ("before",)), 5.0)
    assert fitting.lines[0].end_s == 5.0
    assert fitting.notes[0] == "before"
    assert "cut to 5.00 s" in fitting.notes[1]
    with pytest.raises(InputError, match=r"line 4 .* begins at 1.00 s but the clip lasts"):
        fit_script(Script((line,), ()), 0.9)


@pytest.mark.parametrize("suffix", [".srt", ".VTT"])
def test_subtitles_without_times_are_no_subtitles(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"lines{suffix}"
    path.write_text("1\nANNA: Where have you been?\n", encoding="utf-8")
    with pytest.raises(InputError, match="no times"):
        read_script(path)
    assert [line.text for line in read_script(path.rename(tmp_path / "lines.txt")).lines][-1] == "Where have you been?"


ROWS = {
    "a.ass": (
        "ASS",
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,Hi --> x\n",
    ),
    "b.ssa": ("SSA", "[Script Info]\nScriptType: v4.00\n\n[V4 Styles]\n"),
    "c.sbv": ("SBV", "0:00:01.000,0:00:02.000\nHello\n"),
    "d.ttml": ("TTML", '<?xml version="1.0"?>\n<tt xmlns="x"><body><p begin="1s">Hello</p></body></tt>'),
    "e.xml": ("XML", '<transcript><text start="0">Hello</text></transcript>'),
    "f.json": ("whisper: --output_format srt", '{"text": "Hello", "segments": []}'),
    "g.json": ("JSON", '[{"start": 0, "end"'),
    "h.rtf": ("RTF", "{\\rtf1\\ansi Hello}"),
    "i.html": ("HTML", "<!DOCTYPE html><html><body>Hello</body></html>"),
    "j.smi": ("SAMI", "<SAMI><BODY><SYNC Start=1>Hello</BODY></SAMI>"),
    "k.sub": ("MicroDVD", "{0}{25}Hello"),
    "l.tsv": ("table", "start\tend\ttext\n0\t100\tHello"),
    "m.pdf": ("PDF", "%PDF-1.4\nHello"),
    "n.docx": ("docx", "PK\x03\x04word/document.xml"),
}


@pytest.mark.parametrize("name", ROWS)
def test_other_formats_are_told_by_what_stands_in_them_and_never_read_aloud(tmp_path: Path, name: str) -> None:
    said, text = ROWS[name]
    for path in (tmp_path / name, tmp_path / "lines.txt"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=said) as caught:
            read_script(path)
        assert "SRT, WebVTT or plain text are understood" in str(caught.value)
    if name == "a.ass":
        with pytest.raises(InputError, match=r"ffmpeg -i a\.ass a\.srt$"):
            read_script(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[door slams] ANNA: Hello", "Hello"),
        ("<i>Hello there</i>", "Hello there"),
        ("{laughs} Hello", "Hello"),
        ("[1] Hello", "Hello"),
        ('ANNA: "start, end, text"', '"start, end, text"'),
        ("[ar:X]\n[00:12.00]Hello", "Hello"),
    ],
)
def test_plain_text_that_looks_like_another_format_is_still_spoken(text: str, words: str) -> None:
    assert [line.text for line in parse_script(text, "lines.txt").lines] == [words]


@given(st.lists(SENTENCE, min_size=2, max_size=4), st.booleans())
@settings(max_examples=20)
def test_dashes_in_one_cue_are_speakers_of_their_own(said: list[str], first_dash: bool) -> None:
    rows = [f"- {text}" for text in said]
    rows[0] = rows[0] if first_dash else said[0]
    script = parse_script("1\n00:00:01,000 --> 00:00:09,000\n" + "\n".join(rows), "test")
    assert [line.text for line in script.lines] == said
    assert len(script.speakers) == len(said)
    assert not any("NAME" in note for note in script.notes)


def test_a_dash_after_a_named_speaker_is_somebody_else() -> None:
    script = parse_script("1\n00:00:01,000 --> 00:00:03,000\n- ANNA: Hello\n- Fine\n", "test")
    assert script.speakers == ("ANNA", "")
