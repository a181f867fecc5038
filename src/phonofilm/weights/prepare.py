"""Published weights made ready once: folded, in the dtype they are used in, and then mapped from disk at every start.

A prepared file is named by what it was made from, so that another source or another release of Phonofilm makes its own.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from phonofilm.errors import ModelError

logger = logging.getLogger(__name__)

FORMAT = 2
"""To be raised when the same source is prepared into other numbers."""
DTYPE_NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


def prepared_path(folder: Path, part: str, source: Path, dtype: torch.dtype) -> Path:
    """Where the prepared part of a source lies, whether it is there or not. Raises ModelError."""
    try:
        status = source.stat()
    except OSError as error:
        raise ModelError(f"{source} cannot be read ({error.strerror}); run 'phonofilm models pull' again") from error
    made_from = f"{FORMAT}:{source.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:16]
    return folder / f"{source.stem}-{part}-{DTYPE_NAMES[dtype]}-{digest}.safetensors"


def prepared(path: Path, make: Callable[[], dict[str, Tensor]], device: torch.device) -> dict[str, Tensor]:
    """The state in a prepared file, mapped from disk; made first where it is not there or cannot be read.

    Raises ModelError when `make` does, or when the file cannot be written.
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
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        logger.warning("%s cannot be read (%s); it is made again", path, error)
        return None


def _write(state: dict[str, Tensor], path: Path) -> None:
    """Visible only when whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        try:
            save_file({key: value.contiguous() for key, value in state.items()}, partial)
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"prepared weights cannot be written to {path.parent} ({error}); make room there, or choose another folder "
            "with PHONOFILM_CACHE"
        ) from error
