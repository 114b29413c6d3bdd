"""Steps of several environments mixed with one another, time by time, as if they were one after another's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.episode import Episode

MOST_STEPS = 5_000  # looked at
MOST_ENVIRONMENTS = 64
FEWEST_STEPS = 4 * MOST_ENVIRONMENTS
UNRELATED = 0.7  # of the difference between two steps at random: the next step is as far off
WITHIN = (0.05, 0.95)  # shares of a column's numbers; those beyond, such as marks, count as these
RELATED = 0.2  # of the next step's difference: a step further on is much nearer
IN_STEP = 0.5  # of the way from chance to always: more steps than that are at the same place of two episodes


class Interleaving:
    """Compares each step with the next, and with those 2, 3, … further on.

    Episodes of one length that all go the same way repeat themselves after that length: that is no mixture. So a
    distance at which most steps are at the same place of two episodes does not count.
    """

    def __init__(self) -> None:
        self._steps: list[NDArray[np.float32]] = []
        self._places: list[NDArray[np.int64]] = []  # in their episodes
        self._count = 0

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""
        if self._count < MOST_STEPS:
            self._steps.append(episode.observations)
            self._places.append(np.arange(len(episode)))
            self._count += len(episode)

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence, where steps are mixed."""
        if not self._steps:
            return
        observations, places = np.concatenate(self._steps), np.concatenate(self._places)
        environments = _environments(observations[:MOST_STEPS], places[:MOST_STEPS])
        if environments > 1:
            yield (
                f"each step of {title} is followed by an unrelated one, and goes on {environments} steps later: the "
                f"steps of {environments} environments seem to be mixed; lay them one after another"
            )


def _environments(observations: NDArray[np.float32], places: NDArray[np.int64]) -> int:
    """After how many steps a step goes on; 1 where it is the next, or none is."""
    if len(observations) < FEWEST_STEPS:
        return 1
    values = observations.astype(np.float64)
    values = np.clip(values, *np.quantile(values, WITHIN, axis=0))
    variance = values.var(axis=0)
    moving = variance > 0
    if not moving.any():
        return 1
    values = values[:, moving] / np.sqrt(variance[moving])
    lags = range(1, MOST_ENVIRONMENTS + 1)
    apart = np.array([np.median(np.square(values[lag:] - values[:-lag]).mean(axis=0) / 2) for lag in lags])
    alike = np.array([(places[lag:] == places[:-lag]).mean() for lag in lags])
    chance = np.square(np.bincount(places) / len(places)).sum()
    in_step = alike > chance + IN_STEP * (1 - chance)
    nearest = int(np.argmin(np.where(in_step, np.inf, apart)))
    return nearest + 1 if apart[0] > UNRELATED and apart[nearest] < RELATED * apart[0] else 1
