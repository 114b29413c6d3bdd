"""`dsf-run --check` compares any two simulators, and names where they part and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import GateFailed, UserError
from neuro_runtime.backends.checked import CheckedBackend, compared_by_default
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.nodes import Accumulator, CurrentInput, Dense, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import save_program
from neuro_runtime.simulators.likely_cause import likely_cause
from neuro_runtime.token import Token
from support.small_programs import CLEARED, make_program


def driven(weight: int, exponent: int) -> Program:
    """Four neurons that every token makes spike, and one that each brings ``weight·2^exponent``."""
    nodes = (
        CurrentInput("token", 4),
        Lif("four", 4, CLEARED, CLEARED, 1),
        Lif("one", 1, CLEARED, CLEARED, 100),
        Accumulator("action", 1),
    )
    connections = (
        Injection("token", "four", exponent=0),
        Dense("four", "one", np.full((1, 4), weight), exponent=exponent),
    )
    return make_program(nodes, connections, active_steps=1, period=40)


def files_of(program: Program, folder: Path) -> PolicyFiles:
    save_program(program, folder / "program.dsf.h5")
    return PolicyFiles("small", None, folder / "program.dsf.h5")


def decide(backend: CheckedBackend) -> None:
    token = Token(np.ones(backend.observation_size), np.zeros(backend.action_size), 1.0)
    backend.reset()
    backend.decide(token)


@pytest.mark.parametrize(
    ("backend", "beside"),
    [
        ("interpreter", "loihi-fast"),
        pytest.param("nengo-loihi", "interpreter", marks=pytest.mark.lava),
        pytest.param("loihi-sim", "nengo-loihi", marks=pytest.mark.lava),
    ],
)
def test_two_simulators_agree(tmp_path: Path, backend: str, beside: str) -> None:
    checked = CheckedBackend(files_of(driven(254, 3), tmp_path), backend, beside)
    decide(checked)
    checked.close()
    assert checked.result.decisions == 1
    assert checked.result.first_difference is None
    assert checked.result.names == (beside, backend)


@pytest.mark.lava
def test_the_neuron_that_differs_is_named_with_the_cause(tmp_path: Path) -> None:
    """Two of the token's channels are positive, or one or three: 2·254·2^7 beyond 2^15 weight units."""
    checked = CheckedBackend(files_of(driven(254, 7), tmp_path), "nengo-loihi", "interpreter")
    with pytest.raises(GateFailed) as failed:
        decide(checked)
    checked.close()
    assert str(failed.value).startswith(
        "the simulators differ: spike of one[0] in decision 0, time step 1: 1 in interpreter, 0 in nengo-loihi"
    )
    assert "likely cause: accumulator: u is " in str(failed.value)
    assert checked.result.states_compared


@pytest.mark.parametrize(
    ("program", "currents", "voltages", "cause"),
    [
        (driven(254, 7), (2**21, -(2**21)), (0, -(2**21)), "accumulator: "),
        (driven(2, -2), (128, 0), (128, 0), "exponent: "),
        (driven(2, 0), (128, 128 - 2**24), (0, 0), "bias: "),
        (driven(2, 0), (128, 64), (128, 64), "current: "),
        (driven(2, 0), (128, 128), (128, 0), "threshold or reset: "),
        (driven(2, 0), (-128, -128), (-128, 0), "floor: u is the same, v is -128 and 0"),
    ],
)
def test_causes(program: Program, currents: tuple[int, int], voltages: tuple[int, int], cause: str) -> None:
    assert likely_cause(program, "one", currents, voltages).startswith(cause)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("torch", "loihi-fast"), "--check compares two of interpreter, loihi-fast, loihi-sim, nengo-loihi, and torch"),
        (("interpreter", "interpreter"), "--check compares two simulators, and both are interpreter"),
    ],
)
def test_what_cannot_be_compared_is_refused(names: tuple[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        CheckedBackend(PolicyFiles("small", None, None), *names)


def test_the_other_one_by_default() -> None:
    assert [compared_by_default(name) for name in ("loihi-sim", "nengo-loihi", "loihi-fast")] == [
        "loihi-fast",
        "loihi-fast",
        "interpreter",
    ]


@pytest.mark.parametrize("check", [["--check", "env=pendulum"], ["--check", "interpreter", "env=pendulum"]])
def test_on_the_command_line(check: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dsf_run(["--backend", "loihi-fast", *check, f"out={tmp_path / 'run'}"]) == 0
    assert "interpreter beside it: " in capsys.readouterr().out
