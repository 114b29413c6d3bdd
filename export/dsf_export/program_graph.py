"""A program under construction: nodes and connections, whose delays and period follow once all of them are there.

**Depth.** A spike takes one time step a hop, so a layer works on time step t of the token at time step ``depth + t`` of
the decision. Every path into a layer is delayed to the layer's depth, or time steps would mix. So a layer's depth is
one more than that of its deepest source, and 0 for a layer that the token's current alone reaches.

**Sums over time steps.** A layer that reads what another spiked in all T steps waits until the last of them has come,
so it is T hops deeper, and synapses of 2T − 1 delays bring each of its T steps the same sum.

**Accumulator.** It sums over a decision, and a sum does not care when: what leads there has no delay.

**Period.** ``P = T + max(depth of the accumulator, idle)``: the whole answer is in, and after its T active steps each
neuron has had ``idle`` steps, those in which a membrane at full scale decays to exactly 0 in Loihi's arithmetic. The
spikes of j decisions ago are therefore the same line delayed by j·P.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dsf_export.folding import Affine
from dsf_export.quantise.parameter_rounding import decay_mantissa
from neuro_runtime.program.decay import steps_to_zero
from neuro_runtime.program.limits import AND_DECAY, DECAY_ONE, LARGEST_DECAY
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
)

Indices = NDArray[np.int32]

TOKEN, BIAS, ACTION = "token", "bias", "action"

# The threshold of neurons that sum multiples of one worth, all of a sign, and so may meet a threshold of 1 exactly. In
# reals, a membrane keeps up to 2^-23 of what the last token left; in integers nothing is left, and this rounds to 1.
ABOVE_A_TIE = 1 + 2.0**-22


@dataclass(frozen=True, eq=False)
class _Placed:
    """A connection whose delay is yet to come.

    Attributes
    ----------
    ago
        How many decisions ago its source's spikes were; listed synapses have a number each.
    hops
        Time steps by which its target is at least deeper than its source.
    """

    connection: Connection
    ago: int | Indices = 0
    hops: int = 1


class ProgramGraph:
    """Nodes and connections; a node is added after those that it reads in the same decision.

    Parameters
    ----------
    size
        Channels of the token's current (D).
    beta
        The share of a membrane that its neurons keep from one time step to the next.
    time_steps
        Active ones of a decision (T).
    """

    def __init__(self, size: int, beta: float, time_steps: int) -> None:
        self._size = size
        self._beta = beta
        self._time_steps = time_steps
        self._nodes: list[Node] = [CurrentInput(TOKEN, size), BiasLine(BIAS)]
        self._placed: list[_Placed] = []

    @property
    def nodes(self) -> tuple[Node, ...]:
        """In the order in which they were added."""
        return tuple(self._nodes)

    def add_lif(self, name: str, size: int, threshold: float = 1.0) -> str:
        """Spiking neurons."""
        return self._add(Lif(name, size, current_decay=1.0, voltage_decay=1.0 - self._beta, threshold=threshold))

    def add_and(self, name: str, size: int) -> str:
        """Coincidence neurons of two inputs each."""
        return self._add(And(name, size, fan_in=2, threshold=1.5))

    def add_counter(self, name: str, size: int, least: int) -> str:
        """Neurons that fire when at least ``least`` arrives of whole weights, and forget it as fast as Loihi's can."""
        fastest = LARGEST_DECAY / DECAY_ONE
        return self._add(Lif(name, size, current_decay=1.0, voltage_decay=fastest, threshold=least - 0.5))

    def add_accumulator(self, size: int) -> str:
        """The neurons that the host reads the action from."""
        return self._add(Accumulator(ACTION, size))

    def add_layer(self, name: str, sources: Sequence[str], affine: Affine) -> str:
        """``SN(weight @ sources + bias)``, of ``sources`` that stand side by side."""
        self.add_lif(name, len(affine.bias))
        self.connect_all(sources, name, affine.weight)
        self.connect_bias(name, affine.bias)
        return name

    def inject(self, target: str) -> None:
        """Give ``target`` the token's current, one to one."""
        self._placed.append(_Placed(Injection(TOKEN, target)))

    def connect(self, source: str, target: str, weight: Tensor, ago: int = 0) -> None:
        """All-to-all synapses, (targets, sources), from ``source``'s spikes of ``ago`` decisions ago."""
        self._placed.append(_Placed(Dense(source, target, weight.numpy()), ago))

    def connect_all(self, sources: Sequence[str], target: str, weight: Tensor, ago: int = 0) -> None:
        """The same from ``sources`` that stand side by side."""
        for source, part in zip(sources, weight.chunk(len(sources), dim=1), strict=True):
            self.connect(source, target, part, ago)

    def connect_bias(self, target: str, bias: Tensor, ago: int = 0) -> None:
        """A bias, (targets,), that counts if there was a token ``ago`` decisions ago."""
        self.connect(BIAS, target, bias[:, None], ago)

    def connect_listed(
        self,
        source: str,
        target: str,
        source_index: Indices,
        target_index: Indices,
        weight: Tensor | None = None,
        ago: Indices | None = None,
    ) -> None:
        """Listed synapses of ``weight`` (default 1), each from spikes of its own number of decisions ``ago`` (0)."""
        weights = np.ones(len(source_index)) if weight is None else weight.numpy()
        ago = np.zeros_like(source_index) if ago is None else ago
        synapses = Sparse(source, target, source_index, target_index, weights, delay=np.zeros_like(ago))
        self._placed.append(_Placed(synapses, ago))

    def connect_over_steps(self, source: str, target: str, source_index: Indices, target_index: Indices) -> None:
        """Listed synapses of weight 1 that bring each of ``target``'s T active steps the sum of all T of ``source``'s.

        A spike of step t arrives for step s by a delay that is s − t longer than the way.
        """
        longer = np.arange(1 - self._time_steps, self._time_steps, dtype=np.int32)
        sources, targets = (np.tile(index, len(longer)) for index in (source_index, target_index))
        delay = np.repeat(longer, len(source_index))
        synapses = Sparse(source, target, sources, targets, np.ones(len(delay)), delay)
        self._placed.append(_Placed(synapses, np.zeros_like(delay), hops=self._time_steps))

    def fan_out(self, name: str) -> float:
        """Synapses that a spike of ``name`` reaches, whatever they weigh: the mean over its neurons."""
        (size,) = (node.size for node in self._nodes if node.name == name)
        connections = (placed.connection for placed in self._placed)
        return sum(item.weight.size for item in connections if item.source == name and item.weighted) / size

    def depths(self) -> dict[str, int]:
        """How many hops each node is from the token, along the longest way."""
        depths = {node.name: 0 for node in self._nodes}
        for node in self._nodes:
            sources = [
                (placed.connection.source, placed.hops)
                for placed in self._placed
                if placed.connection.target == node.name and not isinstance(placed.connection, Injection)
            ]
            depths[node.name] = max((depths[source] + hops for source, hops in sources), default=0)
        return depths

    @cached_property
    def period(self) -> int:
        """Time steps a decision (P); asked for when the graph is complete.

        Raises
        ------
        UserError
            Loihi's 12 bits do not hold the neurons' decay.
        """
        return self._time_steps + max(self.depths()[ACTION], *(_idle(node) for node in self._nodes))

    def connections(self) -> tuple[Connection, ...]:
        """In the order in which they were added, each with its delay; asked for when the graph is complete."""
        depths = self.depths()
        return tuple(self._delayed(placed, depths) for placed in self._placed)

    def _delayed(self, placed: _Placed, depths: dict[str, int]) -> Connection:
        connection = placed.connection
        wait = depths[connection.target] - depths[connection.source]
        if isinstance(connection, Injection):
            return replace(connection, delay=wait)
        if connection.target == ACTION:
            return connection
        delay = wait - 1 + self.period * placed.ago
        if isinstance(connection, Dense):
            return replace(connection, delay=int(delay))
        return replace(connection, delay=np.asarray(connection.delay + delay, dtype=np.int32))

    def _add(self, node: Node) -> str:
        self._nodes.append(node)
        return node.name


def _idle(node: Node) -> int:
    """Time steps in which a state of ``node`` at full scale decays to exactly 0."""
    if isinstance(node, Lif):
        return steps_to_zero(decay_mantissa(node.voltage_decay, "Every LIF layer"))
    return steps_to_zero(AND_DECAY) if isinstance(node, And) else 0
