"""Where published files lie on this machine, and how they get there. The only code that downloads, and only when asked.

Fetched files lie in one folder in the original layout, so that it is what `--weights-dir` takes. Beside them a lock
file pins the sha256 of every file at its first verified download; from then on a file that differs is refused. What a
download is verified by: the published md5 where there is one, else the sha256 that the hub names.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from phonofilm.errors import MissingExtraError, ModelError
from phonofilm.types import Progress, no_progress
from phonofilm.weights.header import fault_of
from phonofilm.weights.registry import OWN, ModelRow, PublishedFile, is_trained, untrained

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
    return _user_cache() / "phonofilm"


def published_folder() -> Path:
    """Where fetched files lie."""
    return cache_folder() / "published"


def hub_folder() -> Path:
    """Where huggingface_hub keeps what other programs fetched, which need not be fetched again."""
    chosen = os.environ.get("HF_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    return (Path(home).expanduser() if home else _user_cache() / "huggingface") / "hub"


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def chosen_folder(weights_dir: Path | None) -> Path | None:
    """The user's own folder of published files: the one given, else $PHONOFILM_WEIGHTS_DIR, else None."""
    named = os.environ.get("PHONOFILM_WEIGHTS_DIR")
    return Path(named) if weights_dir is None and named else weights_dir


@dataclass(frozen=True)
class Located:
    """The files of a model on this machine by part, and those that are not here."""

    paths: dict[str, Path]
    missing: tuple[PublishedFile, ...]


def locate(row: ModelRow, weights_dir: Path | None) -> Located:
    """Look for a model's files, by name alone, in this order.

    In `weights_dir` (or $PHONOFILM_WEIGHTS_DIR): in the original layout (weights/, ext_weights/), then all files side
    by side; the same in the folder of fetched files; then, for what comes from the hub, in the hub library's own layout
    (models--OWNER--NAME/snapshots/...) in both and in the hub library's cache.
    """
    paths = {}
    for file in row.published:
        found = find_file(file, weights_dir)
        if found is not None:
            paths[file.part] = found
    return Located(paths, tuple(file for file in row.published if file.part not in paths))


def find_file(file: PublishedFile, weights_dir: Path | None) -> Path | None:
    """Where one published file lies, looked for as `locate` says; None when it is not on this machine."""
    own = chosen_folder(weights_dir)
    folders = [published_folder()] if own is None else [own, published_folder()]
    return next((place for place in _places(file, folders) if os.path.isfile(place)), None)


def _places(file: PublishedFile, folders: list[Path]) -> Iterator[Path]:
    names = [file.name, *file.other_names, *(Path(file.name).with_suffix(suffix).name for suffix in SUFFIXES)]
    for folder in folders:
        for place in (folder / file.folder, folder):
            yield from (place / name for name in names)
    if file.hub:
        for folder in (*folders, hub_folder()):
            snapshots = folder / f"models--{file.hub.replace('/', '--')}" / "snapshots"
            for snapshot in sorted(snapshots.glob("*")):
                yield from ((snapshot / file.source).with_name(name) for name in names)


def described(row: ModelRow, weights_dir: Path | None) -> dict[str, Any]:
    """A model as `phonofilm models --json` lists it; a file's sha256 is ours, else the pinned one, else "".

    here: every file is there and, by its length and header, can be what it shall be; else `fault` of a file says why.
    Raises ModelError when `weights_dir` is no folder or a lock file cannot be read.
    """
    own = chosen_folder(weights_dir)
    if own is not None and own.exists() and not own.is_dir():
        raise ModelError(_no_folder(own))
    located = locate(row, weights_dir)
    lock = _read_lock((own or published_folder()) / LOCK_NAME)
    faults = {
        file.part: fault_of(located.paths[file.part], file) for file in row.published if file.part in located.paths
    }
    files = [
        {
            "part": file.part,
            "name": f"{file.folder}/{file.name}",
            "megabytes": file.megabytes,
            "licence": file.licence,
            "md5": file.md5,
            "sha256": file.sha256 or lock.get(file.name, ""),
            "path": str(located.paths[file.part]) if file.part in located.paths else None,
            "fault": faults.get(file.part, ""),
        }
        for file in row.published
    ]
    return {
        "name": row.name,
        "summary": row.summary,
        "megabytes": round(row.size_bytes / 1e6, 1),
        "weights_licence": row.weights_licence,
        "code_licence": row.code_licence,
        "here": not located.missing and not any(faults.values()) and (row.name != OWN or is_trained(weights_dir)),
        "missing": [f"{file.folder}/{file.name}" for file in located.missing],
        "files": files,
    }


def check_folder(row: ModelRow, weights_dir: Path | None) -> None:
    """Raises ModelError where a folder of weights is named and is none, or `own` is not in it."""
    own = chosen_folder(weights_dir)
    if own is not None and not own.is_dir():
        raise ModelError(_no_folder(own))
    if row.name == OWN and not is_trained(weights_dir):
        raise untrained(weights_dir)


def way_to_have(row: ModelRow) -> str:
    """What to do to have a model that is not on this machine."""
    if row.name == OWN:
        return "train it, and start again with its folder: --weights-dir RUN/export"
    return f"pip install 'phonofilm[mmaudio]' && phonofilm models pull {row.name}"


def _no_folder(own: Path) -> str:
    return f"the weights folder {own} is no folder; give the one that holds weights/ and ext_weights/"


def require(row: ModelRow, weights_dir: Path | None) -> dict[str, Path]:
    """The files of a model by part. Raises ModelError that names the command and the files when some are missing."""
    check_folder(row, weights_dir)
    located = locate(row, weights_dir)
    if located.missing:
        names = ", ".join(f"{file.folder}/{file.name}" for file in located.missing)
        size_gb = sum(file.megabytes for file in located.missing) / 1000
        own = chosen_folder(weights_dir)
        place = f" nor in {own}" if own is not None else ""
        raise ModelError(
            f"{row.name} is not on this machine{place}: missing {names} ({size_gb:.1f} GB); run 'phonofilm models pull "
            f"{row.name}' with a network, or name the folder that holds them (weights-dir)"
        )
    return located.paths


def pull(row: ModelRow, weights_dir: Path | None = None, progress: Progress = no_progress) -> list[Path]:
    """Fetch what is missing of a model, check it, and pin its hash; the paths of all its files.

    Into `weights_dir` (or $PHONOFILM_WEIGHTS_DIR) in the original layout where one is given, else into the cache. An
    interrupted fetch goes on where it stopped; a part of a file is never taken for the file. Raises ModelError or
    MissingExtraError.
    """
    if row.name == OWN:
        raise ModelError(f"the model {OWN!r} is not published: 'phonofilm train' makes it of recordings of yours")
    folder = chosen_folder(weights_dir) or published_folder()
    here = locate(row, weights_dir).paths
    paths = []
    for file in row.published:
        path = here.get(file.part)
        if path is None:
            path = folder / file.folder / file.name
            _fetch(row, file, path, progress)
        check(path, file, folder)
        paths.append(path)
    return paths


@dataclass(frozen=True)
class _Sender:
    """Who sends a file: address, headers to ask with, and the sha256 that the sender names, "" where it does not."""

    address: str
    headers: dict[str, str]
    sha256: str


def _fetch(row: ModelRow, file: PublishedFile, path: Path, progress: Progress) -> None:
    """Going on with what an interrupted fetch has left. Raises ModelError or MissingExtraError."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sender = _ask_hub(file) if file.hub else _Sender(file.source, {}, "")
        try:
            _receive(file, sender, partial, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 416 or not partial.exists():
                raise OSError(f"{file.hub or file.source}: {error.code} {error.reason}") from error
            # Nothing is left to send: what lies here is whole, or of another file; its sum tells.
        except urllib.error.URLError as error:
            raise OSError(f"{file.hub or file.source}: {error.reason}") from error
        except HTTPException as error:
            raise OSError(f"{file.hub or file.source}: {type(error).__name__} {error}") from error
        _install(file, partial, path, sender.sha256)
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())[:200]
        raise ModelError(
            f"{file.name} was not fetched ({reason}); run 'phonofilm models pull {row.name}' again: it goes on where "
            f"it stopped; or put the file into {path.parent} yourself"
        ) from error


def _ask_hub(file: PublishedFile) -> _Sender:
    """huggingface_hub says where the file is, and its sha256; it honours HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE.

    The numbers themselves we read as from any address: from its version 2 on, the library begins a file anew when a
    fetch was interrupted, and one of these has 4 GB. Raises OSError or MissingExtraError.
    """
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
    except ImportError as error:
        raise MissingExtraError(
            "fetching models needs huggingface_hub; run 'pip install phonofilm[mmaudio]'"
        ) from error

    url = hf_hub_url(file.hub, file.source)
    try:
        told = get_hf_file_metadata(url, timeout=TIMEOUT_S)
    except Exception as error:
        # The library lets its HTTP client's own errors through, whose types differ from version to version.
        raise OSError(f"{file.hub}: {type(error).__name__}: {error}") from error
    address = urljoin(url, told.location)
    # An address on another host is signed, and the user's token is none of that host's business.
    headers = build_hf_headers() if urlsplit(address).netloc == urlsplit(url).netloc else {}
    return _Sender(address, headers, told.etag if told.etag and re.fullmatch("[0-9a-f]{64}", told.etag) else "")


def _receive(file: PublishedFile, sender: _Sender, partial: Path, progress: Progress) -> None:
    """Add to `partial` what it lacks."""
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(sender.address, headers={"Range": f"bytes={done}-"} if done else {})
    for name, value in sender.headers.items():  # the token among them stays behind when the address moves
        request.add_unredirected_header(name, value)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            done = 0  # the server does not resume and sends the whole
        length = answer.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        _check_room(partial.parent, 0 if total is None else total - done)
        with partial.open("ab" if done else "wb") as out:
            while part := answer.read(CHUNK_BYTES):
                out.write(part)
                done += len(part)
                progress(file.name, 0.0 if not total else done / total)
    if total is not None and done < total:
        raise OSError(f"the connection was closed after {done:,} of {total:,} bytes")


def _check_room(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed:
        raise OSError(f"{needed / 1e9:.1f} GB are needed and the disk has no room for them")


def _install(file: PublishedFile, fetched: Path, path: Path, sha256: str) -> None:
    """Make a fetched file visible when it is the published one, else remove it. Raises OSError."""
    wanted = [("md5", file.md5), ("sha256", file.sha256), ("sha256", sha256)]
    if not any(value for _, value in wanted):
        logger.warning("%s: neither its authors nor the sender name a sum, so only its length was checked", file.name)
    differing = [kind for kind, value in wanted if value and _digest(fetched, kind) != value]
    if differing:
        fetched.unlink()
        raise OSError(f"what came is not the published file (its {differing[0]} differs) and was removed")
    fetched.chmod(0o644)
    os.replace(fetched, path)


def check(path: Path, file: PublishedFile, folder: Path) -> None:
    """Compare a file with the lock of `folder`; the first time, with its published md5, and pin its sha256.

    A file under another name than the published one has no published sum, and is pinned as it is. Raises ModelError
    when it is another file; it stays, for its owner to look at.
    """
    lock_path = folder / LOCK_NAME
    lock = _read_lock(lock_path)
    try:
        if not path.stat().st_size:
            raise ModelError(f"{path} is empty (0 bytes); remove it and fetch it again")
        sha256 = _digest(path, "sha256")
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); look at its permissions") from error
    pinned = file.sha256 if file.sha256 and path.name == file.name else lock.get(file.name)
    if pinned is not None and pinned != sha256:
        raise ModelError(
            f"{path} is not the file that was first fetched (sha256 {sha256[:12]}, pinned {pinned[:12]} in "
            f"{lock_path}); remove it and fetch it again"
        )
    if file.name not in lock:
        if pinned is None and file.md5 and path.name == file.name and _digest(path, "md5") != file.md5:
            raise ModelError(f"{path} is not the published file (md5 differs); remove it and fetch it again")
        _write_lock(lock_path, {**lock, file.name: sha256})


def verify(path: Path, file: PublishedFile) -> bool:
    """Check a file before its first use, where there is something to check it against; whether there was.

    That is so for fetched files. Files that the user laid into a folder are taken as they are: their keys and shapes
    are checked anyway. Raises ModelError as `check`.
    """
    # In the original layout the lock lies beside the folder of the file, else beside the file.
    folder = path.parent.parent if path.parent.name == file.folder else path.parent
    if folder != published_folder() and file.name not in _read_lock(folder / LOCK_NAME):
        return False
    check(path, file, folder)
    return True


def _read_lock(path: Path) -> dict[str, str]:
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # What the system says names the file once more.
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{path} cannot be read ({reason}); remove it, and fetched files are checked anew") from error
    if not isinstance(lock, dict) or not all(isinstance(value, str) for value in lock.values()):
        raise ModelError(f"{path} holds no hashes; remove it, and fetched files are checked anew")
    return lock


def _write_lock(path: Path, lock: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(lock, file, indent=1, sort_keys=True)
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror}); give its folder write permission") from error


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
