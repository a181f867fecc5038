"""Where results go: by default, by name, and never over what somebody else made."""

import logging
import os
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from clips import even_times, make_clip, tiny_film
from phonofilm.cli import main as cli
from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import MediaError, OutputError
from phonofilm.layers import Band
from phonofilm.media.audio import made_here
from phonofilm.media.files import check_writable
from phonofilm.media.probe import probe
from phonofilm.outputs import default_path, destination, take_paths
from phonofilm.pipeline import Phonofilm
from phonofilm.score.mood import read_mood
from phonofilm.types import ClipInfo

WORD = "sound"


def output_paths(clip: ClipInfo, output: Path | None, audio_only: bool, takes: int) -> list[Path]:
    return take_paths(clip, destination(clip, output, audio_only, WORD), audio_only, takes)


def clip_called(path: Path, codec: str = "libx264", kind: str = ".mp4") -> ClipInfo:
    """A clip under any name."""
    made = make_clip(path.with_name(f"made{kind}"), even_times(5, Fraction(25)), codec=codec)
    return probe(made.rename(path))


@pytest.mark.parametrize(
    ("name", "film", "sound"),
    [
        ("clip.mp4", "clip.sound.mp4", "clip.sound.wav"),
        ("a.b.MP4", "a.b.sound.MP4", "a.b.sound.wav"),
        ("film", "film.sound.mkv", "film.sound.wav"),
        ("Scene 1.5 final", "Scene 1.5 final.sound.mkv", "Scene 1.5 final.sound.wav"),
        ("clip.mxf", "clip.sound.mkv", "clip.sound.wav"),
        ("talk.wav", "talk.sound.mkv", "talk.sound.wav"),
    ],
)
def test_names_by_default(tmp_path: Path, name: str, film: str, sound: str) -> None:
    clip = clip_called(tmp_path / name)
    assert output_paths(clip, None, False, 1) == [tmp_path / film]
    assert output_paths(clip, None, True, 1) == [tmp_path / sound]
    assert default_path(clip, True, WORD, tmp_path / "other") == tmp_path / "other" / sound
    numbered = output_paths(clip, None, False, 2)
    assert [path.name for path in numbered] == [f"{Path(film).stem}.{k}{Path(film).suffix}" for k in (1, 2)]


def test_an_earlier_result_is_replaced_by_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = clip_called(tmp_path / "film")
    tiny_film().add_sound(tmp_path / "film")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert output_paths(clip, None, False, 1) == [tmp_path / "film.sound.mkv"]
    assert "writing" in caplog.text


@pytest.mark.parametrize("asked", ["precious.xyz", "precious.xyz.mpg", "precious.xyz.gif"])
@pytest.mark.parametrize("takes", [1, 2])
def test_what_nobody_named_is_not_replaced(tmp_path: Path, asked: str, takes: int) -> None:
    clip = clip_called(tmp_path / "clip.mp4")
    paths = output_paths(clip, tmp_path / asked, False, takes)
    assert paths[0].name == ("precious.xyz.mkv" if takes == 1 else "precious.xyz.1.mkv")
    paths[-1].write_text("dear to somebody")
    with pytest.raises(OutputError, match=r"precious\.xyz.* is there already; name .*precious\.xyz\.mkv as the output"):
        output_paths(clip, tmp_path / asked, False, takes)
    assert output_paths(clip, tmp_path / "precious.xyz.mkv", False, takes) == paths


def test_a_film_that_cannot_be_written_is_refused_before_anything_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_called(tmp_path / "a.mp4")

    def look(*_: object, **__: object) -> None:
        raise AssertionError("the clip was looked at")

    monkeypatch.setattr("phonofilm.scenes.mini.stream_frames", look)
    with pytest.raises(OutputError, match=r"\(audio-only\)"):
        tiny_film().add_sound(clip.path, tmp_path / "b.wav")
    with pytest.raises(AssertionError, match="looked at"):
        tiny_film().add_sound(clip.path, audio_only=True)
    with pytest.raises(MediaError, match="does not exist"):
        tiny_film().add_sound(tmp_path / "no.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_destination_is_found_without_its_folder(tmp_path: Path) -> None:
    clip = clip_called(tmp_path / "a.mpg")
    goal = destination(clip, None, False, WORD, tmp_path / "not yet")
    assert (goal.named.name, goal.path.name, goal.asked) == ("a.sound.mpg", "a.sound.mkv", False)


@pytest.mark.parametrize("length", [245, 300])
def test_a_name_that_is_too_long_is_told_before_anything_is_made(tmp_path: Path, length: int) -> None:
    """245 bytes fit, but not with what is added to the name of a file that is being written."""
    with pytest.raises(OutputError, match=r"File name too long\); give a shorter name"):
        check_writable(tmp_path / ("x" * length + ".mp4"))


@pytest.mark.thorough
@pytest.mark.parametrize(("audio_only", "name"), [(False, ""), (False, "effects"), (False, "mix"), (True, "")])
def test_a_default_name_takes_nothing_that_others_made(tmp_path: Path, audio_only: bool, name: str) -> None:
    film, clip = tiny_film(), make_clip(tmp_path / "clip.mp4")
    for _ in range(2):  # what we have made is replaced
        (take,) = film.add_sound(clip, stems=True, audio_only=audio_only)
    path = take.stems[name] if name else take.path
    path.write_bytes(b"dear to somebody")
    with pytest.raises(
        OutputError, match=f"{path.name} is there already and was not made here; move it away, or name another output"
    ):
        film.add_sound(clip, stems=True, audio_only=audio_only)
    assert path.read_bytes() == b"dear to somebody"
    film.add_sound(clip, take.path, stems=True, audio_only=audio_only)
    assert path.read_bytes() != b"dear to somebody"


@pytest.mark.parametrize("kind", [".mp4", ".mov", ".mkv"])
def test_what_we_made_is_known_in_every_container(tmp_path: Path, kind: str) -> None:
    (take,) = tiny_film().add_sound(make_clip(tmp_path / "clip.mp4"), tmp_path / f"made{kind}")
    assert made_here(take.path)
    assert not made_here(tmp_path / "clip.mp4")


DEAR = b"dear to somebody"
LINES = "ANNA: So.\n"


def never(*_: object, **__: object) -> None:
    raise AssertionError("work was begun")


def in_the_way(path: Path) -> Path:
    path.write_bytes(DEAR)
    return path


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("music.wav", {"music": "slow piano"}),
        ("music.mid", {"music": "slow piano"}),
        ("music.wav", {"prompt": "thriller music, footsteps on concrete"}),
        ("dialogue.wav", {"dialogue": "lines.txt"}),
        ("original.wav", {"keep_original": True}),
        ("effects.wav", {"timeline": "clip.otio"}),
    ],
)
@pytest.mark.parametrize("by", ["call", "verb"])
def test_no_layer_takes_the_place_of_what_others_made(
    tmp_path: Path,
    layer: str,
    options: dict[str, Any],
    by: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    film, clip = tiny_film(), make_clip(tmp_path / "clip.mp4", sound="click")
    (tmp_path / "lines.txt").write_text(LINES)
    options = {k: str(tmp_path / v) if k in ("dialogue", "timeline") else v for k, v in options.items()}
    path, before = in_the_way(tmp_path / f"clip.sound.{layer}"), sorted(tmp_path.iterdir())
    monkeypatch.setattr("phonofilm.scenes.mini.stream_frames", never)
    if by == "call":
        with pytest.raises(OutputError) as caught:
            film.add_sound(clip, stems=True, **options)
        said = str(caught.value)
    else:
        monkeypatch.setattr(Phonofilm, "load", staticmethod(lambda *_, **__: film))
        words = [[f"--{k.replace('_', '-')}", *([] if v is True else [v])] for k, v in options.items()]
        monkeypatch.setattr("sys.argv", ["phonofilm", "add", str(clip), "--stems", *chain(*words)])
        monkeypatch.setattr("phonofilm.cli.sound.start_logging", lambda _: None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
        said = capsys.readouterr().err
    assert f"{path} is there already" in said
    assert "move it away, or name another output (-o)" in said
    assert path.read_bytes() == DEAR
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(AssertionError, match="begun"):
        film.add_sound(clip, tmp_path / "clip.sound.mp4", stems=True, **options)  # somebody named it


@pytest.mark.thorough
def test_notes_that_somebody_works_on_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, clip = tiny_film(), make_clip(tmp_path / "clip.mp4", even_times(72, Fraction(24)), rate_hz=Fraction(24))
    for _ in range(2):  # what we have made is replaced
        (take,) = film.add_sound(clip, stems=True, music="slow piano")
    notes = take.stems["music"].with_suffix(".mid")
    later_s = notes.stat().st_mtime + 3600
    os.utime(notes, (later_s, later_s))
    monkeypatch.setattr("phonofilm.scenes.mini.stream_frames", never)
    with pytest.raises(OutputError, match=rf"{notes.name} is there already and was made or changed by others; move it"):
        film.add_sound(clip, stems=True, music="slow piano")


@pytest.mark.thorough
def test_music_of_an_instrument_that_is_seen_takes_no_place_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the picture tells that there will be some."""
    film, clip = tiny_film(), make_clip(tmp_path / "clip.mp4")
    path = in_the_way(tmp_path / "clip.sound.music.wav")
    mood = read_mood("solo piano", SentenceEncoder.load())
    monkeypatch.setattr(Band, "joined", lambda self, *_: replace(self, mood=mood))
    monkeypatch.setattr("phonofilm.pipeline.draw", never)
    with pytest.raises(OutputError, match=r"clip\.sound\.music\.wav is there already and was not made here"):
        film.add_sound(clip, stems=True)
    assert path.read_bytes() == DEAR
    with pytest.raises(AssertionError, match="begun"):
        film.add_sound(clip)  # without stems there is no such layer


@pytest.mark.thorough
@pytest.mark.parametrize("takes", [1, 2])
def test_make_replaces_by_default_what_was_made_here(
    tmp_path: Path, takes: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Phonofilm, "load", staticmethod(lambda *_, **__: tiny_film()))
    monkeypatch.setattr("phonofilm.cli.sound.start_logging", lambda _: None)

    def make(*words: str) -> int:
        monkeypatch.setattr(
            "sys.argv", ["phonofilm", "make", "rain", "--seconds", "0.5", "--takes", str(takes), *words]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    name = "sound.wav" if takes == 1 else "sound.2.wav"
    assert make() == make() == 0
    in_the_way(Path(name))
    monkeypatch.setattr(Phonofilm, "load", never)
    assert make() == 1
    assert f"{name} is there already and was not made here; move it away" in capsys.readouterr().err
    assert Path(name).read_bytes() == DEAR
    monkeypatch.setattr(Phonofilm, "load", staticmethod(lambda *_, **__: tiny_film()))
    assert make("-o", "sound.wav") == 0
    assert Path(name).read_bytes() != DEAR
