"""Times of several ways to do the same, taken in turns, so that their ratios are of one and the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

Work = Callable[[], int]  # does something and says how many times


def seconds_each(ways: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Median over ``repeats`` rounds of the seconds that each way takes for one time of what it does.

    A round lets every way work once; a first round that does not count warms them up.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, work in ways.items():
            begun = time.perf_counter()
            done = work()
            times[name].append((time.perf_counter() - begun) / done)
    return {name: median(of_way[1:]) for name, of_way in times.items()}
