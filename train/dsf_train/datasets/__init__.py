"""Offline datasets: where they are, their episodes, and all their steps as columns that training samples from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsf_train.datasets.columns import Columns, columns_folder, open_columns, write_columns
from dsf_train.datasets.d4rl import read_d4rl
from dsf_train.datasets.episode import Episode, checked, observed_alone
from dsf_train.datasets.locate import DatasetLocation, find_dataset, locate_dataset
from dsf_train.datasets.minari import read_minari
from neuro_runtime.environments import EnvironmentSpec

__all__ = ["Columns", "DatasetLocation", "Episode", "find_dataset", "locate_dataset", "open_dataset", "read_location"]


def open_dataset(spec: EnvironmentSpec, dataset: Path | None = None) -> Columns:
    """The steps to train ``spec``'s policy on, mapped into memory; converted first where that has not been done.

    Parameters
    ----------
    dataset
        A D4RL file or a Minari folder; else it is looked for where D4RL and Minari keep theirs, made, or downloaded.

    Raises
    ------
    UserError
        It cannot be found or read, or does not fit the environment.
    """
    location = locate_dataset(spec, dataset)
    folder = columns_folder(spec, location)
    if not folder.exists():
        write_columns(folder, read_location(spec, location))
    return open_columns(folder)


def read_location(spec: EnvironmentSpec, location: DatasetLocation) -> Iterator[Episode]:
    """The episodes of a dataset that has been found, few in memory at a time, checked against ``spec``."""
    read = (episode for path in location.paths for episode in _read(spec, location.kind, path))
    observed = (observed_alone(episode, spec.observed) for episode in read)
    return checked(observed, " + ".join(map(str, location.paths)), spec.observation_size, spec.action_size)


def _read(spec: EnvironmentSpec, kind: str, path: Path) -> Iterator[Episode]:
    return read_minari(path) if kind == "minari" else read_d4rl(path, spec.time_limit)
