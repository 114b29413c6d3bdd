"""One recorded episode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Episode:
    """Observations, actions and rewards of n environment steps, in float32.

    Attributes
    ----------
    observations
        (n, observation_size).
    actions
        (n, action_size), in [−1, 1].
    rewards
        (n,).
    """

    observations: Array
    actions: Array
    rewards: Array

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def total(self) -> float:
        """The episode's return."""
        return float(self.rewards.sum(dtype=np.float64))


class UnfinishedEpisode(Episode):
    """An episode whose end was not recorded: it has no known return, and what it earned is the least that is left."""


def as_float32(values: ArrayLike) -> Array:
    """``values`` in float32; what does not fit becomes infinite, which `checked` refuses."""
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32, copy=False)


def cut_episodes(
    observations: NDArray[Any], actions: NDArray[Any], rewards: NDArray[Any], ends: NDArray[np.bool_]
) -> list[Episode]:
    """Episodes of a flat record; ``ends`` marks each last step. Steps after the last end are dropped.

    Parameters
    ----------
    observations, actions, rewards, ends
        (steps, ·), (steps, ·), (steps,) and (steps,).
    """
    bounds = [0, *(np.flatnonzero(ends) + 1)]
    columns = [as_float32(column) for column in (observations, actions, rewards)]
    return [Episode(*(column[first:after] for column in columns)) for first, after in pairwise(bounds)]


def observed_alone(episode: Episode, observed: tuple[int, ...]) -> Episode:
    """The episode with the entries ``observed`` of its observations, where it holds more than these; none means all."""
    columns = episode.observations.shape[1:]
    if not observed or columns == (len(observed),) or len(columns) != 1 or columns[0] <= max(observed):
        return episode
    return replace(episode, observations=episode.observations[:, list(observed)])


def checked(episodes: Iterable[Episode], title: str, observation_size: int, action_size: int) -> Iterator[Episode]:
    """``episodes``, one after another; data that do not fit an environment are refused.

    Raises
    ------
    UserError
        There is no whole episode, an episode is empty, a width is wrong, or a number is not finite.
    """
    number = -1
    for number, episode in enumerate(episodes):
        if not len(episode):
            raise UserError(f"{title} holds no step in episode {number}; leave that episode out")
        for name, wanted in (("observations", observation_size), ("actions", action_size)):
            if getattr(episode, name).ndim == 1 and wanted == 1:  # one number a step
                episode = replace(episode, **{name: getattr(episode, name)[:, None]})
            found = getattr(episode, name).shape[1:]
            if found != (wanted,):
                raise UserError(
                    f"{title} has {name} of shape {found}, the environment's are ({wanted},); "
                    "is it another environment's?"
                )
        for name, values in vars(episode).items():
            if not np.isfinite(values).all():
                step = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
                raise UserError(
                    f"{title} has {name} in episode {number} that are not finite, the first in step {step}: no number, "
                    "or beyond float32; mend them, or leave that episode out"
                )
        yield episode
    if number < 0:
        raise UserError(
            f"{title} holds no whole episode; is it cut short? unfinished=keep takes steps without an end mark"
        )
