"""Two processes that share every batch: the gradient of one, its files written once, its runs resumed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dsf_common.errors import UserError
from dsf_models import distributed
from dsf_train import trainer as trainer_module
from dsf_train.trainer import train
from support.small_datasets import columns_of, random_episodes
from tests.conftest import REPOSITORY
from tests.dsf_train.tiny_run import SHORT, short_run, weights
from tests.dsf_train.two_processes import CASES, step


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def two_processes(folder: Path) -> None:
    """The work of `torchrun`, without the seconds that it takes to start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.dsf_train.two_processes", str(folder)]
    started = [subprocess.Popen(command, env=shared | {"RANK": rank}, cwd=REPOSITORY) for rank in ("0", "1")]
    assert [process.wait() for process in started] == [0, 0]


def test_two_processes_have_the_gradient_of_one(tmp_path: Path) -> None:
    columns_of(random_episodes([7, 3, 25]), tmp_path / "data")
    two_processes(tmp_path)
    first, second = (torch.load(tmp_path / f"process-{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, case in CASES.items():
        alone = step(case, tmp_path)
        tolerance = 1e-6 if case.dtype is torch.float64 else 1e-5
        assert alone.keys() == first[name].keys() == second[name].keys()
        assert sum(value.abs().sum().item() > 0 for value in alone.values()) > 8
        for key, expected in alone.items():
            assert torch.equal(first[name][key], second[name][key]) or "loss" in key, (name, key)
            close = tolerance * max(1.0, float(expected.abs().max()))
            assert torch.allclose(first[name][key], expected, rtol=tolerance, atol=close), (name, key)


def test_a_killed_run_goes_on_with_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first half by one process; the second by two, which end with nearly the same weights and one record."""
    shared = ["steps=20", "batch_size=9"]
    unbroken = train(short_run(tmp_path / "unbroken", *shared)).model_file

    class Killed(Exception):
        pass

    def kill_at(seed: int, step: int) -> None:
        if step == 12:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(trainer_module, "seed_dropout", kill_at)
        with pytest.raises(Killed):
            train(short_run(tmp_path / "killed", *shared))
    overrides = [pair for pair in SHORT if not pair.startswith(("steps=", "batch_size="))]
    result = torchrun(
        "-m", "dsf_train.command_train", *overrides, *shared, f"output={tmp_path / 'killed'}", "--resume", "--json"
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["model"].endswith("model.pt")  # one document
    folder = tmp_path / "killed" / "pendulum" / "default"
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.pt",
        "config.yaml",
        "events",
        "metrics.jsonl",
        "model.pt",
    ]
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    assert [record["step"] for record in records if "loss" in record] == [10, 20]
    for name, expected in weights(unbroken).items():
        assert torch.allclose(weights(folder / "model.pt")[name], expected, atol=1e-4), name


def test_a_batch_smaller_than_the_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "processes", lambda: 4)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    assert distributed.own_part(10) == slice(2, 5)
    with pytest.raises(UserError, match="batch_size=3 leaves some of 4 processes without a window"):
        distributed.own_part(3)
