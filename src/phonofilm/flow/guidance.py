"""From a network and conditions to the one velocity field that a sampler follows."""

from dataclasses import dataclass

from torch import Tensor

from phonofilm.flow.conditions import Conditions
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.sampler import Velocity, guided


@dataclass(frozen=True)
class Timed:
    """Conditions that say when and nothing else, and how hard they are to pull: 1 as they do by themselves.

    Without them guidance exaggerates times as much as words, and times win: whatever is asked for, clicks come out.
    """

    conditions: Conditions
    scale: float


def field(
    network: FlowNetwork,
    conditions: Conditions,
    empty: Conditions,
    scale: float,
    timed: Timed | None = None,
    *,
    rescale: float = 0.0,
    since: float = 0.0,
) -> Velocity:
    """The guided velocity under `conditions`, pushed away from `empty`; all sides run as one batch.

    With `timed`: empty + timed.scale (timed - empty) + scale (conditions - timed). All hold one entry per take. Up to a
    scale of 1 nothing is pushed; what has no weight costs nothing. rescale: as in `guided`.
    since: before this time nothing is pushed either (Kynkäänniemi et al. 2024).
    """
    alone = conditions.condensed()
    if scale <= 1:
        return lambda x, t: network(x, t, alone)
    parts = [(conditions, scale), (empty, 1 - scale)]
    if timed is not None:
        parts[1:] = [(timed.conditions, timed.scale - scale), (empty, 1 - timed.scale)]
    parts = [(part, weight) for part, weight in parts if weight]
    together = Conditions.cat([part for part, _ in parts]).condensed()
    count = len(parts)

    def every(x: Tensor, t: Tensor) -> Tensor:
        made: Tensor = network(x, t, together)  # (count B, L, C)
        assert made.shape[0] == count * x.shape[0], "one velocity per condition"
        return made

    pushed = guided(every, [weight for _, weight in parts], rescale)
    return lambda x, t: pushed(x, t) if float(t) >= since else network(x, t, alone)
