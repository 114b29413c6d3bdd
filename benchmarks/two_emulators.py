"""Do two public emulators of Loihi do what loihi-fast does? Shipped policies in closed loop, every spike and state.

    python -m benchmarks.two_emulators [env=NAME] [policy=FILE_OR_FOLDER] [decisions=20] [seed=5]

loihi-fast steers; Lava and nengo-loihi get the same currents. The nodes outside are those that the check of the
portable subset names, by their bounds; the first difference of each program follows with its likely cause. Without env=
it runs every shipped policy. The times are those of a decision whose every state is kept; loihi-fast's are of the same
run. It fails if Lava differs anywhere, or nengo-loihi on a program inside the subset.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from neuro_runtime.policy_files import find_policy, shipped_policies
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import SimulatedDecision, Simulator, Values
from support.closed_loop import steer

LAVA, NENGO_LOIHI, LOIHI_FAST = "Lava", "nengo-loihi", "loihi-fast"
HEADER = (
    "program",
    "emulator",
    "spikes",
    "different",
    "u and v",
    "different",
    "ms/decision",
    "ms, loihi-fast",
    "nodes outside the subset",
)


@dataclass
class Options:
    """The policies, and how long each runs."""

    env: str | None = None  # all that ship
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 20
    seed: int = 5


class Timed:
    """A simulator, and the seconds that its decisions have taken."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.seconds = 0.0

    def reset(self) -> None:
        self._simulator.reset()

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        begun = time.perf_counter()
        decision = self._simulator.decide(current, record)
        self.seconds += time.perf_counter() - begun
        return decision


class BesideEmulators:
    """loihi-fast, compared with every emulator; its own answer counts."""

    def __init__(self, program: Program, emulators: Mapping[str, Simulator]) -> None:
        self.fast = {name: Timed(LoihiFast(program)) for name in emulators}
        self.comparisons = {
            name: CoSimulation(program, emulator, self.fast[name], (name, LOIHI_FAST))
            for name, emulator in emulators.items()
        }

    def reset(self) -> None:
        for comparison in self.comparisons.values():
            comparison.reset()

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        return [comparison.decide(current) for comparison in self.comparisons.values()][-1]


def main(argv: list[str]) -> int:
    """Print two rows a program."""
    options = compose(Options, argv)
    rows, differences, unexpected = [], [], []
    for name in [options.env] if options.env else shipped_policies():
        program = load_program(find_policy(options.policy or name).need_program())
        outside = {departure.node for departure in departures(program)}
        with ExitStack() as sessions:
            emulators: dict[str, Timed] = {
                LAVA: Timed(sessions.enter_context(LavaSession(program, record_states=True))),
                NENGO_LOIHI: Timed(sessions.enter_context(NengoLoihiSession(program, record_states=True))),
            }
            beside = BesideEmulators(program, emulators)
            steer(program, beside, options.decisions, options.seed)
        for emulator, comparison in beside.comparisons.items():
            result = comparison.result
            counts = (result.compared, result.different, result.states_compared, result.states_different)
            times = [1000 * each[emulator].seconds / result.decisions for each in (emulators, beside.fast)]
            cells = *(f"{count:,}" for count in counts), *(f"{time:.2f}" for time in times)
            rows.append((name, emulator, *cells, str(len(outside))))
            if result.first_difference:
                differences.append(f"{name}: {result.first_difference}; likely cause: {comparison.cause}")
                if emulator == LAVA or not outside:
                    unexpected.append(f"{emulator} on {name}")
    print(text_table([HEADER, *rows]), "", *differences, sep="\n")
    if unexpected:
        raise GateFailed(f"differ from loihi-fast: {', '.join(unexpected)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "two_emulators"))
