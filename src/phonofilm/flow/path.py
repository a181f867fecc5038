"""The straight path from noise (t = 0) to data (t = 1) that the network learns to follow (Lipman et al. 2023).

Dimension letters: B batch; the dots are any further dimensions.
"""

from torch import Tensor


def point(noise: Tensor, data: Tensor, t: Tensor) -> Tensor:
    """Where the path from `noise` to `data` (B, ...) is at times t (B): (1 - t) noise + t data, (B, ...)."""
    spread = t.view(-1, *[1] * (data.dim() - 1))  # (B, 1, ...)
    return (1 - spread) * noise + spread * data


def direction(noise: Tensor, data: Tensor) -> Tensor:
    """The velocity along that path, the same at every time: data - noise, (B, ...)."""
    return data - noise
