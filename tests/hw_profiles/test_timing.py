"""Times against sums done by hand."""

from __future__ import annotations

import dataclasses

import pytest

from hw_profiles.chip_events import chip_events
from hw_profiles.event_prices import EventTime
from hw_profiles.figure import Figure, Grade
from hw_profiles.loader import load_profile
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.network import ChipNetwork, NeuronParameters, Role
from hw_profiles.timing import TimeEstimate, estimate_time, shortest_interval
from tests.hw_profiles.hand_placed import LAYER, PLACED, RUN, Placed, activity, chip, figure, place, population

TIMES = EventTime(
    synop=figure("ns", 5),
    neuron_active=figure("ns", 10),
    neuron_idle=figure("ns", 1),
    spike_out=figure("ns", 20),
    message_out=figure("ns", 2),
    message_in=figure("ns", 3),
    hop_ew=figure("ns", 4),
    hop_ns=figure("ns", 6),
    barrier=figure("ns", 50),
)
FORGETS_AT_ONCE = NeuronParameters(current_decay=4095, voltage_decay=4095, threshold=100)


def timed(times: EventTime, mapping: ChipMapping = PLACED) -> TimeEstimate:
    estimate = estimate_time(
        chip_events(activity(mapping.network, {"source": 6, "target": 1}), mapping), chip(time=times), mapping
    )
    assert estimate is not None
    return estimate


def test_every_time_step_of_a_layer_worked_by_hand() -> None:
    """Source works in steps 0 and 1 with 3 spikes each, target in steps 1 and 2 with half a spike each."""
    estimate = timed(TIMES)
    source_core = 3 * 10 + 3 * 20  # three updates, three spikes
    sending = 6 * 2  # three spikes to two cores
    way = (6 * 4 + 12 * 6) / 12  # hops of an average message
    target_core = 10 + 0.25 * 20
    assert [step.terms for step in estimate.steps] == [
        {"neuron loop": source_core, "synapse loop": 0, "network": sending + way, "barrier": 50},
        {"neuron loop": source_core, "synapse loop": 0, "network": sending + way, "barrier": 50},
        {"neuron loop": target_core, "synapse loop": 0, "network": 0, "barrier": 50},
        {"neuron loop": 3, "synapse loop": 0, "network": 0, "barrier": 50},
    ]
    assert [step.ns.nominal for step in estimate.steps] == [160, 160, 65, 53]
    assert [step.binding for step in estimate.steps] == ["neuron loop", "neuron loop", "barrier", "barrier"]
    assert estimate.binding == "neuron loop"
    assert dataclasses.astuple(estimate.decision_us) == pytest.approx((0.438, 0.219, 0.876))


def test_the_slowest_core_is_waited_for_and_named_by_what_it_does() -> None:
    slow_synapses = dataclasses.replace(TIMES, synop=figure("ns", 100))
    step = timed(slow_synapses).steps[0]
    # The target's core: an idle update, 3 synaptic operations, 3 messages in; then the way of a message.
    assert step.terms == {"neuron loop": 1, "synapse loop": 300, "network": 9 + 8, "barrier": 50}
    assert step.binding == "synapse loop"
    slow_messages = dataclasses.replace(TIMES, message_in=figure("ns", 100))
    assert timed(slow_messages).steps[0].binding == "network"


def test_no_step_is_shorter_than_one_that_was_seen_except_in_the_low_end() -> None:
    estimate = timed(dataclasses.replace(TIMES, smallest_step=figure("ns", 120)))
    assert [dataclasses.astuple(step.ns) for step in estimate.steps] == [
        (160, 80, 320),
        (160, 80, 320),
        (120, 32.5, 240),
        (120, 26.5, 240),
    ]
    assert [step.binding for step in estimate.steps[2:]] == ["shortest step seen"] * 2
    assert any("by hand" in sentence for sentence in estimate.assumptions)


def test_the_host_is_the_high_end_of_the_first_and_the_last_step_alone() -> None:
    estimate = timed(dataclasses.replace(TIMES, host_step=figure("ns", 3000)))
    assert [step.ns.high for step in estimate.steps] == [6000, 320, 130, 6000]
    assert [step.ns.nominal for step in estimate.steps] == [160, 160, 65, 53]


@pytest.mark.parametrize(
    ("cores", "nominal"),
    [
        ([(0, 0)], 25),
        ([(0, 0), (1, 0)], 50),
        ([(x, y) for x in range(8) for y in range(4)], 100),
    ],
)
def test_a_barrier_takes_longer_the_more_tiles_it_joins(cores: list[tuple[int, int]], nominal: float) -> None:
    network = ChipNetwork("one", "stream", 1, 1, (population("source", len(cores)),), (), (), 0)
    mapping = place(network, [Placed(x, y, {"source": 1}) for x, y in cores], synops={}, messages={})
    assert timed(EventTime(barrier=figure("ns", 50)), mapping).steps[0].terms["barrier"] == nominal


def test_chips_have_a_barrier_of_their_own() -> None:
    network = ChipNetwork("one", "stream", 1, 1, (population("source", 2),), (), (), 0)
    cores = [Placed(0, 0, {"source": 1}, chip=0), Placed(0, 0, {"source": 1}, chip=1)]
    times = EventTime(barrier=figure("ns", 50), chip_barrier=figure("ns", 900))
    step = timed(times, place(network, cores, synops={}, messages={})).steps[0]
    assert dataclasses.astuple(step.ns) == (900, 450, 1800)


def test_pipelined_decisions_share_their_time_steps() -> None:
    """Source works in step 0, target in step 3; forgetting takes 2 steps, so another decision can begin in step 3."""
    network = ChipNetwork(
        "two",
        "stream",
        1,
        6,
        (
            population("source", 1, 0, parameters=FORGETS_AT_ONCE),
            population("target", 1, 3, parameters=FORGETS_AT_ONCE),
        ),
        (),
        (),
        0,
    )
    mapping = place(network, [Placed(0, 0, {"source": 1}), Placed(1, 0, {"target": 1})], synops={}, messages={})
    times = EventTime(neuron_active=figure("ns", 10), neuron_idle=figure("ns", 1), barrier=figure("ns", 50))
    estimate = timed(times, mapping)
    assert estimate.pipelined_steps == 3
    assert estimate.decision_us.nominal == pytest.approx((10 + 1 + 1 + 10 + 1 + 1 + 6 * 50) / 1000)
    assert estimate.pipelined_us.nominal == pytest.approx((10 + 1 + 1 + 3 * 50) / 1000)


def test_the_interval_is_bound_by_forgetting_by_the_sum_or_by_the_period() -> None:
    lif = population("source", 1, parameters=FORGETS_AT_ONCE)
    slow = population("slow", 1)  # keeps a quarter a step: 12 steps from 2^23 - 1 to 0
    total = population("sum", 1, depth=5, role=Role.accumulator)
    assert shortest_interval(ChipNetwork("n", "stream", 4, 30, (lif,), (), (), 0)) == 4 + 2
    assert shortest_interval(ChipNetwork("n", "stream", 4, 30, (lif, slow), (), (), 0)) == 4 + 12
    assert shortest_interval(ChipNetwork("n", "stream", 4, 30, (lif, slow, total), (), (), 0)) == 30 - 5
    assert shortest_interval(ChipNetwork("n", "stream", 4, 10, (lif, slow), (), (), 0)) == 10


def test_a_relay_of_the_past_works_in_its_place_of_the_period() -> None:
    relay = population("relay", 1, depth=9, role=Role.relay, origin="source")
    network = ChipNetwork("past", "stream", 1, 4, (population("source", 1), relay), (), (), 0)
    mapping = place(network, [Placed(0, 0, {"source": 1}), Placed(1, 0, {"relay": 1})], synops={}, messages={})
    times = EventTime(neuron_active=figure("ns", 10), neuron_idle=figure("ns", 1))
    assert [step.ns.nominal for step in timed(times, mapping).steps] == [10, 10, 1, 1]  # step 9 of period 4 is step 1


def test_a_chip_without_times_has_no_time_of_a_decision() -> None:
    assert estimate_time(chip_events(RUN, PLACED), chip(), PLACED) is None


def test_the_time_is_no_better_known_than_its_worst_figure_and_says_what_has_none() -> None:
    guessed = Figure(2.0, "ns", Grade.inferred, "by hand")
    estimate = timed(EventTime(synop=guessed, barrier=figure("ns", 50)))
    assert estimate.grade is Grade.inferred
    assert "messages in: no time" in estimate.not_counted
    assert "synaptic operations: no time" not in estimate.not_counted


@pytest.mark.parametrize("name", ["loihi1-davies2018", "loihi1-measured", "loihi2"])
def test_every_shipped_chip_with_times_gives_a_band(name: str) -> None:
    estimate = estimate_time(chip_events(RUN, PLACED), load_profile(name), PLACED)
    assert estimate is not None
    assert len(estimate.steps) == LAYER.period
    assert 0 < estimate.decision_us.low < estimate.decision_us.nominal < estimate.decision_us.high
