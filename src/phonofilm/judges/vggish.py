"""VGGish: a small VGG over log-mel patches of 0.96 s, the embedding of the Fréchet audio distance.

Without its last rectifier and without the whitening and rounding to 8 bits that AudioSet's release adds, as the
benchmark uses it.

VGGish: Hershey et al. 2017, https://arxiv.org/abs/1609.09430; as a measure: Kilgour et al. 2019,
https://arxiv.org/abs/1812.08466. The weights are Google's (Apache-2.0), turned for torch by harritaylor/torchvggish.

Dimension letters: S samples, T frames, P patches, K frequency bins, M mel bands, C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phonofilm.judges.mel import bins_hz, triangles_over_mels

RATE_HZ = 16000
WINDOW, HOP, N_FFT = 400, 160, 512
BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7500.0
LOG_OFFSET = 0.01
PATCH = 96
WIDTH = 128
SHORTEST_SAMPLES = (PATCH - 1) * HOP + WINDOW


@dataclass(frozen=True)
class VggishConfig:
    """Sizes. layers: channels of the convolutions; None halves, which must happen four times. hidden: of the layers
    after them."""

    layers: tuple[int | None, ...]
    hidden: int


VGGISH = VggishConfig(layers=(64, None, 128, None, 256, 256, None, 512, 512, None), hidden=4096)


class Vggish(nn.Module):
    """The network with its published keys."""

    def __init__(self, config: VggishConfig = VGGISH) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in config.layers:
            if outputs is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = outputs
        self.features = nn.Sequential(*layers)
        flat = inputs * (PATCH // 16) * (BANDS // 16)
        hidden = config.hidden
        self.embeddings = nn.Sequential(
            nn.Linear(flat, hidden), nn.ReLU(True), nn.Linear(hidden, hidden), nn.ReLU(True), nn.Linear(hidden, WIDTH)
        )

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        """Samples (S,) at 16 kHz, full scale 1 → (P, 128), one row every 0.96 s; a rest shorter than that is left out.

        S must be SHORTEST_SAMPLES or more.
        """
        assert len(samples) >= SHORTEST_SAMPLES, f"{len(samples)} samples are fewer than {SHORTEST_SAMPLES}"
        # On the CPU, since Apple's GPUs have no float64.
        x = self.features(patches(samples.cpu()).to(samples.device))  # (P, C, 6, 4)
        flat = x.permute(0, 2, 3, 1).flatten(1)  # channels innermost, as TensorFlow stores them
        result: Tensor = self.embeddings(flat)
        return result


def patches(samples: Tensor) -> Tensor:
    """Samples (S,) → log-mel patches (P, 1, 96, 64), computed in float64 as the original does."""
    frames = samples.double().unfold(0, WINDOW, HOP)  # (T, WINDOW)
    window = torch.hann_window(WINDOW, periodic=True, dtype=torch.float64, device=samples.device)
    magnitude = torch.fft.rfft(frames * window, N_FFT).abs()  # (T, K)
    filters = triangles_over_mels(bins_hz(RATE_HZ, N_FFT), BANDS, LOW_HZ, HIGH_HZ).double().to(samples.device)
    log_mel = torch.log(magnitude @ filters.T + LOG_OFFSET)  # (T, M)
    count = len(log_mel) // PATCH
    return log_mel[: count * PATCH].view(count, 1, PATCH, BANDS).float()
