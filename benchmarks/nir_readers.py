"""Do frameworks give the same answers by the NIR files that `dsf-export --for` writes for them?

    python -m benchmarks.nir_readers [readers=snntorch] [tokens=200]

Policies without a past (spiking MLPs of one block and of two) as each reader gets them, its outputs in every time step
beside the graph's equations in float64: whole numbers, which spikes make, so one spike more or less is seen. The
frameworks are not dependencies: install them beside the package (`pip install --no-deps norse spikingjelly`) and name
those that are there. Status 1 if a number differs; a reader that cannot hold a network is answered with the node.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.targets.nir_readers import READERS, find_reader, to_reader
from support.nir_readers import Read, by_equations, by_framework, policy_without_past, tokens

IMPORTERS = {
    "snntorch": ("snntorch.import_nir", "import_from_nir"),
    "nir104": ("snntorch.import_nir", "import_from_nir"),
    "norse": ("norse.torch", "from_nir"),
    "spikingjelly": ("spikingjelly.activation_based.nir_exchange", "import_from_nir"),
}


@dataclass
class Options:
    """The readers, with commas, and how many tokens each network is given."""

    readers: str = "snntorch"
    tokens: int = 200


def main(argv: list[str]) -> int:
    """Print a row for each reader and network."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [("reader", "blocks", "numbers compared", "not 0", "different")]
    different = 0
    for name in options.readers.split(","):
        for blocks in (1, 2):
            row, wrong = compare(name, blocks, options.tokens)
            rows.append((name, str(blocks), *row))
            different += wrong
    print(text_table(rows, numbers=False))
    if different:
        raise GateFailed(f"{different} numbers differ")
    return 0


def compare(name: str, blocks: int, count: int) -> tuple[tuple[str, ...], int]:
    """One reader on one network."""
    reader, program = find_reader(name), policy_without_past(blocks)
    try:
        graph = to_reader(program, reader)
    except UserError as refusal:
        return ("", "", f"refused: {refusal}"), 0
    read = importer(name)
    compared = answered = different = 0
    for current in tokens(program, count):
        wanted = by_equations(graph, current, READERS[name].dt, program.active_steps)
        given = by_framework(read, graph, current, program.active_steps)
        compared, answered = compared + wanted.size, answered + int((wanted != 0).sum())
        different += int((abs(given - wanted) > 1e-3).sum())
    return (f"{compared:,}", f"{answered:,}", f"{different:,}"), different


def importer(name: str) -> Read:
    """The framework's function that reads a graph."""
    module, function = IMPORTERS[name]
    read: Read = getattr(import_module(module), function)
    return read


if __name__ == "__main__":
    sys.exit(run_command(main, "nir_readers"))
