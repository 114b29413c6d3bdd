"""A NIR file's network beside what was recorded of it; the NIR paper's tables have input, v and spike, a row a step.

    python -m benchmarks.recorded_neuron FILE.nir TABLE.csv [late=0] [key=value …]

The options are those of dsf-export. ``late`` is by how many time steps the recorder's answers come later: emulators and
chips take one for each hop. Spikes of the float network and of the integer program, place by place; status 1 if one
differs.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.files import require_readable
from dsf_common.key_value_options import compose
from dsf_export.sources.content import content_of
from dsf_export.sources.float_network import run_network
from dsf_export.sources.import_of_call import import_file
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter


@dataclass
class Options:
    """The option that is not dsf-export's."""

    late: int = 0


def main(argv: list[str]) -> int:
    """Print how many places differ."""
    path, table, options, late = _asked(argv)
    sample, recorded = table[:, :1], table[late:, 2:]
    with tempfile.TemporaryDirectory() as folder:
        calibration = Path(folder) / "calibration.npz"
        np.savez(calibration, input=sample[None])
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


def _asked(argv: list[str]) -> tuple[Path, NDArray[np.float64], list[str], int]:
    """The NIR file, the table, dsf-export's options, and by how much the recorder is late."""
    ours = {"late", "-h", "--help"}
    own = compose(Options, [word for word in argv if word.partition("=")[0] in ours])
    files = [Path(word).expanduser() for word in argv[:2] if "=" not in word]
    if len(files) < 2:
        raise UserError("give the NIR file and the table, then key=value options")
    for file in files:
        require_readable(file, f"there is no file {file}")
    table = _recorded(files[1])
    if not 0 <= own.late < len(table):
        raise UserError(f"late={own.late} is not from 0 to {len(table) - 1}, the last of {files[1]}'s time steps")
    return files[0], table, [word for word in argv[2:] if word.partition("=")[0] not in ours], own.late


def _recorded(file: Path) -> NDArray[np.float64]:
    try:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    except ValueError:
        table = np.empty((0, 0))
    if not len(table) or table.shape[1] < 3 or not np.isfinite(table).all():
        raise UserError(f"{file} is no table of numbers with three columns, input, v and spike, and a row a time step")
    return table


if __name__ == "__main__":
    sys.exit(run_command(main, "recorded_neuron", sys.argv[1:]))
