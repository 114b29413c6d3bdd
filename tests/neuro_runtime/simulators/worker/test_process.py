"""Where the emulators' Python is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuro_runtime.simulators.lava.session import LAVA
from neuro_runtime.simulators.nengo_loihi.session import NENGO_LOIHI
from neuro_runtime.simulators.worker import process


def test_it_lies_beside_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DSF_LAVA_PYTHON")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "REPOSITORY", tmp_path / "checkout")
    python = tmp_path / "checkout" / ".venv-lava" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    assert LAVA.find_python() == NENGO_LOIHI.find_python() == python
