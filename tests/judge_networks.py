"""The field's judges, small and filled with random numbers, and files of them in the published layout."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

from phonofilm.encoders.synchformer import SynchformerConfig
from phonofilm.encoders.synchformer import published_keys as picture_keys
from phonofilm.judges.clap import Clap, ClapConfig
from phonofilm.judges.htsat import HtsatConfig
from phonofilm.judges.imagebind import ImageBind, ImageBindConfig
from phonofilm.judges.panns import Cnn14, Cnn14Config
from phonofilm.judges.passt import Passt, PasstConfig
from phonofilm.judges.roberta import RobertaConfig
from phonofilm.judges.synchformer import SynchformerJudge, SynchformerJudgeConfig
from phonofilm.judges.vggish import Vggish, VggishConfig
from phonofilm.weights.official import JUDGES

Net = TypeVar("Net", bound=nn.Module)

SMALL_CNN14 = Cnn14Config(channels=(4, 4, 8, 8, 8, 16))
SMALL_VGGISH = VggishConfig(layers=(4, None, 4, None, 8, 8, None, 8, 8, None), hidden=16)
SMALL_PASST = PasstConfig(width=24, heads=3, layers=2)
SMALL_SYNCHFORMER = SynchformerJudgeConfig(width=24, heads=3, layers=2, comparing_heads=2, comparing_layers=2)
SMALL_PICTURES = SynchformerConfig(pixels=224, patch=16, width=24, heads=3, layers=1)
SMALL_IMAGEBIND = ImageBindConfig(
    width=16, picture_width=24, picture_layers=2, picture_heads=3, sound_width=24, sound_layers=2, sound_heads=3
)

WORDS = ("<s>", "<pad>", "</s>", "<unk>", "a", "dog", "barks", "rain")
SMALL_CLAP = ClapConfig(
    width=16,
    sound=HtsatConfig(width=8, layers=(2, 2, 2, 1), heads=(1, 2, 2, 4)),
    text=RobertaConfig(words=len(WORDS), positions=90, width=16, heads=2, layers=2),
)


def sweep(rate_hz: int, seconds: float) -> Tensor:
    """(S,) from 100 Hz to 0.4 of the rate over a hum: the signal that the numbers below were made from."""
    t = torch.arange(int(rate_hz * seconds), dtype=torch.float64) / rate_hz
    rising = 0.5 * torch.sin(2 * math.pi * (100 * t + (rate_hz * 0.4 - 100) / (2 * seconds) * t * t))
    return (rising + 0.05 * torch.cos(2 * math.pi * 37 * t)).float()


def randomly(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Numbers of a size that keeps what goes through a network within bounds."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(0)
            continue
        value = torch.randn(shape, generator=generator)
        if key.endswith("running_var"):
            value = 0.5 + value.abs()
        elif len(shape) > 1:
            value /= math.sqrt(math.prod(shape[1:]))
        elif key.endswith("weight"):
            value = 1 + 0.1 * value
        state[key] = value
    return state


def filled(network: Net, seed: int = 0) -> Net:
    """The network, ready to be asked."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    state = randomly(shapes, seed)
    if isinstance(network, Cnn14):
        state |= front_end(512, 4)
    if isinstance(network, Clap):
        state |= {f"audio_branch.{key}": value for key, value in front_end(1024, 8).items()}
    network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False)


def front_end(size: int, apart: int) -> dict[str, Tensor]:
    """Fourier transform and filters as PANNs' and CLAP's files store them: Hann window; filters here are triangles."""
    bins = torch.arange(size // 2 + 1, dtype=torch.float64)[:, None]  # (K, 1)
    angle = 2 * math.pi * (bins * torch.arange(size) / size % 1)  # (K, size)
    window = torch.hann_window(size, dtype=torch.float64)
    triangles = (1 - (bins - apart * torch.arange(64)[None] - 2).abs() / apart).clamp_min(0)
    return {
        "spectrogram_extractor.stft.conv_real.weight": (angle.cos() * window).float()[:, None],
        "spectrogram_extractor.stft.conv_imag.weight": (-angle.sin() * window).float()[:, None],
        "logmel_extractor.melW": triangles.float(),
    }


def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loaders build small networks."""
    for name, config in {
        "CNN14": SMALL_CNN14,
        "VGGISH": SMALL_VGGISH,
        "PASST": SMALL_PASST,
        "SYNCHFORMER_JUDGE": SMALL_SYNCHFORMER,
        "SYNCHFORMER_SIZES": SMALL_PICTURES,
        "IMAGEBIND": SMALL_IMAGEBIND,
        "CLAP": SMALL_CLAP,
    }.items():
        monkeypatch.setattr(f"phonofilm.weights.official.{name}", config)


def states() -> dict[str, dict[str, Tensor]]:
    """Judge → what its published file would hold, had the network been small."""
    made = {
        "panns": filled(Cnn14(SMALL_CNN14)),
        "vggish": filled(Vggish(SMALL_VGGISH)),
        "passt": filled(Passt(SMALL_PASST)),
        "synchformer": filled(SynchformerJudge(SMALL_SYNCHFORMER)),
        "imagebind": filled(ImageBind(SMALL_IMAGEBIND)),
        "clap": filled(Clap(SMALL_CLAP)),
    }
    found = {name: dict(network.state_dict()) for name, network in made.items()}
    found["synchformer"] |= randomly(picture_keys(SMALL_PICTURES), 1)
    found["imagebind"] |= {
        "modality_heads.text.proj.0.weight": torch.ones(3),
        "modality_postprocessors.audio.1.log_logit_scale": torch.tensor(3.0),
    }
    found["clap"] |= {
        "logit_scale_a": torch.tensor(2.6),
        "text_branch.embeddings.position_ids": torch.arange(90)[None],
        "audio_branch.layers.0.blocks.1.attn_mask": torch.zeros(64, 64, 64),
        "audio_branch.tscam_conv.weight": torch.zeros(3, 64, 2, 3),
    }
    return found


def wrapped(name: str, state: dict[str, Tensor]) -> object:
    """As training has left it."""
    if name == "panns":
        return {"iteration": 600_000, "model": state}
    if name == "clap":
        spread = {f"module.{key}": value for key, value in state.items()}
        return {"epoch": 15, "name": "a run", "state_dict": spread, "loss": np.float64(0.5)}
    return state


def write_files(folder: Path, *judges: str) -> Path:
    """The published files of some judges, of all when none is named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in states().items():
        if not judges or name in judges:
            torch.save(wrapped(name, state), folder / JUDGES[name].file.name)
    if not judges or "clap" in judges:
        write_words(folder)
    return folder


def write_words(folder: Path, words: Sequence[str] = WORDS) -> Path:
    """A tokenizer of a few words, with marks at both ends, where RoBERTa's is looked for."""
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    path = folder / "roberta-base" / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens.save(str(path))
    return path
