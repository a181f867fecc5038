"""Where results go: by default, by name, and never over what somebody else made."""

import logging
from fractions import Fraction
from pathlib import Path

import pytest

from clips import even_times, make_clip, tiny_film
from phonofilm.errors import MediaError, OutputError
from phonofilm.media.audio import made_here
from phonofilm.media.files import check_writable
from phonofilm.media.probe import probe
from phonofilm.outputs import default_path, destination, output_paths
from phonofilm.types import ClipInfo

WORD = "sound"


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
    assert output_paths(clip, None, False, 1, WORD) == [tmp_path / film]
    assert output_paths(clip, None, True, 1, WORD) == [tmp_path / sound]
    assert default_path(clip, True, WORD, tmp_path / "other") == tmp_path / "other" / sound
    numbered = output_paths(clip, None, False, 2, WORD)
    assert [path.name for path in numbered] == [f"{Path(film).stem}.{k}{Path(film).suffix}" for k in (1, 2)]


def test_an_earlier_result_is_replaced_by_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = clip_called(tmp_path / "film")
    tiny_film().add_sound(tmp_path / "film")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert output_paths(clip, None, False, 1, WORD) == [tmp_path / "film.sound.mkv"]
    assert "writing" in caplog.text


@pytest.mark.parametrize("asked", ["precious.xyz", "precious.xyz.mpg", "precious.xyz.gif"])
@pytest.mark.parametrize("takes", [1, 2])
def test_what_nobody_named_is_not_replaced(tmp_path: Path, asked: str, takes: int) -> None:
    clip = clip_called(tmp_path / "clip.mp4")
    paths = output_paths(clip, tmp_path / asked, False, takes, WORD)
    assert paths[0].name == ("precious.xyz.mkv" if takes == 1 else "precious.xyz.1.mkv")
    paths[-1].write_text("dear to somebody")
    with pytest.raises(OutputError, match=r"precious\.xyz.* is there already; give -o .*precious\.xyz\.mkv"):
        output_paths(clip, tmp_path / asked, False, takes, WORD)
    assert output_paths(clip, tmp_path / "precious.xyz.mkv", False, takes, WORD) == paths


@pytest.mark.parametrize(("name", "codec", "kind"), [("a.apng", "apng", ".apng"), ("a.flv", "flashsv2", ".flv")])
def test_a_film_that_cannot_be_written_is_refused_before_anything_is_looked_at(
    tmp_path: Path, name: str, codec: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_called(tmp_path / name, codec, kind)

    def look(*_: object, **__: object) -> None:
        raise AssertionError("the clip was looked at")

    monkeypatch.setattr("phonofilm.scenes.mini.stream_frames", look)
    with pytest.raises(MediaError, match="--audio-only"):
        tiny_film().add_sound(clip.path)
    with pytest.raises(AssertionError, match="looked at"):
        tiny_film().add_sound(clip.path, audio_only=True)
    with pytest.raises(MediaError, match="does not exist"):
        tiny_film().add_sound(tmp_path / "no.mp4")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_destination_is_found_without_its_folder(tmp_path: Path) -> None:
    clip = clip_called(tmp_path / "a.mpg")
    goal = destination(clip, None, False, WORD, tmp_path / "not yet")
    assert (goal.named.name, goal.path.name, goal.asked) == ("a.sound.mpg", "a.sound.mkv", False)


@pytest.mark.parametrize("length", [245, 300])
def test_a_name_that_is_too_long_is_told_before_anything_is_made(tmp_path: Path, length: int) -> None:
    """245 bytes fit, but not with what is added to the name of a file that is being written."""
    with pytest.raises(OutputError, match=r"File name too long\); give a shorter name"):
        check_writable(tmp_path / ("x" * length + ".mp4"))


@pytest.mark.parametrize(("audio_only", "name"), [(False, ""), (False, "effects"), (False, "mix"), (True, "")])
def test_a_default_name_takes_nothing_that_others_made(tmp_path: Path, audio_only: bool, name: str) -> None:
    film, clip = tiny_film(), make_clip(tmp_path / "clip.mp4")
    for _ in range(2):  # what we have made is replaced
        (take,) = film.add_sound(clip, stems=True, audio_only=audio_only)
    path = take.stems[name] if name else take.path
    path.write_bytes(b"dear to somebody")
    with pytest.raises(OutputError, match=f"{path.name} is there already and was not made here; move it, or give -o"):
        film.add_sound(clip, stems=True, audio_only=audio_only)
    assert path.read_bytes() == b"dear to somebody"
    film.add_sound(clip, take.path, stems=True, audio_only=audio_only)
    assert path.read_bytes() != b"dear to somebody"


@pytest.mark.parametrize("kind", [".mp4", ".mov", ".mkv"])
def test_what_we_made_is_known_in_every_container(tmp_path: Path, kind: str) -> None:
    (take,) = tiny_film().add_sound(make_clip(tmp_path / "clip.mp4"), tmp_path / f"made{kind}")
    assert made_here(take.path)
    assert not made_here(tmp_path / "clip.mp4")
