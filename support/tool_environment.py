"""Environments of tools that are run and never imported: each has its own, made where it is not there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

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


def _run(command: Sequence[str], failure: str) -> None:
    if subprocess.run(command).returncode:
        raise UserError(f"{failure}: {' '.join(command)} failed")
