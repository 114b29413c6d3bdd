"""Layers split into groups of neurons by the room that each has for a larger scale.

A group of neurons counts one number of integers for 1.0 of v, and the neuron to which most arrives sets it. Where
another is brought half as much, its group may count twice as many, and each rounding is half as large. Splitting
changes nothing else: every neuron keeps its synapses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import (
    Connection,
    Convolution,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
    Weighted,
)
from neuro_runtime.program.sample import HostMap, SampleOutput, SampleProgram

Array = NDArray[np.float64]
Members = Mapping[str, Sequence[NDArray[np.int64]]]  # of each node that is split, its groups' neurons


def split_by_room(program: SampleProgram, room: Mapping[str, Array], groups: int) -> SampleProgram:
    """The same program with up to ``groups`` nodes for each layer.

    Parameters
    ----------
    room
        Of each node that may be split, the largest scale that each of its neurons has room for, (neurons,).
    groups
        A group holds the neurons with room for 2^n times the scale of the neuron that has least, the last also those
        with more.
    """
    members: dict[str, Sequence[NDArray[np.int64]]] = {}
    for name, scale in room.items():
        octave = np.minimum(np.floor(np.log2(scale / scale.min())), groups - 1)
        parts = [np.flatnonzero(octave == of_group) for of_group in np.unique(octave)]
        if len(parts) > 1:
            members[name] = parts
            fed = [injection.source for injection in program.injections if injection.target == name]
            members |= dict.fromkeys(fed, parts)
    return replace(
        program,
        nodes=tuple(part for node in program.nodes for part in _nodes(node, members)),
        connections=tuple(part for item in program.connections for part in _connections(item, program, members)),
        outputs=tuple(part for output in program.outputs for part in _outputs(output, members)),
        encoder=replace(
            program.encoder, maps=tuple(part for host_map in program.encoder.maps for part in _maps(host_map, members))
        ),
    )


def _names(name: str, members: Members) -> list[str]:
    """The names of a node's groups; its own where it is not split."""
    return [f"{name}.{n}" for n in range(len(members[name]))] if name in members else [name]


def _nodes(node: Node, members: Members) -> list[Node]:
    if node.name not in members or not isinstance(node, Lif | CurrentInput):
        return [node]
    names = _names(node.name, members)
    return [replace(node, name=name, size=len(part)) for name, part in zip(names, members[node.name], strict=True)]


def _outputs(output: SampleOutput, members: Members) -> list[SampleOutput]:
    if output.node not in members:
        return [output]
    parts = zip(_names(output.node, members), members[output.node], strict=True)
    return [replace(output, node=name, places=output.places[part]) for name, part in parts]


def _maps(host_map: HostMap, members: Members) -> list[HostMap]:
    if host_map.node not in members:
        return [host_map]
    made = []
    for name, part in zip(_names(host_map.node, members), members[host_map.node], strict=True):
        place = _places_of(part, host_map.target_index)
        mine = place >= 0
        made.append(
            replace(
                host_map,
                node=name,
                source_index=host_map.source_index[mine],
                target_index=place[mine].astype(np.int32),
                weight=host_map.weight[mine],
                bias=host_map.bias[part],
                largest=host_map.largest[part],
            )
        )
    return made


def _connections(
    connection: Connection | Convolution, program: SampleProgram, members: Members
) -> list[Connection | Convolution]:
    if isinstance(connection, Convolution):
        if connection.source not in members and connection.target not in members:
            return [connection]
        connection = connection.listed
    sources, targets = _names(connection.source, members), _names(connection.target, members)
    if isinstance(connection, Injection):
        pairs = zip(sources, targets, strict=True)
        return [replace(connection, source=source, target=target) for source, target in pairs]
    made = [
        (source, target, _part(connection, first, second))
        for source, first in zip(sources, _groups(connection.source, program, members), strict=True)
        for target, second in zip(targets, _groups(connection.target, program, members), strict=True)
    ]
    return [replace(part, source=source, target=target) for source, target, part in made if np.any(part.weight)]


def _groups(name: str, program: SampleProgram, members: Members) -> Sequence[NDArray[np.int64]]:
    return members.get(name, [np.arange(program.node(name).size)])


def _part(connection: Weighted, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> Weighted:
    """The synapses between some of the sources and some of the targets, numbered anew."""
    match connection:
        case Dense():
            return replace(connection, weight=connection.weight[np.ix_(targets, sources)])
        case Sparse():
            source, target = _places_of(sources, connection.source_index), _places_of(targets, connection.target_index)
            mine = (source >= 0) & (target >= 0)
            return replace(
                connection,
                source_index=source[mine].astype(np.int32),
                target_index=target[mine].astype(np.int32),
                weight=connection.weight[mine],
                delay=connection.delay[mine],
            )
        case _:
            assert_never(connection)


def _places_of(part: NDArray[np.int64], neurons: NDArray[np.int32]) -> NDArray[np.int64]:
    """The place of each of ``neurons`` in ``part``, which is in ascending order; −1 where it has none."""
    place = np.minimum(np.searchsorted(part, neurons), len(part) - 1)
    return np.where(part[place] == neurons, place, -1)
