"""Attentions with scores in a program: digits of numbers, how many neurons they are, and that integers keep them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_export.mixings.scored_attention import digits_of
from dsf_export.quantise.exact_groups import exact_connections
from dsf_export.recording import Recording
from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel
from dsf_models.configuration import ModelConfig
from neuro_runtime.program import Program
from neuro_runtime.program.nodes import Sparse
from neuro_runtime.program.portable import departures
from neuro_runtime.program.weight_format import WeightFormat
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from support.random_policies import random_policy
from support.small_policies import (
    ACTIONS,
    OBSERVATIONS,
    SSSA,
    TSSA,
    lowered,
    made_up,
    quantised,
    sdsa1_policy,
    tssa_policy,
)

Raster = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@pytest.mark.parametrize("largest", [1, 2, 3, 5, 16, 48, 64, 255, 256, 510])
def test_digits_tell_every_number_and_the_largest_from_no_larger_one(largest: int) -> None:
    worths = digits_of(largest)
    assert len(worths) == largest.bit_length()
    for number in range(2 * largest):
        left = number
        told = sum(worth for worth in worths if left >= worth and ((left := left - worth) or True))
        assert told == min(number, largest)


@pytest.mark.parametrize(
    ("mixing", "heads", "neurons"), [("sssa", 4, 3232), ("sssa", 1, 4152), ("tssa", 4, 4320), ("tssa", 1, 5192)]
)
def test_it_takes_a_gate_a_match_a_neuron_a_digit_and_a_gate_a_digit_and_value(
    mixing: str, heads: int, neurons: int
) -> None:
    """S D + B S (H + D) at D 64, S 8, T 4: as counted by hand."""
    config = ModelConfig(embedding_size=64, blocks=1, context=8, mixing=mixing, heads=heads)
    program = lowered(random_policy(config, OBSERVATIONS, ACTIONS))[1]
    added = [node for node in program.nodes if node.name.startswith("block0.attention.")]
    projected = ("input", "query", "key", "value", "output")
    assert sum(node.size for node in added if not node.name.endswith(projected)) == neurons


def rasters(program: Program, recording: Recording, name: str) -> Raster:
    """(decisions, P, size)."""
    run = run_program(program, recording, lambda: None)
    return np.array([nodes[f"block0.attention.{name}"] for nodes in run.rasters])


@pytest.mark.parametrize(
    ("config", "bits"),
    [(SSSA, 8), (TSSA, 8), (replace(TSSA, heads=1, score_limit=0, threshold=0.7), 2)],
    ids=["sssa", "tssa", "tssa, 2 bits"],
)
def test_integers_keep_every_digit(config: ModelConfig, bits: int) -> None:
    """Counted from the integer program's own matches, at any weight width, inside the portable subset."""
    policy = random_policy(config, OBSERVATIONS, ACTIONS, seed=1)
    program, recording = quantised(policy, WeightFormat(bits)), made_up(policy, decisions=10, episode_length=6)
    run = run_program(program, recording, lambda: None)
    heads, window, steps = config.heads, config.window, config.time_steps
    name = "block0.attention"
    matches = np.array([decision[f"{name}.match"] for decision in run.spikes])  # (decisions, T, S D)
    scores = matches.reshape(*matches.shape[:2], window * heads, -1).sum(axis=3)
    if config.mixing == "tssa":
        scores = np.broadcast_to(scores.sum(axis=1, keepdims=True), scores.shape)
    largest = config.embedding_size // heads * (steps if config.mixing == "tssa" else 1)
    worths = digits_of(min(config.score_limit or largest, largest))
    told = sum(
        worth * np.array([decision[f"{name}.digit{place}"] for decision in run.spikes])
        for place, worth in enumerate(worths)
    )
    assert np.array_equal(told, np.minimum(scores, sum(worths)))
    assert scores.max() > 1
    assert not [item for item in departures(program, observed=run.arrival_peaks) if "digit" in item.node]


@pytest.mark.parametrize("weight", [[255, 1, -3], [-256, 128, 0], [0, 0, 0], [127, -127, 64]])
def test_whole_weights_are_never_rounded(weight: list[int]) -> None:
    places = np.arange(3, dtype=np.int32)
    connection = Sparse("a", "b", places, places, np.array(weight, dtype=float), delay=np.zeros(3, dtype=np.int32))
    made = exact_connections(connection, scale=64)
    total = sum(item.weight.astype(np.int64) << item.exponent for item in made)
    assert np.array_equal(total, 64 * np.array(weight))
    assert all((item.weight % 2 == 0).all() and item.weight.min() >= -256 and item.weight.max() < 256 for item in made)


@pytest.mark.lava
@pytest.mark.parametrize("policy", [tssa_policy(), sdsa1_policy()], ids=["tssa", "sdsa1"])
def test_emulators_agree_on_every_spike_and_state(policy: PolicyModel) -> None:
    """The interpreter, loihi-fast, Lava and nengo-loihi's emulator, as the subset promises by its bounds."""
    program = quantised(policy)
    assert not departures(program)
    tokens = made_up(policy, decisions=4).episodes[0]
    with (
        LavaSession(program, record_states=True) as lava,
        NengoLoihiSession(program, record_states=True) as nengo_loihi,
    ):
        for other in (LoihiFast(program), lava, nengo_loihi):
            co_simulation = CoSimulation(program, Interpreter(program), other, ("the interpreter", "the other"))
            for token in tokens:
                co_simulation.decide(program.encoder.quantise(program.encoder.encode(token)))
            result = co_simulation.result
            assert result.different == result.states_different == 0
            assert result.fired > 500
