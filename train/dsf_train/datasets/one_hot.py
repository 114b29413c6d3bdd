"""Whole numbers in a dataset, choices and numbered states, as the one-hot vectors that a policy has in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.datasets.episode import Episode
from neuro_runtime.environments import EnvironmentSpec


def one_hot(episodes: Iterable[Episode], spec: EnvironmentSpec, title: str) -> Iterator[Episode]:
    """``episodes``, one after another, with −1 and 1 for choices of actions, and 0 and 1 for numbered observations.

    A column that is one-hot already stays so.

    Raises
    ------
    UserError
        The environment has whole numbers, and the dataset something else, or a number that is none of them.
    """
    for number, episode in enumerate(episodes):
        place = f"{title} has in episode {number}"
        if spec.first_choice is not None:
            choices = _one_hot(episode.actions, spec.first_choice, spec.action_size, f"{place} an action")
            episode = replace(episode, actions=2 * choices - 1)
        if spec.first_observation is not None:
            shown = _one_hot(
                episode.observations, spec.first_observation, spec.observation_size, f"{place} an observation"
            )
            episode = replace(episode, observations=shown)
        yield episode


def _one_hot(values: NDArray[Any], first: int, count: int, what: str) -> NDArray[np.float32]:
    """(steps, count), of (steps,), (steps, 1), or one-hot vectors with 0 or −1 beside the 1."""
    if values.shape[1:] == (count,) and count > 1:
        chosen = values.argmax(axis=1)
        made = np.arange(count) == chosen[:, None]
        if not any((values == np.where(made, 1, other)).all() for other in (0, -1)):
            raise UserError(f"{what} of {count} numbers that is not one-hot, as one of {count} choices is")
        return np.asarray(made, dtype=np.float32)
    if values.shape[1:] not in ((), (1,)):
        raise UserError(f"{what} of shape {values.shape[1:]}, where the environment has one of {count} whole numbers")
    numbers = values.reshape(-1)
    wrong = np.flatnonzero((numbers != np.rint(numbers)) | (numbers < first) | (numbers >= first + count))
    if len(wrong):
        raise UserError(
            f"{what} of {numbers[wrong[0]]:g}, step {wrong[0]}: it is none of {first} … {first + count - 1}"
        )
    return np.asarray(np.arange(first, first + count) == numbers[:, None], dtype=np.float32)
