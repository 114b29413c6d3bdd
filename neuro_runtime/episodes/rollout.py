"""Episodes by D4RL's protocol: a policy in closed loop, its return-to-go kept and everything counted."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import STOPS, UserError
from dsf_common.statistics import MeanEstimate, estimate_mean
from neuro_runtime.activity import Activity
from neuro_runtime.environments import EnvironmentSpec, normalised_score
from neuro_runtime.episodes.closed_loop import Environment, EpisodeUnderWay, run_closed_loop
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.policy import Policy


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode, decision by decision.

    Attributes
    ----------
    seed
        The seed that the environment was reset with.
    score
        Normalised score of the return: 0 a random policy, 100 the reference.
    actions
        Actions as the policy gave them, in −1 … 1, shape (steps, act).
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
        """The episode's return, summed from its first reward on, as a plain loop does."""
        return float(np.cumsum(self.rewards)[-1])


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


def nothing(*_: object) -> None:
    """For callers who need not be told."""


def run_episodes(
    policy: Policy,
    environment: Environment,
    spec: EnvironmentSpec,
    *,
    episodes: int,
    seed: int,
    return_target: float,
    on_step: Callable[[], object] = nothing,
    on_stop: Callable[[Rollout], object] = nothing,
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
    on_stop
        Called with the episodes that have ended, if any, where another fails or is interrupted; the error goes on.
    """
    records: dict[int, _Record] = defaultdict(_Record)

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float64]]:
        (episode,) = running.values()
        begun = time.perf_counter()
        action = policy.act(episode.observation, episode.reward, normalised=True)
        records[episode.seed].add(action, policy.activity, time.perf_counter() - begun)
        return [action]

    finished: list[EpisodeUnderWay] = []
    with _told_of_a_stop(lambda: _rollout(spec, return_target, finished, records), finished, on_stop):
        run_closed_loop(
            [environment],
            range(seed, seed + episodes),
            act,
            begin=lambda lane: policy.reset(return_target),
            on_step=on_step,
            finished=finished,
        )
    return _rollout(spec, return_target, finished, records)


def run_episodes_in_lanes(
    policy: PolicyLanes,
    environments: Sequence[Environment],
    spec: EnvironmentSpec,
    *,
    episodes: int,
    seed: int,
    return_target: float,
    on_step: Callable[[], object] = nothing,
    on_stop: Callable[[Rollout], object] = nothing,
) -> Rollout:
    """Run ``episodes`` episodes side by side, one in each environment, and the next one wherever one ends.

    The episodes are those of :func:`run_episodes`; only a decision's wall time differs, as it is a share of the time
    that all lanes took together.

    Parameters
    ----------
    environments
        One environment of ``spec`` for each lane of the policy; they stay open.
    return_target, on_step, on_stop
        See :func:`run_episodes`.
    """
    records: dict[int, _Record] = defaultdict(_Record)

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float64]]:
        begun = time.perf_counter()
        decisions = policy.act(
            list(running),
            [episode.observation for episode in running.values()],
            [episode.reward for episode in running.values()],
        )
        seconds = (time.perf_counter() - begun) / len(running)
        for episode, decision in zip(running.values(), decisions, strict=True):
            records[episode.seed].add(decision.action, decision.activity, seconds)
        return [decision.action for decision in decisions]

    finished: list[EpisodeUnderWay] = []
    with _told_of_a_stop(lambda: _rollout(spec, return_target, finished, records), finished, on_stop):
        run_closed_loop(
            environments,
            range(seed, seed + episodes),
            act,
            begin=lambda lane: policy.reset(lane, return_target),
            on_step=on_step,
            finished=finished,
        )
    return _rollout(spec, return_target, finished, records)


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


class _Record:
    """The record of an episode's decisions."""

    def __init__(self) -> None:
        self.actions: list[NDArray[np.float64]] = []
        self.seconds: list[float] = []
        self.activities: list[Activity] = []

    def add(self, action: NDArray[np.float64], activity: Activity, seconds: float) -> None:
        """Write down a decision, and what it took."""
        self.actions.append(action)
        self.activities.append(activity)
        self.seconds.append(seconds)


@contextmanager
def _told_of_a_stop(
    ended: Callable[[], Rollout], finished: Sequence[EpisodeUnderWay], on_stop: Callable[[Rollout], object]
) -> Iterator[None]:
    try:
        yield
    except STOPS:
        if finished:
            on_stop(ended())
        raise


def _rollout(
    spec: EnvironmentSpec, return_target: float, finished: Sequence[EpisodeUnderWay], records: Mapping[int, _Record]
) -> Rollout:
    """The finished episodes in the order of their seeds."""
    ordered = sorted(finished, key=lambda episode: episode.seed)
    return Rollout(
        spec.name, return_target, tuple(_episode(spec, episode, records[episode.seed]) for episode in ordered)
    )


def _episode(spec: EnvironmentSpec, episode: EpisodeUnderWay, record: _Record) -> Episode:
    return Episode(
        episode.seed,
        normalised_score(spec, episode.total_reward),
        np.array(record.actions),
        np.array(episode.rewards),
        np.array(record.seconds),
        tuple(record.activities),
    )
