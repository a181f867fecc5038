"""The networks that the field's benchmark of video-to-audio judges with: a table of them, and from a name to a network.

The benchmark is av-benchmark, https://github.com/hkchengrex/av-benchmark (Cheng et al. 2025, "MMAudio",
https://arxiv.org/abs/2412.15322). None of these files is ours, none is in the package, and none is fetched: they lie in
the folder that the user names, side by side or in weights/ (Synchformer also in ext_weights/, as for MMAudio). Keys and
shapes are compared with the published ones before a number is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from phonofilm.encoders.published import check_published
from phonofilm.encoders.synchformer import SYNCHFORMER as SYNCHFORMER_SIZES
from phonofilm.encoders.synchformer import Synchformer, prepare_synchformer
from phonofilm.errors import ModelError, told_of
from phonofilm.judges.clap import CLAP, LONGEST_TOKENS, MARKS, UNREAD_ENDINGS, Clap
from phonofilm.judges.clap import UNREAD as CLAP_UNREAD
from phonofilm.judges.imagebind import IMAGEBIND, UNREAD, ImageBind
from phonofilm.judges.panns import CNN14, Cnn14
from phonofilm.judges.passt import PASST, Passt
from phonofilm.judges.synchformer import PICTURE_PREFIX, SYNCHFORMER_JUDGE, SynchformerJudge
from phonofilm.judges.vggish import VGGISH, Vggish
from phonofilm.weights.fetch import chosen_folder, find_file
from phonofilm.weights.foreign import check_sums, read_foreign
from phonofilm.weights.registry import SYNCHFORMER, PublishedFile

Net = TypeVar("Net", bound=nn.Module)

FOLDER = "weights"


@dataclass(frozen=True)
class JudgeRow:
    """One network: its file, and the licence of its authors' code; that of the weights stands in `file`.

    words: of a network that reads, the file that says how sentences are cut into pieces.
    """

    name: str
    summary: str
    file: PublishedFile
    code_licence: str
    words: PublishedFile | None = None


def _file(part: str, name: str, source: str, megabytes: int, licence: str, hub: str = "") -> PublishedFile:
    return PublishedFile(part, name, FOLDER, hub, source, "", megabytes, licence)


JUDGES = {
    row.name: row
    for row in (
        JudgeRow(
            "panns",
            "PANNs Cnn14 at 16 kHz, AudioSet classes",
            _file(
                "panns",
                "Cnn14_16k_mAP=0.438.pth",
                "https://zenodo.org/records/3987831/files/Cnn14_16k_mAP=0.438.pth",
                324,
                "CC BY 4.0",
            ),
            "MIT",
        ),
        JudgeRow(
            "vggish",
            "VGGish, AudioSet's embedding",
            _file(
                "vggish",
                "vggish-10086976.pth",
                "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
                288,
                "Apache-2.0",
            ),
            "Apache-2.0",
        ),
        JudgeRow(
            "passt",
            "PaSST-S, AudioSet classes",
            _file(
                "passt",
                "passt-s-f128-p16-s10-ap.476-swa.pt",
                "https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/passt-s-f128-p16-s10-ap.476-swa.pt",
                345,
                "Apache-2.0",
            ),
            "Apache-2.0",
        ),
        JudgeRow("synchformer", "Synchformer 24-01-04T16-39-21, offsets of sound and picture", SYNCHFORMER, "MIT"),
        JudgeRow(
            "imagebind",
            "ImageBind huge, pictures and sound in one space",
            _file(
                "imagebind",
                "imagebind_huge.pth",
                "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth",
                4800,
                "CC BY-NC-SA 4.0: non-commercial",
            ),
            "CC BY-NC-SA 4.0",
        ),
        JudgeRow(
            "clap",
            "LAION-CLAP, sound and sentences in one space",
            _file(
                "clap",
                "music_speech_audioset_epoch_15_esc_89.98.pt",
                "music_speech_audioset_epoch_15_esc_89.98.pt",
                2350,
                "CC0 1.0",
                "lukewys/laion_clap",
            ),
            "CC0 1.0",
            PublishedFile(
                part="words",
                name="tokenizer.json",
                folder="roberta-base",
                hub="FacebookAI/roberta-base",
                source="tokenizer.json",
                md5="",
                megabytes=2,
                licence="MIT",
            ),
        ),
    )
}


def find_judge(name: str, weights_dir: Path | None) -> Path | None:
    """Where the file of a network lies, None when it, or what it needs beside it, is not there.

    It is looked for in `weights_dir`, else in $PHONOFILM_WEIGHTS_DIR, and in both cases then where this program and the
    hub's library keep what they have fetched.
    """
    return None if _lacking(name, weights_dir) else find_file(JUDGES[name].file, weights_dir)


def missing(name: str, weights_dir: Path | None) -> str:
    """One line on a network that is not there: which file is wanted, where it was looked for, where it is published."""
    own = chosen_folder(weights_dir)
    place = "no weights folder is named" if own is None else f"it is not in {own}"
    file = _lacking(name, weights_dir)[0]
    wanted = f"{file.folder}/{file.name}" if file.part == "words" else file.name
    return f"wants the file {wanted} (about {file.megabytes:,} MB, {file.licence}), and {place}; from {address(file)}"


def address(file: PublishedFile) -> str:
    """Where a file is published."""
    return f"https://huggingface.co/{file.hub}" if file.hub else file.source


def _lacking(name: str, weights_dir: Path | None) -> list[PublishedFile]:
    row = JUDGES[name]
    files = [row.file] if row.words is None else [row.file, row.words]
    return [file for file in files if find_file(file, weights_dir) is None]


def _required(name: str, weights_dir: Path | None) -> Path:
    path = find_judge(name, weights_dir)
    if path is None:
        raise ModelError(f"{name} {missing(name, weights_dir)}")
    return path


def load_panns(weights_dir: Path | None, device: torch.device) -> Cnn14:
    """Raises ModelError when the file is missing, damaged, or another network; the same of all below."""
    return _filled(lambda: Cnn14(CNN14), "panns", weights_dir, device)


def load_vggish(weights_dir: Path | None, device: torch.device) -> Vggish:
    return _filled(lambda: Vggish(VGGISH), "vggish", weights_dir, device)


def load_passt(weights_dir: Path | None, device: torch.device) -> Passt:
    return _filled(lambda: Passt(PASST), "passt", weights_dir, device)


def load_imagebind(weights_dir: Path | None, device: torch.device) -> ImageBind:
    return _filled(lambda: ImageBind(IMAGEBIND), "imagebind", weights_dir, device, UNREAD)


def load_synchformer(weights_dir: Path | None, device: torch.device) -> tuple[Synchformer, SynchformerJudge]:
    """The half that sees, and the half that listens with the part that compares; float32."""
    judge = _filled(lambda: SynchformerJudge(SYNCHFORMER_JUDGE), "synchformer", weights_dir, device, (PICTURE_PREFIX,))
    path = _required("synchformer", weights_dir)
    try:
        state = prepare_synchformer(read_foreign(path, "synchformer"), SYNCHFORMER_SIZES)
    except ModelError as error:
        raise ModelError(told_of(str(path), str(error))) from error
    with torch.device("meta"):
        seeing = Synchformer(torch.float32, SYNCHFORMER_SIZES)
    seeing.load_state_dict(state, strict=True, assign=True)
    return seeing.to(device).eval().requires_grad_(False), judge


Tokenize = Callable[[str], Tensor]
"""A sentence → (N,) tokens."""


def load_clap(weights_dir: Path | None, device: torch.device) -> tuple[Clap, Tokenize]:
    """The network, and what cuts sentences into the pieces that it reads, on the device."""
    network = _filled(lambda: Clap(CLAP), "clap", weights_dir, device, CLAP_UNREAD, UNREAD_ENDINGS)
    words = JUDGES["clap"].words
    assert words is not None
    path = find_file(words, weights_dir)
    assert path is not None, "_filled has asked for it"
    tokenizer = _read_tokenizer(path)

    def tokenize(sentence: str) -> Tensor:
        return torch.tensor(tokenizer.encode(sentence).ids, device=device)

    return network, tokenize


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ModelError(f"{path} cannot be read as a tokenizer ({error}); fetch it again") from error
    found = (tokenizer.get_vocab_size(), tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>"))
    wanted = (CLAP.text.words, *MARKS)
    if found != wanted:
        raise ModelError(
            f"{path} is not RoBERTa's tokenizer: its pieces and marks of both ends are {found} and not {wanted}; put "
            "that of roberta-base there"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST_TOKENS)
    return tokenizer


def _filled(
    build: Callable[[], Net],
    name: str,
    weights_dir: Path | None,
    device: torch.device,
    unread: tuple[str, ...] = (),
    unread_endings: tuple[str, ...] = (),
) -> Net:
    """A network with the numbers of its file. unread, unread_endings: of entries that are passed over."""
    path = _required(name, weights_dir)
    check_sums(path)
    state = read_foreign(path, name)
    with torch.device("meta"):
        network = build()
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    passed = {key for key in state if key.startswith(unread) or key.endswith(unread_endings)}
    unknown = [key for key in state if key not in wanted and key not in passed]
    try:
        check_published(state, wanted, unknown, JUDGES[name].file.name)
    except ModelError as error:
        raise ModelError(told_of(str(path), str(error))) from error
    network.load_state_dict({key: _ready(state[key]) for key in wanted}, strict=True, assign=True)
    return network.to(device).eval().requires_grad_(False)


def _ready(value: Tensor) -> Tensor:
    """As float32 where it is a number of the network; counters stay whole."""
    return value.float() if value.is_floating_point() else value
