"""Files that are there whole or not at all, also after the power went."""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from phonofilm.errors import OutputError

HIDDEN = "."
"""What begins so is half made or half deleted; nobody but the one who makes it looks at it."""


def save_text(text: str, path: Path) -> None:
    """Write UTF-8 text under a temporary name, force it to the disk, and rename it. Raises OutputError."""
    save_bytes(text.encode(), path)


def save_bytes(data: bytes, path: Path) -> None:
    """As `save_text`."""
    partial = path.with_name(f"{HIDDEN}{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path.name} ({error.strerror}); look at the folder's disk and permissions"
        ) from error


def save_json(data: Any, path: Path) -> None:
    """As `save_text`, of indented JSON."""
    save_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", path)


def load_json(path: Path) -> Any:
    """What a file of ours says; None where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def publish_folder(made: Path, final: Path) -> None:
    """Let a finished folder appear under its name, its files forced to the disk first. Raises OutputError."""
    try:
        for file in made.iterdir():
            with file.open("rb+") as open_file:
                os.fsync(open_file.fileno())
        sync_folder(made)
        os.replace(made, final)
        sync_folder(final.parent)
    except OSError as error:
        raise OutputError(
            f"cannot write {final.name} ({error.strerror}); look at the folder's disk and permissions"
        ) from error


def remove_folder(path: Path) -> None:
    """Let a folder disappear at once, and then delete what is in it."""
    grave = path.with_name(f"{HIDDEN}{path.name}.{secrets.token_hex(4)}")
    try:
        os.replace(path, grave)
    except OSError:
        grave = path
    shutil.rmtree(grave, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what a server that died has left half made or half deleted."""
    for path in folder.glob(f"{HIDDEN}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can (Windows does so by itself)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
