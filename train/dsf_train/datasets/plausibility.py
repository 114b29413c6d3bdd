"""Episodes that cannot be whole ones: longer than the time limit, or going on across their end marks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.episode import Episode

FEWEST_ENDS = 10  # by which a dataset is judged
LIKE_A_STEP = 2.0  # times a step's change: a reset changes some entry by more

_log = logging.getLogger(__name__)


def plausible(episodes: Iterable[Episode], title: str, time_limit: int) -> Iterator[Episode]:
    """``episodes``, one after another; a warning at the end where their marks cannot be right."""
    count = longest = longer = 0
    ends = _Ends()
    for episode in episodes:
        count += 1
        longest, longer = max(longest, len(episode)), longer + (len(episode) > time_limit)
        ends.look_at(episode)
        yield episode
    if longer:
        _log.warning(
            "%d of %d episodes of %s are longer than the time limit of %d steps, the longest %d: do end marks lack?",
            longer,
            count,
            title,
            time_limit,
            longest,
        )
    if ends.are_passed:
        _log.warning(
            "observations go on across the end marks of %s as within its episodes: the marks may have moved", title
        )


class _Ends:
    """How much observations change at the end of an episode, and within one."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._across: list[NDArray[np.float64]] = []
        self._within: list[NDArray[np.float64]] = []

    def look_at(self, episode: Episode) -> None:
        """Take the next episode into account."""
        observations = episode.observations.astype(np.float64)
        if self._last is not None:
            self._across.append(np.abs(observations[0] - self._last))
        if len(observations) > 1:
            self._within.append(np.abs(np.diff(observations, axis=0)).mean(axis=0))
        self._last = episode.observations[-1]

    @property
    def are_passed(self) -> bool:
        """Whether no entry changes more from one episode to the next than it does from step to step."""
        if len(self._across) < FEWEST_ENDS or not self._within:
            return False
        across, within = np.median(self._across, axis=0), np.mean(self._within, axis=0)
        return bool((across <= LIKE_A_STEP * within).all() and within.any())
