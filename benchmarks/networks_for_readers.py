"""Networks that one framework wrote, in another one by the NIR file that `dsf-export --for` writes for it.

    python -m benchmarks.networks_for_readers [readers=snntorch] [python=PATH]

The networks are those that are kept with the tests together with their writers' own outputs (`support.writers`). Each
is written for each reader, run there on the same samples, and its outputs are held beside the writer's. ``python`` is
that of an environment with the readers: `pip install --no-deps norse spikingjelly` beside the package, or, for sinabs,
an environment of its own (``sinabs==3.1.3 nir==1.0.4 nirtorch==1.0``). Networks that do not fit a reader are the
sentences below the table. Status 1 if an output differs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsf_common.errors import GateFailed, UserError, first_line
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.targets.network_readers import find_network_reader, write_network_for
from support.writers.golden import Golden, goldens, load

WORKER = Path(__file__).with_name("nir_reader_worker.py")
HEADER = ("network", "reader", "outputs", "differ")


@dataclass
class Options:
    """The readers, with commas, and the Python that has them."""

    readers: str = "snntorch"
    python: str = sys.executable


def main(argv: list[str]) -> int:
    """Print a row for each network that fits each reader."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [HEADER]
    refusals, wrong = list[str](), 0
    for reader in options.readers.split(","):
        with tempfile.TemporaryDirectory() as folder:
            fitting = list(_written(Path(folder), reader, refusals))
            _run(options.python, reader, Path(folder))
            for golden in fitting:
                answer = Path(folder) / f"{golden.name}.out.npy"
                different = golden.outputs.size
                if answer.exists():
                    given = np.load(answer).reshape(golden.outputs.shape)
                    different = int(np.count_nonzero(given != golden.outputs))
                rows.append((golden.name, reader, f"{np.count_nonzero(golden.outputs):,}", f"{different:,}"))
                wrong += different
    print(text_table(rows, numbers=False))
    print("\n".join(["", *refusals]))
    if wrong:
        raise GateFailed(f"{wrong} outputs differ")
    return 0


def _written(folder: Path, reader: str, refusals: list[str]) -> Iterator[Golden]:
    """The networks that fit a reader, each with its file in the folder."""
    for golden in map(load, goldens()):
        path = golden.write(folder)
        network = read_network(path, "nir", source_options(golden.options))
        try:
            write_network_for(network, find_network_reader(reader), path)
        except UserError as refusal:
            path.unlink()
            refusals.append(f"{golden.name} for {reader}: {refusal}")
            continue
        yield golden


def _run(python: str, reader: str, folder: Path) -> None:
    done = subprocess.run([python, WORKER, reader, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{python} does not run {reader}: {first_line(RuntimeError(done.stderr.strip()[-200:]))}")


if __name__ == "__main__":
    sys.exit(run_command(main, "networks_for_readers", sys.argv[1:]))
