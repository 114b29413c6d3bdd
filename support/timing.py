"""Times of several ways to do the same, taken in turns, so that both sides of a ratio meet the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

Work = Callable[[], int]  # does something and says how many times

Input = TypeVar("Input")


@dataclass(frozen=True)
class Times:
    """Seconds that each way took for one time of what it does, round by round."""

    seconds: Mapping[str, tuple[float, ...]]

    def typical(self, way: str) -> float:
        """Seconds in the median round."""
        return median(self.seconds[way])

    def best(self, way: str) -> float:
        """Seconds in the fastest round: the nearest to a machine that nobody else uses."""
        return min(self.seconds[way])

    def ratio(self, way: str, to: str) -> float:
        """How many times as long ``way`` takes as ``to``: the median over rounds, since both of a round meet the
        same load.
        """
        return median(ours / theirs for ours, theirs in zip(self.seconds[way], self.seconds[to], strict=True))


def take_turns(ways: Mapping[str, Work], rounds: int, clock: Callable[[], float] = time.perf_counter) -> Times:
    """Let every way work once in each of ``rounds`` rounds, after one that warms them up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, work in ways.items():
            begun = clock()
            done = work()
            seconds[name].append((clock() - begun) / done)
    return Times({name: tuple(of_way[1:]) for name, of_way in seconds.items()})


def over(inputs: Iterable[Input], act: Callable[[Input], object], each: int = 1) -> Work:
    """Work that acts on each of ``inputs``, an act counting ``each`` times."""
    given = list(inputs)

    def work() -> int:
        for item in given:
            act(item)
        return each * len(given)

    return work
