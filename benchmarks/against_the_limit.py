"""How far is loihi-fast from what the machine could do, and where does a decision's time go?

    python -m benchmarks.against_the_limit [env=pen-e] [policy=FOLDER] [decisions=100] [rounds=9]

A synapse costs one addition of a 16-bit weight to a 32-bit sum. The limit is that addition with nothing around it: on
weights that stay in the first cache (what the integer units allow), and on weights that come from memory (what its
bandwidth allows). Where the rest goes is found by doing parts of a decision alone: a call for no lane, and the synapses
once more, delivered from the spikes that a decision left behind (their speed only: repeated, they meet caches and
branches that a decision does not, so their time is no share of it).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from neuro_runtime.backends import loihi_fast
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.loihi_fast.host import CompiledHost
from neuro_runtime.simulators.loihi_fast.kernel import Tape, _deliver, decide_lanes
from neuro_runtime.simulators.loihi_fast.state import State, Workspace, blank_state, new_workspace
from neuro_runtime.simulators.loihi_fast.tables import ProgramTables, tabulate
from support.recorded import recording_of, tokens_of
from support.timing import Times, Work, over, take_turns

Weights = NDArray[np.int16]

ROW = 128
SMALL, LARGE = 64, 2**19  # rows: 16 KiB and 128 MiB of weights
IN_CACHE, FROM_MEMORY = "weights in the first cache", "weights from memory"
WHOLE, NEURONS, COMPILED, CALL, SYNAPSES = "token to action", "neurons", "compiled", "call", "synapses"
AGAIN = 100


@dataclass
class Options:
    """The policy to time, decisions a round, and rounds."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 100
    rounds: int = 9


def main(argv: list[str]) -> int:
    """Time the parts and the limits in turns, and print both."""
    options = compose(Options, argv)
    files = find_policy(options.policy or options.env)
    program = load_program(files.need_program())
    tokens = tokens_of(recording_of(files, options.decisions))
    _, currents = CompiledHost(program.encoder, program.readout).encode(tokens)
    kernel = _Kernel(tabulate(program).tables)
    additions = float(np.mean([kernel.decide(current[None]) for current in currents]))
    ways = {
        WHOLE: over(tokens, loihi_fast.open_backend(files).decide),
        NEURONS: over(currents, LoihiFast(program).decide),
        COMPILED: over(currents[:, None], kernel.decide),
        CALL: over([currents[:0]] * options.decisions, kernel.decide),
        SYNAPSES: kernel.deliver_again,
        IN_CACHE: _adding(SMALL, times=500),
        FROM_MEMORY: _adding(LARGE, times=1),
    }
    times = take_turns(ways, options.rounds)
    print(f"{options.env}, medians of {options.rounds} rounds; {additions:,.0f} additions a decision\n")
    _print_speeds(times, additions)
    _print_parts(times, additions)
    return 0


def _print_speeds(times: Times, additions: float) -> None:
    speeds = {limit: 1 / times.typical(limit) for limit in (IN_CACHE, FROM_MEMORY)}
    speeds["synapses of the program"] = 1 / times.typical(SYNAPSES)
    speeds["the whole decision, compiled"] = additions / times.typical(COMPILED)
    rows = [(name, f"{1e-9 * speed:.1f}") for name, speed in speeds.items()]
    print(text_table([("additions", "a nanosecond"), *rows]), end="\n\n")


def _print_parts(times: Times, additions: float) -> None:
    whole, neurons, compiled, call = (times.typical(way) for way in (WHOLE, NEURONS, COMPILED, CALL))
    limit = additions * times.typical(IN_CACHE)
    parts = {
        "additions at the limit": limit,
        "the rest of synapses, and neurons": compiled - call - limit,
        "handing the tables over": call,
        "checks and results": neurons - compiled,
        "host: encoder, readout, counts": whole - neurons,
        "token to action": whole,
    }
    rows = [(name, f"{1e6 * seconds:.1f}") for name, seconds in parts.items()]
    print(text_table([("one decision", "µs"), *rows]))


class _Kernel:
    """The compiled part of loihi-fast by itself, one lane."""

    def __init__(self, tables: ProgramTables) -> None:
        self._tables = tables
        self._state = blank_state(tables, lanes=1)
        self._workspace = new_workspace(tables, workers=1)
        nothing = np.zeros((0, int(tables.nodes["end_neuron"][-1])), np.int32)
        self._tape = Tape(nothing.astype(np.bool_), nothing, nothing)
        self._lane = np.zeros(1, np.int64)
        self._additions_of_a_spike = _additions_of_a_spike(tables)

    def decide(self, currents: NDArray[np.int32]) -> float:
        """A decision on ``currents``, (1, D), or on none; the additions of the last one."""
        lanes = self._lane[: len(currents)]
        decide_lanes(self._tables, self._state, self._workspace, 0, lanes, currents, self._tape)
        return float(self._state.tally["spikes"][0] @ self._additions_of_a_spike)

    def deliver_again(self) -> int:
        """Deliver the spikes of the last decision again and again; return the additions that it took."""
        _deliver_again(self._tables, self._state, self._workspace, AGAIN)
        return round(AGAIN * float(self._state.tally["spikes"][0] @ self._additions_of_a_spike))


def _additions_of_a_spike(tables: ProgramTables) -> NDArray[np.float64]:
    """Additions that a spike brings, by source node.

    It is their mean where its neurons have different numbers of listed synapses.
    """
    additions = np.zeros(len(tables.nodes))
    for node in tables.nodes:
        for each in tables.sums[node["first_sum"] : node["end_sum"]]:
            for bundle in tables.bundles[each["first_bundle"] : each["end_bundle"]]:
                source = tables.nodes[bundle["source"]]
                sources = source["end_neuron"] - source["first_neuron"]
                listed = tables.row[bundle["start"] : bundle["start"] + sources + 1]
                synapses = node["end_neuron"] - node["first_neuron"] if bundle["is_dense"] else np.diff(listed).mean()
                additions[bundle["source"]] += synapses
    return additions


@njit(nogil=True, error_model="numpy")
def _deliver_again(tables: ProgramTables, state: State, workspace: Workspace, times: int) -> None:
    state.time[0] -= tables.period
    for _ in range(times):
        for number in range(len(tables.nodes)):
            workspace.arrives[0] = False
            _deliver(tables, state, workspace, 0, 0, number, 0, tables.period)
    state.time[0] += tables.period


def _adding(rows: int, times: int) -> Work:
    """Adds up the rows of a matrix of weights, four at a time as the simulator does."""
    weights = np.random.default_rng(0).integers(-127, 128, (rows, ROW)).astype(np.int16)
    total = np.zeros(ROW, np.int32)

    def work() -> int:
        _add_rows(total, weights, times)
        return weights.size * times

    return work


@njit(nogil=True, error_model="numpy")
def _add_rows(total: NDArray[np.int32], rows: Weights, times: int) -> Any:
    for _ in range(times):
        for n in range(0, len(rows), 4):
            a, b, c, d = rows[n], rows[n + 1], rows[n + 2], rows[n + 3]
            for target in range(len(total)):
                total[target] += a[target] + b[target] + c[target] + d[target]


if __name__ == "__main__":
    sys.exit(run_command(main, "against_the_limit"))
