"""Counting each neuron's spikes by itself agrees with the account where neurons spike alike, and keeps every weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.chip_events import chip_events
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.network import Role
from hw_profiles.profile import Profile
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program.nodes import Dense, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from support.placed_network import PlacedNetwork, Raster, placed_network
from support.small_programs import block_program, currents, random_program

Floats = NDArray[np.float64]
PROGRAMS = [block_program(), *map(random_program, (1, 2))]
ROOMY = load_profile("loihi1-sanafe")


def with_delays_to(longest: float) -> Profile:
    """The chip with a shorter longest delay, so that relays are needed sooner."""
    capacity = ROOMY.capacity
    assert capacity is not None
    assert capacity.longest_delay is not None
    return replace(ROOMY, capacity=replace(capacity, longest_delay=replace(capacity.longest_delay, value=longest)))


def placed(program: Program, chip: Profile) -> PlacedNetwork:
    return placed_network(program, map_network(chip_network(program), chip))


@pytest.mark.parametrize("longest", [62, 7])
def test_neurons_that_spike_alike_cost_what_the_account_says(longest: float) -> None:
    program = block_program()
    network = chip_network(program)
    mapping = map_network(network, with_delays_to(longest))
    activity = ActivityCounts(
        synops=0.0,
        active_updates=0.0,
        idle_updates=0.0,
        spikes=0.0,
        time_steps=0.0,
        host_macs=0.0,
        by_population={item.name: PopulationCounts(3.0 * item.size, 0.0, 0.0) for item in network.populations},
    )
    account = chip_events(activity, mapping)
    counted = placed_network(program, mapping).counts(np.full(mapping.network.neurons, 3))
    assert counted.spikes == pytest.approx(account.spikes.sum())
    assert counted.synops == pytest.approx(account.synops.sum())
    assert counted.messages == pytest.approx(account.messages_out.sum())
    assert counted.hops_ew == pytest.approx(account.hops_ew.sum())
    assert counted.hops_ns == pytest.approx(account.hops_ns.sum())


@pytest.mark.parametrize("chip", [ROOMY, with_delays_to(7)], ids=["roomy", "short"])
@pytest.mark.parametrize("program", PROGRAMS, ids=["block", "1", "2"])
def test_currents_of_the_placed_synapses_are_the_program_s(program: Program, chip: Profile) -> None:
    """Spikes that the program recorded, sent through relays and placed synapses, bring its neurons their currents."""
    found = placed(program, chip)
    interpreter = Interpreter(program)
    recordings = []
    for current in currents(program, 3, seed=4):
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        recordings.append(recording.spikes)
    fired = found.raster({name: np.concatenate([item[name] for item in recordings]) for name in recordings[0]})
    brought = arriving(found, fired)
    assert any(item.role is Role.relay for item in found.network.populations) == (chip is not ROOMY)
    for node in program.neurons:
        expected = np.zeros((len(fired), node.size))
        for item in program.connections_into(node.name):
            if isinstance(item, Dense | Sparse):
                expected += of_connection(item, fired[:, found.part(item.source)], node.size)
        assert brought[:, found.part(node.name)] == pytest.approx(expected)


def arriving(found: PlacedNetwork, fired: Raster) -> Floats:
    brought = np.zeros(fired.shape)
    for source, target, delay, weight in zip(found.source, found.target, found.delay, found.weight, strict=True):
        brought[delay + 1 :, target] += weight * fired[: len(fired) - delay - 1, source]
    return brought


def of_connection(item: Dense | Sparse, fired: Raster, size: int) -> Floats:
    brought = np.zeros((len(fired), size))
    if isinstance(item, Dense):
        brought[item.delay + 1 :] = fired[: len(fired) - item.delay - 1] @ item.weight.T
    else:
        for source, target, weight, delay in zip(
            item.source_index, item.target_index, item.weight, item.delay, strict=True
        ):
            brought[delay + 1 :, target] += weight * fired[: len(fired) - delay - 1, source]
    scaled: Floats = brought * 2.0**item.exponent
    return scaled
