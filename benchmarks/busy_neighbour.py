"""What does a busy neighbour cost training? Steps a second alone, and beside a process that keeps one core busy.

    python -m benchmarks.busy_neighbour [threads=2] [repeats=5] [seconds=5]

Two ways to train, each in a process of its own: as `dsf-train` does, whose threads sleep where others want their
processors, and as PyTorch has it, whose threads wait by spinning. Both are timed alone and beside the neighbour in
turns; a share is the median over the repeats. On a machine with other work, `chrt -r 10` before it, where that is
allowed, leaves most of that work out; turns are 100 ms long then instead of a few, which costs the spinning way more.
The status is 1 where `dsf-train` keeps less than 40 % beside the neighbour.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks import training_step
from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import percent, text_table
from dsf_train.waiting import USERS_CHOICE, giving_way
from support.apart import apart
from support.timing import Work

LEAST_SHARE = 0.4
SETTLE_S = 0.6  # until a neighbour is busy, or gone, and has been seen to be
_FOR_GOOD = ExitStack()  # of a process that trains
GIVING_WAY, SPINNING = "as dsf-train waits", "as PyTorch waits"


@dataclass
class Options:
    """The threads of training, and how long and how often it is timed."""

    threads: int = 2
    repeats: int = 5  # alone and beside the neighbour
    seconds: float = 5.0  # of each


@dataclass
class Speeds:
    """Steps a second of each repeat."""

    alone: list[float]
    beside: list[float]

    @property
    def share(self) -> float:
        """The share of the speed that is left beside the neighbour."""
        return median(beside / alone for alone, beside in zip(self.alone, self.beside, strict=True))


def main(argv: list[str]) -> int:
    """Time both ways and print what is left."""
    options = compose(Options, argv)
    for name in USERS_CHOICE:
        os.environ.pop(name, None)
    ways = {
        GIVING_WAY: apart(partial(_giving_way, options.threads)),
        SPINNING: apart(partial(_spinning, options.threads)),
    }
    speeds = {way: Speeds([], []) for way in ways}
    for work in ways.values():
        _speed(work, options.seconds)  # to warm up
    for _ in range(options.repeats):
        for way, work in ways.items():
            speeds[way].alone.append(_speed(work, options.seconds))
            with _neighbour():
                speeds[way].beside.append(_speed(work, options.seconds))
    rows = [(f"{options.threads} threads, steps a second", "alone", "beside a neighbour", "left")]
    for way, found in speeds.items():
        rows.append((way, f"{median(found.alone):.3g}", f"{median(found.beside):.3g}", percent(found.share)))
    print(text_table(rows))
    quicker = median(
        ours / theirs for ours, theirs in zip(speeds[GIVING_WAY].alone, speeds[SPINNING].alone, strict=True)
    )
    print(f"alone, {GIVING_WAY} is {quicker:.3g} times as fast")
    if not speeds[GIVING_WAY].share >= LEAST_SHARE:
        raise GateFailed(f"{percent(speeds[GIVING_WAY].share)} of the speed are left, less than {percent(LEAST_SHARE)}")
    return 0


def _spinning(threads: int) -> Work:
    """Training steps."""
    return training_step.work_of(training_step.TRAINER, 0.0, training_step.Options(threads=threads, steps=1))


def _giving_way(threads: int) -> Work:
    """The same, within what `dsf-train` trains in; it ends with the process."""
    work = _spinning(threads)
    _FOR_GOOD.enter_context(giving_way())
    return work


def _speed(work: Work, seconds: float) -> float:
    """Steps a second."""
    begun, steps = time.perf_counter(), 0
    while (taken := time.perf_counter() - begun) < seconds:
        steps += work()
    return steps / taken


@contextmanager
def _neighbour() -> Iterator[None]:
    """Another process that keeps one core busy meanwhile."""
    process = multiprocessing.get_context("spawn").Process(target=_be_busy, daemon=True)
    process.start()
    time.sleep(SETTLE_S)
    try:
        yield
    finally:
        process.kill()
        process.join()
        time.sleep(SETTLE_S)


def _be_busy() -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    while True:
        pass


if __name__ == "__main__":
    sys.exit(run_command(main, "busy_neighbour"))
