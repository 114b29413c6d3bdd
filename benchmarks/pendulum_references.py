"""Measure the pendulum's reference scores: mean returns of a random policy (0) and of the demonstrator (100).

    python -m benchmarks.pendulum_references

The figures stand in `neuro_runtime/environments/specs/pendulum*.yaml`.
"""

from __future__ import annotations

import math

from dsf_train.datasets.pendulum import demonstrate
from support.pendulum_returns import random_torques, returns

EPISODES = 4000


def main() -> None:
    """Print both, with their standard errors."""
    for title, act in (("random policy", random_torques()), ("demonstrator", demonstrate)):
        totals = returns(act, EPISODES)
        error = totals.std(ddof=1) / math.sqrt(EPISODES)
        print(f"{title:<14} {totals.mean():10.2f} ± {error:.2f} over {EPISODES:,} episodes")


if __name__ == "__main__":
    main()
