"""The currents that arrive at a node: spikes of timelines through synapses, and the token's current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.arithmetic import Arithmetic
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.timeline import Timeline
from neuro_runtime.program import SpikingProgram
from neuro_runtime.program.nodes import And, BiasLine, Connection, Convolution, Dense, Injection, Neurons, Sparse

Times = Sequence[int]


@dataclass(frozen=True)
class Arriving:
    """A tensor of currents, (rows, size); one row stands for every time step."""

    tensor: str
    rows: int

    def split(self, graph: GraphBuilder, steps: int) -> list[str]:
        """The current of each time step, (1, size)."""
        return [self.tensor] * steps if self.rows == 1 else graph.split_op("Split", steps, self.tensor, axis=0)


class Synapses:
    """The connections of a program as operators.

    Parameters
    ----------
    timelines
        The spikes of each source, by name.
    given
        The host's current of each input node, a row (1, size).
    """

    def __init__(
        self,
        arithmetic: Arithmetic,
        program: SpikingProgram,
        timelines: Mapping[str, Timeline],
        given: Mapping[str, str],
    ) -> None:
        self._arithmetic = arithmetic
        self._graph = arithmetic.graph
        self._program = program
        self._timelines = timelines
        self._given = given
        self._names = {id(item): f"connections/{n}/weight" for n, item in enumerate(program.connections)}
        self._bias_lines = {node.name for node in program.nodes if isinstance(node, BiasLine)}

    def arriving(self, node: Neurons, steps: Times) -> Arriving:
        """All that arrives at ``node`` in ``steps``; of AND gates, how many of their inputs spike."""
        constant = np.zeros((len(steps), node.size))
        parts: list[Arriving] = []
        for connection in self._into(node):
            if self._is_constant(connection, steps):
                assert isinstance(connection, Dense)
                constant += self._arithmetic.shifted_weights(connection.weight[:, 0], connection.exponent)
            elif self._carries(connection, steps):
                parts.append(self._brought(connection, node, steps))
        if constant.any() or not parts:
            row = constant[:1] if (constant == constant[0]).all() else constant
            parts.append(Arriving(self._arithmetic.constant(row), len(row)))
        return Arriving(self._arithmetic.add([part.tensor for part in parts]), max(part.rows for part in parts))

    def apart(self, node: Neurons, steps: Times) -> list[str]:
        """The same by connection, (steps, size) each, in those of ``steps`` alone in which it can bring something."""
        brought: list[str] = []
        for connection in self._into(node):
            carrying = [step for step in steps if self._carries(connection, [step])]
            if carrying:
                part = self._brought(connection, node, carrying)
                brought.append(self._spread(part, len(carrying), node.size))
        return brought

    def _into(self, node: Neurons) -> list[Connection | Convolution]:
        return [connection for connection in self._program.connections if connection.target == node.name]

    def _is_constant(self, connection: Connection | Convolution, steps: Times) -> bool:
        """Whether it brings the same in each of ``steps``: a bias line that spikes in all of them."""
        if not isinstance(connection, Dense) or connection.source not in self._bias_lines:
            return False
        return self._timelines[connection.source].always_at(_sent(steps, connection.delay))

    def _carries(self, connection: Connection | Convolution, steps: Times) -> bool:
        """Whether it can bring anything in any of ``steps``."""
        if isinstance(connection, Injection):
            return any(self._injects(connection, step) for step in steps)
        source = self._timelines[connection.source]
        return any(not source.silent(_sent(steps, delay)) for delay in np.unique(connection.delay).tolist())

    def _injects(self, injection: Injection, step: int) -> bool:
        return injection.delay <= step < injection.delay + self._program.active_steps

    def _brought(self, connection: Connection | Convolution, node: Neurons, steps: Times) -> Arriving:
        match connection:
            case Injection():
                return self._injected(connection, steps)
            case Dense():
                spikes = self._timelines[connection.source].rows(_sent(steps, connection.delay))
                name = self._names[id(connection)]
                return Arriving(self._arithmetic.product(spikes, connection, name), len(steps))
            case Convolution():
                spikes = self._timelines[connection.source].rows(_sent(steps, connection.delay))
                name = self._names[id(connection)]
                return Arriving(self._convolved(spikes, connection, name, node.size), len(steps))
            case Sparse():
                return Arriving(self._listed(connection, node, steps), len(steps))
            case _:
                assert_never(connection)

    def _injected(self, injection: Injection, steps: Times) -> Arriving:
        current = self._arithmetic.shifted(self._given[injection.source], injection.exponent)
        active = np.array([[self._injects(injection, step)] for step in steps])
        if active.all():
            return Arriving(current, 1)
        return Arriving(self._graph.op("Mul", current, self._arithmetic.constant(active)), len(steps))

    def _convolved(self, spikes: str, connection: Convolution, name: str, size: int) -> str:
        """The currents that ``spikes`` (steps, sources), in the shape of its input, bring the flat targets."""
        steps_and = self._graph.constant(np.array([-1, *connection.shape], np.int64))
        shaped = self._graph.op("Reshape", spikes, steps_and)
        convolved = self._arithmetic.convolved(shaped, connection, name)
        return self._graph.op("Reshape", convolved, self._graph.constant(np.array([-1, size], np.int64)))

    def _listed(self, connection: Sparse, node: Neurons, steps: Times) -> str:
        """Each target picks the spikes of its synapses, and adds them up by weight."""
        places = entries_of_targets(connection.target_index, node.size)
        delay, source = np.asarray(connection.delay, np.int64)[places], connection.source_index[places]
        sent = np.array(steps)[:, None, None] - 1 - delay  # (steps, size, synapses)
        times, row = np.unique(sent, return_inverse=True)
        spikes = self._timelines[connection.source].rows(times.tolist())
        flat = self._graph.op("Reshape", spikes, self._graph.constant(np.array([-1], np.int64)))
        size = self._program.node(connection.source).size
        picked = self._graph.constant(row.reshape(sent.shape) * size + source, np.int32)
        values = self._graph.op("Gather", flat, picked)
        if self._arithmetic.spikes is not self._arithmetic.state:
            values = self._graph.cast(values, self._arithmetic.state)
        weight = np.where(places < 0, 0, 1 if isinstance(node, And) else np.asarray(connection.weight)[places])
        if not (weight == 1).all():
            values = self._graph.op("Mul", values, self._arithmetic.constant(weight))
        last_axis = self._graph.constant(np.array([-1], np.int64))
        total = self._graph.op("ReduceSum", values, last_axis, keepdims=0)
        return total if isinstance(node, And) else self._arithmetic.shifted(total, connection.exponent)

    def _spread(self, part: Arriving, steps: int, size: int) -> str:
        if part.rows == steps:
            return part.tensor
        return self._graph.op("Expand", part.tensor, self._graph.constant(np.array([steps, size], np.int64)))


def _sent(steps: Times, delay: int) -> list[int]:
    """When spikes were sent that arrive in ``steps``."""
    return [step - 1 - delay for step in steps]


def entries_of_targets(target_index: NDArray[Any], size: int) -> NDArray[np.int64]:
    """The numbers of each target's entries, in their order, (size, most entries); −1 where one has fewer."""
    counts = np.bincount(target_index, minlength=size)
    order = np.argsort(target_index, kind="stable")
    first = np.cumsum(counts) - counts
    places = np.full((size, int(counts.max(initial=1))), -1, dtype=np.int64)
    places[target_index[order], np.arange(len(order)) - first[target_index[order]]] = order
    return places
