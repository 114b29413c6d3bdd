"""D4RL's HDF5 files, all their variants: v2 MuJoCo, v1 Adroit, float64 replay sets, (N, 1) rewards, metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py

from dsf_common.errors import UserError
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.flat_record import READ, flat_episodes
from dsf_train.datasets.reading import Reading


def d4rl_episodes(file: h5py.File, title: str, reading: Reading) -> Iterator[Episode]:
    """The episodes of an open file in D4RL's layout: columns of one row a step beside one another.

    Raises
    ------
    UserError
        It lacks a column, or its columns do not fit together.
    """
    for name in READ:
        if name in file and not isinstance(file[name], h5py.Dataset) and not _has_parts(name, file[name]):
            kind = "group" if isinstance(file[name], h5py.Group) else "type of HDF5"
            raise UserError(f"{title} has a {kind} called {name} where a column must be")
    columns = {name: parts_of(file[name]) for name in READ if name in file}
    return flat_episodes(columns, title, reading, file)


def _has_parts(name: str, item: Any) -> bool:
    """Observations alone may come in parts."""
    return name == "observations" and isinstance(item, h5py.Group) and len(item) > 0


def parts_of(item: Any) -> h5py.Dataset | Mapping[str, Any]:
    """A dataset as it is; a group as a mapping of its parts.

    Raises
    ------
    TypeError
        It is neither.
    """
    if isinstance(item, h5py.Dataset):
        return item
    if not isinstance(item, h5py.Group):
        raise TypeError(f"{item} is no data")
    return {name: parts_of(part) for name, part in item.items()}
