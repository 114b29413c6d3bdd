"""From the graph of a NIR file to a float network: what each node is in time steps, the shapes between, the order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from dsf_common.errors import UserError
from dsf_export.sources.conventions import Conventions, SourceOptions, decide
from dsf_export.sources.fingerprint import fingerprint
from dsf_export.sources.float_network import (
    DelayLayer,
    FloatNetwork,
    InputLayer,
    NetworkNode,
    NeuronLayer,
    OutputLayer,
)
from dsf_export.sources.loops import looping_edges, order
from dsf_export.sources.neuron_steps import NEURONS, full_parameter, neuron_layer
from dsf_export.sources.nir_layers import stateless_layer
from dsf_export.sources.source_graph import SourceGraph, SourceNode
from neuro_runtime.program.kernel import Shape


def discretise(graph: SourceGraph, options: SourceOptions, name: str) -> FloatNetwork:
    """The float network of a graph.

    Raises
    ------
    UserError
        A node's parameters have no meaning in time steps, shapes do not fit, or a convention is left open.
    """
    _check_ends(graph)
    timed = graph.of_kind(*NEURONS, "Delay")
    found = fingerprint(graph, options.framework)
    conventions = decide(options, found.framework, found.dt, has_neurons=bool(timed))
    graph, shapes, nodes = _shaped(graph, conventions)
    looping = looping_edges(graph)
    names = order(graph, looping)
    return FloatNetwork(
        name=name,
        nodes={each: nodes[each] for each in names},
        sources={each: tuple(graph.into(each)) for each in names},
        looping=looping,
        shapes=shapes,
        dtype=_dtype(graph),
        notes=graph.notes,
        origin=conventions.described(),
    )


def _check_ends(graph: SourceGraph) -> None:
    inputs = {node.name for node in graph.of_kind("Input")}
    for output in (node.name for node in graph.of_kind("Output")):
        sources = graph.into(output)
        if len(inputs) > 1 and sources and inputs.issuperset(sources):  # NIR gives what nothing leads to an Input
            raise UserError(f"no layer leads to {output}, the output, only {sources[0]}, an input: add an edge to it")
    for kind in ("Input", "Output"):
        found = [node.name for node in graph.of_kind(kind)]
        if len(found) != 1:
            names = f" ({', '.join(found)})" if found else ""
            raise UserError(f"the network has {len(found)} nodes of kind {kind}{names}; one is covered")
    for node in graph.nodes.values():
        if node.kind != "Input" and not graph.into(node.name):
            raise UserError(f"nothing leads to {node.name}")


def _dtype(graph: SourceGraph) -> torch.dtype:
    """That of the weights: frameworks compute in it, whatever the other parameters were written as."""
    kinds = [node.parameters["weight"].dtype for node in graph.nodes.values() if "weight" in node.parameters]
    return torch.float64 if kinds and all(kind == np.float64 for kind in kinds) else torch.float32


@dataclass(frozen=True)
class _Attempt:
    shapes: dict[str, Shape]
    nodes: dict[str, NetworkNode]


def _shaped(
    graph: SourceGraph, conventions: Conventions
) -> tuple[SourceGraph, dict[str, Shape], dict[str, NetworkNode]]:
    """The nodes with their shapes; an input whose type holds a batch or time dimension is tried without it."""
    given = next(iter(graph.of_kind("Input")))
    shape = tuple(int(length) for length in given.parameters["shape"].reshape(-1))
    if not shape or min(shape) < 1 or math.prod(shape) > 10**8:
        raise UserError(f"{given.name} has the shape {shape}")
    dropped, attempt = _first_that_fits(graph, conventions, given.name, shape)
    if dropped:
        graph = graph.with_note(
            f"{given.name} has the type {list(shape)}, which holds a batch or time dimension: read as "
            f"{list(shape[dropped:])}"
        )
    said = next(iter(graph.of_kind("Output")))
    wanted = tuple(int(length) for length in said.parameters["shape"].reshape(-1))
    if wanted != attempt.shapes[said.name]:
        graph = graph.with_note(
            f"{said.name} has the type {list(wanted)}; what reaches it is {list(attempt.shapes[said.name])}"
        )
    return graph, attempt.shapes, attempt.nodes


def _first_that_fits(graph: SourceGraph, conventions: Conventions, entry: str, shape: Shape) -> tuple[int, _Attempt]:
    """The dimensions to drop from the input's type, and what then comes out.

    One in which every layer of neurons gets the shape of its parameters goes before one in which only the numbers fit.
    """
    problem: UserError | None = None
    fitting: list[tuple[int, _Attempt]] = []
    for dropped in range(len(shape)):
        try:
            attempt = _build(graph, conventions, entry, shape[dropped:])
        except UserError as error:
            problem = problem or error
            continue
        if _is_exact(graph, attempt):
            return dropped, attempt
        fitting.append((dropped, attempt))
    if fitting:
        return fitting[0]
    assert problem is not None
    raise problem


def _is_exact(graph: SourceGraph, attempt: _Attempt) -> bool:
    return all(
        value.shape == attempt.shapes[node.name]
        for node in graph.of_kind(*NEURONS)
        for value in node.parameters.values()
        if value.size > 1
    )


def _build(graph: SourceGraph, conventions: Conventions, entry: str, shape: Shape) -> _Attempt:
    """Every node with the shape that comes out of it, sources first; loops take their shape from outside."""
    looping = {source for source, _ in looping_edges(graph)}
    shapes: dict[str, Shape] = {entry: shape}
    nodes: dict[str, NetworkNode] = {entry: InputLayer(shape)}
    waiting = [name for name in graph.nodes if name != entry]
    while waiting:
        ready = [name for name in waiting if any(source in shapes for source in graph.into(name))]
        if not ready:
            raise UserError(f"nothing leads from the input to {', '.join(sorted(waiting))}")
        for name in ready:
            arriving = next(shapes[source] for source in graph.into(name) if source in shapes)
            nodes[name], shapes[name] = _node(graph.nodes[name], arriving, conventions, name in looping)
            waiting.remove(name)
    for source, target in graph.edges:
        _must_agree(graph, nodes, shapes, source, target)
    return _Attempt(shapes, nodes)


def _must_agree(
    graph: SourceGraph, nodes: Mapping[str, NetworkNode], shapes: Mapping[str, Shape], source: str, target: str
) -> None:
    first = next(each for each in graph.into(target) if each in shapes)
    expected, given = shapes[first], shapes[source]
    node = nodes[target]
    if isinstance(node, NeuronLayer | OutputLayer | DelayLayer):
        expected = node.shape
    if given != expected and math.prod(given) != math.prod(expected):
        raise UserError(f"{source} gives {list(given)}, and {target} takes {list(expected)}")


def _node(node: SourceNode, arriving: Shape, conventions: Conventions, feeds_itself: bool) -> tuple[NetworkNode, Shape]:
    try:
        if node.kind == "Output":
            return OutputLayer(arriving), arriving
        if node.kind in NEURONS:
            return neuron_layer(node, arriving, conventions, feeds_itself), arriving
        if node.kind == "Delay":
            return _delay(node, arriving, conventions), arriving
        stateless = stateless_layer(node)
        return stateless, stateless.shape_after(arriving)
    except UserError as problem:
        raise UserError(f"{node.name}, a {node.kind}: {problem}") from problem


def _delay(node: SourceNode, arriving: Shape, conventions: Conventions) -> DelayLayer:
    delay = full_parameter(node.parameters["delay"], arriving)
    steps = delay / conventions.dt
    if (delay < 0).any():
        raise UserError(f"a delay of {delay.min():g} is negative")
    if not np.allclose(steps, np.rint(steps), atol=1e-3) or steps.max() > 10_000:
        raise UserError(f"a delay of {delay.max():g} is no whole number of steps of {conventions.dt:g}, up to 10,000")
    return DelayLayer(arriving, np.rint(steps).astype(np.int64))
