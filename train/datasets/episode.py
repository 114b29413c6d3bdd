"""One recorded episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Episode:
    """What was seen, done and earned at each of n environment steps, in float32.

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


def cut_episodes(
    observations: NDArray[np.generic],
    actions: NDArray[np.generic],
    rewards: NDArray[np.generic],
    ends: NDArray[np.bool_],
) -> list[Episode]:
    """Episodes of a flat record; ``ends`` marks each last step. What follows the last end was cut short and is dropped.

    Parameters
    ----------
    observations, actions, rewards, ends
        (steps, ·), (steps, ·), (steps,) and (steps,).
    """
    last = np.flatnonzero(ends) + 1
    first = np.concatenate([[0], last[:-1]])
    columns = [np.asarray(column, dtype=np.float32) for column in (observations, actions, rewards)]
    return [Episode(*(column[a:b] for column in columns)) for a, b in zip(first, last, strict=True)]


def check_episodes(episodes: list[Episode], title: str, observation_size: int, action_size: int) -> None:
    """Refuse data that do not fit an environment.

    Raises
    ------
    UserError
        There is no whole episode, a width is wrong, or a number is not finite.
    """
    if not episodes:
        raise UserError(f"{title} holds no whole episode; is it cut short?")
    for name, wanted in (("observations", observation_size), ("actions", action_size)):
        found = getattr(episodes[0], name).shape[1:]
        if found != (wanted,):
            raise UserError(
                f"{title} has {name} of shape {found}, the environment's are ({wanted},); is it another environment's?"
            )
    for number, episode in enumerate(episodes):
        for name, values in vars(episode).items():
            if not np.isfinite(values).all():
                raise UserError(f"{title} has a {name[:-1]} in episode {number} that is not finite; fetch it again")
