"""The rooms' one-way imports hold, the check of them can fail, and running a policy needs no training library."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("export", "train", "neuro_runtime", "hw_profiles")

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "snntorch", "nir", "lava", "train", "export"}:
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Refuse())
# The Lava worker's scripts are run by Lava's own Python; only what crosses its pipe is imported here.
scripts = ("graph", "main", "network", "processes", "recorded", "virtual_ports")
apart = {f"neuro_runtime.lava.worker.{script}" for script in scripts}
for room in ("neuro_runtime", "hw_profiles"):
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        if module.name not in apart:
            importlib.import_module(module.name)
"""


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml on the rooms that stand in ``root``."""
    command = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as main; main()"
    arguments = ["--no-cache", "--config", str(REPOSITORY / "pyproject.toml")]
    return subprocess.run([sys.executable, "-c", command, *arguments], cwd=root, capture_output=True, text=True)


def test_every_room_imports_only_the_rooms_below_it() -> None:
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("neuro_runtime", "import train", "Each room imports only the rooms below it"),
        ("hw_profiles", "import neuro_runtime", "Each room imports only the rooms below it"),
        ("train", "import export", "Each room imports only the rooms below it"),
        ("neuro_runtime", "import torch", "What runs a policy needs no training library"),
        ("export", "import lava", "Lava is imported by its worker's scripts alone"),
    ],
)
def test_an_import_against_the_arrows_is_named(tmp_path: Path, module: str, statement: str, contract: str) -> None:
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "pretrained"))
    (tmp_path / module / "against_the_arrows.py").write_text(f"def later() -> None:\n    {statement}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
    assert f"{module}.against_the_arrows" in result.stdout


def test_running_a_policy_imports_no_training_library() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT_EVERYTHING], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
