"""The README is true: its commands run, its library example runs, its option table is the one in the code."""

import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clips import even_times, make_clip, tiny_film
from phonofilm.cli.main import app
from phonofilm.settings import AddOptions, option_table

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("phonofilm")
]


def table() -> str:
    rows = [("option", "default", "what it does"), ("---", "---", "---"), *option_table(AddOptions)]
    return "\n".join(
        "| " + " | ".join(f"`{c}`" if c.startswith("--") and c != "---" else c for c in row) + " |" for row in rows
    )


def test_the_option_table_is_made_from_the_code() -> None:
    written = TEXT.split("tests/test_readme.py -->\n")[1].split("\n<!-- /options -->")[0]
    assert written == table(), "replace the table in README.md by:\n" + table()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_there_are_commands_to_try() -> None:
    assert len(COMMANDS) >= 10


ALWAYS = ("phonofilm add clip.mp4", "phonofilm spot clip.mp4", "phonofilm models")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=() if command in ALWAYS else pytest.mark.thorough)
        for command in COMMANDS
        if "evaluate" not in command and "simulate" not in command
    ],
)
def test_commands_run_as_written(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clip.mp4", "one.mp4", "two.mp4"):
        if not (folder / name).exists():
            make_clip(folder / name, even_times(60, Fraction(12)), sound="click", rate_hz=Fraction(12))
    if "--redo" in command and not (folder / "clip.sound.mp4").exists():
        tiny_film().add_sound(folder / "clip.mp4")
    if not (folder / "cues.json").exists():
        (folder / "cues.json").write_text(tiny_film().spot(folder / "clip.mp4").to_json())
    monkeypatch.chdir(folder)
    words = shlex.split(command)[1:]
    if words[0] in ("add", "make"):
        # The tests' own model: the README's takes longer, and .ci/run tries that one.
        words += ["--model", "tiny"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output


@pytest.mark.thorough
def test_the_library_example_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (folder / "clip.mp4").exists():
        make_clip(folder / "clip.mp4", sound="click")
    monkeypatch.chdir(folder)
    example = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]
    exec(compile(example.replace('"mini"', '"tiny"'), "README.md", "exec"), {})
    assert len(list(folder.glob("clip.sound.[123].mp4"))) == 3
