"""PANNs' Cnn14 at 16 kHz: twelve convolutions over a log-mel spectrogram, taught to name the 527 classes of AudioSet.

PANNs: Kong et al. 2020, https://arxiv.org/abs/1912.10211 (code MIT, weights CC BY 4.0).

Dimension letters: B batch, S samples, T frames, M mel bands, C channels, D width of the features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phonofilm.judges.judgement import Judgement
from phonofilm.judges.stored_mel import StoredLogMel, StoredSpectrogram

RATE_HZ = 16000
WINDOW = 512
HOP = 160
BANDS = 64
CLASSES = 527
SHORTEST_SAMPLES = 32 * HOP
"""Five halvings must leave a frame."""


@dataclass(frozen=True)
class Cnn14Config:
    """Sizes. channels: of the six blocks; the last is also the width of the features, D."""

    channels: tuple[int, ...]


CNN14 = Cnn14Config(channels=(64, 128, 256, 512, 1024, 2048))


class _Block(nn.Module):
    """Two convolutions, then the mean over two by two."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, halve: bool) -> Tensor:
        """(B, C, T, M) → (B, C', T / 2, M / 2), or (B, C', T, M) where it is not halved."""
        x = F.relu_(self.bn1(self.conv1(x)))
        x = F.relu_(self.bn2(self.conv2(x)))
        return F.avg_pool2d(x, 2) if halve else x


class Cnn14(nn.Module):
    """The network with its published keys."""

    def __init__(self, config: Cnn14Config = CNN14) -> None:
        super().__init__()
        channels, width = config.channels, config.channels[-1]
        self.blocks = len(channels)
        self.spectrogram_extractor = StoredSpectrogram(WINDOW, HOP)
        self.logmel_extractor = StoredLogMel(WINDOW, BANDS)
        self.bn0 = nn.BatchNorm2d(BANDS)
        for number, (inputs, outputs) in enumerate(zip((1, *channels), channels, strict=False), 1):
            self.add_module(f"conv_block{number}", _Block(inputs, outputs))
        self.fc1 = nn.Linear(width, width)
        self.fc_audioset = nn.Linear(width, CLASSES)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Judgement:
        """Samples (B, S) at 16 kHz, full scale 1 → features (B, D) and logits (B, 527).

        S must be SHORTEST_SAMPLES or more. Silence after the end changes what is said: nothing is padded.
        """
        assert samples.shape[1] >= SHORTEST_SAMPLES, f"{samples.shape[1]} samples are fewer than {SHORTEST_SAMPLES}"
        x = self.logmel_extractor(self.spectrogram_extractor(samples))  # (B, T, M)
        x = self.bn0(x.transpose(1, 2)[..., None])  # (B, M, T, 1): the bands are its channels
        x = x.permute(0, 3, 2, 1)  # (B, 1, T, M)
        for number in range(1, self.blocks + 1):
            x = self.get_submodule(f"conv_block{number}")(x, halve=number < self.blocks)
        x = x.mean(3)  # (B, C, T)
        features = F.relu(self.fc1(x.amax(2) + x.mean(2)))  # (B, D)
        return Judgement(features, self.fc_audioset(features))
