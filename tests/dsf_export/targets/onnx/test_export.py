"""`dsf-export --target onnx` and `dsf-run --backend onnx` from outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dsf_export.command_export import main
from dsf_export.targets.onnx.session import OnnxSession, token_inputs
from dsf_export.targets.onnx.simulator import open_backend
from dsf_models.checkpoint import save_model_file
from neuro_runtime import load_policy
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program import load_program, program_hash
from neuro_runtime.token import Token
from support.random_policies import random_policy
from support.small_policies import PSSA


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "model.pt"
    save_model_file(path, random_policy(PSSA, 3, 1, environment="pendulum"))
    return path


def test_a_policy_becomes_two_files_that_run_by_themselves(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(model), "--target", "onnx", "--decisions", "6", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [str(model.with_name(name)) for name in ("program.onnx", "program-float32.onnx")]
    verdicts = {row["stage"]: row["verdict"] for row in document["parity"]["rows"]}
    assert verdicts["onnx file, read back"] == "identical"
    assert verdicts["integers in ONNX Runtime"] == "identical"
    assert verdicts["float32 in ONNX Runtime"] == "equal"
    token = Token(np.array([1.0, 0.0, 0.5]), np.zeros(1), -150.0)
    for file in document["files"]:
        (action,) = OnnxSession(Path(file)).run(token_inputs(token), ["action"])
        assert action.shape == (1, 1)


def test_its_program_goes_on_to_another_target(model: Path, tmp_path: Path) -> None:
    through, straight = tmp_path / "through.dsf.h5", tmp_path / "straight.dsf.h5"
    program = tmp_path / "program.onnx"
    assert main([str(model), "--target", "lava", "--decisions", "2", "--output", str(straight)]) == 0
    assert main([str(straight), "--target", "onnx", "--decisions", "2", "--output", str(program)]) == 0
    assert main([str(program), "--target", "lava", "--decisions", "2", "--output", str(through)]) == 0
    assert program_hash(load_program(through)) == program_hash(load_program(straight))
    assert not list(tmp_path.glob("*float32*"))


def test_the_backend_steers_as_the_interpreter_does() -> None:
    random = np.random.default_rng(0)
    ours = Policy(open_backend(find_policy("pendulum")))
    with ours, load_policy("pendulum", backend="interpreter") as wanted:
        ours.reset()
        wanted.reset()
        for _ in range(12):
            observation = random.normal(size=3)
            np.testing.assert_array_equal(ours.act(observation, -1.0), wanted.act(observation, -1.0))
            assert ours.activity == wanted.activity
