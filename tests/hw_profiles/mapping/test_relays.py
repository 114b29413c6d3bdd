"""Relay chains deliver every spike when the long synapse would have, with as few neurons as there can be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.mapping.relays import insert_relays, relay_count
from hw_profiles.network import ChipNetwork, Projection, Role, SynapseFormat, SynapseList
from support.small_networks import network, population, random_network

Arrival = tuple[str, int, str, int, int, SynapseFormat]  # from, its neuron, to, its neuron, after how many steps


def arrivals(wired: ChipNetwork) -> Counter[Arrival]:
    """Where one spike of each neuron arrives, and when, through relays as through synapses."""
    relays = {item.name for item in wired.populations if item.role is Role.relay}
    outgoing: dict[tuple[str, int], list[tuple[str, int, int, SynapseFormat]]] = {}
    for projection in wired.projections:
        arrays = projection.synapses
        columns = (arrays.source_index, arrays.target_index, arrays.delay, arrays.format_index)
        for source, target, delay, form in zip(*(column.tolist() for column in columns), strict=True):
            end = (projection.target, target, 1 + delay, arrays.formats[form])
            outgoing.setdefault((projection.source, source), []).append(end)
    found: Counter[Arrival] = Counter()
    for item in wired.populations:
        if item.name not in relays:
            for neuron in range(item.size):
                waiting = [(item.name, neuron, 0)]
                while waiting:
                    name, number, steps = waiting.pop()
                    for target, place, delay, stored in outgoing.get((name, number), []):
                        if target in relays:
                            waiting.append((target, place, steps + delay))
                        else:
                            found[item.name, neuron, target, place, steps + delay, stored] += 1
    return found


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), longest=st.integers(1, 30))
def test_every_spike_arrives_when_it_did(seed: int, longest: int) -> None:
    before = random_network(seed)
    after = insert_relays(before, longest)
    assert arrivals(after) == arrivals(before)
    assert all(int(item.synapses.delay.max(initial=0)) <= longest for item in after.projections)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), longest=st.integers(1, 30))
def test_no_neuron_has_more_relays_than_its_longest_delay_needs(seed: int, longest: int) -> None:
    before = random_network(seed)
    needed: dict[tuple[str, int], int] = {}
    for projection in before.projections:
        for source, delay in zip(
            projection.synapses.source_index.tolist(), projection.synapses.delay.tolist(), strict=True
        ):
            hops = 0
            while delay > hops * (longest + 1) + longest:
                hops += 1
            key = (projection.source, source)
            needed[key] = max(needed.get(key, 0), hops)
    assert relay_count(insert_relays(before, longest)) == sum(needed.values())


def test_a_window_of_eight_tokens_shares_one_chain() -> None:
    """Delays 18, 36, … 126 of three neurons on Loihi 1: two relays each, 63 and 126 steps on."""
    past, gate = population("past", 3), population("gate", 24)
    neuron, ago = np.tile(np.arange(3), 8).astype(np.int32), np.repeat(np.arange(8), 3).astype(np.int32)
    gates, nothing = np.arange(24, dtype=np.int32), np.zeros(24, dtype=np.int32)
    synapses = SynapseList(neuron, gates, 18 * ago, nothing, (SynapseFormat(3, 0),))
    relayed = insert_relays(network([past, gate], [Projection("past", "gate", synapses)], period=18), 62)
    relays = [item for item in relayed.populations if item.role is Role.relay]
    assert [(item.name, item.size, item.depth, item.origin) for item in relays] == [
        ("past.relay1", 3, 63 % 18, "past"),
        ("past.relay2", 3, 126 % 18, "past"),
    ]
    assert relay_count(relayed) == 6


@pytest.mark.parametrize("longest", [126, 200])
def test_delays_in_range_stay_as_they_are(longest: int) -> None:
    before = random_network(3)
    assert insert_relays(before, longest).populations == before.populations
