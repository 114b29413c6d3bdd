"""How much has arrived at a node in one time step of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class ArrivalPeaks:
    """Largest magnitudes that reached one neuron of a node in a time step, in weight units.

    Attributes
    ----------
    synaptic
        Through synapses.
    injected
        From the host.
    total
        Together.
    """

    node: str
    synaptic: int
    injected: int
    total: int

    def or_larger(self, other: ArrivalPeaks) -> ArrivalPeaks:
        """The larger magnitudes of this and another simulation of the same program."""
        return ArrivalPeaks(
            self.node,
            max(self.synaptic, other.synaptic),
            max(self.injected, other.injected),
            max(self.total, other.total),
        )


@runtime_checkable
class CountsArrivals(Protocol):
    """A simulator that knows how much has arrived at each node in a time step."""

    @property
    def arrival_peaks(self) -> list[ArrivalPeaks]: ...
