"""What the flow network is told about one batch of clips: projected once, used at every sampling step.

Dimension letters: B batch, L latent steps, Fc image features, Fs sync features, T text tokens, D width, P pairs of
rotary channels.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ROTARY_BASE = 10000.0


@dataclass(frozen=True)
class Spread:
    """Where condensed sync rows go: clip (R) that each belongs to, and row (B, L) of each latent step."""

    clip: Tensor
    row: Tensor


@dataclass(frozen=True)
class Conditions:
    """Projected conditions of one batch.

    clip (B, Fc, D), sync (B, Fs, D), text (B, T, D): projected tokens.
    overall (B, D): what image and text say about the clip as a whole.
    latent_turn (L, P), clip_turn (Fc, P): complex rotations that put latents and image features on one time axis.
    spread: see `condensed`.
    """

    clip: Tensor
    sync: Tensor
    text: Tensor
    overall: Tensor
    latent_turn: Tensor
    clip_turn: Tensor
    spread: "Spread | None" = None

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
            assert part.spread is None, "condense conditions after they are put together"
        tokens = ("clip", "sync", "text", "overall")
        joined: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts]) for name in tokens}
        return replace(self, **joined)

    def condensed(self) -> "Conditions":
        """The same conditions with each distinct sync row of a clip once: sync (R, D), and where it goes in `spread`.

        All that is computed per latent step from sync and overall alone is computed per distinct row. A picture has as
        many as it has sync features; nothing seen has some twenty, inner rows of the convolutions over it being alike.
        """
        if self.spread is not None:
            return self
        stretched = nearest_rows(self.sync.shape[1], self.latent_steps, self.sync.device)  # (L)
        distinct: list[Tensor] = []
        index: list[Tensor] = []
        count = 0
        for sync in self.sync:
            rows, place = torch.unique(sync, dim=0, return_inverse=True)  # (R', D), (Fs)
            distinct.append(rows)
            index.append(count + place[stretched])  # (L)
            count += len(rows)
        sizes = torch.tensor([len(rows) for rows in distinct], device=self.sync.device)
        clips = torch.repeat_interleave(torch.arange(self.batch, device=self.sync.device), sizes)  # (R)
        return replace(self, sync=torch.cat(distinct), spread=Spread(clips, torch.stack(index)))


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
