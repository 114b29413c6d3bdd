"""One policy in several environments at once, each in a lane of its own."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from neuro_runtime.backends.base import BatchBackend, Decision, action_bounds_of
from neuro_runtime.episodes.episode_tokens import EpisodeTokens
from neuro_runtime.return_watch import ReturnWatch


class PolicyLanes:
    """The counterpart of `Policy` for ``lanes`` environments.

    Parameters
    ----------
    backend
        The backend that decides; it stays open.
    lanes
        How many environments.
    """

    def __init__(self, backend: BatchBackend, lanes: int) -> None:
        backend.open_lanes(lanes)
        self._backend = backend
        self._returns = ReturnWatch(backend)
        self._tokens = [self._new_episode(backend.return_target) for _ in range(lanes)]

    def reset(self, lane: int, return_target: float) -> None:
        """Begin an episode in one lane: forget its past and want ``return_target``, in raw reward, from it."""
        self._returns.see(return_target)
        self._tokens[lane] = self._new_episode(return_target)
        self._backend.reset_lane(lane)

    def act(self, lanes: Sequence[int], observations: Sequence[ArrayLike], rewards: Sequence[float]) -> list[Decision]:
        """Decide one step in each of ``lanes``, from its raw observation (obs,) and what its last action earned.

        Raises
        ------
        UserError
            An observation has another shape, or it or a reward is not finite.
        """
        tokens = [
            self._tokens[lane].token(observation, reward)
            for lane, observation, reward in zip(lanes, observations, rewards, strict=True)
        ]
        decisions = self._backend.decide_lanes(lanes, tokens)
        for lane, decision in zip(lanes, decisions, strict=True):
            self._tokens[lane].acted(decision.action)
        return decisions

    def _new_episode(self, return_target: float) -> EpisodeTokens:
        backend = self._backend
        bounds = action_bounds_of(backend)
        return EpisodeTokens(return_target, backend.observation_size, backend.action_size, backend.environment, bounds)
