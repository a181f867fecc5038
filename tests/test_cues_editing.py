"""Single cues muted, moved and given words of their own: in the sheet, in the curves, and in the sound of `tiny`."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import even_times, make_clip, tiny_film
from phonofilm.codec.onsets import detect_onsets
from phonofilm.cues import Cue, CueSheet, changed_spans, parse_cue_sheet, sheet_to_curves, span_of, without
from phonofilm.editing import muted
from phonofilm.errors import CueError, OptionError
from phonofilm.media.audio import read_audio
from phonofilm.mix.splice import FADE_S, hushed, silenced
from phonofilm.pipeline import Phonofilm
from phonofilm.types import FloatArray

RATE_HZ = 44_100
DOG = Cue(0.7, 0.7, 1.0, 0.0, "hit", prompt="a dog barks")


def sheet(*cues: Cue, duration_s: float = 8.0) -> CueSheet:
    return CueSheet("clip.mp4", duration_s, "", tuple(sorted(cues, key=lambda cue: cue.start_s)))


def test_round_trip_and_what_is_not_said() -> None:
    full = sheet(DOG, Cue(1.0, 2.0, 0.0, 0.0, "rain", muted=True), Cue(3.0, 3.0, 0.5))
    assert parse_cue_sheet(json.loads(full.to_json()), "test") == full
    rows = json.loads(full.to_json())["cues"]
    assert [sorted(set(row) & {"muted", "prompt"}) for row in rows] == [["prompt"], ["muted"], []]
    assert all({"start_s", "end_s", "strength", "place", "label"} <= set(row) for row in rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"muted": 1}, "true or false"),
        ({"muted": "yes"}, "true or false"),
        ({"prompt": "\U0001f436!"}, "no word in it"),
        ({"prompt": 3}, "one line"),
        ({"prompt": "x" * 300}, "at most 200"),
        ({"prompt": "a\nb"}, "one line"),
        ({"words": "rain"}, "any of"),
    ],
)
def test_impossible_edits_are_refused(change: dict[str, Any], message: str) -> None:
    data = {"phonofilm_cue_sheet": 1, "clip": {"duration_s": 8}, "cues": [{"start_s": 1} | change]}
    with pytest.raises(CueError, match=message) as caught:
        parse_cue_sheet(data, "test")
    assert "\n" not in str(caught.value)


def test_muted_cues_ask_for_nothing() -> None:
    loud, rain = Cue(2.0, 2.0, 1.0), Cue(4.0, 6.0, 0.8, 0.5, "rain")
    muted = sheet(Cue(2.0, 2.0, 1.0, muted=True), Cue(4.0, 6.0, 0.8, 0.5, "rain", muted=True))
    assert muted.events == muted.stretches == ()
    curves = sheet_to_curves(muted, Fraction(50), 400)
    assert not curves.onset.any()
    assert not curves.activity.any()
    assert sheet(loud, rain).events == (loud,)
    assert sheet(loud, rain).stretches == (rain,)


times = st.lists(st.floats(0.1, 7.8), max_size=6, unique_by=lambda time_s: round(time_s, 1))


@given(times, st.floats(0.0, 7.9), st.floats(0.0, 7.9))
def test_changed_spans_hold_what_moved_and_not_what_stayed(kept: list[float], old: float, new: float) -> None:
    stay = [Cue(time_s, time_s, 0.9) for time_s in kept]
    before, after = sheet(*stay, Cue(old, old, 0.5)), sheet(*stay, Cue(new, new, 0.5))
    assert changed_spans(before, before) == []
    spans = changed_spans(before, after)
    if abs(old - new) >= 1e-3:
        for time_s in (old, new):
            assert any(first <= time_s < end for first, end in spans)
    for time_s in kept:
        if min(abs(time_s - old), abs(time_s - new)) > 0.1:
            assert not any(first < time_s < end for first, end in spans)


def test_changed_spans_see_every_field() -> None:
    plain = Cue(2.0, 2.0, 0.5)
    for other in (Cue(2.0, 2.0, 0.6), Cue(2.0, 2.0, 0.5, 0.3), Cue(2.0, 2.0, 0.5, muted=True), DOG):
        assert changed_spans(sheet(plain), sheet(other))
    assert changed_spans(sheet(plain), sheet()) == [(1.9, 2.4)]
    assert span_of(Cue(7.9, 7.9, 1.0), [7.75], 8.0) == (pytest.approx(7.83), 8.0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=5))
def test_without_leaves_what_is_not_taken(pairs: list[tuple[int, int]]) -> None:
    taken = [(float(first), float(first + length)) for first, length in pairs]
    left = without([(5.0, 40.0)], taken)
    for point in np.arange(0.5, 60):
        wanted = 5 < point < 40 and not any(first < point < end for first, end in taken)
        assert any(first < point < end for first, end in left) == wanted


def rain_with_hits(*hits_s: float) -> FloatArray:
    generator = np.random.default_rng(0)
    sound = 0.02 * generator.standard_normal(4 * RATE_HZ)
    for time_s in hits_s:
        first = round(time_s * RATE_HZ)
        ring = np.exp(-np.arange(RATE_HZ // 4) / (0.05 * RATE_HZ)) * generator.standard_normal(RATE_HZ // 4)
        sound[first : first + len(ring)] += 0.3 * ring
    return sound.astype(np.float32)


def test_a_hushed_hit_is_gone_and_the_rain_goes_on() -> None:
    sound = rain_with_hits(1.0, 2.0, 3.0)
    quiet = hushed(sound, RATE_HZ, [(1.9, 2.4)])
    assert np.allclose(detect_onsets(sound, RATE_HZ)[0], [1, 2, 3], atol=0.02)
    assert np.allclose(detect_onsets(quiet, RATE_HZ)[0], [1, 3], atol=0.02)
    inside = slice(round(1.9 * RATE_HZ), round(2.4 * RATE_HZ))
    assert 0.012 < quiet[inside].std() < 0.025
    quiet[inside] = sound[inside]
    assert np.array_equal(quiet, sound)


def test_a_silenced_stretch_is_silent_but_for_its_fades() -> None:
    quiet = silenced(rain_with_hits(2.0), RATE_HZ, [(1.0, 3.0)])
    fade = round(FADE_S * RATE_HZ)
    assert not quiet[RATE_HZ + fade : 3 * RATE_HZ - fade].any()
    assert np.array_equal(quiet[:RATE_HZ], rain_with_hits(2.0)[:RATE_HZ])
    assert hushed(quiet, RATE_HZ, []).base is None


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cues")
    make_clip(folder / "clip.mp4", even_times(12, Fraction(8)), rate_hz=Fraction(8))
    return folder


def sound_of(film: Phonofilm, folder: Path, *cues: Cue, **options: Any) -> FloatArray:
    (folder / "cues.json").write_text(sheet(*cues, duration_s=1.5).to_json())
    (take,) = film.add_sound(
        folder / "clip.mp4", folder / "out.wav", cues=folder / "cues.json", audio_only=True, mono=True, **options
    )
    return take.sound.samples[0]


def test_a_muted_stretch_is_silent_and_a_hit_in_it_sounds(film: Phonofilm, folder: Path) -> None:
    sound = sound_of(film, folder, Cue(0.2, 1.3, 0.8, muted=True), Cue(0.9, 0.9, 1.0), loudness="none")
    silent = sound[round(0.3 * RATE_HZ) : round(0.7 * RATE_HZ)]
    assert not silent.any()
    assert sound[round(0.85 * RATE_HZ) : round(1.2 * RATE_HZ)].std() > 0


SPANS = st.tuples(st.floats(0, 3.5), st.floats(0.1, 2)).map(lambda pair: (pair[0], min(4.0, sum(pair))))


@pytest.mark.thorough
@given(SPANS, st.lists(SPANS, max_size=3), st.lists(st.floats(0, 4), max_size=3))
def test_a_muted_stretch_silences_what_it_lies_over_but_not_hits_and_what_lies_in_it(
    mute: tuple[float, float], stretches: list[tuple[float, float]], hits_s: list[float]
) -> None:
    over = [one for one in stretches if one == mute or not (mute[0] <= one[0] and one[1] <= mute[1])]
    cues = [Cue(*one, 0.5, 0.0, "rain") for one in stretches] + [Cue(time_s, time_s, 1.0) for time_s in hits_s]
    ones = np.ones(4 * RATE_HZ, np.float32)
    heard = muted(ones, sheet(Cue(*mute, 0.5, muted=True), *cues, duration_s=4.0), RATE_HZ)
    alone = [cue for cue in cues if cue.is_event or (cue.start_s, cue.end_s) not in over]
    assert np.array_equal(heard, muted(ones, sheet(Cue(*mute, 0.5, muted=True), *alone, duration_s=4.0), RATE_HZ))
    times_s, margin_s = np.arange(len(ones)) / RATE_HZ, FADE_S + 0.001
    sounding = [cue.sounding_s for cue in alone]
    left = without([mute], sounding)
    for first, end in left:
        assert not heard[(times_s > first + margin_s) & (times_s < end - margin_s)].any()
    for first, end in ((0.0, mute[0]), *sounding, (mute[1], 4.0)):
        assert (heard[(times_s > first + 0.001) & (times_s < end - 0.001)] == 1).all()


@pytest.mark.thorough
def test_a_muted_span_over_a_longer_stretch_is_silent_with_a_take_and_without(film: Phonofilm, folder: Path) -> None:
    long = Cue(0.1, 1.4, 0.8, 0.0, "rain")
    whole = sound_of(film, folder, long, loudness="none")
    inside = slice(round(0.6 * RATE_HZ), round(0.9 * RATE_HZ))
    assert whole[inside].std() > 0
    assert not sound_of(film, folder, long, Cue(0.5, 1.0, 1.0, muted=True), loudness="none")[inside].any()
    (take,) = film.add_sound(folder / "clip.mp4", folder / "whole.wav", audio_only=True, mono=True)
    cues = [*film.spot(folder / "clip.mp4").cues, Cue(0.5, 1.0, 1.0, muted=True)]
    kept = [cue for cue in cues if not cue.is_event]
    edited = sound_of(film, folder, *kept, take=take.path)
    assert np.abs(edited[inside]).max() < 1e-3 < np.abs(take.sound.samples[0, inside]).max()


@pytest.mark.thorough
def test_words_of_one_cue_are_told_there(film: Phonofilm, folder: Path) -> None:
    plain = Cue(DOG.start_s, DOG.end_s, DOG.strength)
    without_words, with_words = (sound_of(film, folder, cue, prompt="rain", loudness="none") for cue in (plain, DOG))
    apart = np.abs(with_words - without_words)
    there = slice(round(0.6 * RATE_HZ), round(1.1 * RATE_HZ))
    assert apart[there].mean() > 2 * apart[: round(0.3 * RATE_HZ)].mean()


@pytest.mark.thorough
def test_with_a_take_only_what_changed_is_made_anew(film: Phonofilm, folder: Path) -> None:
    seen = film.spot(folder / "clip.mp4")
    (take,) = film.add_sound(folder / "clip.mp4", folder / "take.wav", audio_only=True)
    (folder / "same.json").write_text(seen.to_json())
    with pytest.raises(OptionError, match=r"change a cue.*redo, from when"):
        film.add_sound(folder / "clip.mp4", cues=folder / "same.json", take=take.path)
    cues = (*(cue for cue in seen.cues if not 0.4 < cue.start_s < 1.2), DOG)
    spans = changed_spans(seen, sheet(*cues, duration_s=1.5))
    (folder / "edited.json").write_text(sheet(*cues, duration_s=1.5).to_json())
    (made,) = film.add_sound(
        folder / "clip.mp4", folder / "made.wav", cues=folder / "edited.json", take=take.path, audio_only=True
    )
    times_s = np.arange(made.sound.samples.shape[1]) / RATE_HZ
    far = np.ones(len(times_s), bool)
    for first, end in spans:
        far &= (times_s < first - FADE_S - 1e-4) | (times_s > end + FADE_S + 1e-4)
    assert far.any()
    differs = (made.sound.samples != read_audio(take.path).samples).any(axis=0)
    assert not differs[far].any()
    assert differs.any()
