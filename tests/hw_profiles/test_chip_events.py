"""A chip does the synaptic operations that the simulators count, and no others but those of relays."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.chip_events import chip_events
from hw_profiles.energy import estimate_chip_energy
from hw_profiles.figure import Figure, Grade
from hw_profiles.loader import load_profile
from hw_profiles.mapping import ChipMapping, map_network
from hw_profiles.network import Role
from hw_profiles.profile import Profile
from hw_profiles.timing import estimate_time
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import shipped_policy
from neuro_runtime.program.nodes import Accumulator, CurrentInput
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program

POLICIES = ["pendulum", "pendulum-hidden", "relocate-e"]


def counted(program: Program) -> ActivityCounts:
    """Counts of a decision in which node n emitted 5 + 3n spikes."""
    spiking = [node.name for node in program.nodes if not isinstance(node, (CurrentInput, Accumulator))]
    spikes = {name: 5 + 3 * index for index, name in enumerate(spiking)}
    return mean_counts([ProgramMeter(program).activity(spikes)], by_population=True)


def without_limit_of_delay(profile: Profile) -> Profile:
    """No delay is beyond this chip, so it needs no relays."""
    assert profile.capacity is not None
    longest = Figure(10_000.0, "steps", Grade.inferred, "by hand")
    capacity = dataclasses.replace(profile.capacity, longest_delay=longest, delay_bits=None, delay_slots_per_core=None)
    return dataclasses.replace(profile, capacity=capacity)


def relayed(mapping: ChipMapping, spikes: Mapping[str, float]) -> float:
    """Synaptic operations into relays, synapse by synapse."""
    network, total = mapping.network, 0.0
    for projection in network.projections:
        if network.population(projection.target).role is Role.relay:
            total += projection.synapses.count * spikes[projection.source] / network.population(projection.source).size
    return total


@pytest.mark.parametrize("policy", POLICIES)
def test_without_relays_a_chip_does_the_synaptic_operations_that_were_counted(policy: str) -> None:
    program = load_program(shipped_policy(policy).need_program())
    counts = counted(program)
    mapping = map_network(chip_network(program), without_limit_of_delay(load_profile("loihi1-measured")))
    events = chip_events(counts, mapping)
    assert mapping.relays == 0
    done = dict(zip(events.layers, events.synops_into, strict=True))
    # The meter rounds each target's sum to a whole number.
    assert {name: done[name] for name in counts.synops_by_target} == pytest.approx(counts.synops_by_target, abs=0.5)
    assert events.synops.sum() == pytest.approx(events.synops_into.sum())
    assert events.active_updates.sum() == counts.active_updates
    assert events.idle_updates.sum() == counts.idle_updates


@pytest.mark.parametrize("policy", ["t-maze-30", "pendulum-hidden", "relocate-e"])
def test_relays_add_their_own_synaptic_operations_and_updates(policy: str) -> None:
    program = load_program(shipped_policy(policy).need_program())
    counts = counted(program)
    mapping = map_network(chip_network(program), load_profile("loihi1-measured"))
    events = chip_events(counts, mapping)
    spikes = dict(zip(mapping.populations, events.spikes, strict=True))
    assert mapping.relays > 0
    extra = events.synops.sum() - counts.synops
    assert extra == pytest.approx(relayed(mapping, spikes), abs=0.5 * len(counts.synops_by_target))
    updates = events.active_updates.sum() + events.idle_updates.sum()
    assert updates == (program.period * (mapping.network.neurons))
    assert updates - counts.active_updates - counts.idle_updates == mapping.relays * program.period


@given(spikes=st.lists(st.floats(0, 200), min_size=11, max_size=11))
@settings(max_examples=50, deadline=None)
def test_more_spikes_cost_more_events_but_no_updates_and_never_less_time(spikes: list[float]) -> None:
    """Twice the spikes are twice the synaptic operations, messages and hops; and the band holds the nominal."""
    mapping, profile = relocate_on_loihi1(), load_profile("loihi1-measured")
    once, twice = (counts_with(mapping, spikes, times) for times in (1, 2))
    time, longer = (estimate_time(chip_events(counts, mapping), profile, mapping) for counts in (once, twice))
    assert time is not None
    assert longer is not None
    assert time.decision_us.low <= time.decision_us.nominal <= time.decision_us.high
    assert longer.decision_us.nominal >= time.decision_us.nominal
    assert time.pipelined_us.nominal <= time.decision_us.nominal * (1 + 1e-9)
    before, after = (
        {
            line.term: line.total_pj
            for line in estimate_chip_energy(chip_events(counts, mapping), profile, mapping).by_term()
        }
        for counts in (once, twice)
    )
    for term, energy in after.items():
        expected = before[term] if "updates" in term or "host" in term else 2 * before[term]
        assert energy == pytest.approx(expected)
    estimate = estimate_chip_energy(chip_events(once, mapping), profile, mapping, time)
    assert estimate.band_pj[0] <= estimate.total_pj <= estimate.band_pj[1]
    assert sum(line.total_pj for lines in estimate.by_layer().values() for line in lines) == pytest.approx(
        estimate.total_pj
    )


@functools.cache
def relocate_on_loihi1() -> ChipMapping:
    return map_network(
        chip_network(load_program(shipped_policy("relocate-e").need_program())), load_profile("loihi1-measured")
    )


def counts_with(mapping: ChipMapping, spikes: list[float], times: int) -> ActivityCounts:
    origins = list(dict.fromkeys(population.origin for population in mapping.network.populations))
    return ActivityCounts(
        by_population={
            name: PopulationCounts(times * count, 4.0, 14.0) for name, count in zip(origins, spikes, strict=True)
        }
    )


def test_messages_leave_as_often_as_they_arrive() -> None:
    program = load_program(shipped_policy("relocate-e").need_program())
    events = chip_events(counted(program), map_network(chip_network(program), load_profile("loihi1-measured")))
    np.testing.assert_allclose(events.messages_out.sum(axis=0), events.messages_in.sum(axis=0))
    np.testing.assert_allclose(events.spikes_out.sum(axis=0), events.spikes)
