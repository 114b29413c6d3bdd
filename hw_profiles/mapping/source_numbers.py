"""Numbers for all source neurons of a network, and for the host's values that arrive as spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.network import ChipNetwork, HostCurrent, SynapseFormat, SynapseList


class SourceNumbers:
    """Numbers of source neurons, and what arrives at each population from its sources, numbered in their order."""

    def __init__(self, network: ChipNetwork, capacity: Capacity) -> None:
        self.count = 0
        self._first: dict[str, dict[str, int]] = {item.name: {} for item in network.populations}
        self._arriving: dict[str, list[tuple[int, SynapseList]]] = {item.name: [] for item in network.populations}
        numbers = {item.name: self._number(item.size) for item in network.populations}
        for projection in network.projections:
            if projection.synapses.count == 0:
                continue
            self._add(projection.source, numbers[projection.source], projection.target, projection.synapses)
        if carries_values(capacity):
            shared: dict[tuple[int, int], SynapseList] = {}
            for order, current in enumerate(network.host_currents):
                synapses = shared.setdefault((current.size, current.exponent), _of_current(current, capacity))
                self._add(f"host {order}", self._number(current.size), current.target, synapses)

    def _number(self, size: int) -> int:
        """The first of ``size`` new numbers."""
        self.count += size
        return self.count - size

    def _add(self, source: str, first: int, target: str, synapses: SynapseList) -> None:
        self._first[target].setdefault(source, first)
        self._arriving[target].append((list(self._first[target]).index(source), synapses))

    def arriving(self, population: str) -> list[tuple[int, SynapseList]]:
        """The synapses at ``population``, each list with the number of its source among the population's sources."""
        return self._arriving[population]

    def numbers(self, population: str, source: NDArray[np.int64], neuron: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of source neurons, each given by its source's number at ``population`` and its own in there."""
        first = np.array([*self._first[population].values(), 0], dtype=np.int64)
        numbers: NDArray[np.int64] = first[source] + neuron
        return numbers


def carries_values(capacity: Capacity) -> bool:
    """Whether a spike of this chip may carry a value."""
    return capacity.payload_bits is not None and capacity.payload_bits.value > 0


def _of_current(current: HostCurrent, capacity: Capacity) -> SynapseList:
    neurons = np.arange(current.size, dtype=np.int32)
    bits = round(capacity.weight_bits.value) if capacity.weight_bits is not None else 1
    nothing = np.zeros_like(neurons)
    return SynapseList(neurons, neurons, nothing, nothing, (SynapseFormat(bits, current.exponent),))
