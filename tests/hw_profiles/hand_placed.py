"""Small networks placed by hand, so that energy and time are tested without the mapper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.capacity import Capacity
from hw_profiles.event_prices import ConstantPower, EventEnergy, EventTime
from hw_profiles.figure import Figure, Grade
from hw_profiles.loader import load_profile
from hw_profiles.mapping.chip_mapping import ChipMapping, Core, Place, Slice
from hw_profiles.network import ChipNetwork, NeuronParameters, Population, Projection, Role, SynapseFormat, SynapseList
from hw_profiles.profile import Kind, Profile

Figures = Sequence[float] | NDArray[np.float64]
PARAMETERS = NeuronParameters(current_decay=4095, voltage_decay=3072, threshold=100)


def population(
    name: str,
    size: int,
    depth: int = 0,
    role: Role = Role.lif,
    origin: str | None = None,
    parameters: NeuronParameters = PARAMETERS,
) -> Population:
    """Neurons of which only number, depth and role matter, and in time how fast they forget."""
    return Population(name, size, role, depth, parameters, origin or name)


def all_to_all(source: Population, target: Population) -> Projection:
    """A synapse from every neuron to every neuron."""
    sources, targets = np.meshgrid(np.arange(source.size), np.arange(target.size), indexing="ij")
    nothing = np.zeros(sources.size, np.int32)
    formats = (SynapseFormat(8, 0),)
    synapses = SynapseList(
        sources.ravel().astype(np.int32), targets.ravel().astype(np.int32), nothing, nothing, formats
    )
    return Projection(source.name, target.name, synapses)


@dataclass(frozen=True)
class Placed:
    """A core by hand: its tile, and its neurons of each population."""

    tile_x: int
    tile_y: int
    neurons: Mapping[str, int]
    chip: int = 0


def place(
    network: ChipNetwork,
    cores: Sequence[Placed],
    *,
    synops: Mapping[str, Figures],
    messages: Mapping[str, Figures],
    hops: Mapping[str, tuple[float, float]] | None = None,
    crossings: Mapping[str, float] | None = None,
) -> ChipMapping:
    """A mapping whose figures a spike are written down: by population, a figure for each core."""
    names = [population.name for population in network.populations]
    none = [0.0] * len(cores)
    ways = np.array([(hops or {}).get(name, (0.0, 0.0)) for name in names])
    relays = sum(population.size for population in network.populations if population.role is Role.relay)
    chips = len({core.chip for core in cores})
    return ChipMapping(
        network=network,
        profile="by hand",
        method="by hand",
        cores=tuple(
            Core(
                Place(core.chip, core.tile_x, core.tile_y, index_in_tile=0),
                tuple(Slice(name, 0, size) for name, size in core.neurons.items()),
                {},
            )
            for core in cores
        ),
        chips=chips,
        boards=1,
        relays=relays,
        synops_per_spike=np.array([synops.get(name, none) for name in names]).T,
        messages_per_spike=np.array([messages.get(name, none) for name in names]).T,
        hops_ew=ways[:, 0],
        hops_ns=ways[:, 1],
        chip_crossings=np.array([(crossings or {}).get(name, 0.0) for name in names]),
        neurons_of_core=np.array([[core.neurons.get(name, 0) for name in names] for core in cores]),
        host_messages=0,
        operations=(),
        utilisation=(),
    )


def activity(network: ChipNetwork, spikes: Mapping[str, float]) -> ActivityCounts:
    """The counts of a run of the network whose populations emit so many spikes a decision; relays it has none of."""
    counted = [population for population in network.populations if population.role is not Role.relay]
    steps, rest = network.active_steps, network.period - network.active_steps
    by_population = {
        population.origin: PopulationCounts(
            spikes.get(population.origin, 0.0), float(population.size * steps), float(population.size * rest)
        )
        for population in counted
    }
    return ActivityCounts(
        synops=sum(
            spikes.get(network.population(projection.source).origin, 0.0)
            * projection.synapses.count
            / network.population(projection.source).size
            for projection in network.projections
        ),
        active_updates=sum(counts.active_updates for counts in by_population.values()),
        idle_updates=sum(counts.idle_updates for counts in by_population.values()),
        spikes=sum(counts.spikes for counts in by_population.values()),
        time_steps=float(network.period),
        host_macs=float(network.host_macs),
        by_population=by_population,
    )


def figure(unit: str, value: float) -> Figure:
    """A figure with a band from half to twice."""
    return Figure(float(value), unit, Grade.measured, "by hand", low=float(value) / 2, high=float(value) * 2)


def chip(
    energy: EventEnergy | None = None, power: ConstantPower | None = None, time: EventTime | None = None
) -> Profile:
    """A chip with Loihi's limits and other prices."""
    capacity = load_profile("loihi1-davies2018").capacity or Capacity()
    return Profile(
        2, "chip", "by hand", Kind.chip, "a chip", energy or EventEnergy(), ("dust",), False, capacity, time, power
    )


# Three neurons with two synapses each, to two neurons on two cores: one a tile to the east, the other two tiles north.
SOURCE, TARGET = population("source", 3), population("target", 2, depth=1)
LAYER = ChipNetwork(
    name="layer",
    layout="stream",
    active_steps=2,
    period=4,
    populations=(SOURCE, TARGET),
    projections=(all_to_all(SOURCE, TARGET),),
    host_currents=(),
    host_macs=7,
)
CORES = (Placed(0, 0, {"source": 3}), Placed(1, 0, {"target": 1}), Placed(0, 2, {"target": 1}))
PLACED = place(LAYER, CORES, synops={"source": (0, 1, 1)}, messages={"source": (0, 1, 1)}, hops={"source": (1, 2)})
RUN = activity(LAYER, {"source": 6, "target": 1})
