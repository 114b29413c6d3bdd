"""Synapses that weigh 0 go.

**Match.** A listed synapse of weight 0. Dense matrices store their zeros, and a spike visits them: one of zeros alone,
and one at least half of whose weights are 0 in every exponent, whose others become a list.

**Keeps.** Every spike, current and voltage.

**Exact**, since 0 brings nothing; a list is floored by a negative exponent as the matrix was, sum by sum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import choose, has_synapses
from neuro_runtime.program.nodes import Connection, Dense, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_matrices import Place, dense_matrices

LISTED_FROM = 0.5  # share of a matrix's weights that are 0; below it, indices would take more than the zeros do


class ZeroSynapses(ProgramPass[set[int]]):
    """See the module; a match is the places of such connections in the program's order."""

    name = "zero synapses"

    def match(self, subject: Subject) -> set[int] | None:
        connections = subject.program.connections
        sparse = _mostly_zero(connections)
        return {
            n
            for n, connection in enumerate(connections)
            if connection.weighted and not np.all(connection.weight)
            if isinstance(connection, Sparse) or not np.any(connection.weight) or _place(connection) in sparse
        } or None

    def transform(self, program: Program, match: set[int]) -> Program:
        connections = [
            _without_zeros(connection) if n in match else connection for n, connection in enumerate(program.connections)
        ]
        return replace(program, connections=tuple(item for item in connections if has_synapses(item)))


def _mostly_zero(connections: tuple[Connection, ...]) -> set[Place]:
    return {
        place
        for place, matrix in dense_matrices(connections).items()
        if np.mean([np.all([part == 0 for part in matrix.parts], axis=0)]) >= LISTED_FROM
    }


def _place(connection: Dense) -> Place:
    return Place(connection.source, connection.target, connection.delay)


def _without_zeros(connection: Connection) -> Connection:
    if isinstance(connection, Sparse):
        return choose(connection, connection.weight != 0)
    assert isinstance(connection, Dense)
    target, source = np.nonzero(connection.weight)
    return Sparse(
        connection.source,
        connection.target,
        source.astype(np.int32),
        target.astype(np.int32),
        connection.weight[target, source],
        np.full(len(target), connection.delay, dtype=np.int32),
        connection.exponent,
    )
