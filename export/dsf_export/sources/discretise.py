"""From what a NIR file says in continuous time to neurons that step: the equations of each kind of node, Euler's steps.

LIF: ``τ dv/dt = v_leak − v + r·i``, so a step keeps ``1 − dt/τ`` of v and adds ``r·dt/τ`` of what arrives. CubaLIF:
``τ_syn du/dt = −u + w_in·i``, likewise. IF: ``dv/dt = r·i``. Frameworks that step by the exact solution keep
``exp(−dt/τ)`` instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
    ResetRule,
)
from dsf_export.sources.layers import Affine, Convolution, Flatten, Layer, Pool, Scale
from dsf_export.sources.loops import looping_edges, order
from dsf_export.sources.source_graph import SourceGraph, SourceNode
from neuro_runtime.program.kernel import Shape

Array = NDArray[np.float64]
NEURONS = ("LIF", "IF", "LI", "CubaLIF", "CubaLI", "Threshold")
_ONE = 2e-7  # float32 parameters whose quotient is 1 in float64 up to this


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
        origin={line.partition(" = ")[0]: line.partition(" = ")[2] for line in conventions.described()},
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
            layer = _neurons(node, arriving, conventions, feeds_itself)
            return layer, layer.shape
        if node.kind == "Delay":
            return _delay(node, arriving, conventions), arriving
        stateless = _LAYERS[node.kind](node.parameters)
        return stateless, stateless.shape_after(arriving)
    except UserError as problem:
        raise UserError(f"{node.name}, a {node.kind}: {problem}") from problem


def _affine(parameters: Mapping[str, NDArray[Any]]) -> Layer:
    weight = _floats(parameters["weight"])
    if weight.dim() == 1:
        weight = weight[None]
    if weight.dim() != 2:
        raise UserError(f"weights of shape {tuple(weight.shape)}, where a matrix is covered")
    bias = _floats(parameters["bias"]).reshape(-1) if "bias" in parameters else None
    if bias is not None and bias.numel() == 1:
        bias = bias.expand(weight.shape[0])
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise UserError(f"a bias of {bias.shape[0]} numbers beside {weight.shape[0]} rows of weights")
    return Affine(weight, bias)


def _convolution(axes: int) -> Callable[[Mapping[str, NDArray[Any]]], Layer]:
    def make(parameters: Mapping[str, NDArray[Any]]) -> Layer:
        weight = _floats(parameters["weight"])
        if weight.dim() != axes + 2:
            raise UserError(f"a kernel of shape {tuple(weight.shape)}, where {axes + 2} dimensions are covered")
        stride, dilation = _pair(parameters["stride"], axes, 1), _pair(parameters["dilation"], axes, 1)
        groups = int(parameters["groups"].reshape(-1)[0]) if parameters["groups"].size else 1
        bias = _floats(parameters["bias"]).reshape(-1)
        if groups < 1 or weight.shape[0] % groups:
            raise UserError(f"{groups} groups do not divide {weight.shape[0]} channels")
        if bias.numel() not in (1, weight.shape[0]):
            raise UserError(f"a bias of {bias.numel()} numbers for {weight.shape[0]} channels")
        padding = _padding(parameters["padding"], weight, stride, dilation)
        return Convolution(weight, bias.expand(weight.shape[0]).contiguous(), stride, padding, dilation, groups)

    return make


def _padding(given: NDArray[Any], weight: Tensor, stride: Shape, dilation: Shape) -> Shape:
    if given.dtype.kind not in "US" and given.dtype.kind != "O":
        return _pair(given, len(stride), 0)
    word = str(given.reshape(-1)[0])
    if word == "valid":
        return (0,) * len(stride)
    spans = [step * (int(width) - 1) for step, width in zip(dilation, weight.shape[2:], strict=True)]
    if word != "same" or any(step != 1 for step in stride) or any(span % 2 for span in spans):
        raise UserError(f"the padding {word!r} is not covered for this kernel and stride")
    return tuple(span // 2 for span in spans)


def _pool(mean: bool) -> Callable[[Mapping[str, NDArray[Any]]], Layer]:
    def make(parameters: Mapping[str, NDArray[Any]]) -> Layer:
        return Pool(
            _pair(parameters["kernel_size"], 2, 1),
            _pair(parameters["stride"], 2, 1),
            _pair(parameters["padding"], 2, 0),
            mean,
        )

    return make


def _flatten(parameters: Mapping[str, NDArray[Any]]) -> Layer:
    return Flatten(int(parameters["start_dim"].reshape(-1)[0]), int(parameters["end_dim"].reshape(-1)[0]))


_LAYERS: Mapping[str, Callable[[Mapping[str, NDArray[Any]]], Layer]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "SumPool2d": _pool(mean=False),
    "AvgPool2d": _pool(mean=True),
    "Flatten": _flatten,
    "Scale": lambda parameters: Scale(_floats(parameters["scale"])),
}


def _delay(node: SourceNode, arriving: Shape, conventions: Conventions) -> DelayLayer:
    delay = _full(node.parameters["delay"], arriving)
    steps = delay / conventions.dt
    if (delay < 0).any():
        raise UserError(f"a delay of {delay.min():g} is negative")
    if not np.allclose(steps, np.rint(steps), atol=1e-3) or steps.max() > 10_000:
        raise UserError(f"a delay of {delay.max():g} is no whole number of steps of {conventions.dt:g}, up to 10,000")
    return DelayLayer(arriving, np.rint(steps).astype(np.int64))


def _neurons(node: SourceNode, arriving: Shape, conventions: Conventions, feeds_itself: bool) -> NeuronLayer:
    parameters, dt = node.parameters, conventions.dt
    sizes = [value.shape for value in parameters.values() if value.size > 1]
    shape = arriving
    if sizes and math.prod(sizes[0]) != math.prod(arriving):
        raise UserError(f"its parameters have the shape {sizes[0]}, and {list(arriving)} reaches it")

    def full(key: str, default: float = 0.0) -> Array:
        return _full(parameters[key], shape) if key in parameters else np.full(shape, default)

    keep_current, gain_in, gain = np.zeros(shape), np.ones(shape), full("r", 1.0)
    keep, leak, threshold = np.ones(shape), np.zeros(shape), full("v_threshold", 1.0)
    match node.kind:
        case "Threshold":
            keep, threshold = np.zeros(shape), full("threshold")
        case "IF":
            gain = np.ones(shape) if conventions.whole_integral else gain * dt
        case _:
            tau = full("tau" if node.kind in ("LIF", "LI") else "tau_mem")
            keep = _kept(tau, conventions)
            gain, leak = _gain(gain * dt / tau, keep, conventions), (1 - keep) * full("v_leak")
            if node.kind in ("CubaLIF", "CubaLI"):
                tau_syn = full("tau_syn")
                keep_current = _kept(tau_syn, conventions)
                gain_in = keep_current if conventions.decays_input else _near_one(full("w_in", 1.0) * dt / tau_syn)
                gain_in = np.ones(shape) if conventions.whole_current else gain_in
                gain = np.ones(shape) if conventions.decays_input else gain
    fires = node.kind not in ("LI", "CubaLI")
    reset_to = full("v_reset")
    if (reset_to != 0).any():
        if not conventions.at_rest:
            raise UserError(
                f"v_reset is {reset_to.max():g} and the file does not say at which v a sample begins; "
                "from=spikingjelly begins at v_reset"
            )
        leak = leak - (1 - keep) * reset_to
        threshold = threshold - reset_to
    if fires and (threshold <= 0).any():
        raise UserError(f"its threshold {threshold.min():g} is not above its reset")
    rule: ResetRule = "zero"
    if conventions.reset == "zero" and conventions.late_zero and (node.kind == "CubaLIF" or feeds_itself):
        rule = "zero late"
    if conventions.reset == "subtract" and node.kind != "Threshold":
        rule = "subtract late" if conventions.late_subtract else "subtract"
    return NeuronLayer(
        shape=shape,
        keep_current=_rounded(keep_current),
        keep_voltage=_rounded(keep),
        gain=_rounded(gain),
        bias=_rounded(leak),
        threshold=_rounded(threshold),
        fires=fires,
        reset=rule if fires else "zero",
        at_threshold=conventions.compare == "ge" and node.kind != "Threshold",
        multispike=conventions.multispike and fires and node.kind != "Threshold",
        gain_in=_rounded(gain_in),
    )


def _kept(tau: Array, conventions: Conventions) -> Array:
    """The share of a state that a step leaves."""
    if not np.isfinite(tau).all():
        raise UserError("a time constant is infinite: such neurons never decay; write an IF, or give a finite one")
    if (tau <= 0).any():
        raise UserError(f"a time constant of {tau.min():g} is not positive")
    dt = conventions.dt
    if (tau < dt * (1 - 1e-6)).any():
        raise UserError(f"a time constant of {tau.min():g} is below the time step dt={dt:g}")
    return np.exp(-dt / tau) if conventions.exponential else np.maximum(1 - dt / tau, 0)


def _gain(by_file: Array, kept: Array, conventions: Conventions) -> Array:
    """The share of an input that a step adds to v."""
    if conventions.decays_input:
        return np.ones_like(kept)
    if conventions.framework != "sinabs":
        return _near_one(by_file)
    if conventions.norm_input is None:
        known = (
            "the file is sinabs's" if conventions.origin["framework"] == "given" else "its numbers look like sinabs's"
        )
        raise UserError(
            f"{known}, which writes neurons that scale their input by 1 − decay and such that do not alike: give "
            "norm_input=true or norm_input=false"
        )
    return 1 - kept if conventions.norm_input else np.ones_like(kept)


def _near_one(value: Array) -> Array:
    """A quotient of float32 numbers that stands for 1 is 1."""
    return np.where(np.abs(value - 1) < _ONE, 1.0, value)


def _full(value: NDArray[Any], shape: Shape) -> Array:
    """A parameter in its layer's shape, where it may be a single number."""
    plain = np.asarray(value, dtype=np.float64)
    if plain.size == 1:
        return np.full(shape, plain.reshape(-1)[0])
    if plain.size != math.prod(shape):
        raise UserError(f"a parameter of shape {plain.shape} beside an input of {list(shape)}")
    return plain.reshape(shape)


def _rounded(value: Array) -> Tensor:
    """Through float32, which the writers compute in: 1 − dt/τ of a float32 τ is then the share that they had."""
    return torch.as_tensor(value.astype(np.float32).astype(np.float64))


def _floats(value: NDArray[Any]) -> Tensor:
    plain = np.ascontiguousarray(value)
    return torch.as_tensor(plain if plain.dtype in (np.float32, np.float64) else plain.astype(np.float32))


def _pair(value: NDArray[Any], axes: int, least: int) -> Shape:
    numbers = [int(each) for each in np.asarray(value).reshape(-1)]
    numbers = numbers * axes if len(numbers) == 1 else numbers
    if len(numbers) != axes or min(numbers) < least or max(numbers) > 10**6:
        raise UserError(f"{numbers} where {axes} numbers from {least} up are needed")
    return tuple(numbers)
