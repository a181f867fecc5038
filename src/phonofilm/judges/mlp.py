"""The two linear layers that follow attention in most transformers, under the names that timm has given them.

Dimension letters: D width.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """To four times the width and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result
