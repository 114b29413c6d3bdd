"""Programs as networks: the same counts as the meter of a run, and the depths that lowering gave."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork, Role, SynapseFormat
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import shipped_policy
from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Lif, Node
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from support.small_programs import BETA, CLEARED, block_program, make_program, random_program

SHIPPED = ["pen-e", "pendulum", "pendulum-hidden"]
PSSA = {"input": 0, "query": 1, "key": 1, "value": 1, "past": 2, "gate": 3, "output": 4}
MLP = {"input": 5, "hidden": 6}


def shipped(name: str) -> Program:
    """The program that ships for an environment."""
    return load_program(shipped_policy(name).need_program())


def assert_counts_agree(program: Program, network: ChipNetwork) -> None:
    """The run of a network in which one population alone fires, each neuron once."""
    meter = ProgramMeter(program)
    spiking = [item for item in network.populations if item.role is not Role.accumulator]
    for population in spiking:
        spikes = {item.name: population.size * (item is population) for item in spiking}
        counted = {target: synops for target, synops in meter.activity(spikes).synops.items() if synops}
        found = {
            target: synops * population.size for target, synops in network.synops_per_spike(population.name).items()
        }
        assert found == pytest.approx(counted)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_spike_crosses_as_many_synapses_as_the_meter_counts(name: str) -> None:
    program = shipped(name)
    assert_counts_agree(program, chip_network(program))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_so_it_does_in_any_program(seed: int) -> None:
    program = random_program(seed)
    assert_counts_agree(program, chip_network(program))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("chip", ["loihi1-davies2018", "loihi2"])
def test_placing_a_policy_neither_loses_nor_adds_a_synapse(name: str, chip: str) -> None:
    """Beyond one for each relay."""
    network = chip_network(shipped(name))
    mapping = map_network(network, load_profile(chip))
    sizes = np.array([item.size for item in mapping.network.populations])
    assert (mapping.synops_per_spike.sum(axis=0) * sizes).sum() == pytest.approx(network.synapses + mapping.relays)


def test_the_largest_window_is_placed_in_under_ten_seconds() -> None:
    window = window_layout(chip_network(shipped("pen-e")), context=20)
    start = time.process_time()
    mapping = map_network(window, load_profile("loihi2"))
    assert time.process_time() - start < 10
    assert (mapping.relays, mapping.chips) == (0, 1)


def test_depths_of_a_block_are_those_of_the_lowering() -> None:
    """As `dsf_export.lower` says: a PSSA block takes seven hops."""
    network = chip_network(shipped("relocate-e"))
    for layer, depth in PSSA.items():
        assert network.population(f"block0.attention.{layer}").depth == depth
    for layer, depth in MLP.items():
        assert network.population(f"block0.mlp.{layer}").depth == depth
    assert network.population("bias").depth == 0


def test_what_becomes_of_the_nodes() -> None:
    program = shipped("relocate-e")
    network = chip_network(program)
    assert {item.role for item in network.populations} == {Role.lif, Role.coincidence, Role.accumulator, Role.bias}
    assert network.population("block0.attention.gate").role is Role.coincidence
    assert network.neurons == sum(node.size for node in program.nodes if not isinstance(node, CurrentInput))
    assert [item.target for item in network.host_currents] == ["block0.attention.input", "block0.mlp.input"]
    assert (network.active_steps, network.period, network.layout, network.context) == (4, 14, "stream", None)
    assert network.host_macs == program.encoder.weight.size + program.readout.weight.size


def two_parts(first: list[list[int]], second: list[list[int]]) -> ChipNetwork:
    """Two neurons into two by matrices with exponents 3 and 0."""
    nodes: list[Node] = [
        CurrentInput("token", 2),
        BiasLine("bias"),
        Lif("a", 2, CLEARED, BETA, 100),
        Lif("b", 2, CLEARED, BETA, 100),
        Accumulator("action", 1),
    ]
    parts = [Dense("a", "b", np.array(weight), 0, exponent) for weight, exponent in ((first, 3), (second, 0))]
    return chip_network(make_program(nodes, parts, active_steps=4, period=20))


def test_a_weight_has_a_synapse_in_each_exponent_it_is_not_zero_in_and_at_least_one() -> None:
    """Row 0: one exponent each; row 1: one in both, one in neither, which is stored with its row's usual exponent."""
    synapses = two_parts([[2, 0], [4, 0]], [[0, 6], [8, 0]]).projections[0].synapses
    found = [
        (target, source, synapses.formats[number].exponent)
        for target, source, number in zip(
            synapses.target_index.tolist(), synapses.source_index.tolist(), synapses.format_index.tolist(), strict=True
        )
    ]
    assert sorted(found) == [(0, 0, 3), (0, 1, 0), (1, 0, 0), (1, 0, 3), (1, 1, 3)]


def test_a_matrix_of_zeros_is_not_placed() -> None:
    assert two_parts([[0, 0], [0, 0]], [[0, 0], [0, 0]]).projections == ()


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        pytest.param([2, -256], 8, id="2 is the finest of 8 bits"),
        pytest.param([4, 8], 7, id="multiples of 4"),
        pytest.param([64, 64], 3, id="an AND gate: -256, -192 ... 192"),
        pytest.param([128, -128], 2, id="-256, -128, 0, 128"),
        pytest.param([-256, -256], 1, id="0 and -256"),
    ],
)
def test_weights_are_as_wide_as_their_finest_step_needs(weights: list[int], bits: int) -> None:
    network = two_parts([weights, weights], [[0, 0], [0, 0]])
    assert network.projections[0].synapses.formats[0] == SynapseFormat(bits, 3)
    held = {step * 2 ** (9 - bits) for step in range(-(2 ** (bits - 1)), 2 ** (bits - 1))} | {0}
    assert set(weights) <= held


def test_a_float_program_is_refused() -> None:
    program = replace(block_program(), arithmetic="float")
    with pytest.raises(UserError, match="a program in float arithmetic cannot be placed on a chip; export it with"):
        chip_network(program)
