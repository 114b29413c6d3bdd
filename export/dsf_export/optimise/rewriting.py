"""The steps that several passes share: they take neurons out, and choose among synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import BiasLine, Connection, Dense, Injection, Node, Sparse
from neuro_runtime.program.program import Program

Neurons = NDArray[np.bool_]  # of one node, (size,)


def removable(program: Program, node: Node, unwanted: Neurons) -> Neurons:
    """Those of a node's ``unwanted`` neurons that a program can do without.

    The token's current reaches all neurons of a node or none, so such a node is kept as it is unless all of it goes;
    the host's nodes and the accumulator, whose width is the host's, stay.
    """
    takes_part = any(isinstance(item, Injection) for item in program.connections_into(node.name))
    if not node.spikes or (takes_part and not unwanted.all()):
        return np.zeros_like(unwanted)
    return unwanted


def without(program: Program, unwanted: Mapping[str, Neurons]) -> Program:
    """The program without the ``unwanted`` neurons of each node, nor the synapses that begin or end at one."""
    kept = {
        node.name: ~unwanted[node.name] if node.name in unwanted else np.ones(node.size, dtype=bool)
        for node in program.nodes
    }
    nodes = tuple(_smaller(node, kept[node.name]) for node in program.nodes if kept[node.name].any())
    names = {node.name for node in nodes}
    connections = (
        _smaller_connection(item, kept[item.source], kept[item.target])
        for item in program.connections
        if item.source in names and item.target in names
    )
    return replace(program, nodes=nodes, connections=tuple(item for item in connections if has_synapses(item)))


def has_synapses(connection: Connection) -> bool:
    """Whether a connection carries anything: an injection does, synapses do unless there are none."""
    return not connection.weighted or bool(np.size(connection.weight))


def choose(connection: Sparse, chosen: NDArray[np.bool_]) -> Sparse:
    """Some synapses of a list."""
    return replace(
        connection,
        source_index=connection.source_index[chosen],
        target_index=connection.target_index[chosen],
        weight=connection.weight[chosen],
        delay=connection.delay[chosen],
    )


def _smaller(node: Node, kept: Neurons) -> Node:
    if isinstance(node, BiasLine) or kept.all():
        return node
    return replace(node, size=int(kept.sum()))


def _smaller_connection(connection: Connection, sources: Neurons, targets: Neurons) -> Connection:
    if sources.all() and targets.all():
        return connection
    match connection:
        case Injection():
            return connection
        case Dense():
            return replace(connection, weight=np.ascontiguousarray(connection.weight[targets][:, sources]))
        case Sparse():
            chosen = choose(connection, sources[connection.source_index] & targets[connection.target_index])
            return replace(
                chosen,
                source_index=_renumbered(chosen.source_index, sources),
                target_index=_renumbered(chosen.target_index, targets),
            )
        case _:
            assert_never(connection)


def _renumbered(index: NDArray[np.int32], kept: Neurons) -> NDArray[np.int32]:
    return (np.cumsum(kept) - 1)[index].astype(np.int32)
