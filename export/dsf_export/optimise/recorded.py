"""Neurons that never fired while the policy steered go, with all that only feeds them.

**Match.** LIF neurons that a record names, and the gates that wait for one of them.

**Keeps.** Every spike of all other neurons, as long as those that went would not have fired.

**Not exact**: nothing proves that they cannot fire. So the record is held against episodes that chose nothing
(`dsf_export.optimise.record_silence`), and the pass is applied where they did not fire there either.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import Neurons, removable, without
from neuro_runtime.program.nodes import And, Sparse
from neuro_runtime.program.program import Program


class RecordedSilence(ProgramPass[dict[str, Neurons]]):
    """See the module.

    Parameters
    ----------
    silent
        The neurons of each node, (size,), of the program that was recorded.
    """

    name = "recorded silence"

    def __init__(self, silent: Mapping[str, Neurons]) -> None:
        self._silent = silent

    def match(self, subject: Subject) -> dict[str, Neurons] | None:
        program = subject.program
        recorded = {
            node.name: removable(program, node, self._silent[node.name])
            for node in program.nodes
            if node.name in self._silent and node.size == len(self._silent[node.name])
        }
        silent = _with_gates(program, recorded)
        return {name: these for name, these in silent.items() if these.any()} or None

    def transform(self, program: Program, match: dict[str, Neurons]) -> Program:
        return without(program, match)


def _with_gates(program: Program, silent: dict[str, Neurons]) -> dict[str, Neurons]:
    """Also the gates that wait for a silent neuron, and those that wait for these."""
    gates = [node for node in program.nodes if isinstance(node, And)]
    while True:
        waiting = {**silent, **{gate.name: _waits(program, gate, silent) for gate in gates}}
        if all((waiting[gate.name] == silent.get(gate.name, False)).all() for gate in gates):
            return waiting
        silent = waiting


def _waits(program: Program, gate: And, silent: Mapping[str, Neurons]) -> Neurons:
    """Which of a node's gates have an input that is silent."""
    waits = np.zeros(gate.size, dtype=bool)
    for connection in program.connections_into(gate.name):
        if isinstance(connection, Sparse) and connection.source in silent:
            waits[connection.target_index[silent[connection.source][connection.source_index]]] = True
    return waits
