"""From a float network to a program of neurons in floating point: every hop a time step, every path of one depth.

- Neurons that reset to 0 keep their membrane in v. Neurons that reset by subtraction keep it in u, which no spike
  clears: v repeats u, and a synapse from each neuron to itself takes the threshold off one step later (times what a
  step keeps of it, where the framework takes it off at once). That is exact, and needs a membrane that decays.
- A layer with several time constants becomes as many nodes.
- Layers that values reach are computed by the host (`neuro_runtime.program.sample.HostMap`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.float_network import FloatNetwork, NeuronLayer
from dsf_export.sources.signals import Signal, signals
from dsf_export.sources.sparse_map import SparseMap
from neuro_runtime.program.nodes import (
    BiasLine,
    Connection,
    Convolution,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
    SpikeInput,
    Weighted,
)
from neuro_runtime.program.sample import HostMap, InputKind, SampleEncoder, SampleOutput, SampleProgram

Array = NDArray[np.float64]
BIAS, READOUT = "bias", "readout"
DENSE_FROM = 0.25  # share of a matrix that is not 0


@dataclass(frozen=True, eq=False)
class _Group:
    """Neurons of a layer with one set of parameters: one node of the program."""

    node: str
    layer: str
    members: NDArray[np.int64]
    lif: Lif
    gain: Array  # of what arrives, by member of the layer
    subtracts: float  # weight of the synapse to itself


@dataclass(frozen=True, eq=False)
class Lowered:
    """The program of a float network.

    Attributes
    ----------
    watched
        The same program read at every neuron that fires, (neurons,), layer after layer in the network's order; row t
        of each belongs to the input's row t.
    """

    program: SampleProgram
    watched: SampleProgram


def lower_network(network: FloatNetwork, kind: InputKind, provenance: Mapping[str, str]) -> Lowered:
    """The program of a float network, in float arithmetic, a time step at a time.

    Raises
    ------
    UserError
        A layer or a loop has no exact form in neurons of a chip; its name and why.
    """
    reaching = signals(network)
    layers = dict(network.neurons)
    output, direct = _output(network, reaching)
    if not direct:
        layers[output] = _readout_layer(network)
        reaching[output] = reaching[network.output]
    depth = _depths(network.input, layers, reaching, kind)
    builder = _Builder(network, kind, layers, reaching, depth)
    for name, layer in layers.items():
        builder.add_layer(name, layer)
    for name in layers:
        builder.connect(name)
    program = builder.program(output, provenance)
    spiking = [name for name, layer in network.neurons.items() if layer.fires]
    size = sum(network.neurons[name].size for name in spiking)
    return Lowered(program, replace(program, outputs=builder.outputs(spiking), output_shape=(size,)))


def _output(network: FloatNetwork, reaching: Mapping[str, Signal]) -> tuple[str, bool]:
    """The layer that is read, and whether it is one of the network's."""
    signal = reaching[network.output]
    if len(signal.parts) == 1 and not signal.constant.any():
        (((source, delay), part),) = signal.parts.items()
        if delay == 0 and source in network.neurons and part.is_identity:
            return source, True
    silent = [source for source, _ in signal.parts if source in network.neurons and not network.neurons[source].fires]
    if silent:
        raise UserError(
            f"{silent[0]} does not fire and something changes its membrane before the output: read it itself"
        )
    return _free_name(READOUT, network.nodes), False


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, with as many underscores behind it as make it one that is not taken."""
    while name in taken:
        name += "_"
    return name


def _readout_layer(network: FloatNetwork) -> NeuronLayer:
    """Neurons that do not fire and whose v is what arrives in a time step."""
    shape = network.shapes[network.output]
    zero, one = torch.zeros(shape), torch.ones(shape)
    return NeuronLayer(shape, zero, zero, one, zero, one, fires=False, reset="zero", at_threshold=False)


def _depths(
    entry: str, layers: Mapping[str, NeuronLayer], reaching: Mapping[str, Signal], kind: InputKind
) -> dict[str, int]:
    """The time step in which each layer works on the input of step 0: the longest path, each hop one step."""
    depth = dict.fromkeys(layers, 0)
    hop_of_input = 1 if kind == "spikes" else 0
    for _ in range(len(layers) + 1):
        before = dict(depth)
        for name, layer in layers.items():
            for source, delay in reaching[name].parts:
                least = hop_of_input if source == entry else depth[source] + 1
                depth[name] = max(depth[name], least - delay)
            if (reaching[name].constant != 0).any() or (layer.bias != 0).any():
                by_host = kind == "values" and (entry, 0) in reaching[name].parts
                depth[name] = max(depth[name], 0 if by_host else 1)  # the bias line takes a hop
        if depth == before:
            return depth
    late = sorted(name for name in layers if depth[name] != before[name])
    raise UserError(
        f"a loop through {', '.join(late)} has more hops than time steps of delay; on a chip each hop takes one, so it "
        "has no exact form: put a Delay into it, or let each layer feed itself alone"
    )


class _Builder:
    def __init__(
        self,
        network: FloatNetwork,
        kind: InputKind,
        layers: Mapping[str, NeuronLayer],
        reaching: Mapping[str, Signal],
        depth: Mapping[str, int],
    ) -> None:
        self._network, self._kind = network, kind
        self._layers, self._reaching, self._depth = layers, reaching, depth
        self._groups: dict[str, list[_Group]] = {}
        self._nodes: list[Node] = []
        self._connections: list[Connection | Convolution] = []
        self._maps: list[HostMap] = []
        self._biased = False
        self._taken = {network.input, *layers}
        self._bias = self._new_name(BIAS)

    def add_layer(self, name: str, layer: NeuronLayer) -> None:
        """Its nodes, one for each set of parameters."""
        plain = layer.to(torch.float64)
        keep_current, keep, threshold = (
            parameter.numpy().reshape(-1) for parameter in (plain.keep_current, plain.keep_voltage, plain.threshold)
        )
        gain_in = 1.0 if plain.gain_in is None else plain.gain_in.numpy().reshape(-1)
        gain = plain.gain.numpy().reshape(-1) * gain_in
        if layer.fires and np.ptp(threshold) > 0:  # each neuron counts v in its own thresholds
            gain, threshold = gain / threshold, np.ones_like(threshold)
        keys = np.stack([keep_current, keep], axis=1)
        kinds, place = np.unique(keys, axis=0, return_inverse=True)
        self._groups[name] = []
        for n, (of_current, of_voltage) in enumerate(kinds.tolist()):
            members = np.flatnonzero(place.reshape(-1) == n)
            node = name if len(kinds) == 1 else self._new_name(f"{name}.{n}")
            theta = float(threshold[members[0]]) if layer.fires else np.inf
            lif, subtracts = self._neurons(node, layer, len(members), of_current, of_voltage, theta)
            self._groups[name].append(_Group(node, name, members, lif, gain, subtracts))
            self._nodes.append(lif)

    def _neurons(
        self, node: str, layer: NeuronLayer, size: int, keep_current: float, keep: float, threshold: float
    ) -> tuple[Lif, float]:
        at_threshold = layer.at_threshold and layer.fires
        if layer.reset == "zero late":
            raise UserError(
                f"{node} is held at 0 for the whole step after a spike, as snnTorch does with a reset to zero where "
                "neurons have a synaptic current or feed themselves; no neuron of a chip is: without from=, reset=zero "
                "sets v to 0 at once, which is another network"
            )
        if layer.reset == "zero" or not layer.fires:
            if keep_current and bool((layer.bias != 0).any()):
                raise UserError(
                    f"{node} has a synaptic current and a v_leak or v_reset besides: no integer neuron has both"
                )
            return Lif(node, size, 1 - keep_current, 1 - keep, threshold, at_threshold), 0.0
        if keep_current:
            raise UserError(
                f"{node} has a synaptic current and resets by subtraction: a chip's neuron resets to 0, and only one "
                "without a synaptic current can hold its membrane where no spike clears it; train with a reset to zero"
            )
        if keep == 1:
            raise UserError(
                f"{node} never decays and resets by subtraction: a chip's neuron resets to 0, and the state that no "
                "spike clears always decays; train with a reset to zero, or with a leak"
            )
        weight = -threshold if layer.reset == "subtract late" else -threshold * keep
        return Lif(node, size, 1 - keep, 1.0, threshold, at_threshold), weight

    def connect(self, name: str) -> None:
        """All that arrives at a layer."""
        layer, signal = self._layers[name], self._reaching[name]
        leak = layer.bias.double().numpy().reshape(-1)
        for group in self._groups[name]:
            depth = self._depth[name]
            gain = group.gain
            constant = gain * signal.constant + (leak * _unit(layer, group))
            hosted = False
            for (source, delay), part in signal.parts.items():
                scaled = part.scaled(gain)
                if source == self._network.input and self._kind == "values":
                    carries = not hosted and delay == 0
                    self._add_map(group, scaled, constant if carries else 0 * constant, depth + delay)
                    hosted |= carries
                    continue
                for other in self._sources(source):
                    hops = depth + delay - (0 if source == self._network.input else self._depth[source]) - 1
                    some = scaled.part(other[1], group.members)
                    if len(some.weight):
                        self._connections.append(_synapses(other[0], group.node, some, hops))
            if not hosted and constant[group.members].any():
                self._biased = True
                weight = constant[group.members][:, None]
                self._connections.append(Dense(self._bias, group.node, weight, delay=depth - 1))
            if group.subtracts:
                own = np.arange(len(group.members), dtype=np.int32)
                weight = np.full(len(own), group.subtracts)
                self._connections.append(Sparse(group.node, group.node, own, own, weight, np.zeros_like(own)))

    def _sources(self, source: str) -> list[tuple[str, NDArray[np.int64]]]:
        """The program's nodes that send what ``source`` does, with their places in it."""
        if source == self._network.input:
            return [(source, np.arange(np.prod(self._network.shapes[source], dtype=int)))]
        return [(group.node, group.members) for group in self._groups[source]]

    def _add_map(self, group: _Group, part: SparseMap, constant: Array, delay: int) -> None:
        name = f"{group.node}.current"
        if any(injection.target == group.node for injection in self._connections if not injection.weighted):
            name += str(delay)
        name = self._new_name(name)
        some = part.part(np.arange(part.sources), group.members)
        self._maps.append(
            HostMap(
                name,
                some.source.astype(np.int32),
                some.target.astype(np.int32),
                some.weight,
                constant[group.members],
                delay,
                largest=np.zeros(len(group.members)),
            )
        )
        self._connections.append(Injection(name, group.node))

    def program(self, output: str, provenance: Mapping[str, str]) -> SampleProgram:
        """All of it."""
        network = self._network
        shape = network.shapes[network.input]
        first: list[Node] = []
        if self._kind == "spikes":
            first.append(SpikeInput(network.input, int(np.prod(shape))))
        first += [CurrentInput(host_map.node, len(host_map.bias)) for host_map in self._maps]
        if self._biased:
            first.append(BiasLine(self._bias))
        return SampleProgram(
            arithmetic="float",
            active_steps=1,
            period=1,
            nodes=(*first, *sorted(self._nodes, key=lambda node: self._depth[self._layer_of(node.name)])),
            connections=tuple(self._connections),
            encoder=SampleEncoder(self._kind, shape, tuple(self._maps)),
            outputs=self.outputs([output]),
            output_shape=network.shapes[network.output],
            name=network.name,
            provenance=provenance,
        )

    def outputs(self, layers: Sequence[str]) -> tuple[SampleOutput, ...]:
        """The layers' neurons, read layer after layer."""
        ends = np.cumsum([self._layers[name].size for name in layers], dtype=int)
        return tuple(
            SampleOutput(
                group.node,
                "spikes" if self._layers[name].fires else "membrane",
                (end - self._layers[name].size + group.members).astype(np.int32),
                self._depth[name],
            )
            for name, end in zip(layers, ends.tolist(), strict=True)
            for group in self._groups[name]
        )

    def _new_name(self, name: str) -> str:
        """A name for a node that no layer of the network has."""
        name = _free_name(name, self._taken)
        self._taken.add(name)
        return name

    def _layer_of(self, node: str) -> str:
        return next(name for name, groups in self._groups.items() for group in groups if group.node == node)


def _unit(layer: NeuronLayer, group: _Group) -> Array | float:
    """One unit of a layer's v in the program's: 1, or 1/threshold where each neuron counts in its own."""
    threshold = layer.threshold.double().numpy().reshape(-1)
    return 1 / threshold if layer.fires and np.ptp(threshold) > 0 else 1.0


def _synapses(source: str, target: str, part: SparseMap, delay: int) -> Weighted | Convolution:
    if part.kernel is not None and part.kernel.shares_weights:
        return Convolution(**vars(part.kernel), source=source, target=target, delay=delay)
    if len(part.weight) >= DENSE_FROM * part.sources * part.targets:
        weight = np.zeros((part.targets, part.sources))
        weight[part.target, part.source] = part.weight
        return Dense(source, target, weight, delay=delay)
    return Sparse(
        source,
        target,
        part.source.astype(np.int32),
        part.target.astype(np.int32),
        part.weight,
        np.full(len(part.weight), delay, dtype=np.int32),
    )
