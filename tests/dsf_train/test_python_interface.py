"""From episodes in memory to a policy, from Python alone, and its returns are those of a plain loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export import export
from dsf_train import train
from neuro_runtime import load_policy
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.run_of_call import run_policy
from neuro_runtime.run_options import RunConfiguration

MODEL = {"embedding_size": 16, "blocks": 1, "window": 2, "context": 4, "time_steps": 2}
SHORT: dict[str, Any] = {
    "steps": 3,
    "batch_size": 8,
    "evaluate_every": 0,
    "final_episodes": 1,
    "threads": 1,
    "model": MODEL,
}


def recorded(gymnasium_id: str, episodes: int = 3, at_most: int = 30) -> list[dict[str, Any]]:
    """Random episodes in the environment's own unit, as one would record them."""
    environment = gymnasium.make(gymnasium_id, max_episode_steps=at_most)
    environment.action_space.seed(0)
    found = []
    for seed in range(episodes):
        observations, actions, rewards, over = [environment.reset(seed=seed)[0]], [], [], False
        while not over:
            actions.append(environment.action_space.sample())
            observation, reward, terminated, truncated, _ = environment.step(actions[-1])
            observations.append(observation)
            rewards.append(float(reward))
            over = terminated or truncated
        found.append({"observations": np.array(observations), "actions": np.array(actions), "rewards": rewards})
    return found


def plain_return(gymnasium_id: str, policy_file: Path, seed: int, **options: Any) -> float:
    """The return of a policy in a loop as anybody writes it."""
    environment = gymnasium.make(gymnasium_id, **options)
    observation, _ = environment.reset(seed=seed)
    total, reward, over = 0.0, 0.0, False
    space = environment.action_space
    with load_policy(policy_file, backend="loihi-fast") as policy:
        policy.reset()
        while not over:
            action = policy.act(observation, reward)
            if isinstance(space, gymnasium.spaces.Box):
                action = np.clip(action, space.low, space.high).astype(space.dtype)
            observation, earned, terminated, truncated, _ = environment.step(action)
            reward = float(earned)
            total, over = total + reward, terminated or truncated
    return total


@pytest.mark.parametrize("gymnasium_id", ["MountainCarContinuous-v0", "CartPole-v1", "Pendulum-v1"])
def test_from_episodes_to_a_policy_whose_returns_are_a_plain_loops(gymnasium_id: str, tmp_path: Path) -> None:
    result = train(gymnasium.make(gymnasium_id), recorded(gymnasium_id), output=str(tmp_path), **SHORT)
    program = export(result.model_file, decisions=5)
    spec = load_environment_spec(gymnasium_id)
    assert program == tmp_path / gymnasium_id / "default" / "program.dsf.h5"
    saved = run_policy(
        RunConfiguration(policy=str(program), episodes=2, seed=7, out=str(tmp_path / "run")),
        "loihi-fast",
        ["cmos45-paper"],
        command="",
    )
    assert ("the return itself, as no reference is known" in saved.summary.text()) == (not spec.has_references)
    ours = [episode.total_reward for episode in saved.summary.rollout.episodes]
    assert ours == [plain_return(gymnasium_id, program, seed) for seed in (7, 8)]
    with load_policy(program, backend="interpreter") as policy, load_policy(result.model_file, "torch") as model:
        assert policy.action_bounds == model.action_bounds == spec.action_bounds
        assert np.shape(policy.act(np.zeros(spec.observation_size))) == np.shape(
            gymnasium.make(gymnasium_id).action_space.sample()
        )


def test_a_choice_is_remembered_as_it_was_in_the_data(tmp_path: Path) -> None:
    """The model and its program see the same previous actions, so they choose alike where rounding lets them."""
    result = train("CartPole-v1", recorded("CartPole-v1"), output=str(tmp_path), **SHORT)
    program = export(result.model_file, decisions=5)
    environment = make_environment("CartPole-v1")
    chosen = []
    for file, backend in ((program, "interpreter"), (result.model_file, "torch")):
        observation, _ = environment.reset(seed=0)
        with load_policy(file, backend) as policy:
            policy.reset()
            chosen.append([int(policy.act(observation, 1.0)) for _ in range(4)])
            assert policy._tokens.token(observation, 1.0).previous_action.tolist() in ([1.0, -1.0], [-1.0, 1.0])
    assert set(chosen[0]) | set(chosen[1]) <= {0, 1}


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ([], "the dataset has no episodes"),
        ([{"observations": np.zeros((3, 3)), "actions": np.zeros((3, 1))}], "episode 0 has no rewards"),
        (
            [{"observations": np.zeros((3, 3)), "actions": np.zeros((2, 1)), "rewards": np.zeros(3)}],
            "episode 0 has columns that do not fit together",
        ),
        (
            [{"observations": np.array(["a"] * 3), "actions": np.zeros((3, 1)), "rewards": np.zeros(3)}],
            "episode 0 has observations that are no numbers",
        ),
    ],
)
def test_episodes_that_are_wrong(dataset: list[dict[str, Any]], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        train("Pendulum-v1", dataset, output=str(tmp_path), **SHORT)


def test_an_option_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown key 'lr': here it is learning_rate"):
        train("Pendulum-v1", recorded("Pendulum-v1", 1), output=str(tmp_path), lr=1e-3)
