"""What the pendulum's reference scores are: mean returns of a random policy (0) and of the demonstrator (100).

    python -m benchmarks.pendulum_references

The figures stand in `neuro_runtime/environments/specs/pendulum*.yaml`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.pendulum import demonstrate
from neuro_runtime.environments import make_environment

EPISODES = 4000


def returns(act: Callable[[NDArray[np.float64]], float], episodes: int) -> NDArray[np.float64]:
    """Returns of ``act``, from the pendulum's (θ, θ') to an action in [−1, 1], in episodes seeded 0, 1, 2, …"""
    env = make_environment("pendulum")
    simulator: Any = env.unwrapped
    totals = np.zeros(episodes)
    for seed in range(episodes):
        env.reset(seed=seed)
        over = False
        while not over:
            _, reward, terminated, truncated, _ = env.step(np.array([act(simulator.state)], dtype=np.float32))
            totals[seed] += float(reward)
            over = terminated or truncated
    env.close()
    return totals


def random_policy(seed: int = 0) -> Callable[[NDArray[np.float64]], float]:
    """Torques spread evenly over [−1, 1]."""
    rng = np.random.default_rng(seed)
    return lambda state: float(rng.uniform(-1, 1))


def main() -> None:
    """Print both, with their standard errors."""
    for title, act in (("random policy", random_policy()), ("demonstrator", demonstrate)):
        totals = returns(act, EPISODES)
        error = totals.std(ddof=1) / math.sqrt(EPISODES)
        print(f"{title:<14} {totals.mean():10.2f} ± {error:.2f} over {EPISODES:,} episodes")


if __name__ == "__main__":
    main()
