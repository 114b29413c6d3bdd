"""Episodes that a program has in memory, as a file that training reads: D4RL's layout, in this project's cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.checksum import content_checksum
from dsf_common.errors import UserError
from dsf_common.hdf5 import atomic_hdf5
from dsf_train.datasets.locate import cache_folder
from neuro_runtime.environments import EnvironmentSpec

Episodes = Iterable[Any]  # each an object or a mapping with observations, actions and rewards
COLUMNS = ("observations", "actions", "rewards")


def dataset_path(dataset: str | Path | Episodes, spec: EnvironmentSpec) -> Path:
    """Where ``dataset`` lies: it is a path, a Minari dataset that knows its own, or episodes, which are written.

    Raises
    ------
    UserError
        There are no episodes, or one lacks a column or has columns that do not fit together.
    """
    if isinstance(dataset, str | Path):
        return Path(dataset)
    own = getattr(getattr(dataset, "spec", None), "data_path", None)  # Minari's
    if own is not None:
        return Path(own).parent if Path(own).name == "data" else Path(own)
    episodes = [_columns(number, episode) for number, episode in enumerate(dataset)]
    if not episodes:
        raise UserError("the dataset has no episodes")
    columns = {name: np.concatenate([episode[name] for episode in episodes]) for name in COLUMNS}
    ends = np.zeros(len(columns["rewards"]), bool)
    ends[np.cumsum([len(episode["rewards"]) for episode in episodes]) - 1] = True
    columns |= {"terminals": np.zeros_like(ends), "timeouts": ends}
    path = cache_folder() / "datasets" / f"{spec.name.replace('/', '-')}-in-memory-{content_checksum(columns)}.hdf5"
    if not path.is_file():
        with atomic_hdf5(path, libver="latest") as file:
            for name, column in columns.items():
                file.create_dataset(name, data=column, fletcher32=True)
    return path


def _columns(number: int, episode: Any) -> dict[str, NDArray[Any]]:
    """An episode's columns, one row a step; a last observation, on which nobody acted, is left out."""
    found = {name: _column(number, episode, name) for name in COLUMNS}
    steps = len(found["rewards"] if found["rewards"].ndim else [])
    if not steps or len(found["actions"]) != steps or len(found["observations"]) not in (steps, steps + 1):
        lengths = ", ".join(f"{np.shape(column)[:1] or 'no'} {name}" for name, column in found.items())
        raise UserError(f"episode {number} has columns that do not fit together: {lengths}")
    return {**found, "observations": found["observations"][:steps]}


def _column(number: int, episode: Any, name: str) -> NDArray[Any]:
    values = episode.get(name) if isinstance(episode, Mapping) else getattr(episode, name, None)
    if values is None:
        raise UserError(f"episode {number} has no {name}; an episode has {', '.join(COLUMNS)}")
    try:
        column = np.asarray(values)
    except ValueError as problem:
        raise UserError(f"episode {number} has {name} that are no array") from problem
    if column.dtype.kind not in "fiub":
        raise UserError(f"episode {number} has {name} that are no numbers, one row a step")
    return column
