"""CQL, IQL and TD3+BC: the transitions they are given, what d3rlpy makes of them, and the way through the trainer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_models.checkpoint import Normalisation, load_tensors
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.mlp import MlpPolicy
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import Columns
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from dsf_train.value_learning import learner as learning
from dsf_train.value_learning.learner import ValueLearner
from dsf_train.value_learning.transitions import Transitions

KINDS = [ModelKind.cql, ModelKind.iql, ModelKind.td3bc]
TIME_LIMIT = 3
AS_IT_IS = Normalisation(np.zeros(1, np.float32), np.ones(1, np.float32), 1.0)
TINY = ("env=pendulum", "model.embedding_size=8", "model.blocks=2", "batch_size=8", "threads=1", "evaluate_every=0")


def dataset() -> Columns:
    """Steps 0 1 | 2 3 4 | 5 6: fell, ran into the time limit, was not recorded to its end; step n is rewarded n + 1."""
    steps = np.arange(7.0)
    returns = np.array([3.0, 2.0, 12.0, 9.0, 5.0, 13.0, 7.0])
    return Columns(
        observations=steps[:, None].astype(np.float32),
        actions=(steps / 10)[:, None].astype(np.float32),
        returns_to_go=returns,
        ends=np.array([2, 5, 7]),
        finished=np.array([True, True, False]),
        state_moments=np.array([[3.0], [2.0]]),
        state_range=np.array([[0.0], [6.0]]),
    )


def test_each_step_stands_with_what_followed_it() -> None:
    transitions = Transitions(dataset(), AS_IT_IS, TIME_LIMIT, reward_scale=2.0)
    assert len(transitions) == 5  # the time limit's last step and the unfinished one's have no state after them
    batch = transitions.at(np.arange(5))
    assert batch.states[:, 0].tolist() == [0, 1, 2, 3, 5]
    assert batch.next_states[:, 0].tolist() == [1, 0, 3, 4, 6]
    assert batch.rewards[:, 0].tolist() == [2, 4, 6, 8, 12]
    assert batch.terminals[:, 0].tolist() == [0, 1, 0, 0, 0]
    assert batch.next_actions[:, 0].tolist() == pytest.approx([0.1, 0, 0.3, 0.4, 0.6])


def test_delayed_reward_lies_at_the_end_which_is_terminal_then() -> None:
    transitions = Transitions(dataset(), AS_IT_IS, TIME_LIMIT, delayed_reward=True)
    batch = transitions.at(np.arange(len(transitions)))
    assert batch.states[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert batch.rewards[:, 0].tolist() == [0, 3, 0, 0, 12, 0]
    assert batch.terminals[:, 0].tolist() == [0, 1, 0, 0, 1, 0]


def test_the_best_share_of_the_steps_alone_is_drawn() -> None:
    transitions = Transitions(dataset(), AS_IT_IS, TIME_LIMIT, best_share=0.4)
    assert transitions.at(np.arange(len(transitions))).states[:, 0].tolist() == [2, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_windows_in_a_recipe_are_not_taken_for_transitions(kind: ModelKind) -> None:
    """`t-maze-N`'s recipe has whole episodes, `pendulum-hidden`'s raised returns."""
    for environment in ("t-maze-5", "pendulum-hidden"):
        config = training_config([f"env={environment}", f"model.kind={kind.value}"])
        config.validate()
        assert (config.whole_episodes, config.raised_returns) == (False, 0.0)
    for option in ("whole_episodes=true", "raised_returns=0.1"):
        with pytest.raises(UserError, match=f"means nothing to model.kind={kind.value}, which .* draws transitions"):
            training_config(["env=pendulum", f"model.kind={kind.value}", option])


def test_a_dataset_of_single_steps_is_refused() -> None:
    single = Columns(
        observations=np.zeros((2, 1), np.float32),
        actions=np.zeros((2, 1), np.float32),
        returns_to_go=np.ones(2),
        ends=np.array([1, 2]),
        finished=np.array([True, True]),
        state_moments=np.array([[0.0], [1.0]]),
        state_range=np.array([[0.0], [0.0]]),
    )
    with pytest.raises(UserError, match="no step of the dataset has a state after it"):
        Transitions(single, AS_IT_IS, time_limit=1)


def test_without_d3rlpy_the_kind_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"model.kind=cql is trained by d3rlpy, which is not installed: pip install"):
        train(training_config([*TINY, "model.kind=cql", f"output={tmp_path}"]))
    assert not any(tmp_path.iterdir())


def test_d3rlpy_is_not_imported_by_the_trainer() -> None:
    code = "import sys, dsf_train.trainer; sys.exit(any(name in sys.modules for name in ('d3rlpy', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_our_network_acts_as_d3rlpys_policy(kind: ModelKind) -> None:
    pytest.importorskip("d3rlpy")
    config = TrainConfig(env="pendulum", model=ModelConfig(kind=kind, embedding_size=8, blocks=2), batch_size=4)
    model = MlpPolicy(config.model, observation_size=1, action_size=1).eval()
    learner = ValueLearner(config, model, Transitions(dataset(), AS_IT_IS, TIME_LIMIT), torch.device("cpu"))
    for step in range(3):
        losses = learner.update(step)
    assert "critic_loss" in losses
    learner.give_policy()
    states = torch.linspace(-3, 3, 5)[:, None]
    with torch.no_grad():
        answers = model(states[None], torch.zeros(1, 5, 1), torch.zeros(1, 5, 1), torch.ones(1, 5, dtype=torch.bool))
    assert np.allclose(answers[0].numpy(), learner._algorithm.predict(states.numpy()), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_off_run_resumes_to_the_same_weights(
    kind: ModelKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("d3rlpy")

    def configuration(folder: str) -> TrainConfig:
        own = [f"model.kind={kind.value}", "steps=20", "checkpoint_every=8", "final_episodes=2"]
        return training_config([*TINY, *own, f"output={tmp_path / folder}"])

    trained = train(configuration("whole"))
    assert len(trained.scores) == 1  # it is asked for no return
    whole = trained.model_file
    update = ValueLearner.update

    def breaking(learner: ValueLearner, step: int) -> dict[str, float]:
        if step == 13:
            raise KeyboardInterrupt
        return update(learner, step)

    monkeypatch.setattr(ValueLearner, "update", breaking)
    with pytest.raises(KeyboardInterrupt):
        train(configuration("broken"))
    monkeypatch.setattr(ValueLearner, "update", update)
    resumed = train(configuration("broken"), resume=True).model_file
    left, right = load_tensors(whole)["weights"], load_tensors(resumed)["weights"]
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_steps_on_pendulum(kind: ModelKind, tmp_path: Path) -> None:
    pytest.importorskip("d3rlpy")
    result = train(training_config([*TINY, f"model.kind={kind.value}", "steps=200", f"output={tmp_path}"]))
    assert all(np.isfinite(scores.mean) for scores in result.scores)
    metrics = (result.model_file.parent / "metrics.jsonl").read_text(encoding="utf-8")
    assert metrics.count('"critic_loss"') == 4  # at every 50th step


def test_a_loss_that_is_not_finite_ends_the_run_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("d3rlpy")
    config = TrainConfig(env="pendulum", model=ModelConfig(kind=ModelKind.td3bc, embedding_size=8), batch_size=4)
    model = MlpPolicy(config.model, observation_size=1, action_size=1)
    unbounded = Transitions(dataset(), AS_IT_IS, TIME_LIMIT, reward_scale=float("inf"))
    with pytest.raises(UserError, match=r"step 1: critic_loss is (inf|nan); train anew with a lower learning_rate"):
        ValueLearner(config, model, unbounded, torch.device("cpu")).update(0)
