"""Gates of two stages become gates of more inputs, where that makes a decision shorter.

**Match.** AND neurons that AND neurons alone read, each of these as often as all others of its node; the decision then
takes fewer time steps.

**Keeps.** Every spike of all other neurons.

**Exact**, since a gate spikes in a time step in which all its inputs do, so the inputs of its inputs, one hop and the
delay later, say the same. A spike then visits each reader, and none rests in the gate between: more synaptic operations
for fewer time steps, which is why a program that is no shorter keeps its stages.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsf_export.optimise.period import shortest_schedule
from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import has_synapses, without
from neuro_runtime.program.nodes import And, Connection, Sparse
from neuro_runtime.program.program import Program


class MergedGates(ProgramPass[tuple[str, ...]]):
    """See the module; a match is the names of the inner gates."""

    name = "gates of three"

    def match(self, subject: Subject) -> tuple[str, ...] | None:
        now = shortest_schedule(subject, subject.may_reset)
        inner = tuple(_inner_gates(subject.program))
        if now is None or not inner:
            return None
        merged = replace(subject, program=self.transform(subject.program, inner))
        shorter = shortest_schedule(merged, subject.may_reset)
        return inner if shorter and shorter.period < now.period else None

    def transform(self, program: Program, match: tuple[str, ...]) -> Program:
        for name in match:
            program = _merged(program, name)
        return program


def _inner_gates(program: Program) -> list[str]:
    return [node.name for node in program.nodes if isinstance(node, And) and _readers(program, node)]


def _readers(program: Program, inner: And) -> dict[str, int]:
    """The gates that read an inner one, and how many synapses each has from it; none if it cannot be merged."""
    readers: dict[str, int] = {}
    for connection in program.connections_from(inner.name):
        reader = program.node(connection.target)
        if not isinstance(reader, And) or reader.name == inner.name or not isinstance(connection, Sparse):
            return {}
        each = np.bincount(connection.target_index, minlength=reader.size)
        if (each != each[0]).any():
            return {}
        readers[reader.name] = readers.get(reader.name, 0) + int(each[0])
    return readers


def _merged(program: Program, inner_name: str) -> Program:
    """The program without one inner gate."""
    inner = program.node(inner_name)
    assert isinstance(inner, And)
    readers = _readers(program, inner)
    nodes = tuple(
        _with_inputs(node, (inner.fan_in - 1) * readers[node.name])
        if isinstance(node, And) and node.name in readers
        else node
        for node in program.nodes
    )
    inputs = [item for item in program.connections_into(inner_name) if isinstance(item, Sparse)]
    connections: list[Connection] = list(program.connections)
    for reading in program.connections_from(inner_name):
        assert isinstance(reading, Sparse)
        connections += [_through(item, reading, inner.size) for item in inputs]
    gone = {inner_name: np.ones(inner.size, dtype=bool)}
    merged = without(replace(program, nodes=nodes, connections=tuple(connections)), gone)
    return replace(merged, connections=tuple(item for item in merged.connections if has_synapses(item)))


def _with_inputs(gate: And, more: int) -> And:
    fan_in = gate.fan_in + more
    return replace(gate, fan_in=fan_in, threshold=And.threshold_of(fan_in, "loihi"))


def _through(first: Sparse, second: Sparse, size: int) -> Sparse:
    """Every way from a source of ``first`` to a target of ``second``."""
    ways = _pairs(first.target_index, second.source_index, size)
    before, after = ways[:, 0], ways[:, 1]
    return Sparse(
        first.source,
        second.target,
        first.source_index[before],
        second.target_index[after],
        first.weight[before],
        (first.delay[before] + 1 + second.delay[after]).astype(np.int32),
    )


def _pairs(ends: NDArray[np.int32], begins: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """(n, m) for each synapse n and synapse m that begins where n ends."""
    ending = [np.flatnonzero(ends == neuron) for neuron in range(size)]
    pairs = [(int(n), m) for m, neuron in enumerate(begins) for n in ending[neuron]]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
