"""When a token's spikes first reach each node, in time steps from the decision's start."""

from __future__ import annotations

import numpy as np

from neuro_runtime.program.nodes import Connection
from neuro_runtime.program.program import SpikingProgram


def arrival_times(program: SpikingProgram) -> dict[str, int]:
    """The shortest path from the token or a bias line to each node that one reaches.

    A hop takes one time step and its delay; an injection takes its delay alone. In a lowered program all paths of
    a token to a layer have the same length, so a layer works on time step t of the token at ``arrival + t``.
    """
    arrivals = {node.name: 0 for node in program.nodes if not program.connections_into(node.name)}
    carrying = [connection for connection in program.connections if np.size(connection.delay)]
    for _ in program.nodes:
        for connection in carrying:
            if connection.source in arrivals:
                arrival = arrivals[connection.source] + shortest_delay(connection)
                arrivals[connection.target] = min(arrival, arrivals.get(connection.target, arrival))
    return arrivals


def shortest_delay(connection: Connection) -> int:
    """Time steps from a source's activity to a target's, over the connection's quickest path."""
    return int(np.min(connection.delay)) + connection.weighted
