"""Spans of an earlier take made anew, with the model `tiny`: what stays is the same to the sample."""

import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clips import even_times, make_clip, tiny_film
from phonofilm.codec.mel_codec import HearingCodec
from phonofilm.codec.mp_vae import MpVae
from phonofilm.codec.spectral import MEL_16K
from phonofilm.errors import MediaError, OptionError, OutputError, PhonofilmError
from phonofilm.flow.inpaint import inpaint, mixed, walks
from phonofilm.flow.sampler import even_times as even_steps
from phonofilm.media.audio import read_audio, read_clip_audio, sound_comment, write_audio
from phonofilm.media.probe import probe
from phonofilm.mix.splice import FADE_S, fitted, loud_db, ranges, spliced
from phonofilm.pipeline import Phonofilm
from phonofilm.remarks import STEMS, told
from phonofilm.scenes import mmaudio
from phonofilm.scenes.feature_cache import FeatureCache
from phonofilm.scenes.mmaudio import MmaudioGuide
from phonofilm.scenes.mmaudio_encoder import load_hearing_codec
from phonofilm.settings import checked_spans, parse_spans
from phonofilm.timeline import samples
from phonofilm.types import FloatArray, Waveform
from phonofilm.windows import Window, around, joined
from takes import redone, take_of
from test_scenes_mmaudio import VAE, TinyParts, random_numbers

RATE_HZ = 44_100
FADE = round(FADE_S * RATE_HZ)
Spans = tuple[tuple[float, float], ...]


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, film: Phonofilm) -> Path:
    """A clip of 1.5 s with takes of it."""
    folder = tmp_path_factory.mktemp("redo")
    make_clip(folder / "clip.mp4", even_times(12, Fraction(8)), rate_hz=Fraction(8), sound="click")
    film.add_sound(folder / "clip.mp4")
    film.add_sound(folder / "clip.mp4", audio_only=True)
    take_of(folder, "mono.flac", mono=True)
    return folder


def changed(old: FloatArray, new: FloatArray) -> tuple[int, int]:
    """The first changed sample and the one after the last."""
    where = np.flatnonzero((old != new).any(axis=0))
    return int(where[0]), int(where[-1]) + 1


@pytest.mark.parametrize(
    ("take", "span"),
    [
        ("clip.sound.wav", (0.4, 0.9)),
        ("mono.flac", (0.0, 0.3)),
        ("clip.sound.wav", (1.2, 1.5)),
        ("mono.flac", (1, 1.1)),
    ],
)
def test_outside_the_span_every_sample_stays(
    tmp_path: Path, film: Phonofilm, folder: Path, take: str, span: tuple[float, float]
) -> None:
    output = tmp_path / f"new{Path(take).suffix}"
    sound = redone(folder, output, take, [span]).sound
    old, written = read_audio(folder / take).samples, read_audio(output).samples
    assert sound.samples.shape == written.shape == old.shape
    first, end = changed(old, written)
    low, high = (round(time_s * RATE_HZ) for time_s in span)
    assert max(0, low - FADE) <= first < low + FADE
    assert high - FADE < end <= min(old.shape[1], high + FADE)
    if old.shape[0] == 2:
        assert not np.array_equal(written[0, low:high], written[1, low:high])


@pytest.mark.thorough
def test_seeds_and_takes(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    one, two = (redone(folder, tmp_path / f"{n}.wav", "clip.sound.wav", [(0.4, 0.9)], seed=3).sound for n in (1, 2))
    assert np.array_equal(one.samples, two.samples)
    fourth, fifth = film.add_sound(
        folder / "clip.mp4",
        tmp_path / "t.wav",
        take=folder / "clip.sound.wav",
        redo=[(0.4, 0.9)],
        audio_only=True,
        takes=2,
        seed=3,
        prompt="rain",
    )
    assert not np.array_equal(fourth.sound.samples, one.samples)
    assert not np.array_equal(fourth.sound.samples, fifth.sound.samples)
    assert {"probe", "encode", "sample", "decode", "mix", "write"} <= set(fifth.seconds)


def test_the_whole_clip_is_a_fresh_take(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    (fresh,) = film.add_sound(folder / "clip.mp4", tmp_path / "fresh.wav", audio_only=True, seed=5)
    whole = redone(folder, tmp_path / "whole.wav", "clip.sound.wav", [(0.0, 1.5)], seed=5).sound
    assert np.array_equal(fresh.sound.samples, whole.samples)


def test_several_spans_of_a_lossy_take_beside_the_clip(film: Phonofilm, folder: Path) -> None:
    decoded = read_clip_audio(probe(folder / "clip.sound.mp4"), RATE_HZ)
    assert decoded is not None
    take = folder / "clip.sound.mp4"
    (made,) = film.add_sound(folder / "clip.mp4", take=take, redo=((1.0, 1.2), (0.2, 0.4)))
    assert made.path == folder / "clip.redo.mp4"
    assert probe(made.path).duration_s == probe(folder / "clip.mp4").duration_s
    same = (made.sound.samples == decoded.samples).all(axis=0)
    times_s = np.arange(len(same)) / RATE_HZ
    near = [(abs(times_s - middle) < 0.1 + FADE_S + 1e-4) for middle in (0.3, 1.1)]
    assert same[~(near[0] | near[1])].all()
    assert not any(same[part].all() for part in near)


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 48_000), (2, 16_000), (3, 44_100)])
def test_rate_and_channels_are_the_takes(
    tmp_path: Path, film: Phonofilm, folder: Path, channels: int, rate_hz: int
) -> None:
    generator = np.random.default_rng(0)
    noise = 0.05 * generator.standard_normal((channels, samples(Fraction(3, 2), rate_hz)))
    write_audio(Waveform(noise.astype(np.float32), rate_hz), tmp_path / "take.wav")
    sound = redone(folder, tmp_path / "new.wav", str(tmp_path / "take.wav"), [(0.5, 0.8)]).sound
    assert sound.rate_hz == rate_hz
    assert sound.channels == min(2, channels)
    low, high = changed(
        sound.samples,
        redone(folder, tmp_path / "b.wav", str(tmp_path / "take.wav"), [(0.5, 0.8)], seed=1).sound.samples,
    )
    assert round(0.45 * rate_hz) <= low
    assert high <= round(0.85 * rate_hz)
    assert loud_db(sound.samples[0, round(0.5 * rate_hz) : round(0.8 * rate_hz)], rate_hz) < -15


@pytest.mark.parametrize("take", ["stemmed.wav", "stemmed.flac", "stemmed.mp4"])
@pytest.mark.parametrize("keep_original", [False, True])
def test_beside_stems_the_mix_stays_to_the_sample(
    tmp_path: Path, film: Phonofilm, folder: Path, take: str, keep_original: bool
) -> None:
    sounding = not take.endswith(".mp4")
    options: dict[str, Any] = {"audio_only": sounding, "stems": True}
    film.add_sound(folder / "clip.mp4", tmp_path / take, keep_original=keep_original, rate=48_000, **options)
    mix = tmp_path / (take if sounding else "stemmed.mix.wav")
    before = read_audio(mix).samples
    redo = tmp_path / f"redone{mix.suffix if sounding else '.mp4'}"
    (made,) = film.add_sound(
        folder / "clip.mp4", redo, take=tmp_path / take, redo=[(0.5, 0.9)], seed=3, rate=48_000, **options
    )
    after = read_audio(made.path if sounding else made.stems["mix"]).samples
    first, end = changed(before, after)
    fade = round(FADE_S * 48_000)
    assert round(0.5 * 48_000) - fade <= first < end <= round(0.9 * 48_000) + fade


def test_one_channel_cannot_be_had_of_a_take_with_two(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    with pytest.raises(OptionError, match="two channels, which redoing keeps"):
        redone(folder, tmp_path / "new.wav", "clip.sound.wav", [(0.4, 0.9)], mono=True)
    assert not (tmp_path / "new.wav").exists()
    assert redone(folder, tmp_path / "one.wav", "mono.flac", [(0.4, 0.9)], mono=True).sound.channels == 1


def test_stems_that_are_left_of_another_take_are_not_taken_for_its_own(
    tmp_path: Path, film: Phonofilm, caplog: pytest.LogCaptureFixture
) -> None:
    """The same sound 1.5 dB louder is nearer than a lossy codec may be off."""
    clip = make_clip(tmp_path / "clip.mp4", even_times(12, Fraction(8)), rate_hz=Fraction(8))
    film.add_sound(clip, loudness="-24", stems=True)
    (loud,) = film.add_sound(clip, loudness="-22.5")
    left = "those beside it are of another take: clip.sound.effects.wav, clip.sound.mix.wav"
    assert left in caplog.text
    caplog.clear()
    (new,) = film.add_sound(clip, redo=[(0.4, 0.9)], seed=3)
    assert "not of this take; it is taken as one layer" in caplog.text
    old, before = (read_clip_audio(probe(path), RATE_HZ) for path in (loud.path, new.path))
    assert old is not None
    assert before is not None
    away = slice(RATE_HZ, None)
    assert loud_db(before.samples[0, away], RATE_HZ) == pytest.approx(loud_db(old.samples[0, away], RATE_HZ), abs=0.3)


def test_stems_are_known_again_by_comments(tmp_path: Path, film: Phonofilm, caplog: pytest.LogCaptureFixture) -> None:
    clip = make_clip(tmp_path / "clip.mp4", even_times(12, Fraction(8)), rate_hz=Fraction(8))
    (take,) = film.add_sound(clip, stems=True)
    assert {told(path, STEMS) for path in (take.path, *take.stems.values())} == {told(take.path, STEMS)} != {""}
    film.add_sound(clip, audio_only=True)  # the same sound without loss: its name is shared with the film's stems
    assert told(tmp_path / "clip.sound.wav", STEMS) == ""
    assert "clip.sound.wav was made without stems; those beside it are of another take" in caplog.text
    (sound,) = film.add_sound(
        clip, audio_only=True, redo=[(0.4, 0.9)], seed=3, stems=True, take=tmp_path / "clip.sound.wav"
    )
    assert set(sound.stems) == {"effects"}
    assert told(sound.path, STEMS) not in ("", told(take.path, STEMS))


def test_what_others_did_to_the_sound_of_a_take_is_kept(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    """Most programs keep the comment."""
    (take,) = film.add_sound(folder / "clip.mp4", tmp_path / "take.wav", audio_only=True, stems=True)
    comment, sound = sound_comment(take.path), read_audio(take.path)
    louder = Waveform((sound.samples * 3).clip(-1, 1), sound.rate_hz)
    write_audio(louder, take.path, comment)
    write_audio(sound, tmp_path / "take.mix.wav", comment)
    (new,) = film.add_sound(
        folder / "clip.mp4", tmp_path / "new.wav", audio_only=True, redo=[(0.4, 0.9)], take=take.path, seed=3
    )
    first, end = changed(read_audio(take.path).samples, read_audio(new.path).samples)
    assert 0.4 * RATE_HZ - FADE <= first < end <= 0.9 * RATE_HZ + FADE


def test_threads_may_write_to_one_name(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    """The last one wins, with a whole file."""
    output, made, wrong = tmp_path / "one.mp4", [], []

    def write() -> None:
        try:
            made.extend(film.add_sound(folder / "clip.mp4", output, stems=True))
        except PhonofilmError as error:
            wrong.append(error)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(made) == 3
    sound = read_clip_audio(probe(output), RATE_HZ)
    assert sound is not None
    assert np.abs(sound.samples).max() > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.effects.wav", "one.mix.wav", "one.mp4"]


def test_all_of_a_take_made_here_keeps_its_rate_and_of_others_sound_it_is_the_models(
    tmp_path: Path, film: Phonofilm, folder: Path
) -> None:
    clip, whole = folder / "clip.mp4", [(0.0, 1.5)]
    film.add_sound(clip, tmp_path / "ours.wav", audio_only=True, rate=48_000)
    assert redone(folder, tmp_path / "a.wav", str(tmp_path / "ours.wav"), whole, seed=1).sound.rate_hz == 48_000
    write_audio(Waveform(np.full((1, 12_000), 0.01, np.float32), 8_000), tmp_path / "theirs.wav")
    assert redone(folder, tmp_path / "b.wav", str(tmp_path / "theirs.wav"), whole).sound.rate_hz == RATE_HZ


@pytest.mark.thorough
def test_a_long_clip_is_sampled_around_the_span_only(tmp_path: Path, film: Phonofilm) -> None:
    make_clip(tmp_path / "clip.mp4", even_times(72, Fraction(8)), rate_hz=Fraction(8))
    (take,) = film.add_sound(tmp_path / "clip.mp4", audio_only=True, mono=True)
    redo = ((0.5, 1.0), (8.5, 9.0))
    (made,) = film.add_sound(tmp_path / "clip.mp4", redo=redo, audio_only=True)
    same = (made.sound.samples == read_audio(take.path).samples).all(axis=0)
    assert same[round(1.05 * RATE_HZ) + 1 : round(8.45 * RATE_HZ) - 1].all()
    assert not same[:RATE_HZ].all()
    assert not same[-round(0.4 * RATE_HZ) :].all()
    assert made.path.name == "clip.redo.wav"


def test_the_clips_own_sound_can_be_the_take_and_stays_under(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    sound = redone(folder, tmp_path / "own.wav", "clip.mp4", [(0.8, 1.2)], keep_original=True, mono=True).sound
    own = read_clip_audio(probe(folder / "clip.mp4"), 48_000)
    assert own is not None
    assert changed(own.samples, sound.samples)[0] >= round(0.75 * 48_000)


WRONG: dict[str, tuple[dict[str, Any], type[PhonofilmError], str]] = {
    "backwards": ({"redo": [(1.0, 0.5)]}, OptionError, "end after it"),
    "negative": ({"redo": [(-1.0, 0.5)]}, OptionError, "at least 0"),
    "NaN": ({"redo": [(float("nan"), 0.5)]}, OptionError, "at least 0"),
    "short": ({"redo": [(0.5, 0.55)]}, OptionError, "at least 0.1 s"),
    "after the end": ({"redo": [(0.5, 2.0)]}, OptionError, "lasts 1.500 s"),
    "no span": ({"take": "clip.sound.wav"}, OptionError, "without spans to redo"),
    "no such take": ({"redo": [(0.5, 1.0)], "take": "none.wav"}, MediaError, "does not exist"),
    "no sound": ({"redo": [(0.5, 1.0)], "take": "mute.mp4"}, MediaError, "has no sound"),
    "longer": ({"redo": [(0.5, 1.0)], "take": "long.wav"}, OptionError, "give a take of this clip"),
    "shorter picture": ({"redo": [(0.5, 1.0)], "take": "short.mp4"}, OptionError, "lasts 1.00 s"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_spans_and_takes(
    folder: Path, film: Phonofilm, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, error, words = WRONG[kind]
    for name, sound, count in (("mute.mp4", "none", 12), ("short.mp4", "click", 8)):
        make_clip(tmp_path / name, even_times(count, Fraction(8)), rate_hz=Fraction(8), sound=sound)
    write_audio(Waveform(np.zeros((1, 2 * RATE_HZ), np.float32), RATE_HZ), tmp_path / "long.wav")
    (tmp_path / "clip.sound.wav").write_bytes((folder / "clip.sound.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words) as caught:
        film.add_sound(folder / "clip.mp4", tmp_path / "new.wav", audio_only=True, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new.wav").exists()


def test_no_earlier_take_is_said_and_which_there_are(tmp_path: Path, film: Phonofilm) -> None:
    make_clip(tmp_path / "clip.mp4")
    with pytest.raises(OptionError, match=r"no earlier take .* name the take$"):
        film.add_sound(tmp_path / "clip.mp4", redo=[(0.2, 0.5)])
    for name in ("clip.sound.1.mp4", "clip.sound.2.mp4"):
        (tmp_path / name).touch()
    with pytest.raises(
        OptionError, match=r"name the take, one of those that are there: clip\.sound\.1\.mp4, clip\.sound\.2\.mp4$"
    ):
        film.add_sound(tmp_path / "clip.mp4", redo=[(0.2, 0.5)])


@pytest.mark.thorough
def test_edits_go_on_from_the_newest_take_and_overwrite_none(
    tmp_path: Path, film: Phonofilm, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((folder / "clip.mp4").read_bytes())
    (first,) = film.add_sound(clip, audio_only=True)
    (second,) = film.add_sound(clip, audio_only=True, redo=[(0.1, 0.3)], seed=1)
    assert "going on from" not in caplog.text
    (third,) = film.add_sound(clip, audio_only=True, redo=[(1.0, 1.2)], seed=2)
    assert [record.message for record in caplog.records if "going on from" in record.message] == [
        f"going on from {second.path}, the newest take; to go on from another, name the take"
    ]
    (other,) = film.add_sound(clip, audio_only=True, redo=[(1.0, 1.2)], take=third.path, seed=3)
    names = [take.path.name for take in (first, second, third, other)]
    assert names == ["clip.sound.wav", "clip.redo.wav", "clip.redo2.wav", "clip.redo3.wav"]
    heard = [read_audio(take.path).samples for take in (first, second, third)]
    assert changed(heard[1], heard[2])[0] > round(0.9 * RATE_HZ), "the first edit is kept"
    assert changed(heard[0], heard[2])[0] < round(0.3 * RATE_HZ)
    film.add_sound(clip, audio_only=True, seed=9)  # a take since, from which the next edit goes on
    caplog.clear()
    film.add_sound(clip, audio_only=True, redo=[(1.0, 1.2)])
    assert "going on from" not in caplog.text
    film.add_sound(clip, audio_only=True, redo=[(1.0, 1.2)], takes=2)
    with pytest.raises(OptionError, match=r"clip\.redo5\.2\.wav is one of several takes .* name the take"):
        film.add_sound(clip, audio_only=True, redo=[(1.0, 1.2)])


@pytest.mark.parametrize("take", ["clip.sound.mp4", "clip.sound.wav", "mono.flac"])
def test_the_take_that_is_read_is_not_overwritten(film: Phonofilm, folder: Path, take: str) -> None:
    output = folder / take
    before, audio_only = output.read_bytes(), not take.endswith("mp4")
    with pytest.raises(OutputError, match="is the take itself; give another name, nothing was changed"):
        film.add_sound(folder / "clip.mp4", output, take=output, redo=[(0.2, 0.4)], audio_only=audio_only)
    assert output.read_bytes() == before


def test_nor_are_its_stems(tmp_path: Path, film: Phonofilm, folder: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((folder / "clip.mp4").read_bytes())
    (take,) = film.add_sound(clip, stems=True)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="is the take itself"):
        film.add_sound(clip, take.path, redo=[(0.2, 0.4)])  # nobody named the take
    for output, audio_only in ((tmp_path / "clip.sound.wav", True), (tmp_path / "clip.sound.mov", False)):
        with pytest.raises(OutputError, match="would replace those of the take"):
            film.add_sound(clip, output, take=take.path, redo=[(0.2, 0.4)], audio_only=audio_only, stems=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


SPAN = st.tuples(st.integers(0, 5000), st.integers(0, 5000))


@given(st.lists(SPAN, min_size=1, max_size=4), st.sampled_from(["-", " - ", "\u2013", "\u2212"]), st.booleans())
def test_spans_as_text_in_seconds_or_minutes(spans: list[tuple[int, int]], dash: str, clock: bool) -> None:
    def told(time_s: int) -> str:
        return f"{time_s // 60}:{time_s % 60:02d}.5" if clock else f"{time_s}.5"

    text = ",".join(f"{told(first)}{dash}{told(end)}" for first, end in spans)
    assert parse_spans(text) == [(first + 0.5, end + 0.5) for first, end in spans]


def test_spans_that_are_none() -> None:
    assert parse_spans("1:00:03-1:00:04.5") == [(3603.0, 3604.5)]
    for text in ("3.2", "a-b", "", "1-2-3", "-1-2", "1-2,", "1,5-2", "0:61-0:62", "1:2:3:4-5", "0:-1-2", "::1-2"):
        with pytest.raises(OptionError, match="redo"):
            parse_spans(text)
    assert checked_spans([(0.5, 1.52)], Fraction(3, 2)) == [(Fraction(1, 2), Fraction(3, 2))]


class HearingParts(TinyParts):
    """As `TinyParts`, with an autoencoder that hears."""

    def hearing(self) -> HearingCodec:
        return HearingCodec(random_numbers(MpVae(VAE, True, torch.float32)), MEL_16K)


@pytest.mark.thorough
@pytest.mark.parametrize("span", [(0.5, 1.0), (8.6, 9.0)])
def test_published_models_redo_too(tmp_path: Path, span: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmaudio, "load_hearing_codec", lambda parts: parts.hearing())
    film = Phonofilm(MmaudioGuide(HearingParts(), FeatureCache(tmp_path / "features")))  # type: ignore[arg-type]
    clip = make_clip(tmp_path / "clip.mp4", even_times(72, Fraction(8)), rate_hz=Fraction(8))
    write_audio(
        Waveform((0.1 * np.random.default_rng(0).standard_normal((1, 144_000))).astype(np.float32), 16_000),
        tmp_path / "take.wav",
    )
    (made,) = film.add_sound(clip, redo=[span], take=tmp_path / "take.wav", audio_only=True)
    old = read_audio(tmp_path / "take.wav").samples
    first, end = changed(old, made.sound.samples)
    assert round((span[0] - FADE_S) * 16_000) <= first
    assert end <= round((span[1] + FADE_S) * 16_000)


def test_a_published_file_without_encoder_is_said(tmp_path: Path) -> None:
    parts = TinyParts()
    parts.paths = {"vae": tmp_path / "v1-16.pth"}  # type: ignore[attr-defined]
    torch.save({"decoder.conv_in.weight": torch.zeros(1)}, tmp_path / "v1-16.pth")
    with pytest.raises(OptionError, match="needs the encoder"):
        load_hearing_codec(parts)  # type: ignore[arg-type]


# What follows tries the pieces alone.


@settings(max_examples=30)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.fractions(0, Fraction(9, 10)), st.fractions(Fraction(1, 10), 1)), min_size=1, max_size=3),
    st.integers(0, 100),
)
def test_splices_change_nothing_outside(channels: int, spans: list[tuple[Fraction, Fraction]], seed: int) -> None:
    rate_hz, generator = 8000, np.random.default_rng(seed)
    old, new = (0.05 * generator.standard_normal((2, channels, rate_hz))).astype(np.float32)
    found = ranges([(first, min(first + length, Fraction(1))) for first, length in spans], rate_hz)
    result = spliced(Waveform(old, rate_hz), Waveform(new, rate_hz), found).samples
    fade = round(FADE_S * rate_hz)
    outside = np.ones(rate_hz, bool)
    for first, end in found:
        outside[max(0, first - fade) : end + fade] = False
        assert np.array_equal(result[:, first:end], new[:, first:end])
    assert np.array_equal(result[:, outside], old[:, outside])
    assert all(later[0] - sooner[1] > 2 * fade for sooner, later in pairwise(found))


def test_fades_keep_the_level_of_like_and_unlike_sounds() -> None:
    generator = np.random.default_rng(1)
    one, two = (0.1 * generator.standard_normal((2, 1, 40_000))).astype(np.float32)
    for new in (one, two):
        result = spliced(Waveform(one, 8000), Waveform(new, 8000), [(10_000, 30_000)]).samples
        for first in (9600, 30_000):
            assert result[0, first : first + 400].std() == pytest.approx(0.1, rel=0.12)
    assert np.allclose(spliced(Waveform(one, 8000), Waveform(one, 8000), [(10_000, 30_000)]).samples, one, atol=1e-6)


def test_peaks_of_the_new_sound_are_limited() -> None:
    old, new = np.full((2, 44_100), 0.1, np.float32), np.full((2, 44_100), 3.0, np.float32)
    result = spliced(Waveform(old, RATE_HZ), Waveform(new, RATE_HZ), [(10_000, 20_000)]).samples
    assert np.abs(result[:, 10_000:20_000]).max() <= 10 ** (-1 / 20)
    assert np.abs(result).max() < 1.3


@pytest.mark.parametrize("gain", [0.1, 0.5, 4.0, 100.0])
def test_new_sound_gets_the_level_of_the_old(gain: float) -> None:
    generator = np.random.default_rng(2)
    old, new = (0.05 * generator.standard_normal((2, 1, 3 * RATE_HZ))).astype(np.float32)
    span = (RATE_HZ, 2 * RATE_HZ)
    result = fitted(Waveform(new * np.float32(gain), RATE_HZ), Waveform(old, RATE_HZ), [span]).samples
    wanted_db = -12.0 if gain == 0.1 else 0.0  # raised by 12 dB at most, of 20 that lack
    wanted = 0.05 * (10 ** ((-20 - wanted_db) / 20) if gain == 0.1 else 1)
    assert result[0, slice(*span)].std() == pytest.approx(wanted, rel=0.1)


def pull(target: Tensor) -> Any:
    return lambda x, t: (target - x) / (1 - t)


def test_inpainting_reaches_the_target_and_keeps_what_is_known() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, known, target = torch.randn(3, 1, 20, 4, generator=generator)
    free = torch.arange(20) // 5 == 1
    told: list[int] = []
    x = inpaint(pull(target), noise, known, free, even_steps(8), generator, told.append)
    assert torch.equal(x[:, ~free], known[:, ~free])
    torch.testing.assert_close(x[:, free], target[:, free], atol=1e-5, rtol=0)
    assert told == list(range(1, walks(8) + 1))


def test_the_network_sees_what_is_known_on_its_path() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, known = torch.randn(2, 1, 50_000, 1, generator=generator)
    free = torch.zeros(50_000, dtype=torch.bool)
    free[:25_000] = True

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        """Of the path between two normal distributions, in closed form."""
        spread = (1 - t) ** 2 + t**2
        torch.testing.assert_close(x[:, ~free], ((1 - t) * noise + t * known)[:, ~free])
        # Going back in time must leave the free part as spread as the path has it there.
        assert float(x[:, free].std()) == pytest.approx(float(spread.sqrt()), rel=0.03)
        return (2 * t - 1) / spread * x

    inpaint(velocity, noise, known, free, even_steps(64), generator)


def test_mixed_fields() -> None:
    inside = torch.tensor([False, True, True])
    velocity = mixed(lambda x, t: x, lambda x, t: -x, inside)
    assert velocity(torch.ones(1, 3, 2), torch.tensor(0.0))[0, :, 0].tolist() == [1, -1, -1]


@given(st.integers(1, 500), st.data())
def test_windows_around_a_span(steps: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, steps - 1))
    end = data.draw(st.integers(first + 1, steps))
    window = around(first, end, steps, 88, 20)
    assert 0 <= window.first <= first < end <= window.end <= steps
    assert window.steps >= min(steps, 88)
    assert joined([window, Window(0, steps)]) == [Window(0, steps)]
