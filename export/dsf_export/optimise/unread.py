"""Neurons that nobody reads go.

**Match.** A neuron all of whose synapses weigh 0, or that has none; then those that only such neurons read.

**Keeps.** Every spike of all other neurons.

**Exact**, since what a neuron does reaches the action through its synapses alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import Neurons, removable, without
from neuro_runtime.program.nodes import Dense, Node
from neuro_runtime.program.program import Program


class UnreadNeurons(ProgramPass[dict[str, Neurons]]):
    """See the module."""

    name = "unread neurons"

    def match(self, subject: Subject) -> dict[str, Neurons] | None:
        program = subject.program
        gone = {node.name: np.zeros(node.size, dtype=bool) for node in program.nodes}
        while True:
            unread = {node.name: removable(program, node, ~_is_read(program, node, gone)) for node in program.nodes}
            if all((unread[name] == gone[name]).all() for name in gone):
                return {name: these for name, these in gone.items() if these.any()} or None
            gone = unread

    def transform(self, program: Program, match: dict[str, Neurons]) -> Program:
        return without(program, match)


def _is_read(program: Program, node: Node, gone: Mapping[str, Neurons]) -> Neurons:
    """Which neurons of a node have a synapse that weighs something, on a neuron that is not ``gone``."""
    read = np.zeros(node.size, dtype=bool)
    for connection in program.connections_from(node.name):
        stays = ~gone[connection.target]
        if isinstance(connection, Dense):
            read |= (connection.weight[stays] != 0).any(axis=0)
        elif connection.weighted:
            read[connection.source_index[(connection.weight != 0) & stays[connection.target_index]]] = True
    return read
