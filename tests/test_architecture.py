"""Who may import whom. The table is the plan of the house (docs/architecture.md); any other import fails."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import phonofilm

ROOT = Path(phonofilm.__file__).parent
WORDS = ["errors", "timeline", "types", "stopwatch", "cues", "settings", "device", "disk"]
NETS = {"encoders", "codec", "flow"}

# Room → rooms it may import, besides itself and floor 0.
ALLOWED: dict[str, set[str]] = {
    "media": set(),
    "mix": set(),
    "mark": set(),
    "encoders": set(),
    "codec": set(),
    "flow": set(),
    "judges": set(),
    "voice": {"media", "mix"},
    "score": {"mix"},
    "weights": {"judges", *NETS},
    "windows": {"mix"},
    "scenes": {"media", "weights", "windows", *NETS},
    "outlet": {"media", "mark", "mix"},
    "detection": {"media", "mark", "weights"},
    "outputs": {"media", "mix"},
    "remarks": {"media"},
    "take_sheet": {"media", "outputs", "remarks"},
    "editing": {"media", "mix", "outputs", "remarks", "scenes", "take_sheet"},
    "layers": {"media", "mix", "voice", "score", "scenes", "weights", "encoders"},
    "interchange": {"media"},
    "delivery": {"media", "mix", "score", "outlet", "outputs", "interchange", "remarks", "take_sheet"},
    "drawing": {"media", "mix", "editing", "scenes"},
    "assembly": {"media", "mix", "mark", "layers", "editing", "outlet", "scenes"},
    "pipeline": {"media", "mix", "layers", "drawing", "assembly", "outlet", "delivery", "outputs", "editing", "scenes"},
    "data": {"media", "mix", "codec", "weights"},
    "train": {"data", "voice", "weights", *NETS},
    "evaluate": {"media", "mix", "mark", "codec", "encoders", "judges", "weights", "windows", "pipeline", "data"},
    "web": {"media", "mix", "mark", "weights", "detection", "pipeline"},
    "cli": {
        "media",
        "mix",
        "mark",
        "weights",
        "outputs",
        "voice",
        "detection",
        "pipeline",
        "data",
        "train",
        "evaluate",
        "web",
        *NETS,
    },
    "__main__": {"cli"},
    "__init__": {"pipeline", "detection"},
}
# Libraries that only these rooms may know.
RESERVED = {
    "av": {"media"},
    "soundfile": {"media"},
    "pyloudnorm": {"mix"},
    "typer": {"cli"},
    "rich": {"cli"},
    "c2pa": {"mark"},
    "cv2": {"data", "voice"},
    "espeakng_loader": {"voice"},
    "pretty_midi": {"score"},
    "opentimelineio": {"interchange"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "pydantic": {"web"},
    "python_multipart": {"web"},
    "sqlalchemy": {"web"},
}
NO_TORCH = {
    "errors",
    "timeline",
    "types",
    "stopwatch",
    "cues",
    "settings",
    "media",
    "web",
    "interchange",
    "cli",
    "__main__",
    "__init__",
}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        first = path.relative_to(ROOT).parts[0]
        yield first.removesuffix(".py"), path


def _imports(path: Path) -> Iterator[str]:
    """Every imported module, also those imported inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            assert node.module is not None
            if node.module == "phonofilm":
                yield from (f"phonofilm.{alias.name}" for alias in node.names)
            else:
                yield node.module


CASES = [pytest.param(room, path, id=str(path.relative_to(ROOT))) for room, path in _modules()]


@pytest.mark.parametrize(("room", "path"), CASES)
def test_imports_go_down_only(room: str, path: Path) -> None:
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "phonofilm" and len(parts) > 1:
            target = parts[1]
            if target in WORDS:
                if room in WORDS:
                    assert WORDS.index(target) < WORDS.index(room), f"{room} may not import {target}"
            else:
                allowed = ALLOWED.get(room, set()) | {room}
                assert target in allowed, f"{path} imports {name}, which is not below it"
        elif parts[0] in RESERVED:
            assert room in RESERVED[parts[0]], f"{path} imports {parts[0]}, which only {RESERVED[parts[0]]} may know"
        elif parts[0] == "torch":
            assert room not in NO_TORCH, f"{path} imports torch"


@pytest.mark.parametrize("path", [path for _, path in _modules() if path.name == "__init__.py" and path.parent != ROOT])
def test_inner_packages_hold_a_docstring_and_nothing_else(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


@pytest.mark.parametrize("path", [path for _, path in _modules()])
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 450, f"{path} is too long: one concept, one file"
    assert path.stem not in ("utils", "common", "helpers", "misc")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 80, f"{path}: {node.name} is over 80 lines"


def test_generated_sound_leaves_by_one_door() -> None:
    """What writes sound or puts it under a picture is called by `outlet` alone."""
    writers = {"write_audio", "mux"}
    callers = set()
    for room, path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and writers & {alias.name for alias in node.names}:
                callers.add(room)
    assert callers <= {"outlet", "media"}


def test_public_names_are_pinned() -> None:
    assert sorted(phonofilm.__all__) == [
        "AddOptions",
        "Cue",
        "CueSheet",
        "InputError",
        "MakeOptions",
        "ModelError",
        "OutputError",
        "Phonofilm",
        "PhonofilmError",
        "Take",
        "Verdict",
        "Waveform",
        "detect",
        "read_cue_sheet",
    ]
    for name in phonofilm.__all__:
        assert getattr(phonofilm, name).__doc__
