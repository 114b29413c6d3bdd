"""Record a controller's episodes as a dataset: four arrays of one length, and the marks of time limits.

python record.py MountainCarContinuous-v0 mountain-car.hdf5 [EPISODES]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import h5py
import numpy as np

Controller = Callable[[Any], np.ndarray]


def mountain_car(observation: np.ndarray) -> np.ndarray:
    """Push the way that the car already goes, less as it is quicker."""
    return np.array([np.sign(observation[1]) * 0.9 if observation[1] else 0.9])


def point_maze(observation: dict[str, np.ndarray]) -> np.ndarray:
    """Pull the point to its goal, with a brake."""
    pull = observation["desired_goal"] - observation["achieved_goal"]
    return np.asarray(4 * pull - 2 * observation["observation"][2:])


def bead(observation: np.ndarray) -> np.ndarray:
    """Pull the bead to the middle, with a brake."""
    return np.array([-6 * observation[0] - 4 * observation[1]])


CONTROLLERS: dict[str, Controller] = {
    "MountainCarContinuous-v0": mountain_car,
    "PointMaze_Open-v3": point_maze,
    "beadtrack:Bead-v0": bead,
}


def main(name: str, file: str, episodes: str = "60") -> None:
    """Record ``episodes``, with a tenth of noise in the actions."""
    if name.startswith("PointMaze"):
        import gymnasium_robotics

        gymnasium.register_envs(gymnasium_robotics)
    environment, random = gymnasium.make(name), np.random.default_rng(0)
    space: Any = environment.action_space
    columns: dict[str, list[Any]] = {
        name: [] for name in ("observations", "actions", "rewards", "terminals", "timeouts")
    }
    for seed in range(int(episodes)):
        observation, _ = environment.reset(seed=seed)
        over = False
        while not over:
            action = CONTROLLERS[name](observation) + 0.1 * space.high * random.standard_normal(space.shape)
            action = np.clip(action, space.low, space.high).astype(space.dtype)
            columns["observations"].append(gymnasium.spaces.flatten(environment.observation_space, observation))
            columns["actions"].append(action)
            observation, reward, terminated, truncated, _ = environment.step(action)
            columns["rewards"].append(reward)
            columns["terminals"].append(terminated)
            columns["timeouts"].append(truncated)
            over = terminated or truncated
    with h5py.File(file, "w") as out:
        for title, column in columns.items():
            out[title] = np.array(column)
    mean_return = sum(columns["rewards"]) / int(episodes)
    print(f"{file}: {episodes} episodes, {len(columns['rewards']):,} steps, mean return {mean_return:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
