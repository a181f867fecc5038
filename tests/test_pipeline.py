"""The main job from clip to sounding clip with the model `tiny`: paths, lengths, seeds, cues; not how it sounds."""

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from clips import click_time, even_times, make_clip, shown_packets, tiny_film
from phonofilm.cues import CueSheet
from phonofilm.errors import CueError, MediaError, ModelError, OptionError, OutputError, PhonofilmError
from phonofilm.media.audio import read_audio, read_clip_audio, resample
from phonofilm.media.probe import probe
from phonofilm.mix.loudness import integrated_lufs, true_peak
from phonofilm.pipeline import Phonofilm
from phonofilm.timeline import samples

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", sound="click")


def still_clip(path: Path, seconds: int) -> Path:
    """A dark wall at which nothing happens."""
    wall = np.full((96, 128, 3), 40, np.uint8) + np.random.default_rng(0).integers(0, 12, (96, 128, 1), np.uint8)
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for _ in range(12 * seconds):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(wall, format="rgb24")))
        file.mux(stream.encode())
    return path


@pytest.mark.thorough
def test_where_nothing_happens_and_nothing_is_asked_for_there_is_only_a_room(tmp_path: Path, film: Phonofilm) -> None:
    path = still_clip(tmp_path / "still.mp4", 2)
    (alone,) = film.add_sound(path, tmp_path / "alone.mp4")
    assert alone.cues is not None
    assert not alone.cues.events
    assert integrated_lufs(alone.sound) < -45
    (asked,) = film.add_sound(path, tmp_path / "asked.mp4", prompt="heavy rain")
    assert integrated_lufs(asked.sound) > -20


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("codec", "suffix", "written"),
    [
        ("libx264", ".mp4", ".mp4"),
        ("libx264", ".mkv", ".mkv"),
        ("libvpx-vp9", ".webm", ".webm"),
        ("gif", ".gif", ".mp4"),
        ("mpeg1video", ".mpg", ".mkv"),
    ],
)
def test_sound_is_exactly_as_long_as_the_picture(
    tmp_path: Path, film: Phonofilm, codec: str, suffix: str, written: str
) -> None:
    rate_hz = Fraction(25 if codec == "gif" else Fraction(30000, 1001))
    path = make_clip(tmp_path / f"clip{suffix}", even_times(23, rate_hz), codec=codec, rate_hz=rate_hz)
    (take,) = film.add_sound(path)
    assert take.path == tmp_path / f"clip.sound{written}"
    assert names(tmp_path) == sorted([f"clip{suffix}", f"clip.sound{written}"])
    length_s = probe(path).duration_s
    assert take.sound.samples.shape == (2, samples(length_s, RATE_HZ))
    assert abs(probe(take.path).duration_s - length_s) <= Fraction(1, 500)
    if codec != "gif":  # no container holds one so that players show it
        assert [payload for _, payload in shown_packets(take.path)] == [payload for _, payload in shown_packets(path)]
    heard = read_clip_audio(probe(take.path), RATE_HZ)
    assert heard is not None
    assert np.abs(heard.samples).max() > 0.01


def test_takes_their_names_and_their_seeds(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    takes = film.add_sound(clip, takes=3, seed=5)
    assert [take.seed for take in takes] == [5, 6, 7]
    assert [take.path.name for take in takes] == [f"clip.sound.{number}.mp4" for number in (1, 2, 3)]
    assert names(tmp_path) == sorted(["clip.mp4", *(take.path.name for take in takes)])
    first, second, third = (take.sound.samples for take in takes)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    # A take does not depend on the takes made with it.
    (alone,) = film.add_sound(clip, tmp_path / "alone.mp4", seed=6)
    assert np.array_equal(alone.sound.samples, second)
    assert {"probe", "frames", "see", "encode", "sample", "decode", "mix", "write"} <= set(takes[0].seconds)
    assert all(value >= 0 for value in takes[0].seconds.values())


def test_the_same_seed_gives_the_same_samples(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    one, two = (film.add_sound(clip, tmp_path / f"{n}.mp4", seed=3, prompt="rain")[0] for n in (1, 2))
    assert np.array_equal(one.sound.samples, two.sound.samples)
    other = film.add_sound(clip, tmp_path / "3.mp4", seed=3, prompt="a dog barks")[0]
    assert not np.array_equal(one.sound.samples, other.sound.samples)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_audio_only(tmp_path: Path, film: Phonofilm, clip: Path, suffix: str) -> None:
    (take,) = film.add_sound(clip, tmp_path / f"sound{suffix}", audio_only=True)
    assert take.path == tmp_path / f"sound{suffix}"
    assert abs(read_audio(take.path).duration_s - 1) < Fraction(1, 20)


def test_audio_only_is_wav_beside_the_clip_by_default(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    (take,) = film.add_sound(clip, audio_only=True)
    assert names(tmp_path) == ["clip.mp4", "clip.sound.wav"]
    read = read_audio(take.path)
    assert read.samples.shape == take.sound.samples.shape
    assert np.abs(read.samples - take.sound.samples).max() < 1e-5


@pytest.mark.thorough
def test_loudness_and_mono(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    for number, (loudness, wanted) in enumerate([("web", -16.0), ("ebu-r128", -23.0), ("-30", -30.0)]):
        (take,) = film.add_sound(clip, tmp_path / f"{number}.wav", audio_only=True, loudness=loudness)
        assert integrated_lufs(take.sound) <= wanted + 0.5
        assert true_peak(take.sound) <= 10 ** (-1 / 20)
    (take,) = film.add_sound(clip, tmp_path / "none.wav", audio_only=True, loudness="none", mono=True)
    assert take.sound.channels == 1
    assert true_peak(take.sound) <= 10 ** (-1 / 20)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_sound_at_another_rate_is_the_same_sound(
    tmp_path: Path, film: Phonofilm, clip: Path, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonofilm.outlet.mark", lambda sound, payload, key: SimpleNamespace(sound=sound))
    # Quiet enough that no peak is limited: at another rate peaks fall between other samples.
    (own,) = film.add_sound(clip, tmp_path / "own.wav", audio_only=True, loudness="-40")
    (take,) = film.add_sound(clip, tmp_path / "film.mp4", rate=rate, loudness="-40")
    assert take.sound.rate_hz == rate
    assert take.sound.samples.shape[1] == samples(probe(clip).duration_s, rate)
    written = probe(take.path).audio
    assert written is not None
    assert written.rate_hz == rate
    # At 32 kHz, so that what lies in the filters' slopes does not count: the noise of the model goes up to 22 kHz.
    one, other = (resample(sound, 32_000).samples for sound in (own.sound, take.sound))
    assert one.shape == other.shape
    assert np.square(one - other).mean() < 1e-5 * np.square(one).mean()


def test_stems_at_48_khz_add_up_and_are_marked(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    (take,) = film.add_sound(
        clip, tmp_path / "film.mp4", rate=48_000, stems=True, keep_original=True, music="calm piano"
    )
    read = {name: read_audio(path) for name, path in take.stems.items()}
    assert {sound.rate_hz for sound in read.values()} == {48_000}
    mix = read.pop("mix").samples
    assert np.abs(sum(sound.samples for sound in read.values()) - mix).max() < 1e-4
    anew = film.add_sound(clip, tmp_path / "anew.mp4", take=take.path, redo=[(0.2, 0.6)], stems=True)
    assert anew[0].sound.rate_hz == 48_000
    with pytest.raises(OptionError, match=r"rate is 44100, and the take film\.mp4 has 48000, which redoing keeps"):
        film.add_sound(clip, tmp_path / "other.mp4", take=take.path, redo=[(0.2, 0.6)], rate=44_100)


def test_the_original_stays_under_when_asked(
    tmp_path: Path, film: Phonofilm, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each take is marked by itself, which moves cells by up to a few decibels and would hide small errors.
    monkeypatch.setattr("phonofilm.outlet.mark", lambda sound, payload, key: SimpleNamespace(sound=sound))
    options: dict[str, Any] = {"loudness": "none", "audio_only": True}
    (without,) = film.add_sound(clip, tmp_path / "a.wav", **options)
    (with_it,) = film.add_sound(clip, tmp_path / "b.wav", keep_original=True, original_db=-6.0, **options)
    added = with_it.sound.samples - without.sound.samples
    original = read_clip_audio(probe(clip), RATE_HZ)
    assert original is not None
    wanted = original.samples * 10 ** (-6 / 20)
    assert (added.mean(axis=0) * wanted).sum() / (wanted**2).sum() == pytest.approx(1, abs=0.1)
    assert click_time(added, RATE_HZ) == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize(("sound", "mono"), [("5.1", False), ("5.1", True), ("silent", False), ("none", False)])
def test_keeping_any_kind_of_original(tmp_path: Path, film: Phonofilm, sound: str, mono: bool) -> None:
    path = make_clip(tmp_path / "clip.mp4", sound=sound)
    (take,) = film.add_sound(path, keep_original=True, mono=mono)
    assert take.sound.samples.shape == (1 if mono else 2, RATE_HZ)


def test_a_cue_sheet_goes_round(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    sheet = film.spot(clip)
    assert isinstance(sheet, CueSheet)
    path = tmp_path / "cues.json"
    path.write_text(sheet.to_json())
    (take,) = film.add_sound(clip, cues=path)
    assert take.cues is not None
    assert take.cues.to_json() == sheet.to_json()


def write_sheet(path: Path, cues: list[dict[str, Any]], **clip_fields: Any) -> Path:
    clip = {"name": "clip.mp4", "duration_s": 1.0, **clip_fields}
    path.write_text(json.dumps({"phonofilm_cue_sheet": 1, "clip": clip, "cues": cues}))
    return path


def test_an_edited_sheet_steers(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    sounds = []
    for number, (start_s, place) in enumerate([(0.2, -1.0), (0.7, -1.0), (0.7, 1.0)]):
        sheet = write_sheet(tmp_path / f"{number}.json", [{"start_s": start_s, "place": place}])
        (take,) = film.add_sound(clip, tmp_path / f"{number}.wav", cues=sheet, audio_only=True)
        assert take.cues is not None
        assert [(cue.start_s, cue.place) for cue in take.cues.events] == [(start_s, place)]
        sounds.append(take.sound.samples.astype(np.float64))
    early, late, right = sounds
    assert not np.array_equal(early, late)
    tail = slice(round(0.7 * RATE_HZ), round(0.85 * RATE_HZ))
    power = {name: (s[:, tail] ** 2).sum(axis=1) for name, s in (("left", late), ("right", right))}
    assert power["left"][0] > 2 * power["left"][1]
    assert power["right"][1] > 2 * power["right"][0]


def test_sync_zero_does_not_listen_to_the_sheet(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    for sync in (0.0, 1.0):
        waves = []
        for number, start_s in enumerate((0.2, 0.7)):
            sheet = write_sheet(tmp_path / f"{number}.json", [{"start_s": start_s}])
            (take,) = film.add_sound(
                clip, tmp_path / f"{number}.wav", cues=sheet, audio_only=True, sync=sync, mono=True, prompt="a knock"
            )
            waves.append(take.sound.samples)
        assert np.array_equal(*waves) == (sync == 0)


WRONG_SHEETS: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "not JSON"),
    "empty": ("", "not JSON"),
    "another thing": ("[1, 2]", "lacks"),
    "another version": ('{"phonofilm_cue_sheet": 2, "clip": {}, "cues": []}', "lacks"),
    "no clip": ('{"phonofilm_cue_sheet": 1, "cues": []}', "must hold exactly"),
    "unknown key": ('{"phonofilm_cue_sheet": 1, "clip": {}, "cues": [], "x": 1}', "must hold exactly"),
    "no length": ('{"phonofilm_cue_sheet": 1, "clip": {}, "cues": []}', "duration_s"),
    "NaN": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": NaN}]}', "start_s is nan"),
    "infinite": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1e999}, "cues": []}', "duration_s is inf"),
    "negative": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": -1}]}', "at least 0"),
    "text": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": "0.5"}]}', "start_s is"),
    "too strong": (
        '{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": 0, "strength": 2}]}',
        "from 0 to 1",
    ),
    "huge": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": 1%s}]}' % ("0" * 400), "."),
    "huger": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": 1%s}]}' % ("0" * 5000), "."),
    "deep": ("[" * 100_000, "."),
    "after the end": ('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 1}, "cues": [{"start_s": 9}]}', "lasts"),
    "another clip": (
        '{"phonofilm_cue_sheet": 1, "clip": {"name": "b.mp4", "duration_s": 1, "fingerprint": "ab"}, "cues": []}',
        "was made for 'b.mp4'",
    ),
}


@pytest.mark.parametrize("kind", WRONG_SHEETS)
def test_wrong_sheets_are_said_in_one_line(tmp_path: Path, film: Phonofilm, clip: Path, kind: str) -> None:
    text, words = WRONG_SHEETS[kind]
    sheet = tmp_path / "cues.json"
    sheet.write_text(text)
    with pytest.raises(CueError, match=words) as caught:
        film.add_sound(clip, cues=sheet)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["clip.mp4", "cues.json"]


def test_a_sheet_that_is_missing_or_no_file(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(CueError, match="cannot be read"):
            film.add_sound(clip, cues=path)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"prompt": "x" * 10_000}, OptionError, "10,000 characters"),
        ({"negative": "x" * 10_000}, OptionError, "10,000 characters"),
        ({"takes": 0}, OptionError, "^takes is"),
        ({"seed": -1}, OptionError, "^seed is"),
        ({"steps": 10_000}, OptionError, "^steps is"),
        ({"guidance": float("nan")}, OptionError, "^guidance is"),
        ({"loudness": "loud"}, OptionError, "^loudness is"),
        ({"output": "clip.wav"}, OutputError, r"\(audio-only\)"),
        ({"output": "nowhere/clip.mp4"}, OutputError, "does not exist"),
        ({"output": "clip.mp4", "audio_only": True}, OutputError, "cannot write sound as"),
        ({"output": "clip.mp4"}, OutputError, "is the clip itself"),
    ],
)
def test_wrong_options(
    tmp_path: Path,
    film: Phonofilm,
    clip: Path,
    options: dict[str, Any],
    error: type[PhonofilmError],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = clip.read_bytes()
    with pytest.raises(error, match=words):
        film.add_sound(clip, **options)
    assert names(tmp_path) == ["clip.mp4"]
    assert clip.read_bytes() == before


def test_wrong_clips_and_models(tmp_path: Path, film: Phonofilm) -> None:
    for call in (film.add_sound, film.spot):
        with pytest.raises(MediaError, match="does not exist"):
            call(tmp_path / "nowhere.mp4")
    with pytest.raises(ModelError, match="no model is called"):
        Phonofilm.load("huge")
    with pytest.raises(OptionError, match="device"):
        Phonofilm.load("tiny", "abacus")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("stage", ["write_audio", "mux"])
def test_nothing_is_left_when_it_fails_half_way(
    tmp_path: Path, film: Phonofilm, clip: Path, stage: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(f"phonofilm.outlet.{stage}", fail)
    with pytest.raises(error):
        film.add_sound(clip, takes=2, audio_only=stage == "write_audio")
    assert names(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize("make", [float, int, np.float64, lambda s: s])
def test_make(tmp_path: Path, film: Phonofilm, make: Callable[[float], float]) -> None:
    (take,) = film.make("rain on a tin roof", tmp_path / "rain.wav", seconds=make(2), seed=4)
    assert take.cues is None
    assert read_audio(take.path).samples.shape == (2, 2 * RATE_HZ)
    assert true_peak(take.sound) <= 10 ** (-1 / 20)


def test_a_clip_has_its_noise_under_any_name(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    renamed = tmp_path / "renamed.mp4"
    renamed.write_bytes(clip.read_bytes())
    one, again = (film.add_sound(path, audio_only=True, prompt="rain")[0] for path in (clip, renamed))
    assert np.array_equal(one.sound.samples, again.sound.samples)


def test_make_takes_and_seeds(tmp_path: Path, film: Phonofilm) -> None:
    one, two = film.make("rain", tmp_path / "rain.flac", seconds=1.5, takes=2, mono=True)
    assert names(tmp_path) == ["rain.1.flac", "rain.2.flac"]
    assert one.sound.channels == 1
    assert not np.array_equal(one.sound.samples, two.sound.samples)
    (again,) = film.make("rain", tmp_path / "again.flac", seconds=1.5, seed=1, mono=True)
    assert np.array_equal(again.sound.samples, two.sound.samples)


@pytest.mark.parametrize(
    ("prompt", "name", "options", "words"),
    [
        ("", "a.wav", {}, "prompt is empty"),
        ("  \n", "a.wav", {}, "prompt is empty"),
        ("x" * 10_000, "a.wav", {}, "10,000 characters"),
        ("a\0b", "a.wav", {}, "control characters"),
        ("rain", "a.mp4", {}, "cannot write sound"),
        ("rain", "nowhere/a.wav", {}, "does not exist"),
        ("rain", "a.wav", {"seconds": float("nan")}, "^seconds is"),
        ("rain", "a.wav", {"seconds": 1e9}, "^seconds is"),
    ],
)
def test_make_wrongly(
    tmp_path: Path, film: Phonofilm, prompt: str, name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(PhonofilmError, match=words):
        film.make(prompt, tmp_path / name, **options)
    assert not names(tmp_path)


@pytest.mark.thorough
def test_longer_than_one_window(tmp_path: Path, film: Phonofilm) -> None:
    path = make_clip(tmp_path / "long.mp4", even_times(50, Fraction(8)), rate_hz=Fraction(8))
    (take,) = film.add_sound(path, audio_only=True, mono=True)
    assert take.sound.samples.shape == (1, samples(Fraction(50, 8), RATE_HZ))


def test_one_frame(tmp_path: Path, film: Phonofilm) -> None:
    path = make_clip(tmp_path / "one.mp4", even_times(1, Fraction(25)))
    (take,) = film.add_sound(path)
    assert abs(take.sound.duration_s - Fraction(1, 25)) < Fraction(1, 10_000)


def test_progress_and_the_clip_stay_as_they_were(tmp_path: Path, film: Phonofilm, clip: Path) -> None:
    before = clip.read_bytes()
    told: list[tuple[str, float]] = []
    film.add_sound(clip, progress=lambda stage, share: told.append((stage, share)))
    assert list(dict(told))[:3] == ["probe", "frames", "see"]
    assert all(0 <= share <= 1 for _, share in told)
    assert clip.read_bytes() == before
    again = Path(shutil.copy(clip, tmp_path / "renamed.mp4"))
    assert probe(again).fingerprint == probe(clip).fingerprint
