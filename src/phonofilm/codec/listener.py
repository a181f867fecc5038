"""The listener: a small network that says what kinds of sound a waveform holds.

It is the judge of generated sound, so it must know nothing of how that was made. Each class has its own yes or no (a
sigmoid): a scene may hold rain and a dog, and taking one away must lower that one's score. Level carries no meaning
here: the waveform is brought to one peak before the transform and the log-mel to one reference after it.

The network is a plain residual 2-d convolution stack with batch normalisation, as has long worked for sound events on
little data (Kong et al. 2020, "PANNs"; Piczak 2015), pooled over time by mean plus maximum, so that a steady sea and
a single sneeze are both heard, in a recording of any length.

What stands before the last layer, the embedding, is used in two more ways: distances between sets of sounds are taken
in it, and a small head brings it into one space with sentences, so that any words can be compared with a sound (as
Elizalde et al. 2022, "CLAP", with a linear map on either side, since the recordings are few).

Dimension letters: B batch, S samples, M mel bands, T steps of the log-mel, C classes, W channels, H width of the
embedding, N windows, K sentences, D width of a sentence vector (384), P width of the common space.
"""

import itertools
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from phonofilm.codec.spectral import MEL_44K, MelSpectrogram
from phonofilm.errors import ModelError

SILENT_PEAK = 1e-4
"""-80 dB full scale: nothing that a viewer could hear, so nothing is scored."""
HOP = 2 * MEL_44K.hop
"""Two mel frames make one step of 23 ms."""
BANDS = MEL_44K.bands
REFERENCE_PATCH = (8, 4)
"""The loudest patch of 8 bands x 4 steps is the reference level: one stray bin cannot move it."""
PITCHES = (-2, 0, 2)
"""Bands by which a sound is moved before it is heard; the logits are averaged. A 128th of the range is a semitone or
two, which changes no class, and three opinions are better than one: by five-fold cross-validation 85 for 83 % of the
ten classes right. Opinions at other speeds added nothing."""
SHORTEST_FRAMES = 43
"""Shorter sounds are continued with silence to this length (1 s)."""
SENTENCE_WIDTH = 384
"""Of the sentence vectors (MiniLM) that the words head was trained with."""


@dataclass(frozen=True)
class ListenerConfig:
    """Dimensions of the network and the names of its outputs.

    range_nepers: how far below the reference a spectrogram reaches; the rest counts as silence.
    window_frames: longer recordings are heard in pieces of about this many frames whose embeddings are averaged.
    words: width of the space that sounds and sentences share; 0 when the listener was taught no sentences.
    """

    classes: tuple[str, ...]
    bands: int
    stem: int
    widths: tuple[int, ...]
    head: int
    dropout: float
    range_nepers: float
    window_frames: int
    words: int


def coarse(mel: Tensor) -> Tensor:
    """Log-mel (B, M, 2 T) → (B, M, T), the mean magnitude of every two neighbours in time.

    128 bands every 23 ms: half the bands cost 5 points of accuracy, half the hop brought none.
    """
    return torch.logaddexp(mel[:, :, ::2], mel[:, :, 1::2]) - math.log(2)  # (B, M, T)


def reference_level(mel: Tensor) -> Tensor:
    """Log-mel (B, M, T), M, T >= 4 → level (B, 1, 1) of its loudest patch."""
    stride = (REFERENCE_PATCH[0] // 2, REFERENCE_PATCH[1] // 2)
    patches = nn.functional.avg_pool2d(mel[:, None], REFERENCE_PATCH, stride)
    return patches.amax(dim=(2, 3), keepdim=True)[:, 0]  # (B, 1, 1)


class Stage(nn.Module):
    """Halve both axes, then one residual convolution."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(width_in, width, 3, stride=2, padding=1, bias=False)
        self.halve_norm = nn.BatchNorm2d(width)
        self.same = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.same_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, M, T) → (B, W', M / 2, T / 2)."""
        x = torch.relu(self.halve_norm(self.halve(x)))  # (B, W', M/2, T/2)
        return torch.relu(x + self.same_norm(self.same(x)))


class Listener(nn.Module):
    """Log-mel → one logit a class."""

    def __init__(self, config: ListenerConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = MelSpectrogram(MEL_44K)  # has no weights and is in no file
        self.stem = nn.Conv2d(1, config.stem, 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.stem)
        widths = (config.stem, *config.widths)
        self.stages = nn.ModuleList(Stage(a, b) for a, b in itertools.pairwise(widths))
        rows = config.bands // 2 ** len(widths)
        self.head_in = nn.Linear(widths[-1] * rows, config.head)
        self.dropout = nn.Dropout(config.dropout)
        self.head_out = nn.Linear(config.head, len(config.classes))
        if config.words:
            self.words_of_sound = nn.Linear(config.head, config.words, bias=False)
            self.words_of_sentence = nn.Linear(SENTENCE_WIDTH, config.words, bias=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Coarse log-mel (B, M, T), T >= SHORTEST_FRAMES → embedding (B, H)."""
        level = (mel - reference_level(mel)) / self.config.range_nepers  # (B, M, T)
        level = level.clamp(-1, 0.5) * 2 + 1  # -1 is silence, 1 the reference
        x = level[:, None]  # (B, 1, M, T)
        x = x.contiguous(memory_format=torch.channels_last)
        x = torch.relu(self.stem_norm(self.stem(x)))  # (B, W, M/2, T/2)
        for stage in self.stages:
            x = stage(x)
        # Pitch is not averaged away: where in the spectrum something lies tells a helicopter from rain.
        x = x.permute(0, 3, 1, 2).flatten(2)  # (B, T/16, W M/16)
        x = torch.relu(self.head_in(self.dropout(x)))  # (B, T/16, H)
        embedding: Tensor = x.mean(dim=1) + x.amax(dim=1)  # (B, H)
        return embedding

    def answers(self, embedding: Tensor) -> Tensor:
        """Embedding (B, H) → logits (B, C)."""
        logits: Tensor = self.head_out(self.dropout(embedding)).float()  # (B, C)
        return logits

    def place_sounds(self, embedding: Tensor) -> Tensor:
        """Embedding (B, H) → unit vectors (B, P) in the space shared with sentences. Raises ModelError without one."""
        self._check_words()
        return nn.functional.normalize(self.words_of_sound(embedding).float(), dim=-1)  # (B, P)

    def place_sentences(self, vectors: Tensor) -> Tensor:
        """Sentence vectors (K, D) → unit vectors (K, P) in the space shared with sounds. Raises ModelError without."""
        self._check_words()
        return nn.functional.normalize(self.words_of_sentence(vectors).float(), dim=-1)  # (K, P)

    def _check_words(self) -> None:
        if not self.config.words:
            raise ModelError("this listener was taught no sentences; install Phonofilm again")

    def heard(self, mel: Tensor) -> Tensor:
        """Coarse log-mel (B, M, T), T >= SHORTEST_FRAMES → embedding (B, H), the mean over PITCHES."""
        reach = max(PITCHES)
        wide = nn.functional.pad(mel, (0, 0, reach, reach), mode="replicate")  # (B, M + 2 reach, T)
        bands = mel.shape[1]
        moved = [wide[:, reach + pitch : reach + pitch + bands] for pitch in PITCHES]
        return torch.stack([self(part) for part in moved]).mean(dim=0)

    @torch.no_grad()
    def embed(self, wave: Tensor) -> Tensor:
        """Mono waveforms (B, S) at 44.1 kHz, any level and length → embedding (B, H), 0 where nothing is loud enough.

        Level is not seen, nor anything that comes and goes faster than 23 ms, nor phase. What is louder than the rest
        of a sound for one moment counts as much as what goes on throughout.
        """
        peak = _peaks(wave)  # (B, 1)
        frames = max(SHORTEST_FRAMES, -(-wave.shape[1] // HOP))
        wave = nn.functional.pad(wave / peak.clamp_min(SILENT_PEAK), (0, frames * HOP - wave.shape[1]))
        mel = coarse(self.mel(wave))  # (B, M, T)
        count = max(1, round(frames / self.config.window_frames))
        length = -(-frames // count)
        starts = [round(i * (frames - length) / max(1, count - 1)) for i in range(count)]
        parts = torch.stack([self.heard(mel[:, :, start : start + length]) for start in starts])  # (N, B, H)
        return parts.mean(dim=0) * (peak > SILENT_PEAK)  # (B, H)

    @torch.no_grad()
    def scores(self, wave: Tensor) -> Tensor:
        """Mono waveforms (B, S) at 44.1 kHz, any level and length → scores (B, C), each 0 to 1, independent.

        A waveform that never exceeds SILENT_PEAK scores 0 everywhere.
        """
        embedding = self.embed(wave)  # (B, H)
        return self.answers(embedding).sigmoid() * (_peaks(wave) > SILENT_PEAK)  # (B, C)


def _peaks(wave: Tensor) -> Tensor:
    """(B, S) → (B, 1) the largest absolute value of each; 0 for none."""
    return wave.abs().amax(dim=1, keepdim=True) if wave.shape[1] else wave.new_zeros(len(wave), 1)


def save_listener(listener: Listener, path: Path) -> None:
    """Write weights as fp16 safetensors with the config in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.half().contiguous() for k, v in listener.state_dict().items() if not _is_counter(k)}
    save_file(tensors, path, metadata={"config": json.dumps(asdict(listener.config))})
    path.chmod(0o644)  # safetensors writes files that only their owner may read


def read_listener(path: Path) -> Listener:
    """The listener at `path`, float32, ready to judge. Raises ModelError when the file is missing or does not fit."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"listener {path} cannot be read ({error}); install Phonofilm again") from error
    listener = Listener(_config(metadata, path))
    wanted = {k: v.shape for k, v in listener.state_dict().items() if not _is_counter(k)}
    if {k: v.shape for k, v in tensors.items()} != wanted:
        raise ModelError(f"listener {path} holds other weights than its config says; install Phonofilm again")
    listener.load_state_dict(
        tensors, strict=False
    )  # the counters alone are left out; the check above is the strict one
    return listener.eval().requires_grad_(False)


def _is_counter(key: str) -> bool:
    """Batch normalisation counts its batches; the count is of no use after training."""
    return key.endswith("num_batches_tracked")


def _config(metadata: dict[str, str], path: Path) -> ListenerConfig:
    try:
        row: dict[str, Any] = json.loads(metadata["config"])
    except (KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"listener {path} has no readable config; install Phonofilm again") from error
    row = {"words": 0, **row}  # files from before sentences were taught do not say so
    if set(row) != {field.name for field in fields(ListenerConfig)}:
        raise ModelError(f"listener {path} has a config of another version; install Phonofilm again")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return ListenerConfig(**values)
