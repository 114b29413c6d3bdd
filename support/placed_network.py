"""A program on a chip's cores, neuron by neuron and synapse by synapse.

An energy estimate spreads a population's spikes evenly over its neurons. Here each neuron has its own, so that another
simulator's counts can be compared exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.mapping.relays import RELAY_FORMAT, insert_relays
from hw_profiles.network import ChipNetwork, Role
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program.limits import AND_WEIGHT
from neuro_runtime.program.nodes import Sparse
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.weight_matrices import dense_matrices

Integers = NDArray[np.int64]
Raster = NDArray[np.bool_]  # (time steps, neurons)


@dataclass(frozen=True)
class PlacedCounts:
    """Events on the chip."""

    spikes: int
    synops: int
    messages: int
    hops_ew: int
    hops_ns: int


@dataclass(frozen=True, eq=False)
class PlacedNetwork:
    """A mapped program; its neurons are numbered through the populations in their order, relays included.

    Attributes
    ----------
    network
        The populations and projections as they are placed.
    first
        Number of each population's first neuron.
    core
        Of each neuron, (neurons,).
    tile_x, tile_y, index_in_tile
        Where each core is, (cores,).
    source, target, delay, weight
        Of each synapse, (synapses,); weights with their powers of two multiplied in.
    """

    network: ChipNetwork
    first: Mapping[str, int]
    core: Integers
    tile_x: Integers
    tile_y: Integers
    index_in_tile: Integers
    source: Integers
    target: Integers
    delay: Integers
    weight: NDArray[np.float64]

    @property
    def neurons(self) -> int:
        """Neurons."""
        return len(self.core)

    def part(self, population: str) -> slice:
        """The numbers of a population's neurons."""
        first = self.first[population]
        return slice(first, first + self.network.population(population).size)

    def counts(self, spikes: Integers) -> PlacedCounts:
        """The events of ``spikes`` of each neuron, (neurons,): a message to each core that it has a synapse on."""
        sender, receiver = np.unique(np.stack([self.source, self.core[self.target]]), axis=1)
        sent, own = spikes[sender], self.core[sender]
        return PlacedCounts(
            spikes=int(spikes.sum()),
            synops=int(spikes[self.source].sum()),
            messages=int(sent.sum()),
            hops_ew=int((sent * abs(self.tile_x[own] - self.tile_x[receiver])).sum()),
            hops_ns=int((sent * abs(self.tile_y[own] - self.tile_y[receiver])).sum()),
        )

    def raster(self, spikes: Mapping[str, Raster]) -> Raster:
        """Every spike, (time steps, neurons), from those of the program's nodes, (time steps, size) each.

        A relay repeats its source one time step and its synapse's delay later.
        """
        steps = len(next(iter(spikes.values())))
        fired = np.zeros((steps, self.neurons), dtype=bool)
        for name, raster in spikes.items():
            fired[:, self.part(name)] = raster
        for projection in self.network.projections:
            if self.network.population(projection.target).role is Role.relay:
                late = 1 + int(projection.synapses.delay[0])
                source = fired[: max(steps - late, 0), self.part(projection.source)]
                fired[late:, self.part(projection.target)] = source[:, projection.synapses.source_index]
        return fired


def placed_network(program: SpikingProgram, mapping: ChipMapping) -> PlacedNetwork:
    """A loihi program as ``mapping`` placed its network."""
    network = mapping.network
    sizes = [population.size for population in network.populations]
    first = dict(zip(mapping.populations, [0, *np.cumsum(sizes)[:-1].tolist()], strict=True))
    core = np.zeros(sum(sizes), dtype=np.int64)
    for number, item in enumerate(mapping.cores):
        for part in item.slices:
            core[first[part.population] + part.first : first[part.population] + part.end] = number
    synapses = [
        (first[item.source] + item.synapses.source_index, first[item.target] + item.synapses.target_index)
        for item in network.projections
    ]
    return PlacedNetwork(
        network=network,
        first=first,
        core=core,
        tile_x=np.array([item.place.tile_x for item in mapping.cores]),
        tile_y=np.array([item.place.tile_y for item in mapping.cores]),
        index_in_tile=np.array([item.place.index_in_tile for item in mapping.cores]),
        source=np.concatenate([source for source, _ in synapses]).astype(np.int64),
        target=np.concatenate([target for _, target in synapses]).astype(np.int64),
        delay=np.concatenate([item.synapses.delay for item in network.projections]).astype(np.int64),
        weight=_weights(program, network),
    )


def _weights(program: SpikingProgram, placed: ChipNetwork) -> NDArray[np.float64]:
    """The weight of each synapse of the placed network; those into relays are an AND neuron's.

    The mapper knows synapses without their weights. So that they can be told apart after relays were put in, each
    carries its number in place of that of its format.
    """
    unplaced = chip_network(program)
    weights = _unplaced_weights(program)
    ends = np.cumsum([item.synapses.count for item in unplaced.projections])
    formats = (RELAY_FORMAT,) * len(weights)
    numbered = [
        dataclasses.replace(
            item,
            synapses=dataclasses.replace(
                item.synapses,
                format_index=np.arange(end - item.synapses.count, end, dtype=np.int32),
                formats=formats,
            ),
        )
        for item, end in zip(unplaced.projections, ends.tolist(), strict=True)
    ]
    relayed = insert_relays(dataclasses.replace(unplaced, projections=tuple(numbered)), _longest_delay(placed))
    return np.concatenate(
        [
            np.full(item.synapses.count, float(AND_WEIGHT))
            if relayed.population(item.target).role is Role.relay
            else weights[item.synapses.format_index]
            for item in relayed.projections
        ]
    )


def _unplaced_weights(program: SpikingProgram) -> NDArray[np.float64]:
    """The weight of each synapse of :func:`~neuro_runtime.chip_network.chip_network`, in its order."""
    projections = iter(chip_network(program).projections)
    weights: list[NDArray[Any]] = []
    for matrix in dense_matrices(program.unfolded).values():
        if matrix.synapses.any():
            synapses = next(projections).synapses
            scaled = [part * 2.0**power for part, power in zip(matrix.parts, matrix.exponents, strict=True)]
            weights.append(np.stack(scaled)[synapses.format_index, synapses.target_index, synapses.source_index])
    listed = [item for item in program.unfolded if isinstance(item, Sparse)]
    weights += [np.asarray(item.weight, dtype=np.float64) * 2.0**item.exponent for item in listed]
    return np.concatenate(weights)


def _longest_delay(placed: ChipNetwork) -> int:
    """The delay of the synapses into relays; without any, the longest there is."""
    into_relays = [
        int(item.synapses.delay[0]) for item in placed.projections if placed.population(item.target).role is Role.relay
    ]
    return into_relays[0] if into_relays else max(int(item.synapses.delay.max()) for item in placed.projections)
