"""The 1-d ConvNeXt block that the small codec networks are stacked from (Liu et al. 2022; as in Vocos, Siuzdak 2023).

Data is channel-last, so that all but the depthwise convolution are plain matrix products: on CPUs with bf16 matrix
units those run about ten times faster than in float32.

Dimension letters: B batch, L steps, W width, H hidden width.
"""

import torch
from torch import Tensor, nn


class ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron per step, added to the input."""

    def __init__(self, width: int, hidden: int, kernel: int, initial_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)
        # Starting near the identity lets a deep stack train without warm-up (layer scale, Touvron et al. 2021).
        self.scale = nn.Parameter(torch.full((width,), initial_scale))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, W) → (B, L, W)."""
        h = self.depthwise(x.transpose(1, 2)).transpose(1, 2)  # (B, L, W)
        h = nn.functional.gelu(self.expand(self.norm(h)))  # (B, L, H)
        result: Tensor = x + self.scale * self.reduce(h)  # (B, L, W)
        return result
