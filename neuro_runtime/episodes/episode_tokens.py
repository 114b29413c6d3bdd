"""The state of an episode that a policy keeps between decisions: the return still wanted, and its own last action."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.finite import all_finite, real_number, real_numbers, shown
from neuro_runtime.token import Token


class EpisodeTokens:
    """One episode's tokens, in order.

    Parameters
    ----------
    return_target
        Return-to-go of the first token, in raw reward.
    observation_size, action_size
        Widths of the policy.
    environment
        The environment that it was trained for, to name in complaints.
    action_bounds
        The bounds of its actions, where they are known.

    Raises
    ------
    UserError
        The return target is no number, or not finite.
    """

    def __init__(
        self,
        return_target: float,
        observation_size: int,
        action_size: int,
        environment: str,
        action_bounds: ActionBounds | None = None,
    ) -> None:
        wanted = real_number(return_target)
        if wanted is None:
            raise UserError(f"return_target must be a number, got {shown(return_target)}")
        if not math.isfinite(wanted):
            raise UserError(f"return_target must be finite, got {return_target}")
        self._return_to_go = wanted
        self._observation_size = observation_size
        self._environment = environment
        self._bounds = action_bounds or ActionBounds.unit(action_size)
        self._previous_action = np.zeros(action_size)
        self._first = True

    @property
    def is_new(self) -> bool:
        """Whether there was no token yet."""
        return self._first

    def token(self, observation: ArrayLike, reward: float) -> Token:
        """The next token: a raw observation (obs,), and what the previous action earned (ignored at the first).

        Raises
        ------
        UserError
            The observation has another shape, or it or the reward is no number, or not finite.
        """
        state, earned = self._checked(observation), real_number(reward)
        if earned is None:
            raise UserError(f"the reward must be a number, got {shown(reward)}")
        if not math.isfinite(earned):
            raise UserError(f"the reward is not finite: {reward}")
        if not self._first:
            self._return_to_go -= earned
        self._first = False
        return Token(state, self._previous_action, self._return_to_go)

    def acted(self, action: NDArray[np.float64]) -> None:
        """Remember the answer to the last token, (act,).

        Raises
        ------
        UserError
            It is not finite, so no actuator may get it.
        """
        if not all_finite(action):
            raise UserError(
                "the policy's action is not finite: the observation, the reward or the return target is far beyond "
                "those it was trained with; reset the policy before it goes on"
            )
        self._previous_action = self._bounds.remembered(action)

    def _checked(self, observation: ArrayLike) -> NDArray[np.float64]:
        state = real_numbers(observation)
        if state is None:
            raise UserError(
                f"the observation is no vector of real numbers, but the policy for {self._environment} expects "
                f"{self._observation_size} of them"
            )
        if state.shape != (self._observation_size,):
            raise UserError(
                f"the observation has shape {state.shape}, but the policy for {self._environment} "
                f"expects ({self._observation_size},)"
            )
        if not all_finite(state):
            raise UserError("the observation holds a value that is not finite")
        return state
