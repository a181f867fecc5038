"""What a classifier of sound says.

Dimension letters: B batch, D width of the features, K classes.
"""

from typing import NamedTuple

from torch import Tensor


class Judgement(NamedTuple):
    """features: (B, D), what the last layer before the classes sees. logits: (B, K), before any softmax or sigmoid."""

    features: Tensor
    logits: Tensor
