"""Cuts against every division into consecutive pieces that there is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import Slice
from hw_profiles.mapping.demand import Demands
from hw_profiles.mapping.partition import Pieces, partition, split
from hw_profiles.mapping.rules import core_limits
from hw_profiles.network import ChipNetwork
from support.small_networks import chip, perceptron, random_network
from tests.hw_profiles.mapping.recount import recount


def tight(neurons: int, words: int, axons: int, formats: int) -> Capacity:
    """A small Loihi."""
    capacity = chip(
        neurons_per_core=neurons,
        synapse_words_per_core=words,
        axons_in_per_core=axons,
        synapse_formats_per_core=formats,
        delay_slots_per_core=neurons * 64,
    ).capacity
    assert capacity is not None
    return capacity


def fits(network: ChipNetwork, slices: tuple[Slice, ...], capacity: Capacity) -> bool:
    limits = core_limits(capacity)
    return all(used <= limits[name] for name, used in recount(network, slices, capacity).items() if name in limits)


def pieces_between(network: ChipNetwork, cuts: tuple[int, ...]) -> Pieces:
    """Slices between consecutive cuts of all neurons in order."""
    neurons = [(item.name, number) for item in network.populations for number in range(item.size)]
    pieces = []
    for first, end in itertools.pairwise((0, *cuts, len(neurons))):
        grouped = itertools.groupby(neurons[first:end], key=lambda neuron: neuron[0])
        numbers = {name: [number for _, number in members] for name, members in grouped}
        pieces.append(tuple(Slice(name, inside[0], inside[-1] + 1) for name, inside in numbers.items()))
    return pieces


def fewest_cores(network: ChipNetwork, capacity: Capacity) -> int | None:
    """The answer by trying every set of cuts, fewest first; None if single neurons do not fit."""
    for count in range(network.neurons):
        for cuts in itertools.combinations(range(1, network.neurons), count):
            if all(fits(network, slices, capacity) for slices in pieces_between(network, cuts)):
                return count + 1
    return None


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    neurons=st.integers(2, 6),
    words=st.integers(2, 30),
    axons=st.integers(2, 12),
    formats=st.integers(1, 4),
)
def test_no_division_has_fewer_cores(seed: int, neurons: int, words: int, axons: int, formats: int) -> None:
    network, capacity = random_network(seed, largest=3), tight(neurons, words, axons, formats)
    optimum = fewest_cores(network, capacity)
    demands, limits = Demands(network, capacity), core_limits(capacity)
    found = partition(network, demands, limits, "dynamic")
    if optimum is not None:
        assert len(found) == optimum
        assert all(fits(network, slices, capacity) for slices in found)
        assert len(partition(network, demands, limits, "greedy")) >= optimum


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31), neurons=st.integers(1, 8), method=st.sampled_from(["greedy", "dynamic"]))
def test_every_neuron_is_on_one_core(seed: int, neurons: int, method: str) -> None:
    network, capacity = random_network(seed), tight(neurons, 200, 100, 8)
    found = partition(network, Demands(network, capacity), core_limits(capacity), method)  # type: ignore[arg-type]
    placed = [
        (part.population, number) for slices in found for part in slices for number in range(part.first, part.end)
    ]
    assert sorted(placed) == sorted((item.name, number) for item in network.populations for number in range(item.size))


def test_layers_share_a_core_only_where_they_fit() -> None:
    """16 axons and 8 neurons a core: 4-4-4 share one, 8-8-8 cannot."""
    capacity = tight(neurons=12, words=1000, axons=16, formats=4)
    for size, cores in ((4, 1), (8, 2)):
        network = perceptron(size, size, size)
        assert len(partition(network, Demands(network, capacity), core_limits(capacity), "dynamic")) == cores
        assert len(partition(network, Demands(network, capacity), core_limits(capacity), "greedy")) == 3


def test_fewest_messages_of_the_divisions_with_fewest_cores() -> None:
    """Where 6-6-6 lies on two cores of 9 or more neurons, the cut between layers is heard by the fewest."""
    network, capacity = perceptron(6, 6, 6), tight(neurons=12, words=1000, axons=100, formats=4)
    found = partition(network, Demands(network, capacity), core_limits(capacity), "dynamic")
    messages = {}
    for cut in range(1, 18):
        pieces = pieces_between(network, (cut,))
        if all(fits(network, slices, capacity) for slices in pieces):
            messages[cut] = sum(recount(network, slices, capacity)["input axons"] for slices in pieces)
    assert sum(recount(network, slices, capacity)["input axons"] for slices in found) == min(messages.values())


@given(first=st.integers(0, 50), size=st.integers(1, 50), parts=st.integers(1, 60))
def test_split_is_even(first: int, size: int, parts: int) -> None:
    ranges = split(first, first + size, parts)
    lengths = [end - begin for begin, end in ranges]
    assert len(ranges) == min(parts, size)
    assert sum(lengths) == size
    assert max(lengths) - min(lengths) <= 1


def test_an_unknown_method_is_refused() -> None:
    network, capacity = perceptron(2, 2), tight(4, 10, 10, 2)
    with pytest.raises(UserError, match="no partition method 'random'; use greedy or dynamic"):
        partition(network, Demands(network, capacity), core_limits(capacity), "random")  # type: ignore[arg-type]
