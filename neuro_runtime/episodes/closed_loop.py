"""The closed loop: something acts, its environment answers, until every episode is over."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import RAISED_BY_OTHERS, UserError, with_place
from neuro_runtime.finite import all_finite, real_number, real_numbers, shown, truth

Environment = gymnasium.Env[Any, Any]


class EpisodeUnderWay:
    """One episode under way; every number that goes in or comes out is checked.

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
        The environment's latest, (obs,), in float64.
    rewards, total_reward
        The reward of every step, and their sum.
    is_over
        Whether it has ended.

    Raises
    ------
    UserError
        The environment fails, or shows what is no finite vector of its space: its name, episode and step are told.
    """

    def __init__(self, environment: Environment, seed: int, at_most: int | None = None) -> None:
        self.seed = seed
        self.rewards: list[float] = []
        self.total_reward = 0.0
        self.is_over = False
        self._environment = environment
        self._at_most = at_most
        self.observation = self._reset()

    @property
    def reward(self) -> float:
        """The last step's reward; 0 before the first."""
        return self.rewards[-1] if self.rewards else 0.0

    def step(self, action: NDArray[Any]) -> None:
        """Give the environment an action, (act,), within its actuators' range and in the type it declares.

        Raises
        ------
        UserError
            The action, the observation or the reward is not finite, or the environment fails.
        """
        if not all_finite(action):
            raise self._error(f"the policy's action is not finite, {action}")
        space = cast(gymnasium.spaces.Box, self._environment.action_space)
        given = np.clip(action, space.low, space.high).astype(space.dtype)
        try:
            observation, reward, terminated, truncated, _ = self._environment.step(given)
        except UserError:
            raise
        except RAISED_BY_OTHERS as problem:
            raise self._error(f"its step fails, {with_place(problem)}{_advice(problem)}") from problem
        earned = self._checked_reward(reward)
        self.observation = self._checked(observation)
        is_over = self._checked_end("terminated", terminated) | self._checked_end("truncated", truncated)
        self.rewards.append(earned)
        self.total_reward += earned
        self.is_over = is_over or len(self.rewards) == self._at_most

    def _reset(self) -> NDArray[np.float64]:
        try:
            result = self._environment.reset(seed=self.seed)
        except UserError:
            raise
        except RAISED_BY_OTHERS as problem:
            raise self._error(f"its reset fails, {with_place(problem)}") from problem
        if not isinstance(result, tuple) or len(result) != 2:
            raise self._error("its reset gives no observation with a dictionary beside it, as Gymnasium's does")
        return self._checked(result[0])

    def _checked(self, observation: Any) -> NDArray[np.float64]:
        numbers = real_numbers(observation)
        if numbers is None:
            raise self._error(f"the observation is {shown(observation)} and no vector of real numbers")
        if numbers.shape != self._environment.observation_space.shape:
            expected = self._environment.observation_space.shape
            raise self._error(f"the observation has shape {numbers.shape}, its space says {expected}")
        if not all_finite(numbers):
            entry = int(np.flatnonzero(~np.isfinite(numbers))[0])
            raise self._error(
                f"the observation holds a value that is not finite, {numbers.flat[entry]} in entry {entry}"
            )
        return numbers

    def _checked_reward(self, reward: Any) -> float:
        earned = real_number(reward)
        if earned is None:
            raise self._error(f"the reward is {shown(reward)} and no real number")
        if not math.isfinite(earned):
            raise self._error(f"the reward is not finite, {earned}")
        return earned

    def _checked_end(self, title: str, value: Any) -> bool:
        is_end = truth(value)
        if is_end is None:
            raise self._error(f"{title} is {shown(value)} and neither true nor false")
        return is_end

    def _error(self, what: str) -> UserError:
        """``what`` is wrong, where."""
        spec = self._environment.spec
        name = spec.id if spec else type(self._environment.unwrapped).__name__
        return UserError(f"{name}, episode of seed {self.seed}, step {len(self.rewards)}: {what}")


def _advice(problem: BaseException) -> str:
    """For a step of four results, which Gymnasium's own wrappers unpack before it gets here."""
    old = isinstance(problem, ValueError) and "expected 5, got 4" in str(problem)
    return ": give observation, reward, terminated, truncated and info, as Gymnasium asks" if old else ""


Act = Callable[[Mapping[int, EpisodeUnderWay]], Sequence[NDArray[Any]]]


def run_closed_loop(
    environments: Sequence[Environment],
    seeds: Iterable[int],
    act: Act,
    *,
    begin: Callable[[int], object] = lambda lane: None,
    on_step: Callable[[], object] = lambda: None,
    at_most: int | None = None,
    finished: list[EpisodeUnderWay] | None = None,
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
    finished
        Gets each episode as it ends, so that a caller has them where a later one fails.

    Returns
    -------
    list of EpisodeUnderWay
        The episodes in the order in which they ended.
    """
    waiting = iter(seeds)
    running: dict[int, EpisodeUnderWay] = {}
    finished = [] if finished is None else finished

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
