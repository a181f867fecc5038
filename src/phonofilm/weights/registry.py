"""The table of models: what each is, where its files are, and under which licence."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import ModelError
from phonofilm.settings import shown


@dataclass(frozen=True)
class ModelFile:
    """One file of a model inside the package; sha256 is checked before use."""

    name: str
    sha256: str


@dataclass(frozen=True)
class PublishedFile:
    """One file of a model that others have published.

    part: what it holds. folder: where it lies in the original layout. hub: the repository on the Hugging Face hub, ""
    for a file with an address of its own. source: its path there, or that address. md5: as published, "" where it is
    not. megabytes: as published. other_names: what it is also called. sha256: ours; "" says that it is filled at the
    first verified download and pinned by the user's lock file (`weights/fetch.py`), since nobody has published it.
    """

    part: str
    name: str
    folder: str
    hub: str
    source: str
    md5: str
    megabytes: int
    licence: str
    other_names: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True)
class ModelRow:
    """One model: with files in the package, or published ones, or none, which is built from random numbers.

    number: what the watermark calls it, 1 to 31; never given to another model. variant: which of the published
    networks (`flow/variants.py`) it is, "" for our own.
    """

    name: str
    number: int
    summary: str
    weights_licence: str
    code_licence: str
    folder: Path | None
    files: tuple[ModelFile, ...]
    variant: str = ""
    published: tuple[PublishedFile, ...] = ()

    def file(self, name: str) -> Path:
        """Where one of the model's files lies."""
        assert self.folder is not None, f"{self.name} has no files"
        return self.folder / name

    def checked(self, name: str) -> Path:
        """As `file`. Raises ModelError when the file is not there or is another one than the table says."""
        path = self.file(name)
        wanted = next(file.sha256 for file in self.files if file.name == name)
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise ModelError(f"weights {path} are missing or damaged; install phonofilm again")
        return path

    @property
    def outside(self) -> bool:
        """Whether its weights lie outside the package, in a folder that may be named."""
        return bool(self.published) or self.name == OWN

    @property
    def size_bytes(self) -> int:
        """Bytes on disk of a model inside the package, or as published."""
        if self.published:
            return sum(file.megabytes for file in self.published) * 1_000_000
        paths = [self.file(file.name) for file in self.files]
        return sum(path.stat().st_size for path in paths if path.exists())


_MMAUDIO_LICENCE = "CC BY-NC 4.0: non-commercial"
_RELEASE = "https://github.com/hkchengrex/MMAudio/releases/download/v0.1/"


def _released(part: str, name: str, md5: str, megabytes: int, licence: str) -> PublishedFile:
    return PublishedFile(part, name, "ext_weights", "", _RELEASE + name, md5, megabytes, licence)


SYNCHFORMER = _released(
    "synchformer", "synchformer_state_dict.pth", "5b2f5594b0730f70e41e549b7c94390c", 907, _MMAUDIO_LICENCE
)
CLIP = PublishedFile(
    part="clip",
    name="open_clip_pytorch_model.bin",
    folder="ext_weights",
    hub="apple/DFN5B-CLIP-ViT-H-14-384",
    source="open_clip_pytorch_model.bin",
    md5="",
    megabytes=3947,
    licence="Apple's own, for research (apple-amlr, before that sample code): read it at the hub repository",
    other_names=("open_clip_model.safetensors",),
)
VAE_16K = _released("vae", "v1-16.pth", "69f56803f59a549a1a507c93859fd4d7", 655, _MMAUDIO_LICENCE)
VAE_44K = _released("vae", "v1-44.pth", "fab020275fa44c6589820ce025191600", 1200, _MMAUDIO_LICENCE)
VOCODER_16K = _released("vocoder", "best_netG.pt", "eeaf372a38a9c31c362120aba2dde292", 429, _MMAUDIO_LICENCE)
VOCODER_44K = PublishedFile(
    part="vocoder",
    name="bigvgan_generator.pt",
    folder="ext_weights",
    hub="nvidia/bigvgan_v2_44khz_128band_512x",
    source="bigvgan_generator.pt",
    md5="",
    megabytes=489,
    licence="MIT",
)


def _mmaudio(name: str, number: int, variant: str, md5: str, megabytes: int, summary: str) -> ModelRow:
    """One of the five published networks with the parts that it needs."""
    file = f"mmaudio_{variant}.pth"
    hub = "hkchengrex/MMAudio"
    flow = PublishedFile("flow", file, "weights", hub, f"weights/{file}", md5, megabytes, _MMAUDIO_LICENCE)
    sound = (VAE_16K, VOCODER_16K) if variant.endswith("16k") else (VAE_44K, VOCODER_44K)
    return ModelRow(
        name=name,
        number=number,
        summary=summary,
        weights_licence=_MMAUDIO_LICENCE,
        code_licence="Apache-2.0",
        folder=None,
        files=(),
        variant=variant,
        published=(flow, *sound, SYNCHFORMER, CLIP),
    )


OWN = "own"
"""What `phonofilm train` has made of somebody's own recordings, in a folder of theirs."""
FLOW_FILE = "flow.safetensors"
"""The file without which such a folder holds nothing; what else it lacks is `mini`'s."""
MODELS = {
    row.name: row
    for row in (
        ModelRow(
            name="mini",
            number=1,
            summary="inside the package: offline, any CPU, effects and ambience at 44.1 kHz",
            weights_licence="CC BY 4.0, trained on CC0, CC BY, MIT and Apache-2.0 recordings (see ATTRIBUTION.md)",
            code_licence="Apache-2.0",
            folder=Path(__file__).parent / "mini",
            files=(
                ModelFile(FLOW_FILE, "c42ffc414837481dd3724cbeb201fb3fa0a298bd4ba6a0c320706bc1a577a951"),
                ModelFile("vae.safetensors", "401aff5a666bda7fb549106513c6093964d0ab2cdbf977c6555d0301a9347c49"),
                ModelFile("vocoder.safetensors", "a5dfaa7c9880e5229094586470fc690c587a8c0b402441b3fcfddd71bddf69a6"),
                ModelFile("listener.safetensors", "e4fd97676664a8516755e048633057441a6c8fd828605c9ee73da730b367e991"),
                ModelFile("cues.safetensors", "7b12c9501a283b92fd86d82fd0ed047dc96d8908096786de33148ab22b954c33"),
                ModelFile("cues_shown.safetensors", "f31c23238e30a6f76247dd6ee8faa155772922d1f33f3531711a16f93339cc11"),
                ModelFile(
                    "cues_weighed.safetensors", "96173d807ba23b4d95effcdded8d2c25377c843750823bc2a5b7ed7bbc9a2445"
                ),
            ),
        ),
        ModelRow(
            name="tiny",
            number=2,
            summary="random numbers, for tests: every path runs in moments, the sound is noise",
            weights_licence="none",
            code_licence="Apache-2.0",
            folder=None,
            files=(),
        ),
        _mmaudio(
            "mmaudio-small-16k",
            3,
            "small_16k",
            "af93cde404179f58e3919ac085b8033b",
            601,
            "MMAudio, 157 M parameters, sound at 16 kHz",
        ),
        _mmaudio(
            "mmaudio-small-44k",
            4,
            "small_44k",
            "babd74c884783d13701ea2820a5f5b6d",
            601,
            "MMAudio, 157 M parameters, sound at 44.1 kHz",
        ),
        _mmaudio(
            "mmaudio-medium-44k",
            5,
            "medium_44k",
            "5a56b6665e45a1e65ada534defa903d0",
            2400,
            "MMAudio, 622 M parameters, sound at 44.1 kHz",
        ),
        _mmaudio(
            "mmaudio-large-44k",
            6,
            "large_44k",
            "fed96c325a6785b85ce75ae1aafd2673",
            3900,
            "MMAudio, 1030 M parameters, sound at 44.1 kHz",
        ),
        _mmaudio(
            "mmaudio-large-44k-v2",
            7,
            "large_44k_v2",
            "01ad4464f049b2d7efdaa4c1a59b8dfe",
            3900,
            "MMAudio, 1031 M parameters, sound at 44.1 kHz; the one its authors recommend",
        ),
        ModelRow(
            name=OWN,
            number=8,
            summary="what you trained with 'phonofilm train': name its folder with --weights-dir RUN/export",
            weights_licence="yours; when tuned from mini, CC BY 4.0 of mini as well",
            code_licence="Apache-2.0",
            folder=None,
            files=(),
        ),
    )
}


def is_trained(folder: Path | None) -> bool:
    """Whether a folder holds what `own` needs."""
    return folder is not None and (folder / FLOW_FILE).is_file()


def untrained(folder: Path | None) -> ModelError:
    """What is said where `own` is wanted and not in a folder, or no folder is named."""
    where = "" if folder is None else f", and {folder} holds no {FLOW_FILE}"
    return ModelError(f"the model {OWN!r} is one that you trained{where}; give its folder, RUN/export (weights-dir)")


def find_model(name: str) -> ModelRow:
    """The row of a model. Raises ModelError when there is none of that name."""
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"no model is called {shown(name)}; there are {', '.join(MODELS)}: see 'phonofilm models'")
    return MODELS[name]


def model_called(number: int) -> str:
    """The name of the model that the watermark calls `number`; "unknown" for one of another version."""
    return next((row.name for row in MODELS.values() if row.number == number), "unknown")
