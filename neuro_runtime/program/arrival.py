"""When a token's spikes reach each node, and when it works on them, in time steps from the decision's start."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuro_runtime.program.nodes import BiasLine, Connection
from neuro_runtime.program.program import SpikingProgram


def working_times(program: SpikingProgram) -> dict[str, int]:
    """When each node begins to work on a token, where one reaches it: with its bias, if the bias line brings one.

    What sums over time steps is reached earlier (:func:`first_arrivals`). In a lowered program all paths of a token to
    any other layer have the same length. So a layer works on time step t of the token at ``working + t``.
    """
    return _shortest_paths(program, _biased(program))


def first_arrivals(program: SpikingProgram) -> dict[str, int]:
    """The shortest path from the token or a bias line to each node that one reaches.

    A hop takes one time step and its delay; an injection takes its delay alone. Spikes that reach a graded node before
    its bias ask for no answer yet.
    """
    biased = _biased(program).items()
    return _shortest_paths(program, {name: at for name, at in biased if program.node(name).graded})


def _biased(program: SpikingProgram) -> dict[str, int]:
    """When the bias line first reaches each node that it does."""
    lines = {node.name for node in program.nodes if isinstance(node, BiasLine)}
    known: dict[str, int] = {}
    for connection in program.unfolded:
        if connection.source in lines and np.size(connection.delay):
            arrival = shortest_delay(connection)
            known[connection.target] = min(arrival, known.get(connection.target, arrival))
    return known


def _shortest_paths(program: SpikingProgram, known: Mapping[str, int]) -> dict[str, int]:
    """The same, through nodes that are reached at a ``known`` time, some of them."""
    arrivals = {node.name: 0 for node in program.nodes if not program.connections_into(node.name)} | dict(known)
    carrying = [item for item in program.unfolded if np.size(item.delay) and item.target not in known]
    for _ in program.nodes:
        for connection in carrying:
            if connection.source in arrivals:
                arrival = arrivals[connection.source] + shortest_delay(connection)
                arrivals[connection.target] = min(arrival, arrivals.get(connection.target, arrival))
    return arrivals


def shortest_delay(connection: Connection) -> int:
    """Time steps from a source's activity to a target's, over the connection's quickest path."""
    return int(np.min(connection.delay)) + connection.weighted
