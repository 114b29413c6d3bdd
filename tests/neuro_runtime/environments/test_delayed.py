"""Delayed reward: nothing until the end, and then everything, in the environment, the data and the evaluation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.token_history import TokenHistory
from dsf_train.datasets import Episode
from dsf_train.evaluation import evaluate
from dsf_train.run_options import training_config
from dsf_train.sampling import TokenWindows, normalisation_of
from dsf_train.trainer import train
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.program.storage import save_program
from support.small_datasets import columns_of
from tests.neuro_runtime.run_doubles import tiny_program


def test_the_last_step_pays_for_all() -> None:
    plain, delayed = make_environment("pendulum"), make_environment("pendulum", delayed_reward=True)
    for seed in (1, 2):  # a second episode begins with nothing
        assert np.array_equal(plain.reset(seed=seed)[0], delayed.reset(seed=seed)[0])
        rewards, paid, over = [], [], False
        while not over:
            action = np.array([0.3], dtype=np.float32)
            observation, reward, *_ = plain.step(action)
            rewards.append(float(reward))
            seen, given, terminated, truncated, _ = delayed.step(action)
            paid.append(float(given))
            assert np.array_equal(observation, seen)
            over = terminated or truncated
        assert paid[:-1] == [0.0] * 199
        assert paid[-1] == pytest.approx(sum(rewards))


def test_recorded_episodes_promise_their_return_to_the_end(tmp_path: Path) -> None:
    columns = np.zeros((4, 2), np.float32), np.ones((4, 1), np.float32)
    rewards = [1, 2, -4, 3.5], [5, 5, 5, 5]
    dataset = columns_of([Episode(*columns, np.array(each, dtype=np.float32)) for each in rewards], tmp_path / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 0.5), context=4, delayed_reward=True)
    batch = windows.windows(np.array([2, 3, 7]))
    assert batch.returns_to_go[..., 0].tolist() == [[0, 5, 5, 5], [5, 5, 5, 5], [40, 40, 40, 40]]


def trained(folder: Path, *overrides: str) -> PolicyModel:
    tiny = ["model.embedding_size=8", "model.blocks=1", "model.context=4", "model.window=2", "model.time_steps=2"]
    short = ["steps=4", "batch_size=4", "evaluate_every=0", "final_episodes=1", "threads=1", f"output={folder}"]
    return load_model_file(train(training_config(["env=pendulum", *tiny, *short, *overrides])).model_file)


def test_one_option_reaches_data_evaluation_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The return-to-go of a policy that was trained so stays at the target; the score is the ordinary one."""
    plain, delayed = trained(tmp_path, "name=plain"), trained(tmp_path, "name=delayed", "delayed_reward=true")
    assert not torch.equal(plain.model.get_parameter("head.weight"), delayed.model.get_parameter("head.weight"))
    asked: list[float] = []
    act = TokenHistory.act

    def noting(self: TokenHistory, observations: NDArray[np.float64], returns_to_go: NDArray[np.float64]) -> object:
        asked.append(float(returns_to_go[0]))
        return act(self, observations, returns_to_go)

    spec = load_environment_spec("pendulum")
    with monkeypatch.context() as patched:
        patched.setattr(TokenHistory, "act", noting)
        scores = evaluate(delayed, spec, -150.0, episodes=1)
        assert set(asked) == {-150.0}
        evaluate(plain, spec, -150.0, episodes=1)
        assert len(set(asked)) > 100
    capsys.readouterr()
    policy = f"policy={tmp_path / 'pendulum' / 'delayed'}"
    run = ["--backend", "torch", policy, f"out={tmp_path / 'run'}", "seed=10000", "delayed_reward=true", "--json"]
    assert dsf_run(run) == 0
    summary = json.loads(capsys.readouterr().out)
    assert scores.returns[0] < -100
    assert summary["return"]["mean"] == pytest.approx(scores.returns[0], rel=1e-4)


@pytest.mark.parametrize(
    ("trained_so", "option", "paid_late", "told"),
    [
        (True, [], True, "so each episode's is paid with its last step"),
        (True, ["delayed_reward=false"], False, "was trained with delayed reward and is run with delayed_reward=false"),
        (False, ["delayed_reward=true"], True, "was trained without delayed reward"),
        (False, [], False, ""),
    ],
)
def test_a_run_pays_as_the_policy_was_trained_or_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trained_so: bool, option: list[str], paid_late: bool, told: str
) -> None:
    path = tmp_path / "policy.dsf.h5"
    provenance = {"configuration": json.dumps({"delayed_reward": trained_so})}
    save_program(dataclasses.replace(tiny_program(), provenance=provenance), path)
    caplog.set_level("INFO")
    assert dsf_run(["--backend", "interpreter", f"policy={path}", f"out={tmp_path / 'run'}", *option]) == 0
    with h5py.File(tmp_path / "run" / "trace.h5") as trace:
        rewards = trace["decisions/reward"][()]
    assert bool((rewards[:-1] == 0).all()) == paid_late
    assert rewards[-1] < 0
    assert told in caplog.text
    assert bool(told) == ("delayed" in caplog.text)
