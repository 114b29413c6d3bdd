"""Actions in the environment's own unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_models.checkpoint import load_model_file, save_model_file
from dsf_models.configuration import ModelConfig
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import make_environment
from neuro_runtime.policy import Policy, load_policy
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.program.storage import load_program, save_program
from support.random_policies import random_policy
from tests.neuro_runtime.run_doubles import ListeningBackend

BOUNDS = ActionBounds((-0.6, 0.0), (0.6, 3.0))


class BoundedBackend(ListeningBackend):
    """Answers one of two actions by its largest, and knows their bounds."""

    protocol = PolicyProtocol(0.0, 1.0, delayed_reward=False, action_bounds=ActionBounds((-1.0,), (5.0,)))


class UnknownBackend(ListeningBackend):
    """Is for an environment that nobody knows here."""

    environment = "somebody-elses"


def episode_return(environment: Any, act: Callable[[Any, float], Any]) -> float:
    observation, _ = environment.reset(seed=5)
    reward, total, over = 0.0, 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(act(observation, float(reward)))
        total, over = total + float(reward), terminated or truncated
    return total


def test_a_shipped_policy_earns_in_plain_gymnasium_what_it_earns_in_the_projects_environment() -> None:
    with load_policy("pendulum", backend="interpreter") as policy:
        wrapped = episode_return(
            make_environment("pendulum"), lambda seen, earned: policy.act(seen, earned, normalised=True)
        )
        policy.reset()
        plain = episode_return(gymnasium.make("Pendulum-v1"), policy.act)
    assert plain == pytest.approx(wrapped, abs=1e-3)


@pytest.mark.parametrize(
    ("backend", "action", "bounds"),
    [
        (ListeningBackend(), 4.0, "−2 … 2"),  # of pendulum, which its specification knows
        (BoundedBackend(), 8.0, "−1 … 5"),  # of the file
        (UnknownBackend(), 2.0, "None"),
    ],
    ids=["specification", "file", "unknown"],
)
def test_an_action_is_in_the_environments_own_unit(backend: ListeningBackend, action: float, bounds: str) -> None:
    policy = Policy(backend)
    assert policy.act([0, 0, 0]) == [action]
    assert policy.act([0, 0, 0], normalised=True) == [2.0]
    assert backend.tokens[1].previous_action == [2.0]  # the network's own, whatever the unit
    assert str(policy.action_bounds) == bounds


@pytest.mark.parametrize(
    ("name", "action"), [("Pendulum-v1", [0.1, 0.2]), ("Pendulum-v1", 0.1), ("CartPole-v1", [0.1]), ("CartPole-v1", 1)]
)
def test_an_action_of_another_shape_is_refused(name: str, action: Any) -> None:
    environment = make_environment(gymnasium.make(name))
    environment.reset(seed=0)
    with pytest.raises(UserError, match="the action has shape"):
        environment.step(np.array(action))


def test_model_and_program_carry_the_bounds(tmp_path: Path) -> None:
    config = ModelConfig(embedding_size=8, blocks=1, window=2, context=4, time_steps=2)
    policy = replace(random_policy(config, 3, 2), action_bounds=BOUNDS)
    save_model_file(tmp_path / "model.pt", policy)
    again = load_model_file(tmp_path / "model.pt")
    save_program(lower(fold(again.model), again, {}), tmp_path / "program.dsf.h5")
    assert again.action_bounds == load_program(tmp_path / "program.dsf.h5").action_bounds == BOUNDS


def test_a_program_of_other_bounds_than_actions_is_refused(tmp_path: Path) -> None:
    policy = replace(random_policy(ModelConfig(embedding_size=8, blocks=1), 3, 1), action_bounds=BOUNDS)
    with pytest.raises(UserError, match="bounds of 2 actions, the readout gives 1"):
        save_program(lower(fold(policy.model), policy, {}), tmp_path / "program.dsf.h5")


@pytest.mark.parametrize(("bound", "torque"), [(0.5, 0.5), (2.0, 2.0), (6.0, 2.0)], ids=["within", "whole", "clipped"])
def test_the_projects_environment_takes_the_policys_bounds(bound: float, torque: float) -> None:
    environment = make_environment("pendulum", action_bounds=ActionBounds((-bound,), (bound,)))
    environment.reset(seed=0)
    environment.step(np.ones(1, np.float32))
    simulator: Any = environment.unwrapped
    assert simulator.last_u == pytest.approx(torque)


@pytest.mark.parametrize(
    ("low", "high"), [((0.0,), (0.0,)), ((1.0,), (-1.0,)), ((-np.inf,), (1.0,)), ((0.0, 0.0), (1.0,))]
)
def test_bounds_that_are_none(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match=r"actions cannot be from|do not go with"):
        ActionBounds(low, high)


def test_bounds_are_taken_there_and_back() -> None:
    actions = np.array([[-0.6, 3.0], [0.0, 1.5]])
    assert BOUNDS.to_unit(actions).tolist() == [[-1.0, 1.0], [0.0, 0.0]]
    assert BOUNDS.from_unit(BOUNDS.to_unit(actions)).tolist() == actions.tolist()
