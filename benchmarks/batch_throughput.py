"""How many decisions a second do many environments get? loihi-fast with 1 to 256 lanes, on all cores.

    python -m benchmarks.batch_throughput [env=pen-e] [policy=FOLDER] [repeats=9]

From tokens to actions, the host's encoder and readout and the counting included; environments are not stepped. Every
lane is given the tokens of one recorded episode, each from another place in it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.decision_time import recorded_tokens
from benchmarks.timing import Work, seconds_each
from neuro_runtime.backends.loihi_fast import LoihiFastBackend, open_backend
from neuro_runtime.command_line import compose, run_command
from neuro_runtime.policy_files import find_policy
from neuro_runtime.token import Token

LANES = (1, 8, 64, 256)
DECISIONS = 1024  # a round, over all lanes


@dataclass
class Options:
    """What to time."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    repeats: int = 9


def main(argv: list[str]) -> int:
    """Time the numbers of lanes in turns and print decisions a second."""
    options = compose(Options, argv)
    files = find_policy(options.policy or options.env)
    tokens = recorded_tokens(files, decisions=100)
    ways = {str(lanes): _deciding(open_backend(files), lanes, tokens) for lanes in LANES}
    print(f"{options.env}, loihi-fast, median of {options.repeats} rounds\n\n{'lanes':>6}{'decisions a second':>20}")
    for lanes, seconds in seconds_each(ways, options.repeats).items():
        print(f"{lanes:>6}{1 / seconds:>20,.0f}")
    return 0


def _deciding(backend: LoihiFastBackend, lanes: int, tokens: Sequence[Token]) -> Work:
    backend.open_lanes(lanes)
    steps = [
        [tokens[(lane + step) % len(tokens)] for lane in range(lanes)] for step in range(max(DECISIONS // lanes, 1))
    ]

    def work() -> int:
        for given in steps:
            backend.decide_lanes(range(lanes), given)
        return lanes * len(steps)

    return work


if __name__ == "__main__":
    sys.exit(run_command(main, "batch_throughput"))
