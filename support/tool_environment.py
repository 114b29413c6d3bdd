"""Environments of tools that are run and never imported: each has its own, made where it is not there."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsf_common.errors import UserError

ROOT = Path(__file__).parent.parent


def tool_python(folder: Path, pinned: Sequence[str]) -> Path:
    """The Python 3.10 of ``folder`` with the ``pinned`` packages.

    Raises
    ------
    UserError
        It could not be made.
    """
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(pinned)
    if not ready.is_file() or ready.read_text() != wanted:
        _run([str(ROOT / ".ci" / "environment"), "3.10", str(folder)], f"no environment in {folder}")
        _run([str(python), "-m", "pip", "install", "-q", *pinned], f"{' '.join(pinned)} could not be installed")
        ready.write_text(wanted)
    return python


def answer_of(
    tool: str, python: Path, worker: Path, given: Mapping[str, Any], stdout: int | None = None
) -> dict[str, Any]:
    """The arrays that ``worker`` makes of ``given``, run by the Python of the tool's environment.

    Parameters
    ----------
    stdout
        Where the tool's own lines go, as `subprocess.run` takes it; by default they are printed.

    Raises
    ------
    UserError
        The tool failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "given.npz", Path(folder) / "answer.npz"
        np.savez_compressed(asked, **given)
        if subprocess.run([str(python), str(worker), str(asked), str(answer)], stdout=stdout).returncode:
            raise UserError(f"{tool} ended with an error; it stands above")
        return dict(np.load(answer))


def _run(command: Sequence[str], failure: str) -> None:
    if subprocess.run(command).returncode:
        raise UserError(f"{failure}: {' '.join(command)} failed")
