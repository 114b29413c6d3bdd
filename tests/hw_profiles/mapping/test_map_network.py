"""Whole mappings: no limit is broken, nothing is lost, and every figure for the energy estimate is a count."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dsf_common.errors import GateFailed, UserError
from hw_profiles.capacity import Capacity
from hw_profiles.loader import load_profile
from hw_profiles.mapping import ChipMapping, Objective, map_network
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import HostCurrent, Projection
from hw_profiles.profile import Profile
from support.small_networks import chip, dense, network, perceptron, population, random_network
from tests.hw_profiles.mapping.recount import number, output_axons, recount

METHODS = st.sampled_from(["greedy", "dynamic"])


@st.composite
def chips(draw: st.DrawFn) -> Profile:
    """Loihis with so little room that small networks need many cores."""
    return chip(
        draw(st.sampled_from(["loihi1-davies2018", "loihi2"])),
        neurons_per_core=draw(st.integers(3, 12)),
        synapse_words_per_core=draw(st.integers(5, 60)),
        words_per_axon=draw(st.integers(1, 6)),
        axons_in_per_core=draw(st.integers(4, 30)),
        axons_out_per_core=draw(st.integers(4, 30)),
        synapse_formats_per_core=draw(st.integers(2, 6)),
        neuron_groups_per_core=draw(st.integers(1, 4)),
        delay_slots_per_core=draw(st.sampled_from([None, 64, 128])),
        longest_delay=draw(st.sampled_from([6, 14, 30])),
        dense_synapse_lists=draw(st.integers(0, 1)),
    )


@settings(deadline=None, max_examples=120)
@given(seed=st.integers(0, 2**31), profile=chips(), method=METHODS, context=st.integers(0, 3))
def test_no_mapping_breaks_a_limit(seed: int, profile: Profile, method: str, context: int) -> None:
    stream = random_network(seed, largest=8)
    wanted = window_layout(stream, context) if context else stream
    try:
        mapping = map_network(wanted, profile, method)  # type: ignore[arg-type]
    except GateFailed:
        event("refused")
        return
    event(f"{min(len(mapping.cores), 10)} cores")
    assert profile.capacity is not None
    assert_within_limits(mapping, profile.capacity)
    assert_everything_is_placed(mapping)


def assert_within_limits(mapping: ChipMapping, capacity: Capacity) -> None:
    """Check by the recount, which shares no code with the mapper."""
    limits = {
        "neurons": capacity.neurons_per_core,
        "synapse words": capacity.synapse_words_per_core,
        "words an axon": capacity.words_per_axon,
        "input axons": capacity.axons_in_per_core,
        "output axons": capacity.axons_out_per_core,
        "synapse formats": capacity.synapse_formats_per_core,
        "neuron groups": capacity.neuron_groups_per_core,
        "delay slots": capacity.delay_slots_per_core,
    }
    sent = output_axons(mapping.network, [core.slices for core in mapping.cores])
    for core, axons in zip(mapping.cores, sent, strict=True):
        used = {**recount(mapping.network, core.slices, capacity), "output axons": axons}
        assert {name: use.used for name, use in core.uses.items()} == used
        for name, limit in limits.items():
            assert core.uses[name].limit == (None if limit is None else number(limit))
            assert limit is None or used[name] <= limit.value
    for projection in mapping.network.projections:
        assert projection.synapses.delay.max(initial=0) <= number(capacity.longest_delay)
    places = {core.place for core in mapping.cores}
    assert len(places) == len(mapping.cores)
    for chip_number in range(mapping.chips):
        assert sum(core.place.chip == chip_number for core in mapping.cores) <= number(capacity.cores_per_chip)
    assert mapping.chips <= number(capacity.chips_per_board)


def assert_everything_is_placed(mapping: ChipMapping) -> None:
    """Every neuron once; synapses and messages counted one by one."""
    home = {
        (part.population, neuron): index
        for index, core in enumerate(mapping.cores)
        for part in core.slices
        for neuron in range(part.first, part.end)
    }
    placed = mapping.network.populations
    assert sorted(home) == sorted((item.name, neuron) for item in placed for neuron in range(item.size))
    assert sum(part.size for core in mapping.cores for part in core.slices) == len(home)
    synops, messages = np.zeros_like(mapping.synops_per_spike), np.zeros_like(mapping.messages_per_spike)
    hops_ew, hops_ns, crossings = (np.zeros(len(placed)) for _ in range(3))
    columns = {name: column for column, name in enumerate(mapping.populations)}
    pairs = set()
    for projection in mapping.network.projections:
        for source, target in zip(
            projection.synapses.source_index.tolist(), projection.synapses.target_index.tolist(), strict=True
        ):
            destination = home[projection.target, target]
            synops[destination, columns[projection.source]] += 1
            pairs.add((projection.source, source, destination))
    for name, neuron, destination in pairs:
        column, here, there = columns[name], mapping.cores[home[name, neuron]].place, mapping.cores[destination].place
        messages[destination, column] += 1
        hops_ew[column] += abs(here.tile_x + 8 * here.chip - there.tile_x - 8 * there.chip)
        hops_ns[column] += abs(here.tile_y - there.tile_y)
        crossings[column] += abs(here.chip - there.chip)
    sizes = np.array([item.size for item in placed])
    np.testing.assert_allclose(mapping.synops_per_spike, synops / sizes)
    np.testing.assert_allclose(mapping.messages_per_spike, messages / sizes)
    np.testing.assert_allclose(mapping.hops_ew, hops_ew / sizes)
    np.testing.assert_allclose(mapping.hops_ns, hops_ns / sizes)
    np.testing.assert_allclose(mapping.chip_crossings, crossings / sizes)
    assert mapping.neurons_of_core.sum(axis=0).tolist() == sizes.tolist()


def test_a_layer_of_a_thousand_inputs_by_hand() -> None:
    """Loihi 1, 1000 -> 600, 8 bits, no indices: blocks of 522 bits take 9 words, an axon with 64 synapses 9.

    600 neurons are 9 blocks of 64 and one of 24 (202 bits, 4 words): 85 words an axon, 85,000 of 16,384, so 6 cores of
    100: a block of 64 and one of 36 (298 bits, 5 words), 14,000 words. A seventh of the memory stays free.
    """
    mapping = map_network(perceptron(1000, 600), load_profile("loihi1-davies2018"), "greedy")
    layer = mapping.utilisation[1]
    assert (layer.cores, layer.neurons_per_core, layer.binding) == (6, 100, "synapse words")
    assert layer.resources["synapse words"].used == 14_000
    assert layer.synapse_kb == 6 * 14_000 * 8 / 1000
    assert (layer.axons_in, layer.axons_out) == (6000, 0)
    assert mapping.utilisation[0].axons_out == 6000
    assert mapping.messages("layer0") == 6
    assert mapping.synops_per_spike[:, 0].sum() == 600


def test_fewest_relays_unless_they_cost_another_chip() -> None:
    """Loihi 1, delay 125 into 1000 neurons: 63 + 62 steps take one relay, and 62 leave 128 neurons a core.

    On chips of one core, 17 · 7 + 6 steps are chosen: 17 relays, and 8 slots for each of 1018 neurons on one core.
    """
    source, target = population("source", 1), population("target", 1000)
    wired = network([source, target], [Projection("source", "target", dense(1, 1000, delay=125))])
    roomy = map_network(wired, load_profile("loihi1-davies2018"))
    assert (roomy.relays, len(roomy.cores), roomy.chips) == (1, 8, 1)
    assert roomy.spikes({"source": 3.0, "target": 7.0}).tolist() == [3.0, 3.0, 7.0]
    cramped = map_network(wired, chip(cores_per_chip=1))
    assert (cramped.relays, len(cramped.cores), cramped.chips) == (17, 1, 1)


def test_graded_spikes_take_axons_and_biases_do_not() -> None:
    """Loihi 2: an axon and a word a value, sent in each of four steps; Loihi 1: two writes into a bias."""
    current = HostCurrent("reader", 30, delay=0, exponent=0, value_bits=14)
    reading = network([population("reader", 30)], [], (current,))
    second = map_network(reading, load_profile("loihi2"))
    assert second.cores[0].uses["input axons"].used == 30
    assert second.cores[0].uses["synapse words"].used == 30
    assert second.host_messages == 4 * 30
    first = map_network(reading, load_profile("loihi1-davies2018"))
    assert first.cores[0].uses["input axons"].used == 0
    assert first.host_messages == 2 * 30
    assert not second.synops_per_spike.any()


def test_firing_rates_decide_who_is_near() -> None:
    """Six cores, four a tile: whichever of two sources fires shares its reader's tile."""
    names = ["one", "two", "three", "four", "five"]
    layers = [*(population(name, 8) for name in names), population("reader", 8)]
    wired = network(layers, [Projection(name, "reader", dense(8, 8)) for name in names])
    profile = chip("loihi2", neurons_per_core=8)
    for loud in names:
        mapping = map_network(wired, profile, "greedy", {loud: 100.0}, Objective.cores)
        column = mapping.populations.index(loud)
        assert mapping.hops_ew[column] + mapping.hops_ns[column] == 0
    silent = map_network(wired, profile, "greedy")
    assert (silent.hops_ew + silent.hops_ns).sum() == 2


def test_the_same_network_gives_the_same_mapping() -> None:
    one, other = (map_network(random_network(11), load_profile("loihi2")) for _ in range(2))
    assert one.cores == other.cores


def test_a_profile_without_limits_is_refused() -> None:
    with pytest.raises(UserError, match="profile cmos45-paper gives no capacity"):
        map_network(perceptron(2, 2), load_profile("cmos45-paper"))


@pytest.mark.parametrize("key", ["cores_per_chip", "word_bits", "synapses_per_axon_block"])
def test_a_chip_of_nothing_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=rf"profile loihi1-davies2018 has capacity.{key} 0; give 1 or more"):
        map_network(perceptron(2, 2), chip(**{key: 0}))


@pytest.mark.parametrize("method", ["greedy", "dynamic"])
def test_a_core_that_holds_nothing_is_a_violation(method: Literal["greedy", "dynamic"]) -> None:
    with pytest.raises(GateFailed, match="layer0 has neurons a core 1, the chip allows 0"):
        map_network(perceptron(2, 2), chip(neurons_per_core=0), method)


def test_messages_within_a_core_cross_no_tile() -> None:
    mapping = map_network(perceptron(4, 4), load_profile("loihi1-davies2018"))
    assert len(mapping.cores) == 1
    assert mapping.messages("layer0") == 1
    assert mapping.hops_ew.tolist() == [0.0, 0.0]
