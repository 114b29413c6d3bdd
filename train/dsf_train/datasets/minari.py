"""Minari's datasets on disk: ``<root>/<id>/data``, as HDF5 with a group an episode, or as Arrow or Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.hdf5_links import reading_hdf5
from dsf_common.read_errors import unreadable
from dsf_train.datasets.d4rl import parts_of
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.minari_metadata import HDF5, read_metadata
from dsf_train.datasets.numbered_groups import in_order
from dsf_train.datasets.reading import Reading
from dsf_train.datasets.trajectory import EndMarks, trajectory

_GROUP = "episode_"
COLUMNS = ("observations", "actions", "rewards", "terminations", "truncations")


def data_file(folder: Path) -> Path:
    """The file of a dataset in HDF5 that holds its steps."""
    return folder / "data" / "main_data.hdf5"


def read_minari(folder: Path, reading: Reading) -> Iterator[Episode]:
    """The episodes of the dataset in ``folder``, in the order they were recorded, one in memory at a time.

    Minari keeps one more observation than steps, the last; a policy never acts on it.

    Raises
    ------
    UserError
        The dataset is missing, damaged, or an episode's columns do not fit together.
    """
    metadata = read_metadata(folder)
    title = str(folder)
    if metadata.data_format == HDF5:
        episodes = _of_hdf5(folder, reading, metadata.options)
    else:
        from dsf_train.datasets.minari_columnar import read_columnar

        episodes = read_columnar(folder, metadata.data_format, reading, metadata.options)
    steps = 0
    for episode in episodes:
        steps += len(episode)
        yield episode
    if metadata.total_steps not in (None, steps):
        reading.notes.append(
            f"{title} holds {steps:,} steps, and its metadata say {metadata.total_steps:,}: is a part of it missing?"
        )


def _of_hdf5(folder: Path, reading: Reading, options: Mapping[str, Any]) -> Iterator[Episode]:
    path = data_file(folder)
    require_readable(
        path, f"there is no Minari dataset in {folder} (no data/main_data.hdf5); `dsf-data list` shows what is here"
    )
    try:
        with reading_hdf5(path) as file:
            yield from minari_episodes(minari_groups(file), str(path), reading, options)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise unreadable(path, problem, "Minari dataset", "copy or fetch it to another place") from problem


def minari_episodes(
    groups: Iterable[tuple[str, Mapping[str, Any]]], title: str, reading: Reading, options: Mapping[str, Any]
) -> Iterator[Episode]:
    """An episode of each group of columns.

    Parameters
    ----------
    groups
        The episodes' names, each with its columns.
    options
        The environment's, as they were when the data were recorded.
    """
    marks = EndMarks()
    recorded = reading.recorded_with(options)
    for name, columns in groups:
        rewards = np.asarray(columns["rewards"])
        marks.look_at(columns, rewards.size)
        actions = columns["actions"]
        if isinstance(actions, Mapping):
            raise UserError(f"{title}, {name}, has actions in parts; a policy gives one vector a step")
        yield trajectory(columns["observations"], np.asarray(actions), rewards, f"{title}, {name},", recorded)
    marks.tell(title, reading)


def minari_groups(file: h5py.File) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The episodes of an open file, each with its columns, which are read when they are asked for."""
    for name in in_order(file, _GROUP):
        group = file[name]
        yield name.replace("_", " "), {column: parts_of(group[column]) for column in COLUMNS if column in group}
