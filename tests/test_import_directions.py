"""The packages' one-way imports hold, the check of them can fail, and running a policy needs no training library."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = {
    "dsf_train": "train/dsf_train",
    "dsf_export": "export/dsf_export",
    "dsf_models": "train/dsf_models",
    "neuro_runtime": "neuro_runtime",
    "hw_profiles": "hw_profiles",
    "dsf_common": "common/dsf_common",
}

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

refused = {"torch", "snntorch", "nir", "lava", "nengo", "nengo_loihi", "dsf_train", "dsf_export", "dsf_models"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Refuse())
# The workers' scripts are run by the emulators' own Python; only what crosses their pipes is imported here.
scripts = ("graph", "main", "network", "processes", "recorded", "virtual_ports")
apart = {f"neuro_runtime.simulators.lava.worker.{script}" for script in scripts}
apart |= {f"neuro_runtime.simulators.nengo_loihi.worker.{script}" for script in ("main", "network", "blocks")}
apart.add("neuro_runtime.simulators.worker.serving")
for name in ("dsf_common", "neuro_runtime", "hw_profiles"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if module.name not in apart:
            importlib.import_module(module.name)
"""


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml on the packages that stand in ``root``."""
    command = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as main; main()"
    arguments = ["--no-cache", "--config", str(REPOSITORY / "pyproject.toml")]
    return subprocess.run([sys.executable, "-c", command, *arguments], cwd=root, capture_output=True, text=True)


def test_every_package_imports_only_the_packages_below_it() -> None:
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr


LAYERS = "Each package imports only the packages below it"


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("neuro_runtime", "import dsf_models", LAYERS),
        ("dsf_common", "import hw_profiles", LAYERS),
        ("hw_profiles", "import neuro_runtime", LAYERS),
        ("dsf_models", "import dsf_export", LAYERS),
        ("dsf_export", "import dsf_train", LAYERS),
        ("neuro_runtime", "import torch", "What runs a policy needs no training library"),
        ("dsf_export", "import lava", "An emulator is imported by its worker's scripts alone"),
    ],
)
def test_an_import_against_the_arrows_is_named(tmp_path: Path, module: str, statement: str, contract: str) -> None:
    without = shutil.ignore_patterns("__pycache__", "pretrained")
    for package, folder in PACKAGES.items():
        shutil.copytree(REPOSITORY / folder, tmp_path / package, ignore=without)
    (tmp_path / module / "against_the_arrows.py").write_text(f"def later() -> None:\n    {statement}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
    assert f"{module}.against_the_arrows" in result.stdout


@pytest.mark.parametrize(("folder", "other"), [("tests", "benchmarks"), ("benchmarks", "tests"), ("support", "tests")])
def test_tests_and_benchmarks_share_only_their_support(folder: str, other: str) -> None:
    statement = re.compile(rf"^\s*(from|import) {other}\b", flags=re.MULTILINE)
    files = list((REPOSITORY / folder).rglob("*.py"))
    assert files
    assert not [file for file in files if statement.search(file.read_text(encoding="utf-8"))]


def test_running_a_policy_imports_no_training_library() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT_EVERYTHING], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
