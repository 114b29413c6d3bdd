"""The folder of a run: one process has it, and a run that could not be saved leaves nothing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from dsf_common.errors import UserError
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.records.run_folder import run_folder
from tests.neuro_runtime.run_doubles import write_tiny_program


def test_two_runs_at_one_instant_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("neuro_runtime.records.run_folder._now", lambda: "now")
    both = Barrier(2)

    def begin() -> Path:
        both.wait()
        with run_folder("pendulum", "torch", None) as folder:
            both.wait()
            return folder

    with ThreadPoolExecutor(2) as pool:
        folders = [pool.submit(begin) for _ in range(2)]
    assert len({folder.result() for folder in folders}) == 2
    assert os.listdir("runs/pendulum") == []


def test_a_named_folder_is_one_runs(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    with (
        run_folder("pendulum", "torch", out),
        pytest.raises(UserError, match="is being written by another process"),
        run_folder("pendulum", "torch", out),
    ):
        pass


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device", "raster.h5"), RuntimeError("write failed")])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problem: Exception
) -> None:
    program = write_tiny_program(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("h5py.File.create_dataset", full)
    assert dsf_run(["--backend", "interpreter", f"policy={program}", f"out={tmp_path / 'run'}"]) == 2
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith("dsf-run: error: ")
    assert not (tmp_path / "run").exists()
