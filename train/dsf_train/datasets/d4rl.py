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
        if name in file and not isinstance(file[name], h5py.Dataset | h5py.Group):
            raise UserError(f"{title} has a type of HDF5 called {name} where a column must be")
    columns = {name: parts_of(file[name]) for name in READ if name in file}
    for name, column in columns.items():
        if name != "observations" and isinstance(column, Mapping):
            raise UserError(f"{title} has {name} in parts, {', '.join(column) or 'none'}; it must be one column")
    return flat_episodes(columns, title, reading, file)


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
