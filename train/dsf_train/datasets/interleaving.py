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


class Interleaving:
    """Compares each step with the next, and with those 2, 3, … further on."""

    def __init__(self) -> None:
        self._steps: list[NDArray[np.float32]] = []
        self._count = 0

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""
        if self._count < MOST_STEPS:
            self._steps.append(episode.observations)
            self._count += len(episode)

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence, where steps are mixed."""
        environments = _environments(np.concatenate(self._steps)[:MOST_STEPS]) if self._steps else 1
        if environments > 1:
            yield (
                f"each step of {title} is followed by an unrelated one, and goes on {environments} steps later: the "
                f"steps of {environments} environments seem to be mixed; lay them one after another"
            )


def _environments(observations: NDArray[np.float32]) -> int:
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
    nearest = int(np.argmin(apart))
    return nearest + 1 if apart[0] > UNRELATED and apart[nearest] < RELATED * apart[0] else 1
