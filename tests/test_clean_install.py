"""A wheel with its base dependencies alone, in an environment without PyTorch, runs a shipped policy."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from support.clean_install import REPOSITORY, make_environment

RUN_A_POLICY = """
import importlib.util
import hw_profiles, neuro_runtime
import numpy as np
assert importlib.util.find_spec("torch") is None
with neuro_runtime.load_policy("pendulum", backend="interpreter") as policy:
    policy.reset()
    action = policy.act(np.zeros(3))
assert action.shape == (1,) and np.isfinite(action).all()
print("acted")
"""


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command's status and output, on a machine that knows of no Lava and no source tree."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DSF_LAVA_PYTHON", "PYTHONPATH")}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def clean_python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The interpreter of an environment that holds the wheel and its base dependencies."""
    return make_environment(tmp_path_factory.mktemp("clean"), wheel)


PARENTS: tuple[str, ...] = ("common", "export", "train", ".")  # of the packages


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    patterns = dict.fromkeys(("dsf_*/**/*.py", "dsf_*/**/*.yaml", "dsf_*/py.typed"), PARENTS)
    own = ["neuro_runtime/**/*.py", "neuro_runtime/**/*.yaml", "neuro_runtime/pretrained/*/*"]
    own += ["hw_profiles/**/*.py", "hw_profiles/**/*.yaml", "hw_profiles/report/page/*", "hw_profiles/fronts/*"]
    patterns |= dict.fromkeys(own, (".",))
    expected = {
        str(file.relative_to(REPOSITORY / parent))
        for pattern, parents in patterns.items()
        for parent in parents
        for file in (REPOSITORY / parent).glob(pattern)
    }
    assert len(expected) > 300
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_no_name_that_a_script_of_a_users_own_may_have(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    packages = {top for top in tops if not top.endswith(".dist-info")}
    assert packages == {"dsf_common", "dsf_export", "dsf_models", "dsf_train", "hw_profiles", "neuro_runtime"}


def test_a_shipped_policy_acts_without_torch(clean_python: Path, tmp_path: Path) -> None:
    result = run(clean_python, "-I", "-c", RUN_A_POLICY, cwd=tmp_path)
    assert result.stdout == "acted\n", result.stderr


def dsf_run(clean_python: Path, backend: str, cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """One pendulum episode of the shipped policy."""
    pairs = ("env=pendulum", "episodes=1", "out=run")
    return run(clean_python.with_name("dsf-run"), "--backend", backend, *pairs, *options, cwd=cwd)


@pytest.mark.parametrize("command", ["dsf-train", "dsf-bench", "dsf-data", "dsf-export", "dsf-run", "dsf-report"])
def test_every_tool_says_what_it_does(command: str, clean_python: Path, tmp_path: Path) -> None:
    result = run(clean_python.with_name(command), "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: {command}" in result.stdout


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("dsf-train env=pendulum", "needs torch, which is not installed: pip install 'decision-spikeformer[train]'"),
        ("dsf-bench scores", "needs torch, which is not installed: pip install 'decision-spikeformer[train]'"),
        ("dsf-export model.pt --target lava", "pip install 'decision-spikeformer[export]'"),
        ("dsf-run --backend loihi-fast env=pendulum", "pip install 'decision-spikeformer[fast]'"),
        ("dsf-run --backend onnx env=pendulum", "pip install 'decision-spikeformer[onnx]'"),
        ("dsf-run --backend loihi-sim env=pendulum", "Lava is missing, there is no Python at"),
        ("dsf-run --backend interpreter env=pen-e", "pip install 'decision-spikeformer[envs]'"),
        ("dsf-run --backend interpreter env=pendulum --video film.mp4", "pip install 'decision-spikeformer[video]'"),
    ],
)
def test_a_missing_extra_is_one_sentence(call: str, words: str, clean_python: Path, tmp_path: Path) -> None:
    command, *arguments = call.split()
    (tmp_path / "model.pt").touch()
    result = run(clean_python.with_name(command), *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "make " not in result.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "model.pt"]


def test_the_default_backend_is_one_that_is_installed(clean_python: Path, tmp_path: Path) -> None:
    result = run(clean_python.with_name("dsf-run"), "env=pendulum", "out=run", cwd=tmp_path)
    assert result.returncode == 0
    assert "interpreter runs the policy" in result.stderr
    assert "pendulum on interpreter" in result.stdout


def test_dsf_run_needs_only_the_base_install(clean_python: Path, tmp_path: Path) -> None:
    result = dsf_run(clean_python, "interpreter", tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_torch_backend_says_what_to_install(clean_python: Path, tmp_path: Path) -> None:
    result = dsf_run(clean_python, "torch", tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("dsf-run: error: ")
    assert "decision-spikeformer[train]" in result.stderr


def test_a_report_says_what_to_install_and_is_all_that_needs_it(clean_python: Path, tmp_path: Path) -> None:
    refused = dsf_run(clean_python, "interpreter", tmp_path, "--report")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert not (tmp_path / "run").exists()
    assert dsf_run(clean_python, "interpreter", tmp_path).returncode == 0
    report = run(clean_python.with_name("dsf-report"), tmp_path / "run", cwd=tmp_path)
    assert report.returncode == 2
    for result in (refused, report):
        assert "decision-spikeformer[report]" in result.stderr
        assert result.stderr.count("\n") == 1
