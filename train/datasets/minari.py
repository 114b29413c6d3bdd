"""Minari's datasets on disk: ``<root>/<id>/data/main_data.hdf5``, a group an episode."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError
from train.datasets.episode import Episode

_GROUP = re.compile(r"episode_(\d+)$")


def read_minari(folder: Path) -> list[Episode]:
    """The episodes of the dataset in ``folder``, in the order they were recorded.

    Minari keeps one more observation than steps, the last; a policy never acts on it.

    Raises
    ------
    UserError
        The dataset is missing, damaged, or an episode's columns do not fit together.
    """
    path = folder / "data" / "main_data.hdf5"
    if not path.is_file():
        raise UserError(f"there is no Minari dataset in {folder}; `dsf-data list` shows what is here")
    try:
        with h5py.File(path, "r") as file:
            names = sorted((name for name in file if _GROUP.match(name)), key=_number)
            return [_episode(file[name], f"{path}, {name}") for name in names]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        if isinstance(problem, UserError):
            raise
        raise UserError(f"{path} is no readable Minari dataset (damaged or cut short); fetch it again") from problem


def _number(name: str) -> int:
    match = _GROUP.match(name)
    assert match
    return int(match[1])


def _episode(group: h5py.Group, title: str) -> Episode:
    rewards = np.asarray(group["rewards"][()], dtype=np.float32).reshape(-1)
    actions = np.asarray(group["actions"][()], dtype=np.float32)
    observations = _observations(group["observations"])
    if len(actions) != len(rewards) or len(observations) not in (len(rewards), len(rewards) + 1):
        raise UserError(f"{title} has {len(rewards)} rewards, {len(actions)} actions, {len(observations)} observations")
    return Episode(observations[: len(rewards)], actions, rewards)


def _observations(item: Any) -> NDArray[np.float32]:
    """A plain column, or AntMaze's parts as D4RL joins them."""
    if isinstance(item, h5py.Group):
        parts = [np.asarray(item[name][()], dtype=np.float32) for name in ("achieved_goal", "observation")]
        return np.concatenate(parts, axis=1)
    return np.asarray(item[()], dtype=np.float32)
