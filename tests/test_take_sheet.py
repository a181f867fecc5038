"""The cue sheet that lies beside a take, and edits that are told from it, with the model `tiny`."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import even_times, make_clip, tiny_film
from phonofilm.cues import Cue, CueSheet, changed_spans, merged, read_cue_sheet
from phonofilm.errors import OptionError
from phonofilm.media.audio import read_audio, sound_comment
from phonofilm.media.probe import probe
from phonofilm.pipeline import Phonofilm
from phonofilm.remarks import SHEET, told
from phonofilm.take_sheet import digest, sheet_of, sheet_path, write_sheet

RATE_HZ = 44_100
TIMES_S = st.lists(st.integers(0, 95), unique=True, max_size=8).map(lambda tenths: [time / 10 for time in tenths])


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    make_clip(tmp_path / "clip.mp4", even_times(16, Fraction(8)), rate_hz=Fraction(8))
    return tmp_path / "clip.mp4"


def hits(*times_s: float) -> CueSheet:
    return CueSheet("clip.mp4", 2.0, "", tuple(Cue(time_s, time_s, 0.9) for time_s in times_s))


@given(TIMES_S, TIMES_S, st.lists(st.tuples(st.floats(0, 5), st.floats(5, 10)), max_size=2))
def test_a_merged_sheet_is_the_new_one_inside_the_spans_and_the_old_one_outside(
    old: list[float], new: list[float], spans: list[tuple[float, float]]
) -> None:
    told = merged(hits(*old), hits(*new), spans)
    assert list(told.cues) == sorted(told.cues, key=lambda cue: cue.start_s)
    for time_s in {*old, *new}:
        inside = any(first <= time_s <= end for first, end in spans)
        assert (time_s in [cue.start_s for cue in told.cues]) == (time_s in (new if inside else old))


@given(TIMES_S, TIMES_S)
def test_digests_tell_sheets_apart(old: list[float], new: list[float]) -> None:
    assert (digest(hits(*sorted(old))) == digest(hits(*sorted(new)))) == (set(old) == set(new))


@pytest.mark.thorough
def test_a_cue_that_one_edit_added_is_taken_away_by_the_next(film: Phonofilm, clip: Path) -> None:
    (plain,) = film.add_sound(clip, audio_only=True)
    seen = film.spot(clip)
    more = replace(seen, cues=(*seen.cues, Cue(1.6, 1.6, 1.0)))
    (added,) = film.add_sound(clip, audio_only=True, take=plain.path, cues=more)
    with pytest.raises(OptionError, match="made with"):
        film.add_sound(clip, audio_only=True, take=added.path, cues=more)
    (gone,) = film.add_sound(clip, audio_only=True, take=added.path, cues=seen)
    assert gone.cues is not None
    assert changed_spans(gone.cues, seen) == []
    before, after = read_audio(added.path).samples, read_audio(gone.path).samples
    where = np.flatnonzero((before != after).any(axis=0)) / RATE_HZ
    first_s, end_s = changed_spans(more, seen)[0]
    assert first_s - 0.06 < where[0] < where[-1] < end_s + 0.06
    assert not sheet_path(plain.path).exists(), "what is seen set its timing"


def test_a_span_made_anew_keeps_to_the_sheet_of_the_take(film: Phonofilm, clip: Path) -> None:
    (take,) = film.add_sound(clip, cues=hits(0.4, 1.5))
    (anew,) = film.add_sound(clip, take=take.path, redo=[(1.2, 1.8)], seed=1)
    assert anew.cues is not None
    assert [cue.start_s for cue in anew.cues.cues] == [0.4, 1.5]
    assert read_cue_sheet(sheet_path(anew.path)).cues == anew.cues.cues
    assert sound_comment(anew.path).endswith(f"cues {digest(anew.cues)}")


@pytest.mark.thorough
def test_a_plain_take_takes_the_sheet_of_the_one_that_it_replaces_away(film: Phonofilm, clip: Path) -> None:
    (take,) = film.add_sound(clip, cues=hits(0.4))
    assert sheet_path(take.path).exists()
    film.add_sound(clip)
    assert not sheet_path(take.path).exists()
    assert told(take.path, SHEET) == ""


def test_what_somebody_else_wrote_there_stays_and_is_not_believed(
    film: Phonofilm, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside = clip.with_name("clip.sound.cues.json")
    beside.write_text(hits(1.0).to_json())
    (take,) = film.add_sound(clip, cues=hits(0.4))
    assert read_cue_sheet(beside).cues == hits(1.0).cues
    assert "left as it is" in caplog.text
    assert sheet_of(take.path, probe(clip)) is None
    assert "was changed since" in caplog.text
    beside.unlink()
    assert sheet_of(take.path, probe(clip)) is None
    assert "is not beside it" in caplog.text
    write_sheet(hits(0.4), take.path, "")
    assert sheet_of(take.path, probe(clip)) == hits(0.4)
    beside.write_text("no sheet")
    write_sheet(hits(0.4), take.path, digest(hits(0.4)))
    assert beside.read_text() == "no sheet"
