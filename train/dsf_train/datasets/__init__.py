"""Offline datasets: where they are, their episodes, and all their steps as columns that training samples from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dsf_train.dataset_options import DatasetOptions
from dsf_train.datasets.action_units import ActionUnits, action_units, in_unit
from dsf_train.datasets.columns import Columns, columns_folder, open_columns, write_columns
from dsf_train.datasets.episode import Episode, checked, observed_alone
from dsf_train.datasets.layouts import episodes_in
from dsf_train.datasets.locate import DatasetLocation, find_dataset, locate_dataset
from dsf_train.datasets.one_hot import one_hot
from dsf_train.datasets.plausibility import plausible
from dsf_train.datasets.reading import Notes, Reading
from dsf_train.datasets.recorded_environment import other_environment
from dsf_train.datasets.state_columns import doubts
from neuro_runtime.environments import EnvironmentSpec

__all__ = [
    "Columns",
    "DatasetLocation",
    "DatasetOptions",
    "Episode",
    "find_dataset",
    "locate_dataset",
    "open_dataset",
    "read_location",
]


_log = logging.getLogger(__name__)


def open_dataset(spec: EnvironmentSpec, dataset: Path | None = None, options: DatasetOptions | None = None) -> Columns:
    """The steps to train ``spec``'s policy on, mapped into memory; converted first where that has not been done.

    Everything in them that is not as it should be, and yet is read, is told by a warning.

    Parameters
    ----------
    dataset
        A file, a Minari folder or its id, or several of them with commas between; else it is looked for where D4RL and
        Minari keep theirs, made, or downloaded.
    options
        What the dataset does not say itself.

    Raises
    ------
    UserError
        It cannot be found or read, or does not fit the environment.
    """
    options = options or DatasetOptions()
    location = locate_dataset(spec, dataset)
    units = action_units(spec, location, options.action_bounds)
    folder = columns_folder(spec, location, units.data, options)
    if not folder.exists():
        notes: Notes = []
        write_columns(folder, read_location(spec, location, options, notes, units), notes)
    columns = open_columns(folder)
    told = (*columns.notes, *doubts(columns.state_moments, columns.state_range))
    for sentence in told:
        _log.warning("%s", sentence)
    return replace(columns, action_bounds=units.policy, notes=told)


def read_location(
    spec: EnvironmentSpec,
    location: DatasetLocation,
    options: DatasetOptions | None = None,
    notes: Notes | None = None,
    units: ActionUnits | None = None,
) -> Iterator[Episode]:
    """The episodes of a dataset that has been found, few in memory at a time, checked against ``spec``.

    Their actions are in −1 … 1, by ``units`` or what :func:`action_units` finds.

    Parameters
    ----------
    notes
        Gets a sentence for everything that is not as it should be, and yet is read; complete with the last episode.
    """
    options, notes = options or DatasetOptions(), [] if notes is None else notes
    units = units or action_units(spec, location, options.action_bounds)
    notes.extend(units.assumption(spec, location))
    notes.extend(sentence for path in location.paths for sentence in other_environment(spec, path))
    title = " + ".join(map(str, location.paths))
    reading = Reading.of(spec, options, notes)
    read = (episode for path in location.paths for episode in episodes_in(path, reading))
    observed = (observed_alone(episode, spec.observed) for episode in one_hot(read, spec, title))
    fitting = checked(observed, title, spec.observation_size, spec.action_size)
    fitting = plausible(fitting, title, spec, notes)
    return in_unit(fitting, units, title, notes)
