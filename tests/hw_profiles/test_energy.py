"""Energies against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.chip_events import chip_events
from hw_profiles.energy import EnergyEstimate, EnergyLine, estimate_chip_energy, estimate_energy
from hw_profiles.event_prices import ConstantPower, EventEnergy
from hw_profiles.figure import Grade
from hw_profiles.loader import load_profile
from hw_profiles.network import ChipNetwork, Role
from hw_profiles.pricing import price
from hw_profiles.spikes_per_synapse import spikes_per_synapse
from hw_profiles.timing import Span, TimeEstimate
from tests.hw_profiles.hand_placed import (
    CORES,
    LAYER,
    PLACED,
    RUN,
    Placed,
    activity,
    all_to_all,
    chip,
    figure,
    place,
    population,
)

COUNTS = ActivityCounts(
    synops=1000, active_updates=100, idle_updates=400, spikes=50, time_steps=20, host_macs=10
)  # of one decision

TEN_PRICES = EventEnergy(
    **{
        key: figure("pJ", value)
        for key, value in {
            "synop": 100,
            "neuron_active": 10,
            "neuron_idle": 1,
            "spike_out": 1000,
            "message_out": 20,
            "message_in": 30,
            "hop_ew": 3,
            "hop_ns": 4,
            "chip_hop": 500,
            "barrier": 7,
            "mac": 2,
        }.items()
    }
)
BY_HAND = {
    "synaptic operations": (12, 1200),  # 6 spikes × 2 synapses
    "neuron updates, active": (10, 100),  # 5 neurons × 2 steps
    "neuron updates, idle": (10, 10),  # 5 neurons × 2 steps
    "spikes out": (7, 7000),
    "messages out": (12, 240),  # 6 spikes × 2 destination cores
    "messages in": (12, 360),
    "hops, east-west": (6, 18),  # 6 spikes × 1 tile
    "hops, north-south": (12, 48),  # 6 spikes × 2 tiles
    "barriers": (12, 84),  # 4 steps × 3 tiles
    "host multiply-accumulates": (7, 14),
}


def terms(estimate: EnergyEstimate) -> dict[str, tuple[float, float]]:
    return {line.term: (line.count, line.total_pj) for line in estimate.by_term()}


def test_a_chip_is_no_price_of_a_run_that_multiplies() -> None:
    """0 pJ, or the few synops beside millions of multiply-accumulates, would be no estimate."""
    network = ActivityCounts(synops=1000, active_updates=0, idle_updates=0, spikes=50, time_steps=1, host_macs=10**6)
    refused = price(network, None, load_profile("odin"))
    assert refused.energy is None
    assert refused.refusal == "odin has no price of a multiply-accumulate, of which this run has more than synops"
    assert price(network, None, load_profile("cmos45-paper")).energy is not None
    assert price(COUNTS, None, load_profile("odin")).energy is not None


def test_every_term_of_a_layer_worked_by_hand() -> None:
    estimate = estimate_chip_energy(chip_events(RUN, PLACED), chip(TEN_PRICES), PLACED)
    assert terms(estimate) == BY_HAND
    total = sum(energy for _, energy in BY_HAND.values())
    assert estimate.total_pj == pytest.approx(total)
    assert estimate.band_pj == pytest.approx((total / 2, total * 2))


def test_terms_are_told_by_layer_and_the_layers_add_up() -> None:
    estimate = estimate_chip_energy(chip_events(RUN, PLACED), chip(TEN_PRICES), PLACED)
    layers = {layer: {line.term: line.count for line in lines} for layer, lines in estimate.by_layer().items()}
    assert layers["source"] == {
        "neuron updates, active": 6,
        "neuron updates, idle": 6,
        "spikes out": 6,
        "messages out": 12,
        "messages in": 12,
        "hops, east-west": 6,
        "hops, north-south": 12,
    }
    # A synaptic operation is its synapse's, and that is the target's.
    assert layers["target"] == {
        "synaptic operations": 12,
        "neuron updates, active": 4,
        "neuron updates, idle": 4,
        "spikes out": 1,
    }
    assert layers[None] == {"barriers": 12, "host multiply-accumulates": 7}


def test_a_terms_price_is_the_mean_over_layers_so_that_terms_add_up_to_the_total() -> None:
    cheap = EnergyLine("reading weights", "a", 30, 1, 0.5, 2, Grade.measured, "one")
    dear = EnergyLine("reading weights", "b", 10, 9, 8, 10, Grade.inferred, "another")
    estimate = EnergyEstimate("by hand", "by hand", (cheap, dear), ())
    assert estimate.by_term() == (
        EnergyLine("reading weights", None, 40, 3, 95 / 40, 4, Grade.inferred, "one; another"),
    )
    assert sum(line.total_pj for line in estimate.by_term()) == estimate.total_pj == 120
    assert estimate.by_term()[0].band_pj == estimate.band_pj == (95, 160)


def test_events_without_a_price_are_no_lines_but_named_with_their_counts() -> None:
    estimate = estimate_chip_energy(chip_events(RUN, PLACED), chip(EventEnergy(synop=figure("pJ", 100))), PLACED)
    assert [(line.term, line.total_pj) for line in estimate.lines] == [("synaptic operations", 1200)]
    assert estimate.not_counted == (
        "dust",
        "neuron updates, active: 10 a decision, no price",
        "neuron updates, idle: 10 a decision, no price",
        "spikes out: 7 a decision, no price",
        "messages out: 12 a decision, no price",
        "messages in: 12 a decision, no price",
        "hops, east-west: 6 a decision, no price",
        "hops, north-south: 12 a decision, no price",
        "barriers: 12 a decision, no price",
        "host multiply-accumulates: 7 a decision, no price",
        "host input and output: 0 values written and 0 read a decision, no price",
    )


def test_static_power_is_every_chips_and_the_host_there_once_for_the_time_of_the_decision() -> None:
    far = Placed(0, 0, {"target": 1}, chip=1)
    two_chips = place(
        LAYER,
        (CORES[0], CORES[1], far),
        synops={"source": (0, 1, 1)},
        messages={"source": (0, 1, 1)},
        crossings={"source": 1},
    )
    time = TimeEstimate("chip", (), Span(10.0, 4.0, 30.0), Span(0, 0, 0), 4, "", Grade.inferred, (), ())
    power = ConstantPower(static_per_chip=figure("mW", 100), host=figure("mW", 6))
    estimate = estimate_chip_energy(
        chip_events(RUN, two_chips), chip(EventEnergy(chip_hop=figure("pJ", 500)), power), two_chips, time
    )
    lines = {line.term: line for line in estimate.lines}
    assert lines["chip crossings"].total_pj == 6 * 500
    assert lines["static power × time"].total_pj == pytest.approx(2 * 100 * 10 * 1000)  # 1 mW for 1 µs is 1000 pJ
    assert lines["static power × time"].band_pj == pytest.approx((2 * 50 * 4 * 1000, 2 * 200 * 30 * 1000))
    assert lines["host power × time"].total_pj == pytest.approx(6 * 10 * 1000)
    # A product of two figures is no better known than the worse of them.
    assert lines["static power × time"].grade is Grade.inferred


def test_power_is_not_counted_without_a_time() -> None:
    power = ConstantPower(static_per_chip=figure("mW", 100))
    estimate = estimate_chip_energy(chip_events(RUN, PLACED), chip(EventEnergy(synop=figure("pJ", 1)), power), PLACED)
    assert [line.term for line in estimate.lines] == ["synaptic operations"]
    assert "static power × time: no time of a decision" in estimate.not_counted


def test_a_relay_costs_updates_spikes_messages_and_the_synapses_into_it() -> None:
    """source -> relay -> target, where the source has half its spikes relayed: 2 of its 4 neurons."""
    source, target = population("source", 4), population("target", 1, depth=3)
    relay = population("source.relay", 2, depth=2, role=Role.relay, origin="source")
    network = ChipNetwork(
        "relayed",
        "stream",
        2,
        5,
        (source, relay, target),
        (all_to_all(source, relay), all_to_all(relay, target)),
        (),
        0,
    )
    placed = place(
        network,
        (Placed(0, 0, {"source": 4, "source.relay": 2}), Placed(1, 0, {"target": 1})),
        synops={"source": (2, 0), "source.relay": (0, 1)},
        messages={"source": (1, 0), "source.relay": (0, 1)},
        hops={"source.relay": (1, 0)},
    )
    run = activity(network, {"source": 8, "target": 0})
    found = terms(estimate_chip_energy(chip_events(run, placed), chip(TEN_PRICES), placed))
    assert found["spikes out"][0] == 8 + 4
    assert found["synaptic operations"][0] == 8 * 2 + 4
    assert found["messages in"][0] == 8 + 4
    assert found["hops, east-west"][0] == 4
    assert found["neuron updates, active"][0] == (4 + 2 + 1) * 2
    assert found["neuron updates, idle"][0] == (4 + 2 + 1) * 3


def test_a_windows_copies_work_as_the_streams_population_does() -> None:
    copies = tuple(population(f"{token}/source", 3, origin="source") for token in range(3))
    window = ChipNetwork("window", "window", 2, 4, copies, (), (), 0, context=3)
    placed = place(window, (Placed(0, 0, {copy.name: 3 for copy in copies}),), synops={}, messages={})
    found = terms(estimate_chip_energy(chip_events(RUN, placed), chip(TEN_PRICES), placed))
    assert found["spikes out"][0] == 3 * 6
    assert found["neuron updates, active"][0] == 3 * 3 * 2
    assert found["neuron updates, idle"][0] == 3 * 3 * 2


def test_a_window_priced_by_a_convention_does_every_tokens_work() -> None:
    run = ActivityCounts(1, 2, 3, 4, 5, 6, {"a": PopulationCounts(4, 2, 3)}, {"a": 1})
    assert run.recomputing(20) == ActivityCounts(20, 40, 60, 80, 5, 6, {"a": PopulationCounts(80, 40, 60)}, {"a": 20})


def test_the_papers_convention_prices_accumulates_and_multiply_accumulates() -> None:
    estimate = estimate_energy(COUNTS, load_profile("cmos45-paper"))
    assert [(line.count, line.each_pj) for line in estimate.lines] == [(1000, 0.9), (10, 4.6)]
    assert estimate.total_pj == pytest.approx(1000 * 0.9 + 10 * 4.6)
    assert estimate.band_pj == pytest.approx((946.0, 946.0))


def test_a_convention_prices_each_layer_that_the_run_counted() -> None:
    run = ActivityCounts(synops=30, synops_by_target={"a": 10, "b": 20})
    lines = estimate_energy(run, load_profile("cmos45-paper")).lines
    assert [(line.layer, line.count) for line in lines] == [("a", 10), ("b", 20)]


def test_nothing_is_added_to_an_all_in_price() -> None:
    estimate = estimate_energy(COUNTS, load_profile("truenorth"))
    assert [(line.term, line.count) for line in estimate.lines] == [("synaptic operations", 1000)]
    assert not any("no price" in item for item in estimate.not_counted)


def test_a_chip_needs_a_network_that_was_placed_on_it() -> None:
    with pytest.raises(UserError, match="loihi2 prices events on a chip's cores, so the network must be placed"):
        estimate_energy(COUNTS, load_profile("loihi2"))


def test_a_chip_needs_counts_of_populations_and_the_networks_own() -> None:
    with pytest.raises(UserError, match="no counts of its populations"):
        estimate_chip_energy(chip_events(COUNTS, PLACED), chip(TEN_PRICES), PLACED)
    other = ActivityCounts(by_population={"source": PopulationCounts(6, 6, 6)})
    with pytest.raises(UserError, match="'target', which the network has: they are not of the same program"):
        estimate_chip_energy(chip_events(other, PLACED), chip(TEN_PRICES), PLACED)


def test_spikes_per_synapse_are_synaptic_operations_over_synapses() -> None:
    assert spikes_per_synapse(RUN, LAYER) == 12 / 6
    assert spikes_per_synapse(ActivityCounts(), replace(LAYER, projections=())) == 0
