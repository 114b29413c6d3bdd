"""Is a policy right, or refused, wherever its process goes? Each backend, forked, spawned and in threads.

    python -m benchmarks.processes [backends=interpreter,loihi-fast,torch,loihi-sim,…] [ways=forked,…] [runs=50]

A policy is opened here and then used

- in two processes that are forked, at once, each on another episode;
- in two that are spawned, to which it is pickled;
- in two threads, at once.

A run is right where both have the actions that the policy gives alone, to the bit, and refused where one sentence says
why not and the other is right or refused too. Anything else is wrong, and the status is 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.progress import Progress
from dsf_common.text_table import text_table
from support.policy_elsewhere import REFUSED, RIGHT, WAYS, WRONG, outcome


@dataclass
class Options:
    """The backends, the policy, and how often."""

    backends: str = "interpreter,loihi-fast,torch,loihi-sim,nengo-loihi"  # with commas
    env: str = "pendulum"  # whose shipped policy is used
    ways: str = "forked,spawned,threads"  # with commas
    runs: int = 50  # of each backend and way


def main(argv: list[str]) -> int:
    """Count the outcomes and print them."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [("backend, way", RIGHT, REFUSED, WRONG)]
    wrong = 0
    for backend in options.backends.split(","):
        for way in options.ways.split(","):
            outcomes: Counter[str] = Counter()
            with Progress(options.runs, f"{backend}, {way}", "run") as progress:
                for _ in range(options.runs):
                    outcomes[outcome(options.env, backend, WAYS[way])] += 1
                    progress.update()
            rows.append((f"{backend}, {way}", *(str(outcomes[kind]) for kind in (RIGHT, REFUSED, WRONG))))
            wrong += outcomes[WRONG]
    print(text_table(rows))
    if wrong:
        raise GateFailed(f"{wrong} runs were wrong")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "processes"))
