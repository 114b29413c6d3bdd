"""The package's wheel, and environments that hold it and its dependencies alone, without a network.

Dependencies are linked from the environment that runs the tests, not fetched.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ("common", "export", "train", "neuro_runtime", "hw_profiles")
PACKAGE = "decision-spikeformer"


def build_wheel(source: Path, output: Path) -> Path:
    """Build the wheel in ``output`` from a copy in ``source``, so that nothing is left in the working tree."""
    for folder in FOLDERS:
        shutil.copytree(REPOSITORY / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    offline = ("-q", "--no-index", "--no-deps", "--no-build-isolation")
    _must_run(sys.executable, "-m", "pip", "wheel", *offline, "-w", output, source)
    return next(output.glob("*.whl"))


def make_environment(folder: Path, wheel: Path, extras: Sequence[str] = (), without: Sequence[str] = ()) -> Path:
    """Make an environment of the wheel, what it requires and what ``extras`` add; return its interpreter.

    ``without`` names distributions of the extras that are left out.
    """
    _must_run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    packages = next(folder.glob("lib/python*/site-packages"))
    for distribution in _required_distributions(extras):
        for name in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            link = packages / name
            if distribution.name not in without and not link.exists():  # several may share a namespace
                link.symlink_to(Path(str(distribution.locate_file(name))))
    # With no index, pip fails if the wheel asks for anything that is not there already.
    _must_run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", wheel)
    return python


def _required_distributions(extras: Sequence[str]) -> Iterator[importlib.metadata.Distribution]:
    """Everything that the package requires with ``extras``, and what that requires in turn."""
    pending, seen = [Requirement(f"{PACKAGE}[{','.join(extras)}]")], set()
    while pending:
        required = pending.pop()
        for text in importlib.metadata.requires(required.name) or []:
            requirement = Requirement(text)
            if _applies(requirement, required.extras) and str(requirement) not in seen:
                seen.add(str(requirement))
                pending.append(requirement)
                yield importlib.metadata.distribution(requirement.name)


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _must_run(*command: str | Path) -> None:
    """Run a step of the set-up, and stop with its error text if it fails."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
