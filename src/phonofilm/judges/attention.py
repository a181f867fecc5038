"""Attention of a sequence to itself, under the names that BERT has given it: AST and RoBERTa have them too.

Dimension letters: B batch, N tokens, D width, H heads.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """What each token takes from all others, of several heads; what is made of it comes after."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) → (B, N, D)."""
        split = (*x.shape[:2], self.heads, -1)
        parts = (layer(x).view(split).transpose(1, 2) for layer in (self.query, self.key, self.value))
        query, key, value = parts  # (B, H, N, D / H) each
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
