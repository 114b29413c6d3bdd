"""How far the currents of a float program's neurons can go in a time step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import Dense, Injection, Sparse, Weighted
from neuro_runtime.program.program import Program

Values = NDArray[np.float64]


def reach_of_neurons(program: Program, layer: str) -> Values:
    """The largest current of one sign that a time step can bring each neuron of a layer, (size,), in thresholds."""
    size, injected = program.node(layer).size, injected_into(program, layer)
    up, down = np.full(size, injected), np.full(size, injected)
    for connection in weights_into(program, layer):
        targets, values = terms_of(connection)
        up += np.bincount(targets, values.clip(min=0), size)
        down -= np.bincount(targets, values.clip(max=0), size)
    reach: Values = np.maximum(up, down)
    return reach


def weights_into(program: Program, layer: str) -> list[Weighted]:
    """The synapses that end at a layer."""
    return [connection for connection in program.weighted_connections if connection.target == layer]


def injected_into(program: Program, layer: str) -> float:
    """The largest current that the host brings a neuron of the layer."""
    injections = [item for item in program.connections_into(layer) if isinstance(item, Injection)]
    return len(injections) * float(program.encoder.largest_current.max())


def terms_of(connection: Dense | Sparse) -> tuple[NDArray[np.int64], Values]:
    """The target neuron and the weight of each synapse, both in the order of the weights."""
    weight = np.asarray(connection.weight, dtype=np.float64)
    if isinstance(connection, Sparse):
        return connection.target_index.astype(np.int64), weight
    return np.repeat(np.arange(weight.shape[0]), weight.shape[1]), weight.ravel().copy()
