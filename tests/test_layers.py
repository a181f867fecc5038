"""Dialogue beside the effects, through the whole pipeline."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from clips import even_times, make_clip, tiny_film
from phonofilm.cli.main import app
from phonofilm.detection import detect
from phonofilm.errors import InputError, MissingExtraError, OptionError
from phonofilm.media.audio import read_audio
from phonofilm.mix.stems import DIALOGUE, EFFECTS, MUSIC
from phonofilm.pipeline import Phonofilm

pytest.importorskip("espeakng_loader")
pytest.importorskip("cv2")

SECONDS = 4


@pytest.fixture(scope="module")
def film() -> Phonofilm:
    return tiny_film()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", times_s=even_times(SECONDS * 25, Fraction(25)))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("[00:00.5 - 00:01.6] ANNA: Where have you been?\n[00:02.2 - 00:03.4] BEN: Nowhere at all.\n")
    return path


def test_lines_are_heard_at_their_times_and_stems_add_up(clip: Path, film: Phonofilm, script: Path) -> None:
    (take,) = film.add_sound(clip, dialogue=script, voices="BEN=f2", stems=True)
    assert take.extras is not None
    assert take.extras.dialogue is not None
    assert [line.line.speaker for line in take.extras.dialogue.lines] == ["ANNA", "BEN"]
    assert take.extras.dialogue.lines[1].voice == "f2"
    assert sorted(take.stems) == [DIALOGUE, EFFECTS]
    layers = {name: read_audio(path) for name, path in take.stems.items()}
    total = sum(layer.samples for layer in layers.values())
    assert np.abs(total - take.sound.samples).max() < 1e-5
    words = layers[DIALOGUE]
    level = np.abs(words.samples).max(0)
    for first, end, heard in [(0, 0.45, False), (0.5, 1.6, True), (1.75, 2.15, False), (2.2, 3.4, True)]:
        piece = level[round(first * words.rate_hz) : round(end * words.rate_hz)]
        assert (piece.max() > 0.05) == heard, (first, end)
    assert detect(take.path).marked


def test_musical_words_of_a_prompt_are_composed_and_the_rest_is_effects(clip: Path, film: Phonofilm) -> None:
    pytest.importorskip("pretty_midi")
    (take,) = film.add_sound(clip, prompt="thriller, tension, music, footsteps on concrete", stems=True)
    assert take.extras is not None
    assert take.extras.reading.effects == ("footsteps on concrete",)
    assert take.extras.score is not None
    assert take.extras.score.style == "thriller"
    assert sorted(take.stems) == [EFFECTS, MUSIC]
    layers = [read_audio(path).samples for path in take.stems.values()]
    assert np.abs(sum(layers) - take.sound.samples).max() < 1e-5
    assert take.stems[MUSIC].with_suffix(".mid").read_bytes()[:4] == b"MThd"
    (other,) = film.add_sound(clip, clip.with_name("other.mp4"), music="solo piano", seed=1, mono=True)
    assert other.extras is not None
    assert other.extras.music is not None
    assert other.extras.music.samples.shape[1] == other.sound.samples.shape[1]


@pytest.mark.parametrize("options", [{"music": "none"}, {"negative": "music, speech"}, {}])
def test_no_music_where_it_is_forbidden_or_not_asked_for(clip: Path, film: Phonofilm, options: dict[str, str]) -> None:
    prompt = "rain on a tin roof" if not options else "thriller, rain on a tin roof"
    (take,) = film.add_sound(clip, prompt=prompt, **options)  # type: ignore[arg-type]
    assert take.extras is not None
    assert take.extras.music is None
    assert "rain on a tin roof" in take.extras.reading.effects_words


def test_without_the_sound_font_music_words_are_left_out_with_a_warning(
    clip: Path, film: Phonofilm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> Path:
        raise MissingExtraError("pip install it")

    monkeypatch.setattr("phonofilm.layers.font_path", missing)
    (take,) = film.add_sound(clip, prompt="thriller music, rain")
    assert take.extras is not None
    assert take.extras.music is None
    assert "there is no music" in caplog.text
    caplog.clear()
    with pytest.raises(MissingExtraError):
        film.add_sound(clip, music="thriller")


def test_without_a_transcript_nobody_speaks(clip: Path, film: Phonofilm) -> None:
    (take,) = film.add_sound(clip, stems=True)
    assert take.extras is not None
    assert take.extras.dialogue is None
    assert take.extras.music is None
    assert list(take.stems) == [EFFECTS]
    assert np.allclose(read_audio(take.stems[EFFECTS]).samples, take.sound.samples, atol=1e-6)


def test_the_command_reports_lines(clip: Path, script: Path) -> None:
    arguments = ["add", str(clip), "--model", "tiny", "--dialogue", str(script), "--stems", "--audio-only", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (made,) = json.loads(result.stdout)[0]["takes"]
    assert [line["text"] for line in made["dialogue"]["lines"]] == ["Where have you been?", "Nowhere at all."]
    assert made["dialogue"]["lines"][0]["fit"] is None
    assert made["stems"][DIALOGUE].endswith("clip.sound.dialogue.wav")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"voices": "ANNA=f2"}, "without --dialogue"),
        ({"voices": "ANNA"}, "without --dialogue"),
        ({"dialogue": "missing.srt"}, "missing.srt"),
        ({"dialogue": "SCRIPT", "voice_engine": "robot"}, "robot"),
        ({"dialogue": "SCRIPT", "voices": "CARL=f2"}, "CARL"),
        ({"dialogue": "SCRIPT", "redo": [(1.0, 2.0)]}, "--redo"),
        ({"music": "piano", "redo": [(1.0, 2.0)]}, "--redo"),
        ({"music": "none, piano"}, "forbids music"),
    ],
)
def test_what_cannot_be_spoken_is_an_error_and_leaves_nothing(
    clip: Path, film: Phonofilm, script: Path, options: dict[str, object], said: str
) -> None:
    chosen = {name: script if value == "SCRIPT" else value for name, value in options.items()}
    with pytest.raises((OptionError, InputError), match=said):
        film.add_sound(clip, **chosen)  # type: ignore[arg-type]
    assert sorted(path.name for path in clip.parent.iterdir()) == ["clip.mp4", "lines.txt"]
