"""The result of mapping: which neurons lie on which core, what that takes of each, and what a spike then costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hw_profiles.network import ChipNetwork

Floats = NDArray[np.float64]


class OperationKind(Enum):
    """Where an operation runs."""

    synaptic = "synaptic"
    coincidence = "coincidence neuron"
    product = "product neuron"
    graded = "graded neuron"
    host = "host"
    unsupported = "unsupported"


@dataclass(frozen=True)
class Operation:
    """The demands of one layer, and the part of this chip that runs it.

    Attributes
    ----------
    count
        Synapses, neurons, or multiply-accumulates of the host, as ``what`` says.
    why
        The reason for the kind, one sentence.
    """

    kind: OperationKind
    layer: str
    what: str
    count: int
    why: str


@dataclass(frozen=True)
class ResourceUse:
    """How much of a resource is taken, and how much there is; ``limit`` None where the chip states none."""

    used: int
    limit: int | None

    @property
    def fraction(self) -> float:
        """Used part, 0 where there is no limit."""
        return self.used / self.limit if self.limit else 0.0


Uses = Mapping[str, ResourceUse]


@dataclass(frozen=True)
class Slice:
    """Neurons ``first`` … ``end − 1`` of a population."""

    population: str
    first: int
    end: int

    @property
    def size(self) -> int:
        """Neurons."""
        return self.end - self.first


@dataclass(frozen=True)
class Place:
    """Where a core is: its chip, its tile there, and its number in the tile."""

    chip: int
    tile_x: int
    tile_y: int
    index_in_tile: int

    @property
    def tile(self) -> tuple[int, int, int]:
        """The chip, and the tile on it."""
        return self.chip, self.tile_x, self.tile_y


@dataclass(frozen=True)
class Core:
    """One core: where it is, what lies on it, and what that takes, by resource."""

    place: Place
    slices: tuple[Slice, ...]
    uses: Uses

    @property
    def neurons(self) -> int:
        """Neurons on it."""
        return sum(part.size for part in self.slices)


@dataclass(frozen=True)
class LayerUse:
    """The resources that a population takes of its cores.

    Attributes
    ----------
    cores
        How many; other populations may share them.
    neurons_per_core
        Neurons of this population on the core that has most of them.
    resources
        Shares of the core that is fullest in the binding resource, everything on it included.
    binding
        The resource of which most is taken.
    synapse_kb
        Kilobytes (1000 bytes) of the population's own synapse lists, all cores.
    axons_in, axons_out
        Source neurons that reach its cores; pairs of its neurons and the cores they reach.
    """

    name: str
    cores: int
    neurons_per_core: int
    resources: Uses
    binding: str
    synapse_kb: float
    axons_in: int
    axons_out: int


@dataclass(frozen=True, eq=False)
class ChipMapping:
    """A network placed on chips.

    Rows are cores, columns populations of ``network`` in its order. All per-spike figures are exact means over a
    population's neurons.

    Attributes
    ----------
    network
        The network as it is placed, with its relays.
    profile, method
        The chip's profile; how the network was partitioned.
    relays
        Relay neurons that had to be added for delays beyond the chip's.
    synops_per_spike
        Synapses on each core that a spike of the population reaches, (cores, populations).
    messages_per_spike
        Messages to each core that a spike of the population takes, (cores, populations): one if its neuron has synapses
        there.
    hops_ew, hops_ns
        Tiles that the messages of one spike cross, east or west and north or south, (populations,).
    chip_crossings
        Chips that they cross, (populations,).
    neurons_of_core
        Neurons of each population on each core, (cores, populations).
    copies
        Networks like this one that share the chips; the cores and all other figures are those of one.
    host_messages
        Values that the host sends into the chip for one decision.
    """

    network: ChipNetwork
    profile: str
    method: str
    cores: tuple[Core, ...]
    chips: int
    boards: int
    relays: int
    synops_per_spike: Floats
    messages_per_spike: Floats
    hops_ew: Floats
    hops_ns: Floats
    chip_crossings: Floats
    neurons_of_core: NDArray[np.int64]
    host_messages: int
    operations: tuple[Operation, ...]
    utilisation: tuple[LayerUse, ...]
    copies: int = 1

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(population.name for population in self.network.populations)

    @property
    def tiles(self) -> int:
        """Tiles with at least one core in use."""
        return len({core.place.tile for core in self.cores})

    def spikes(self, spikes_of_origin: Mapping[str, float]) -> Floats:
        """Spikes of each population, (populations,), from those of the program's populations in one decision.

        A relay and a token's copy spike as often as the neurons they repeat; one of a part of the neurons as often as
        that part on average. A population that is not named does not spike.
        """
        sizes = {population.name: population.size for population in self.network.populations}
        for population in self.network.populations:
            sizes.setdefault(population.origin, population.size)
        return np.array(
            [
                spikes_of_origin.get(population.origin, 0.0) * population.size / sizes[population.origin]
                for population in self.network.populations
            ]
        )

    def messages(self, population: str) -> float:
        """Messages that one spike of an average neuron of ``population`` takes."""
        return float(self.messages_per_spike[:, self.populations.index(population)].sum())
