"""A network of another framework in floating point: its neurons' equations decided, its shapes known.

This is what the file means, run as its writer runs it: within a time step a spike goes through all layers, and a loop
has one step of delay, at the edge that leads back to the neurons nearer to the input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_export.sources.layers import Layer
from neuro_runtime.program.kernel import Shape

ResetRule = Literal["zero", "zero late", "subtract", "subtract late"]


@dataclass(frozen=True, eq=False)
class NeuronLayer:
    """Neurons; every parameter is a tensor of the layer's shape.

    ``u ← keep_current·u + gain_in·a``; ``v ← keep_voltage·v + gain·u + bias``; ``s = v > threshold`` (or ≥);
    then v is set to 0, at once (``zero``) or for the whole next step, whose input is lost (``zero late``), or the
    threshold is taken off at once (``subtract``) or in the next step, undecayed (``subtract late``). v is counted from
    v_reset.

    Attributes
    ----------
    fires
        Whether they spike; those that do not are read by their v.
    at_threshold
        Whether they fire at the threshold, too.
    multispike
        Whether ``s`` counts how many thresholds v holds.
    """

    shape: Shape
    keep_current: Tensor
    keep_voltage: Tensor
    gain: Tensor
    bias: Tensor
    threshold: Tensor
    fires: bool
    reset: ResetRule
    at_threshold: bool
    multispike: bool = False
    gain_in: Tensor | None = None

    def to(self, dtype: torch.dtype) -> NeuronLayer:
        """The same with parameters of ``dtype``."""
        tensors: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        changed: dict[str, Any] = {n: value.to(dtype) for n, value in tensors.items() if isinstance(value, Tensor)}
        return replace(self, **changed)

    @property
    def size(self) -> int:
        """How many they are."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class DelayLayer:
    """Each number comes ``steps`` time steps later, (shape)."""

    shape: Shape
    steps: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InputLayer:
    """The network's input."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class OutputLayer:
    """The network's output: what is brought to it."""

    shape: Shape


NetworkNode = InputLayer | OutputLayer | NeuronLayer | DelayLayer | Layer


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """Nodes in an order in which each comes after its sources, but for the loops' edges.

    Attributes
    ----------
    nodes
        By name, in that order.
    sources
        Of each node, in alphabetical order: their outputs add up.
    looping
        Edges (source, target) that bring what the source sent one time step before.
    shapes
        Shape of each node's output.
    dtype
        Of its arithmetic: that of the file's weights.
    notes
        What was repaired.
    origin
        The conventions it was read by, each with where it comes from.
    is_integer
        Whether its numbers are a chip's integers, which are taken as they are.
    """

    name: str
    nodes: Mapping[str, NetworkNode]
    sources: Mapping[str, tuple[str, ...]]
    looping: frozenset[tuple[str, str]]
    shapes: Mapping[str, Shape]
    dtype: torch.dtype
    notes: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    is_integer: bool = False

    @property
    def input(self) -> str:
        """The input's name."""
        return next(name for name, node in self.nodes.items() if isinstance(node, InputLayer))

    @property
    def output(self) -> str:
        """The output's name."""
        return next(name for name, node in self.nodes.items() if isinstance(node, OutputLayer))

    @property
    def neurons(self) -> dict[str, NeuronLayer]:
        """The layers of neurons."""
        return {name: node for name, node in self.nodes.items() if isinstance(node, NeuronLayer)}


@dataclass(frozen=True, eq=False)
class FloatRecording:
    """A sample's run.

    Attributes
    ----------
    output
        What came out in each time step, (steps, *shape).
    spikes
        Of each layer of neurons that fire, (steps, *shape), how many.
    voltages
        v of each layer before its reset, (steps, *shape).
    largest_current
        The largest |u| of each layer in units of its threshold.
    """

    output: NDArray[np.float64]
    spikes: Mapping[str, NDArray[np.int64]]
    voltages: Mapping[str, NDArray[np.float64]]


@torch.no_grad()
def run_network(network: FloatNetwork, sample: NDArray[np.generic]) -> FloatRecording:
    """Run one sample (steps, *shape) from a blank state, as the framework that wrote the file does."""
    given = torch.as_tensor(np.asarray(sample, dtype=np.float64)).to(network.dtype)
    states = {name: _State(layer, network.dtype) for name, layer in network.neurons.items()}
    before = {source: torch.zeros(network.shapes[source], dtype=network.dtype) for source, _ in network.looping}
    lines = {
        name: torch.zeros((int(node.steps.max()) + 1, *node.shape), dtype=network.dtype)
        for name, node in network.nodes.items()
        if isinstance(node, DelayLayer)
    }
    output: list[Tensor] = []
    spikes: dict[str, list[Tensor]] = {name: [] for name in states}
    voltages: dict[str, list[Tensor]] = {name: [] for name in states}
    for step, row in enumerate(given):
        now: dict[str, Tensor] = {}
        for name, node in network.nodes.items():
            arriving = _arriving(network, name, now, before)
            match node:
                case InputLayer():
                    now[name] = row
                case OutputLayer():
                    now[name] = arriving
                case NeuronLayer():
                    now[name] = states[name].step(arriving)
                    spikes[name].append(states[name].spikes)
                    voltages[name].append(states[name].before_reset)
                case DelayLayer():
                    now[name] = _delayed(lines[name], node, arriving, step)
                case _:
                    now[name] = node.apply(arriving)
        before = {source: now[source] for source in before}
        output.append(now[network.output])
    return FloatRecording(
        torch.stack(output).double().numpy(),
        {name: torch.stack(each).long().numpy() for name, each in spikes.items() if network.neurons[name].fires},
        {name: torch.stack(each).double().numpy() for name, each in voltages.items()},
    )


def _arriving(network: FloatNetwork, name: str, now: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> Tensor:
    total: Tensor | None = None
    for source in network.sources[name]:
        value = before[source] if (source, name) in network.looping else now[source]
        total = value if total is None else total + value
    return torch.zeros(()) if total is None else total


def _delayed(line: Tensor, node: DelayLayer, arriving: Tensor, step: int) -> Tensor:
    length = len(line)
    line[step % length] = arriving
    read = torch.as_tensor((step - node.steps) % length)
    return line.gather(0, read[None])[0]


class _State:
    """A layer's u and v."""

    def __init__(self, layer: NeuronLayer, dtype: torch.dtype) -> None:
        self._layer = layer = layer.to(dtype)
        self._current = torch.zeros(layer.shape, dtype=dtype)
        self._voltage = torch.zeros(layer.shape, dtype=dtype)
        self.spikes = torch.zeros(layer.shape, dtype=dtype)
        self.before_reset = self._voltage

    def step(self, arriving: Tensor) -> Tensor:
        layer = self._layer
        if layer.gain_in is not None and bool((layer.gain_in != 1).any()):
            arriving = layer.gain_in * arriving
        self._current = layer.keep_current * self._current + arriving
        voltage = layer.keep_voltage * self._voltage + layer.gain * self._current
        if bool((layer.bias != 0).any()):
            voltage = voltage + layer.bias
        if layer.reset == "subtract late":
            voltage = voltage - self.spikes * layer.threshold
        elif layer.reset == "zero late":
            voltage = torch.where(self.spikes > 0, torch.zeros_like(voltage), voltage)
        self.before_reset = voltage
        if not layer.fires:
            self._voltage = voltage
            return voltage
        fired = voltage >= layer.threshold if layer.at_threshold else voltage > layer.threshold
        self.spikes = fired.to(voltage.dtype)
        if layer.multispike:
            self.spikes = torch.where(fired, torch.clamp(torch.floor(voltage / layer.threshold), min=1), self.spikes)
        if layer.reset == "zero":
            voltage = torch.where(fired, torch.zeros_like(voltage), voltage)
        elif layer.reset == "subtract":
            voltage = voltage - self.spikes * layer.threshold
        self._voltage = voltage
        return self.spikes
