"""Offline datasets: where they are, their episodes, and all their steps as columns that training samples from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dsf_train.datasets.action_units import ActionUnits, action_units, in_unit, say_what_is_assumed
from dsf_train.datasets.columns import Columns, columns_folder, open_columns, write_columns
from dsf_train.datasets.d4rl import read_d4rl
from dsf_train.datasets.episode import Episode, checked, observed_alone
from dsf_train.datasets.locate import DatasetLocation, find_dataset, locate_dataset
from dsf_train.datasets.minari import read_minari
from dsf_train.datasets.one_hot import one_hot
from dsf_train.datasets.plausibility import plausible
from dsf_train.datasets.state_columns import doubts
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec

__all__ = ["Columns", "DatasetLocation", "Episode", "find_dataset", "locate_dataset", "open_dataset", "read_location"]


_log = logging.getLogger(__name__)


def open_dataset(
    spec: EnvironmentSpec, dataset: Path | None = None, action_bounds: ActionBounds | None = None
) -> Columns:
    """The steps to train ``spec``'s policy on, mapped into memory; converted first where that has not been done.

    Parameters
    ----------
    dataset
        A D4RL file or a Minari folder; else it is looked for where D4RL and Minari keep theirs, made, or downloaded.
    action_bounds
        The bounds of its actions, where the user says them.

    Raises
    ------
    UserError
        It cannot be found or read, or does not fit the environment.
    """
    location = locate_dataset(spec, dataset)
    units = action_units(spec, location, action_bounds)
    say_what_is_assumed(units, spec, location)
    folder = columns_folder(spec, location, units.data)
    if not folder.exists():
        write_columns(folder, read_location(spec, location, units))
    columns = replace(open_columns(folder), action_bounds=units.policy)
    for doubt in doubts(columns.state_moments, columns.state_range):
        _log.warning("%s", doubt)
    return columns


def read_location(
    spec: EnvironmentSpec, location: DatasetLocation, units: ActionUnits | None = None
) -> Iterator[Episode]:
    """The episodes of a dataset that has been found, few in memory at a time, checked against ``spec``.

    Their actions are in −1 … 1, by ``units`` or what :func:`action_units` finds.
    """
    title = " + ".join(map(str, location.paths))
    read = (episode for path in location.paths for episode in _read(spec, location.kind, path))
    observed = (observed_alone(episode, spec.observed) for episode in one_hot(read, spec, title))
    fitting = checked(observed, title, spec.observation_size, spec.action_size)
    fitting = plausible(fitting, title, spec.time_limit)
    return in_unit(fitting, units or action_units(spec, location), title)


def _read(spec: EnvironmentSpec, kind: str, path: Path) -> Iterator[Episode]:
    return read_minari(path) if kind == "minari" else read_d4rl(path, spec.time_limit)
