"""Delays beyond the chip's become chains of relay neurons.

A relay fires one time step after each spike it is given, so a synapse of delay L before it costs L + 1 steps. A chain
of k relays with the longest delay L reaches delays up to k(L + 1) + L, and relay k serves every synapse of its source
whose delay is k(L + 1) … k(L + 1) + L. No chain has fewer: ⌊delay / (L + 1)⌋ hops are needed. All projections of a
population share one chain, and a neuron's chain is no longer than its own longest delay asks for.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from hw_profiles.network import (
    ChipNetwork,
    NeuronParameters,
    Population,
    Projection,
    Role,
    SynapseFormat,
    SynapseList,
)

RELAY_PARAMETERS = NeuronParameters(current_decay=4095, voltage_decay=4095, threshold=36)
RELAY_FORMAT = SynapseFormat(weight_bits=3, exponent=0)  # weight 64, as of AND neurons, which one spike lifts over 36


def insert_relays(network: ChipNetwork, longest_delay: int) -> ChipNetwork:
    """The same network with no delay above ``longest_delay`` (time steps)."""
    hop = longest_delay + 1
    populations: list[Population] = []
    chains: list[Projection] = []
    relays: dict[str, tuple[Population, ...]] = {}
    members: dict[str, list[NDArray[np.int64]]] = {}
    for population in network.populations:
        members[population.name] = _neurons_of_relays(network, population, hop)
        relays[population.name] = tuple(
            _relay(population, number, len(neurons), hop, network.period)
            for number, neurons in enumerate(members[population.name], start=1)
        )
        populations += [population, *relays[population.name]]
        chains += _chain(population, relays[population.name], members[population.name], longest_delay)
    projections = [
        part
        for projection in network.projections
        for part in _parts(projection, relays[projection.source], members[projection.source], hop)
    ]
    return dataclasses.replace(network, populations=tuple(populations), projections=(*projections, *chains))


def relay_count(network: ChipNetwork) -> int:
    """Relay neurons of a network."""
    return sum(population.size for population in network.populations if population.role is Role.relay)


def _neurons_of_relays(network: ChipNetwork, population: Population, hop: int) -> list[NDArray[np.int64]]:
    """The neurons of ``population`` that each relay of its chain repeats."""
    hops = np.zeros(population.size, dtype=np.int64)
    for projection in network.projections:
        if projection.source == population.name:
            np.maximum.at(hops, projection.synapses.source_index, projection.synapses.delay // hop)
    return [np.flatnonzero(hops >= number) for number in range(1, int(hops.max(initial=0)) + 1)]


def _relay(population: Population, number: int, size: int, hop: int, period: int) -> Population:
    return Population(
        name=f"{population.name}.relay{number}",
        size=size,
        role=Role.relay,
        depth=(population.depth + number * hop) % period,
        parameters=RELAY_PARAMETERS,
        origin=population.origin,
    )


def _chain(
    population: Population,
    relays: tuple[Population, ...],
    members: list[NDArray[np.int64]],
    longest_delay: int,
) -> list[Projection]:
    """Synapses of the longest delay from the population to its first relay, and from each relay to the next."""
    before = [np.arange(population.size), *members]
    sources = [population, *relays]
    return [
        Projection(
            source.name,
            relay.name,
            SynapseList(
                source_index=np.searchsorted(behind, neurons).astype(np.int32),
                target_index=np.arange(relay.size, dtype=np.int32),
                delay=np.full(relay.size, longest_delay, dtype=np.int32),
                format_index=np.zeros(relay.size, dtype=np.int32),
                formats=(RELAY_FORMAT,),
            ),
        )
        for source, relay, behind, neurons in zip(sources, relays, before, members, strict=False)
    ]


def _parts(
    projection: Projection, relays: tuple[Population, ...], members: list[NDArray[np.int64]], hop: int
) -> list[Projection]:
    """The projection's synapses, each from the relay after which its delay is short enough."""
    synapses = projection.synapses
    hops = synapses.delay // hop
    if not hops.any():
        return [projection]
    parts = []
    for number in np.unique(hops):
        chosen = synapses.select(hops == number, (synapses.delay[hops == number] - number * hop).astype(np.int32))
        if number == 0:
            parts.append(Projection(projection.source, projection.target, chosen))
            continue
        source_index = np.searchsorted(members[number - 1], chosen.source_index).astype(np.int32)
        renumbered = dataclasses.replace(chosen, source_index=source_index)
        parts.append(Projection(relays[number - 1].name, projection.target, renumbered))
    return parts
