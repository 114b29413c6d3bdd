"""A user's folder may hold scripts of any common name: nothing of this project imports them instead of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.clean_install import make_environment

COMMON_NAMES = ("train", "export", "models", "common", "kernels", "support", "tests", "benchmarks")
# The Lava worker's scripts see one another as top-level modules.
WORKER_NAMES = ("graph", "main", "network", "processes", "recorded", "virtual_ports", "wire")
ACT = """
import sys
import numpy as np
from neuro_runtime import load_policy

with load_policy("pendulum", backend=BACKEND) as policy:
    policy.reset()
    action = policy.act(np.zeros(3))
assert action.shape == (1,) and np.isfinite(action).all()
print("acted")
"""
TRAIN = (
    "env=pendulum",
    "steps=5",
    "model.embedding_size=8",
    "model.blocks=1",
    "model.window=2",
    "model.context=4",
    "model.time_steps=2",
    "batch_size=8",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
    "output=runs",
)
EXPORT = ("runs/pendulum/default/model.pt", "--target", "lava", "--decisions", "5")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder, every script of which raises where it is imported."""
    for name in COMMON_NAMES + WORKER_NAMES:
        (tmp_path / f"{name}.py").write_text(f'raise RuntimeError("the user\'s {name}.py was imported")\n')
    return tmp_path


@pytest.fixture(scope="module")
def wheel_python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The interpreter of an environment that holds the wheel, and what training and exporting need.

    numba is left out, as it would compile every kernel anew for a new place.
    """
    folder = tmp_path_factory.mktemp("wheel-environment")
    return make_environment(folder, wheel, extras=("train", "export"), without=("numba",))


@pytest.fixture(params=["installed here", "from the wheel"])
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter that has the package, beside which its console scripts lie."""
    if request.param == "installed here":
        return Path(sys.executable)
    wheel_python: Path = request.getfixturevalue("wheel_python")
    return wheel_python


def must_run(python: Path, folder: Path, program: str, *arguments: str) -> str:
    """Run a program of the environment of ``python`` in ``folder``, and return its output."""
    environment = dict(os.environ)
    if python != Path(sys.executable):
        environment.pop("PYTHONPATH", None)  # it may name this repository
    command = [str(python.with_name(program)), *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_folders_own_scripts_do_raise(folder: Path) -> None:
    result = subprocess.run([sys.executable, "-c", "import train"], cwd=folder, capture_output=True, text=True)
    assert "the user's train.py was imported" in result.stderr


@pytest.mark.parametrize("way", [("mine.py",), ("-m", "mine"), ("-c", "import mine")], ids=["script", "-m", "-c"])
def test_a_policy_acts_on_the_torch_backend(python: Path, folder: Path, way: tuple[str, ...]) -> None:
    (folder / "mine.py").write_text(ACT.replace("BACKEND", '"torch"'))
    assert must_run(python, folder, "python", *way) == "acted\n"


@pytest.mark.lava
def test_a_policy_acts_in_the_lava_worker(python: Path, folder: Path) -> None:
    (folder / "mine.py").write_text(ACT.replace("BACKEND", '"loihi-sim"'))
    assert must_run(python, folder, "python", "mine.py") == "acted\n"


@pytest.mark.parametrize(
    ("train", "export"),
    [
        (("dsf-train",), ("dsf-export",)),
        (("python", "-m", "dsf_train.command_train"), ("python", "-m", "dsf_export.command_export")),
    ],
    ids=["console scripts", "python -m"],
)
def test_a_policy_is_trained_and_exported(
    python: Path, folder: Path, train: tuple[str, ...], export: tuple[str, ...]
) -> None:
    must_run(python, folder, *train, *TRAIN)
    must_run(python, folder, *export, *EXPORT)
    assert list((folder / "runs" / "pendulum" / "default").glob("*.dsf.h5"))
