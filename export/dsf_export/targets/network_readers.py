"""A network of another framework as a NIR file that one framework reads, and gives the same spikes.

The network is taken in floating point, as its own writer runs it. Readers differ in what they assume
(`NETWORK_READERS`): the time step, the reset, the comparison, several spikes a time step. Where a network's conventions
are the reader's, its numbers are written so that the reader computes them; where they are not, the node is named. With
a reset to zero, ``≥`` and ``>`` are each other's by the next number of float32 as the threshold. A gain on what
arrives, which readers take in different ways or not at all, goes into the threshold.

Nodes stand in alphabetical order as they follow one another, an Affine has a bias, every parameter is an array of its
layer's shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.hdf5 import atomic_image
from dsf_export.namespace import NAMESPACE
from dsf_export.sources.conventions import Compare, Reset
from dsf_export.sources.float_network import (
    DelayLayer,
    FloatNetwork,
    InputLayer,
    NetworkNode,
    NeuronLayer,
    OutputLayer,
    ResetRule,
)
from dsf_export.sources.layers import Affine, Convolution, Flatten, Pool
from dsf_export.targets.nir import READER
from dsf_export.targets.nir_readers import Reader, find_reader, require_chain, require_same, without_reset
from neuro_runtime.program.kernel import Shape

Array = NDArray[Any]
_RESETS: Mapping[ResetRule, str] = {
    "zero": "reset to 0",
    "zero late": "are held at 0 for the whole step after a spike",
    "subtract": "take the threshold off",
    "subtract late": "take the threshold off a step later",
}
COMMON = frozenset({"Affine", "Conv2d", "Flatten", "LIF"})


@dataclass(frozen=True)
class NetworkReader:
    """How a framework reads the nodes of a network.

    Attributes
    ----------
    dt
        Its time step; 1 where it takes ``tau`` in time steps.
    reset, compare, multispike
        What its neurons do.
    kinds
        NIR's nodes that it reads and computes right.
    exponential
        Whether a step keeps exp(−dt/τ), and adds all that arrives; else 1 − dt/τ.
    reads_gain
        Whether an input is multiplied by ``r dt / tau``; else by ``dt / tau``, whatever ``r`` says.
    one_tau, one_threshold
        Whether all neurons of a node must have one.
    grouped
        Whether it takes convolutions in groups.
    preset
        Options of a source that say more than dt, reset and compare do; empty where these three are all.
    """

    name: str
    dt: float
    reset: Reset
    compare: Compare
    kinds: frozenset[str]
    preset: tuple[str, ...] = ()
    multispike: bool = False
    exponential: bool = False
    reads_gain: bool = True
    one_tau: bool = False
    one_threshold: bool = False
    grouped: bool = True

    @property
    def file(self) -> Reader:
        """The format of a file that it reads."""
        return find_reader(self.name)

    @property
    def options(self) -> tuple[str, ...]:
        """Those by which `dsf_export.sources` reads such a file as the framework does."""
        return self.preset or (f"dt={self.dt}", f"reset={self.reset}", f"compare={self.compare}")

    @property
    def number(self) -> type:
        """The type that its parameters keep."""
        return np.float32 if self.exponential or not self.reads_gain else np.float64


_SNNTORCH = NetworkReader("snntorch", 1e-4, "zero", "gt", COMMON | {"AvgPool2d"}, one_threshold=True)
NETWORK_READERS: Mapping[str, NetworkReader] = {
    reader.name: reader
    for reader in (
        _SNNTORCH,
        NetworkReader(
            "spikingjelly",
            1e-4,
            "zero",
            "ge",
            COMMON | {"Conv1d", "AvgPool2d", "IF", "CubaLIF"},
            one_tau=True,
            one_threshold=True,
            grouped=False,
        ),
        NetworkReader(
            "norse",
            1e-3,
            "zero",
            "gt",
            COMMON | {"CubaLIF", "SumPool2d"},
            reads_gain=False,
        ),
        replace(_SNNTORCH, name="nir104"),
        NetworkReader(
            "sinabs",
            1.0,
            "subtract",
            "ge",
            COMMON | {"SumPool2d", "LI"},
            preset=("from=sinabs", "norm_input=false"),
            multispike=True,
            exponential=True,
        ),
    )
}


def find_network_reader(name: str) -> NetworkReader:
    """The reader called ``name``.

    Raises
    ------
    UserError
        There is none, or none of its neurons does what a network's can.
    """
    reader = find_reader(name)
    if reader.name not in NETWORK_READERS:
        raise UserError(f"{reader.name} reads no network with its spikes: it {reader.otherwise}")
    return NETWORK_READERS[reader.name]


def network_graph(network: FloatNetwork, reader: NetworkReader) -> nir.NIRGraph:
    """The graph of a float network for ``reader``.

    Raises
    ------
    UserError
        A node does not fit the reader.
    """
    if network.looping:
        source, target = min(network.looping)
        raise UserError(f"{source} -> {target} is a loop, and {reader.name} reads none right")
    names = names_for(network)
    nodes, edges = dict[str, nir.NIRNode](), list[tuple[str, str]]()
    for name, node in network.nodes.items():
        sources = network.sources.get(name, ())
        arriving = network.shapes[sources[0]] if sources else network.shapes[name]
        nodes[names[name]] = _node(name, node, arriving, reader)
        edges += [(names[source], names[name]) for source in sources]
    if reader.file.chains:
        require_chain(edges, reader.file, "")
    about = {
        READER: reader.name,
        "dt": reader.dt,
        "reset": reader.reset,
        "compare": reader.compare,
        "loops": "none",
        "network": network.name,
    }
    return nir.NIRGraph(nodes, edges, metadata={NAMESPACE: about})


def write_network_for(network: FloatNetwork, reader: NetworkReader, path: Path) -> None:
    """Write a network for ``reader``, atomically, and see that it is read back as it was written.

    Raises
    ------
    UserError
        As :func:`network_graph`.
    GateFailed
        ``nir`` reads another graph.
    """
    graph = network_graph(network, reader)
    with atomic_image(path) as image:
        nir.write(image, graph)
        if reader.file.old_format:
            without_reset(image)
        require_same(nir.read(image), graph)


def names_for(network: FloatNetwork) -> dict[str, str]:
    """The name of each node in the graph; the input comes first in the alphabet and the output last."""
    names = {name: f"n{place:03d}_{re.sub(r'[^0-9A-Za-z]', '_', name)}" for place, name in enumerate(network.nodes)}
    return names | {network.input: "input", network.output: "output"}


def _node(name: str, node: NetworkNode, arriving: Shape, reader: NetworkReader) -> nir.NIRNode:
    kind, made = _converted(name, node, arriving, reader)
    if kind not in reader.kinds | {"Input", "Output"}:
        raise UserError(f"node {name} does not fit: {reader.name} reads no {kind}, or not right")
    return made


def _converted(name: str, node: NetworkNode, arriving: Shape, reader: NetworkReader) -> tuple[str, Any]:
    """The node's kind in NIR, and itself."""
    match node:
        case InputLayer():
            return "Input", nir.Input(np.array(node.shape))
        case OutputLayer():
            return "Output", nir.Output(np.array(node.shape))
        case NeuronLayer():
            return _neurons(name, node, reader)
        case DelayLayer():
            return "Delay", None
        case Affine():
            weight = _single(node.weight)
            return "Affine", nir.Affine(weight, _bias(node))
        case Convolution():
            return _convolution(name, node, arriving, reader)
        case Pool():
            if any(node.padding):
                raise UserError(f"{name} pads its windows, which {reader.name} does not, or otherwise")
            lengths = (np.array(each) for each in (node.kernel, node.stride, node.padding))
            return ("AvgPool2d", nir.AvgPool2d(*lengths)) if node.mean else ("SumPool2d", nir.SumPool2d(*lengths))
        case Flatten():
            return "Flatten", nir.Flatten({"input": np.array(arriving)}, node.start, node.end)
        case _:
            return type(node).__name__, None


def _convolution(name: str, node: Convolution, arriving: Shape, reader: NetworkReader) -> tuple[str, Any]:
    if node.groups > 1 and not reader.grouped:
        raise UserError(f"{name} is a convolution in {node.groups} groups, which {reader.name} refuses")
    weight = _single(node.weight)
    bias = _bias(node)
    if node.axes == 1:
        numbers = (node.stride[0], node.padding[0], node.dilation[0])
        return "Conv1d", nir.Conv1d(arriving[1], weight, *numbers, node.groups, bias)
    return "Conv2d", nir.Conv2d(arriving[1:], weight, node.stride, node.padding, node.dilation, node.groups, bias)


def _neurons(name: str, layer: NeuronLayer, reader: NetworkReader) -> tuple[str, Any]:
    _require_conventions(name, layer, reader)
    keep_current, keep, gain, bias, threshold = (
        np.asarray(each.double().numpy())
        for each in (layer.keep_current, layer.keep_voltage, layer.gain, layer.bias, layer.threshold)
    )
    if layer.gain_in is not None:
        gain = gain * layer.gain_in.double().numpy()
    if not layer.fires and "LI" not in reader.kinds:
        raise UserError(f"{name} does not fire, and {reader.name} reads no such neurons (LI)")
    if bias.any():
        raise UserError(f"{name} leaks to another value than 0, which {reader.name} does not read")
    if not layer.fires and (gain != 1).any():
        raise UserError(f"{name} is read by a membrane with a gain, which {reader.name} does not take")
    if (gain <= 0).any():
        raise UserError(f"{name} has a gain that is not positive, for which {reader.name} has no number")
    threshold = np.asarray(threshold / gain)
    if not (reader.reads_gain or keep_current.any()):  # what arrives is taken in a share, and v is counted in it
        threshold = threshold * (1 - keep)
    threshold = _compared_as(threshold, layer, reader)
    if reader.one_threshold and np.ptp(threshold) > 0:
        raise UserError(f"{name} has several thresholds for what arrives, and {reader.name} takes one")
    if reader.one_tau and (np.ptp(keep) > 0 or np.ptp(keep_current) > 0):
        raise UserError(f"{name} has several time constants, and {reader.name} takes one a node")
    return _neurons_of(name, layer, reader, _Numbers(keep_current, keep, threshold))


@dataclass(frozen=True, eq=False)
class _Numbers:
    """Shares that a step keeps of u and v, and the threshold of what arrives."""

    keep_current: Array
    keep: Array
    threshold: Array


def _neurons_of(name: str, layer: NeuronLayer, reader: NetworkReader, numbers: _Numbers) -> tuple[str, Any]:
    keep = numbers.keep
    threshold: Array = numbers.threshold.astype(reader.number)
    if (keep == 1).all() and not numbers.keep_current.any():
        return "IF", nir.IF(r=np.full_like(threshold, 1 / reader.dt), v_threshold=threshold)
    tau, nothing = _time_constant(name, keep, reader), np.zeros_like(threshold)
    r = np.ones_like(tau) if reader.exponential else tau / reader.dt
    if not layer.fires:
        return "LI", nir.LI(tau=tau, r=r, v_leak=nothing)
    if not numbers.keep_current.any():
        r = r if reader.reads_gain else np.ones_like(tau)
        return "LIF", nir.LIF(tau=tau, r=r, v_leak=nothing, v_threshold=threshold)
    tau_syn = _time_constant(name, numbers.keep_current, reader)
    both = {"tau_mem": tau, "r": r, "tau_syn": tau_syn, "w_in": tau_syn / reader.dt}
    return "CubaLIF", nir.CubaLIF(**both, v_leak=nothing, v_threshold=threshold)


def _require_conventions(name: str, layer: NeuronLayer, reader: NetworkReader) -> None:
    if not layer.fires:
        return
    if layer.reset != reader.reset:
        ours, theirs = _RESETS[layer.reset], _RESETS[reader.reset]
        raise UserError(f"node {name} does not fit: its neurons {ours}, and those of {reader.name} {theirs}")
    if layer.multispike != reader.multispike:
        several = "several spikes", "one spike"
        ours, theirs = several if layer.multispike else several[::-1]
        raise UserError(
            f"node {name} does not fit: its neurons fire {ours} in a time step, and those of {reader.name} {theirs}"
        )
    if layer.reset == "subtract" and layer.at_threshold != (reader.compare == "ge"):
        raise UserError(
            f"node {name} does not fit: at its threshold it {'fires' if layer.at_threshold else 'does not fire'}, and "
            f"{reader.name} {'fires' if reader.compare == 'ge' else 'does not'}"
        )


def _compared_as(threshold: Array, layer: NeuronLayer, reader: NetworkReader) -> Array:
    """The threshold at which the reader's comparison is the layer's: another one of float32 where they differ."""
    if layer.at_threshold == (reader.compare == "ge"):
        return threshold
    towards = -np.inf if layer.at_threshold else np.inf
    return np.nextafter(threshold.astype(np.float32), np.float32(towards)).astype(np.float64)


def _time_constant(name: str, keep: Array, reader: NetworkReader) -> Array:
    """The τ of which a step of the reader keeps ``keep``."""
    if (keep == 1).any():
        raise UserError(f"{name} never decays in part, or beside a synaptic current, for which NIR has no node")
    if (keep == 0).any() and (reader.exponential or reader.one_tau):
        raise UserError(f"{name} forgets at once (tau = dt), which {reader.name} refuses")
    tau: Array = -reader.dt / np.log(keep) if reader.exponential else reader.dt / (1 - keep)
    return tau.astype(reader.number)


def _bias(node: Affine | Convolution) -> Array:
    return np.zeros(len(node.weight), np.float32) if node.bias is None else _single(node.bias)


def _single(values: Any) -> Array:
    single: Array = values.double().numpy().astype(np.float32)
    return single
