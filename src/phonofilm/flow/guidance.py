"""From a network and conditions to the one velocity field that a sampler follows."""

from torch import Tensor

from phonofilm.flow.conditions import Conditions
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.sampler import Velocity, guided


def field(network: FlowNetwork, conditions: Conditions, empty: Conditions, scale: float) -> Velocity:
    """The guided velocity under `conditions`, pushed away from `empty`; both sides run as one batch.

    `conditions` and `empty` hold one entry per take. Up to a scale of 1 nothing is pushed and `empty` costs nothing.
    """
    if scale <= 1:
        alone = conditions.condensed()
        return lambda x, t: network(x, t, alone)
    together = Conditions.cat([conditions, empty]).condensed()

    def both(x: Tensor, t: Tensor) -> Tensor:
        made: Tensor = network(x, t, together)  # (2 B, L, C)
        return made

    return guided(both, scale)
