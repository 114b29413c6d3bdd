"""One number far from all others, again and again, in a column of observations: a mark for no reading, such as −999."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.episode import Episode

FEWEST = 3  # times
MOST = 0.2  # of all steps; more is a state that the environment is in
FAR = 10.0  # ranges of all other numbers

Array = NDArray[np.float64]


class MissingReadings:
    """Looks at the least and the largest number of each column, how often it comes, and where the others end."""

    def __init__(self) -> None:
        self._steps = 0
        self._ends: tuple[_End, _End] | None = None  # of the numbers, and of the numbers turned round

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""
        observations = episode.observations.astype(np.float64)
        self._steps += len(observations)
        found = _End.of(observations), _End.of(-observations)
        ends = self._ends
        self._ends = found if ends is None else (ends[0].with_(found[0]), ends[1].with_(found[1]))

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence for each column with such a number."""
        if self._ends is None:
            return
        least, largest = self._ends
        for end, sign, other in ((least, 1, largest), (largest, -1, least)):
            span = -other.least - end.next  # of all other numbers
            often = (end.count >= FEWEST) & (end.count <= MOST * self._steps)
            marks = often & np.isfinite(end.next) & (span > 0) & (end.next - end.least > FAR * span)
            for column in np.flatnonzero(marks):
                yield (
                    f"observation {column} of {title} is {sign * end.least[column]:g} in {end.count[column]:,} steps, "
                    f"and within a range of {span[column]:g} in all others: if that marks a missing reading, take "
                    "those steps out"
                )


class _End:
    """The least of each column, (observation_size,), how often it comes, and the least but for that."""

    def __init__(self, least: Array, count: NDArray[Any], following: Array) -> None:
        self.least, self.count, self.next = least, count, following

    @classmethod
    def of(cls, values: Array) -> _End:
        """That of ``values``, (steps, observation_size)."""
        least = values.min(axis=0)
        is_least = values == least
        return cls(least, is_least.sum(axis=0), np.where(is_least, np.inf, values).min(axis=0))

    def with_(self, other: _End) -> _End:
        """That of both."""
        least = np.minimum(self.least, other.least)
        count = self.count * (self.least == least) + other.count * (other.least == least)
        candidates = np.array([self.least, self.next, other.least, other.next])
        return _End(least, count, np.where(candidates > least, candidates, np.inf).min(axis=0))
