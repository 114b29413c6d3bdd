"""D4RL's HDF5 files, all their variants: v2 MuJoCo, v1 Adroit, float64 replay sets, (N, 1) rewards, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError
from neuro_runtime.files import require_readable
from train.datasets.episode import Episode, cut_episodes

_COLUMNS = ("observations", "actions", "rewards", "terminals")
_ONE_A_STEP = ("rewards", "terminals", "timeouts")


def read_d4rl(path: Path, time_limit: int) -> list[Episode]:
    """The whole episodes of a D4RL file; they end at ``terminals`` or ``timeouts``.

    Parameters
    ----------
    time_limit
        Ends an episode in D4RL's oldest files, which record no ``timeouts``.

    Raises
    ------
    UserError
        The file is missing, damaged, or lacks a column, or its columns differ in length.
    """
    columns = _read(path)
    for name in _ONE_A_STEP:
        if name in columns:
            columns[name] = _flat(columns[name], path, name)
    steps = len(columns["observations"])
    for name, column in columns.items():
        if len(column) != steps:
            raise UserError(f"{path} has {steps} observations but {len(column)} {name}; it is damaged, fetch it again")
    ends = _flags(columns["terminals"], path, "terminals")
    if "timeouts" in columns:
        ends = ends | _flags(columns["timeouts"], path, "timeouts")
    else:
        ends = _with_time_limit(ends, time_limit)
    return cut_episodes(columns["observations"], columns["actions"], columns["rewards"], ends)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    require_readable(path, f"there is no dataset {path}; `dsf-data list` shows what is here")
    try:
        with h5py.File(path, "r") as file:
            columns = {name: np.asarray(file[name][()]) for name in (*_COLUMNS, "timeouts") if name in file}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise UserError(
            f"{path} is no readable HDF5 dataset (damaged or cut short); remove it and fetch it again"
        ) from problem
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise UserError(f"{path} is HDF5 but no D4RL dataset: it has no {' or '.join(missing)}")
    for name, column in columns.items():
        if column.dtype.kind not in "fiub" or column.ndim == 0:
            raise UserError(f"{path} has {name} that are no numbers, one row a step")
    return columns


def _flat(column: NDArray[Any], path: Path, name: str) -> NDArray[Any]:
    """(N, 1), as old files have it, as (N,)."""
    if column.shape[1:] not in ((), (1,)):
        raise UserError(f"{path} has {name} of shape {column.shape}, not one a step")
    return column.reshape(len(column))


def _flags(column: NDArray[Any], path: Path, name: str) -> NDArray[np.bool_]:
    """Old files keep them as numbers; NaN would pass for a true one."""
    if not np.isfinite(column).all():
        raise UserError(f"{path} has {name} that are not finite; fetch it again")
    return column.astype(bool)


def _with_time_limit(terminals: NDArray[np.bool_], time_limit: int) -> NDArray[np.bool_]:
    ends, length = terminals.copy(), 0
    for step, terminal in enumerate(terminals):
        length += 1
        ends[step] = terminal or length == time_limit
        if ends[step]:
            length = 0
    return ends
