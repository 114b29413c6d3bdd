"""D4RL's HDF5 files, all their variants: v2 MuJoCo, v1 Adroit, float64 replay sets, (N, 1) rewards, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError
from train.datasets.episode import Episode, cut_episodes

_COLUMNS = ("observations", "actions", "rewards", "terminals")


def read_d4rl(path: Path) -> list[Episode]:
    """The whole episodes of a D4RL file; they end at ``terminals`` or ``timeouts``.

    Raises
    ------
    UserError
        The file is missing, damaged, or lacks a column, or its columns differ in length.
    """
    columns = _read(path)
    steps = len(columns["observations"])
    for name, column in columns.items():
        if len(column) != steps:
            raise UserError(f"{path} has {steps} observations but {len(column)} {name}; it is damaged, fetch it again")
    rewards = columns["rewards"].reshape(steps, -1)
    if rewards.shape[1] != 1:
        raise UserError(f"{path} has rewards of shape {columns['rewards'].shape}, not one a step")
    ends = columns["terminals"].reshape(-1).astype(bool)
    if "timeouts" in columns:
        ends = ends | columns["timeouts"].reshape(-1).astype(bool)
    return cut_episodes(columns["observations"], columns["actions"], rewards[:, 0], ends)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise UserError(f"there is no dataset {path}; `dsf-data list` shows what is here")
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in _COLUMNS if name not in file]
            if missing:
                raise UserError(f"{path} is HDF5 but no D4RL dataset: it has no {' or '.join(missing)}")
            names = [*_COLUMNS, *(["timeouts"] if "timeouts" in file else [])]
            columns = {name: np.asarray(file[name][()]) for name in names}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise UserError(f"{path} is no readable HDF5 dataset (damaged or cut short); fetch it again") from problem
    for name, column in columns.items():
        if column.dtype.kind not in "fiub" or column.ndim == 0:
            raise UserError(f"{path} has {name} that are no numbers, one row a step")
    return columns
