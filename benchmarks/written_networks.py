"""Networks as five frameworks wrote them: the writer's spikes, ours in float, in integers, and Lava's.

    python -m benchmarks.written_networks [folder=DIR] [options=from=snntorch,reset=zero] [lava=true]

The files and the frameworks' own outputs are kept with the tests (`support.writers` says how they were made);
``folder=`` takes yours in their place, `NAME.nir` or `NAME.net` beside `NAME.npz` with the arrays ``input`` and
``output``. Columns: the options that the import needs; the writer's outputs that are not 0, and those that the float
network has otherwise; spikes of all neurons in floating point, and places in which the integers' differ; places in
which Lava's differ from these. Networks without an exact form on a chip are refused, each in the sentence below the
table.
Status 1 if a float output or a spike of Lava differs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from support.imported_networks import against_writer, imported, spikes_of_integers, spikes_on_lava
from support.writers.golden import Golden, goldens, load, of_folder

HEADER = ("network", "options", "outputs", "differ", "spikes", "in integers", "on Lava")


@dataclass
class Options:
    """Which networks, and whether Lava runs their programs, too."""

    folder: Path | None = field(default=None, metadata={"help": "of your own networks (default: those of the tests)"})
    options: str | None = field(default=None, metadata={"help": "of their import, with commas"})
    lava: bool = True


@dataclass(frozen=True)
class Line:
    """A network's row, the numbers in it that should be the same and differ, and why it has no program."""

    cells: tuple[str, ...]
    different: int
    refusal: str | None = None


def main(argv: list[str]) -> int:
    """Print a row for each network."""
    options = compose(Options, argv)
    with tempfile.TemporaryDirectory() as folder:
        lines = [_line(golden, golden.write(Path(folder)), options.lava) for golden in _networks(options)]
    print(text_table([HEADER, *(line.cells for line in lines)], numbers=False))
    print("\n".join(["", *(line.refusal for line in lines if line.refusal is not None)]))
    if wrong := sum(line.different for line in lines):
        raise GateFailed(f"{wrong} outputs or spikes differ")
    return 0


def _networks(options: Options) -> Iterator[Golden]:
    if options.folder is not None:
        yield from of_folder(options.folder.expanduser(), tuple(options.options.split(",")) if options.options else ())
    elif options.options is not None:
        raise UserError("options= is for networks of your own: give folder=DIR with it")
    else:
        yield from map(load, goldens())


def _line(golden: Golden, path: Path, lava: bool) -> Line:
    named = (golden.name, " ".join(golden.options))
    try:
        outputs = against_writer(golden, path, golden.options)
    except UserError as refusal:
        return Line((*named, "", "", "", "", "refused"), 0, f"{golden.name}: {refusal}")
    network, start = imported(golden, path), (*named, f"{outputs.active:,}", f"{outputs.different:,}")
    if isinstance(network, str):
        return Line((*start, "", "", "refused"), outputs.different, f"{golden.name}: {network}")
    samples = list(golden.inputs)
    integers = spikes_of_integers(network, samples)
    spikes = (f"{integers.active:,}", f"{integers.different:,}")
    if not lava:
        return Line((*start, *spikes, ""), outputs.different)
    simulated = spikes_on_lava(network.program, samples)
    return Line((*start, *spikes, f"{simulated.different:,}"), outputs.different + simulated.different)


if __name__ == "__main__":
    sys.exit(run_command(main, "written_networks", sys.argv[1:]))
