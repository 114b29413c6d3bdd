"""The pendulum's demonstrations: a scripted swing-up.

Three kinds of episode, so that there is something to choose among by return-to-go:

- expert (10 %): the demonstrator as it is;
- noisy (80 %): its torque is disturbed, and the record keeps the disturbed torque. So the data show how to recover from
  states that an expert never gets into, and the last torque does not give the next one away, which would teach a
  policy to repeat itself;
- partial (10 %): the demonstrator takes over only after some time of random torques.

The demonstrator always sees the whole state; the record keeps what a policy of the environment would see.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.demonstrator import Act, Demonstrator

NOISY_FROM, PARTIAL_FROM = 0.1, 0.9
NOISE = 0.5, 1.0  # range of the disturbance's standard deviation, in units of the largest torque
LARGEST_TORQUE = 2.0


def demonstrate(state: NDArray[np.float64]) -> float:
    """The demonstrator's torque in [−1, 1] for the pendulum's (θ, θ'), θ = 0 upright.

    Where it cannot catch the pendulum it feeds the energy ``E = θ'²/6 + 5 (cos θ − 1)`` that is missing, in the
    direction of motion; where it can, it is a PD controller. Both are gentle, so that a policy with a coarse idea of
    the speed can follow.
    """
    angle = (state[0] + np.pi) % (2 * np.pi) - np.pi
    speed = state[1]
    if abs(angle + 0.25 * speed) < 1:
        torque = -(8 * angle + 2 * speed)
    else:
        missing = 5 * (1 - np.cos(angle)) - speed**2 / 6
        torque = missing * np.tanh(speed)
    return float(np.clip(torque / LARGEST_TORQUE, -1, 1))


def _behaviour(rng: np.random.Generator, share: float) -> Act:
    """Expert, noisy or partial, by ``share``."""
    noise = rng.uniform(*NOISE) if NOISY_FROM <= share < PARTIAL_FROM else 0.0
    takes_over = int(rng.integers(20, 150)) if share >= PARTIAL_FROM else 0

    def act(simulator: Any, step: int) -> float:
        wanted = demonstrate(simulator.state) if step >= takes_over else float(rng.uniform(-1, 1))
        return float(np.clip(wanted + noise * rng.standard_normal(), -1, 1))

    return act


PENDULUM = Demonstrator("scripted swing-up", episodes=300, version=3, behaviour=_behaviour)
