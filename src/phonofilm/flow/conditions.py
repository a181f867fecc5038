"""What the flow network is told about one batch of clips: projected once, used at every sampling step.

Dimension letters: B batch, L latent steps, Fc image features, Fs sync features, T text tokens, D width, P pairs of
rotary channels.
"""

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

ROTARY_BASE = 10000.0


@dataclass(frozen=True)
class Conditions:
    """Projected conditions of one batch.

    clip (B, Fc, D), sync (B, Fs, D), text (B, T, D): projected tokens; sync holds only its distinct rows.
    overall (B, D): what image and text say about the clip as a whole.
    latent_turn (L, P), clip_turn (Fc, P): complex rotations that put latents and image features on one time axis.
    """

    clip: Tensor
    sync: Tensor
    text: Tensor
    overall: Tensor
    latent_turn: Tensor
    clip_turn: Tensor

    @property
    def batch(self) -> int:
        """Number of clips B."""
        return self.clip.shape[0]

    @property
    def latent_steps(self) -> int:
        """Number of latent steps L."""
        return self.latent_turn.shape[0]

    def repeat(self, times: int) -> "Conditions":
        """The whole batch `times` over, (B, ...) → (times B, ...): one entry per take."""
        return self._over([self] * times)

    @staticmethod
    def cat(parts: "list[Conditions]") -> "Conditions":
        """Several batches of equal lengths as one, in order."""
        return parts[0]._over(parts)

    def _over(self, parts: "list[Conditions]") -> "Conditions":
        for part in parts:
            assert part.latent_steps == self.latent_steps, "conditions for different lengths cannot form one batch"
        tokens = ("clip", "sync", "text", "overall")
        joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in tokens}
        return replace(self, **joined)

    def to(self, device: torch.device) -> "Conditions":
        """The same record on another device."""
        return Conditions(**{item.name: getattr(self, item.name).to(device) for item in fields(self)})


def rotations(count: int, scale: float, head_width: int, device: torch.device) -> Tensor:
    """Rotary angles of positions 0..count-1 times `scale`, as unit complex numbers (count, P) (Su et al. 2021)."""
    # In float32 and in this order, so that the angles are, to the last digit, those of the published networks. A window
    # has some 350 steps; float32 is off by 1e-5 of a turn there.
    channels = torch.arange(0, head_width, 2, dtype=torch.float32, device=device)  # (P)
    frequencies = scale * (1 / ROTARY_BASE ** (channels / head_width))  # (P)
    angles = torch.outer(torch.arange(count, dtype=torch.float32, device=device), frequencies)  # (count, P)
    return torch.polar(torch.ones_like(angles), angles)


def nearest_rows(source: int, target: int, device: torch.device) -> Tensor:
    """Which of `source` rows each of `target` rows shows when stretched: floor((i + 1/2) source / target), (target)."""
    # By the routine that the published networks were trained with: where the quotient is whole, its rounding decides
    # (rows 57 and 172 of 192 → 345 are one lower than in exact arithmetic).
    line = torch.arange(source, dtype=torch.float32)[None, None]
    return F.interpolate(line, target, mode="nearest-exact")[0, 0].long().to(device)
