"""Quantising: every number is one that Loihi has, nothing can overflow, and the spikes stay near the float ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from export.quantise import quantise
from export.stages import run_program
from export.units import choose_units, quantise_weight
from hw_profiles.errors import UserError
from neuro_runtime.program import validate
from neuro_runtime.program.headroom import headroom
from neuro_runtime.program.nodes import And, Dense, Injection, Lif
from tests.export.export_doubles import delay_policy, lowered, made_up, pssa_policy, quantised
from train.checkpoint import PolicyModel

POLICIES = pytest.mark.parametrize("policy", [pssa_policy(), delay_policy()], ids=["pssa", "delay"])


@settings(deadline=None)
@given(
    weight=arrays(np.float64, (3, 4), elements=st.floats(-50, 50, allow_nan=False)),
    unit=st.integers(2, 2**17 - 1),
)
def test_a_weight_becomes_the_nearest_even_mantissa_of_its_connection(weight: np.ndarray, unit: int) -> None:
    mantissa, exponent = quantise_weight(weight, unit)
    assert mantissa.min() >= -256
    assert mantissa.max() <= 254
    assert not (mantissa % 2).any()
    assert exponent >= 0
    assert np.abs(mantissa * 2.0**exponent - weight * unit).max() <= 2**exponent * (1 + 1e-12)


@POLICIES
def test_a_quantised_program_is_valid_and_cannot_overflow(policy: PolicyModel) -> None:
    program = quantised(policy)
    validate(program)
    assert min(row.bits for row in headroom(program)) >= 0


@POLICIES
def test_neurons_have_loihis_parameters(policy: PolicyModel) -> None:
    program = quantised(policy)
    for node in program.nodes:
        if isinstance(node, Lif):
            assert (node.current_decay, node.voltage_decay) == (4095, 3072)
        if isinstance(node, And):
            assert node.threshold == 100


@POLICIES
def test_readers_of_the_residual_stream_get_the_tokens_current_in_their_own_thresholds(policy: PolicyModel) -> None:
    program = quantised(policy)
    injections = [connection for connection in program.connections if isinstance(connection, Injection)]
    assert len(injections) == 4
    for injection in injections:
        reader = program.node(injection.target)
        assert isinstance(reader, Lif)
        assert reader.threshold == program.encoder.input_scale * 2**injection.exponent
        assert injection.exponent >= 0


@POLICIES
def test_a_bias_is_kept_to_one_integer(policy: PolicyModel) -> None:
    """A coarse and a fine connection from the bias line together."""
    wanted, got = _bias_of(policy, "block1.mlp.hidden")
    assert np.abs(wanted - got).max() <= 1


def _bias_of(policy: PolicyModel, layer: str) -> tuple[np.ndarray, np.ndarray]:
    _, program = lowered(policy)
    integer = quantise(program)
    unit = choose_units(program).of[layer]
    biases = [
        [connection for connection in made.connections_into(layer) if connection.source == "bias"]
        for made in (program, integer)
    ]
    wanted, got = (
        np.sum([item.weight.astype(float) * 2.0**item.exponent for item in items if isinstance(item, Dense)], axis=0)
        for items in biases
    )
    return wanted * unit, got


@POLICIES
def test_nearly_all_spikes_stay_and_actions_stay_near(policy: PolicyModel) -> None:
    """Eight bits are not exact, and a flipped spike flips others, so this bounds the damage rather than forbids it."""
    recording = made_up(policy)
    program = lowered(policy)[1]
    real = run_program(program, recording, lambda: None)
    integer = run_program(quantise(program), recording, lambda: None)
    different = sum(
        int((mine[name] != theirs[name]).sum())
        for mine, theirs in zip(integer.spikes, real.spikes, strict=True)
        for name in theirs
    )
    compared = sum(layer.size for layers in real.spikes for layer in layers.values())
    assert different / compared < 0.02
    assert np.abs(integer.actions - real.actions).max() < 0.1


def test_currents_beyond_24_bits_name_the_layer() -> None:
    program = lowered(delay_policy())[1]
    huge = tuple(
        replace(connection, weight=connection.weight.astype(float) * 1e6)
        if isinstance(connection, Dense) and connection.target == "block0.mlp.hidden"
        else connection
        for connection in program.connections
    )
    with pytest.raises(UserError, match=r"block0\.mlp\.hidden adds up currents"):
        quantise(replace(program, connections=huge))
