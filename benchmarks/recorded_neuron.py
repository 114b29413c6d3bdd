"""A NIR file's network beside what was recorded of it; the NIR paper's tables have input, v and spike, a row a step.

    python -m benchmarks.recorded_neuron FILE.nir TABLE.csv [late=0] [key=value …]

The options are those of dsf-export. ``late`` is by how many time steps the recorder's answers come later: emulators and
chips take one for each hop. Spikes of the float network and of the integer program, place by place; status 1 if one
differs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_export.sources.content import content_of
from dsf_export.sources.float_network import run_network
from dsf_export.sources.import_of_call import import_file
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter


def main(argv: list[str]) -> int:
    """Print how many places differ."""
    if len(argv) < 2:
        raise UserError("give the NIR file and the table")
    path, table = Path(argv[0]), np.genfromtxt(argv[1], delimiter=",")
    late = next((int(pair.removeprefix("late=")) for pair in argv[2:] if pair.startswith("late=")), 0)
    sample, recorded = table[:, :1], table[late:, 2:]
    with tempfile.TemporaryDirectory() as folder:
        calibration = Path(folder) / "calibration.npz"
        np.savez(calibration, input=sample[None])
        options = [pair for pair in argv[2:] if not pair.startswith("late=")]
        imported = import_file(path, content_of(path), [*options, f"calibration={calibration}"])
    program = imported.program.for_steps(len(sample) + imported.program.latency)
    outputs: dict[str, NDArray[np.float64]] = {
        "float network": run_network(imported.network, sample).output,
        "integers": run_sample(program, Interpreter(program), sample).output,
    }
    different = 0
    for name, output in outputs.items():
        wrong = int(np.count_nonzero(output[: len(recorded)] != recorded))
        print(f"{name}: {wrong} of {recorded.size:,} places differ, {int(recorded.sum())} spikes recorded")
        different += wrong
    if different:
        raise GateFailed(f"{different} places differ")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "recorded_neuron", sys.argv[1:]))
