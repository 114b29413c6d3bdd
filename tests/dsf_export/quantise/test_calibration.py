"""What reaches each layer, and what it makes of that on its own, beside whole programs that ran."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_export.quantise.calibration import integer_currents, integer_spikes, layer_calibrations, real_currents
from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.nodes import Accumulator, Lif
from support.small_policies import calibrations, delay_policy, lowered, made_up, pssa_policy, quantised

POLICIES = pytest.mark.parametrize("policy", [pssa_policy(), delay_policy()], ids=["pssa", "delay"])


@POLICIES
def test_the_recorded_calibration_gives_the_float_programs_spikes(policy: PolicyModel) -> None:
    """By the LIF equation in plain arithmetic."""
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
