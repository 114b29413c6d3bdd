"""A program's connections as NIR ``Linear`` and ``Delay`` nodes, and their weights read back from these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program import Program
from neuro_runtime.program.arrival import first_arrivals
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import (
    Accumulator,
    BiasLine,
    Connection,
    Dense,
    Injection,
    Node,
)

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """Synapses that make one ``Linear`` and, where a delay is not zero, one ``Delay`` after it."""

    name: str
    weight: Array  # (target size, NIR source size)
    delay: Integers  # (target size,), time steps


@dataclass(frozen=True, eq=False)
class Synapses:
    """One connection, synapse by synapse, in NIR's terms.

    Attributes
    ----------
    name
        The name of its ``Linear`` nodes, but for the part's number.
    sources
        Neurons of the NIR node it comes from.
    target_index, source_index, mantissa
        (synapses,); the source's index counts the NIR node's neurons.
    scale
        Real value of a mantissa of 1, (synapses,).
    past
        Time steps a synapse reaches back beyond the paths that all have the same length, (synapses,).
    """

    name: str
    connection: Connection
    sources: int
    targets: int
    target_index: Integers
    source_index: Integers
    mantissa: Integers
    scale: Array
    past: Integers

    def parts(self) -> Iterator[Part]:
        """As many as the most different delays that one target has."""
        rank = self._rank()
        for number in range(int(rank.max(initial=0)) + 1):
            mine = rank == number
            weight, delay = np.zeros((self.targets, self.sources)), np.zeros(self.targets, dtype=np.int64)
            weight[self.target_index[mine], self.source_index[mine]] = (self.mantissa * self.scale)[mine]
            delay[self.target_index[mine]] = self.past[mine]
            yield Part(f"{self.name}_{number}", weight, delay)

    def mantissas(self, weights: Mapping[str, Array]) -> Integers:
        """The connection's weights, in its own shape, from those of the graph's ``Linear`` nodes."""
        values = np.zeros(len(self.past))
        rank = self._rank()
        for number in range(int(rank.max(initial=0)) + 1):
            mine = rank == number
            values[mine] = weights[f"{self.name}_{number}"][self.target_index[mine], self.source_index[mine]]
        mantissa = np.rint(values / self.scale).astype(np.int64)
        return mantissa.reshape(self.targets, -1) if isinstance(self.connection, Dense) else mantissa

    def _rank(self) -> Integers:
        """The part of each synapse: its delay's place among the delays of its target."""
        span = int(self.past.max(initial=0)) + 1
        distinct, place = np.unique(self.target_index * span + self.past, return_inverse=True)
        targets = distinct // span
        rank: Integers = (np.arange(len(distinct)) - np.searchsorted(targets, targets))[place]
        return rank


def nir_name(node: Node) -> str:
    """A node's name in NIR, where a dot would mean a port; token and bias line are the graph's one input."""
    return node.name.replace(".", "_") if node.has_state else "input"


def all_synapses(program: Program) -> Iterator[Synapses]:
    """The connections of a loihi program, in their order."""
    depth = first_arrivals(program)
    for number, connection in enumerate(program.connections):
        source, target = program.node(connection.source), program.node(connection.target)
        target_index, source_index, mantissa = _places(connection, source, target)
        yield Synapses(
            name=f"{nir_name(source)}_to_{nir_name(target)}_{number}",
            connection=connection,
            sources=program.current_input.size + 1 if nir_name(source) == "input" else source.size,
            targets=target.size,
            target_index=target_index,
            source_index=source_index + (program.current_input.size if isinstance(source, BiasLine) else 0),
            mantissa=mantissa,
            scale=_scale(program, connection, target)[target_index],
            past=np.broadcast_to(_past(program, connection, target, depth), target_index.shape),
        )


def _places(connection: Connection, source: Node, target: Node) -> tuple[Integers, Integers, Integers]:
    """Target, source and mantissa of each synapse."""
    if isinstance(connection, Injection):
        channels = np.arange(target.size)
        return channels, channels, np.ones(target.size, dtype=np.int64)
    weight = connection.weight.astype(np.int64)
    if isinstance(connection, Dense):
        target_index, source_index = np.indices((target.size, source.size)).reshape(2, -1)
        return target_index, source_index, weight.reshape(-1)
    return connection.target_index.astype(np.int64), connection.source_index.astype(np.int64), weight


def _scale(program: Program, connection: Connection, target: Node) -> Array:
    """Real value of a mantissa of 1 at each target: thresholds, or the accumulator's."""
    shifted = 2.0**connection.exponent
    if isinstance(connection, Injection):
        shifted *= program.encoder.input_scale
    if isinstance(target, Accumulator):
        value: Array = shifted * 2**CURRENT_SHIFT * program.readout.inverse_scale
        return value
    assert target.has_state  # synapses end nowhere else in a valid program
    return np.full(target.size, shifted / target.threshold)


def _past(program: Program, connection: Connection, target: Node, depth: Mapping[str, int]) -> Integers:
    hop = 0 if isinstance(connection, Injection) else 1
    arrival = np.asarray(connection.delay, dtype=np.int64) + depth[connection.source] + hop
    if isinstance(target, Accumulator):  # sums over a decision, so only whole ones matter
        return arrival // program.period * program.period
    return arrival - depth[connection.target]
