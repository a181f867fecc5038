"""The field's judges, small and filled with random numbers, and files of them in the published layout."""

import math
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from phonofilm.encoders.synchformer import SynchformerConfig
from phonofilm.encoders.synchformer import published_keys as picture_keys
from phonofilm.judges.imagebind import ImageBind, ImageBindConfig
from phonofilm.judges.panns import Cnn14, Cnn14Config
from phonofilm.judges.passt import Passt, PasstConfig
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
        state |= front_end()
    network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False)


def front_end() -> dict[str, Tensor]:
    """Fourier transform and filters as PANNs' file stores them: Hann window; filters here are plain triangles."""
    turns = torch.arange(257, dtype=torch.float64)[:, None] * torch.arange(512) / 512  # (K, WINDOW)
    angle = 2 * math.pi * (turns % 1)
    window = torch.hann_window(512, dtype=torch.float64)
    triangles = (1 - (torch.arange(257)[:, None] - 4 * torch.arange(64)[None] - 2).abs() / 4).clamp_min(0)
    return {
        "spectrogram_extractor.stft.conv_real.weight": (angle.cos() * window).float()[:, None],
        "spectrogram_extractor.stft.conv_imag.weight": (-angle.sin() * window).float()[:, None],
        "logmel_extractor.melW": triangles,
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
    }
    found = {name: dict(network.state_dict()) for name, network in made.items()}
    found["synchformer"] |= randomly(picture_keys(SMALL_PICTURES), 1)
    found["imagebind"] |= {
        "modality_heads.text.proj.0.weight": torch.ones(3),
        "modality_postprocessors.audio.1.log_logit_scale": torch.tensor(3.0),
    }
    return found


def write_files(folder: Path, *judges: str) -> Path:
    """The published files of some judges, all that are not CLAP when none is named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in states().items():
        if not judges or name in judges:
            torch.save({"model": state} if name == "panns" else state, folder / JUDGES[name].file.name)
    return folder


def write_clap(folder: Path) -> Path:
    """A small LAION-CLAP in the layout of the library transformers, with a tokenizer of a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    text = {"vocab_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 32, "projection_dim": 8, "max_position_embeddings": 90}
    hearing = {"patch_embeds_hidden_size": 8, "hidden_size": 64, "depths": [1, 1, 1, 1], "projection_dim": 8}
    hearing |= {"num_attention_heads": [1, 1, 1, 1], "num_hidden_layers": 4, "enable_fusion": False}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ClapModel(ClapConfig(text_config=text, audio_config=hearing, projection_dim=8)).save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    words = ["<s>", "<pad>", "</s>", "<unk>", "a", "dog", "barks", "rain"]
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokens, **names).save_pretrained(folder)
    return folder
