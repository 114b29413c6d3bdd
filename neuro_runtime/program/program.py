"""A program: the graph of neurons, the host's two ends, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.program.host import HostEncoder, HostReadout
from neuro_runtime.program.nodes import (
    Accumulator,
    Arithmetic,
    Connection,
    CurrentInput,
    Injection,
    Neurons,
    Node,
    Weighted,
)

__all__ = ["Arithmetic", "HostEncoder", "HostReadout", "Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """A policy as spiking neurons: what `export` makes and every simulator and chip runs.

    One decision takes ``period`` time steps. The host gives the token's current at the first, and reads the
    accumulator after the last. Spikes in flight stay in flight from one decision to the next: they are the past.

    Attributes
    ----------
    arithmetic
        ``float`` or ``loihi``.
    active_steps, period
        T and P, in time steps.
    nodes, connections
        The graph, nodes in the order in which a token's spikes first reach them.
    encoder, readout
        The host's parts.
    environment, return_target
        The environment that the policy was trained for, and the raw return it is asked for by default.
    provenance
        Where the program came from: hash of the model, configuration, versions.
    action_bounds
        What an action's −1 … 1 stands for, in the environment's own unit; None in a program of an earlier release.
    """

    arithmetic: Arithmetic
    active_steps: int
    period: int
    nodes: tuple[Node, ...]
    connections: tuple[Connection, ...]
    encoder: HostEncoder
    readout: HostReadout
    environment: str
    return_target: float
    provenance: Mapping[str, str] = field(default_factory=dict)
    action_bounds: ActionBounds | None = None

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

    def connections_into(self, name: str) -> list[Connection]:
        """Connections whose target is ``name``."""
        return [connection for connection in self.connections if connection.target == name]

    def connections_from(self, name: str) -> list[Connection]:
        """Connections whose source is ``name``."""
        return [connection for connection in self.connections if connection.source == name]

    @property
    def injections(self) -> list[Injection]:
        """The connections that bring the token's current."""
        return [connection for connection in self.connections if not connection.weighted]

    @property
    def weighted_connections(self) -> list[Weighted]:
        """The connections that are synapses."""
        return [connection for connection in self.connections if connection.weighted]

    @property
    def neurons(self) -> list[Neurons]:
        """The nodes that have states."""
        return [node for node in self.nodes if node.has_state]

    @property
    def current_input(self) -> CurrentInput:
        """The token's node."""
        return next(node for node in self.nodes if isinstance(node, CurrentInput))

    @property
    def accumulator(self) -> Accumulator:
        """The node that the host reads."""
        return next(node for node in self.nodes if isinstance(node, Accumulator))
