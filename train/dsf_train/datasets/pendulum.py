"""The pendulum's datasets: a scripted swing-up demonstrator, recorded in D4RL's layout in a few seconds.

Three kinds of episode, so that there is something to choose among by return-to-go:

- expert (10 %): the demonstrator as it is;
- noisy (80 %): its torque is disturbed, and the record keeps the disturbed torque. So the data show how to recover from
  states that an expert never gets into, and the last torque does not give the next one away, which would teach a
  policy to repeat itself;
- partial (10 %): the demonstrator takes over only after some time of random torques.

The demonstrator always sees the whole state; the record keeps what a policy of the environment would see.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.files import atomic_write
from neuro_runtime.environments import EnvironmentSpec, make_environment

EPISODES = 300
SEED = 0
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


def generate_pendulum(spec: EnvironmentSpec, path: Path, episodes: int, seed: int) -> None:
    """Record ``episodes`` episodes of ``spec`` (with or without velocity) into ``path``."""
    env = make_environment(spec.name)
    rng = np.random.default_rng(seed)
    try:
        rows = [row for number in range(episodes) for row in _episode(env, rng, number / episodes)]
    finally:
        env.close()
    observations, actions, rewards, timeouts = (np.array(column) for column in zip(*rows, strict=True))
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file["observations"] = observations.astype(np.float32)
        file["actions"] = actions.astype(np.float32)
        file["rewards"] = rewards.astype(np.float32)
        file["terminals"] = np.zeros(len(rewards), dtype=bool)
        file["timeouts"] = timeouts
        file["metadata/origin"] = f"scripted swing-up, {episodes} episodes, seed {seed}"


def _episode(
    env: gymnasium.Env[Any, Any], rng: np.random.Generator, share: float
) -> Iterator[tuple[NDArray[np.float32], list[float], float, bool]]:
    """One episode's rows; ``share`` in [0, 1) says which kind it is."""
    simulator: Any = env.unwrapped
    noise = rng.uniform(*NOISE) if NOISY_FROM <= share < PARTIAL_FROM else 0.0
    takes_over = int(rng.integers(20, 150)) if share >= PARTIAL_FROM else 0
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    step, over = 0, False
    while not over:
        wanted = demonstrate(simulator.state) if step >= takes_over else float(rng.uniform(-1, 1))
        executed = float(np.clip(wanted + noise * rng.standard_normal(), -1, 1))
        seen = observation
        observation, reward, terminated, truncated, _ = env.step(np.array([executed], dtype=np.float32))
        step, over = step + 1, terminated or truncated
        yield seen, [executed], float(reward), over
