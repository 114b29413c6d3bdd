"""The signals that reach each layer of neurons, as weights from the spikes of others and from the input.

Between two layers of neurons everything is linear: matrices, convolutions, sums over windows, factors. So each layer of
neurons gets one sparse map from each source and delay, and one bias.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.float_network import DelayLayer, FloatNetwork, InputLayer, NeuronLayer, OutputLayer
from dsf_export.sources.sparse_map import SparseMap

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Signal:
    """A sum of what sources sent: by source and time steps of delay, and a constant."""

    parts: Mapping[tuple[str, int], SparseMap]
    constant: Array

    def plus(self, other: Signal) -> Signal:
        parts = dict(self.parts)
        for key, part in other.parts.items():
            parts[key] = parts[key].plus(part) if key in parts else part
        return Signal(parts, self.constant + other.constant)

    def later(self, steps: int = 1) -> Signal:
        return Signal({(source, delay + steps): part for (source, delay), part in self.parts.items()}, self.constant)


def signals(network: FloatNetwork) -> dict[str, Signal]:
    """The signals that reach each layer of neurons, and the output.

    Raises
    ------
    UserError
        Neurons that do not fire feed others, or a constant passes a delay.
    """
    given: dict[str, Signal] = {}  # what each node sends
    reaching: dict[str, Signal] = {}
    for name, node in network.nodes.items():
        if isinstance(node, InputLayer | NeuronLayer):
            size = math.prod(network.shapes[name])
            given[name] = Signal({(name, 0): SparseMap.diagonal(np.ones(size))}, np.zeros(size))
    for name, node in network.nodes.items():
        if isinstance(node, InputLayer):
            continue
        arriving = _arriving(network, name, given)
        match node:
            case NeuronLayer() | OutputLayer():
                reaching[name] = arriving
            case DelayLayer():
                given[name] = _delayed(name, node, arriving)
            case _:
                shape = network.shapes[network.sources[name][0]]
                matrix = node.matrix(shape)
                given[name] = Signal(
                    {key: matrix.after(part) for key, part in arriving.parts.items()},
                    matrix.of(arriving.constant) + node.offset(shape),
                )
    return reaching


def _arriving(network: FloatNetwork, name: str, given: Mapping[str, Signal]) -> Signal:
    total: Signal | None = None
    for source in network.sources[name]:
        signal = given[source].later() if (source, name) in network.looping else given[source]
        total = signal if total is None else total.plus(signal)
    assert total is not None
    for source, _ in total.parts:
        layer = network.nodes[source]
        if isinstance(layer, NeuronLayer) and not layer.fires and not isinstance(network.nodes[name], OutputLayer):
            raise UserError(
                f"{source} does not fire and feeds {name}: a membrane leaves no neuron of a chip, spikes do"
            )
    return total


def _delayed(name: str, node: DelayLayer, arriving: Signal) -> Signal:
    if (arriving.constant != 0).any() and (node.steps > 0).any():
        raise UserError(f"{name} delays a bias, which begins later then than all else: put the bias behind it")
    steps = node.steps.reshape(-1)
    parts: dict[tuple[str, int], SparseMap] = {}
    for (source, delay), part in arriving.parts.items():
        for more in np.unique(steps).tolist():
            mine = steps[part.target] == more
            key = (source, delay + more)
            some = SparseMap(part.sources, part.targets, part.source[mine], part.target[mine], part.weight[mine])
            parts[key] = parts[key].plus(some) if key in parts else some
    return Signal(parts, arriving.constant)
