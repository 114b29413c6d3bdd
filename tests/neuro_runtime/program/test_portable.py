"""The portable subset: each limit names the node that leaves it, and a bound is one whatever the graph."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hw_profiles.chip_arithmetic import Departure
from neuro_runtime.program.active_time_steps import arrival_steps
from neuro_runtime.program.nodes import (
    Accumulator,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Sparse,
)
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_programs import CLEARED, block_program, currents, make_program, random_program

HERE = np.zeros(1, dtype=np.int32)


def small(*connections: Connection, lif: Lif | None = None) -> Program:
    """Two channels of a token, a bias line, 100 sources, one LIF neuron to look at, and an action."""
    nodes = (
        CurrentInput("token", 2),
        BiasLine("bias"),
        Lif("sources", 100, CLEARED, CLEARED, 100),
        lif or Lif("lif", 1, CLEARED, 3072, 100),
        Accumulator("action", 1),
    )
    return make_program(
        nodes, [Dense("bias", "sources", np.full((100, 1), 200)), *connections], active_steps=4, period=40
    )


def into(weight: int, count: int, exponent: int = 0, target: str = "lif") -> Dense:
    """``count`` synapses of one weight, the other sources' being 0."""
    weights = np.zeros((1, 100), dtype=np.int64)
    weights[0, :count] = weight
    return Dense("sources", target, weights, exponent=exponent)


def test_a_program_inside_has_no_departures() -> None:
    assert departures(small(into(254, 100), into(-256, 20, -1, "action")), token=4095) == []


@pytest.mark.parametrize(
    ("program", "departure"),
    [
        (
            small(into(254, 10, exponent=-2)),
            Departure("lif", "Dense sources -> lif", "exponent", -2, -1, "set"),
        ),
        (
            small(into(-256, 64, exponent=1)),
            Departure("lif", "lif", "arrival", 2**15, 2**15 - 1, "bound"),
        ),
        (
            small(into(2, 1), lif=Lif("lif", 1, CLEARED, 3072, 0)),
            Departure("lif", "lif", "threshold", 0, 1, "set"),
        ),
    ],
)
def test_the_node_that_leaves_is_named(program: Program, departure: Departure) -> None:
    assert departures(program, token=0) == [departure]


def test_an_accumulator_stays_below_the_largest_threshold() -> None:
    """A source of 4 active time steps counts 4 times, whenever its spikes arrive."""
    once, twice = (
        [Dense("sources", "action", into(254, count, target="action").weight, delay) for delay in (0, 4)]
        for count in (64, 66)
    )
    assert departures(small(*once), token=0) == []
    arrival, voltage = departures(small(*twice), token=0)
    assert arrival == Departure("action", "action", "arrival", 2 * 66 * 254, 2**15 - 1, "bound")
    assert voltage == Departure("action", "action", "voltage", 8 * 66 * 254 * 64, 2**23 - 64, "bound")


def test_a_weight_that_stays_whole_may_have_any_exponent() -> None:
    assert departures(small(into(128, 10, exponent=-7)), token=0) == []
    (departure,) = departures(small(into(64, 10, exponent=-7)), token=0)
    assert (departure.quantity, departure.value) == ("exponent", -7)


@pytest.mark.parametrize(("exponent", "limit"), [(0, 4095), (1, 8190), (-1, 4095)])
def test_a_bias_beyond_12_bits_must_be_even(exponent: int, limit: int) -> None:
    nodes = (CurrentInput("token", 2), Lif("lif", 2, CLEARED, CLEARED, 100), Accumulator("action", 1))
    program = make_program(nodes, [Injection("token", "lif", exponent=exponent)], active_steps=4, period=40)
    inside = limit / 2.0**exponent
    assert departures(program, token=inside) == []
    value = math.ceil((inside + 1) * 2.0**exponent)
    assert departures(program, token=inside + 1) == [Departure("lif", "lif", "injection", value, limit, "bound")]


def test_the_token_s_default_is_what_the_encoder_can_reach() -> None:
    program = block_program()
    assert departures(program) == departures(program, token=math.ceil(np.sqrt(8 - 1) * 1000))


def test_an_observed_value_takes_the_place_of_a_bound() -> None:
    program = _driven()
    interpreter = Interpreter(program)
    assert [row.evidence for row in departures(program, token=500)] == ["bound"]
    interpreter.decide(np.array([50, 50]))
    assert [row.evidence for row in departures(program, 500, interpreter.arrival_peaks)] == ["bound"]
    interpreter.decide(np.array([500, 50]))
    (row,) = departures(program, 500, interpreter.arrival_peaks)
    assert (row.node, row.value, row.evidence) == ("lif", 2 * 254 * 128, "bound")
    interpreter.decide(np.array([500, 500]))
    assert departures(program, 500, interpreter.arrival_peaks) == [
        Departure("lif", "lif", "arrival", 2 * 254 * 128, 2**15 - 1, "observed")
    ]


def _driven() -> Program:
    """Two neurons that a token above 100 makes spike, and one that they bring 254·2^7 each."""
    nodes = (
        CurrentInput("token", 2),
        Lif("pair", 2, CLEARED, CLEARED, 100),
        Lif("lif", 1, CLEARED, CLEARED, 2**17 - 1),
        Accumulator("action", 1),
    )
    connections = (Injection("token", "pair"), Dense("pair", "lif", np.full((1, 2), 254), exponent=7))
    return make_program(nodes, connections, active_steps=4, period=40)


def test_peaks_are_those_of_the_largest_time_step() -> None:
    program = _driven()
    interpreter = Interpreter(program)
    interpreter.decide(np.array([-300, 120]))
    peaks = {peak.node: peak for peak in interpreter.arrival_peaks}
    assert (peaks["pair"].synaptic, peaks["pair"].injected, peaks["pair"].total) == (0, 300, 300)
    assert (peaks["lif"].synaptic, peaks["lif"].injected, peaks["lif"].total) == (254 * 128, 0, 254 * 128)


def test_arrivals_go_on_from_the_period_s_beginning() -> None:
    late = Sparse("sources", "lif", HERE, HERE, np.array([2]), np.array([33], dtype=np.int32))
    nodes = (CurrentInput("token", 100), Lif("sources", 100, CLEARED, 3072, 9), Lif("lif", 1, CLEARED, 3072, 9))
    program = make_program([*nodes, Accumulator("action", 1)], [Injection("token", "sources", 5), late], 3, 40)
    steps = {name: np.flatnonzero(at).tolist() for name, at in arrival_steps(program).items()}
    assert steps == {"sources": [5, 6, 7], "lif": [0, 1, 39], "action": []}


@pytest.mark.parametrize("seed", range(12))
def test_nothing_arrives_in_other_time_steps_and_no_more_than_the_bound(seed: int) -> None:
    """Loops, delays over decisions, currents that are kept."""
    program = random_program(seed)
    steps = arrival_steps(program)
    bounds = {(row.node, str(row.quantity)): row.value for row in departures(program, token=2000)}
    interpreter = Interpreter(program)
    for current in currents(program, 5, seed):
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        for node in program.neurons:
            u, v = recording.currents[node.name], recording.voltages[node.name]
            if node.as_lif("loihi").current_decay == CLEARED:
                assert not u[~steps[node.name]].any()
            for quantity, state in (("current", u), ("voltage", v)):
                assert np.abs(state).max() <= bounds.get((node.name, quantity), 2**23 - 1)
    for peak in interpreter.arrival_peaks:
        assert peak.synaptic <= bounds.get((peak.node, "arrival"), 2**15 - 1)
