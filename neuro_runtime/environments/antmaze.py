"""AntMaze's observation as D4RL recorded it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

Observation = NDArray[np.float64]


class PlaceFirst(gymnasium.ObservationWrapper[Observation, Any, dict[str, Observation]]):
    """``[achieved_goal ; observation]``: the ant's place, then its body; the goal is not shown."""

    def __init__(self, env: gymnasium.Env[Any, Any], spaces: gymnasium.spaces.Dict) -> None:
        super().__init__(env)
        size = sum(int(np.prod(spaces[part].shape or ())) for part in ("achieved_goal", "observation"))
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), dtype=np.float64)

    def observation(self, observation: dict[str, Observation]) -> Observation:
        """Both parts as one vector."""
        return np.concatenate([observation["achieved_goal"], observation["observation"]])
