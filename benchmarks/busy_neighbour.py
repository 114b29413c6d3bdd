"""What does a busy neighbour cost training? Steps a second alone, and beside a process that keeps one core busy.

    python -m benchmarks.busy_neighbour [threads=2] [repeats=5] [seconds=5]

Two ways to train, each in a process of its own: as `dsf-train` does, whose threads wait briefly and then sleep, and as
PyTorch has it, whose threads wait by spinning. Both are timed alone and beside the neighbour in turns; a share is the
median over the repeats. The status is 1 where `dsf-train` keeps less than 40 % beside the neighbour.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks import training_step
from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import percent, text_table
from dsf_train.waiting import SPINS, WAITING
from support.apart import apart
from support.timing import Work

LEAST_SHARE = 0.4
BRIEFLY, SPINNING = "as dsf-train waits", "as PyTorch waits"


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
    ways = {BRIEFLY: _started(SPINS, options.threads), SPINNING: _started(None, options.threads)}
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
    quicker = median(ours / theirs for ours, theirs in zip(speeds[BRIEFLY].alone, speeds[SPINNING].alone, strict=True))
    print(f"alone, {BRIEFLY} is {quicker:.3g} times as fast as {SPINNING}")
    if not speeds[BRIEFLY].share >= LEAST_SHARE:
        raise GateFailed(f"{percent(speeds[BRIEFLY].share)} of the speed are left, less than {percent(LEAST_SHARE)}")
    return 0


def _started(spins: str | None, threads: int) -> Work:
    """Training steps in a process whose threads wait by spinning so often, or as PyTorch has it."""
    kept = os.environ.pop(WAITING, None)
    if spins is not None:
        os.environ[WAITING] = spins
    options = training_step.Options(threads=threads, steps=1)
    work = apart(partial(training_step.work_of, training_step.TRAINER, 0.0, options))
    os.environ.pop(WAITING, None)
    if kept is not None:
        os.environ[WAITING] = kept
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
    time.sleep(0.5)  # until it is
    try:
        yield
    finally:
        process.kill()
        process.join()


def _be_busy() -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    while True:
        pass


if __name__ == "__main__":
    sys.exit(run_command(main, "busy_neighbour"))
