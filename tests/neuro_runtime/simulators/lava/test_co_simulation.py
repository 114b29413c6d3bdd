"""Programs by hand: Lava does what the interpreter defines, and what differs is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Injection, Lif, Node, Sparse
from neuro_runtime.simulators.co_simulation import CoSimulation, Difference
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import SimulatedDecision
from support.small_programs import CLEARED, block_program, currents, make_program

pytestmark = pytest.mark.lava

NAMES = ("the interpreter", "Lava")


def test_block_whose_past_spans_decisions_and_a_reset_in_between() -> None:
    program = block_program()
    with LavaSession(program, record_states=True) as session:
        co_simulation = CoSimulation(program, Interpreter(program), session, NAMES)
        fired = [co_simulation.decide(current).spikes for current in currents(program, 5, seed=1)]
        # Right after a decision there are spikes in flight, and after a reset there must be none.
        co_simulation.reset()
        fired += [co_simulation.decide(current).spikes for current in currents(program, 3, seed=2)]
        result = co_simulation.result
    assert result.first_difference is None
    assert result.decisions == 8
    assert result.states_different == 0
    assert all(sum(spikes[name] for spikes in fired) for name in fired[0]), "a layer that never fires tests nothing"


def test_a_reset_forgets_what_a_loop_keeps_alive() -> None:
    """A neuron that excites itself for ever, whose state is far from 0 when the reset comes."""
    echo = Lif("echo", 1, CLEARED, 1024, threshold=30)
    nodes = (CurrentInput("token", 1), echo, Accumulator("action", 1))
    loop = Dense("echo", "echo", np.full((1, 1), 200), delay=2)
    program = make_program(nodes, (Injection("token", "echo"), loop), active_steps=1, period=60)
    with LavaSession(program) as session:
        first = session.decide(np.array([100]))
        assert session.decide(np.array([0])).spikes["echo"] > 10
        session.reset()
        assert session.decide(np.array([0])).spikes["echo"] == 0
        assert session.decide(np.array([100])).spikes == first.spikes


def test_what_differs_is_found_and_named() -> None:
    program = block_program()
    eager = [replace(node, threshold=10) if isinstance(node, Lif) else node for node in program.nodes]
    with LavaSession(program, record_states=True) as session:
        co_simulation = CoSimulation(
            program, LoihiFast(replace(program, nodes=tuple(eager))), session, ("loihi-fast", "Lava")
        )
        co_simulation.decide(np.full(8, 100))
    assert co_simulation.result.different >= 8
    assert co_simulation.result.first_difference == Difference(
        "spike", 0, 0, "input", 0, values=(1, 0), voltages=(0, 6400), names=("loihi-fast", "Lava")
    )
    assert str(co_simulation.result.first_difference) == (
        "spike of input[0] in decision 0, time step 0: 1 in loihi-fast, 0 in Lava; its voltage 0 and 6400"
    )


def test_when_things_arrive() -> None:
    """The times that the nodes' docstrings state, by hand: neurons of threshold 0 fire whenever anything arrives."""
    readers = [Lif(name, 1, CLEARED, CLEARED, 0) for name in ("now", "later", "dense", "sparse", "bias_reader")]
    nodes: list[Node] = [CurrentInput("token", 1), BiasLine("bias"), *readers, Accumulator("action", 1)]
    weight, here = np.full((1, 1), 64), np.zeros(2, dtype=np.int32)
    delays = np.array([0, 11], dtype=np.int32)
    connections = (
        Injection("token", "now"),
        Injection("token", "later", delay=3),
        Dense("now", "dense", weight, delay=2),
        Sparse("now", "sparse", here, here, np.full(2, 64), delays),
        Dense("bias", "bias_reader", weight, delay=5),
        Dense("now", "action", weight),
    )
    program = make_program(nodes, connections, active_steps=2, period=8)
    with LavaSession(program) as session:
        decided = [session.decide(np.array([1]), record=True), session.decide(np.array([0]), record=True)]
    assert _firing_steps(decided, "bias") == [0, 1, 8, 9]
    assert _firing_steps(decided, "now") == [0, 1]
    assert _firing_steps(decided, "later") == [3, 4]
    assert _firing_steps(decided, "dense") == [3, 4]
    assert _firing_steps(decided, "sparse") == [1, 2, 12, 13]
    assert _firing_steps(decided, "bias_reader") == [6, 7, 14, 15]
    assert [int(decision.accumulator[0]) for decision in decided] == [2 * 64 * 64, 0]


def _firing_steps(decisions: list[SimulatedDecision], name: str) -> list[int]:
    """Time steps, over all decisions, in which the first neuron of ``name`` fired."""
    rasters = [decision.recording.spikes[name] for decision in decisions if decision.recording]
    return [int(step) for step in np.flatnonzero(np.concatenate(rasters)[:, 0])]
