"""Programs as ONNX graphs beside the interpreter: every spike, in every time step."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from dsf_export.stages import run_folded
from dsf_export.targets.onnx.program_model import neurons_model, program_model
from dsf_export.targets.onnx.session import OnnxSession, token_inputs
from dsf_export.targets.onnx.simulator import OnnxSimulator
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Injection, Lif
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.simulator import Simulator
from support.small_policies import (
    beside_policy,
    delay_policy,
    levels_policy,
    lowered,
    made_up,
    pssa_policy,
    quantised,
    wide_policy,
)
from support.small_programs import BETA, CLEARED, block_program, currents, make_program, random_program


def different_spikes(program: Program, simulator: Simulator, decisions: int, seed: int, largest: int) -> int:
    """Spikes and accumulators that are not the interpreter's."""
    interpreter, different = Interpreter(program), 0
    for current in currents(program, decisions, seed, largest):
        wanted, given = interpreter.decide(current, record=True), simulator.decide(current, record=True)
        assert wanted.recording is not None
        assert given.recording is not None
        different += int((wanted.accumulator != given.accumulator).sum())
        assert wanted.spikes == given.spikes
        for name, raster in wanted.recording.spikes.items():
            different += int((raster != given.recording.spikes[name]).sum())
    return different


@pytest.mark.parametrize("seed", [4, 6, 40])
def test_loops_delays_overflows_and_lasting_states_are_the_interpreters(seed: int) -> None:
    """Graphs without design, whose u wraps, whose v saturates, and whose membranes outlast a decision."""
    program = random_program(seed)
    assert different_spikes(program, OnnxSimulator(program), 8, seed, largest=20_000) == 0


def test_a_block_is_the_interpreters() -> None:
    program = block_program()
    assert different_spikes(program, OnnxSimulator(program), 40, 0, largest=3_000) == 0


@pytest.mark.parametrize("policy", [pssa_policy, delay_policy, wide_policy, beside_policy, levels_policy])
def test_a_lowered_policy_needs_no_state_but_its_past(policy: type) -> None:
    program = quantised(policy())
    inputs = [item.name for item in neurons_model(program).graph.input]
    assert inputs[0] == "token"
    assert all(name.startswith("past.") for name in inputs[1:])
    assert different_spikes(program, OnnxSimulator(program), 12, 3, largest=2_000) == 0


def test_nodes_that_nothing_reaches_are_silent() -> None:
    nodes = (
        CurrentInput("token", 2),
        BiasLine("bias"),
        Lif("lonely", 3, CLEARED, BETA, 10),
        Lif("fed", 2, CLEARED, BETA, 9),
    )
    connections = (Injection("token", "fed"), Dense("lonely", "fed", np.full((2, 3), 2)))
    program = make_program([*nodes, Accumulator("action", 2)], connections, active_steps=2, period=16)
    assert different_spikes(program, OnnxSimulator(program), 5, 0, largest=20) == 0


def test_onnxs_reference_gives_the_interpreters_actions_and_spikes() -> None:
    """A second runtime: the graph does not depend on how one of them computes."""
    policy = pssa_policy()
    program = quantised(policy)
    model = program_model(program, {})
    evaluator, session = ReferenceEvaluator(model), OnnxSession(model)
    names = [output.name for output in model.graph.output]
    state = {
        item.name: np.zeros([size.dim_value for size in item.type.tensor_type.shape.dim], np.uint8)
        for item in model.graph.input
        if item.name.startswith("past.")
    }
    for token in made_up(policy, decisions=4).episodes[0]:
        results = dict(zip(names, evaluator.run(None, token_inputs(token) | state), strict=True))
        state = {name: results[f"next.{name}"] for name in state}
        spikes = [name for name in names if name.startswith("spikes.")]
        for name, given in zip(spikes, session.run(token_inputs(token), spikes), strict=True):
            np.testing.assert_array_equal(results[name], given)


@pytest.mark.parametrize("policy", [pssa_policy, delay_policy, beside_policy, levels_policy])
def test_the_float_stream_is_the_folded_window(policy: type) -> None:
    trained: PolicyModel = policy()
    folded, program = lowered(trained)
    recording = made_up(trained, decisions=24)
    window = run_folded(folded, trained.normalisation, recording, lambda: None)
    model = program_model(program, {})
    session, decision, different = OnnxSession(model), 0, 0
    layers = [f"spikes.{name}" for name in window.spikes[0]]
    assert working_times(program)  # so that the layers are in the program
    for episode in recording.episodes:
        session.reset()
        for token in episode:
            action, *spikes = session.run(token_inputs(token), ["action", *layers])
            for layer, given in zip(window.spikes[decision].values(), spikes, strict=True):
                different += int((layer != given).sum())
            np.testing.assert_allclose(action[0], window.actions[decision], atol=1e-5)
            decision += 1
    assert different == 0


def test_every_operator_is_of_the_standard_and_of_one_version() -> None:
    model = program_model(quantised(pssa_policy()), {})
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    onnx.checker.check_model(model, full_check=True)
