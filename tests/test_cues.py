"""Cue sheets and cue curves: each can be made from the other, and every impossible sheet is refused in one line."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.cues import (
    PEAK_DISTANCE_S,
    Cue,
    CueCurves,
    CueSheet,
    bumps,
    curves_to_sheet,
    lagging,
    parse_cue_sheet,
    peaks,
    read_cue_sheet,
    resample_curves,
    sheet_for,
    sheet_to_curves,
)
from phonofilm.errors import CueError
from phonofilm.types import ClipInfo, FloatArray, VideoStream

RATE = Fraction(44100, 512)


def clip(duration_s: float = 8.0, fingerprint: str = "abc") -> ClipInfo:
    video = VideoStream("h264", 64, 48, 0, Fraction(25))
    return ClipInfo(Path("clip.mp4"), "mp4", Fraction(0), Fraction(duration_s), video, None, fingerprint)


@st.composite
def spaced_events(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    gaps = draw(st.lists(st.floats(PEAK_DISTANCE_S + 0.03, 1.0), min_size=1, max_size=8))
    strengths = draw(st.lists(st.floats(0.25, 1.0), min_size=len(gaps), max_size=len(gaps)))
    return np.cumsum(gaps).astype(np.float32), np.asarray(strengths, np.float32)


@given(spaced_events(), st.sampled_from([RATE, Fraction(50), Fraction(120)]))
def test_peaks_find_what_bumps_drew(events: tuple[FloatArray, FloatArray], rate_hz: Fraction) -> None:
    times, strengths = events
    curve = bumps(times, strengths, rate_hz, round(10 * float(rate_hz)))
    found, heights = peaks(curve, rate_hz)
    assert len(found) == len(times)
    assert np.abs(found - times).max() < 0.5 / float(rate_hz)
    assert np.abs(heights - strengths).max() < 0.5 * strengths.max()


@given(spaced_events())
def test_sheet_curves_sheet_keeps_the_events(events: tuple[FloatArray, FloatArray]) -> None:
    cues = tuple(Cue(float(t), float(t), float(s)) for t, s in zip(*events, strict=True))
    sheet = CueSheet("clip.mp4", 10.0, "abc", cues)
    again = curves_to_sheet(sheet_to_curves(sheet, RATE, 862), clip(10.0), "noise")
    assert len(again.events) == len(cues)
    for old, new in zip(cues, again.events, strict=True):
        assert abs(old.start_s - new.start_s) < 0.006


@given(spaced_events(), st.sampled_from([Fraction(60), RATE, Fraction(172)]))
def test_another_clock_keeps_the_events(events: tuple[FloatArray, FloatArray], rate_hz: Fraction) -> None:
    times, strengths = events
    nothing = np.zeros(862, np.float32)
    curves = CueCurves(RATE, bumps(times, strengths, RATE, 862), nothing, nothing)
    moved = resample_curves(curves, rate_hz, round(10 * float(rate_hz)), first_s=0.05)
    found, _ = peaks(moved.onset, rate_hz)
    assert len(found) == len(times)
    assert np.abs(found + 0.05 - times).max() < 0.015


def test_hits_that_stayed_lag_and_moved_ones_do_not() -> None:
    seen = CueSheet("clip.mp4", 8.0, "abc", tuple(Cue(time_s, time_s, 0.5, 0.0, "hit") for time_s in (1.0, 2.0, 7.99)))
    moved = (seen.cues[0], replace(seen.cues[1], start_s=2.5, end_s=2.5), seen.cues[2], Cue(1.0, 4.0, 0.5, 0.0, "rain"))
    late = lagging(replace(seen, cues=moved), seen, 0.05)
    assert [cue.start_s for cue in late.cues] == pytest.approx([1.05, 2.5, 7.99, 1.0])
    assert [cue.end_s for cue in late.cues] == pytest.approx([1.05, 2.5, 7.99, 4.0])


def test_json_round_trip() -> None:
    sheet = CueSheet("a.mp4", 8.0, "abc", (Cue(0.5, 0.5, 0.9, -0.2, "hit"), Cue(1.0, 3.0, 0.4, 0.1, "rain")))
    assert parse_cue_sheet(json.loads(sheet.to_json()), "test") == sheet


def test_stretches_become_activity_at_their_place() -> None:
    sheet = CueSheet("a.mp4", 8.0, "", (Cue(2.0, 4.0, 0.6, 0.5, "rain"),))
    curves = sheet_to_curves(sheet, Fraction(50), 400)
    assert curves.onset.max() == 0
    assert curves.activity[150] == np.float32(0.6)
    assert curves.place[150] == np.float32(0.5)
    assert curves.activity[50] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start_s": float("nan")}, "nan"),
        ({"start_s": -1}, "at least 0"),
        ({"strength": 2}, "from 0 to 1"),
        ({"place": "left"}, "must be a number"),
        ({"end_s": 0.1}, "at least 0.5"),
        ({"loudness": 1}, "any of"),
        ({"strength": True}, "must be a number"),
        ({"start_s": float("inf")}, "inf"),
    ],
)
def test_impossible_values_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    row = {"start_s": 0.5, "end_s": 0.5, "strength": 0.5} | change
    path = tmp_path / "cues.json"
    path.write_text(json.dumps({"phonofilm_cue_sheet": 1, "clip": {"name": "a", "duration_s": 8}, "cues": [row]}))
    with pytest.raises(CueError, match=message) as caught:
        read_cue_sheet(path, clip())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is not JSON"),
        ("[]", "lacks"),
        ('{"phonofilm_cue_sheet": 1}', "exactly"),
        ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 8, "fingerprint": "other"}, "cues": []}', "was made for"),
        ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 20}, "cues": []}', "lasts"),
        ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 8}, "cues": [{"start_s": 9}]}', "lasts"),
    ],
)
def test_wrong_sheets_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cues.json"
    path.write_text(text)
    with pytest.raises(CueError, match=message):
        read_cue_sheet(path, clip())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_sheet_is_read_however_its_editor_saved_it(encoding: str, tmp_path: Path) -> None:
    sheet = CueSheet("clip.mp4", 8.0, "abc", (Cue(1.0, 1.0, 0.5, label="Tür"),))
    (tmp_path / "cues.json").write_bytes(sheet.to_json().replace("\\u00fc", "ü").encode(encoding))
    assert read_cue_sheet(tmp_path / "cues.json", clip()) == sheet


def test_a_missing_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CueError, match="cannot be read"):
        read_cue_sheet(tmp_path / "none.json", clip())


def test_a_sheet_of_another_film_of_the_same_name_says_that_the_content_differs(tmp_path: Path) -> None:
    path = tmp_path / "cues.json"
    for name, words in (
        ("clip.mp4", "'clip.mp4', another film of that name: the content differs"),
        ("a.mp4", "not for"),
    ):
        path.write_text(CueSheet(name, 8.0, "other", ()).to_json(), encoding="utf-8")
        with pytest.raises(CueError, match=words) as caught:
            read_cue_sheet(path, clip())
        assert "not for 'clip.mp4'" not in str(caught.value) or name != "clip.mp4"


ODD_CUES = [
    Cue(-5.0, 1.0, 1.0),
    Cue(0.0, math.nan, 1.0),
    Cue(2.0, 1.0, 1.0),
    Cue(0.0, 0.0, 99.0),
    Cue(0.0, 0.0, 1.0, "x"),  # type: ignore[arg-type]
    Cue(0.0, 0.0, 1.0, prompt=3),  # type: ignore[arg-type]
    {"start_s": 0.0},
]


@pytest.mark.parametrize("cue", ODD_CUES)
def test_a_sheet_in_memory_is_checked_as_a_file_is(cue: Any) -> None:
    sheet = CueSheet("clip.mp4", 8.0, "abc", (cue,))
    with pytest.raises(CueError):
        sheet_for(sheet, clip())
    with pytest.raises(CueError):
        sheet.to_json()


@given(spaced_events())
def test_a_sheet_in_memory_is_used_as_its_file_is(events: tuple[FloatArray, FloatArray]) -> None:
    cues = tuple(Cue(time_s, time_s, strength) for time_s, strength in zip(*events, strict=True))  # of NumPy's numbers
    sheet = CueSheet("clip.mp4", 99.0, "abc", cues)
    assert sheet_for(sheet, clip(99.0)) == sheet
    assert len(json.loads(sheet.to_json())["cues"]) == len(cues)
    with pytest.raises(CueError, match="the cue sheet was made for"):
        sheet_for(sheet, clip(99.0, "other"))


def test_a_sheet_may_be_read_before_its_clip_is_known(tmp_path: Path) -> None:
    sheet = CueSheet("clip.mp4", 8.0, "abc", (Cue(0.5, 0.5, 1.0),))
    (tmp_path / "cues.json").write_text(sheet.to_json())
    assert read_cue_sheet(str(tmp_path / "cues.json")) == sheet
    with pytest.raises(CueError, match="give the path of a file"):
        read_cue_sheet(None)  # type: ignore[arg-type]
