"""A policy to steer with: observations and rewards in, actions out."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.activity import Activity
from neuro_runtime.backends.base import Backend, action_bounds_of
from neuro_runtime.backends.registry import open_backend
from neuro_runtime.environments.spec import load_environment_spec
from neuro_runtime.episodes.episode_tokens import EpisodeTokens
from neuro_runtime.policy_files import find_policy


def load_policy(name_or_path: str | Path, backend: str = "loihi-sim") -> Policy:
    """Open a policy for closed loop.

    Parameters
    ----------
    name_or_path
        An environment's name for the policy that ships for it, a ``model.pt``, a ``.dsf.h5`` program, or a folder.
    backend
        The runner's name: ``loihi-sim`` (Lava's simulator), ``loihi-fast`` (ours, compiled), ``interpreter`` (plain
        numpy), ``torch`` (the trained model), ``loihi`` (hardware), or any other installed under the entry-point group.

    Raises
    ------
    UserError
        No such policy or backend, or the backend cannot run this policy here: one sentence says why.

    Examples
    --------
    >>> with load_policy("pen-e", backend="loihi-sim") as policy:
    ...     policy.reset()
    ...     action = policy.act(observation)
    ...     observation, reward, *_ = environment.step(action)
    ...     action = policy.act(observation, reward)
    """
    return Policy(open_backend(backend, find_policy(name_or_path)))


class Policy:
    """A return-conditioned policy in closed loop: it keeps the return-to-go and its own last action.

    Parameters
    ----------
    backend
        The backend that decides. The policy owns it from here on and closes it.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._activity: Activity | None = None
        self.reset()

    @property
    def backend(self) -> Backend:
        """The backend that decides."""
        return self._backend

    @property
    def environment(self) -> str:
        """Name of the environment the policy was trained for."""
        return self._backend.environment

    @property
    def return_target(self) -> float:
        """The return-to-go an episode begins with by default, in raw reward."""
        return self._backend.return_target

    @property
    def observation_size(self) -> int:
        """Width of an observation."""
        return self._backend.observation_size

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return self._backend.action_size

    @property
    def activity(self) -> Activity:
        """The network's activity in the last decision.

        Raises
        ------
        UserError
            There was no decision yet.
        """
        if self._activity is None:
            raise UserError("the policy has not decided anything yet: call act first")
        return self._activity

    @cached_property
    def _rescaled(self) -> ActionBounds | None:
        """The bounds that an action is brought into; None where they are its own −1 … 1."""
        bounds = self.action_bounds
        return None if bounds is None or bounds.are_unit else bounds

    def reset(self, return_target: float | None = None) -> None:
        """Begin an episode: forget the past and want ``return_target`` (default: the policy's own) from it."""
        target = self.return_target if return_target is None else return_target
        self._tokens = EpisodeTokens(target, self.observation_size, self.action_size, self.environment)
        self._backend.reset()

    @cached_property
    def action_bounds(self) -> ActionBounds | None:
        """The bounds of an action in the environment's own unit; None where they are not known to be but −1 … 1.

        A file made by an earlier release has none, so its environment's specification is asked.
        """
        backend = self._backend
        if bounds := action_bounds_of(backend):
            return bounds
        try:
            bounds = load_environment_spec(backend.environment).action_bounds
        except UserError:  # an environment of somebody else's
            return None
        return bounds if bounds and len(bounds.low) == backend.action_size else None

    def act(self, observation: ArrayLike, reward: float = 0.0, *, normalised: bool = False) -> NDArray[np.float64]:
        """Decide one step.

        Parameters
        ----------
        observation
            Raw observation, shape (obs,).
        reward
            The previous action's reward; it is taken off the return-to-go. Ignored at an episode's first step.

        normalised
            Whether the action is wanted in the −1 … 1 of the policy's tanh, as `make_environment` takes it.

        Returns
        -------
        action
            Shape (act,), in the environment's own unit (`action_bounds`), as `gymnasium.make` takes it; −1 … 1 where
            no bounds are known.

        Raises
        ------
        UserError
            The observation has another shape, or it or the reward is not finite.
        """
        decision = self._backend.decide(self._tokens.token(observation, reward))
        self._tokens.acted(decision.action)
        self._activity = decision.activity
        if normalised or self._rescaled is None:
            return decision.action.copy()
        return self._rescaled.from_unit(decision.action)

    def close(self) -> None:
        """Release what the backend holds (for Lava, its process)."""
        self._backend.close()

    def __enter__(self) -> Policy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
