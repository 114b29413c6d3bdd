"""The bound on 24-bit states is a bound, and is reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_runtime.program.headroom import Headroom, headroom
from neuro_runtime.program.nodes import (
    Accumulator,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
    SpikeInput,
)
from neuro_runtime.program.sample import SampleEncoder, SampleOutput, SampleProgram
from neuro_runtime.program.validate import validate
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_programs import BETA, CLEARED, block_program, make_program


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0, 1))
def test_no_state_exceeds_its_bound(seed: int, share: float) -> None:
    program = block_program()
    bounds = {row.node: row for row in headroom(program)}
    random = np.random.default_rng(seed)
    interpreter = Interpreter(program)
    for _ in range(3):
        x = random.normal(size=program.current_input.size)
        tokens = program.encoder.input_scale * (x - x.mean()) / x.std() * share
        recording = interpreter.decide(np.rint(tokens).astype(np.int64), record=True).recording
        assert recording is not None
        for name, bound in bounds.items():
            assert np.abs(recording.currents[name]).max() <= bound.current
            assert np.abs(recording.voltages[name]).max() <= bound.voltage


def test_the_bound_is_reached_by_the_largest_token() -> None:
    """A LayerNorm's largest value in one channel of two is √(2 − 1); all four steps add up in a leaky voltage."""
    lif = Lif("lif", 2, CLEARED, BETA, 2**17 - 1)
    nodes: list[Node] = [CurrentInput("token", 2), lif, Accumulator("action", 1)]
    connections: list[Connection] = [
        Injection("token", "lif", exponent=1),
        Dense("lif", "action", np.array([[254, -256]])),
    ]
    program = make_program(nodes, connections, active_steps=4, period=40)
    bound, action = headroom(program)
    largest = int(program.encoder.input_scale)
    recording = Interpreter(program).decide(np.array([largest, -largest]), record=True).recording
    assert recording is not None
    assert np.abs(recording.currents["lif"]).max() == bound.current == largest * 2 * 64
    assert bound.voltage - 4 <= np.abs(recording.voltages["lif"]).max() <= bound.voltage
    assert (action.current, action.voltage) == (256 * 64, 4 * 256 * 64)
    assert (bound.arriving, action.arriving) == (0, 256), "what the host injects is a bias"


def test_a_negative_exponent_floors_the_sum_of_each_connection() -> None:
    """−2 shifted by two is −1 each time, where −0.5 and −0.5 would be −1 together."""
    nodes = (CurrentInput("token", 1), Lif("lif", 1, CLEARED, CLEARED, 1), Lif("two", 1, CLEARED, CLEARED, 9))
    both = [Dense("lif", "two", np.array([[-2]]), exponent=-2)] * 2
    program = make_program((*nodes, Accumulator("action", 1)), (Injection("token", "lif"), *both), 1, 40)
    recording = Interpreter(program).decide(np.array([9]), record=True).recording
    assert recording is not None
    (bound,) = (row for row in headroom(program) if row.node == "two")
    assert int(recording.currents["two"].min()) == -bound.current == -2 * 64
    assert bound.arriving == 2


def test_a_negative_exponent_floors_what_each_delay_brings_an_accumulator() -> None:
    """−2 shifted by two, in two time steps, is −1 twice."""
    zeros, delays = np.zeros(2, dtype=np.int32), np.arange(2, dtype=np.int32)
    listed = Sparse("bias", "action", zeros, zeros, np.full(2, -2), delays, exponent=-2)
    program = make_program([CurrentInput("token", 1), BiasLine("bias"), Accumulator("action", 1)], [listed], 1, 4)
    (bound,) = headroom(program)
    assert Interpreter(program).decide(np.array([0])).accumulator == -2 * 64
    assert bound.voltage >= 2 * 64


def test_neurons_that_nothing_reaches_have_no_state() -> None:
    """Its v would keep all of a current that lasts."""
    silent, reader = Lif("silent", 1, CLEARED, CLEARED, 1), Lif("reader", 1, 2048, 0, 1)
    output = SampleOutput("reader", "spikes", np.zeros(1, dtype=np.int32), delay=1)
    program = SampleProgram(
        arithmetic="loihi",
        active_steps=4,
        period=4,
        nodes=(SpikeInput("input", 1), silent, reader),
        connections=(Dense("silent", "reader", np.array([[2]])),),
        encoder=SampleEncoder("spikes", (1,)),
        outputs=(output,),
        output_shape=(1,),
        name="unreached",
    )
    validate(program)
    assert headroom(program)[1] == Headroom("reader", current=0, voltage=0, arriving=2)


def test_currents_that_arrive_in_turn_add_up_in_a_voltage() -> None:
    """Two paths of one source, one step apart: the voltage sums more time steps than are active."""
    lif, reader = Lif("lif", 1, CLEARED, CLEARED, 1), Lif("reader", 1, CLEARED, BETA, 2**17 - 1)
    nodes = (CurrentInput("token", 1), lif, reader, Accumulator("action", 1))
    paths = [Dense("lif", "reader", np.array([[200]]), delay) for delay in (0, 1)]
    program = make_program(nodes, (Injection("token", "lif"), *paths), 1, 40)
    recording = Interpreter(program).decide(np.array([9]), record=True).recording
    assert recording is not None
    (bound,) = (row for row in headroom(program) if row.node == "reader")
    assert np.abs(recording.voltages["reader"]).max() == 200 * 64 * 5 // 4
    assert (bound.current, bound.voltage) == (400 * 64, 400 * 64 * 5 // 4)


def test_a_group_alone_takes_its_sources_to_be_active() -> None:
    program = block_program()
    whole = {row.node: row for row in headroom(program)}
    for node in program.neurons:
        alone = replace(program, nodes=(node,), connections=tuple(program.connections_into(node.name)))
        (row,) = headroom(alone)
        assert row.current == whole[node.name].current


def test_bits_are_counted_from_the_larger_state() -> None:
    assert Headroom("lif", current=2**20, voltage=2**21, arriving=0).bits == 2
    assert Headroom("lif", current=2**24, voltage=2**21, arriving=0).bits == -1


def test_bits_of_what_arrives() -> None:
    assert Headroom("lif", current=0, voltage=0, arriving=2**13).arrival_bits == 2
    assert Headroom("lif", current=0, voltage=0, arriving=2**16).arrival_bits == -1


def test_the_host_s_current_arrives_as_spikes_where_it_must_be_kept() -> None:
    keeping = Lif("lif", 2, CLEARED - 1, BETA, 100)
    program = make_program(
        (CurrentInput("token", 2), keeping, Accumulator("action", 1)), (Injection("token", "lif", exponent=2),), 4, 40
    )
    assert headroom(program)[0].arriving == int(program.encoder.input_scale) * 4
