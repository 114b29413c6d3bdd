"""The integer program of a network that is given samples as an ONNX model: a time step in, a time step out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.program_neurons import ProgramNeurons
from dsf_export.targets.onnx.synapses import entries_of_targets
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.sample import HostMap, SampleOutput, SampleProgram

INPUT, OUTPUT = "input", "output"


def sample_model(program: SampleProgram, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """One time step of a loihi program.

    ``input`` (1, *shape) are its spikes, 0 or 1 in bytes, or its values in float64, which the graph turns into
    currents. ``output`` (1, *output_shape) are spikes, 0 or 1, or membranes in real units, float64; those of an input
    come ``program.latency`` calls later. Every other input X is a state, 0 before a sample, and its next value is
    ``next.X``.
    """
    step = program.for_steps(1)
    graph = GraphBuilder(step.name)
    encoder = step.encoder
    kind = np.uint8 if encoder.kind == "spikes" else np.float64
    given = graph.input(INPUT, kind, (1, *encoder.shape))
    flat = graph.op("Reshape", given, graph.constant(np.array([1, encoder.features], np.int64)))
    if encoder.kind == "spikes":
        brought = _shared_out(graph, step, flat)
    else:
        brought = {host_map.node: _current(graph, host_map, flat) for host_map in encoder.maps}
    neurons = ProgramNeurons(graph, step, brought, INJECTION_LIMIT)
    neurons.run()
    graph.begin(OUTPUT)
    shaped = graph.op("Reshape", _output(graph, step, neurons), _shape(graph, (1, *step.output_shape)))
    graph.output(OUTPUT, shaped, np.float64, (1, *step.output_shape))
    return graph.model(metadata)


def _shared_out(graph: GraphBuilder, program: SampleProgram, flat: str) -> dict[str, str]:
    """A row of spikes, shared out among the nodes that are given them."""
    names, sizes = [node.name for node in program.inputs], [node.size for node in program.inputs]
    if len(names) == 1:
        return {names[0]: flat}
    parts = graph.split_op("Split", len(names), flat, graph.constant(np.array(sizes, np.int64)), axis=1)
    return dict(zip(names, parts, strict=True))


def _current(graph: GraphBuilder, host_map: HostMap, values: str) -> str:
    """``rint(scale·(A x + b))`` as integers, each sum in the order of A's entries, and its delay."""
    graph.begin(host_map.node)
    size = len(host_map.bias)
    places = entries_of_targets(host_map.target_index, size)
    weight = np.where(places < 0, 0.0, np.append(host_map.weight, 0.0)[places])
    source = np.append(host_map.source_index, 0)[places]
    row = graph.op("Reshape", values, graph.constant(np.array([-1], np.int64)))
    products = graph.op("Mul", graph.op("Gather", row, graph.constant(source, np.int64)), graph.constant(weight))
    current = graph.op("Add", _running_sum(graph, products, places.shape[1]), graph.constant(host_map.bias, np.float64))
    scaled = graph.op("Round", graph.op("Mul", current, graph.constant(host_map.scale, np.float64)))
    ends = (graph.constant(end, np.float64) for end in (-INJECTION_LIMIT, INJECTION_LIMIT))
    integers = graph.cast(graph.op("Clip", scaled, *ends), np.int32)
    now = graph.op("Reshape", integers, _shape(graph, (1, size)))
    return _later(graph, host_map, now, size) if host_map.delay else now


def _running_sum(graph: GraphBuilder, products: str, count: int) -> str:
    """Each row's sum from left to right, (rows,)."""
    sums = graph.op("CumSum", products, graph.constant(1, np.int64))
    return graph.op("Gather", sums, graph.constant(count - 1, np.int64), axis=1)


def _later(graph: GraphBuilder, host_map: HostMap, now: str, size: int) -> str:
    """The current of ``host_map.delay`` time steps ago, of which the states are the last ones, oldest first."""
    name, shape = f"waiting.{host_map.node}", (host_map.delay, size)
    waiting = graph.input(name, np.int32, shape)
    line = graph.op("Concat", waiting, now, axis=0)
    lengths = graph.constant(np.array([1, host_map.delay], np.int64))
    oldest, later = graph.split_op("Split", 2, line, lengths, axis=0)
    graph.output(f"next.{name}", later, np.int32, shape)
    return oldest


def _output(graph: GraphBuilder, program: SampleProgram, neurons: ProgramNeurons) -> str:
    """All that is read, flat and in its order."""
    parts = [_read(graph, program, output, neurons) for output in program.outputs]
    together = parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1)
    order = np.argsort(np.concatenate([output.places for output in program.outputs]))
    if np.array_equal(order, np.arange(len(order))):
        return together
    return graph.op("Gather", together, graph.constant(order, np.int64), axis=1)


def _read(graph: GraphBuilder, program: SampleProgram, output: SampleOutput, neurons: ProgramNeurons) -> str:
    if output.quantity == "spikes":
        return graph.cast(neurons.spikes(output.node), np.float64)
    node = program.node(output.node)
    assert isinstance(node, Lif)
    real = graph.cast(neurons.voltage(node), np.float64)
    return graph.op("Mul", real, graph.constant(output.inverse_scale, np.float64))


def _shape(graph: GraphBuilder, shape: Sequence[int]) -> str:
    return graph.constant(np.array(shape, np.int64))
