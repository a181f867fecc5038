"""What a file of weights says of itself, told by its length and its header, without reading its numbers."""

import json
import zipfile
from pathlib import Path

from phonofilm.weights.registry import PublishedFile

MEGABYTE = 1_000_000
LEAST_SHARE, LARGEST_SHARE = 0.45, 1.15
"""How far a whole file may be from its published size: sizes are rounded and some may count 1,048,576 bytes a megabyte;
numbers of half the precision take half the room."""
SAFETENSORS = ".safetensors"
HEADER_LENGTH_BYTES = 8
LONGEST_HEADER_BYTES = 100_000_000
"""The format's own limit."""
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How checkpoints from before torch 1.6 begin; later ones are zip files."""


def fault_of(path: Path, file: PublishedFile) -> str:
    """What is wrong with a file that shall be a published one, as far as length and header tell; "" for nothing."""
    try:
        size = path.stat().st_size
        if not size:
            return "is empty (0 bytes)"
        fault = _safetensors_fault(path, size) if path.suffix == SAFETENSORS else _checkpoint_fault(path)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if fault:
        return fault
    share = size / (file.megabytes * MEGABYTE)
    if LEAST_SHARE <= share <= LARGEST_SHARE:
        return ""
    return (
        f"has {size / MEGABYTE:,.1f} MB, and the published file {file.megabytes:,} MB: it is cut short or another one"
    )


def _checkpoint_fault(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"PK"):
        # The directory of a zip file stands at its end.
        return "" if zipfile.is_zipfile(path) else "is cut short: its end is missing"
    return "" if head[:2] in PICKLES else "is no checkpoint of torch: it begins like another kind of file"


def _safetensors_fault(path: Path, size: int) -> str:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_LENGTH_BYTES), "little")
        if not 0 < length <= min(size, LONGEST_HEADER_BYTES):
            return "is no safetensors file: it begins like another kind of file"
        text = file.read(length)
    try:
        entries = json.loads(text)
        end = max((entry["data_offsets"][1] for key, entry in entries.items() if key != "__metadata__"), default=0)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return "is no safetensors file: its header cannot be read"
    wanted = HEADER_LENGTH_BYTES + length + end
    if not isinstance(end, int) or wanted != size:
        return f"has {size:,} bytes, and its header says {wanted:,}: it is cut short or damaged"
    return ""
