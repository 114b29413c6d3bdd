"""A program in a loop as anybody writes it, with nothing of this project but the policy: the returns, in full.

python plain_loop.py MountainCarContinuous-v0 runs/MountainCarContinuous-v0/walk/program.dsf.h5 [EPISODES]
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import numpy as np

from neuro_runtime import load_policy


def main(name: str, program: str, episodes: str = "3") -> None:
    """Print one return a line, for the seeds 0, 1, 2, …"""
    if name.startswith("PointMaze"):
        import gymnasium_robotics

        gymnasium.register_envs(gymnasium_robotics)
    environment = gymnasium.make(name)
    space: Any = environment.action_space
    with load_policy(program, backend="loihi-fast") as policy:
        for seed in range(int(episodes)):
            policy.reset()
            observation, _ = environment.reset(seed=seed)
            earned, reward, over = 0.0, 0.0, False
            while not over:
                seen: Any = gymnasium.spaces.flatten(environment.observation_space, observation)
                action = np.clip(policy.act(seen, reward), space.low, space.high).astype(space.dtype)
                observation, paid, terminated, truncated, _ = environment.step(action)
                reward = float(paid)
                earned, over = earned + reward, terminated or truncated
            print(f"seed {seed}: return {earned!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
