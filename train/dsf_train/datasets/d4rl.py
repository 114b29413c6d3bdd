"""D4RL's HDF5 files, all their variants: v2 MuJoCo, v1 Adroit, float64 replay sets, (N, 1) rewards, metadata."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.read_errors import unreadable
from dsf_train.datasets.episode import Episode, cut_episodes

_log = logging.getLogger(__name__)

_COLUMNS = ("observations", "actions", "rewards", "terminals")
BLOCK_STEPS = 1 << 16  # read at once


def read_d4rl(path: Path, time_limit: int) -> Iterator[Episode]:
    """The whole episodes of a D4RL file, a block of them in memory at once; they end at ``terminals`` or ``timeouts``.

    Parameters
    ----------
    time_limit
        Ends an episode in D4RL's oldest files, which record no ``timeouts``.

    Raises
    ------
    UserError
        The file is missing, damaged, or lacks a column, or its columns differ in length.
    """
    require_readable(path, f"there is no dataset {path}; `dsf-data list` shows what is here")
    try:
        with h5py.File(path, "r") as file:
            yield from _episodes(_columns(file, path), path, time_limit)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise unreadable(path, problem, "HDF5 dataset", "copy or fetch it to another place") from problem


def _columns(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    missing = [name for name in _COLUMNS if name not in file]
    if missing:
        raise UserError(f"{path} is HDF5 but no D4RL dataset: it has no {' or '.join(missing)}")
    columns = {name: file[name] for name in (*_COLUMNS, "timeouts") if name in file}
    for name, column in columns.items():
        if not isinstance(column, h5py.Dataset):
            raise TypeError(f"{name} is a group")
        if column.dtype.kind not in "fiub" or not column.shape:
            raise UserError(f"{path} has {name} that are no numbers, one row a step")
    return columns


def _episodes(columns: dict[str, h5py.Dataset], path: Path, time_limit: int) -> Iterator[Episode]:
    steps = len(columns["observations"])
    for name, column in columns.items():
        if len(column) != steps:
            raise UserError(f"{path} has {steps} observations but {len(column)} {name}; it is damaged, fetch it again")
    rewards = _flat(columns["rewards"], path, "rewards")
    ends = _flags(columns["terminals"], path, "terminals")
    if "timeouts" in columns:
        ends = ends | _flags(columns["timeouts"], path, "timeouts")
    else:
        ends = _with_time_limit(ends, time_limit)
    _tell_unfinished(ends, path)
    for block in _blocks(ends):
        yield from cut_episodes(columns["observations"][block], columns["actions"][block], rewards[block], ends[block])


def _tell_unfinished(ends: NDArray[np.bool_], path: Path) -> None:
    kept = int(np.flatnonzero(ends)[-1]) + 1 if ends.any() else 0
    if kept < len(ends):
        left, share = len(ends) - kept, 100 * (len(ends) - kept) / len(ends)
        _log.warning(
            "%s: %d of %d steps (%.1f %%) come after the last end mark and are left out", path, left, len(ends), share
        )


def _blocks(ends: NDArray[np.bool_]) -> Iterator[slice]:
    """Slices of whole episodes, as many as `BLOCK_STEPS` hold, but one at least."""
    bounds, first = np.flatnonzero(ends) + 1, 0
    while len(bounds):
        whole = max(1, int(np.searchsorted(bounds, first + BLOCK_STEPS, side="right")))
        yield slice(first, int(bounds[whole - 1]))
        first, bounds = int(bounds[whole - 1]), bounds[whole:]


def _flat(column: h5py.Dataset, path: Path, name: str) -> NDArray[Any]:
    """All of a column with one number a step; (N, 1), as old files have it, as (N,)."""
    if column.shape[1:] not in ((), (1,)):
        raise UserError(f"{path} has {name} of shape {column.shape}, not one a step")
    return np.asarray(column[()]).reshape(len(column))


def _flags(column: h5py.Dataset, path: Path, name: str) -> NDArray[np.bool_]:
    """Old files keep them as numbers; NaN would pass for a true one."""
    values = _flat(column, path, name)
    if not np.isfinite(values).all():
        raise UserError(f"{path} has {name} that are not finite; fetch it again")
    return values.astype(bool)


def _with_time_limit(terminals: NDArray[np.bool_], time_limit: int) -> NDArray[np.bool_]:
    ends, length = terminals.copy(), 0
    for step, terminal in enumerate(terminals):
        length += 1
        ends[step] = terminal or length == time_limit
        if ends[step]:
            length = 0
    return ends
