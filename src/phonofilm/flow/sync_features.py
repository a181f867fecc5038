"""Cue curves as the rows of mini's sync stream.

One row stands for one latent step. It holds the `patch` curve points inside the step for onset and for activity, and
two flags that say whether each curve is known: a zero onset curve means "nothing begins", a withheld one nothing.

Dimension letters: L latent steps, P points per step, D = 2 P + 2.
"""

import torch
from torch import Tensor


def sync_features(onset: Tensor | None, activity: Tensor | None, steps: int, patch: int) -> Tensor:
    """Onset and activity (L * P,) 0..1, or None where unknown → (L, D) float32 rows of about unit deviation."""
    rows = torch.zeros(steps, 2 * patch + 2)
    if onset is not None:
        rows[:, :patch] = 3 * onset.reshape(steps, patch)
        rows[:, 2 * patch] = 1
    if activity is not None:
        rows[:, patch : 2 * patch] = 2 * activity.reshape(steps, patch)
        rows[:, 2 * patch + 1] = 1
    return rows  # (L, D)
