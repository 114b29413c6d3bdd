"""Backends by name, and the counts of a program's decision against sums done by hand."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import UserError
from neuro_runtime import load_policy, policy_files
from neuro_runtime.backends import names
from neuro_runtime.backends.names import backend_names
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.backends.registry import open_backend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.nodes import Dense, Sparse
from neuro_runtime.program.program import Program
from tests.neuro_runtime.run_doubles import tiny_program, write_tiny_program


@pytest.fixture
def program() -> Program:
    return tiny_program()


@pytest.fixture
def program_file(tmp_path: Path) -> Path:
    return write_tiny_program(tmp_path)


def test_a_spike_costs_one_synop_at_every_synapse(program: Program) -> None:
    activity = ProgramMeter(program).activity({"bias": 2, "input": 3, "hidden": 2})
    assert activity.synops == {"hidden": 3 * 3, "action": 2 * 1}  # the bias line's weights are all zero: no synapses
    assert activity.spikes == {"bias": 2, "input": 3, "hidden": 2}


def test_a_matrix_laid_out_by_exponents_is_one(program: Program) -> None:
    """A weight is in one of the slices, or in both, or in none and stored all the same."""
    coarse, fine = np.array([[1.0, 0, 0], [0, 0, 2]]).T, np.array([[0, 3.0, 0], [0, 0, 4]]).T
    slices = (Dense("input", "hidden", coarse), Dense("input", "hidden", fine))
    sliced = dataclasses.replace(program, connections=(*slices, Dense("hidden", "action", np.ones((1, 3)))))
    activity = ProgramMeter(sliced).activity({"bias": 0, "input": 4, "hidden": 0})
    assert activity.synops == {"hidden": 4 * 7 / 2, "action": 0}
    assert activity.messages == 4


def test_a_spike_is_one_message_on_every_connection_it_leaves_on(program: Program) -> None:
    wired_twice = dataclasses.replace(
        program, connections=(*program.connections, Dense("input", "action", np.ones((1, 2))))
    )
    activity = ProgramMeter(wired_twice).activity({"bias": 2, "input": 3, "hidden": 2})
    assert activity.messages == 0 * 2 + 2 * 3 + 1 * 2


def test_several_decisions_are_counted_each_on_its_own(program: Program) -> None:
    meter = ProgramMeter(program)
    alone = [meter.activity({"bias": 2, "input": 3, "hidden": 2}), meter.activity({"bias": 2, "input": 0, "hidden": 1})]
    assert meter.activities(np.array([[2, 3, 2], [2, 0, 1]])) == alone


def test_neurons_are_counted_for_the_active_steps_and_the_gap(program: Program) -> None:
    activity = ProgramMeter(program).activity({"bias": 0, "input": 0, "hidden": 0})
    assert activity.neuron_steps == {"bias": 2, "input": 4, "hidden": 6, "action": 2}  # size × T
    assert activity.idle_neuron_steps == (1 + 2 + 3 + 1) * (6 - 2)
    assert activity.time_steps == 6
    assert activity.host_macs == 2 * 5 + 1 * 2


def test_sparse_synapses_are_those_listed(program: Program) -> None:
    one_each = Sparse(
        "input",
        "hidden",
        source_index=np.array([0, 1], np.int32),
        target_index=np.array([0, 2], np.int32),
        weight=np.ones(2),
        delay=np.zeros(2, np.int32),
    )
    sparse = dataclasses.replace(program, connections=(one_each, Dense("hidden", "action", np.ones((1, 3)))))
    assert ProgramMeter(sparse).activity({"bias": 0, "input": 4, "hidden": 0}).synops == {"hidden": 4, "action": 0}


def test_the_interpreter_steers_with_a_program(program_file: Path) -> None:
    """Token current (1, −1): input 0 spikes at both active steps, and each time all three hidden neurons follow."""
    with load_policy(program_file, backend="interpreter") as policy:
        policy.reset()
        action = policy.act(np.zeros(3), normalised=True)
        assert policy.activity.spikes == {"bias": 2, "input": 2, "hidden": 6}
    np.testing.assert_allclose(action, np.tanh(6 * 0.1))


def test_the_library_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped policy by its environment's name, an observation in and an action out, step after step."""
    folder = tmp_path / "pretrained" / "pendulum"
    folder.mkdir(parents=True)
    write_tiny_program(folder)
    monkeypatch.setattr(policy_files, "PRETRAINED", folder.parent)
    observation, reward = np.zeros(3), -1.5

    policy = load_policy("pendulum", backend="interpreter")
    policy.reset()
    for _ in range(2):
        action = policy.act(observation, reward)
    policy.close()

    assert action.shape == (policy.action_size,) == (1,)


def test_every_backend_of_the_project_is_registered() -> None:
    assert {"torch", "interpreter", "loihi-sim", "loihi"} <= set(backend_names())


@pytest.mark.parametrize(
    ("name", "message"),
    [("interpeter", "no backend 'interpeter': did you mean interpreter?"), ("gpu", "no backend 'gpu': choose from ")],
)
def test_an_unknown_backend_brings_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_backend(name, PolicyFiles("x", None, None))


def test_a_package_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "GROUP", "no.such.group")
    with pytest.raises(UserError, match="no backend is installed: install the package"):
        open_backend("interpreter", PolicyFiles("x", None, None))


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from dsf_common.errors import UserError
import neuro_runtime, hw_profiles
try:
    neuro_runtime.load_policy(sys.argv[1], backend="torch")
except UserError as error:
    print(error)
with neuro_runtime.load_policy(sys.argv[1], backend="interpreter") as policy:
    print(policy.act([0.0, 0.0, 0.0]).shape)
"""


def test_without_torch_its_backend_names_the_extra_and_the_others_run(program_file: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(program_file)], capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "backend torch needs torch, which is not installed: pip install 'decision-spikeformer[train]'",
        "(1,)",
    ]
