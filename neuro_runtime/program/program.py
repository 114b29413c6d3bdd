"""Programs: a graph of neurons, and of a policy the host's two ends and where it came from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.program.host import HostEncoder, HostReadout
from neuro_runtime.program.nodes import (
    Accumulator,
    Arithmetic,
    Connection,
    Convolution,
    CurrentInput,
    Injection,
    Neurons,
    Node,
    SpikeInput,
    Weighted,
)

__all__ = ["Arithmetic", "HostEncoder", "HostReadout", "Program", "SpikingProgram"]


@dataclass(frozen=True, eq=False)
class SpikingProgram(ABC):
    """A graph of neurons that the host feeds and reads, run ``period`` time steps at a time: what every simulator runs.

    Attributes
    ----------
    arithmetic
        ``float`` or ``loihi``.
    active_steps, period
        T and P, in time steps.
    nodes, connections
        The graph, nodes in the order in which an input's spikes first reach them. A sample's program keeps convolutions
        as such; simulators, counts and maps go by `unfolded`, or by the properties below, which list their synapses.
    """

    arithmetic: Arithmetic
    active_steps: int
    period: int
    nodes: tuple[Node, ...]
    connections: tuple[Connection | Convolution, ...]

    @property
    @abstractmethod
    def title(self) -> str:
        """The name that reports give the network."""

    @property
    @abstractmethod
    def host_macs(self) -> int:
        """Multiply-accumulates of the host's parts in a period."""

    @abstractmethod
    def largest_input(self, source: str) -> NDArray[np.float64]:
        """The largest magnitudes that the host gives in each channel of current, in the program's own units."""

    @property
    @abstractmethod
    def holds_input(self) -> bool:
        """Whether one input is held for the active time steps; otherwise every time step has a row of its own."""

    def node(self, name: str) -> Node:
        """The node called ``name``.

        Raises
        ------
        KeyError
            There is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def unfolded(self) -> list[Connection]:
        """The connections, each convolution as the list of its synapses."""
        return [item.listed if isinstance(item, Convolution) else item for item in self.connections]

    def connections_into(self, name: str) -> list[Connection]:
        """Connections whose target is ``name``."""
        return [connection for connection in self.unfolded if connection.target == name]

    def connections_from(self, name: str) -> list[Connection]:
        """Connections whose source is ``name``."""
        return [connection for connection in self.unfolded if connection.source == name]

    @property
    def injections(self) -> list[Injection]:
        """The connections that bring the token's current."""
        return [connection for connection in self.unfolded if not connection.weighted]

    @property
    def weighted_connections(self) -> list[Weighted]:
        """The connections that are synapses."""
        return [connection for connection in self.unfolded if connection.weighted]

    @property
    def neurons(self) -> list[Neurons]:
        """The nodes that have states."""
        return [node for node in self.nodes if node.has_state]

    @property
    def inputs(self) -> list[CurrentInput | SpikeInput]:
        """The nodes that the host feeds: one after the other, they share a row of its numbers out among them."""
        return [node for node in self.nodes if isinstance(node, CurrentInput | SpikeInput)]

    @property
    def input_size(self) -> int:
        """Numbers in a row of the host's input."""
        return sum(node.size for node in self.inputs)

    @property
    def accumulators(self) -> list[Accumulator]:
        """The nodes that sum up a decision: one in a policy, none in a sample's program."""
        return [node for node in self.nodes if isinstance(node, Accumulator)]


@dataclass(frozen=True, eq=False)
class Program(SpikingProgram):
    """A policy as spiking neurons: what `export` makes and every simulator and chip runs.

    One decision takes ``period`` time steps. The host gives the token's current at the first, and reads the
    accumulator after the last. Spikes in flight stay in flight from one decision to the next: they are the past.

    Attributes
    ----------
    encoder, readout
        The host's parts.
    environment, return_target
        The environment that the policy was trained for, and the raw return it is asked for by default.
    provenance
        Where the program came from: hash of the model, configuration, versions.
    action_bounds
        What an action's −1 … 1 stands for, in the environment's own unit; None in a program of an earlier release.
    """

    connections: tuple[Connection, ...]
    encoder: HostEncoder
    readout: HostReadout
    environment: str
    return_target: float
    provenance: Mapping[str, str] = field(default_factory=dict)
    action_bounds: ActionBounds | None = None

    @property
    def title(self) -> str:
        """The environment's name."""
        return self.environment

    @property
    def host_macs(self) -> int:
        """Those of the encoder and the readout, a decision."""
        return int(self.encoder.weight.size + self.readout.weight.size)

    def largest_input(self, source: str) -> NDArray[np.float64]:
        """The most that the encoder can give in each channel of the token's current."""
        largest: NDArray[np.float64] = np.ceil(self.encoder.largest_current * self.encoder.input_scale)
        return largest

    @property
    def holds_input(self) -> bool:
        """Yes: the token's current."""
        return True

    @property
    def current_input(self) -> CurrentInput:
        """The token's node."""
        return next(node for node in self.nodes if isinstance(node, CurrentInput))

    @property
    def accumulator(self) -> Accumulator:
        """The node that the host reads."""
        return next(node for node in self.nodes if isinstance(node, Accumulator))
