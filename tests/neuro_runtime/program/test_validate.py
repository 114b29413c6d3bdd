"""Every rule of a program: a change that breaks it is refused with what, its value and the limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.decay import steps_to_zero
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
from neuro_runtime.program.validate import validate
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_fast import LoihiFast
from support.small_programs import CLEARED, block_program, make_program, random_program

Change = Callable[[Program], Program]


def with_node(called: str, **changes: Any) -> Change:
    """The program with one node changed."""
    return lambda program: replace(
        program, nodes=tuple(replace(node, **changes) if node.name == called else node for node in program.nodes)
    )


def with_connection(source: str, target: str, **changes: Any) -> Change:
    """The program with the connections between two nodes changed."""

    def changed(connection: Connection) -> Connection:
        between = (connection.source, connection.target) == (source, target)
        return replace(connection, **changes) if between else connection

    return lambda program: replace(program, connections=tuple(map(changed, program.connections)))


def adding(*connections: Connection) -> Change:
    return lambda program: replace(program, connections=(*program.connections, *connections))


def adding_gate(fan_in: int) -> Change:
    """The program with another gate, which hears the bias line ``fan_in`` times."""
    zeros = np.zeros(fan_in, dtype=np.int32)
    gate = And("more", 1, fan_in, And.threshold_of(fan_in, "loihi"))
    inputs = Sparse("bias", "more", zeros, zeros, np.full(fan_in, 64), zeros)
    return then(lambda program: replace(program, nodes=(*program.nodes, gate)), adding(inputs))


def with_encoder(**changes: Any) -> Change:
    return lambda program: replace(program, encoder=replace(program.encoder, **changes))


def with_readout(**changes: Any) -> Change:
    return lambda program: replace(program, readout=replace(program.readout, **changes))


def weight(value: float, kind: type = np.int64) -> Any:
    """The query's weights, (8, 8), with one of them ``value``."""
    weights: NDArray[Any] = np.zeros((8, 8), dtype=kind)
    weights[2, 3] = value
    return weights


def as_float(program: Program) -> Program:
    """A small program in float arithmetic."""
    lif = Lif("lif", 8, 1.0, 0.75, 1.0)
    nodes = (program.current_input, BiasLine("bias"), lif, program.accumulator)
    connections = (Injection("token", "lif"), Dense("lif", "action", np.ones((4, 8))))
    return replace(program, arithmetic="float", nodes=nodes, connections=connections)


def then(*changes: Change) -> Change:
    def apply(program: Program) -> Program:
        for change in changes:
            program = change(program)
        return program

    return apply


INDEX, ONE = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int64)

BROKEN: dict[str, tuple[Change, str]] = {
    "arithmetic": (
        lambda p: Program(**{**vars(p), "arithmetic": "ternary"}),
        "arithmetic 'ternary' is neither float nor loihi",
    ),
    "no active step": (lambda p: replace(p, active_steps=0), "active_steps=0 is below 1"),
    "beyond 32 bits": (
        adding(*[Injection("token", "query", exponent=7)] * 3),
        "query can be given so much current that u reaches 3",
    ),
    "short period": (lambda p: replace(p, period=3), "period=3 is shorter than the 4 active steps"),
    "same name": (with_node("query", name="key"), "two nodes are called key"),
    "empty node": (with_node("query", size=0), "query has size 0, below 1"),
    "two inputs": (
        lambda p: replace(p, nodes=(*p.nodes, CurrentInput("more", 2))),
        "has one CurrentInput, this one has 2",
    ),
    "no output": (
        lambda p: replace(p, nodes=tuple(n for n in p.nodes if not isinstance(n, Accumulator))),
        "has one Accumulator, this one has 0",
    ),
    "unknown end": (
        adding(Dense("query", "nowhere", ONE[None])),
        "Dense query -> nowhere names nowhere, which is no node",
    ),
    "synapse from a current": (
        adding(Dense("token", "query", np.zeros((8, 8), dtype=int))),
        "Dense token -> query cannot start at a CurrentInput",
    ),
    "injection of spikes": (adding(Injection("key", "query")), "Injection key -> query cannot start at a Lif"),
    "synapse into a line": (
        adding(Dense("key", "bias", np.zeros((1, 8), dtype=int))),
        "Dense key -> bias cannot end at a BiasLine",
    ),
    "injection of another size": (adding(Injection("token", "action")), "does not fit 8 sources and 4 targets"),
    "dense of another shape": (
        with_connection("input", "query", weight=np.zeros((8, 7), dtype=int)),
        "Dense input -> query does not fit 8 sources and 8 targets",
    ),
    "sparse beyond its target": (
        adding(Sparse("key", "query", INDEX, INDEX + 8, 2 * ONE, INDEX)),
        "Sparse key -> query does not fit 8 sources and 8 targets",
    ),
    "sparse of uneven lists": (
        adding(Sparse("key", "query", INDEX, INDEX, 2 * ONE, np.zeros(2, dtype=np.int32))),
        "Sparse key -> query does not fit",
    ),
    "delay into the past": (with_connection("input", "query", delay=-1), "Dense input -> query has delay -1, below 0"),
    "late injection": (
        with_connection("token", "mlp", delay=17),
        "Injection token -> mlp ends at time step 21 of a period of 20",
    ),
    "weight not finite": (
        then(as_float, with_connection("lif", "action", weight=np.full((4, 8), np.nan))),
        "Dense lif -> action weight is not finite",
    ),
    "return target": (lambda p: replace(p, return_target=float("inf")), "return_target is not finite"),
    "readout not finite": (with_readout(bias=np.full(4, np.nan)), "readout.bias is not finite"),
    "encoder shape": (with_encoder(weight=np.zeros((8, 5))), r"encoder.weight has shape \(8, 5\), not \(8, 8\)"),
    "encoder deviation": (with_encoder(state_std=np.zeros(3)), "encoder.state_std is not positive"),
    "encoder scale": (with_encoder(return_scale=0.0), "encoder.return_scale=0.0 is not positive"),
    "readout shape": (with_readout(inverse_scale=np.ones(3)), r"readout.inverse_scale has shape \(3,\), not \(4,\)"),
    "gate with one synapse too many": (
        adding(Sparse("key", "past", INDEX + 5, INDEX + 5, 64 * ONE, INDEX)),
        r"past\[5\] has 3 synapses, its fan_in is 2",
    ),
    "gate's weight": (
        with_connection("key", "past", weight=np.full(8, 32)),
        "Sparse key -> past into AND gates must have weight 64 and exponent 0",
    ),
    "gate's matrix": (
        adding(Dense("key", "past", np.full((8, 8), 64))),
        "Dense key -> past must list its synapses, one a gate",
    ),
    "gate's threshold": (with_node("past", threshold=64), "past has threshold 64; 2 inputs need 100"),
    "gate without an input": (
        adding_gate(fan_in=0),
        "more has fan_in 0, below 1",
    ),
    "gate of more inputs than a threshold tells": (
        adding_gate(fan_in=2049),
        "more has 2049 inputs and threshold 131108, above 131071",
    ),
    "decay": (with_node("query", voltage_decay=4096), "query voltage_decay is 4096, outside 0 … 4095"),
    "decay not an integer": (with_node("query", current_decay=0.5), "query current_decay is 0.5, not an integer"),
    "threshold": (with_node("query", threshold=2**17), "query threshold is 131072, outside 0 … 131071"),
    "a threshold of 0 that is reached by nothing": (
        with_node("query", threshold=0, fires_at_threshold=True),
        "query threshold is 0, outside 1 … 131071",
    ),
    "weight": (
        with_connection("input", "query", weight=weight(256)),
        "Dense input -> query weight is 256, outside -256 … 254",
    ),
    "negative weight": (
        with_connection("input", "query", weight=weight(-258)),
        "Dense input -> query weight is -258, outside -256 … 254",
    ),
    "odd weight": (with_connection("input", "query", weight=weight(3)), "Dense input -> query has an odd weight"),
    "real weight": (
        with_connection("input", "query", weight=weight(2, np.float64)),
        "Dense input -> query has weights of type float64, not integers",
    ),
    "exponent": (
        with_connection("input", "query", exponent=8),
        "Dense input -> query exponent is 8, outside -8 … 7",
    ),
    "a reset after the decision": (
        with_node("query", reset_step=20),
        "query reset_step is 20, outside 0 … 19",
    ),
    "a reset at the threshold": (
        with_node("query", reset_step=0, fires_at_threshold=True),
        "query fires at its threshold; no model of Lava resets it too",
    ),
    "a late reset": (
        with_node("query", voltage_decay=100, reset_step=2),
        "query needs more than its 16 idle time steps for its voltage to decay to 0",
    ),
    "no silence": (
        with_node("query", voltage_decay=100),
        "query needs more than its 16 idle time steps for its voltage to decay to 0",
    ),
    "lasting current": (
        with_node("query", current_decay=100),
        "query needs more than its 16 idle time steps for its current to decay to 0",
    ),
    "float decay": (then(as_float, with_node("lif", voltage_decay=1.5)), "lif has voltage_decay=1.5, outside 0 … 1"),
    "float threshold": (then(as_float, with_node("lif", threshold=0.0)), "lif has threshold 0.0, not above 0"),
    "float exponent": (
        then(as_float, with_connection("lif", "action", exponent=1)),
        "Dense lif -> action has an exponent; float programs have none",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_named(case: str) -> None:
    change, sentence = BROKEN[case]
    with pytest.raises(UserError, match=sentence) as refused:
        validate(change(block_program()))
    assert "\n" not in str(refused.value)


def test_programs_that_keep_the_rules_pass() -> None:
    validate(block_program())
    validate(as_float(block_program()))
    for seed in range(20):
        validate(random_program(seed))


def test_currents_that_last_one_time_step_need_no_idle_one() -> None:
    """v is at most 64 times the threshold, of which one time step leaves nothing."""
    nodes: list[Node] = [CurrentInput("token", 1), Lif("lif", 1, CLEARED, CLEARED, 10), Accumulator("action", 1)]
    program = make_program(nodes, [Injection("token", "lif"), Dense("lif", "action", 2 * ONE[None])], 2, 2)
    interpreter, fast = Interpreter(program), LoihiFast(program)
    for token in (9, 11, -9, 11):
        current = np.array([token])
        assert interpreter.decide(current).accumulator == fast.decide(current).accumulator


@pytest.mark.parametrize(("decay", "steps"), [(4096, 1), (4095, 2), (3072, 12), (2048, 23), (0, 99)])
def test_steps_to_zero(decay: int, steps: int) -> None:
    """From 2^23 − 1: a whole decay at once, 1/4096 in two steps, quarters and halves one bit or two at a time."""
    assert steps_to_zero(decay, at_most=99) == steps
