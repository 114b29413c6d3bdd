"""Datasets of the built-in environments: scripted demonstrators, recorded in D4RL's layout in a few seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.hdf5 import atomic_hdf5
from dsf_common.memory import require_memory
from dsf_train.datasets.demonstrator import Demonstrator
from dsf_train.datasets.pendulum import PENDULUM
from dsf_train.datasets.t_maze import T_MAZE
from neuro_runtime.environments import EnvironmentSpec, make_environment

# Demonstrators by the environment's Gymnasium id.
DEMONSTRATORS: dict[str, Demonstrator] = {
    "Pendulum-v1": PENDULUM,
    "neuro_runtime.environments.t_maze:TMaze-v0": T_MAZE,
}


ENVIRONMENT = "metadata/environment"  # a file of ours says what it was recorded in
UNIT_OF_ACTIONS, NORMALISED = "metadata/actions", "normalised"  # a file of ours says that its actions are in −1 … 1
ORIGIN = "metadata/origin"  # … and who demonstrated
RECORDED_EARLIER = frozenset(
    {b"scripted swing-up, 300 episodes, seed 0"}
)  # origins of files that do not say their unit


BYTES_A_STEP = 160  # of time limit: of a row's objects are twice as many, and an episode may take half of its limit


class _Row(NamedTuple):
    observations: NDArray[np.float64]
    actions: list[float]
    rewards: float
    terminals: bool
    timeouts: bool


def is_demonstrated(spec: EnvironmentSpec) -> bool:
    """Whether somebody demonstrates ``spec``'s task."""
    return spec.gymnasium_id in DEMONSTRATORS


def demonstrator_of(spec: EnvironmentSpec) -> Demonstrator:
    """The demonstrator of ``spec``'s task.

    Raises
    ------
    UserError
        Nobody does: ``generated: true`` stands in the file of an environment that isn't built in.
    """
    if not is_demonstrated(spec):
        raise UserError(
            f"environment {spec.name}: generated is true, but nobody demonstrates {spec.gymnasium_id} here; leave it "
            "out and pass dataset=FILE"
        )
    return DEMONSTRATORS[spec.gymnasium_id]


def record_demonstrations(spec: EnvironmentSpec, path: Path, episodes: int, seed: int) -> None:
    """Record ``episodes`` episodes of ``spec`` into ``path``, as a policy of it sees them.

    Raises
    ------
    UserError
        Nobody demonstrates it, or its steps do not fit into the machine's memory.
    """
    demonstrator = demonstrator_of(spec)
    require_memory(episodes * spec.time_limit * BYTES_A_STEP, f"recording the dataset of {spec.name}")
    env = make_environment(spec.name)
    rng = np.random.default_rng(seed)
    try:
        rows = [row for number in range(episodes) for row in _episode(demonstrator, env, rng, number / episodes)]
    finally:
        env.close()
    observations, actions, rewards, terminals, timeouts = (np.array(column) for column in zip(*rows, strict=True))
    # The latest layout has checksums over HDF5's own structures, and Fletcher's over the values.
    with atomic_hdf5(path, libver="latest") as file:
        columns = {
            "observations": observations.astype(np.float32),
            "actions": actions.astype(np.float32),
            "rewards": rewards.astype(np.float32),
            "terminals": terminals,
            "timeouts": timeouts,
        }
        for name, column in columns.items():
            file.create_dataset(name, data=column, fletcher32=True)
        file[UNIT_OF_ACTIONS] = NORMALISED
        file[ENVIRONMENT] = spec.name
        file[ORIGIN] = f"{demonstrator.title}, {episodes} episodes, seed {seed}"


def _episode(
    demonstrator: Demonstrator, env: gymnasium.Env[Any, Any], rng: np.random.Generator, share: float
) -> Iterator[_Row]:
    """One episode, the one after ``share`` in [0, 1) of all."""
    act = demonstrator.behaviour(rng, share)
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    step, over = 0, False
    while not over:
        action, seen = act(env.unwrapped, step), observation
        observation, reward, terminated, truncated, _ = env.step(np.array([action], dtype=np.float32))
        step, over = step + 1, terminated or truncated
        yield _Row(seen, [action], float(reward), terminated, truncated)
