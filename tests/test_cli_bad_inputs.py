"""What cannot be used is named once, in one line that says why, by every verb that reads it."""

import re
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import make_clip, tiny_film
from phonofilm.cli import main as cli
from phonofilm.errors import told_of
from phonofilm.media.audio import write_audio
from phonofilm.pipeline import Phonofilm
from phonofilm.types import Waveform

BAD = ("empty.mp4", "text.mp4", "folder.mp4", "missing.mp4", "sound.mp4")
VERBS = (
    "add {bad}",
    "add {bad} good.mp4 --out-dir made",
    "add good.mp4 --redo 0-0.5 --take {bad} -o x.mp4",
    "add good.mp4 --cues {bad} -o x.mp4",
    "add good.mp4 --dialogue {bad} -o x.mp4",
    "spot {bad}",
    "detect {bad}",
    "detect {bad} good.mp4",
    "evaluate sync {bad}",
    "evaluate sync {bad} heard.mp4",
    "evaluate official {bad} --reference reference",
    "evaluate official good.mp4 --reference {bad}",
    "evaluate official good.mp4 --reference . --captions {bad}",
    "models --weights-dir {bad}",
    "models pull {bad}",
    "train --sounds {bad} --run run",
)
USED = {("add good.mp4 --redo 0-0.5 --take {bad} -o x.mp4", "sound.mp4"), ("detect {bad}", "sound.mp4")}
USED |= {
    ("detect {bad} good.mp4", "sound.mp4"),
    ("detect {bad}", "folder.mp4"),
    ("detect {bad} good.mp4", "folder.mp4"),
}
USED |= {("models --weights-dir {bad}", name) for name in ("folder.mp4", "missing.mp4")}
USED |= {("add good.mp4 --dialogue {bad} -o x.mp4", "text.mp4")}
"""What can be used after all, or lacks something else."""
NAME = st.text("ab.é '\"/-", min_size=1).filter(lambda name: name.strip(" '\"") == name)


@given(name=NAME, text=st.text("xyz ,;:", min_size=1).map(str.strip))
def test_a_name_is_told_once(name: str, text: str) -> None:
    for said in (f"{name} {text}", f"the take {name}, {text}", f"two ({name}): {text}"):
        assert told_of(name, said) == said
    told = told_of(name, text)
    assert told == f"{name}: {text}"
    assert told_of(name, told) == told
    assert told_of("b.mp4", "ab.mp4 is bad") == "b.mp4: ab.mp4 is bad"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("A line of text, by no means a film.\n" * 9)
    (folder / "folder.mp4").mkdir()
    (folder / "reference").mkdir()
    write_audio(Waveform(np.full((1, 22_050), 0.01, np.float32), 44_100), folder / "a.wav")
    (folder / "a.wav").rename(folder / "sound.mp4")
    make_clip(folder / "good.mp4")
    make_clip(folder / "heard.mp4", sound="click")
    return folder


@pytest.mark.parametrize(("verb", "bad"), [case for case in product(VERBS, BAD) if case not in USED])
def test_every_verb_names_it_once(
    verb: str, bad: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Phonofilm, "load", staticmethod(lambda *_, **__: tiny_film()))
    for room in ("sound", "detect", "evaluate", "models", "workshop"):
        monkeypatch.setattr(f"phonofilm.cli.{room}.start_logging", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["phonofilm", *verb.format(bad=bad).split()])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr().err
    assert caught.value.code == 1
    assert said.startswith("phonofilm: ")
    assert said.count("\n") == 1
    assert len(re.findall(rf"(?<!\w){re.escape(bad)}(?!\w)", said)) == 1, said
