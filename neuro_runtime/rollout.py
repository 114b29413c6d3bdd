"""Closed loop by D4RL's protocol: the policy acts, the environment answers, everything is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError
from neuro_runtime.activity import Activity
from neuro_runtime.environments import EnvironmentSpec, normalised_score
from neuro_runtime.policy import Policy
from neuro_runtime.statistics import MeanEstimate, estimate_mean

Environment = gymnasium.Env[Any, Any]


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode, decision by decision.

    Attributes
    ----------
    seed
        What the environment was reset with.
    score
        Normalised score of the return: 0 a random policy, 100 the reference.
    actions
        As the policy gave them, shape (steps, act).
    rewards, seconds
        Reward and wall time of each decision, shape (steps,).
    activities
        Counted work of each decision.
    """

    seed: int
    score: float
    actions: NDArray[np.float64]
    rewards: NDArray[np.float64]
    seconds: NDArray[np.float64]
    activities: tuple[Activity, ...]

    @property
    def steps(self) -> int:
        """Decisions in the episode."""
        return len(self.rewards)

    @property
    def total_reward(self) -> float:
        """The episode's return."""
        return float(self.rewards.sum())


@dataclass(frozen=True, eq=False)
class Rollout:
    """Several episodes of one policy in one environment, all begun with the same return-to-go."""

    environment: str
    return_target: float
    episodes: tuple[Episode, ...]

    @property
    def activities(self) -> list[Activity]:
        """The counted work of every decision, in order."""
        return [activity for episode in self.episodes for activity in episode.activities]

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Wall time of every decision, shape (decisions,)."""
        return np.concatenate([episode.seconds for episode in self.episodes])

    @property
    def total_reward(self) -> MeanEstimate:
        """Return over episodes."""
        return estimate_mean([episode.total_reward for episode in self.episodes])

    @property
    def score(self) -> MeanEstimate:
        """Normalised score over episodes."""
        return estimate_mean([episode.score for episode in self.episodes])


def run_episodes(
    policy: Policy,
    environment: Environment,
    spec: EnvironmentSpec,
    *,
    episodes: int,
    seed: int,
    return_target: float,
    on_step: Callable[[], object] = lambda: None,
) -> Rollout:
    """Run ``episodes`` episodes one after another, episode n seeded ``seed + n``.

    Parameters
    ----------
    environment
        An environment of ``spec``; it stays open.
    return_target
        Return-to-go at each episode's first step, in raw reward; every reward is taken off it.
    on_step
        Called after every step.
    """
    return Rollout(
        spec.name,
        return_target,
        tuple(_run_episode(policy, environment, spec, seed + n, return_target, on_step) for n in range(episodes)),
    )


def check_sizes(policy: Policy, spec: EnvironmentSpec) -> None:
    """Refuse a policy whose observations or actions are not the environment's.

    Raises
    ------
    UserError
        They differ in width: both are named.
    """
    ours, theirs = (policy.observation_size, policy.action_size), (spec.observation_size, spec.action_size)
    if ours != theirs:
        raise UserError(
            f"the policy (trained for {policy.environment}) takes {ours[0]} observations and gives {ours[1]} actions, "
            f"but {spec.name} has {theirs[0]} and {theirs[1]}"
        )


def _run_episode(
    policy: Policy,
    environment: Environment,
    spec: EnvironmentSpec,
    seed: int,
    return_target: float,
    on_step: Callable[[], object],
) -> Episode:
    actions: list[NDArray[np.float64]] = []
    rewards: list[float] = []
    seconds: list[float] = []
    activities: list[Activity] = []
    policy.reset(return_target)
    observation, _ = environment.reset(seed=seed)
    reward, done = 0.0, False
    while not done:
        begun = time.perf_counter()
        action = policy.act(observation, reward)
        seconds.append(time.perf_counter() - begun)
        observation, earned, terminated, truncated, _ = environment.step(_within(action, environment))
        reward = float(earned)
        done = terminated or truncated
        actions.append(action)
        rewards.append(reward)
        activities.append(policy.activity)
        on_step()
    return Episode(
        seed,
        normalised_score(spec, sum(rewards)),
        np.array(actions),
        np.array(rewards),
        np.array(seconds),
        tuple(activities),
    )


def _within(action: NDArray[np.float64], environment: Environment) -> NDArray[np.float64]:
    """The action clipped to the actuators' range, in the type the environment declares."""
    space = cast(gymnasium.spaces.Box, environment.action_space)
    return np.clip(action, space.low, space.high).astype(space.dtype)
