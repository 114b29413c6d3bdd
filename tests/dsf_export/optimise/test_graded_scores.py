"""Scores as graded spikes: the same actions as digits, in fewer neurons, on whatever runs them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsf_export.optimise.graded_scores import GradedScores
from dsf_export.optimise.lean_candidate import made_lean_again
from dsf_export.optimise.passes import PASSES, SAFE, lean
from dsf_export.optimise.program_pass import Subject
from dsf_export.pipeline import CHIP
from dsf_models.configuration import ModelConfig
from neuro_runtime.program import Program
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import GradedRelu, Sparse
from neuro_runtime.program.portable import departures
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import NeuronRecording
from support.random_policies import random_policy
from support.small_policies import ACTIONS, OBSERVATIONS, SDSA3, SSSA, TSSA, quantised
from support.small_programs import currents

GATE, VALUE, SCORE, EXCESS, PRODUCT = (
    f"block0.attention.{name}" for name in ("gate", "value", "score", "excess", "product")
)


def one_block(config: ModelConfig, **changes: Any) -> ModelConfig:
    """The same of a single block."""
    return replace(config, blocks=1, context=3, **changes)


CASES = {
    "sssa": one_block(SSSA),
    "sssa, two blocks": replace(SSSA, score_limit=3),
    "tssa": one_block(TSSA, score_limit=0),
    "tssa, limit 7, one head": one_block(TSSA, score_limit=7, heads=1),
    "sdsa3": one_block(SDSA3, heads=2),
}


def policy_program(config: ModelConfig, seed: int = 1) -> Program:
    """The program of an untrained policy whose layers all fire."""
    return quantised(random_policy(config, OBSERVATIONS, ACTIONS, seed=seed, added_current=0.3))


def graded(program: Program) -> Program:
    """With every attention in its graded form."""
    while (changed := GradedScores().apply(Subject(program))) is not None:
        program = changed
    return program


def answers(program: Program, seed: int = 0) -> list[list[int]]:
    """The accumulator after each of some decisions, with all forgotten once."""
    simulator, found = LoihiFast(program), []
    for n, current in enumerate(currents(program, 12, seed, largest=int(2 * program.encoder.input_scale))):
        if n == 7:
            simulator.reset()
        found.append(simulator.decide(current).accumulator.tolist())
    return found


@pytest.mark.parametrize("name", CASES)
def test_both_forms_give_the_same_actions(name: str) -> None:
    program = policy_program(CASES[name])
    form = graded(program)
    assert sum(isinstance(node, GradedRelu) for node in form.nodes) >= 2 * CASES[name].blocks
    assert not any("digit" in node.name for node in form.nodes)
    assert lean(form).period < lean(program).period
    wanted = answers(program)
    assert len({tuple(answer) for answer in wanted}) > 6
    assert answers(form) == answers(lean(form)) == answers(lean(program, (GradedScores(), *SAFE))) == wanted


@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    mixing=st.sampled_from(["sssa", "tssa", "sdsa3"]),
    heads=st.sampled_from([1, 2]),
    limit=st.sampled_from([0, 1, 3, 5, 7]),
    window=st.integers(1, 3),
    time_steps=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_random_policies(mixing: str, heads: int, limit: int, window: int, time_steps: int, seed: int) -> None:
    """Whether or not a form is found: a limit of 1 is a digit and stays, and weights of a limit of 5 may be uneven."""
    config = replace(
        CASES["sssa"],
        mixing=mixing,
        heads=heads,
        score_limit=limit,
        window=window,
        time_steps=time_steps,
        embedding_size=8,
    )
    program = policy_program(config, seed)
    form = graded(program)
    if limit == 1:
        assert form is program
    assert answers(form, seed) == answers(lean(form), seed) == answers(program, seed)


def test_a_product_is_the_score_where_the_value_spikes() -> None:
    """Counted from the program's own matches: S H scores, as many excesses, S D products."""
    config = one_block(SSSA, score_limit=3)
    program = graded(policy_program(config))
    sizes = {node.name: node.size for node in program.nodes}
    assert sizes[SCORE] == sizes[EXCESS] == config.window * config.heads
    assert sizes[PRODUCT] == config.window * config.embedding_size
    (delay,) = {
        int(delay)
        for item in program.connections
        if isinstance(item, Sparse) and (item.source, item.target) == (VALUE, PRODUCT)
        for delay in item.delay[item.target_index < config.embedding_size]  # those of this decision's values
    }
    interpreter, seen = Interpreter(program), set()
    for current in currents(program, 12, seed=0, largest=int(2 * program.encoder.input_scale)):
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        score, excess, product = (numbers(program, recording, name) for name in (SCORE, EXCESS, PRODUCT))
        scores = (score - excess)[:, : config.heads].repeat(config.embedding_size // config.heads, axis=1)
        values = recording.spikes[VALUE]
        late = 1 + delay
        wanted = scores[delay:-1] * values[:-late]
        assert (product[late:, : config.embedding_size] == wanted).all()
        seen |= set(wanted.ravel().tolist())
    assert seen == {0, 1, 2, 3}


def numbers(program: Program, recording: NeuronRecording, name: str) -> NDArray[np.int64]:
    """The numbers that a node's graded spikes carry, (period, size)."""
    node = program.node(name)
    assert isinstance(node, GradedRelu)
    carried: NDArray[np.int64] = np.maximum((recording.currents[name] >> CURRENT_SHIFT) - int(node.threshold), 0)
    return carried


def test_uneven_weights_stay_digits() -> None:
    program = policy_program(CASES["sssa"])
    uneven: list[Sparse] = []
    for item in program.connections:
        if isinstance(item, Sparse) and item.source == GATE:
            uneven.append(replace(item, weight=item.weight + 2 * (not uneven)))
    assert GradedScores().match(Subject(program)) is not None
    others = [item for item in program.connections if item.source != GATE]
    assert GradedScores().match(Subject(replace(program, connections=(*others, *uneven)))) is None


def test_only_a_chip_with_graded_spikes_gets_them() -> None:
    program = policy_program(CASES["sssa"])
    for chip, is_graded in (("loihi2", True), ("portable", False), ("lava", False)):
        made = made_lean_again(replace(program, provenance={CHIP: chip}), {PASSES: GradedScores.name})
        assert any(isinstance(node, GradedRelu) for node in made.nodes) == is_graded
        assert any(item.quantity == "graded spike" for item in departures(made)) == is_graded


@pytest.mark.lava
@pytest.mark.parametrize("name", ["sssa, two blocks", "tssa, limit 7, one head"])
def test_lava_does_what_loihi_fast_does(name: str) -> None:
    program = graded(policy_program(CASES[name]))
    with LavaSession(program, record_states=True) as lava:
        co_simulation = CoSimulation(program, LoihiFast(program), lava, ("loihi-fast", "Lava"))
        for n, current in enumerate(currents(program, 6, seed=0, largest=int(2 * program.encoder.input_scale))):
            if n == 4:
                co_simulation.reset()
            co_simulation.decide(current)
    result = co_simulation.result
    assert result.different == result.states_different == 0, result.first_difference
    assert result.fired > 1000
