"""`phonofilm studio` as a command: what it refuses, what it prints, how it ends."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from phonofilm.cli import main as cli
from phonofilm.cli import studio


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["phonofilm", "studio", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
    told = capsys.readouterr()
    assert end.value.code == 1
    assert not told.out
    assert told.err.startswith("phonofilm: ")
    assert told.err.count("\n") == 1
    return told.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "0.0.0.0"], "add --token"),
        (["--token", "short"], "8 to 200"),
        (["--max-duration", "0"], "seconds from 1"),
        (["--max-upload-mb", "0"], "at least 1"),
        (["--model", "nonesuch"], "nonesuch"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], told: str
) -> None:
    assert told in refused(capsys, "--folder", str(tmp_path / "p"), *words)
    assert not (tmp_path / "p").exists()


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"port {port} is taken" in refused(capsys, "--folder", str(tmp_path), "--port", port)


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "find_spec", lambda name: None)
    assert "pip install 'phonofilm[studio]'" in refused(capsys)


@pytest.mark.thorough
def test_it_says_where_it_is_and_ends_quietly(tmp_path: Path) -> None:
    words = ["studio", "--port", "0", "--model", "tiny", "--folder", str(tmp_path / "p"), "--token", "a-long-secret"]
    with subprocess.Popen(
        [sys.executable, "-m", "phonofilm", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        found = re.search(r"(http://\S+/)\?token=(\S+) \(projects in (.+)\)", server.stdout.readline())
        assert found
        assert found[3] == str(tmp_path / "p")
        asked = urllib.request.Request(f"{found[1]}api/v1/health", headers={"Authorization": f"Bearer {found[2]}"})
        with urllib.request.urlopen(asked, timeout=300) as answer:
            assert json.load(answer)["status"] == "ok"
        server.send_signal(signal.SIGTERM)
        assert server.wait(300) in (0, -signal.SIGTERM)
        assert not server.stderr.read()
