"""Mean returns on the pendulum of whatever acts on its angle and speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.environments import make_environment
from neuro_runtime.episodes.closed_loop import run_closed_loop

Act = Callable[[NDArray[np.float64]], float]  # from (θ, θ') to an action in [−1, 1]


def returns(act: Act, episodes: int) -> NDArray[np.float64]:
    """Returns of ``act`` in episodes seeded 0, 1, 2, …, (episodes,)."""
    env = make_environment("pendulum")
    simulator: Any = env.unwrapped
    finished = run_closed_loop(
        [env], range(episodes), lambda running: [np.array([act(simulator.state)], dtype=np.float32)]
    )
    env.close()
    return np.array([episode.total_reward for episode in finished])


def random_torques(seed: int = 0) -> Act:
    """Act at random: torques spread evenly over [−1, 1]."""
    rng = np.random.default_rng(seed)
    return lambda state: float(rng.uniform(-1, 1))
