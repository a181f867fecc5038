"""The clip's own sound under the new one: its level, its stem, and spans that are made anew over it."""

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest

from clips import even_times, make_clip, tiny_film
from phonofilm.errors import OptionError
from phonofilm.media.audio import read_audio, read_clip_audio
from phonofilm.media.mux import mux
from phonofilm.media.probe import probe
from phonofilm.mix.loudness import integrated_lufs, true_peak
from phonofilm.mix.original import brought_under, found_in
from phonofilm.mix.splice import FADE_S
from phonofilm.pipeline import Phonofilm
from phonofilm.types import Waveform
from takes import redone, take_of

RATE_HZ = 44_100
SPAN = (1.0, 2.0)
FADE = round(FADE_S * RATE_HZ)
INSIDE = slice(RATE_HZ + FADE, 2 * RATE_HZ - FADE)


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, film: Phonofilm) -> Path:
    """A clip of 3 s with a sound of its own, and takes of it that hold it, and one that does not."""
    folder = tmp_path_factory.mktemp("original")
    silent = make_clip(folder / "silent.mp4", even_times(24, Fraction(8)), rate_hz=Fraction(8))
    noise = 0.06 * np.random.default_rng(0).standard_normal((2, 3 * RATE_HZ)).cumsum(axis=1)
    noise = noise - np.pad(noise, ((0, 0), (40, 0)))[:, :-40]  # (2, S) more of low than of high
    mux(probe(silent), Waveform((noise / 6).astype(np.float32), RATE_HZ), folder / "clip.mp4", metadata={})
    film.add_sound(folder / "clip.mp4", keep_original=True)
    take_of(folder, "held.wav", keep_original=True, stems=True)
    take_of(folder, "single.flac", keep_original=True, mono=True)
    take_of(folder, "bare.wav", stems=True)
    return folder


def own(folder: Path, like: Waveform) -> Waveform:
    original = read_clip_audio(probe(folder / "clip.mp4"), like.rate_hz)
    assert original is not None
    return brought_under(original, like, 0.0)


def level_of(original: Waveform, sound: Waveform, part: slice) -> float:
    """By which factor a part of a sound holds the clip's own, told by what the two have in common."""
    one, other = (wave.samples[:, part].astype(np.float64) for wave in (original, sound))
    return float((one * other).sum() / (one * one).sum())


@pytest.mark.thorough
@pytest.mark.parametrize("take", ["clip.sound.mp4", "single.flac", "held.wav"])
@pytest.mark.parametrize("options", [{}, {"keep_original": True}])
def test_a_span_made_anew_has_the_original_as_it_is_around(
    tmp_path: Path, film: Phonofilm, folder: Path, take: str, options: dict[str, Any]
) -> None:
    before = read_audio(folder / take) if take.endswith(("wav", "flac")) else None
    if before is None:
        before = read_clip_audio(probe(folder / take), RATE_HZ)
    assert before is not None
    sound = redone(folder, tmp_path / "new.wav", take, [SPAN], seed=9, **options).sound
    original = own(folder, before)
    held = found_in(before, original)
    assert held is not None
    level = np.abs(held.samples).max() / np.abs(original.samples).max()
    assert level_of(original, sound, INSIDE) == pytest.approx(level, rel=0.15)
    outside = np.ones(sound.samples.shape[1], bool)
    outside[RATE_HZ - FADE - 1 : 2 * RATE_HZ + FADE + 1] = False
    near = 2e-7 if take == "held.wav" else 0  # layers are added anew
    assert np.abs(sound.samples - before.samples)[:, outside].max() <= near
    effects = sound.samples - level * original.samples
    louder_db = 20 * np.log10(effects[:, INSIDE].std() / effects[:, outside].std())
    assert -12 < louder_db < 3, "new effects are as loud as the others, and not as these and the original together"


@pytest.mark.thorough
@pytest.mark.parametrize("keep", [False, True])
def test_a_whole_clip_made_anew_has_it_too(tmp_path: Path, film: Phonofilm, folder: Path, keep: bool) -> None:
    (made,) = film.add_sound(
        folder / "clip.mp4",
        tmp_path / "new.wav",
        take=folder / "clip.sound.mp4",
        redo=[(0, 3)],
        audio_only=True,
        seed=4,
        keep_original=keep,
    )
    earlier = read_clip_audio(probe(folder / "clip.sound.mp4"), RATE_HZ)
    assert earlier is not None
    original, whole = own(folder, earlier), slice(0, None)
    assert level_of(original, made.sound, whole) == pytest.approx(level_of(original, earlier, whole), rel=0.1)
    assert integrated_lufs(made.sound) == pytest.approx(integrated_lufs(earlier), abs=1)


def test_it_has_a_stem_of_its_own_and_the_effects_are_clean(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    stems = {name: read_audio(folder / f"held.{name}.wav") for name in ("effects", "original")}
    original = own(folder, stems["effects"])
    assert found_in(stems["effects"], original) is None
    assert level_of(original, stems["original"], slice(0, None)) > 0.1
    total = stems["effects"].samples + stems["original"].samples
    assert np.abs(total - read_audio(folder / "held.wav").samples).max() < 1e-6
    made = redone(folder, tmp_path / "new.wav", "held.wav", [SPAN], seed=9, stems=True, timeline=tmp_path / "new.otio")
    assert np.array_equal(read_audio(made.stems["original"]).samples, stems["original"].samples)
    assert found_in(read_audio(made.stems["effects"]), original) is None
    timeline = otio.adapters.read_from_file(str(made.timeline))
    assert [track.name for track in timeline.tracks] == ["picture", "effects", "original"]


@pytest.mark.thorough
def test_a_take_without_it_gets_it_in_the_span(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    made = redone(folder, tmp_path / "new.wav", "bare.wav", [SPAN], seed=9, stems=True, keep_original=True)
    assert set(made.stems) == {"effects", "original"}
    added = read_audio(made.stems["original"])
    assert not added.samples[:, : RATE_HZ - FADE - 1].any()
    assert level_of(own(folder, added), added, INSIDE) == pytest.approx(10 ** (-6 / 20), rel=0.01)
    plain = redone(folder, tmp_path / "plain.wav", "bare.wav", [SPAN], seed=9, stems=True)
    assert set(plain.stems) == {"effects"}


@pytest.mark.thorough
def test_another_level_than_the_takes_is_said(
    tmp_path: Path, film: Phonofilm, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    redone(folder, tmp_path / "new.wav", "held.wav", [SPAN], seed=9, keep_original=True, original_db=-20.0)
    assert "original-db is unused" in caplog.text


@pytest.mark.thorough
@pytest.mark.parametrize(("loudness", "wanted"), [("web", -16), ("ebu-r128", -23), ("-30", -30)])
@pytest.mark.parametrize("stems", [False, True])
def test_both_together_have_the_loudness_that_is_asked_for(
    tmp_path: Path, film: Phonofilm, folder: Path, loudness: str, wanted: float, stems: bool
) -> None:
    options: dict[str, Any] = {"audio_only": True, "prompt": "rain", "keep_original": True, "stems": stems}
    (take,) = film.add_sound(folder / "clip.mp4", tmp_path / "new.wav", loudness=loudness, original_db=3.0, **options)
    assert integrated_lufs(take.sound) == pytest.approx(wanted, abs=0.6)
    assert true_peak(take.sound) <= 10 ** (-1 / 20)
    if stems:
        total = sum(read_audio(take.stems[name]).samples for name in ("effects", "original"))
        assert np.abs(total - take.sound.samples).max() < 1e-6


def test_a_quiet_place_is_not_raised_for_a_silent_original(
    tmp_path: Path, film: Phonofilm, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [Fraction(k, 8) for k in range(8)], rate_hz=Fraction(8), sound="silent")
    kept, plain = (
        film.add_sound(clip, tmp_path / f"{keep}.wav", audio_only=True, keep_original=keep)[0].sound
        for keep in (True, False)
    )
    assert integrated_lufs(kept) == pytest.approx(integrated_lufs(plain), abs=0.5)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "LUFS" in record.message]


def test_a_loudness_is_refused_where_the_take_has_one(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    with pytest.raises(OptionError, match="leave loudness out"):
        redone(folder, tmp_path / "new.wav", "held.wav", [SPAN], seed=9, loudness="ebu-r128")
    assert not (tmp_path / "new.wav").exists()
