"""What encoders made of a clip or a prompt, kept on disk: a further take, or another prompt, costs only the sampling.

An entry is named by a hash of everything that it was made from: the bytes of the clip or the words, the weights, and
the precision. The least recently used entries go when the folder grows over its limit. Losing an entry loses nothing
but time, so trouble with the folder is logged and never stops a job.
"""

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

logger = logging.getLogger(__name__)

FORMAT = 1
"""To be raised when the same inputs give other features, so that old entries are no longer found."""
LIMIT_BYTES = 1 << 30
"""A gigabyte holds about 1,000 clips of 8 s."""


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FeatureCache:
    """Tensors by what they were made from."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes

    def get(self, made_from: tuple[str, ...]) -> dict[str, Tensor] | None:
        """The tensors, or None where there are none or they cannot be read."""
        path = self._path(made_from)
        try:
            with safe_open(path, "pt") as file:
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            os.utime(path)  # the youngest of all when room has to be made
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as error:
            logger.warning("features %s cannot be read (%s); they are made again", path, error)
            return None
        return found

    def put(self, made_from: tuple[str, ...], tensors: dict[str, Tensor]) -> None:
        """Keep tensors; visible only when whole."""
        path = self._path(made_from)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=self._folder, suffix=".partial")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(save({name: value.contiguous() for name, value in tensors.items()}))
                os.replace(partial, path)
            except BaseException:
                Path(partial).unlink(missing_ok=True)
                raise
            self._make_room(path)
        except OSError as error:
            logger.warning("features cannot be kept in %s (%s)", self._folder, error)

    def _path(self, made_from: tuple[str, ...]) -> Path:
        name = hashlib.sha256(json.dumps([FORMAT, *made_from]).encode()).hexdigest()[:40]
        return self._folder / f"{name}.safetensors"

    def _make_room(self, newest: Path) -> None:
        entries = [(path, path.stat()) for path in self._folder.glob("*.safetensors")]
        total = sum(status.st_size for _, status in entries)
        for path, status in sorted(entries, key=lambda entry: entry[1].st_mtime_ns):
            if total <= self._limit_bytes:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= status.st_size
