"""Do the netx files that `dsf-export` writes mean the same to lava-dl?

    python -m benchmarks.netx_in_lava_dl python=PATH [folder=FOLDER]

``python`` is that of an environment with lava-dl: Python 3.10, `pip install -c constraints-lava.txt lava-nc
h5py==3.16.0` and `pip install --no-deps lava-dl==0.6.0`. Networks of the tests that are chains are written as netx, run
by lava-dl's own reader on Lava's simulator, and held beside the file as we read it with ``compare=gt``, which is how
lava-dl compares; with a ``folder``, so is each ``network.net`` in it. lava-dl's layers begin when their first input
comes (its ``reset_offset``), as those of a program do. Status 1 if another spike differs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.sources.import_of_call import import_file
from dsf_export.targets.netx import LARGEST_NETX_WEIGHT, write_netx
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from support.writers.golden import goldens, load

WORKER = Path(__file__).with_name("lava_dl_worker.py")
STEPS, RATE = 200, 0.2


@dataclass
class Options:
    """lava-dl's Python, and where files of its own are."""

    python: str = ".venv-lava-dl/bin/python"
    folder: str | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """A netx file, its program here, and a sample (steps, features)."""

    name: str
    program: SampleProgram
    sample: NDArray[np.float64]


def main(argv: list[str]) -> int:
    """Print a row for each file."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [("network", "spikes", "different in lava-dl")]
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [*_written(folder), *(_given(Path(options.folder), folder) if options.folder else ())]
        for case in cases:
            np.save(folder / f"{case.name}.npy", case.sample.T)
        if subprocess.run([options.python, WORKER, folder], stdout=subprocess.DEVNULL, check=False).returncode:
            raise UserError(f"{options.python} does not run lava-dl; its error stands above")
        for case in cases:
            spikes, different = _compared(case, np.load(folder / f"{case.name}.out.npy"))
            rows.append((case.name, f"{spikes:,}", f"{different:,}"))
            wrong += different
    print(text_table(rows, numbers=False))
    if wrong:
        raise GateFailed(f"{wrong} spikes differ")
    return 0


def _written(folder: Path) -> Iterator[Case]:
    """The networks of the tests that are chains, as netx."""
    for name in goldens():
        golden = load(name)
        path = golden.write(folder)
        pairs = ["terms=1", *golden.options, f"calibration={path.with_suffix('.npz')}"]
        try:
            write_netx(
                import_file(path, "nir", pairs, largest_weight=LARGEST_NETX_WEIGHT).program, folder / f"{name}.net"
            )
        except UserError:
            continue
        yield Case(
            name, _read(folder / f"{name}.net"), golden.inputs[0].reshape(len(golden.inputs[0]), -1).astype(np.float64)
        )


def _given(files: Path, folder: Path) -> Iterator[Case]:
    """Files of lava-dl itself, which compares as `gt`."""
    for path in sorted(files.glob("*/network.net")):
        program = _read(path)
        features = program.encoder.features
        copyfile(path, folder / f"{path.parent.name}.net")
        yield Case(path.parent.name, program, (np.random.default_rng(0).random((STEPS, features)) < RATE).astype(float))


def _read(path: Path) -> SampleProgram:
    return import_file(path, "netx", ["compare=gt"]).program


def _compared(case: Case, theirs: NDArray[Any]) -> tuple[int, int]:
    """Our output's spikes, and those that differ in lava-dl, where they come a time step later with each layer."""
    steps, late = len(case.sample), case.program.latency
    timed = case.program.for_steps(steps + late)
    ours = run_sample(timed, Interpreter(timed), case.sample.reshape(steps, *case.program.encoder.shape)).output
    flat = ours.reshape(steps, -1)[: steps - late]
    return int(flat.sum()), int(np.count_nonzero(flat != theirs.reshape(-1, steps).T[late:]))


if __name__ == "__main__":
    sys.exit(run_command(main, "netx_in_lava_dl", sys.argv[1:]))
