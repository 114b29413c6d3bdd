"""Offline datasets: where they are, and their episodes."""

from __future__ import annotations

from pathlib import Path

from neuro_runtime.environments import EnvironmentSpec
from train.datasets.d4rl import read_d4rl
from train.datasets.episode import Episode, check_episodes, observed_alone
from train.datasets.locate import DatasetLocation, find_dataset, locate_dataset
from train.datasets.minari import read_minari

__all__ = ["DatasetLocation", "Episode", "find_dataset", "load_episodes", "locate_dataset", "read_location"]


def load_episodes(spec: EnvironmentSpec, dataset: Path | None = None) -> list[Episode]:
    """The episodes to train ``spec``'s policy on.

    Parameters
    ----------
    dataset
        A D4RL file or a Minari folder; else it is looked for where D4RL and Minari keep theirs, made, or downloaded.

    Raises
    ------
    UserError
        It cannot be found or read, or does not fit the environment.
    """
    return read_location(spec, locate_dataset(spec, dataset))


def read_location(spec: EnvironmentSpec, location: DatasetLocation) -> list[Episode]:
    """The episodes of a dataset that has been found, checked against ``spec``."""
    read = [episode for path in location.paths for episode in _read(spec, location.kind, path)]
    episodes = [observed_alone(episode, spec.observed) for episode in read]
    check_episodes(episodes, " + ".join(map(str, location.paths)), spec.observation_size, spec.action_size)
    return episodes


def _read(spec: EnvironmentSpec, kind: str, path: Path) -> list[Episode]:
    return read_minari(path) if kind == "minari" else read_d4rl(path, spec.time_limit)
