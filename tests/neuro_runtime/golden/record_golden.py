"""Record golden traces from Lava 0.10.0: of the programs below, or of one that failed.

    python -m tests.neuro_runtime.golden.record_golden [FAILED.npz ...]

Without arguments the standard programs are recorded anew. A file that a failed differential test left behind is
recorded under its own name: mend the simulator first, then commit the trace.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.program import Program
from neuro_runtime.simulators.lava.session import LavaSession
from support.small_programs import block_program, currents, random_program
from tests.neuro_runtime.golden.golden_trace import FOLDER, GoldenTrace, load_golden, run, save_golden

RANDOM_PROGRAMS = (2, 6, 7, 49, 56)  # loops, negative exponents, currents and voltages that overflow


def standard_programs() -> Iterator[tuple[str, Program, int]]:
    """Name, program and the largest current to give it."""
    yield "block", block_program(), 2000
    for seed in RANDOM_PROGRAMS:
        yield f"random-{seed}", random_program(seed), 30_000


def record(program: Program, tokens: NDArray[np.int64], reset: NDArray[np.bool_], path: Path) -> None:
    """Run a program on Lava and keep what it did."""
    with LavaSession(program, record_states=True) as session:
        save_golden(GoldenTrace(program, tokens, reset, run(session, tokens, reset)), path)


def main(failed: list[str]) -> None:
    """Record the standard programs, or those that failed."""
    FOLDER.mkdir(exist_ok=True)
    for name in failed:
        trace = load_golden(Path(name))
        record(trace.program, trace.currents, trace.reset, FOLDER / Path(name).name)
    if not failed:
        for name, program, largest in standard_programs():
            tokens = np.array(list(currents(program, 6, seed=1, largest=largest)))
            record(program, tokens, np.arange(6) == 4, FOLDER / f"{name}.npz")


if __name__ == "__main__":
    main(sys.argv[1:])
