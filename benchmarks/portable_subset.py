"""How far is each shipped program from the portable subset, by its bounds and by closed-loop episodes?

    python -m benchmarks.portable_subset [env=NAME] [policy=FILE_OR_FOLDER] [episodes=2] [seed=5] [every=true]

Without env= it looks at every shipped program. every=true lists each departure.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from hw_profiles.chip_arithmetic import Departure, counted, standing
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy, shipped_policies
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.headroom import headroom
from neuro_runtime.program.limits import ARRIVAL_LIMIT
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.interpreter import Interpreter

HEADER = ("program", "arrival / 2^15: bound", "observed", "least exponent", "largest injected", "inside")


@dataclass
class Options:
    """The programs, and the episodes in which their arrivals are counted."""

    env: str | None = None  # all that ship
    policy: str | None = None  # the one that ships with the environment
    episodes: int = 2
    seed: int = 5
    every: bool = False


def main(argv: list[str]) -> int:
    """Print one row a program."""
    options = compose(Options, argv)
    rows, listed = [], []
    for name in [options.env] if options.env else shipped_policies():
        program = load_program(find_policy(options.policy or name).need_program())
        peaks = _observe(program, options)
        outside = departures(program, observed=peaks)
        rows.append(_row(name, program, peaks, outside))
        listed += [f"{name}: {departure}" for departure in outside]
    print(text_table([HEADER, *rows]))
    if options.every:
        print("", *listed, sep="\n")
    return 0


def _observe(program: Program, options: Options) -> list[ArrivalPeaks]:
    spec, environment = load_environment_spec(program.environment), make_environment(program.environment)
    interpreter = Interpreter(program)
    run_episodes(
        Policy(ProgramBackend(program, interpreter)),
        environment,
        spec,
        episodes=options.episodes,
        seed=options.seed,
        return_target=program.return_target,
    )
    environment.close()
    return interpreter.arrival_peaks


def _row(name: str, program: Program, peaks: Sequence[ArrivalPeaks], outside: Sequence[Departure]) -> tuple[str, ...]:
    return (
        name,
        f"{max(node.arriving for node in headroom(program)) / ARRIVAL_LIMIT:.2f}",
        f"{max(peak.synaptic for peak in peaks) / ARRIVAL_LIMIT:.2f}",
        str(min(connection.exponent for connection in program.weighted_connections)),
        f"{max(peak.injected for peak in peaks):,}",
        f"{standing(outside)}: {counted(outside)}" if outside else standing(outside),
    )


if __name__ == "__main__":
    sys.exit(run_command(main, "portable_subset"))
