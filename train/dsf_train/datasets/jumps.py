"""Steps within an episode at which observations jump, as at a reset: an end mark lacks there, or steps do.

Two signs. At a **break** most entries leave their course at once, by ``|o[k+2] − 2 o[k+1] + o[k]|``, two steps in a
row, and come to where episodes start: nearly all are in the range of the first observations of all episodes, a little
widened. A car that runs into a wall leaves its course too, as does a point whose goal moves, but neither lands at a
start; a last move before a rest may, but it is small beside what these data vary by. At a **leap** most entries change
at once by far more than they do from step to step, wherever they land.
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
FAR = 0.05  # standard deviations of the data, that half of the entries change by at least
LIKE_A_START = 0.9  # of the entries are in the range of starts
LEAP = 5.0  # times the change that OTHERS stay below, for this share of the entries:
LEAPING = 0.75


class Jumps:
    """Looks for them, episode by episode; where episodes start is known at the end."""

    def __init__(self) -> None:
        self._starts: list[NDArray[np.float32]] = []
        self._leaps: set[tuple[int, int]] = set()  # episode and step
        self._breaks: dict[tuple[int, int], NDArray[np.float32]] = {}  # and the observations before and after it
        self._steps = 0
        self._sum: NDArray[Any] = np.zeros(1)
        self._squares: NDArray[Any] = np.zeros(1)

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""
        observations = episode.observations.astype(np.float64)
        self._starts.append(episode.observations[0])
        self._steps += len(episode)
        self._sum = self._sum + observations.sum(axis=0)
        self._squares = self._squares + np.square(observations).sum(axis=0)
        if len(episode) < FEWEST_STEPS:
            return
        self._leaps |= {(number, step) for step in _rare(_leaps(observations), len(episode))}
        self._breaks |= {
            (number, step): episode.observations[step : step + 2] for step in _rare(_breaks(observations), len(episode))
        }

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence, where there was one."""
        found = sorted(self._leaps | self._breaks_to_starts())
        if found:
            number, step = found[0]
            yield (
                f"observations of {title} jump at {len(found)} steps within {len({place[0] for place in found})} "
                f"episodes, the first after step {step} of episode {number}, as at a reset: do end marks lack there, "
                "or steps? A return counts what comes after"
            )

    def _breaks_to_starts(self) -> set[tuple[int, int]]:
        """Breaks that land where episodes start; few starts tell their range roughly."""
        if not self._breaks:
            return set()
        starts, pairs = (np.array(list(rows), dtype=np.float64) for rows in (self._starts, self._breaks.values()))
        landings, changes = pairs[:, 1], np.abs(pairs[:, 1] - pairs[:, 0])
        variance = self._squares / self._steps - np.square(self._sum / self._steps)
        deviation = np.sqrt(np.maximum(variance, 0.0))
        margin = deviation / np.sqrt(len(starts))
        within = (landings >= starts.min(axis=0) - margin) & (landings <= starts.max(axis=0) + margin)
        far = (changes >= FAR * deviation).mean(axis=1) >= 0.5
        lands = far & (within.mean(axis=1) >= LIKE_A_START)
        return {place for place, landed in zip(self._breaks, lands, strict=True) if landed}


def _rare(steps: NDArray[Any], length: int) -> list[int]:
    """``steps`` of an episode, where there are few."""
    return [int(step) for step in steps] if len(steps) <= max(1, RARE * length) else []


def _breaks(observations: NDArray[np.float64]) -> NDArray[Any]:
    """The steps after which most entries leave their course."""
    departures = np.abs(np.diff(observations, n=2, axis=0))
    typical = np.median(departures, axis=0)
    moving = typical > 0
    if not moving.any():
        return np.zeros(0)
    sizes = np.median(departures[:, moving] / typical[moving], axis=1)
    both = np.minimum(sizes[1:], sizes[:-1])  # the step from k + 1 to k + 2 is in departures k and k + 1
    return 1 + np.flatnonzero(both > max(LIKE_A_RESET, BEYOND_OTHERS * float(np.quantile(sizes, OTHERS))))


def _leaps(observations: NDArray[np.float64]) -> NDArray[Any]:
    """The steps at which most entries change by far more than at others."""
    changes = np.abs(np.diff(observations, axis=0))
    usual = np.quantile(changes, OTHERS, axis=0)
    moving = usual > 0
    if not moving.any():
        return np.zeros(0)
    return np.flatnonzero((changes[:, moving] > LEAP * usual[moving]).mean(axis=1) >= LEAPING)
