"""Neurons that spike in every active time step become biases.

**Match.** A neuron that must spike in T consecutive time steps and can in no other, whose spikes are not graded and
whose synapses no negative exponent floors together with others'.

**Keeps.** Every current of all other neurons.

**Exact**, since the bias line spikes in time step t of every decision, so its synapses, delayed by the neuron's first
time step, bring what the neuron's did. Biases of the same exponent and delay are added up where 8 bits hold them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import Neurons, removable, without
from neuro_runtime.program.limits import LARGEST_WEIGHT, SMALLEST_WEIGHT
from neuro_runtime.program.nodes import BiasLine, Connection, Dense, Sparse, Weighted
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_matrices import is_whole

Starts = dict[str, NDArray[np.int64]]  # of each neuron of a node: its first time step, −1 if it stays a neuron


class ConstantNeurons(ProgramPass[Starts]):
    """See the module."""

    name = "constant neurons"

    def match(self, subject: Subject) -> Starts | None:
        program = subject.program
        if not any(isinstance(node, BiasLine) for node in program.nodes):
            return None
        starts = {}
        for node in program.neurons:
            if not node.spikes or node.graded or not all(map(_can_be_divided, program.connections_from(node.name))):
                continue
            first = _first_steps(
                subject.reachable.certain[node.name], subject.reachable.possible[node.name], program.active_steps
            )
            first[~removable(program, node, first >= 0)] = -1
            if (first >= 0).any():
                starts[node.name] = first
        return starts or None

    def transform(self, program: Program, match: Starts) -> Program:
        bias = next(node.name for node in program.nodes if isinstance(node, BiasLine))
        connections = list(program.connections)
        for connection in program.weighted_connections:
            if connection.source in match:
                connections += _from_bias(connection, bias, match[connection.source])
        constant: dict[str, Neurons] = {name: first >= 0 for name, first in match.items()}
        smaller = without(replace(program, connections=tuple(connections)), constant)
        return replace(smaller, connections=_added_up(smaller.connections, bias))


def _can_be_divided(connection: Connection) -> bool:
    return not connection.weighted or is_whole(connection)


def _first_steps(certain: NDArray[np.bool_], possible: NDArray[np.bool_], active: int) -> NDArray[np.int64]:
    """The first of a neuron's ``active`` time steps, if it must spike in them and can in no other; else −1."""
    first = certain.argmax(axis=0)
    steps = np.arange(len(certain))[:, None]
    wanted = (steps >= first) & (steps < first + active)
    is_constant = (certain == wanted).all(axis=0) & (possible == wanted).all(axis=0) & (wanted.sum(axis=0) == active)
    return np.where(is_constant, first, -1).astype(np.int64)


def _from_bias(connection: Weighted, bias: str, first: NDArray[np.int64]) -> list[Connection]:
    """The synapses of a node's constant neurons, from the bias line."""
    if isinstance(connection, Sparse):
        mine = first[connection.source_index] >= 0
        starts = first[connection.source_index[mine]]
        synapses = Sparse(
            bias,
            connection.target,
            np.zeros(int(mine.sum()), dtype=np.int32),
            connection.target_index[mine],
            connection.weight[mine],
            (connection.delay[mine] + starts).astype(np.int32),
            connection.exponent,
        )
        return [synapses] if mine.any() else []
    return [
        Dense(
            bias,
            connection.target,
            connection.weight[:, [neuron]],
            connection.delay + int(first[neuron]),
            connection.exponent,
        )
        for neuron in np.flatnonzero(first >= 0)
    ]


def _added_up(connections: tuple[Connection, ...], bias: str) -> tuple[Connection, ...]:
    """Dense biases of the same target, delay and exponent as one, where 8 bits hold their sum."""
    summed: list[Connection] = []
    places: dict[tuple[str, int, int], int] = {}
    for connection in connections:
        if isinstance(connection, Dense) and connection.source == bias and is_whole(connection):
            key = connection.target, connection.delay, connection.exponent
            if key in places:
                before = summed[places[key]]
                assert isinstance(before, Dense)
                total = np.add(before.weight, connection.weight)
                if total.min() >= SMALLEST_WEIGHT and total.max() <= LARGEST_WEIGHT:
                    summed[places[key]] = replace(before, weight=total)
                    continue
            places[key] = len(summed)
        summed.append(connection)
    return tuple(summed)
