"""Files: is this one ours? By the library and by the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import phonofilm
from clips import make_clip, tiny_film
from phonofilm.cli.main import app
from phonofilm.detection import detect
from phonofilm.errors import InputError, OptionError
from phonofilm.media.audio import read_audio, write_audio
from phonofilm.media.suffixes import FILM_SUFFIXES, SOUND_SUFFIXES
from phonofilm.pipeline import Phonofilm
from phonofilm.types import Waveform

SECONDS = 4


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture(scope="module")
def folder(film: Phonofilm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rain.wav and clip.sound.mp4 are marked, foreign.wav is not, clip.mp4 has no sound."""
    folder = tmp_path_factory.mktemp("files")
    film.make("rain", folder / "rain.wav", seconds=SECONDS, seed=3)
    film.add_sound(make_clip(folder / "clip.mp4"))
    noise = np.random.default_rng(1).standard_normal((1, 44_100 * SECONDS)) * 0.1
    write_audio(Waveform(noise.astype(np.float32), 44_100), folder / "foreign.wav")
    return folder


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would leave a handler that writes to the runner's stream, which is closed after the call.
    monkeypatch.setattr("phonofilm.cli.detect.start_logging", lambda _: None)


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, phonofilm.PhonofilmError):
        return 1, str(result.exception)
    return result.exit_code, result.output


def test_what_we_make_is_marked_and_others_sound_is_not(folder: Path, film: Phonofilm) -> None:
    (take,) = film.make("wind", folder / "wind.flac", seconds=SECONDS)
    assert take.marked
    found = detect(take.path)
    assert found.marked
    assert found.detection is not None
    assert found.detection.payload is not None
    assert found.detection.payload.take_id == take.take_id
    assert found.duration_s == pytest.approx(SECONDS)
    assert np.allclose(read_audio(take.path).samples, take.sound.samples, atol=1e-6)
    assert not phonofilm.detect(folder / "foreign.wav").marked
    assert phonofilm.detect(folder / "clip.sound.mp4").marked
    silent = detect(folder / "clip.mp4")
    assert (silent.marked, silent.detection) == (False, None)


@pytest.mark.thorough
def test_a_secret_key_is_needed_to_find_its_mark(tmp_path: Path, film: Phonofilm) -> None:
    key = tmp_path / "studio.key"
    key.write_bytes(bytes(range(32)))
    (take,) = film.make("wind", tmp_path / "wind.wav", seconds=SECONDS, key=key)
    assert take.marked
    assert not detect(take.path).marked
    found = detect(take.path, [key])
    assert found.detection is not None
    assert found.detection.key == "studio"
    (tmp_path / "short.key").write_bytes(b"abc")
    with pytest.raises(OptionError, match="3 bytes"):
        film.make("wind", tmp_path / "other.wav", seconds=SECONDS, key=tmp_path / "short.key")
    with pytest.raises(OptionError, match=r"none\.key"):
        detect(take.path, [tmp_path / "none.key"])


@pytest.mark.thorough
def test_two_takes_have_two_names_and_the_same_take_the_same(tmp_path: Path, film: Phonofilm) -> None:
    first, second = film.make("wind", tmp_path / "wind.wav", seconds=1, takes=2)
    (again,) = film.make("wind", tmp_path / "again.wav", seconds=1, seed=first.seed)
    assert first.take_id != second.take_id
    assert first.take_id == again.take_id
    assert np.array_equal(first.sound.samples, again.sound.samples)


def test_silence_leaves_unmarked_with_a_warning(
    tmp_path: Path, film: Phonofilm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    silence = Waveform(np.zeros((2, 88_200), np.float32), 44_100)
    monkeypatch.setattr("phonofilm.pipeline.levelled", lambda *_: silence)
    (take,) = film.make("nothing", tmp_path / "nothing.wav", seconds=2)
    assert not take.marked
    assert not read_audio(take.path).samples.any()
    assert "too quiet" in caplog.text
    caplog.clear()


def test_the_command_says_who_made_it(folder: Path) -> None:
    code, said = run("detect", folder / "rain.wav")
    assert code == 0
    assert "marked: yes" in said
    assert "chance of error, model tiny, made 20" in said
    assert "in seconds 0-4.0 of 4.0" in said


def test_exit_codes_and_json_for_folders(folder: Path) -> None:
    code, said = run("detect", folder / "foreign.wav")
    assert (code, said.strip().endswith("marked: no")) == (3, True)
    code, said = run("detect", folder, "--json")
    assert code == 3
    rows = {Path(row["file"]).name: row for row in json.loads(said)}
    assert rows["rain.wav"]["marked"]
    assert rows["rain.wav"]["chance"] < 1e-9
    assert rows["rain.wav"]["model"] == "tiny"
    assert rows["rain.wav"]["spans"][0]["take"] == rows["rain.wav"]["take"]
    assert rows["clip.sound.mp4"]["marked"]
    assert not rows["foreign.wav"]["marked"]
    assert not rows["clip.mp4"]["marked"]


def test_all_media_of_a_folder_are_looked_at(tmp_path: Path) -> None:
    """Unreadable ones too: they are errors, each by its name, and a text is none."""
    named = [tmp_path / f"a{suffix}" for suffix in (*SOUND_SUFFIXES, *FILM_SUFFIXES)]
    for path in (*named, tmp_path / "notes.txt"):
        path.write_bytes(b"no media at all")
    code, said = run("detect", tmp_path)
    assert code == 1
    assert all(path.name in said for path in named)
    assert "notes.txt" not in said


def test_what_cannot_be_read_is_an_error(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all")
    code, _ = run("detect", broken, folder / "rain.wav")
    assert code == 1
    code, said = run("detect", tmp_path / "missing.wav")
    assert code == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    code, said = run("detect", empty)
    assert code == 1
    assert "holds no video or sound" in said
    with pytest.raises(InputError):
        detect(broken)


@pytest.mark.parametrize("path", [None, 3, b"x", ["a.wav"], "a\0b", "\ud800.wav"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(OptionError, match="the file"):
        detect(path)


@pytest.mark.parametrize("keys", [None, "my.key", b"x", 3])
def test_keys_are_a_list(folder: Path, keys: Any) -> None:
    with pytest.raises(OptionError, match="give a list of key files"):
        detect(folder / "rain.wav", keys)
    with pytest.raises(OptionError, match="the key is 3"):
        detect(folder / "rain.wav", [3])  # type: ignore[list-item]
