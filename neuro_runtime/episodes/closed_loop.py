"""The closed loop: something acts, its environment answers, until every episode is over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

Environment = gymnasium.Env[Any, Any]


class EpisodeUnderWay:
    """One episode under way.

    Parameters
    ----------
    environment
        Its environment, which is reset.
    seed
        The seed that it is reset with.
    at_most
        Steps after which the episode counts as over, if it is not before.

    Attributes
    ----------
    observation
        The environment's latest, (obs,).
    rewards, total_reward
        The reward of every step, and their sum.
    is_over
        Whether it has ended.
    """

    def __init__(self, environment: Environment, seed: int, at_most: int | None = None) -> None:
        self.seed = seed
        self.rewards: list[float] = []
        self.total_reward = 0.0
        self.is_over = False
        self._environment = environment
        self._at_most = at_most
        self.observation, _ = environment.reset(seed=seed)

    @property
    def reward(self) -> float:
        """The last step's reward; 0 before the first."""
        return self.rewards[-1] if self.rewards else 0.0

    def step(self, action: NDArray[Any]) -> None:
        """Give the environment an action, (act,), within its actuators' range and in the type it declares."""
        environment = self._environment
        space = cast(gymnasium.spaces.Box, environment.action_space)
        given = np.clip(action, space.low, space.high).astype(space.dtype)
        self.observation, reward, terminated, truncated, _ = environment.step(given)
        self.rewards.append(float(reward))
        self.total_reward += float(reward)
        self.is_over = bool(terminated or truncated) or len(self.rewards) == self._at_most


Act = Callable[[Mapping[int, EpisodeUnderWay]], Sequence[NDArray[Any]]]


def run_closed_loop(
    environments: Sequence[Environment],
    seeds: Iterable[int],
    act: Act,
    *,
    begin: Callable[[int], object] = lambda lane: None,
    on_step: Callable[[], object] = lambda: None,
    at_most: int | None = None,
) -> list[EpisodeUnderWay]:
    """Run an episode for each seed, side by side, one in each environment, and the next one wherever one ends.

    Parameters
    ----------
    environments
        The lanes; they stay open.
    act
        The actions, (act,) each, in the episodes under way by lane, in their order.
    begin
        Called with a lane before an episode begins there.
    on_step
        Called after every step of an environment.
    at_most
        Steps after which an episode counts as over.

    Returns
    -------
    list of EpisodeUnderWay
        The episodes in the order in which they ended.
    """
    waiting = iter(seeds)
    running: dict[int, EpisodeUnderWay] = {}
    finished: list[EpisodeUnderWay] = []

    def begin_next(lane: int) -> None:
        for seed in itertools.islice(waiting, 1):
            begin(lane)
            running[lane] = EpisodeUnderWay(environments[lane], seed, at_most)

    for lane in range(len(environments)):
        begin_next(lane)
    while running:
        for lane, action in zip(list(running), act(running), strict=True):
            episode = running[lane]
            episode.step(action)
            if episode.is_over:
                finished.append(running.pop(lane))
                begin_next(lane)
            on_step()
    return finished
