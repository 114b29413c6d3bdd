"""How much faster is a decision of loihi-fast than in another build of this project, as an older revision?

    git worktree add ../older REVISION
    python -m benchmarks.two_builds other=../older [env=pen-e] [decisions=100] [rounds=61]

Each build runs in a process of its own, with its own code, compiled kernels, and policy of the environment, on the
tokens that its policy meets. They take turns, so that both sides of a ratio meet the same load. A decision is
everything from the token to the action; times are of the processor, which neighbours lengthen less than the clock's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import IO, cast

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table

HERE = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("two_builds_worker.py")
SOURCES = ("train", "export", "common", "")  # of a checkout, that Python looks for modules in
MICROSECONDS = 1e6


@dataclass
class Options:
    """The other build's folder, what is decided, and how often."""

    other: Path
    env: str = "pen-e"
    decisions: int = 100
    rounds: int = 61


def main(argv: list[str]) -> int:
    """Let both builds take turns, and print their times and the ratio."""
    options = compose(Options, argv)
    if options.rounds < 2 or options.decisions < 1:
        raise UserError("give rounds=2 or more, and decisions=1 or more")
    other = options.other.resolve()
    if not all((other / source).is_dir() for source in SOURCES):
        raise UserError(f"other={options.other} is no checkout of this project: it lacks {', '.join(SOURCES[:-1])}")
    with ExitStack() as running:
        builds = [running.enter_context(_Build(folder, options)) for folder in (other, HERE)]
        rounds = [[build.seconds_of_a_decision() for build in builds] for _ in range(options.rounds)]
    print(f"{options.env}, one decision on loihi-fast, {options.rounds} rounds of {options.decisions}\n")
    print(_table(rounds))
    return 0


class _Build:
    """A process that decides with a checkout's own modules whenever it is asked to."""

    def __init__(self, folder: Path, options: Options) -> None:
        sources = os.pathsep.join(str(folder / source) for source in SOURCES)
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), options.env, str(options.decisions)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": sources, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._folder = folder

    def __enter__(self) -> _Build:
        self.seconds_of_a_decision()  # once, uncounted: kernels are compiled
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()  # the end of its input ends it

    def seconds_of_a_decision(self) -> float:
        """The mean seconds of a decision in one more round."""
        questions, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        try:
            questions.write("again\n")
            questions.flush()
            return float(answers.readline())
        except (BrokenPipeError, ValueError) as problem:
            raise UserError(f"the build in {self._folder} ended; what it said is above") from problem


def _table(rounds: list[list[float]]) -> str:
    """Median and fastest round of each, and the median of the rounds' ratios with its quartiles."""
    rows: list[tuple[str, ...]] = [("", "median", "fastest round", "ratio", "quartiles")]
    first, ratio, last = quantiles([older / ours for older, ours in rounds], n=4, method="inclusive")
    for name, seconds, ratios in zip(
        ("the other build", "this build"),
        zip(*rounds, strict=True),
        (("", ""), (f"{ratio:.2f} × faster", f"{first:.2f} … {last:.2f}")),
        strict=True,
    ):
        times = median(seconds), min(seconds)
        rows.append((name, *(f"{MICROSECONDS * time:.1f} µs" for time in times), *ratios))
    return text_table(rows)


if __name__ == "__main__":
    raise SystemExit(run_command(main, "two_builds", sys.argv[1:]))
