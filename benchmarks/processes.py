"""Is a policy right, or refused, wherever its process goes? Each backend, forked, spawned and in threads.

    python -m benchmarks.processes [backends=interpreter,loihi-fast,torch,…] [ways=forked,…] [runs=50] [policy=…]

A policy, by default a small untrained one, is opened here and then used

- in two processes that are forked, at once, each on another episode;
- in two that are spawned, to which it is pickled;
- in two threads, at once.

A run is right where both have the actions that the policy gives alone, to the bit, and refused where one sentence says
why not and the other is right or refused too. Anything else is wrong, and the status is 1.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.progress import Progress
from support.policy_elsewhere import REFUSED, RIGHT, WAYS, WRONG, outcome

_ROW = "{:<24}{:>8}{:>10}{:>8}"


@dataclass
class Options:
    """The backends, the policy, and how often."""

    backends: str = "interpreter,loihi-fast,torch,onnx,loihi-sim,nengo-loihi"  # with commas
    policy: str = ""  # one that ships, or a file or folder
    ways: str = "forked,spawned,threads"  # with commas
    runs: int = 50  # of each backend and way


def main(argv: list[str]) -> int:
    """Count the outcomes and print them."""
    options = compose(Options, argv)
    print(_ROW.format("backend, way", RIGHT, REFUSED, WRONG))
    wrong = 0
    with _policy(options.policy) as policy:
        for backend in options.backends.split(","):
            for way in options.ways.split(","):
                outcomes = _outcomes(policy, backend, way, options.runs)
                counts = (outcomes[kind] for kind in (RIGHT, REFUSED, WRONG))
                print(_ROW.format(f"{backend}, {way}", *counts), flush=True)  # as they come, since each takes minutes
                wrong += outcomes[WRONG]
    if wrong:
        raise GateFailed(f"{wrong} runs were wrong")
    return 0


@contextmanager
def _policy(given: str) -> Iterator[str]:
    """The policy that was given, or a small one in a folder of its own meanwhile."""
    if given:
        yield given
        return
    from support.small_policies import save_tiny_policy  # PyTorch, which a spawned process need not import

    with tempfile.TemporaryDirectory() as folder:
        save_tiny_policy(Path(folder))
        yield folder


def _outcomes(policy: str, backend: str, way: str, runs: int) -> Counter[str]:
    """How often which outcome comes."""
    outcomes: Counter[str] = Counter()
    with Progress(runs, f"{backend}, {way}", "run") as progress:
        for _ in range(runs):
            outcomes[outcome(policy, backend, WAYS[way])] += 1
            progress.update()
    return outcomes


if __name__ == "__main__":
    sys.exit(run_command(main, "processes"))
