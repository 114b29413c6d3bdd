"""Small datasets made up for tests, in every layout that is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_train.dataset_options import DatasetOptions
from dsf_train.datasets import Columns, Episode, locate_dataset, open_dataset, read_location
from dsf_train.datasets.columns import open_columns, write_columns
from dsf_train.datasets.hdf5 import read_hdf5
from dsf_train.datasets.reading import Reading
from dsf_train.run_options import training_config
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec

STEPS = 10


def load_episodes(spec: EnvironmentSpec, dataset: Path | None = None) -> list[Episode]:
    """All episodes of a dataset at once, as tests look at them."""
    return list(read_location(spec, locate_dataset(spec, dataset)))


@cache
def _options(*pairs: str) -> DatasetOptions:
    return training_config(["env=pendulum", *pairs]).dataset_options


def opened(dataset: Path | str, *pairs: str, env: str = "pendulum") -> Columns:
    """The columns that a training with these options sees."""
    return open_dataset(load_environment_spec(env), Path(dataset), _options(*pairs))


def read_d4rl(path: Path, time_limit: int, notes: list[str] | None = None) -> Iterator[Episode]:
    """The episodes of an HDF5 file as they are, of whatever environment."""
    spec = replace(load_environment_spec("hopper-m"), time_limit=time_limit)
    return read_hdf5(path, Reading.of(spec, notes=notes))


def columns_of(episodes: list[Episode], folder: Path) -> Columns:
    """``episodes`` as training reads them, from ``folder``."""
    write_columns(folder, episodes)
    return open_columns(folder)


def random_episodes(lengths: list[int]) -> list[Episode]:
    """Episodes of hopper of these lengths, all numbers random."""
    rng = np.random.default_rng(0)

    def rows(*shape: int) -> NDArray[np.float32]:
        return (3 * rng.standard_normal(shape) + 1).astype(np.float32)

    return [Episode(rows(n, 11), rows(n, 3), rows(n)) for n in lengths]


def d4rl_columns(**changes: Any) -> dict[str, Any]:
    """Two whole episodes of hopper, of four steps each, and two steps of a third; None leaves a column out."""
    rng = np.random.default_rng(0)
    return {
        "observations": rng.standard_normal((STEPS, 11)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (STEPS, 3)).astype(np.float32),
        "rewards": np.arange(STEPS, dtype=np.float32),
        "terminals": flags(3),
        "timeouts": flags(7),
        **changes,
    }


def flags(*steps: int) -> NDArray[np.bool_]:
    """A flag for each step, true at ``steps``."""
    values = np.zeros(STEPS, dtype=bool)
    values[list(steps)] = True
    return values


def minari_groups(episodes: int, **changes: Any) -> dict[str, Any]:
    """Episodes of four hopper steps, whose observations are all the episode's number."""
    content: dict[str, Any] = {}
    for number in range(episodes):
        content |= {
            f"episode_{number}/observations": np.full((5, 11), number, dtype=np.float64),
            f"episode_{number}/actions": np.zeros((4, 3)),
            f"episode_{number}/rewards": np.ones(4),
            f"episode_{number}/terminations": np.zeros(4, dtype=bool),
            f"episode_{number}/truncations": np.array([False, False, False, True]),
        }
    return content | {name.replace("__", "/"): values for name, values in changes.items()}


def write_hdf5(path: Path, content: dict[str, Any]) -> Path:
    """``content`` as an HDF5 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if isinstance(values, dict):
                file.create_group(name)
            elif values is not None:
                file[name] = values
    return path


def write_minari(folder: Path, episodes: int = 2, **changes: Any) -> Path:
    """A Minari dataset in ``folder``."""
    write_hdf5(folder / "data" / "main_data.hdf5", minari_groups(episodes, **changes))
    return folder


def observed_episode(observations: NDArray[Any]) -> Episode:
    """An episode of these observations (steps, entries), whose actions and rewards are 0."""
    steps = len(observations)
    return Episode(observations.astype(np.float32), np.zeros((steps, 1), np.float32), np.zeros(steps, np.float32))
