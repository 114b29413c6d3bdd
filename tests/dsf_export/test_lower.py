"""Lowering: a stream of tokens through neurons, delays and gates is the window's answer, spike for spike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from dsf_export.stages import run_model, run_program
from dsf_models.checkpoint import PolicyModel
from dsf_models.configuration import ModelConfig
from neuro_runtime.program import validate
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.nodes import Accumulator, And, BiasLine, CurrentInput, Lif
from support.random_policies import random_policy
from support.small_policies import (
    BESIDE,
    DELAY,
    LEVELS,
    OBSERVATIONS,
    PSSA,
    beside_policy,
    delay_matrix_policy,
    delay_policy,
    levels_policy,
    lowered,
    made_up,
    pssa_policy,
    sdsa1_policy,
    sdsa3_policy,
    sssa_policy,
    tssa_policy,
    wide_policy,
)

CONFIGURATIONS = st.builds(
    ModelConfig,
    embedding_size=st.sampled_from([4, 8]),
    blocks=st.integers(1, 3),
    context=st.just(7),
    window=st.integers(1, 3),
    time_steps=st.integers(1, 5),
    mlp_ratio=st.integers(1, 3),
    mixing=st.sampled_from(["pssa", "tssa", "sssa", "sdsa1", "sdsa3", "delay", "delay-matrix", "pssa-delay-matrix"]),
    heads=st.sampled_from([1, 4]),
    score_limit=st.sampled_from([0, 2]),
    mixing_ratio=st.integers(1, 3),
    levels=st.integers(1, 3),
    beta=st.sampled_from([0.1, 0.25, 0.5]),
    threshold=st.sampled_from([0.5, 1.0]),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=CONFIGURATIONS, seed=st.integers(0, 100))
def test_stream_equals_window_whatever_the_dimensions(config: ModelConfig, seed: int) -> None:
    """Two episodes, longer than the context, from their first token on."""
    policy = random_policy(config, OBSERVATIONS, 2, seed=seed)
    recording = made_up(policy, decisions=20, episode_length=12)
    program = lowered(policy)[1]
    validate(program)
    window = run_model(policy, recording, lambda: None)
    stream = run_program(program, recording, lambda: None)
    np.testing.assert_allclose(stream.actions, window.actions, atol=1e-5)


@pytest.mark.parametrize(
    "policy",
    [
        pssa_policy(),
        tssa_policy(),
        sssa_policy(),
        sdsa1_policy(),
        sdsa3_policy(),
        delay_policy(),
        delay_matrix_policy(),
        wide_policy(),
        beside_policy(),
        levels_policy(),
    ],
    ids=["pssa", "tssa", "sssa", "sdsa1", "sdsa3", "delay", "delay-matrix", "wide", "beside", "levels"],
)
def test_every_spike_is_the_models_and_none_is_outside_its_active_steps(policy: PolicyModel) -> None:
    recording = made_up(policy)
    window = run_model(policy, recording, lambda: None)
    stream = run_program(lowered(policy)[1], recording, lambda: None)
    np.testing.assert_allclose(stream.actions, window.actions, atol=1e-9)
    for mine, theirs in zip(stream.spikes, window.spikes, strict=True):
        assert all((mine[name] == theirs[name]).all() for name in theirs)
    assert all(any(layers[name].any() for layers in window.spikes) for name in window.spikes[0])
    for aligned, whole in zip(stream.spikes, stream.rasters, strict=True):
        assert all(aligned[name].sum() == whole[name].sum() for name in whole)


def test_layers_have_the_depths_of_their_mixing() -> None:
    assert working_times(lowered(pssa_policy())[1]) == {
        "token": 0,
        "bias": 0,
        "block0.attention.input": 0,
        "block0.attention.query": 1,
        "block0.attention.key": 1,
        "block0.attention.value": 1,
        "block0.attention.past": 2,
        "block0.attention.gate": 3,
        "block0.attention.output": 4,
        "block0.mlp.input": 5,
        "block0.mlp.hidden": 6,
        "block1.attention.input": 7,
        "block1.attention.query": 8,
        "block1.attention.key": 8,
        "block1.attention.value": 8,
        "block1.attention.past": 9,
        "block1.attention.gate": 10,
        "block1.attention.output": 11,
        "block1.mlp.input": 12,
        "block1.mlp.hidden": 13,
        "action": 5,
    }
    delay = working_times(lowered(delay_policy())[1])
    assert [delay[f"block1.{name}"] for name in ("attention.input", "attention.output", "mlp.input", "mlp.hidden")] == [
        4,
        5,
        6,
        7,
    ]


def test_the_delays_beside_pssa_wait_for_it() -> None:
    beside = working_times(lowered(beside_policy())[1])
    names = ("attention.input", "attention.delay.output", "attention.output", "mlp.input", "mlp.hidden")
    assert [beside[f"block1.{name}"] for name in names] == [7, 8, 11, 12, 13]


def test_each_level_of_a_population_code_has_its_own_bias_and_synapses() -> None:
    folded, program = lowered(levels_policy())
    levels = [f"block0.attention.level{level}.input" for level in range(3)]
    assert [program.node(name).size for name in levels] == [folded.size] * 3
    into = program.connections_into("block0.attention.output")
    assert sum(connection.source in levels for connection in into) == 3 * LEVELS.window
    assert {item.source for name in levels for item in program.connections_into(name)} == {"token", "bias"}


def test_a_population_code_waits_a_hop_for_its_offsets() -> None:
    levels = working_times(lowered(levels_policy())[1])
    assert {levels[f"block0.attention.level{level}.input"] for level in range(3)} == {1}
    assert {levels[f"block1.attention.level{level}.input"] for level in range(3)} == {5}
    assert (levels["block0.attention.output"], levels["block0.mlp.input"]) == (2, 3)


def test_a_program_has_five_kinds_of_nodes_and_the_residual_stream_is_none_of_them() -> None:
    folded, program = lowered(pssa_policy())
    assert {type(node) for node in program.nodes} == {CurrentInput, BiasLine, Lif, And, Accumulator}
    readers = {connection.target for connection in program.connections_from("token")}
    assert readers == {"block0.attention.input", "block0.mlp.input", "block1.attention.input", "block1.mlp.input"}
    sources = {connection.source for connection in program.connections_into("block1.mlp.input")}
    assert sources == {"token", "bias", "block0.attention.output", "block0.mlp.hidden", "block1.attention.output"}
    assert program.node("block0.attention.gate").size == folded.size * 3


@pytest.mark.parametrize(
    ("config", "period"),
    [
        (PSSA, 4 + 14),  # 14 hops to the accumulator outlast the decay
        (DELAY, 4 + 12),  # a membrane at β = 0.25 takes 12 steps to be gone
        (replace(DELAY, time_steps=2), 2 + 12),
        (replace(PSSA, blocks=1, beta=0.5), 4 + 23),  # 24 bits halved 23 times
        (BESIDE, 4 + 14),  # as PSSA alone
        (replace(PSSA, levels=2), 4 + 15),
    ],
)
def test_the_period_holds_the_answer_and_the_decay(config: ModelConfig, period: int) -> None:
    assert lowered(random_policy(config, OBSERVATIONS, 2))[1].period == period


@pytest.mark.parametrize("beta", [0.0, 1e-5, 0.99999])
def test_a_beta_beyond_twelve_bits_names_value_and_limit(beta: float) -> None:
    policy = random_policy(replace(DELAY, beta=beta), OBSERVATIONS, 2)
    with pytest.raises(UserError, match="limits 1 and 4095"):
        lowered(policy)
