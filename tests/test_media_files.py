"""What cannot be written: the operating system's own reason, before any work, and never a full disk that is none."""

import errno
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from clips import make_clip, tiny_film
from phonofilm.disk import disk_is_full
from phonofilm.errors import OutputError
from phonofilm.media.audio import write_audio
from phonofilm.media.files import check_writable, replacing, write_text
from phonofilm.types import Waveform

SPACE = "free some space"
PROC = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that keeps nothing")
ERRORS = [(errno.EACCES, False), (errno.EROFS, False), (errno.ENOENT, False), (errno.ENOSPC, True)]
ERRORS += [(errno.EDQUOT, True)]


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is on a full disk, and on every disc that can only be read."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=700_000_000, free=0))


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize(("code", "full"), ERRORS)
def test_the_reason_is_that_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, full: bool
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(OutputError) as late, replacing(tmp_path / "a.txt"):
        refuse()
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert disk_is_full(tmp_path) == full
    with pytest.raises(OutputError) as early:
        check_writable(tmp_path / "a.txt")
    for caught in (early, late):
        assert os.strerror(code) in str(caught.value)
        assert (SPACE in str(caught.value)) == full
    assert not list(tmp_path.iterdir())


def test_checking_leaves_nothing_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    check_writable(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


@PROC
def test_a_folder_that_keeps_nothing_is_not_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs this: even the administrator can make no file there, and 0 bytes are free."""
    assert not disk_is_full(Path("/proc"))
    clip, film = make_clip(tmp_path / "clip.mp4"), tiny_film()
    monkeypatch.setattr("phonofilm.scenes.mini.stream_frames", lambda *_, **__: pytest.fail("the clip was looked at"))
    tries = (
        lambda: film.add_sound(clip, "/proc/a.mp4"),
        lambda: film.add_sound(clip, "/proc/a.wav", audio_only=True),
        lambda: film.make("rain", "/proc/a.flac", seconds=1),
        lambda: write_text("words", Path("/proc/a.json")),
    )
    for attempt in tries:
        with pytest.raises(OutputError, match=r"/proc may not be written to \(.+\); choose another folder") as caught:
            attempt()
        assert SPACE not in str(caught.value)


@pytest.mark.usefixtures("no_room")
def test_where_a_library_does_not_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile calls every failure of the system "System error."."""

    def fails(*_: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr("phonofilm.media.audio._write_blocks", fails)
    with pytest.raises(OutputError, match=r"the disk is full\); free some space"):
        write_audio(Waveform(np.zeros((1, 100), np.float32), 44_100), tmp_path / "a.wav")
