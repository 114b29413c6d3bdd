"""`--help`, `--version` and a wrong option or path are answered before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dsf_export.command_export import TARGET_NAMES
from dsf_export.targets import TARGETS

COMMANDS = {
    "dsf-train": "dsf_train.command_train",
    "dsf-bench": "dsf_train.command_bench",
    "dsf-data": "dsf_train.command_data",
    "dsf-export": "dsf_export.command_export",
    "dsf-run": "neuro_runtime.command_run",
    "dsf-report": "hw_profiles.command_report",
}
HEAVY = {"torch", "numba", "mujoco", "matplotlib", "scipy", "nir", "onnx", "onnxruntime", "snntorch", "tensorboard"}
SCRIPT = """
import contextlib, importlib, io, json, sys
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
    importlib.import_module(sys.argv[1]).main(sys.argv[2:])
print(json.dumps([said.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_heavy_is_imported(command: str, option: str) -> None:
    said, _, modules = answer(command, option)
    assert command in said
    assert not HEAVY & modules


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("dsf-export none.nir --target lava", "there is no none.nir"),
        ("dsf-export network.nir --target lava calibration=none.npz", "there is no file none.npz"),
        ("dsf-run policy=none", "no policy 'none'"),
        ("dsf-run policy=network.nir input=none.npz", "there is no file none.npz"),
        ("dsf-run policy=network.nir input=.", "input=. is a folder: name a file"),
        ("dsf-run policy=network.nir input=network.nir calibration=none.npz", "there is no file none.npz"),
        ("dsf-run env=pendulum --profile none.yaml", "no profile file none.yaml"),
        ("dsf-train env=pendulum dataset=none.hdf5", "there is no dataset none.hdf5"),
        ("dsf-train env=pendulum dataset=network.nir,none.hdf5", "there is no dataset none.hdf5"),
        ("dsf-train env=pendulum quantise=true policy=none.pt", "no policy 'none.pt'"),
        ("dsf-train env=pendulum --import-published none.pt", "there is no checkpoint none.pt"),
        ("dsf-train env=pendulum stepz=3", "did you mean steps"),
        ("dsf-bench scores datasets=none", "there is no folder none"),
        ("dsf-bench scores stepz=3", "did you mean steps"),
        ("dsf-data info none.hdf5", "there is no dataset none.hdf5"),
        ("dsf-report none", "no run at none"),
    ],
)
def test_a_wrong_path_or_option_is_told_before_anything_heavy_is_imported(
    tmp_path: Path, call: str, sentence: str
) -> None:
    (tmp_path / "network.nir").touch()
    _, error, modules = answer(*call.split())
    assert sentence in error
    assert not HEAVY & modules


def answer(command: str, *arguments: str) -> tuple[str, str, set[str]]:
    """A command's output, its errors, and the packages that it imported."""
    call = [sys.executable, "-c", SCRIPT, COMMANDS[command], *arguments]
    run = subprocess.run(call, capture_output=True, text=True, check=True)
    said, modules = json.loads(run.stdout)
    return said, run.stderr, set(modules)


def test_the_help_of_an_export_names_all_targets() -> None:
    assert list(TARGET_NAMES) == list(TARGETS)
