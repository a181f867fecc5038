"""The table of models: what each is, where its files are, and under which licence."""

from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import ModelError


@dataclass(frozen=True)
class ModelFile:
    """One file of a model; sha256 is checked before use."""

    name: str
    sha256: str


@dataclass(frozen=True)
class ModelRow:
    """One model. A row without files is built from random numbers; it is there for tests of every path."""

    name: str
    summary: str
    weights_licence: str
    code_licence: str
    folder: Path | None
    files: tuple[ModelFile, ...]

    def file(self, name: str) -> Path:
        """Where one of the model's files lies."""
        assert self.folder is not None, f"{self.name} has no files"
        return self.folder / name

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, 0 when nothing is there."""
        paths = [self.file(file.name) for file in self.files]
        return sum(path.stat().st_size for path in paths if path.exists())

    @property
    def here(self) -> bool:
        """Whether every file is on this machine."""
        return all(self.file(file.name).exists() for file in self.files)


MODELS = {
    row.name: row
    for row in (
        ModelRow(
            name="mini",
            summary="inside the package: offline, any CPU, effects and ambience at 44.1 kHz",
            weights_licence="CC BY 4.0, trained on CC0, CC BY, MIT and Apache-2.0 recordings (see ATTRIBUTION.md)",
            code_licence="Apache-2.0",
            folder=Path(__file__).parent / "mini",
            files=(
                ModelFile("flow.safetensors", "6b4a80afc02439d20859ae0ff5bf08a8dc4d63213de437032c44f622ce2e0a3d"),
                ModelFile("vae.safetensors", "401aff5a666bda7fb549106513c6093964d0ab2cdbf977c6555d0301a9347c49"),
                ModelFile("vocoder.safetensors", "a5dfaa7c9880e5229094586470fc690c587a8c0b402441b3fcfddd71bddf69a6"),
                ModelFile("listener.safetensors", "d1c1c1a90a9051554ab714591918b573bf0a7d4979be14455230ae55e2bc4405"),
            ),
        ),
        ModelRow(
            name="tiny",
            summary="random numbers, for tests: every path runs in moments, the sound is noise",
            weights_licence="none",
            code_licence="Apache-2.0",
            folder=None,
            files=(),
        ),
    )
}


def find_model(name: str) -> ModelRow:
    """The row of a model. Raises ModelError when there is none of that name."""
    if name not in MODELS:
        raise ModelError(f"no model is called {name!r}; there are {', '.join(MODELS)}: see 'phonofilm models'")
    return MODELS[name]
