"""Minari's datasets on disk: ``<root>/<id>/data/main_data.hdf5``, a group an episode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import h5py

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.read_errors import unreadable
from dsf_train.datasets.episode import Episode, as_float32

_GROUP = re.compile(r"episode_(\d+)")


def data_file(folder: Path) -> Path:
    """The file of a dataset that holds its steps."""
    return folder / "data" / "main_data.hdf5"


def read_minari(folder: Path) -> Iterator[Episode]:
    """The episodes of the dataset in ``folder``, in the order they were recorded, one in memory at a time.

    Minari keeps one more observation than steps, the last; a policy never acts on it.

    Raises
    ------
    UserError
        The dataset is missing, damaged, or an episode's columns do not fit together.
    """
    path = data_file(folder)
    require_readable(
        path, f"there is no Minari dataset in {folder} (no data/main_data.hdf5); `dsf-data list` shows what is here"
    )
    try:
        with h5py.File(path, "r") as file:
            numbers = sorted(int(match[1]) for name in file if (match := _GROUP.fullmatch(name)))
            for number in numbers:
                yield _episode(file[f"episode_{number}"], f"{path}, episode {number},")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise unreadable(path, problem, "Minari dataset", "copy or fetch it to another place") from problem


def _episode(group: h5py.Group, title: str) -> Episode:
    if isinstance(group["observations"], h5py.Group):
        raise UserError(f"{title} has observations in parts; a policy here needs one vector a step")
    rewards, actions, observations = (as_float32(group[name][()]) for name in ("rewards", "actions", "observations"))
    rewards = rewards.reshape(-1)
    if len(actions) != len(rewards) or len(observations) not in (len(rewards), len(rewards) + 1):
        raise UserError(f"{title} has {len(rewards)} rewards, {len(actions)} actions, {len(observations)} observations")
    return Episode(observations[: len(rewards)], actions, rewards)
