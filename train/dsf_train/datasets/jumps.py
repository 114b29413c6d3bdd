"""Steps within an episode at which most entries leave their course at once, as at a reset: an end mark lacks there.

A step's departure from its course is ``|o[k+2] − 2 o[k+1] + o[k]|``, by entry in units of its median; a reset makes
two in a row large. The 300 scripted episodes of pendulum raise no alarm, nor do 84 with random actions in seven of
Gymnasium's environments. Of resets between two such episodes, two thirds are found in pendulum, all in MountainCar, and
none in HalfCheetah or Swimmer, whose velocities leave their course with every action.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.episode import Episode

FEWEST_STEPS = 20  # of an episode that is judged
LIKE_A_RESET = 8.0  # medians, for half of the entries at least
BEYOND_OTHERS = 3.0  # times the departure that this share of an episode's steps stay below:
OTHERS = 0.98
RARE = 0.05  # share of an episode's steps; more are its way of moving


class Jumps:
    """Looks for them, episode by episode."""

    def __init__(self) -> None:
        self._episodes = self._steps = 0
        self._first = ""

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""
        jumps = _jumps(episode.observations.astype(np.float64)) if len(episode) >= FEWEST_STEPS else np.zeros(0)
        if not 0 < len(jumps) <= max(1, RARE * len(episode)):
            return
        if not self._steps:
            self._first = f"after step {jumps[0]} of episode {number}"
        self._episodes, self._steps = self._episodes + 1, self._steps + len(jumps)

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence, where there was one."""
        if self._steps:
            yield (
                f"observations of {title} jump at {self._steps} steps within {self._episodes} episodes, the first "
                f"{self._first}, as at a reset: do end marks lack there? A return counts what comes after"
            )


def _jumps(observations: NDArray[np.float64]) -> NDArray[Any]:
    """The steps after which an episode's observations jump."""
    departures = np.abs(np.diff(observations, n=2, axis=0))
    typical = np.median(departures, axis=0)
    moving = typical > 0
    if not moving.any():
        return np.zeros(0)
    sizes = np.median(departures[:, moving] / typical[moving], axis=1)
    both = np.minimum(sizes[1:], sizes[:-1])  # the step from k + 1 to k + 2 is in departures k and k + 1
    return 1 + np.flatnonzero(both > max(LIKE_A_RESET, BEYOND_OTHERS * float(np.quantile(sizes, OTHERS))))
