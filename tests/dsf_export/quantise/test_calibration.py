"""The input of each layer, and its spikes for that input alone, beside whole programs that ran."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_export.quantise.calibration import (
    LayerCalibration,
    integer_currents,
    integer_spikes,
    layer_calibrations,
    real_currents,
)
from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Accumulator, Dense, Lif
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift, wrap24
from support.small_policies import calibrations, delay_policy, lowered, made_up, pssa_policy, quantised

POLICIES = pytest.mark.parametrize("policy", [pssa_policy(), delay_policy()], ids=["pssa", "delay"])


@POLICIES
def test_the_recorded_calibration_gives_the_float_programs_spikes(policy: PolicyModel) -> None:
    """The LIF equation in plain arithmetic says so."""
    program = lowered(policy)[1]
    for name, calibration in calibrations(policy, program).items():
        if not isinstance(calibration.node, Lif):
            continue
        currents = real_currents(calibration, program.connections_into(name))
        membrane = np.zeros_like(currents[:, 0])
        for step in range(program.active_steps):
            membrane = (1 - calibration.node.voltage_decay) * membrane + currents[:, step]
            fires = membrane > 1
            assert (fires != calibration.fired[:, step]).sum() <= 1, name  # float32 sums, at a threshold
            membrane[fires] = 0


@POLICIES
def test_driven_by_its_own_spikes_an_integer_layer_does_what_it_did_in_the_program(policy: PolicyModel) -> None:
    program, recording = quantised(policy), made_up(policy)
    run = run_program(program, recording, lambda: None)
    fired = 0
    for name, calibration in layer_calibrations(program, recording, run).items():
        currents = integer_currents(calibration, program.connections_into(name), program.encoder)
        if isinstance(calibration.node, Accumulator):
            np.testing.assert_array_equal(64 * currents.sum(axis=1), np.array(run.accumulators))
        else:
            np.testing.assert_array_equal(integer_spikes(currents, calibration.node), calibration.fired, err_msg=name)
            fired += int(calibration.fired.sum())
    assert fired > 1000


@pytest.mark.parametrize("largest", [1000, 2**16, 2**18], ids=["small", "clipped", "wrapped"])
@pytest.mark.parametrize("decays", [(4095, 3072), (2000, 5), (0, 4095)], ids=["as exported", "slow", "no leak of u"])
def test_a_layers_spikes_are_loihis_whatever_overflows(largest: int, decays: tuple[int, int]) -> None:
    """Beside `neuro_runtime.simulators.loihi_arithmetic`, step by step."""
    node = Lif("layer", 64, *decays, threshold=40_000)
    currents = np.random.default_rng(0).integers(-largest, largest, (50, 6, node.size))
    current = np.zeros((50, node.size), dtype=np.int64)
    voltage = np.zeros_like(current)
    for step, spikes in enumerate(integer_spikes(currents.astype(np.float64), node).transpose(1, 0, 2)):
        current = wrap24(decayed(current, decays[0] + 1) + (currents[:, step] << CURRENT_SHIFT))
        voltage = clip24(decayed(voltage, decays[1]) + current)
        fires = voltage > int(node.threshold) << CURRENT_SHIFT
        np.testing.assert_array_equal(spikes, fires)
        voltage[fires] = 0


def test_integer_currents_are_exact_beyond_float32_and_floored_by_the_connection() -> None:
    random = np.random.default_rng(1)
    spikes = random.random((40, 2000)) < 0.7
    node = Lif("layer", 8, 4095, 3072, threshold=1000)
    calibration = LayerCalibration(
        node, 4, {("source", 0): spikes.astype(np.float32)}, np.zeros((10, 1)), np.zeros((10, 4, 8), dtype=bool)
    )
    weights = {exponent: 2 * random.integers(-128, 128, (8, 2000)).astype(np.int32) for exponent in (7, 6, -3)}
    weights[7] = np.abs(weights[7])  # so that sums pass 2^24
    connections = [Dense("source", "layer", weight, exponent=exponent) for exponent, weight in weights.items()]
    wanted = sum(shift(spikes.astype(np.int64) @ weight.T, exponent) for exponent, weight in weights.items())
    assert np.abs(wanted).max() > 2**24
    encoder = quantised(pssa_policy()).encoder
    np.testing.assert_array_equal(integer_currents(calibration, connections, encoder).reshape(40, 8), wanted)
