"""AntMaze as D4RL recorded and scored it.

The mazes come from gymnasium-robotics, laid out by the environment's specification as D4RL laid them out, with one
start and one goal. D4RL measures places from the start and ends an episode at the goal, so that a return is 0 or 1.
One difference stays: D4RL puts the goal 0 to 1.5 m off its cell's centre and starts within 0.1 m of it,
gymnasium-robotics puts both within 1 m.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from neuro_runtime.environments.spec import EnvironmentSpec

Observation = NDArray[np.float64]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]

ANT_MAZE = "AntMaze_"  # begins the ids of gymnasium-robotics
GOAL_RADIUS = 0.5  # m; gymnasium-robotics' own is 0.45


def is_d4rl_ant_maze(spec: EnvironmentSpec) -> bool:
    """Whether it is one of D4RL's, by its id and data: other environments show a goal in parts too."""
    return spec.is_d4rl and spec.gymnasium_id.startswith(ANT_MAZE)


class D4rlAntMaze(gymnasium.Wrapper[Observation, Any, Any, Any]):
    """``[place from the start ; body]``, 29 numbers; the goal is not shown."""

    def __init__(self, env: gymnasium.Env[Any, Any], spaces: gymnasium.spaces.Dict) -> None:
        super().__init__(env)
        size = sum(int(np.prod(spaces[part].shape or ())) for part in ("achieved_goal", "observation"))
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), dtype=np.float64)
        base: Any = env.unwrapped
        self._start: Observation = base.maze.unique_reset_locations[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        parts: Any
        parts, info = self.env.reset(seed=seed, options=options)
        return self.join(parts), info

    def step(self, action: Any) -> Step:
        """Take a step; the reward is 1 at the goal, which ends the episode."""
        parts: Any
        parts, _, _, truncated, info = self.env.step(action)
        there = bool(np.linalg.norm(parts["achieved_goal"] - parts["desired_goal"]) <= GOAL_RADIUS)
        return self.join(parts), float(there), there, truncated, info

    def join(self, parts: Mapping[str, Observation]) -> Observation:
        """``[place − start ; body]`` of one observation, or of one a row."""
        place, body = (np.asarray(parts[name]) for name in ("achieved_goal", "observation"))
        return np.concatenate([place - self._start, body], axis=-1)
