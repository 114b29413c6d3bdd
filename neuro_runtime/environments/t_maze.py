"""A T-maze: a cue at the first step says which way to turn at the end of a corridor.

The smallest task that a policy without a past cannot do (Bakker, Reinforcement learning with long short-term memory,
2001). Importing this module registers ``TMaze-v0``.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

LEFT, RIGHT = -1.0, 1.0
LARGEST_STEERING = 0.5  # in the corridor; who steers more bumps into a wall and loses a step
PROGRESS_NOISE = 0.05  # standard deviation


class TMaze(gymnasium.Env[NDArray[np.float64], NDArray[np.float32]]):
    """A corridor, and at its end a junction where the sign of the action must be the cue's.

    An observation holds the cue (−1 or 1 at the first step, then 0), the share of the corridor that lies behind (with
    noise), whether this is the junction (0 or 1), and noise of standard deviation 1. The one action is a steering
    angle in [−1, 1]. The reward is 1 for the right turn and else 0, so a policy that goes straight on and then turns
    by chance succeeds in half of its episodes.

    Parameters
    ----------
    length
        Steps from the cue to the junction, at least 2.
    shortest
        Corridors are from this to ``length`` steps long, at random, where it is given; the share that lies behind is
        in units of ``length``, so it doesn't tell how far the junction is.
    render_mode
        There is no picture.

    Raises
    ------
    UserError
        ``length`` is below 2, or ``shortest`` is not from 1 to ``length``.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(self, length: int, shortest: int | None = None, render_mode: str | None = None) -> None:
        if length < 2:
            raise UserError(f"a T-maze's length={length} must be at least 2 steps")
        if shortest is not None and not 1 <= shortest <= length:
            raise UserError(f"a T-maze's shortest={shortest} must be from 1 to its length={length}")
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._length, self._shortest = length, length if shortest is None else shortest

    @property
    def cue(self) -> float:
        """The right turn, `LEFT` or `RIGHT`."""
        return self._cue

    @property
    def at_junction(self) -> bool:
        """Whether the next action is the turn."""
        return self._place == self._junction

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Begin an episode in front of its cue."""
        super().reset(seed=seed)
        self._cue = float(self.np_random.choice([LEFT, RIGHT]))
        self._junction = int(self.np_random.integers(self._shortest, self._length + 1))
        self._place = 0
        return self._observation(shown_cue=self._cue), {}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Steer along the corridor, or turn."""
        steering = float(np.ravel(action)[0])
        if self.at_junction:
            return self._observation(), float(steering * self._cue > 0), True, False, {}
        self._place += abs(steering) <= LARGEST_STEERING
        return self._observation(), 0.0, False, False, {}

    def render(self) -> None:
        """Refuse: there is no picture.

        Raises
        ------
        gymnasium.error.UnsupportedMode
            Always.
        """
        raise gymnasium.error.UnsupportedMode("a T-maze has no picture")

    def _observation(self, shown_cue: float = 0.0) -> NDArray[np.float64]:
        of_progress, apart = self.np_random.standard_normal(2)
        progress = self._place / self._length + PROGRESS_NOISE * of_progress
        return np.array([shown_cue, progress, float(self.at_junction), apart])


gymnasium.register("TMaze-v0", entry_point=f"{__name__}:TMaze")
