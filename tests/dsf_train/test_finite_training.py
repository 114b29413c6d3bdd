"""Training that leaves the finite numbers is stopped, names its step and likely cause, and saves no result."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_train.datasets.demonstrations import record_demonstrations
from dsf_train.finite_training import FiniteWatch, likely_cause
from dsf_train.run_folder import Metrics, RunFolder, read_record
from dsf_train.sampling import Batch
from dsf_train.trainer import train
from neuro_runtime.environments import load_environment_spec
from tests.dsf_train.tiny_run import short_run


def batch(largest: float = 1.0) -> Batch:
    ones = torch.ones(2, 4, 1)
    return Batch(ones, ones, ones * largest, ones, torch.ones(2, 4), torch.zeros(2, 4, dtype=torch.long))


def test_rewards_beyond_all_bounds_stop_the_training(tmp_path: Path) -> None:
    path = tmp_path / "loud.hdf5"
    record_demonstrations(load_environment_spec("pendulum"), path, episodes=1, seed=0)
    with h5py.File(path, "r+") as file:
        rewards = file["rewards"][()] * np.float32(1e30)
        del file["rewards"]
        file["rewards"] = rewards
    with pytest.raises(UserError, match=r"stopped at step 1: .* returns-to-go.* are as large as .*e\+"):
        train(short_run(tmp_path, f"dataset={path}", "initial_firing_rate=0"))
    assert not list(tmp_path.rglob("model.pt"))
    assert not list(tmp_path.rglob("checkpoint.pt"))


@pytest.mark.parametrize(("loss", "norm", "what"), [(np.inf, 1.0, "the loss"), (1.0, np.nan, "the gradient's norm")])
def test_the_first_such_step_is_named(tmp_path: Path, loss: float, norm: float, what: str) -> None:
    watch = FiniteWatch(short_run(tmp_path), torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    watch.see(6, batch(), torch.tensor(1.0), torch.tensor(1.0))
    with pytest.raises(UserError, match=f"stopped at step 7: {what} .* learning_rate=0.* too high"):
        watch.see(7, batch(), torch.tensor(loss), torch.tensor(norm))


def test_a_weight_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    model = torch.nn.Linear(1, 1)
    watch = FiniteWatch(short_run(tmp_path), model)  # type: ignore[arg-type]
    watch.require(1, batch())
    torch.nn.init.constant_(model.bias, float("nan"))
    with pytest.raises(UserError, match="stopped at step 2: the weight bias"):
        watch.require(2, batch())


def test_the_likely_cause_is_the_input_out_of_proportion(tmp_path: Path) -> None:
    config = short_run(tmp_path)
    assert "learning_rate" in likely_cause(config, batch())
    assert "returns-to-go" in likely_cause(config, batch(1e9))
    assert "returns-to-go" in likely_cause(config, batch(float("nan")))


def test_metrics_are_json(tmp_path: Path) -> None:
    with Metrics(tmp_path / "metrics.jsonl", tmp_path / "events", 0) as metrics:
        metrics.write(3, {"score/-200/standard_error": float("inf")})
    line = (tmp_path / "metrics.jsonl").read_text()
    assert "Infinity" not in line
    assert json.loads(line)["score/-200/standard_error"] is None
    assert read_record(line)["not_finite"] == {"score/-200/standard_error": "inf"}


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "", ".", "-x", "/tmp/x"])
def test_a_name_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is no name of a run"):
        short_run(tmp_path, f"name='{name}'").validate()


def test_a_run_that_is_written_is_not_replaced(tmp_path: Path) -> None:
    config = short_run(tmp_path)
    with RunFolder.of(config).locked(), pytest.raises(UserError, match="is being written by another process"):
        train(config, overwrite=True)
