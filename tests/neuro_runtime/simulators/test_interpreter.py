"""The interpreter is the definition of a program; here it is held to the same rules written a second time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift, wrap24
from support.small_programs import CLEARED, block_program, currents, make_program, random_program
from tests.neuro_runtime.simulators.scalar_loihi import ScalarLoihi


def assert_same(program: Program, decisions: int, seed: int, largest: int = 2000) -> dict[str, int]:
    """Compare every state and spike of several decisions; returns how often what happened."""
    interpreter, scalar = Interpreter(program), ScalarLoihi(program)
    seen = {"spikes": 0, "wrapped": 0, "clipped": 0, "states": 0}
    for current in currents(program, decisions, seed, largest):
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        for step, states in enumerate(scalar.decide(current.tolist())):
            for (name, n), (u, v, spike) in states.items():
                assert recording.currents[name][step, n] == u
                assert recording.voltages[name][step, n] == v
                if name in recording.spikes:
                    assert recording.spikes[name][step, n] == spike
                seen["spikes"] += spike
                seen["clipped"] += abs(v) == 2**23 - 1
                seen["states"] += 1
    return seen


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), largest=st.sampled_from([500, 30_000, 131_071]))
def test_graphs_without_design(seed: int, largest: int) -> None:
    """Loops, duplicate synapses, delays over decisions, several sources, sums that overflow."""
    assert_same(random_program(seed), decisions=3, seed=seed, largest=largest)


def test_random_graphs_spike_and_overflow() -> None:
    """The test above does not compare silence."""
    seen = [assert_same(random_program(seed), 2, seed, largest=131_071) for seed in range(4)]
    assert sum(one["spikes"] for one in seen) > 200
    assert sum(one["clipped"] for one in seen) > 10


def test_block_of_a_dsformer() -> None:
    assert assert_same(block_program(), decisions=5, seed=1)["spikes"] > 200


def lone_neuron(lif: Lif, weight: int = 100, exponent: int = 0, delay: int = 0) -> Program:
    """token -> lif -> action, with an idle time in which everything decays."""
    nodes: list[Node] = [CurrentInput("token", 1), lif, Accumulator("action", 1)]
    out = Dense("lif", "action", np.array([[weight]]), delay, exponent)
    return make_program(nodes, [Injection("token", "lif"), out], active_steps=4, period=40)


def test_currents_meet_the_state_shifted_by_six() -> None:
    decision = Interpreter(lone_neuron(Lif("lif", 1, CLEARED, 3072, 1000))).decide(np.array([10]), record=True)
    assert decision.recording is not None
    assert decision.recording.currents["lif"][:5, 0].tolist() == [640, 640, 640, 640, 0]
    # 640 + trunc(v/4): 640, 800, 840, 850, and then the quarter alone
    assert decision.recording.voltages["lif"][:8, 0].tolist() == [640, 800, 840, 850, 212, 53, 13, 3]


def test_the_threshold_is_strict_and_the_reset_to_zero() -> None:
    program = lone_neuron(Lif("lif", 1, CLEARED, CLEARED, 10))
    at, above = (Interpreter(program).decide(np.array([x]), record=True) for x in (10, 11))
    assert at.spikes["lif"] == 0
    assert above.spikes["lif"] == 4
    assert above.recording is not None
    assert not above.recording.voltages["lif"].any()
    assert above.accumulator.tolist() == [4 * 100 * 64]


@pytest.mark.parametrize(("exponent", "expected"), [(3, 4 * 800), (-3, 4 * 12), (-8, 0)])
def test_exponents_shift_the_sum(exponent: int, expected: int) -> None:
    program = lone_neuron(Lif("lif", 1, CLEARED, CLEARED, 10), weight=100, exponent=exponent)
    assert Interpreter(program).decide(np.array([11])).accumulator.tolist() == [expected * 64]


def test_negative_sums_are_floored() -> None:
    program = lone_neuron(Lif("lif", 1, CLEARED, CLEARED, 10), weight=-100, exponent=-3)
    assert Interpreter(program).decide(np.array([11])).accumulator.tolist() == [4 * -13 * 64]


def test_spikes_in_flight_are_the_past_and_reset_forgets_them() -> None:
    """A synapse of one period and a half delivers in the next decision, or in the one after."""
    program = lone_neuron(Lif("lif", 1, CLEARED, CLEARED, 10), delay=60)
    interpreter = Interpreter(program)
    fire, rest = np.array([11]), np.array([0])
    assert interpreter.decide(fire).accumulator.tolist() == [0]
    assert interpreter.decide(rest).accumulator.tolist() == [4 * 100 * 64]
    assert interpreter.decide(rest).accumulator.tolist() == [0]
    interpreter.decide(fire)
    interpreter.reset()
    assert interpreter.decide(rest).accumulator.tolist() == [0]


def test_a_decision_after_a_reset_is_that_of_a_new_interpreter() -> None:
    program = block_program()
    used, first = Interpreter(program), list(currents(program, 3, seed=0))
    before = [used.decide(current).accumulator for current in first]
    for current in currents(program, 4, seed=1):
        used.decide(current)
    used.reset()
    assert np.array_equal(before, [used.decide(current).accumulator for current in first])


@pytest.mark.parametrize("inputs", [0, 1, 2, 3])
def test_and_gates_need_every_input_in_the_same_step(inputs: int) -> None:
    one = np.zeros(1, dtype=np.int32)
    lif, gate = Lif("lif", 3, CLEARED, CLEARED, 10), And("gate", 1, 3, 3 * 64 - 28)
    nodes: list[Node] = [CurrentInput("token", 3), lif, gate, Accumulator("action", 1)]
    synapses = [Sparse("lif", "gate", one + n, one, np.array([64]), one) for n in range(3)]
    out = Dense("gate", "action", np.array([[2]]))
    connections: list[Connection] = [Injection("token", "lif"), *synapses, out]
    program = make_program(nodes, connections, active_steps=2, period=10)
    decision = Interpreter(program).decide(np.where(np.arange(3) < inputs, 11, 0))
    assert decision.spikes["gate"] == (2 if inputs == 3 else 0)
    late = replace(synapses[0], delay=one + 1)
    program = replace(program, connections=(Injection("token", "lif"), late, *synapses[1:], out))
    assert Interpreter(program).decide(np.array([11, 11, 11])).spikes["gate"] == 1, "the overlap of 0–1 and 1–2"


def test_float_neurons_are_the_papers() -> None:
    """Eq. 1 with β = 1/4 and V_th = 1 for one neuron, and its bias line."""
    lif = Lif("lif", 1, 1.0, 0.75, 1.0)
    nodes: list[Node] = [CurrentInput("token", 1), BiasLine("bias"), lif, Accumulator("action", 1)]
    connections: list[Connection] = [
        Injection("token", "lif"),
        Dense("bias", "lif", np.array([[0.3]])),
        Dense("lif", "action", np.array([[2.5]])),
    ]
    loihi = lone_neuron(Lif("lif", 1, CLEARED, CLEARED, 10))
    program = replace(loihi, arithmetic="float", nodes=tuple(nodes), connections=tuple(connections))
    decision = Interpreter(program).decide(np.array([0.7]), record=True)
    assert decision.recording is not None
    # 0.7; 0.175 + 1.0 fires; 1.0 does not, being no more than 1; 0.25 + 1.0 fires; the bias lasts a step longer
    assert np.allclose(decision.recording.currents["lif"][:6, 0], [0.7, 1.0, 1.0, 1.0, 0.3, 0])
    assert decision.recording.spikes["lif"][:6, 0].tolist() == [False, True, False, True, False, False]
    assert decision.accumulator.tolist() == [5.0]


def test_arithmetic_at_the_edges() -> None:
    half = 2**23
    assert wrap24(np.array([half, half + 1, -half + 1, -half, 3])).tolist() == [half, -half + 1, -half + 1, half, 3]
    assert clip24(np.array([half, -half - 5, 7])).tolist() == [half - 1, -half + 1, 7]
    assert decayed(np.array([7, -7, 4096, -1]), 3072).tolist() == [1, -1, 1024, 0]
    assert shift(np.array([-1, 5]), -1).tolist() == [-1, 2]
