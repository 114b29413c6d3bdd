"""Pendulum-v1 without its velocity: a small task that needs memory and no download."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

Observation = NDArray[np.float32]
VELOCITY = 2  # of the observation (cos θ, sin θ, θ')


class HideVelocity(gymnasium.ObservationWrapper[Observation, Any, Observation]):
    """The observation without its angular velocity: one look no longer tells where the pendulum is going."""

    def __init__(self, env: gymnasium.Env[Observation, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        self.observation_space = gymnasium.spaces.Box(
            space.low[:VELOCITY], space.high[:VELOCITY], dtype=space.dtype.type
        )

    def observation(self, observation: Observation) -> Observation:
        """The cosine and sine of the angle."""
        return observation[:VELOCITY]
