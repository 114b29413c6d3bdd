"""`--help` and `--version` answer before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys

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
    importlib.import_module(sys.argv[1]).main([sys.argv[2]])
print(json.dumps([said.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_heavy_is_imported(command: str, option: str) -> None:
    call = [sys.executable, "-c", SCRIPT, COMMANDS[command], option]
    said, modules = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    assert command in said
    assert not HEAVY & set(modules)


def test_the_help_of_an_export_names_all_targets() -> None:
    assert list(TARGET_NAMES) == list(TARGETS)
