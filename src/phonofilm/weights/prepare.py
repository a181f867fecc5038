"""Published weights made ready once: folded, in the dtype they are used in, and then mapped from disk at every start.

A prepared file is named by what it was made from, so that another source or another release of Phonofilm makes its own.
It is written piece by piece, so that a network need not be in memory twice while it is made ready.
"""

import errno
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from phonofilm.errors import ModelError

logger = logging.getLogger(__name__)

FORMAT = 2
"""To be raised when the same source is prepared into other numbers."""
DTYPE_NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
STORED_AS = {torch.float32: "F32", torch.bfloat16: "BF16"}
HEADER_BYTES = (1 << 18) - 8
"""Room kept for the header, which is written last and filled up with spaces: three times that of the largest network.
The numbers begin on a whole page."""
FILLER = "__filler"
"""Entries of this name keep float32 on whole fours of bytes, as mapping needs it."""
FORGOTTEN_S = 3600.0
"""A partial file that nobody has written to for so long was left by a process that was killed."""


def prepared_path(folder: Path, part: str, source: Path, dtype: torch.dtype) -> Path:
    """Where the prepared part of a source lies, whether it is there or not. Raises ModelError."""
    try:
        status = source.stat()
    except OSError as error:
        raise ModelError(f"{source} cannot be read ({error.strerror}); run 'phonofilm models pull' again") from error
    made_from = f"{FORMAT}:{source.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:16]
    return folder / f"{source.stem}-{part}-{DTYPE_NAMES[dtype]}-{digest}.safetensors"


def prepared(path: Path, make: Callable[[], Iterable[dict[str, Tensor]]], device: torch.device) -> dict[str, Tensor]:
    """The state in a prepared file, mapped from disk; made first where it is not there or cannot be read.

    `make` gives the state in pieces, float32 or bfloat16; each is written before the next is asked for. Raises
    ModelError when `make` does, or when the file cannot be written; then nothing is left of it.
    """
    state = _read(path, device)
    if state is None:
        logger.info("preparing %s, once", path.name)
        _write(make(), path)
        state = _read(path, device)
        if state is None:
            raise ModelError(f"{path} cannot be read right after it was written; look at the disk")
    return state


def _read(path: Path, device: torch.device) -> dict[str, Tensor] | None:
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            keys = [key for key in file.keys() if not key.startswith(FILLER)]  # noqa: SIM118 (not a mapping)
            return {key: file.get_tensor(key) for key in keys}
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        logger.warning("%s cannot be read (%s); it is made again", path, error)
        return None


def _write(pieces: Iterable[dict[str, Tensor]], path: Path) -> None:
    """Visible only when whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget(path)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as out:
                _write_pieces(pieces, out)
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        room = "make room there, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise ModelError(
            f"prepared weights cannot be written to {path.parent} ({error.strerror or error}); {room}choose another "
            "folder with PHONOFILM_CACHE"
        ) from error


def _write_pieces(pieces: Iterable[dict[str, Tensor]], out: BinaryIO) -> None:
    """The safetensors format: length of the header, header (JSON), and the numbers in the order they come in."""
    entries: dict[str, object] = {}
    end = 0

    def add(key: str, kind: str, shape: list[int], numbers: Tensor) -> None:
        nonlocal end
        assert key not in entries, f"{key} came twice"
        out.write(numbers.numpy().data)
        entries[key] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + len(numbers)]}
        end += len(numbers)

    out.seek(8 + HEADER_BYTES)
    for piece in pieces:
        for key, value in piece.items():
            assert value.device.type == "cpu", f"{key} is on {value.device}"
            if end % value.element_size():
                gap = -end % value.element_size()
                add(f"{FILLER}{len(entries)}", "U8", [gap], torch.zeros(gap, dtype=torch.uint8))
            numbers = value.detach().contiguous().flatten().view(torch.uint8)
            add(key, STORED_AS[value.dtype], list(value.shape), numbers)
    header = json.dumps(entries, separators=(",", ":")).encode()
    assert len(header) <= HEADER_BYTES, f"{len(header)} bytes of header"
    out.seek(0)
    out.write(HEADER_BYTES.to_bytes(8, "little") + header.ljust(HEADER_BYTES))


def _forget(path: Path) -> None:
    """Remove what killed processes have left of this file."""
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        try:
            if time.time() - partial.stat().st_mtime > FORGOTTEN_S:
                partial.unlink()
        except FileNotFoundError:  # its owner was quicker
            continue
