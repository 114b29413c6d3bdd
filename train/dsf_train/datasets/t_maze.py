"""The T-maze's demonstrations: straight on, then the cue's turn, or in a fifth of the episodes the other one.

So the return tells right from wrong. Actions are noisy, or the last one would give the next one away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsf_train.datasets.demonstrator import Act, Demonstrator
from neuro_runtime.environments.t_maze import LARGEST_STEERING

WRONG_EVERY = 5  # episodes
NOISE = 0.1  # standard deviation of an action
TURN = 0.8  # its size


def _behaviour(rng: np.random.Generator, share: float) -> Act:
    """Right or wrong, by chance."""
    turn = -TURN if rng.integers(WRONG_EVERY) == 0 else TURN

    def act(simulator: Any, step: int) -> float:
        noise = NOISE * rng.standard_normal()
        if simulator.at_junction:
            return float(np.clip(turn * simulator.cue + noise, -1, 1))
        return float(np.clip(noise, -LARGEST_STEERING, LARGEST_STEERING))

    return act


T_MAZE = Demonstrator("scripted turns, a fifth of them wrong", episodes=2000, version=1, behaviour=_behaviour)
