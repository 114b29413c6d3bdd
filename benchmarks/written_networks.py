"""Networks as five frameworks wrote them: the writer's spikes, ours in float, in integers, and Lava's.

    python -m benchmarks.written_networks [lava=true]

The files and the frameworks' own outputs are kept with the tests (`support.writers` says how they were made). Columns:
the options that the import needs; the writer's outputs that are not 0, and those that the float network has otherwise;
spikes of all neurons in floating point, and places in which the integers' differ; places in which Lava's differ from
these. Networks without an exact form on a chip are refused, each in the sentence below the table.
Status 1 if a float output or a spike of Lava differs.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from support.imported_networks import against_writer, imported, spikes_of_integers, spikes_on_lava
from support.writers.golden import goldens, load

HEADER = ("network", "options", "outputs", "differ", "spikes", "in integers", "on Lava")


@dataclass
class Options:
    """Whether Lava runs the programs, too."""

    lava: bool = True


def main(argv: list[str]) -> int:
    """Print a row for each network."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [HEADER]
    refusals, wrong = list[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for name in goldens():
            golden = load(name)
            path = golden.write(Path(folder))
            outputs, network = against_writer(golden, path, golden.options), imported(golden, path)
            start = (name, " ".join(golden.options), f"{outputs.active:,}", f"{outputs.different:,}")
            wrong += outputs.different
            if isinstance(network, str):
                rows.append((*start, "", "", "refused"))
                refusals.append(f"{name}: {network}")
                continue
            samples = list(golden.inputs)
            integers = spikes_of_integers(network, samples)
            simulated = spikes_on_lava(network.program, samples) if options.lava else None
            wrong += simulated.different if simulated else 0
            on_lava = f"{simulated.different:,}" if simulated else ""
            rows.append((*start, f"{integers.active:,}", f"{integers.different:,}", on_lava))
    print(text_table(rows, numbers=False))
    print("\n".join(["", *refusals]))
    if wrong:
        raise GateFailed(f"{wrong} outputs or spikes differ")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "written_networks", sys.argv[1:]))
