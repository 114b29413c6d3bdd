"""The events of one decision on a chip: the run's spikes, sent through the network as it was placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.network import ChipNetwork, Population, Role

EVENTS = {
    "synop": "synaptic operations",
    "neuron_active": "neuron updates, active",
    "neuron_idle": "neuron updates, idle",
    "spike_out": "spikes out",
    "message_out": "messages out",
    "message_in": "messages in",
    "hop_ew": "hops, east-west",
    "hop_ns": "hops, north-south",
    "chip_hop": "chip crossings",
    "barrier": "barriers",
    "mac": "host multiply-accumulates",
}  # by the key of their price and time in a profile

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChipEvents:
    """Mean events of one decision; rows are cores, columns populations, as in :class:`ChipMapping`.

    Attributes
    ----------
    layers
        The program's population that each column belongs to: relays and a window's copies to what they repeat.
    spikes
        Emitted by each population, (populations,).
    active_updates, idle_updates
        Updates of each population's neurons, (populations,); together its size times the time steps of the decision.
    synops_into
        Done at the synapses of each population, (populations,).
    synops
        Done by each core for the spikes of each population, (cores, populations).
    spikes_out
        Emitted on each core, (cores, populations).
    messages_in, messages_out
        Spikes of each population that reach each core, and that each core sends, one for each destination core,
        (cores, populations).
    hops_ew, hops_ns, chip_crossings
        Hops and crossings of the messages of each population, (populations,).
    barriers
        Time steps times tiles in use.
    host_macs
        Multiply-accumulates of the host's encoder and readout.
    """

    layers: tuple[str, ...]
    spikes: Floats
    active_updates: Floats
    idle_updates: Floats
    synops_into: Floats
    synops: Floats
    spikes_out: Floats
    messages_in: Floats
    messages_out: Floats
    hops_ew: Floats
    hops_ns: Floats
    chip_crossings: Floats
    barriers: float
    host_macs: float


def chip_events(activity: ActivityCounts, mapping: ChipMapping) -> ChipEvents:
    """Events of one decision of a mapped network.

    A population's spikes are spread evenly over its neurons. A relay fires as often as what it relays, and each copy of
    a population in a window layout as often as the one of the stream.

    Parameters
    ----------
    activity
        Counts of one decision in the stream layout, by population.

    Raises
    ------
    UserError
        The run was not counted by population, or is not one of this network.
    """
    network = mapping.network
    _require_same_program(activity, network)
    spikes = mapping.spikes({name: counts.spikes for name, counts in activity.by_population.items()})
    sizes = np.array([population.size for population in network.populations], dtype=np.float64)
    active = np.array([_active_updates(activity, population, network) for population in network.populations])
    share_of_core = mapping.neurons_of_core / sizes
    messages_in = mapping.messages_per_spike * spikes
    return ChipEvents(
        layers=tuple(population.origin for population in network.populations),
        spikes=spikes,
        active_updates=active,
        idle_updates=sizes * network.period - active,
        synops_into=_synops_into(network, spikes),
        synops=mapping.synops_per_spike * spikes,
        spikes_out=share_of_core * spikes,
        messages_in=messages_in,
        messages_out=share_of_core * messages_in.sum(axis=0),
        hops_ew=mapping.hops_ew * spikes,
        hops_ns=mapping.hops_ns * spikes,
        chip_crossings=mapping.chip_crossings * spikes,
        barriers=float(network.period * mapping.tiles),
        host_macs=float(network.host_macs),
    )


def _require_same_program(activity: ActivityCounts, network: ChipNetwork) -> None:
    if not activity.by_population:
        raise UserError(
            "this run has no counts of its populations, which pricing a chip needs; "
            "run the policy as a program, with any backend but torch"
        )
    for population in network.populations:
        if population.origin not in activity.by_population and population.role is not Role.accumulator:
            raise UserError(
                f"the run has no counts of {population.origin!r}, which the network has: they are not of the same "
                "program; run it again"
            )


def _active_updates(activity: ActivityCounts, population: Population, network: ChipNetwork) -> float:
    """As the run counted them; a relay, which the run did not have, works as long as what it relays."""
    counts = activity.by_population.get(population.origin)
    if counts is None or population.role is Role.relay:
        return float(population.size * network.active_steps)
    return counts.active_updates


def _synops_into(network: ChipNetwork, spikes: Floats) -> Floats:
    column = {population.name: index for index, population in enumerate(network.populations)}
    synops = np.zeros(len(column))
    for projection in network.projections:
        source = column[projection.source]
        per_spike = projection.synapses.count / network.populations[source].size
        synops[column[projection.target]] += spikes[source] * per_spike
    return synops
