"""Dialogue beside the effects, through the whole pipeline."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from clips import even_times, make_clip, tiny_film
from phonofilm.cli.main import app
from phonofilm.cues import Cue
from phonofilm.detection import detect
from phonofilm.errors import InputError, MissingExtraError, OptionError
from phonofilm.layers import book
from phonofilm.media.audio import read_audio
from phonofilm.mix.layer_names import DIALOGUE, EFFECTS, MUSIC
from phonofilm.mix.loudness import integrated_lufs
from phonofilm.outputs import MIX
from phonofilm.pipeline import Phonofilm, Take
from phonofilm.scenes.guide import Sight
from phonofilm.scenes.mini import SOUND_LAG_S
from phonofilm.settings import AddOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import ClipInfo, Progress

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


@pytest.mark.thorough
def test_lines_are_heard_at_their_times_and_stems_add_up(clip: Path, film: Phonofilm, script: Path) -> None:
    (take,) = film.add_sound(clip, dialogue=script, voices="BEN=f2", stems=True)
    assert take.extras is not None
    assert take.extras.dialogue is not None
    assert [line.line.speaker for line in take.extras.dialogue.lines] == ["ANNA", "BEN"]
    assert take.extras.dialogue.lines[1].voice == "f2"
    assert sorted(take.stems) == [DIALOGUE, EFFECTS, MIX]
    layers = {name: read_audio(path) for name, path in take.stems.items()}
    assert np.abs(layers.pop(MIX).samples - take.sound.samples).max() < 1e-5
    total = sum(layer.samples for layer in layers.values())
    assert np.abs(total - take.sound.samples).max() < 1e-5
    words = layers[DIALOGUE]
    level = np.abs(words.samples).max(0)
    for first, end, heard in [(0, 0.45, False), (0.5, 1.6, True), (1.75, 2.15, False), (2.2, 3.4, True)]:
        piece = level[round(first * words.rate_hz) : round(end * words.rate_hz)]
        assert (piece.max() > 0.05) == heard, (first, end)
    assert detect(take.path).marked


@pytest.mark.thorough
def test_musical_words_of_a_prompt_are_composed_and_the_rest_is_effects(clip: Path, film: Phonofilm) -> None:
    pytest.importorskip("pretty_midi")
    (take,) = film.add_sound(clip, prompt="thriller, tension, music, footsteps on concrete", stems=True)
    assert take.extras is not None
    assert take.extras.reading.effects == ("footsteps on concrete",)
    assert take.extras.score is not None
    assert take.extras.score.style == "thriller"
    assert sorted(take.stems) == [EFFECTS, MIX, MUSIC]
    layers = [read_audio(take.stems[name]).samples for name in (EFFECTS, MUSIC)]
    assert np.abs(sum(layers) - take.sound.samples).max() < 1e-5
    assert take.stems[MUSIC].with_suffix(".mid").read_bytes()[:4] == b"MThd"
    (other,) = film.add_sound(clip, clip.with_name("other.mp4"), music="solo piano", seed=1, mono=True)
    assert other.extras is not None
    assert other.extras.music is not None
    assert other.extras.music.samples.shape[1] == other.sound.samples.shape[1]


@pytest.mark.thorough
@pytest.mark.parametrize("options", [{"music": "none"}, {"negative": "music, speech"}, {}])
def test_no_music_where_it_is_forbidden_or_not_asked_for(clip: Path, film: Phonofilm, options: dict[str, str]) -> None:
    prompt = "rain on a tin roof" if not options else "thriller, rain on a tin roof"
    (take,) = film.add_sound(clip, prompt=prompt, **options)  # type: ignore[arg-type]
    assert take.extras is not None
    assert take.extras.music is None
    assert "rain on a tin roof" in take.extras.reading.effects_words


def test_without_the_sound_font_the_effects_get_the_musical_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> Path:
        raise MissingExtraError("pip install it")

    monkeypatch.setattr("phonofilm.layers.font_path", missing)
    band = book(AddOptions(prompt="thriller music, rain"))
    assert band.mood is None
    assert (band.reading.music, band.effects_words) == ((), "thriller music, rain")
    (notice,) = caplog.messages
    assert "there is no music" in notice
    assert "\n" not in notice
    caplog.clear()
    for prompt, left in (("church bells", "church bells"), ("rain. no music please", "rain")):
        assert book(AddOptions(prompt=prompt)).effects_words == left
    assert not caplog.messages  # nothing of it was music
    with pytest.raises(MissingExtraError):
        book(AddOptions(music="thriller"))


SHORT_FRAMES = 8


@pytest.mark.thorough
def test_a_clip_too_short_for_music_has_none_and_the_effects_get_its_words(
    tmp_path: Path, film: Phonofilm, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pretty_midi")
    asked = []
    look_up = film._guide.seen_scene
    monkeypatch.setattr(
        film._guide,
        "seen_scene",
        lambda sight, chosen, *others: asked.append(chosen.prompt) or look_up(sight, chosen, *others),  # type: ignore[func-returns-value]
    )
    clip = make_clip(tmp_path / "clip.mp4", times_s=even_times(SHORT_FRAMES, Fraction(25)))
    (take,) = film.add_sound(clip, prompt="thriller music, rain")
    assert take.extras is not None
    assert take.extras.music is None
    (notice,) = [message for message in caplog.messages if "music" in message]
    assert "the clip is 0.32 s long" in notice
    assert take.extras.reading.effects == ("thriller music, rain",)
    assert asked == ["thriller music, rain"]
    with pytest.raises(OptionError, match=r"music for 0\.32 s was asked for"):
        film.add_sound(clip, prompt="rain", music="thriller")


@pytest.mark.thorough
def test_without_a_transcript_nobody_speaks(clip: Path, film: Phonofilm) -> None:
    (take,) = film.add_sound(clip, stems=True)
    assert take.extras is not None
    assert take.extras.dialogue is None
    assert take.extras.music is None
    assert list(take.stems) == [EFFECTS, MIX]
    assert np.allclose(read_audio(take.stems[EFFECTS]).samples, take.sound.samples, atol=1e-6)


@pytest.mark.thorough
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
        ({"voices": "ANNA=f2"}, "without dialogue"),
        ({"voices": "ANNA"}, "without dialogue"),
        ({"dialogue": "missing.srt"}, "missing.srt"),
        ({"dialogue": "SCRIPT", "voice_engine": "robot"}, "robot"),
        ({"dialogue": "SCRIPT", "voices": "CARL=f2"}, "CARL"),
        ({"dialogue": "SCRIPT", "redo": [(1.0, 2.0)]}, "leave dialogue and music out"),
        ({"music": "piano", "redo": [(1.0, 2.0)]}, "leave dialogue and music out"),
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


@pytest.fixture(scope="module")
def scored(film: Phonofilm, tmp_path_factory: pytest.TempPathFactory) -> Take:
    """A take with music and its stems."""
    pytest.importorskip("pretty_midi")
    path = make_clip(tmp_path_factory.mktemp("scored") / "clip.mp4", times_s=even_times(SECONDS * 25, Fraction(25)))
    (take,) = film.add_sound(path, music="solo piano, sad", stems=True)
    return take


def clip_of(take: Take) -> Path:
    return take.path.with_name("clip.mp4")


@pytest.mark.thorough
@pytest.mark.parametrize("stems", [False, True])
def test_a_span_made_anew_leaves_the_music_as_it_is(scored: Take, film: Phonofilm, stems: bool) -> None:
    output = scored.path.with_name(f"again{stems}.mp4")
    (again,) = film.add_sound(clip_of(scored), output, redo=[(1.0, 2.0)], seed=5, stems=stems)
    before, after = scored.sound, again.sound
    moved_s = np.flatnonzero(np.abs(after.samples - before.samples).max(0) > 1e-6) / before.rate_hz
    assert moved_s.size
    assert 0.9 <= moved_s.min() < moved_s.max() <= 2.1  # the span and its fades
    assert sorted(again.stems) == ([EFFECTS, MIX, MUSIC] if stems else [])
    if stems:
        old, new = (read_audio(take.stems[MUSIC]) for take in (scored, again))
        assert np.array_equal(old.samples, new.samples)
        layers = sum(read_audio(again.stems[name]).samples for name in (EFFECTS, MUSIC))
        assert np.abs(layers - read_audio(again.stems[MIX]).samples).max() < 1e-6
        notes = [take.stems[MUSIC].with_suffix(".mid").read_bytes() for take in (scored, again)]
        assert notes[0] == notes[1]


@pytest.mark.thorough
def test_effects_made_anew_from_end_to_end_keep_music_and_level(scored: Take, film: Phonofilm) -> None:
    (again,) = film.add_sound(
        clip_of(scored), scored.path.with_name("whole.mp4"), redo=[(0.0, SECONDS)], seed=5, stems=True
    )
    old, new = ({name: read_audio(path) for name, path in take.stems.items()} for take in (scored, again))
    assert np.array_equal(old[MUSIC].samples, new[MUSIC].samples)
    assert not np.allclose(old[EFFECTS].samples, new[EFFECTS].samples, atol=1e-3)
    assert integrated_lufs(new[EFFECTS]) == pytest.approx(integrated_lufs(old[EFFECTS]), abs=1.5)


@pytest.mark.thorough
def test_stems_of_another_take_are_told_from_those_of_this_one(
    clip: Path, film: Phonofilm, caplog: pytest.LogCaptureFixture
) -> None:
    film.add_sound(clip, stems=True)
    film.add_sound(clip, seed=9)  # its film replaces the first; the stems of the first still lie there
    film.add_sound(clip, redo=[(1.0, 2.0)])
    assert "not of this take" in caplog.text
    with pytest.raises(OptionError, match=r"make the take with stems"):
        film.add_sound(clip, redo=[(1.0, 2.0)], stems=True)


@pytest.mark.thorough
def test_cinema_brings_the_dialogue_to_its_level(clip: Path, film: Phonofilm, script: Path) -> None:
    (take,) = film.add_sound(clip, dialogue=script, stems=True, loudness="cinema")
    assert integrated_lufs(read_audio(take.stems[DIALOGUE])) == pytest.approx(-27, abs=0.5)


GUITARIST = {"label": "an acoustic guitar strummed", "kind": "music"}


@pytest.fixture
def guitarist(clip: Path, monkeypatch: pytest.MonkeyPatch) -> Phonofilm:
    """A film in which a guitar is seen to be plucked at 1, 2 and 3 s."""
    pytest.importorskip("pretty_midi")
    film = tiny_film()
    look = film._guide.look

    def seeing(clip: ClipInfo, watch: Stopwatch, progress: Progress) -> Sight:
        seen = look(clip, watch, progress)
        cues = tuple(Cue(time_s, time_s, 0.6, 0.4, "hit") for time_s in (1.0, 2.0, 3.0))
        return replace(seen, sheet=replace(seen.sheet, cues=cues), **GUITARIST)  # type: ignore[arg-type]

    monkeypatch.setattr(film._guide, "look", seeing)
    return film


@pytest.mark.thorough
def test_an_instrument_that_is_seen_is_played_when_it_is_plucked(clip: Path, guitarist: Phonofilm) -> None:
    (take,) = guitarist.add_sound(clip, stems=True)
    assert take.extras is not None
    assert take.extras.score is not None
    assert take.extras.score.instruments == ("steel guitar",)
    starts_s = sorted({round(note.start_s, 3) for note in take.extras.score.parts[0].notes})
    assert starts_s == pytest.approx([1 + SOUND_LAG_S, 2 + SOUND_LAG_S, 3 + SOUND_LAG_S])
    music, effects = (read_audio(take.stems[name]) for name in (MUSIC, EFFECTS))
    assert integrated_lufs(effects) < integrated_lufs(music) - 10  # a quiet room, and no guitar twice


@pytest.mark.thorough
@pytest.mark.parametrize("options", [{"music": "none"}, {"negative": "music"}, {"prompt": "rain"}])
def test_it_is_not_played_where_something_else_is_asked_for(
    clip: Path, guitarist: Phonofilm, options: dict[str, str]
) -> None:
    (take,) = guitarist.add_sound(clip, **options)  # type: ignore[arg-type]
    assert take.extras is not None
    assert take.extras.score is None


@pytest.mark.thorough
def test_words_that_name_the_instrument_set_its_mood(clip: Path, guitarist: Phonofilm) -> None:
    (take,) = guitarist.add_sound(clip, prompt="sad acoustic guitar")
    assert take.extras is not None
    assert take.extras.score is not None
    assert len({round(note.start_s, 1) for note in take.extras.score.parts[0].notes}) == 3
    (other,) = guitarist.add_sound(clip, music="solo piano")
    assert other.extras is not None
    assert other.extras.score is not None
    assert other.extras.score.style != "seen"
