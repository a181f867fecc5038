"""What the server is told when it starts."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import OptionError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")
"""What an address and a cookie hold as it is; fewer characters are guessed."""


def default_folder() -> Path:
    """Where projects are kept (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".local" / "share") / "phonofilm" / "studio"


@dataclass(frozen=True)
class StudioConfig:
    """Where the server listens, what it keeps where, and its limits. Raises OptionError on what cannot be meant.

    token: what whoever connects must know, "" for nothing, which only loopback may have. longest_s: of an uploaded
    clip, in seconds. most_bytes: of an uploaded file. most_waiting: jobs that are queued at once. weights_dir: of
    models that are not in the package.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 7860
    model: str = "mini"
    device: str = "auto"
    token: str = ""
    longest_s: float = 600.0
    most_bytes: int = 2_000_000_000
    most_waiting: int = 100
    weights_dir: Path | None = None

    def __post_init__(self) -> None:
        if not self.is_loopback and not self.token:
            raise OptionError(
                f"--host {self.host} can be reached from other computers; add --token with a secret of your own, or "
                "leave --host out"
            )
        if self.token and not TOKEN.fullmatch(self.token):
            raise OptionError("--token must be 8 to 200 letters, digits, dots and dashes; make one with 'uuidgen'")
        if not 0 < self.longest_s <= 12 * 3600:
            raise OptionError(f"--max-duration is {self.longest_s:g}; give seconds from 1 to 43200")
        if self.most_bytes < 1_000_000:
            raise OptionError(f"--max-upload-mb is {self.most_bytes // 1_000_000}; give at least 1")

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this computer can connect."""
        return self.host in LOOPBACK or (_is_address(self.host) and ipaddress.ip_address(self.host).is_loopback)

    def answers_to(self, name: str) -> bool:
        """Whether a request may call the server by this name: one that it was told, or that nobody can make up.

        A page of another site can reach this computer under a name of its own that it lets point here (DNS rebinding);
        it cannot do so under a number.
        """
        if name in (*LOOPBACK, self.host.lower()):
            return True
        if self.is_loopback:
            return False
        here = socket.gethostname().lower()
        return _is_address(name) or name in (here, here.partition(".")[0], f"{here}.local")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
