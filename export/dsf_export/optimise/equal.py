"""Neurons that do the same become one.

**Match.** Neurons of one node that the same synapses end at, of the same weights, delays and exponents; and nodes all
of whose neurons, taken in order, are equal in this way, injections included.

**Keeps.** Every spike of the neurons that stay, and every current.

**Exact**, since equal neurons with equal inputs have equal states. Readers of any of them read the first instead:
weights of a matrix are added up, where 8 bits hold the sum, under the same floor as before; listed synapses only change
their source.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import without
from neuro_runtime.program.limits import LARGEST_WEIGHT, SMALLEST_WEIGHT
from neuro_runtime.program.nodes import Connection, Dense, Injection, Node, Sparse
from neuro_runtime.program.program import Program

Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Equal:
    """Nodes by the node that stands for them, and of some nodes the neuron that stands for each neuron, (size,)."""

    nodes: dict[str, str]
    neurons: dict[str, NDArray[np.int64]]


class EqualNeurons(ProgramPass[Equal]):
    """See the module."""

    name = "equal neurons"

    def match(self, subject: Subject) -> Equal | None:
        program = subject.program
        spiking = [node for node in program.neurons if node.spikes]
        if nodes := _equal_nodes(program, spiking):
            return Equal(nodes, {})
        neurons = {node.name: _first_equal(program, node) for node in spiking}
        neurons = {name: first for name, first in neurons.items() if (first != np.arange(len(first))).any()}
        return Equal({}, neurons) if neurons else None

    def transform(self, program: Program, match: Equal) -> Program:
        if match.nodes:
            connections = tuple(
                replace(item, source=match.nodes.get(item.source, item.source)) for item in program.connections
            )
            gone = {name: np.ones(program.node(name).size, dtype=bool) for name in match.nodes}
            return without(replace(program, connections=connections), gone)
        connections = tuple(
            _from_first(item, match.neurons[item.source]) if item.source in match.neurons else item
            for item in program.connections
        )
        gone = {name: first != np.arange(len(first)) for name, first in match.neurons.items()}
        return without(replace(program, connections=connections), gone)


def _equal_nodes(program: Program, nodes: Sequence[Node]) -> dict[str, str]:
    """The node that stands for each node that is equal to an earlier one."""
    first: dict[Key, str] = {}
    stands_for: dict[str, str] = {}
    for node in nodes:
        arriving = program.connections_into(node.name)
        key = (replace(node, name=""), *sorted(map(_as_key, arriving), key=repr))
        if first.setdefault(key, node.name) != node.name:
            stands_for[node.name] = first[key]
    return stands_for


def _as_key(connection: Connection) -> Key:
    """All that a connection is, but for its target."""
    kind = type(connection).__name__
    match connection:
        case Injection():
            return kind, connection.source, connection.delay, connection.exponent
        case Dense():
            return kind, connection.source, connection.delay, connection.exponent, connection.weight.tobytes()
        case Sparse():
            arrays = connection.source_index, connection.target_index, connection.weight, connection.delay
            return kind, connection.source, connection.exponent, *(array.tobytes() for array in arrays)
        case _:
            assert_never(connection)


def _first_equal(program: Program, node: Node) -> NDArray[np.int64]:
    """For each neuron of a node, the first that it is equal to, and whose readers can read that one instead."""
    first = np.arange(node.size)
    arriving = program.connections_into(node.name)
    if any(isinstance(item, Injection) for item in arriving):
        return first
    groups: dict[Key, list[int]] = defaultdict(list)
    rows = [_rows(connection, node.size) for connection in arriving]
    for neuron in range(node.size):
        groups[tuple(row[neuron] for row in rows)].append(neuron)
    reading = [item for item in program.connections_from(node.name) if isinstance(item, Dense)]
    for stands, *others in groups.values():
        taken = [stands]
        for neuron in others:
            if all(_fits(item.weight[:, [*taken, neuron]].sum(axis=1)) for item in reading):
                first[neuron] = stands
                taken.append(neuron)
    return first


def _rows(connection: Connection, size: int) -> list[bytes]:
    """The synapses that end at each neuron."""
    if isinstance(connection, Dense):
        return [row.tobytes() for row in np.ascontiguousarray(connection.weight)]
    assert isinstance(connection, Sparse)
    synapses = np.stack(
        [connection.target_index, connection.source_index, connection.delay, connection.weight], axis=1, dtype=np.int64
    )
    ordered = synapses[np.lexsort(synapses.T[::-1])]
    ends = np.searchsorted(ordered[:, 0], np.arange(size + 1))
    return [ordered[first:end, 1:].tobytes() for first, end in itertools.pairwise(ends)]


def _fits(weight: NDArray[Any]) -> bool:
    return bool((weight >= SMALLEST_WEIGHT).all() and (weight <= LARGEST_WEIGHT).all())


def _from_first(connection: Connection, first: NDArray[np.int64]) -> Connection:
    """The connection from the neurons that stand for the others."""
    match connection:
        case Dense():
            weight = np.zeros_like(connection.weight)
            np.add.at(weight.T, first, connection.weight.T)
            return replace(connection, weight=weight)
        case Sparse():
            return replace(connection, source_index=first[connection.source_index].astype(np.int32))
        case _:
            return connection
