"""A program as a table that a person can read."""

from __future__ import annotations

import numpy as np

from dsf_common.text_table import text_table
from neuro_runtime.program.nodes import Connection, Node
from neuro_runtime.program.program import SpikingProgram

_HEADER = ("node", "kind", "neurons", "synapses in", "delays", "exponents")


def summary(program: SpikingProgram) -> str:
    """One row a node: kind, neurons, synapses that end there, the range of their delays and their exponents."""
    return text_table([_HEADER, *(_row(program, node) for node in program.nodes)], numbers=False)


def synapse_count(connection: Connection) -> int:
    """Synapses of a connection; a weight of zero is none."""
    return int(np.count_nonzero(connection.weight)) if connection.weighted else 0


def _row(program: SpikingProgram, node: Node) -> tuple[str, ...]:
    arriving = program.connections_into(node.name)
    synapses = sum(synapse_count(connection) for connection in arriving)
    delays = [delay for connection in arriving for delay in np.unique(connection.delay).tolist()]
    exponents = sorted({connection.exponent for connection in arriving})
    return (
        node.name,
        type(node).__name__,
        str(node.size),
        str(synapses) if arriving else "",
        _span(delays),
        " ".join(map(str, exponents)) if program.arithmetic == "loihi" else "",
    )


def _span(values: list[int]) -> str:
    if not values:
        return ""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} … {high}"
