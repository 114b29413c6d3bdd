"""A policy's program as a NIR graph that one framework reads, and gives the same spikes.

A NIR file says nothing of a time step, of what happens at a threshold met exactly, or of how a reader takes its
numbers, and readers take them differently. So there is a form for each (`READERS`), and a program that a reader cannot
hold is refused by the node that does not fit.

All numbers are integers of the program, which float32 adds up without rounding: the graph's input is the encoder's
integer current. Biases are those of ``Affine`` nodes, on in every time step, so a token is T time steps of the same
input with every membrane at 0 before. A threshold lies midway between two values that a membrane can have, so that
``>`` and ``≥`` are the same. Nodes stand in alphabetical order as they follow one another, the input first.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np

from dsf_common.errors import GateFailed, UserError
from dsf_common.hdf5 import atomic_image
from dsf_common.suggestions import suggestion
from dsf_export.arrays import Array
from dsf_export.namespace import NAMESPACE
from dsf_export.targets.nir import READER, graded_refused
from dsf_export.targets.nir_synapses import Synapses, all_synapses, nir_name
from neuro_runtime.program import Program
from neuro_runtime.program.active_time_steps import active_time_steps
from neuro_runtime.program.decay import keeps_current, share_kept, voltage_loss
from neuro_runtime.program.headroom import state_bounds
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Accumulator, And, BiasLine, GradedRelu, Injection, Lif, Neurons

INPUT, OUTPUT = "input", "output"
SINGLE_BITS = 24  # of a number in float32


@dataclass(frozen=True)
class Reader:
    """How a framework reads a NIR file.

    Attributes
    ----------
    dt
        The time step that it takes ``tau`` by, unless told otherwise; 1 where it takes ``tau`` in time steps.
    reads_gain
        Whether it multiplies an input by ``r dt / tau``; else by ``dt / tau``, whatever ``r`` says.
    chains
        Whether it computes right where each node has one node before it and one after it, and only there.
    memoryless
        Whether it takes neurons with ``tau = dt``.
    old_format
        Whether it reads files of nir 1.0.4 alone, which have no ``v_reset``.
    otherwise
        What its neurons do that those of a program do not, where it can hold none of them.
    """

    name: str
    dt: float = 1e-4
    reads_gain: bool = True
    chains: bool = False
    memoryless: bool = True
    old_format: bool = False
    otherwise: str = ""


READERS = {
    reader.name: reader
    for reader in (
        Reader("snntorch"),
        Reader("spikingjelly", memoryless=False),
        Reader("norse", dt=1e-3, reads_gain=False, chains=True),
        Reader("nir104", old_format=True),
        Reader(
            "sinabs",
            old_format=True,
            otherwise="subtracts the threshold where it fires, and fires several spikes in a time step",
        ),
        Reader(
            "spyx", otherwise="compares with the threshold before it adds its input, a time step late in every layer"
        ),
    )
}


def find_reader(name: str) -> Reader:
    """The reader called ``name``, in small letters or large.

    Raises
    ------
    UserError
        There is none; the valid ones are named.
    """
    if name.lower() not in READERS:
        raise UserError(f"unknown reader {name!r}: {suggestion(name.lower(), READERS)}")
    return READERS[name.lower()]


@dataclass
class _Layer:
    """The synapses that reach a node: weights in integers by source, (targets, sources), and a bias, (targets,)."""

    node: Neurons
    weights: dict[str, Array] = field(default_factory=dict)
    bias: Array | float = 0.0


def to_reader(program: Program, reader: Reader) -> nir.NIRGraph:
    """The graph of a loihi program for ``reader``.

    Raises
    ------
    UserError
        The program is not in loihi arithmetic, or a node or connection does not fit the reader.
    """
    if program.arithmetic != "loihi":
        raise UserError(f"a reader gets a program in loihi arithmetic, this one is in {program.arithmetic}")
    layers = _layers(program, reader)
    names = {INPUT: INPUT} | {name: f"n{place:03d}_{name}" for place, name in enumerate(layers)}
    nodes: dict[str, nir.NIRNode] = {INPUT: nir.Input(np.array([program.current_input.size]))}
    edges: list[tuple[str, str]] = []
    for place, (name, layer) in enumerate(layers.items()):
        gain = 1.0
        if isinstance(layer.node, Accumulator):
            nodes[names[name]] = _affine(np.eye(layer.node.size), np.zeros(layer.node.size))
        else:
            nodes[names[name]], gain = _neurons(program, layer.node, reader)
        bias = np.zeros(layer.node.size) + layer.bias
        for number, (source, weight) in enumerate(layer.weights.items()):
            weighed = f"n{place:03d}{number:02d}_{source}_to_{name}"  # in the alphabet just before its target
            nodes[weighed] = _affine(weight * gain, bias * gain)
            bias = np.zeros_like(bias)
            edges += [(names[source], weighed), (weighed, names[name])]
    nodes[OUTPUT] = nir.Output(np.array([program.accumulator.size]))
    edges.append((names[nir_name(program.accumulator)], OUTPUT))
    if reader.chains:
        require_chain(edges, reader, "; one block fits (model.blocks=1)")
    return nir.NIRGraph(nodes, edges, metadata={NAMESPACE: _metadata(program, reader)})


def write_for(program: Program, reader: Reader, path: Path) -> None:
    """Write a loihi program for ``reader``, atomically, and see that it is read back as it was written.

    Raises
    ------
    UserError
        As :func:`to_reader`.
    """
    graph = to_reader(program, reader)
    with atomic_image(path) as image:
        nir.write(image, graph)
        if reader.old_format:
            without_reset(image)
        require_same(nir.read(image), graph)


def without_reset(image: io.BytesIO) -> None:
    """Make a file one of nir 1.0.4, which knows no ``v_reset``."""
    with h5py.File(image, "r+") as file:
        for node in file["node/nodes"].values():
            if "v_reset" in node:
                del node["v_reset"]


def require_same(read: nir.NIRGraph, written: nir.NIRGraph) -> None:
    """Compare a graph with what was written.

    Raises
    ------
    GateFailed
        A node, an edge or a number differs.
    """
    same = set(read.nodes) == set(written.nodes) and set(read.edges) == set(written.edges)
    for name, node in written.nodes.items():
        numbers = {key: value for key, value in vars(node).items() if isinstance(value, np.ndarray)}
        same = same and all(np.array_equal(getattr(read.nodes[name], key), value) for key, value in numbers.items())
    if not same:
        raise GateFailed("the NIR file is not read back as it was written; nothing was written")


def _layers(program: Program, reader: Reader) -> dict[str, _Layer]:
    layers = {nir_name(node): _Layer(node) for node in program.neurons}
    for synapses in all_synapses(program):
        connection = synapses.connection
        source, target = program.node(connection.source), program.node(connection.target)
        if synapses.past.any():
            raise UserError(
                f"{source.name} -> {target.name} looks {int(synapses.past.max())} time steps back, and {reader.name} "
                "reads no delays; a policy without a past fits (model.kind=spiking-mlp)"
            )
        layer, matrix = layers[nir_name(target)], _matrix(synapses)
        if isinstance(source, BiasLine):
            layer.bias = layer.bias + matrix[:, -1]
            continue
        name = INPUT if isinstance(connection, Injection) else nir_name(source)
        weight = matrix[:, : program.current_input.size] if name == INPUT else matrix
        layer.weights[name] = layer.weights.get(name, 0.0) + weight
    return layers


def _matrix(synapses: Synapses) -> Array:
    matrix = np.zeros((synapses.targets, synapses.sources))
    values = synapses.mantissa * 2.0**synapses.connection.exponent
    np.add.at(matrix, (synapses.target_index, synapses.source_index), values)
    return matrix


def _neurons(program: Program, node: Lif | And | GradedRelu, reader: Reader) -> tuple[nir.LIF, float]:
    """The node, and the factor of what reaches it."""
    if isinstance(node, GradedRelu):
        raise graded_refused(node)
    if reader.otherwise:
        raise UserError(f"{node.name} does not fit: {reader.name} {reader.otherwise}")
    lif = node.as_lif("loihi")
    kept = share_kept(voltage_loss(lif)) if isinstance(node, Lif) else 0.0
    if kept == 0 and not reader.memoryless:
        raise UserError(f"{node.name} forgets at once (tau = dt), which {reader.name} refuses")
    grid = _grid(program, node, kept)
    tau = reader.dt / (1 - kept)
    one = np.ones(node.size)
    threshold = node.threshold + (-grid if lif.fires_at_threshold else grid) / 2
    r, gain = (tau / reader.dt, 1.0) if reader.reads_gain else (1.0, 1 / (1 - kept))
    return nir.LIF(tau=one * tau, r=one * r, v_leak=0 * one, v_threshold=one * threshold), gain


def _grid(program: Program, node: Lif | And, kept: float) -> float:
    """The number that every value of a membrane is a multiple of, within a token."""
    if keeps_current(node):
        raise UserError(f"{node.name} keeps a synaptic current, which this form has no node for")
    if kept and not math.log2(kept).is_integer():
        raise UserError(f"{node.name} keeps {kept:g} of its membrane, no power of two, so float32 rounds at thresholds")
    steps = [
        2.0 ** min(connection.exponent + connection.weighted, 0)  # weights are even
        for connection in program.connections_into(node.name)
    ]
    grid = min(steps) * (kept or 1.0) ** (program.active_steps - 1)
    _, largest = state_bounds(program, node, active_time_steps(program))
    if math.log2(max(largest, 1) / 2**CURRENT_SHIFT / grid) + 1 > SINGLE_BITS:
        raise UserError(
            f"{node.name} can reach {largest / 2**CURRENT_SHIFT:g} in steps of {grid:g}, beyond float32's bits"
        )
    return grid


def _affine(weight: Array, bias: Array) -> nir.Affine:
    return nir.Affine(weight.astype(np.float32), bias.astype(np.float32))


def require_chain(edges: list[tuple[str, str]], reader: Reader, remedy: str) -> None:
    """Refuse nodes with several before or after them; ``remedy`` ends the sentence."""
    for end, what in ((1, "gets what several nodes send"), (0, "sends to several nodes")):
        names = [edge[end] for edge in edges]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"{name} {what}, and {reader.name} computes chains alone{remedy}")


def _metadata(program: Program, reader: Reader) -> Mapping[str, Any]:
    """The facts that the file's nodes do not say."""
    inverse = program.readout.inverse_scale * 2**CURRENT_SHIFT
    return {
        READER: reader.name,
        "dt": reader.dt,
        "reset": "zero",
        "compare": "the same for > and ≥",
        "loops": "none",
        "time_steps_a_token": program.active_steps,
        "before_a_token": "every membrane is 0",
        "input": "rint(LayerNorm(W token + b) input_scale), the same in every time step",
        "output": "tanh(sum over the time steps times output_scale, and the host's share of the token)",
        "input_scale": float(program.encoder.input_scale),
        "output_scale": inverse,
        "environment": program.environment,
    }
