"""Quantising: every number is one that Loihi has, nothing can overflow, and the spikes stay near the float ones."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program import validate
from neuro_runtime.program.headroom import headroom
from neuro_runtime.program.nodes import And, Dense, Injection, Lif, Sparse
from neuro_runtime.program.weight_format import WeightFormat
from support.small_policies import delay_policy, lowered, made_up, pssa_policy, quantised, scales

POLICIES = pytest.mark.parametrize("policy", [pssa_policy(), delay_policy()], ids=["pssa", "delay"])


@POLICIES
@pytest.mark.parametrize("bits", range(2, 9))
def test_a_quantised_program_is_valid_and_cannot_overflow(policy: PolicyModel, bits: int) -> None:
    program = quantised(policy, WeightFormat(bits))
    validate(program)
    assert min(row.bits for row in headroom(program)) >= 0


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_are_those_that_lava_keeps_of_so_many_bits(bits: int) -> None:
    """Lava clears the low ``8 − bits + 1`` bits of a weight of mixed sign; nothing may be lost by it."""
    program = quantised(pssa_policy(), WeightFormat(bits))
    cleared = 8 - bits + 1
    for connection in program.connections:
        if isinstance(connection, (Dense, Sparse)) and not isinstance(program.node(connection.target), And):
            kept = (np.clip(connection.weight, -256, 255) >> cleared) << cleared
            np.testing.assert_array_equal(kept, connection.weight)


@POLICIES
def test_gates_are_the_same_in_every_weight_format(policy: PolicyModel) -> None:
    for connection in quantised(policy, WeightFormat(2)).connections:
        if isinstance(connection, Sparse) and "past" in connection.target:
            assert (connection.weight == 64).all()


@POLICIES
def test_no_weight_has_two_synapses(policy: PolicyModel) -> None:
    """The connections that one matrix becomes share nothing."""
    program = quantised(policy)
    by_matrix: dict[tuple[str, str, int], list[np.ndarray]] = {}
    for item in program.connections:
        if isinstance(item, Dense) and item.source != "bias":
            by_matrix.setdefault((item.source, item.target, item.delay), []).append(item.weight != 0)
    assert max(len(parts) for parts in by_matrix.values()) > 1
    for parts in by_matrix.values():
        assert np.sum(parts, axis=0).max() <= 1


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
@pytest.mark.parametrize(("bits", "tolerance"), [(8, 1), (6, 1), (4, 2), (2, 64)])
def test_a_bias_keeps_sixteen_bits_by_several_connections(policy: PolicyModel, bits: int, tolerance: float) -> None:
    """To one integer or nearly: sixteen bits in all, by two connections of 8 bits or eight of 2."""
    wanted, got = _bias_of(policy, "block1.mlp.hidden", WeightFormat(bits))
    assert np.abs(wanted - got).max() <= tolerance


def _bias_of(policy: PolicyModel, layer: str, weight_format: WeightFormat) -> tuple[np.ndarray, np.ndarray]:
    program, integer = lowered(policy)[1], quantised(policy, weight_format)
    scale = scales(policy, weight_format).of[layer]
    biases = [
        [connection for connection in made.connections_into(layer) if connection.source == "bias"]
        for made in (program, integer)
    ]
    wanted, got = (
        np.sum([item.weight.astype(float) * 2.0**item.exponent for item in items if isinstance(item, Dense)], axis=0)
        for items in biases
    )
    return wanted * scale, got


@POLICIES
def test_nearly_all_spikes_stay_and_actions_stay_near(policy: PolicyModel) -> None:
    """Eight bits are not exact, and a flipped spike flips others, so this bounds the damage rather than forbids it."""
    recording = made_up(policy)
    program = lowered(policy)[1]
    real = run_program(program, recording, lambda: None)
    integer = run_program(quantised(policy), recording, lambda: None)
    different = sum(
        int((mine[name] != theirs[name]).sum())
        for mine, theirs in zip(integer.spikes, real.spikes, strict=True)
        for name in theirs
    )
    compared = sum(layer.size for layers in real.spikes for layer in layers.values())
    assert different / compared < 0.02
    assert np.abs(integer.actions - real.actions).max() < 0.1
