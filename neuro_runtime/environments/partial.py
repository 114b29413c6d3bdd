"""Environments that show less than they know, so that a policy needs its past."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

Observation = NDArray[Any]


class PartlyObserved(gymnasium.ObservationWrapper[Observation, Any, Observation]):
    """The listed entries of the observation.

    Parameters
    ----------
    env
        Its observation is a vector.
    space
        The space of that vector.
    observed
        The entries to keep, in this order.
    """

    def __init__(
        self, env: gymnasium.Env[Observation, Any], space: gymnasium.spaces.Box, observed: tuple[int, ...]
    ) -> None:
        super().__init__(env)
        self._observed = list(observed)
        low, high = (np.asarray(bound)[self._observed] for bound in (space.low, space.high))
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=low.dtype.type)

    def observation(self, observation: Observation) -> Observation:
        """The entries that are shown."""
        return observation[self._observed]
