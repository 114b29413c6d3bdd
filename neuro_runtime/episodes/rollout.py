"""Closed loop by D4RL's protocol: the policy acts, the environment answers, everything is counted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.statistics import MeanEstimate, estimate_mean
from neuro_runtime.activity import Activity
from neuro_runtime.environments import EnvironmentSpec, normalised_score
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.policy import Policy

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


def run_episodes_in_lanes(
    policy: PolicyLanes,
    environments: Sequence[Environment],
    spec: EnvironmentSpec,
    *,
    episodes: int,
    seed: int,
    return_target: float,
    on_step: Callable[[], object] = lambda: None,
) -> Rollout:
    """Run ``episodes`` episodes side by side, one in each environment, and the next one wherever one ends.

    The episodes are those of :func:`run_episodes`; only a decision's wall time differs, as it is a share of the time
    that all lanes took together.

    Parameters
    ----------
    environments
        As many environments of ``spec`` as the policy has lanes; they stay open.
    return_target, on_step
        See :func:`run_episodes`.
    """
    waiting = iter(range(seed, seed + episodes))
    running: dict[int, _RunningEpisode] = {}
    finished: list[Episode] = []

    def begin(lane: int) -> None:
        for next_seed in itertools.islice(waiting, 1):
            policy.reset(lane, return_target)
            running[lane] = _RunningEpisode(environments[lane], next_seed)

    for lane in range(len(environments)):
        begin(lane)
    while running:
        lanes = list(running)
        begun = time.perf_counter()
        observations, rewards = [running[lane].observation for lane in lanes], [running[lane].reward for lane in lanes]
        decisions = policy.act(lanes, observations, rewards)
        seconds = (time.perf_counter() - begun) / len(lanes)
        for lane, decision in zip(lanes, decisions, strict=True):
            if running[lane].step(decision.action, decision.activity, seconds):
                finished.append(running.pop(lane).finished(spec))
                begin(lane)
            on_step()
    return Rollout(spec.name, return_target, tuple(sorted(finished, key=lambda episode: episode.seed)))


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


def within(action: NDArray[np.float64], environment: Environment) -> NDArray[Any]:
    """The action clipped to the actuators' range, in the type the environment declares: what it is given."""
    space = cast(gymnasium.spaces.Box, environment.action_space)
    return np.clip(action, space.low, space.high).astype(space.dtype)


def _run_episode(
    policy: Policy,
    environment: Environment,
    spec: EnvironmentSpec,
    seed: int,
    return_target: float,
    on_step: Callable[[], object],
) -> Episode:
    policy.reset(return_target)
    running = _RunningEpisode(environment, seed)
    done = False
    while not done:
        begun = time.perf_counter()
        action = policy.act(running.observation, running.reward)
        done = running.step(action, policy.activity, time.perf_counter() - begun)
        on_step()
    return running.finished(spec)


class _RunningEpisode:
    """An episode under way, and what has been written down of it."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self._environment = environment
        self._seed = seed
        self._actions: list[NDArray[np.float64]] = []
        self._rewards: list[float] = []
        self._seconds: list[float] = []
        self._activities: list[Activity] = []
        self.observation, _ = environment.reset(seed=seed)

    @property
    def reward(self) -> float:
        """What the last action earned."""
        return self._rewards[-1] if self._rewards else 0.0

    def step(self, action: NDArray[np.float64], activity: Activity, seconds: float) -> bool:
        """Act, and write down what it brought and what it took to decide; whether the episode is over."""
        environment = self._environment
        self.observation, earned, terminated, truncated, _ = environment.step(within(action, environment))
        self._actions.append(action)
        self._rewards.append(float(earned))
        self._seconds.append(seconds)
        self._activities.append(activity)
        return bool(terminated or truncated)

    def finished(self, spec: EnvironmentSpec) -> Episode:
        """The whole episode."""
        return Episode(
            self._seed,
            normalised_score(spec, sum(self._rewards)),
            np.array(self._actions),
            np.array(self._rewards),
            np.array(self._seconds),
            tuple(self._activities),
        )
