"""Where published files lie on this machine, and how they get there. The only code that downloads, and only when asked.

Fetched files lie in one folder in the original layout, so that it is what `--weights-dir` takes. Beside them a lock
file pins the sha256 of every file at its first verified download; from then on a file that differs is refused.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from phonofilm.errors import MissingExtraError, ModelError
from phonofilm.types import Progress, no_progress
from phonofilm.weights.registry import ModelRow, PublishedFile

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30
LOCK_NAME = "lock.json"
SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
"""A file may also lie under one of these in the place of its own."""


def cache_folder() -> Path:
    """Where everything is kept that can be made or fetched again: $PHONOFILM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("PHONOFILM_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "phonofilm"


def published_folder() -> Path:
    """Where fetched files lie."""
    return cache_folder() / "published"


@dataclass(frozen=True)
class Located:
    """The files of a model on this machine by part, and those that are not here."""

    paths: dict[str, Path]
    missing: tuple[PublishedFile, ...]


def locate(row: ModelRow, weights_dir: Path | None) -> Located:
    """Look in `weights_dir` (in the original layout, or all files side by side) and in the folder of fetched files."""
    folders = [published_folder()] if weights_dir is None else [weights_dir, published_folder()]
    paths = {}
    for file in row.published:
        names = [file.name, *(Path(file.name).with_suffix(suffix).name for suffix in SUFFIXES)]
        places = [folder / part / name for folder in folders for part in (file.folder, ".") for name in names]
        found = next((place for place in places if place.is_file()), None)
        if found is not None:
            paths[file.part] = found
    return Located(paths, tuple(file for file in row.published if file.part not in paths))


def require(row: ModelRow, weights_dir: Path | None) -> dict[str, Path]:
    """The files of a model by part. Raises ModelError that names the command and the files when some are missing."""
    if weights_dir is not None and not weights_dir.is_dir():
        raise ModelError(f"--weights-dir {weights_dir} is no folder; give the one that holds weights/ and ext_weights/")
    located = locate(row, weights_dir)
    if located.missing:
        names = ", ".join(f"{file.folder}/{file.name}" for file in located.missing)
        size_gb = sum(file.megabytes for file in located.missing) / 1000
        place = f" nor in {weights_dir}" if weights_dir is not None else ""
        raise ModelError(
            f"{row.name} is not on this machine{place}: missing {names} ({size_gb:.1f} GB); run 'phonofilm models pull "
            f"{row.name}' with a network, or give --weights-dir with a folder that holds them"
        )
    return located.paths


def pull(row: ModelRow, progress: Progress = no_progress) -> list[Path]:
    """Fetch what is missing of a model, check it, and pin its hash; the paths of all its files.

    An interrupted fetch goes on where it stopped; a part of a file is never taken for the file. Raises ModelError or
    MissingExtraError.
    """
    folder = published_folder()
    paths = []
    for file in row.published:
        path = folder / file.folder / file.name
        if not path.is_file():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                (_fetch_from_hub if file.hub else _fetch_address)(file, path, progress)
            except OSError as error:
                raise _failed(row, file, f"{error.strerror or error}") from error
        check(path, file)
        paths.append(path)
    return paths


def _failed(row: ModelRow, file: PublishedFile, reason: str) -> ModelError:
    return ModelError(
        f"{file.name} was not fetched ({' '.join(reason.split())[:200]}); run 'phonofilm models pull {row.name}' "
        f"again: it goes on where it stopped; or put the file into {published_folder() / file.folder} yourself"
    )


def _fetch_from_hub(file: PublishedFile, path: Path, progress: Progress) -> None:
    """By huggingface_hub, which resumes, and shows bars of its own on a terminal. Raises OSError."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtraError(
            "fetching models needs huggingface_hub; run 'pip install phonofilm[mmaudio]'"
        ) from error

    # The hub's own path may begin with the folder of the layout.
    root = path.parent.parent if file.source.startswith(f"{file.folder}/") else path.parent
    progress(file.name, 0.0)
    try:
        fetched = Path(hf_hub_download(file.hub, file.source, local_dir=root))
    except (HfHubHTTPError, HFValidationError, ValueError, RuntimeError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        # The library lets its HTTP client's own errors through, whose types differ from version to version.
        if isinstance(error, OSError):
            raise
        raise OSError(f"{type(error).__name__}: {error}") from error
    assert fetched == path, f"{fetched} is not {path}"
    progress(file.name, 1.0)


def _fetch_address(file: PublishedFile, path: Path, progress: Progress) -> None:
    """From a plain address, going on with what an interrupted fetch has left. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    try:
        _receive(file, partial, progress)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise OSError(f"{file.source}: {error.code} {error.reason}") from error
        # Nothing is left to send: what lies here is whole, or of another file; the check below tells.
    except urllib.error.URLError as error:
        raise OSError(f"{file.source}: {error.reason}") from error
    except HTTPException as error:
        raise OSError(f"{file.source}: {type(error).__name__} {error}") from error
    if _digest(partial, "md5") != file.md5:
        partial.unlink()
        raise OSError("what came is not the published file (its md5 differs) and was removed")
    os.replace(partial, path)


def _receive(file: PublishedFile, partial: Path, progress: Progress) -> None:
    """Add to `partial` what it lacks."""
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(file.source, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if answer.status != 206:  # the server does not resume and sends the whole
            done = 0
        length = answer.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        if total is not None and shutil.disk_usage(partial.parent).free < total - done:
            raise OSError(f"{(total - done) / 1e9:.1f} GB are needed and the disk has no room for them")
        with partial.open("ab" if done else "wb") as out:
            while part := answer.read(CHUNK_BYTES):
                out.write(part)
                done += len(part)
                progress(file.name, 0.0 if not total else done / total)
    if total is not None and done < total:
        raise OSError(f"the connection was closed after {done:,} of {total:,} bytes")


def check(path: Path, file: PublishedFile) -> None:
    """Compare a fetched file with the lock; the first time, with its published md5, and pin its sha256.

    Raises ModelError when it is another file; the file stays, for its owner to look at.
    """
    lock_path = published_folder() / LOCK_NAME
    lock: dict[str, str] = _read_lock(lock_path)
    sha256 = _digest(path, "sha256")
    if file.name not in lock:
        if file.md5 and _digest(path, "md5") != file.md5:
            raise ModelError(f"{path} is not the published file (md5 differs); remove it and fetch it again")
        _write_lock(lock_path, {**lock, file.name: sha256})
    elif lock[file.name] != sha256:
        raise ModelError(
            f"{path} is not the file that was first fetched (sha256 {sha256[:12]}, pinned {lock[file.name][:12]} in "
            f"{lock_path}); remove it and fetch it again"
        )


def _read_lock(path: Path) -> dict[str, str]:
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); remove it, and fetched files are checked anew") from error
    if not isinstance(lock, dict) or not all(isinstance(value, str) for value in lock.values()):
        raise ModelError(f"{path} holds no hashes; remove it, and fetched files are checked anew")
    return lock


def _write_lock(path: Path, lock: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(lock, file, indent=1, sort_keys=True)
        os.replace(partial, path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror}); give its folder write permission") from error


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
