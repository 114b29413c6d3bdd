"""A package of one's own: importing it registers ``Bead-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


class Bead(gymnasium.Env[np.ndarray, np.ndarray]):
    """A bead on a straight wire, to be brought to the middle and held there by a force of up to 3 N."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)  # place in m, speed in m/s
    action_space = gymnasium.spaces.Box(-3.0, 3.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._state = np.array([self.np_random.uniform(-1, 1), 0.0])
        return self._state.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        place, speed = self._state
        speed += 0.05 * float(action[0])
        self._state = np.array([place + 0.05 * speed, speed])
        return self._state.copy(), float(-(place**2)), False, False, {}


gymnasium.register("Bead-v0", entry_point="beadtrack:Bead", max_episode_steps=100)
