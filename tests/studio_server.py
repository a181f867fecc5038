"""`phonofilm studio` as a process of its own, and its API as a program uses it."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any


class Server:
    """A server in a folder that outlives it. words: more of the command."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder, self.words = folder, words
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "phonofilm", "studio", "--port", "0", "--folder", str(self.folder)]
        self.process = subprocess.Popen([*command, *self.words], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+/", line)
        assert found, f"the server says where it listens, not {line!r}"
        self.address = found[0]

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(300)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            assert self.end() in (0, -signal.SIGTERM)

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """The answer as JSON; with a body, to a POST."""
        request = urllib.request.Request(f"{self.address}api/v1{path}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def upload(self, clip: Path) -> str:
        """The name of a new project."""
        head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n'
        body = head + clip.read_bytes() + b"\r\n--part--\r\n"
        return str(self.ask("/projects", body, "multipart/form-data; boundary=part")["id"])
