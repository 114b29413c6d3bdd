"""When a token's spikes first reach each node, in time steps from the decision's start."""

from __future__ import annotations

import numpy as np

from neuro_runtime.program.nodes import Connection, Injection
from neuro_runtime.program.program import Program


def depths(program: Program) -> dict[str, int]:
    """The shortest path from the token or a bias line to each node that one reaches.

    A hop takes one time step and its delay; an injection takes its delay alone. In a lowered program all paths of
    a token to a layer have the same length, so a layer works on time step t of the token at ``depth + t``.
    """
    reached = {node.name: 0 for node in program.nodes if not program.connections_into(node.name)}
    for _ in program.nodes:
        for connection in program.connections:
            if connection.source in reached:
                arrival = reached[connection.source] + shortest_delay(connection)
                reached[connection.target] = min(arrival, reached.get(connection.target, arrival))
    return reached


def shortest_delay(connection: Connection) -> int:
    """Time steps from a source's activity to a target's, over the connection's quickest path."""
    if isinstance(connection, Injection):
        return connection.delay
    return 1 + int(np.min(connection.delay))
