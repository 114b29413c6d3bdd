"""How much has arrived at a node in one time step of a run."""

from __future__ import annotations

from dataclasses import dataclass


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
